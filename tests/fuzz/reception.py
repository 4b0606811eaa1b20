"""What the upload route must do with any body: take the file to the last byte, or say what is wrong.

The whole API is around it (request context, body limit, form parser, route, service); only the stores
are away, so a file that has arrived whole ends in the 503 that says so.
"""

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from typing import NamedTuple, cast

from starlette.requests import Request
from starlette.types import Message, Scope

from knote.app import create_app
from knote.asker import SHARED, Asker, Owner
from knote.clock import new_id, utc_now
from knote.errors import NotesUnavailable
from knote.mongo import Document
from knote.pictures.service import PictureService
from knote.pictures.store import PictureStore
from knote.pictures.worker import PictureWorker
from knote.settings import Settings

PATH = "/api/v1/pictures"
MOST_BYTES = 4096
STORES_AWAY = 503
STATUSES = {400, 413, 422, STORES_AWAY}
_BOUNDARY = "knote-fuzz-boundary"
_HEAD = (
    f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    "Content-Type: image/png\r\n\r\n"
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


class AwayStore:
    """A picture store that is away, and remembers which files had arrived for it."""

    def __init__(self) -> None:
        self.arrived: list[str] = []

    async def reuse(self, _: Owner, picture_ids: list[str]) -> Document | None:
        """The first thing that is asked once an upload has arrived."""
        self.arrived.append(picture_ids[0])
        raise NotesUnavailable("Notes cannot be reached right now.")


class Admitting:
    """Lets every request in, as `Health` does while MongoDB answers."""

    async def admit(self) -> None:
        """Lets it in."""


class Open:
    """Asks nobody who they are, as `Authentication` does in an open notebook."""

    async def asker(self, _: Request) -> Asker:
        """Somebody."""
        return SHARED


class Received(NamedTuple):
    """How one upload ended: the status, and the SHA-256 of each file that arrived."""

    status: int
    files: tuple[str, ...]


class Reception:
    """The API in this process, and uploads to it."""

    def __init__(self) -> None:
        logging.getLogger("knote").setLevel(logging.CRITICAL)
        self._store = AwayStore()
        self._pictures = PictureService(
            cast("PictureStore", self._store),
            PictureWorker(),
            max_picture_bytes=MOST_BYTES,
            max_stored_bytes=0,
            delivery="stream",
            clock=utc_now,
            new_id=new_id,
        )
        self._app = create_app(Settings(max_picture_bytes=MOST_BYTES))
        self._loop = asyncio.new_event_loop()
        # The threads that write files are there before anything is counted.
        self.upload("text/plain", iter([b""]))
        self.check(b"\0\0\n")

    def close(self) -> None:
        """Ends the loop and its threads."""
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def check(self, data: bytes) -> Received:
        """Uploads what `data` says; fails when anything is not as promised.

        Its first byte is the size of the pieces it is sent in (0: in one), the second after how many
        of them the client hangs up (0: never); up to the first line end follows the content type,
        then the body.
        """
        size, cut = (*data[:2], 0, 0)[:2]
        line, _, body = data[2:].partition(b"\n")
        content_type = line.decode("latin-1")
        files_before = _open_files()
        whole = self.upload(content_type, iter([body]))
        in_pieces = self.upload(content_type, _pieces(body, size or 7))
        # What stands before the first part is skipped at once, and refused in pieces.
        if whole.files and in_pieces.files:
            assert whole.files == in_pieces.files, f"in pieces of {size or 7} it is another file"
        if cut:
            self._check_hung_up(content_type, list(_pieces(body, size or 7))[:cut])
        self._check_wrapped(body, size or 7)
        assert _open_files() == files_before, "a temporary file was left open"
        return whole

    def upload(self, content_type: str, pieces: Iterator[bytes], *, hang_up: bool = False) -> Received:
        """Sends one body, and reads how it ended."""
        self._store.arrived.clear()
        messages = self._loop.run_until_complete(self._call(content_type, pieces, hang_up=hang_up))
        start, *bodies = messages
        status = start["status"]
        assert status in STATUSES, f"{status}: {bodies}"
        problem = json.loads(b"".join(message["body"] for message in bodies))
        assert problem["status"] == status
        assert problem["detail"].endswith(".")
        assert len(self._store.arrived) == (status == STORES_AWAY), f"{status}: {self._store.arrived}"
        return Received(status, tuple(self._store.arrived))

    def _check_hung_up(self, content_type: str, pieces: list[bytes]) -> None:
        received = self.upload(content_type, iter(pieces), hang_up=True)
        assert not received.files, "a file that never ended was taken"

    def _check_wrapped(self, content: bytes, size: int) -> None:
        """A file of just these bytes, in a body that is in order."""
        if f"\r\n--{_BOUNDARY}".encode() in b"\r\n" + content:
            return
        body = _HEAD + content + _TAIL
        received = self.upload(f"multipart/form-data; boundary={_BOUNDARY}", _pieces(body, 64 * size))
        if len(content) > MOST_BYTES:
            assert received == (413, ())
        else:
            assert received == (STORES_AWAY, (hashlib.sha256(content).hexdigest(),))

    async def _call(self, content_type: str, pieces: Iterator[bytes], *, hang_up: bool) -> list[Message]:
        sent: list[Message] = []
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (b"content-type", content_type.encode("latin-1")),
                (b"transfer-encoding", b"chunked"),
            ],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {"pictures": self._pictures, "health": Admitting(), "authentication": Open()},
        }
        is_over = False

        async def receive() -> Message:
            nonlocal is_over
            piece = next(pieces, None)
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": True}
            if hang_up or is_over:
                return {"type": "http.disconnect"}
            is_over = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as fast as can be, for each input


def as_input(content_type: str, body: bytes, *, size: int = 0, cut: int = 0) -> bytes:
    """The input of `Reception.check` that says this."""
    return bytes((size, cut)) + content_type.encode("latin-1") + b"\n" + body
