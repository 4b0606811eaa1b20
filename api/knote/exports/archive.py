"""A ZIP archive that is sent while it is written: nothing of it is kept but its list of names."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

_READABLE = 0o100644 << 16


class Archive:
    """Members are added one after the other; each addition gives the bytes to be sent meanwhile."""

    def __init__(self) -> None:
        self._written = _Written()
        self._zip = ZipFile(self._written, "w")

    def add_text(self, name: str, at: datetime, text: str) -> bytes:
        """Adds a text."""
        self._zip.writestr(_member(name, at, ZIP_DEFLATED), text)
        return self._written.take()

    async def add_texts(
        self, name: str, at: datetime, parts: AsyncIterator[str]
    ) -> AsyncGenerator[bytes, None]:
        """Adds a text that comes in parts."""
        with self._zip.open(_member(name, at, ZIP_DEFLATED), "w", force_zip64=True) as member:
            async for part in parts:
                member.write(part.encode())
                if taken := self._written.take():
                    yield taken
        yield self._written.take()

    async def add_bytes(
        self, name: str, at: datetime, size_bytes: int, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        """Adds what is packed already, as pictures are."""
        info = _member(name, at, ZIP_STORED)
        info.file_size = size_bytes
        with self._zip.open(info, "w") as member:
            async for chunk in chunks:
                member.write(chunk)
                yield self._written.take()
        yield self._written.take()

    def end(self) -> bytes:
        """The list of all members, which completes the archive."""
        self._zip.close()
        return self._written.take()


class _Written:
    """A file that cannot go back, as a line to a client cannot."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def take(self) -> bytes:
        """What was written since it was last taken."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def _member(name: str, at: datetime, compression: int) -> ZipInfo:
    info = ZipInfo(name, at.timetuple()[:6])
    info.compress_type = compression
    info.external_attr = _READABLE
    return info
