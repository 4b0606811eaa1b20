"""Pure ASGI around every request: its id, its log line, the limit of its body, safe headers."""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from knote.errors import ContentTooLarge, KnoteError, PicturesUnavailable
from knote.problems import internal_problem, knote_problem

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("knote.access")

request_id_of_context: ContextVar[str | None] = ContextVar("request_id", default=None)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}

Observer = Callable[[Scope, int, float], None]


class RequestContext:
    """Gives each request an id, safe default headers, one log line, and tells the observer of it.

    The observer gets the scope, the status and the seconds until the last byte was sent. An error
    that nobody expected ends here, so that its answer and its log line have all that others have.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        observe: Observer,
        is_draining: Callable[[], bool],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers` come with every answer, beside the safe ones that all have."""
        self._app = app
        told = {**_HEADERS, **(headers or {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in told.items()]
        self._observe = observe
        self._is_draining = is_draining

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request; passes other scopes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope["request_id"] = request_id
        token = request_id_of_context.set(request_id)
        status = 500
        size_bytes = 0
        is_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal status, size_bytes, is_started
            if message["type"] == "http.response.start":
                is_started = True
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                names = {name for name, _ in headers}
                # nginx keeps this one, and would send it with the store's errors too.
                if b"x-accel-redirect" in names:
                    names.add(b"cache-control")
                headers += [header for header in self._headers if header[0] not in names]
                if self._is_draining():
                    headers.append((b"connection", b"close"))
                message["headers"] = headers
            elif message["type"] == "http.response.body":
                size_bytes += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("a request failed")
            # An answer that has begun cannot be taken back: the server cuts the connection.
            if not is_started:
                await internal_problem(request_id)(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            self._observe(scope, status, seconds)
            access_logger.info(
                "request",
                extra={
                    "method": scope["method"],
                    "path": scope["path"][:256],
                    "status": status,
                    "size_bytes": size_bytes,
                    "duration_ms": round(seconds * 1000, 2),
                    "client": scope["client"][0] if scope.get("client") else None,
                },
            )
            request_id_of_context.reset(token)


class BodyLimit:
    """Refuses a body over its limit with 413: a declared one unread, a chunked one when it passes.

    `limits` maps path prefixes to bytes; the longest that fits counts, `""` is for the rest. All bodies
    that are under way at once have `room_bytes` together: one that finds no room is asked to come again.
    """

    def __init__(self, app: ASGIApp, *, limits: Mapping[str, int], room_bytes: int) -> None:
        self._app = app
        self._limits = sorted(limits.items(), key=lambda item: -len(item[0]))
        self._room_bytes = room_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request; passes other scopes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next(size for prefix, size in self._limits if scope["path"].startswith(prefix))
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > limit:
            response = knote_problem(_too_large(limit), scope.get("request_id"))
            await response(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                size_bytes = len(message.get("body", b""))
                received += size_bytes
                self._room_bytes -= size_bytes
                if received > limit:
                    raise BodyRefused(_too_large(limit))
                if self._room_bytes < 0:
                    raise BodyRefused(_no_room())
            return message

        try:
            await self._app(scope, receive_within_limit, send)
        finally:
            self._room_bytes += received


class BodyRefused(HTTPException):
    """A body could not be taken in while it was read.

    It is an `HTTPException` because that is the one error that passes through the form parser.
    """

    def __init__(self, reason: KnoteError) -> None:
        super().__init__(reason.status)
        self.__cause__ = reason


def _no_room() -> PicturesUnavailable:
    return PicturesUnavailable(
        "Too many uploads are under way here to take another one. Nothing was lost: try again in a moment."
    )


def _too_large(limit: int) -> ContentTooLarge:
    return ContentTooLarge(
        f"This request is larger than the {limit:,} bytes that are taken here. "
        "Send less, or send it in parts.",
        extra={"max_bytes": limit},
    )
