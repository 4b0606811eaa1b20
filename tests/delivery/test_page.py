"""The page through web: caching, compression, and headers on whatever is answered."""

import gzip
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.expect import expect_problem
from delivery.web import PAGE, SCRIPT, Web
from deploy.tools import run
from knote.local.spa import security_headers
from knote.settings import Settings


@pytest.fixture
async def page(bare_web: Web) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a web whose API is away."""
    async with bare_web.open() as client:
        yield client


async def test_the_page_is_asked_for_again_each_time_and_its_parts_never(page: httpx.AsyncClient) -> None:
    for path in ("/", "/index.html", "/notes/abc", "/any/deep/link", "/assets", "/livezoo", "/apical"):
        answer = await page.get(path)
        assert (answer.status_code, answer.content) == (200, PAGE), path
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        again = await page.get(path, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    script = await page.get("/assets/app-1a2b.js")
    assert (script.status_code, script.content) == (200, SCRIPT)
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    manifest = await page.get("/manifest.webmanifest")
    assert manifest.headers["content-type"].startswith("application/manifest+json")


async def test_an_asset_that_is_gone_is_a_true_404_that_nobody_keeps(page: httpx.AsyncClient) -> None:
    for path in ("/assets/app-old.js", "/assets/", "/assets/deep/x.css"):
        answer = await page.get(path)
        assert answer.status_code in {403, 404}
        assert "immutable" not in answer.headers.get("cache-control", "")
        assert PAGE not in answer.content


async def test_packed_files_are_sent_to_who_can_unpack_them(page: httpx.AsyncClient) -> None:
    for path, data in (("/", PAGE), ("/assets/app-1a2b.js", SCRIPT)):
        async with page.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
            raw = b"".join([chunk async for chunk in packed.aiter_raw()])
        assert packed.headers["content-encoding"] == "gzip"
        assert raw == gzip.compress(data) or gzip.decompress(raw) == data
        plain = await page.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
        assert plain.content == data


async def test_every_answer_carries_the_headers_of_local_mode(page: httpx.AsyncClient, bare_web: Web) -> None:
    expected = security_headers(bare_web.page)
    assert expected["Content-Security-Policy"].count("'sha256-") == 2
    for method, path in (
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/notes/abc"),
        ("GET", "/assets/app-1a2b.js"),
        ("GET", "/assets/none.js"),
        ("POST", "/"),
        ("PUT", "/assets/app-1a2b.js"),
        ("GET", "/livez"),
        ("GET", "/healthz"),
    ):
        answer = await page.request(method, path)
        for name, value in expected.items():
            assert answer.headers.get_list(name) == [value], (method, path, name)
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
        assert answer.headers["server"] == "nginx"
    for path in ("/api/v1/notes", "/api", "/docs", "/docs/start.js", "/openapi.json"):
        answer = await page.get(path)
        expect_problem(answer, 503, "unavailable")
        assert set(map(str.lower, expected)) <= set(answer.headers)
        assert answer.headers["retry-after"] == "2"


UNREADABLE = ("%00", "%", "%2", "%zz", "%E0%A4%A")


@pytest.mark.parametrize("end", UNREADABLE)
def test_an_address_that_cannot_be_read_gets_the_page_which_says_so(bare_web: Web, end: str) -> None:
    expected = security_headers(bare_web.page)
    for path in (f"/{end}", f"/notes/{end}", f"/notes/a?b={end}", f"/notes/{end}?q=a", f"/apical/{end}"):
        for method in ("GET", "HEAD"):
            answer = bare_web.ask(path, method)
            assert answer.status_code == (200 if "?b=" in path else 400), path
            assert answer.content == (PAGE if method == "GET" else b""), path
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            for name, value in expected.items():
                assert answer.headers.get_list(name) == [value], (path, name)


@pytest.mark.parametrize("end", UNREADABLE)
def test_an_address_of_the_api_that_cannot_be_read_is_a_problem(bare_web: Web, end: str) -> None:
    expected = security_headers(bare_web.page)
    for path in (f"/api/v1/notes/{end}", f"/api/{end}", f"/docs/{end}", f"/assets/{end}", f"/metrics/{end}"):
        answer = bare_web.ask(path)
        expect_problem(answer, 400, "bad-request")
        assert set(map(str.lower, expected)) <= set(answer.headers)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        expect_problem(bare_web.ask(f"/notes/{end}", method), 400, "bad-request")


def test_the_page_of_unreadable_addresses_has_no_address_itself(bare_web: Web) -> None:
    for kind in ("page", "problem"):
        assert bare_web.status_of(f"/_unreadable/{kind}") == 404


def test_what_is_no_http_is_refused_with_the_headers_too(bare_web: Web) -> None:
    for sent, status in (
        (b"NONSENSE\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"400"),
    ):
        with socket.create_connection(("127.0.0.1", bare_web.port), timeout=20) as connection:
            connection.sendall(sent)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 " + status), answer[:200]
        assert b"nosniff" in answer
        assert b"Content-Security-Policy: default-src 'none'" in answer


def test_probes_and_figures_of_the_api_are_not_reachable(bare_web: Web) -> None:
    for target in (
        "/livez",
        "/readyz",
        "/metrics",
        "/metrics/",
        "/%6detrics",
        "//metrics",
        "/api/../metrics",
    ):
        assert bare_web.status_of(target) == 404, target
    assert bare_web.status_of("/healthz") == 200


def test_the_origin_of_a_redirect_may_be_shown(tmp_path: Path) -> None:
    nginx = Web(tmp_path, api=["127.0.0.1:9"], s3="", PICTURE_ORIGIN="https://pictures.example")
    nginx.start()
    try:
        policy = httpx.get(nginx.url, trust_env=False).headers["content-security-policy"]
        assert "img-src 'self' blob: data: https://pictures.example; " in policy
    finally:
        assert nginx.stop() == 0


def test_a_value_that_would_change_the_configuration_is_refused(tmp_path: Path) -> None:
    for value in ("a;b", "a|b", "a\nb", "a{b", "a$b", "a&b", "a'b", "a`b"):
        nginx = Web(tmp_path, api=[value], s3="127.0.0.1:9")
        with pytest.raises(AssertionError, match="API_UPSTREAM has a character"):
            nginx.start()


def test_uploads_have_the_limit_of_the_api(bare_web: Web) -> None:
    default: int = Settings.model_fields["max_picture_bytes"].default
    assert f"client_max_body_size {default // 1024 + 16}k;" in bare_web.configuration


def test_trace_is_refused(bare_web: Web) -> None:
    for target in ("/", "/assets/app-1a2b.js", "/api/v1/notes", "/api/v1/pictures", "/docs"):
        answer = bare_web.ask(target, "TRACE")
        assert answer.status_code == 405, target
        assert "TRACE /" not in answer.text


def test_gixy_has_nothing_to_say(bare_web: Web) -> None:
    assert "No issues found" in run("gixy", bare_web.folder / "run" / "nginx.conf")
