"""Uploads that are refused, and leave nothing behind."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.conftest import OpenClient
from api.expect import expect_problem, expect_stored
from api.samples import HTML, SVG, noise_png, picture, png_header
from knote.settings import Settings

PICTURES = "/api/v1/pictures"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def part(data: bytes, disposition: bytes = b'form-data; name="file"; filename="a.png"') -> bytes:
    """One part of a multipart body, without the end of the body."""
    return b"--b\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + data + b"\r\n"


NO_PICTURES = {
    "empty": (b"", 422),
    "cut PNG": (picture()[:-20], 422),
    "half a JPEG": (picture("JPEG", (600, 400))[:2000], 422),
    "half a GIF": (picture("GIF")[:60], 422),
    "half a WebP": (picture("WEBP")[:60], 422),
    "half an AVIF": (picture("AVIF")[:200], 422),
    "a signature alone": (b"\x89PNG\r\n\x1a\n", 422),
    "60,000 x 60,000": (png_header(60_000, 60_000), 422),
    "2^31 x 2^31": (png_header(2**31 - 1, 2**31 - 1), 422),
    "no area": (png_header(0, 0), 422),
    "fewer pixels than promised": (png_header(2000, 2000), 422),
    "text": (b"hello, I am no picture", 415),
    "HTML": (HTML, 415),
    "SVG with a script": (SVG, 415),
    "zeros": (b"\0" * 5000, 415),
    "one byte": (b"\x89", 415),
    "PDF": (b"%PDF-1.7\n", 415),
    "BMP": (b"BM" + b"\0" * 60, 415),
    "HTML after a GIF signature": (b"GIF89a" + HTML, 422),
}


async def test_what_is_no_picture_is_refused_whatever_it_is_called(
    client: httpx.AsyncClient, settings: Settings, subtests: pytest.Subtests
) -> None:
    for name, (data, status) in NO_PICTURES.items():
        with subtests.test(name):
            answer = await client.post(PICTURES, files={"file": ("image.png", data, "image/png")})
            expect_problem(
                answer, status, "invalid" if status == 422 else "unsupported-picture", without="alert"
            )
    await expect_stored(settings)


async def test_too_many_pixels_are_refused(open_client: OpenClient, settings: Settings) -> None:
    async with open_client(max_picture_pixels=10_000) as client:
        fits = await client.post(PICTURES, files={"file": picture(size=(100, 100))})
        assert fits.status_code == 201
        answer = await client.post(PICTURES, files={"file": picture(size=(101, 100))})
        expect_problem(answer, 422, "invalid")
    await expect_stored(settings, pictures=1)


async def test_too_large_a_body_is_refused_declared_or_chunked(
    open_client: OpenClient, settings: Settings
) -> None:
    body = part(noise_png(100)) + b"--b--\r\n"

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    async with open_client(max_picture_bytes=1000) as client:
        for content in (body, chunks()):
            answer = await client.post(PICTURES, content=content, headers=MULTIPART)
            assert expect_problem(answer, 413, "content-too-large")["max_bytes"] == 1000 + 16 * 1024
        small = part(b"x" * 2000) + b"--b--\r\n"
        answer = await client.post(PICTURES, content=small, headers=MULTIPART)
        assert expect_problem(answer, 413, "content-too-large")["max_bytes"] == 1000
    await expect_stored(settings)


BAD_FORMS: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "the bytes alone": (picture(), {"Content-Type": "image/png"}),
    "JSON": (b'{"file": "x"}', {"Content-Type": "application/json"}),
    "urlencoded": (b"file=x", {"Content-Type": "application/x-www-form-urlencoded"}),
    "no boundary": (part(picture()), {"Content-Type": "multipart/form-data"}),
    "another boundary": (part(picture()) + b"--b--", {"Content-Type": "multipart/form-data; boundary=c"}),
    "an endless boundary": (b"x", {"Content-Type": f"multipart/form-data; boundary={'b' * 10_000}"}),
    "no parts": (b"--b--\r\n", MULTIPART),
    "broken off in a header": (b"--b\r\nContent-Dispo", MULTIPART),
    "broken off after headers": (part(b"")[:-2], MULTIPART),
    "broken off in the file": (part(picture())[:-30], MULTIPART),
    "no end of the body": (part(picture()), MULTIPART),
    "no name": (part(picture(), b'form-data; filename="a.png"') + b"--b--\r\n", MULTIPART),
    "no disposition": (b"--b\r\n\r\n" + picture() + b"\r\n--b--\r\n", MULTIPART),
    "another name": (part(picture(), b'form-data; name="picture"; filename="a"') + b"--b--\r\n", MULTIPART),
    "a field, no file": (part(b"text", b'form-data; name="file"') + b"--b--\r\n", MULTIPART),
    "two files": (part(picture()) + part(picture(seed=2)) + b"--b--\r\n", MULTIPART),
    "the same file twice": (part(picture()) * 2 + b"--b--\r\n", MULTIPART),
    "2,000 fields": (part(b"x", b'form-data; name="a"') * 2000 + b"--b--\r\n", MULTIPART),
    "2,000 files": (part(b"x", b'form-data; name="a"; filename="a"') * 2000 + b"--b--\r\n", MULTIPART),
    "a header without end": (b"--b\r\n" + b"X-A: " + b"a" * 100_000, MULTIPART),
    "2,000 headers": (b"--b\r\n" + b"X-A: b\r\n" * 2000, MULTIPART),
}


# The form parser forgets the file of a part that never ends; it is closed when it is forgotten.
@pytest.mark.filterwarnings("ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning")
async def test_a_form_without_exactly_one_whole_file_is_refused(
    client: httpx.AsyncClient, settings: Settings, subtests: pytest.Subtests
) -> None:
    for name, (body, headers) in BAD_FORMS.items():
        with subtests.test(name):
            answer = await client.post(PICTURES, content=body, headers=headers)
            unreadable = answer.status_code == 400
            expect_problem(answer, *((400, "bad-request") if unreadable else (422, "invalid")))
    await expect_stored(settings)


FILE_NAMES: list[bytes] = [
    b"image.png",
    b"",
    b"../../../etc/passwd",
    b"..\\\\..\\\\windows",
    b'a\\"b.png',
    b"nul\x00.png",
    b"<script>alert(1)</script>.html",
    b"a" * 3000,
    "测试 😀.png".encode(),
    b"\xff\xfe",
    b"a.png; name=other",
    b"%2e%2e%2f%00",
]


async def test_what_a_file_is_called_does_not_matter(
    client: httpx.AsyncClient, settings: Settings, subtests: pytest.Subtests
) -> None:
    urls = set()
    for name in FILE_NAMES:
        with subtests.test(repr(name[:40])):
            disposition = b'form-data; name="file"; filename="' + name + b'"'
            body = part(picture(), disposition) + b"--b--\r\n"
            answer = await client.post(PICTURES, content=body, headers=MULTIPART)
            assert answer.status_code in {200, 201}, answer.text
            urls.add(answer.json()["url"])
    assert len(urls) == 1
    served = await client.get(urls.pop())
    assert "content-disposition" not in served.headers
    await expect_stored(settings, pictures=1)


async def test_a_file_name_of_ten_thousand_characters_is_no_problem_or_a_clear_one(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    answer = await client.post(PICTURES, files={"file": ("a" * 10_000, picture())})
    taken = answer.status_code == 201
    if not taken:
        expect_problem(answer, 400, "bad-request")
    await expect_stored(settings, pictures=int(taken))


async def test_a_refused_upload_is_not_in_the_way_of_a_good_one(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    data = picture()
    files: dict[str, Any] = {"file": ("a.png", data[:-20])}
    expect_problem(await client.post(PICTURES, files=files), 422, "invalid")
    assert (await client.post(PICTURES, files={"file": ("a.png", data)})).status_code == 201
    await expect_stored(settings, pictures=1)
