"""The built page, served beside the API with the headers it has in production."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from knote.local.spa import Spa, security_headers


async def _api(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Content-Security-Policy": "sandbox"} if scope["path"] == "/api/v1/picture" else {}
    await PlainTextResponse(f"app {scope['path']}", headers=headers)(scope, receive, send)


@pytest.fixture
def web_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Knote</title>")
    (folder / "assets" / "main-1a2b.js").write_text("start()")
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(b"start()"))
    (tmp_path / "secret.txt").write_text("secret")
    return folder


@pytest.fixture
async def page(web_dir: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Spa(_api, web_dir))
    async with httpx.AsyncClient(transport=transport, base_url="http://knote") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/notes/abc", "/index.html", "/deep/er?q=1", "/apivitamins"])
async def test_a_path_of_the_page_is_the_page(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(path)
    assert (answer.status_code, answer.text) == (200, "<!doctype html><title>Knote</title>")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/api", "/api/v1/notes", "/docs", "/docs/start.js", "/openapi.json", "/livez", "/readyz"]
)
async def test_a_path_of_the_api_goes_to_the_api(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.get(path)).text == f"app {path}"


async def test_a_write_goes_to_the_api(page: httpx.AsyncClient) -> None:
    assert (await page.post("/notes/abc")).text == "app /notes/abc"


async def test_assets_are_kept_for_a_year_or_missing(page: httpx.AsyncClient) -> None:
    answer = await page.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "identity"})
    assert answer.text == "start()"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in answer.headers
    missing = await page.get("/assets/main-old.js")
    assert missing.status_code == 404
    assert "immutable" not in missing.headers.get("cache-control", "")


async def test_a_precompressed_file_is_sent_to_those_who_take_it(page: httpx.AsyncClient) -> None:
    answer = await page.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "br, gzip"})
    assert answer.text == "start()"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    refused = await page.get("/assets/main-1a2b.js", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


async def test_an_unchanged_page_is_not_sent_again(page: httpx.AsyncClient, web_dir: Path) -> None:
    tag = (await page.get("/")).headers["etag"]
    again = await page.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == security_headers(web_dir)["Content-Security-Policy"]


async def test_every_response_has_the_security_headers(page: httpx.AsyncClient) -> None:
    for path in ("/", "/assets/main-1a2b.js", "/assets/none.js", "/api/v1/notes"):
        headers = (await page.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]


STYLE, SCRIPT = (f"'sha256-{letter * 43}='" for letter in "ab")


@pytest.mark.parametrize(
    ("end", "script", "style"),
    [
        (f"</html>\n<!-- style {STYLE} script {SCRIPT} -->\n", f"'self' {SCRIPT}", f"'self' {STYLE}"),
        (f"<!-- style {STYLE} script {SCRIPT} --></html>", "'self'", "'self'"),
        (f"</html>\n<!-- style {STYLE} script 'unsafe-inline' -->\n", "'self'", "'self'"),
    ],
)
def test_what_stands_in_the_page_runs_by_the_hashes_of_its_last_line(
    web_dir: Path, end: str, script: str, style: str
) -> None:
    (web_dir / "index.html").write_text(f"<!doctype html>{end}")
    policy = security_headers(web_dir)["Content-Security-Policy"]
    assert f"; script-src {script}; style-src {style}; " in policy


async def test_a_response_keeps_its_own_policy(page: httpx.AsyncClient) -> None:
    assert (await page.get("/api/v1/picture")).headers["content-security-policy"] == "sandbox"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/%00",
        "/" + "a" * 10_000,
    ],
)
async def test_nothing_outside_the_folder_is_served(page: httpx.AsyncClient, path: str) -> None:
    answer = await page.get(httpx.URL(scheme="http", host="knote", raw_path=path.encode()))
    assert "secret" not in answer.text
    assert answer.status_code in {200, 404}


async def test_a_page_that_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(app=Spa(_api, tmp_path / "none"))
    async with httpx.AsyncClient(transport=transport, base_url="http://knote") as client:
        answer = await client.get("/")
        assert answer.status_code == 503
        assert "make build" in answer.text
        assert (await client.get("/api/v1/notes")).status_code == 200
