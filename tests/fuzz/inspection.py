"""What the inspector must do with any bytes: refuse them in words, or keep a picture that is clean."""

import resource
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from PIL import Image

from knote.pictures.inspect import inspect_picture
from knote.pictures.limits import DEFAULT_LIMITS, Limits
from knote.pictures.refusal import PictureRefused, Reason
from knote.pictures.variants import make_variant

PNG = b"\x89PNG\r\n\x1a\n"


class Inspection:
    """The inspector over one folder, with the limits that a worker has."""

    def __init__(self, folder: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self._source, self._target, self._small = folder / "source", folder / "target", folder / "small"
        self._limits = limits

    def check(self, data: bytes) -> bool:
        """Inspects `data`. Returns whether it is kept; fails when anything is not as promised."""
        self._source.write_bytes(data)
        try:
            inspected = inspect_picture(self._source, self._target, self._limits)
        except PictureRefused as refused:
            self._check_refusal(refused)
            return False
        except MemoryError:  # a worker refuses what it has no memory for
            assert not self._target.exists()
            return False
        kept = self._target.read_bytes()
        assert len(kept) == inspected.size_bytes
        self._source.write_bytes(kept)
        assert inspect_picture(self._source, self._target, self._limits) == inspected
        with Image.open(self._target) as picture:
            assert Image.MIME[str(picture.format)] == inspected.content_type
        if not inspected.animated and inspected.width > 1:
            self._shrink(max(1, inspected.width // 2))
        self._target.unlink()
        return True

    def _check_refusal(self, refused: PictureRefused) -> None:
        assert refused.reason in get_args(Reason)
        assert refused.detail.endswith(".")
        assert not self._target.exists(), "something was left of what was refused"

    def _shrink(self, width: int) -> None:
        try:
            variant = make_variant(self._target, self._small, width)
        except PictureRefused:
            return
        assert variant.width == width
        assert self._small.stat().st_size == variant.size_bytes
        self._small.unlink()


def check_bytes(data: bytes) -> bool:
    """Whether `data` is kept, judged in a folder of its own."""
    with TemporaryDirectory(prefix="knote-fuzz-") as folder:
        return Inspection(Path(folder)).check(data)


def limit_memory() -> None:
    """Lets this process take what a worker may take beyond what it holds at rest."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    most = pages * resource.getpagesize() + DEFAULT_LIMITS.max_memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def with_checksums(data: bytes) -> bytes:
    """A PNG with the checksum of each chunk made right; other bytes as they are.

    Hardly any change to a PNG would otherwise come further than its first checksum.
    """
    if not data.startswith(PNG):
        return data
    out, at = bytearray(data), len(PNG)
    while at + 12 <= len(out):
        end = at + 8 + int.from_bytes(out[at : at + 4], "big")
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(out)
