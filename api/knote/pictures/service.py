"""The life of a picture: upload, check, keep, serve."""

import asyncio
import hashlib
import logging
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, NamedTuple

import anyio

from knote.asker import Owner
from knote.clock import Clock, IdSource
from knote.errors import (
    ContentTooLarge,
    Invalid,
    NotFound,
    PicturesUnavailable,
    StorageFull,
    UnsupportedPicture,
)
from knote.mongo import Document
from knote.pictures.names import possible_ids
from knote.pictures.ranges import ByteRange
from knote.pictures.references import picture_url
from knote.pictures.refusal import PictureRefused
from knote.pictures.schemas import Picture
from knote.pictures.store import ObjectName, PictureStore
from knote.pictures.widths import variant_width
from knote.pictures.worker import PictureWorker
from knote.s3 import ObjectMissing
from knote.settings import PictureDelivery

logger = logging.getLogger(__name__)

_PICTURE_ID = re.compile(r"[0-9a-f]{64}")
_COPY_BYTES = 1024 * 1024
_REMOVED = "The same picture was just being removed. Nothing was lost: send it again."


class Served(NamedTuple):
    """One object to be served: which, how large, and of what type."""

    name: ObjectName
    content_type: str
    size_bytes: int

    @property
    def etag(self) -> str:
        """The strong entity tag: the bytes under one id and width never change."""
        suffix = f"-{self.name.variant}" if self.name.variant else ""
        return f'"{self.name.picture_id}{suffix}"'


class PictureService:
    """The pictures of each owner.

    Methods raise `PicturesUnavailable` while the object store is away and `NotesUnavailable` while
    MongoDB is.
    """

    def __init__(
        self,
        pictures: PictureStore,
        worker: PictureWorker,
        *,
        max_picture_bytes: int,
        max_stored_bytes: int,
        delivery: PictureDelivery,
        clock: Clock,
        new_id: IdSource,
    ) -> None:
        self.delivery: PictureDelivery = delivery
        self._pictures = pictures
        self._worker = worker
        self._max_picture_bytes = max_picture_bytes
        self._max_stored_bytes = max_stored_bytes
        self._clock = clock
        self._new_id = new_id

    async def create(self, owner: Owner, upload: BinaryIO) -> tuple[Picture, bool]:
        """Keeps the uploaded picture. Returns it, and whether it is new.

        Raises `ContentTooLarge`, `StorageFull`, `UnsupportedPicture`, or `Invalid` for one that cannot
        be kept.
        """
        with _machine_errors(), TemporaryDirectory(prefix="knote-", ignore_cleanup_errors=True) as folder:
            source, clean = Path(folder, "upload"), Path(folder, "clean")
            ids = possible_ids(owner, await asyncio.to_thread(self._receive, upload, source))
            if row := await self._pictures.reuse(owner, ids):
                return _picture(row), False
            try:
                inspected = await self._worker.inspect(source, clean)
            except PictureRefused as refused:
                raise _refusal(refused) from refused
            name = await self._begin(owner, ids, inspected.size_bytes)
            await self._pictures.put_object(name, clean, inspected.content_type)
        fields = {
            "content_type": inspected.content_type,
            "size_bytes": inspected.size_bytes,
            "sha256": inspected.sha256,
            "width": inspected.width,
            "height": inspected.height,
            "animated": inspected.animated,
            "created_at": self._clock(),
        }
        if row := await self._pictures.complete(owner, name, fields, upsert=not self._is_limited(owner)):
            return _picture(row), True
        await self._pictures.discard(name)
        if row := await self._pictures.reuse(owner, ids):
            return _picture(row), False
        raise PicturesUnavailable(_REMOVED)

    async def find(self, owner: Owner, picture_id: str, width: int | None) -> Served:
        """What to serve for a picture at about that width. Raises `NotFound`.

        A variant that is not there yet is made now and kept.
        """
        row = await self._pictures.find(owner, picture_id) if _PICTURE_ID.fullmatch(picture_id) else None
        if row is None:
            raise NotFound("There is no such picture. No note has used it for a long time, or ever.")
        original = Served(ObjectName(picture_id, row["upload"], None), row["content_type"], row["size_bytes"])
        step = variant_width(width, row["width"]) if width and not row["animated"] else None
        if step is None:
            return original
        name = original.name._replace(variant=f"w{step}")
        kept = row.get("variants", {}).get(name.variant)
        if kept is None:
            kept = await self._make_variant(original, name, step)
        return Served(name, kept["content_type"], kept["size_bytes"])

    async def open(self, served: Served, span: ByteRange | None) -> AsyncGenerator[bytes, None]:
        """The bytes to serve, in chunks."""
        first, last = span or (0, None)
        try:
            return await self._pictures.get_object(served.name, first, last)
        except ObjectMissing as error:
            raise self._lost(served) from error

    async def url(self, served: Served) -> str:
        """A short-lived URL of the bytes in the object store. It does not say that they are there."""
        return await self._pictures.signed_url(served.name)

    async def check(self, served: Served) -> None:
        """Makes sure that the bytes are there to be served."""
        try:
            await self._pictures.object_size_bytes(served.name)
        except ObjectMissing as error:
            raise self._lost(served) from error

    async def _begin(self, owner: Owner, ids: list[str], size_bytes: int) -> ObjectName:
        """The name of the object about to be stored, under the first id that is not another owner's.

        Raises `StorageFull`.
        """
        is_limited = self._is_limited(owner)
        for id_ in ids:
            name = ObjectName(id_, self._new_id(), None)
            size = size_bytes if is_limited else None
            if await self._pictures.begin(owner, name, self._clock(), size_bytes=size):
                if is_limited:
                    await self._check_room(owner, name, size_bytes)
                return name
        raise PicturesUnavailable(_REMOVED)

    async def _check_room(self, owner: Owner, name: ObjectName, size_bytes: int) -> None:
        """Takes the row back that was just written, if it is one too many: of two, the later sees both."""
        usage = await self._pictures.usage(owner)
        if usage.stored_bytes <= self._max_stored_bytes:
            return
        await self._pictures.take_back(owner, name)
        stored_bytes = usage.stored_bytes - size_bytes
        raise StorageFull(
            f"This picture has {size_bytes:,} bytes, and your pictures take up {stored_bytes:,} of the "
            f"{self._max_stored_bytes:,} that you may store. Delete notes with pictures that you no longer "
            "need: room comes back when they are removed for good.",
            extra={
                "size_bytes": size_bytes,
                "stored_bytes": stored_bytes,
                "max_stored_bytes": self._max_stored_bytes,
            },
        )

    def _is_limited(self, owner: Owner) -> bool:
        return owner is not None and self._max_stored_bytes > 0

    def _receive(self, upload: BinaryIO, target: Path) -> str:
        """Copies the upload into a file of its own. Returns its SHA-256 in hexadecimal."""
        digest = hashlib.sha256()
        size_bytes = 0
        with target.open("wb") as file:
            while chunk := upload.read(_COPY_BYTES):
                size_bytes += len(chunk)
                if size_bytes > self._max_picture_bytes:
                    raise ContentTooLarge(
                        f"This file is larger than the {self._max_picture_bytes:,} bytes that a "
                        "picture may have. Make it smaller and try again.",
                        extra={"max_bytes": self._max_picture_bytes},
                    )
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    async def _make_variant(self, original: Served, name: ObjectName, width: int) -> Document:
        """Makes a smaller copy, keeps it in the bucket, and notes it in the row."""
        with _machine_errors(), TemporaryDirectory(prefix="knote-", ignore_cleanup_errors=True) as folder:
            source, small = Path(folder, "original"), Path(folder, "small")
            chunks = await self.open(original, None)
            async with await anyio.open_file(source, "wb") as file:
                async for chunk in chunks:
                    await file.write(chunk)
            try:
                variant = await self._worker.make_variant(source, small, width)
            except PictureRefused as refused:
                raise PicturesUnavailable(
                    "This smaller copy could not be made right now. Try again, or ask without width."
                ) from refused
            await self._pictures.put_object(name, small, variant.content_type)
        fields = {
            "content_type": variant.content_type,
            "size_bytes": variant.size_bytes,
            "width": variant.width,
            "height": variant.height,
        }
        await self._pictures.add_variant(name, fields)
        return fields

    def _lost(self, served: Served) -> PicturesUnavailable:
        """The bucket lacks what the row promises: an operator's matter, and never a 404."""
        logger.error("an object is missing; run fsck", extra={"object_key": served.name.key})
        return PicturesUnavailable("The bytes of this picture cannot be found right now.")


@contextmanager
def _machine_errors() -> Iterator[None]:
    """Turns a full disk, or a process that cannot be started, into `PicturesUnavailable`."""
    try:
        yield
    except OSError as error:
        logger.warning("this replica cannot work on pictures", exc_info=error)
        raise PicturesUnavailable(
            "Pictures cannot be worked on right now. Nothing was lost: try again in a moment."
        ) from error


def _picture(row: Document) -> Picture:
    url = picture_url(row["_id"])
    names = ("content_type", "size_bytes", "width", "height", "created_at")
    values = {name: row[name] for name in names}
    return Picture.model_construct(id=row["_id"], url=url, markdown=f"![]({url})", **values)


def _refusal(refused: PictureRefused) -> UnsupportedPicture | Invalid:
    if refused.reason == "unsupported_type":
        return UnsupportedPicture(refused.detail, extra={"reason": refused.reason})
    return Invalid(refused.detail, location=("body", "file"))
