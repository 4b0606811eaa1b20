"""Bodies, paths and methods that are not what they should be."""

import json

import httpx
import pytest

from api.conftest import OpenClient
from api.expect import expect_problem, expect_stored
from knote.settings import Settings

NOTES = "/api/v1/notes"
JSON = {"Content-Type": "application/json"}


async def expect_refused(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str], *, without: str | None = None
) -> None:
    """The body makes no note, and changes none."""
    before = (await client.get(NOTES)).json()["items"][0]
    path = f"{NOTES}/{before['id']}"
    for answer in (
        await client.post(NOTES, content=body, headers=headers),
        await client.put(path, content=body, headers={**headers, "If-Match": "*"}),
    ):
        is_unreadable = answer.status_code == 400
        expected = (400, "bad-request") if is_unreadable else (422, "invalid")
        expect_problem(answer, *expected, without=without)
    assert (await client.get(path)).json() == before


BAD_JSON = {
    "empty": b"",
    "not json": b"content=hello",
    "cut": b'{"content": "hel',
    "more after it": b'{"content": "hello"} {}',
    "single quotes": b"{'content': 'hello'}",
    "raw NUL": b'{"content": "\x00"}',
    "not UTF-8": b'{"content": "\xff\xfe"}',
    "UTF-16": '{"content": "hello"'.encode("utf-16"),
    "deeply nested arrays": b"[" * 200_000,
    "deeply nested objects": b'{"content":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": b'{"content": ' + b"9" * 5_000 + b"}",
    "an endless exponent": b'{"content": 1e999999}',
    "NaN": b'{"content": NaN}',
    "null": b"null",
    "a list": b'["content"]',
    "a string": b'"content"',
    "a number": b"1",
    "no content": b"{}",
    "content null": b'{"content": null}',
    "content a number": b'{"content": 1}',
    "content true": b'{"content": true}',
    "content a list": b'{"content": ["hello"]}',
    "content an object": b'{"content": {"$ne": ""}}',
    "a lone high surrogate": b'{"content": "\\ud83d"}',
    "a lone low surrogate": b'{"content": "\\udc00 hello"}',
    "an unknown field": b'{"content": "hello", "id": "x"}',
    "a field with a lone surrogate": b'{"content": "hello", "\\ud800": 1}',
    "a misspelt field": b'{"Content": "hello"}',
}


async def test_a_body_that_is_no_note_is_refused(
    client: httpx.AsyncClient, settings: Settings, subtests: pytest.Subtests
) -> None:
    await client.post(NOTES, json={"content": "untouched"})
    for name, body in BAD_JSON.items():
        with subtests.test(name):
            await expect_refused(client, body, JSON, without="hello")
    for blank in ("", " ", "\n\t \r\n", "\u3000\u2003\xa0", "\u2028"):
        with subtests.test(f"blank: {blank!r}"):
            await expect_refused(client, json.dumps({"content": blank}).encode(), JSON)
    for type_ in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense", ""):
        with subtests.test(f"content type: {type_!r}"):
            body = b'{"content": "hello"}'
            await expect_refused(client, body, {"Content-Type": type_}, without="hello")
    await expect_stored(settings, notes=1)


async def test_of_a_field_given_twice_the_last_counts(client: httpx.AsyncClient) -> None:
    """As everywhere in JSON: what matters is that it is one of them, and always the same."""
    answer = await client.post(NOTES, content=b'{"content": "a", "content": "b"}', headers=JSON)
    assert (answer.status_code, answer.json()["content"]) == (201, "b")


async def test_of_thousands_of_wrong_fields_a_few_are_named(client: httpx.AsyncClient) -> None:
    fields = {f"{n} {'long ' * 200}": n for n in range(500)}
    answer = await client.post(NOTES, json={"content": "x", **fields})
    assert len(expect_problem(answer, 422, "invalid")["errors"]) == 10


async def test_the_limit_of_a_note_counts_bytes_exactly(open_client: OpenClient, settings: Settings) -> None:
    limit = 1200
    async with open_client(max_note_bytes=limit) as client:
        for character in ("a", "é", "测", "\U0001f600"):
            text = character * (limit // len(character.encode()))
            fits = await client.post(NOTES, json={"content": text})
            assert fits.status_code == 201
            path = fits.headers["location"]
            for answer in (
                await client.post(NOTES, json={"content": text + "."}),
                await client.put(path, json={"content": text + "."}, headers={"If-Match": "*"}),
            ):
                body = expect_problem(answer, 413, "content-too-large", without=character * 10)
                assert (body["size_bytes"], body["max_bytes"]) == (limit + 1, limit)
            assert (await client.get(path)).json()["content"] == text
    await expect_stored(settings, notes=4)


@pytest.mark.parametrize("ascii_only", [True, False])
async def test_a_note_of_the_default_limit_fits_however_it_is_escaped(
    client: httpx.AsyncClient, settings: Settings, *, ascii_only: bool
) -> None:
    text = "\x01" * (256 * 1024 - 4) + "\U0001f600"
    body = json.dumps({"content": text}, ensure_ascii=ascii_only).encode()
    answer = await client.post(NOTES, content=body, headers=JSON)
    assert answer.status_code == 201
    assert (await client.get(answer.headers["location"])).json()["content"] == text
    too_long = await client.post(NOTES, json={"content": text + "x"})
    assert expect_problem(too_long, 413, "content-too-large")["max_bytes"] == 256 * 1024
    await expect_stored(settings, notes=1)


async def test_a_note_of_one_megabyte_is_refused_unless_the_limit_allows_it(
    client: httpx.AsyncClient, open_client: OpenClient, settings: Settings
) -> None:
    text = ("the quick brown fox 测试 " * 50_000)[: 600 * 1024]
    assert 600 * 1024 < len(text.encode()) <= 1024 * 1024
    expect_problem(
        await client.post(NOTES, json={"content": text}), 413, "content-too-large", without="quick"
    )
    async with open_client(max_note_bytes=1024 * 1024) as generous:
        answer = await generous.post(NOTES, json={"content": text})
        assert answer.status_code == 201
    assert (await client.get(answer.headers["location"])).json()["content"] == text
    await expect_stored(settings, notes=1)


async def test_the_largest_note_may_be_all_different_characters(
    open_client: OpenClient, settings: Settings
) -> None:
    """The worst for the index: every position of it is a term of its own."""
    text = "".join(chr(0x20000 + (n * 7919) % 40_000) for n in range(1024 * 1024 // 4))
    async with open_client(max_note_bytes=1024 * 1024) as client:
        answer = await client.post(NOTES, json={"content": text})
        assert answer.status_code in {201, 413}, answer.text
        stored = answer.status_code == 201
    await expect_stored(settings, notes=int(stored))


async def test_a_declared_body_over_the_limit_is_refused_unread(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    for path, slug_limit in ((NOTES, 256 * 1024 * 6), ("/api/v1/pictures", 20 * 1024 * 1024)):
        answer = await client.post(path, content=b"{", headers={**JSON, "Content-Length": str(10**11)})
        assert expect_problem(answer, 413, "content-too-large")["max_bytes"] > slug_limit
    await expect_stored(settings)


UNKNOWN_PATHS = [
    "/",
    "/api",
    "/api/v1",
    "/api/v1/",
    "/api/v2/notes",
    "/api/v1/note",
    "/api/v1/notes/",
    "/api/v1/notes/a/b",
    "/api/v1/notes/a/restore/",
    "/api/v1/pictures/",
    "//api/v1/notes",
    "/api/v1/%2e%2e/notes",
    "/api/v1/%00",
    "/docs/assets/nothing.js",
    "/docs/assets/../../../etc/passwd",
    "/docs/assets/%2e%2e/%2e%2e/docs.py",
    "/docs/assets/%00",
    f"/docs/assets/{'a' * 10_000}",
    "/docs/",
    "/.env",
    "/api/v1/notes/测试/x",
]


async def test_an_unknown_path_is_not_found(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for path in UNKNOWN_PATHS:
        methods = ("GET",) if path.startswith("/docs/assets/") else ("GET", "POST", "DELETE")
        for method in methods:
            with subtests.test(f"{method} {path[:40]}"):
                expect_problem(await client.request(method, path), 404, "not-found")


ALLOWED = [
    (NOTES, "GET, POST"),
    (f"{NOTES}/aaaaaaaaaaaaaaaaaaaaaaaa", "GET, PUT, DELETE"),
    (f"{NOTES}/aaaaaaaaaaaaaaaaaaaaaaaa/restore", "POST"),
    ("/api/v1/pictures", "POST"),
    ("/api/v1/pictures/a", "GET, HEAD"),
    ("/livez", "GET"),
    ("/readyz", "GET"),
    ("/metrics", "GET"),
    ("/docs", "GET"),
    ("/openapi.json", "GET, HEAD"),
    ("/docs/assets/swagger-ui.css", "GET, HEAD"),
]


async def test_a_method_that_a_path_does_not_take_is_refused(
    client: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    methods = {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}
    for path, allowed in ALLOWED:
        taken = allowed.split(", ")
        for method in methods - {*taken}:
            with subtests.test(f"{method} {path}"):
                answer = await client.request(method, path)
                expect_problem(answer, 405, "method-not-allowed")
                assert answer.headers["allow"] == allowed
        if "HEAD" not in taken:
            answer = await client.head(path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_a_request_id_is_kept_unless_it_is_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-ID": "Trace-1.a_b"})
    assert expect_problem(answer, 404, "not-found")["request_id"] == "Trace-1.a_b"
    for given in ("", "a" * 65, "a b", "a\nb", "{}", "ä"):
        answer = await client.get("/nowhere", headers=[(b"X-Request-ID", given.encode())])
        assert expect_problem(answer, 404, "not-found")["request_id"] != given
