"""The built page on the same port as the API, as nginx serves it in production."""

import mimetypes
import os
import re
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; script-src 'self'{script}; style-src 'self'{style}; img-src 'self' blob: data:; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
# The last line of the page: the hashes of the style and the script that stand in it.
_HASHES = re.compile(r"<!-- style ('sha256-[\w+/]{43}=') script ('sha256-[\w+/]{43}=') -->\s*$")
_APP_PATHS = ("/api", "/docs", "/openapi.json", "/livez", "/readyz", "/metrics")
_ONE_YEAR = "public, max-age=31536000, immutable"
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Knote: the page is not built</title></head>
<body><h1>The page is not built yet</h1>
<p>The API is running: its documentation is at <a href="/docs">/docs</a>.</p>
<p>To build the page, run <code>make build</code> in the checkout and reload.</p></body></html>
"""


def security_headers(web_dir: Path) -> dict[str, str]:
    """What comes with the page that is built into that folder, and with all that is beside it."""
    page = web_dir / "index.html"
    found = _HASHES.search(page.read_text("utf-8")) if page.is_file() else None
    style, script = (f" {each}" for each in found.groups()) if found else ("", "")
    return {"Content-Security-Policy": _POLICY.format(style=style, script=script), **_HEADERS}


class Spa:
    """Sends what belongs to the API to `app`, and answers the rest from `web_dir`.

    Every response gets the security headers, unless it carries its own.
    """

    def __init__(self, app: ASGIApp, web_dir: Path) -> None:
        self._app = app
        self._files = StaticFiles(directory=web_dir, check_dir=False)
        self._headers = security_headers(web_dir)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        if _belongs_to_app(scope):
            await self._app(scope, receive, send_secured)
        else:
            await self._answer(scope)(scope, receive, send_secured)

    def _answer(self, scope: Scope) -> Response:
        path: str = scope["path"]
        if path.startswith("/assets/"):
            return self._file(scope, path, cache=_ONE_YEAR) or PlainTextResponse("Not Found\n", 404)
        return (
            self._file(scope, path, cache="no-cache")
            or self._file(scope, "/index.html", cache="no-cache")
            or HTMLResponse(_NOT_BUILT, 503, {"Cache-Control": "no-store"})
        )

    def _file(self, scope: Scope, path: str, *, cache: str) -> Response | None:
        found, status = self._look_up(path)
        if status is None:
            return None
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = {"Cache-Control": cache}
        packed, packed_status = self._look_up(f"{path}.gz")
        if packed_status is not None:
            headers["Vary"] = "Accept-Encoding"
            if _accepts_gzip(Headers(scope=scope)):
                found, status = packed, packed_status
                headers["Content-Encoding"] = "gzip"
        response = FileResponse(found, media_type=kind, headers=headers, stat_result=status)
        if self._files.is_not_modified(response.headers, Headers(scope=scope)):
            return NotModifiedResponse(response.headers)
        return response

    def _look_up(self, path: str) -> tuple[str, os.stat_result | None]:
        """The file of a path, never one outside the folder; no status when there is none."""
        try:
            found, status = self._files.lookup_path(path.lstrip("/"))
        except (OSError, ValueError):  # longer than a file name can be, or with a NUL in it
            return "", None
        return found, status if status and Path(found).is_file() else None


def _belongs_to_app(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] not in {"GET", "HEAD"} or any(
        path == prefix or path.startswith(f"{prefix}/") for prefix in _APP_PATHS
    )


def _accepts_gzip(headers: Headers) -> bool:
    for item in headers.get("accept-encoding", "").split(","):
        coding, _, weight = item.partition(";")
        if coding.strip().lower() in {"gzip", "*"}:
            return weight.replace(" ", "").lower() not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
