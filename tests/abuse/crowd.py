"""A crowd of clients that only take: `python -m abuse.crowd PORT KIND COUNT`, a process of its own.

Each sends the beginning of a request and then a few bytes every few seconds, for ever; who is let go
comes back. It prints one JSON object a second until it is ended.
"""

import heapq
import json
import os
import resource
import selectors
import socket
import struct
import sys
import time
from contextlib import suppress
from typing import NamedTuple, cast

DRIP_SECONDS = 4.0
_CONNECTS_AT_ONCE = 200
_FORM = "Content-Type: multipart/form-data; boundary=b"
_PART = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'


class Kind(NamedTuple):
    """What one client of a crowd sends at first, and what it goes on with."""

    first: bytes
    drip: bytes


KINDS = {
    "heads": Kind(b"GET /api/v1/notes HTTP/1.1\r\nHost: knote\r\n", b"X-A: b\r\n"),
    "uploads": Kind(
        f"POST /api/v1/pictures HTTP/1.1\r\nHost: knote\r\nContent-Length: 10000000\r\n{_FORM}\r\n\r\n"
        f"{_PART}{'x' * 100_000}".encode(),
        b"x",
    ),
    "notes": Kind(
        b"POST /api/v1/notes HTTP/1.1\r\nHost: knote\r\nContent-Length: 60000\r\n"
        b'Content-Type: application/json\r\n\r\n{"content": "',
        b"x",
    ),
}


class Crowd:
    """Connections that are kept up; all of them in one thread."""

    def __init__(self, port: int, kind: Kind, count: int) -> None:
        self._address = ("127.0.0.1", port)
        self._kind = kind
        self._count = count
        self._selector = selectors.DefaultSelector()
        self._left: dict[socket.socket, memoryview] = {}
        self._drips: list[tuple[float, int, socket.socket]] = []
        self.let_go = 0
        self.refused = 0

    @property
    def open(self) -> int:
        """How many are connected and have sent their beginning."""
        return sum(not left for left in self._left.values())

    def turn(self) -> None:
        """Brings the crowd to its number, and does what is due."""
        missing = min(self._count - len(self._left), _CONNECTS_AT_ONCE)
        for _ in range(missing):
            self._connect()
        now = time.monotonic()
        while self._drips and self._drips[0][0] <= now:
            _, number, sleeper = heapq.heappop(self._drips)
            if sleeper in self._left and sleeper.fileno() == number:
                self._drip(sleeper)
        for key, events in self._selector.select(0.02):
            one = cast("socket.socket", key.fileobj)
            if events & selectors.EVENT_WRITE:
                self._send(one)
            elif not self._reads_on(one):
                self.let_go += 1
                self._close(one)

    def _connect(self) -> None:
        one = socket.socket()
        one.setblocking(False)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.connect_ex(self._address)
        self._left[one] = memoryview(self._kind.first)
        self._selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _send(self, one: socket.socket) -> None:
        try:
            left = self._left[one][one.send(self._left[one]) :]
        except BlockingIOError:
            return
        except OSError:
            self.refused += 1
            self._close(one)
            return
        self._left[one] = left
        if not left:
            self._selector.modify(one, selectors.EVENT_READ)
            heapq.heappush(self._drips, (time.monotonic() + DRIP_SECONDS, one.fileno(), one))

    def _drip(self, one: socket.socket) -> None:
        with suppress(OSError):
            one.send(self._kind.drip)
        heapq.heappush(self._drips, (time.monotonic() + DRIP_SECONDS, one.fileno(), one))

    def _reads_on(self, one: socket.socket) -> bool:
        try:
            return bool(one.recv(65536))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _close(self, one: socket.socket) -> None:
        self._selector.unregister(one)
        del self._left[one]
        one.close()


def main() -> None:
    """Keeps the crowd up until this process is ended."""
    port, kind, count = int(sys.argv[1]), KINDS[sys.argv[2]], int(sys.argv[3])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # On other machines in earnest: here it must not take the processor from those it besets.
    os.nice(19)
    crowd = Crowd(port, kind, count)
    told = 0.0
    while True:
        crowd.turn()
        if time.monotonic() - told >= 1:
            told = time.monotonic()
            line = {"open": crowd.open, "let_go": crowd.let_go, "refused": crowd.refused}
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
