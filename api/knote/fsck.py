"""The check: compares notes, rows and bucket, both ways, and mends what can be mended safely."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, TypedDict

from knote.clock import Clock
from knote.mongo import Document
from knote.notes.store import NoteStore
from knote.pictures.store import ObjectName, PictureStore
from knote.s3 import ObjectMissing, StoredObject


class FsckReport(TypedDict):
    """What the check found and did.

    `status` is `clean`, `pending` (something is under way or waits for the sweep, nothing is wrong)
    or `broken`. `problems` names each thing that is wrong; `mended` what was done about it.
    """

    dry_run: bool
    status: str
    notes: int
    pictures: int
    objects: int
    pending: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    mended: list[dict[str, Any]]


class Fsck:
    """One check of everything that is kept, of all owners."""

    def __init__(
        self,
        notes: NoteStore,
        pictures: PictureStore,
        *,
        pending_grace_time: timedelta,
        clock: Clock,
        dry_run: bool,
    ) -> None:
        self._notes = notes
        self._pictures = pictures
        self._now = clock()
        self._dry_run = dry_run
        self._stray_before = self._now - pending_grace_time
        self._report = FsckReport(
            dry_run=dry_run,
            status="clean",
            notes=0,
            pictures=0,
            objects=0,
            pending=[],
            problems=[],
            mended=[],
        )

    async def run(self) -> FsckReport:
        """Checks once. Raises `StoreUnavailable` when a store goes away."""
        async for row, objects in self._rows_beside_objects():
            if row is None:
                await self._check_strays(objects, row=None)
            else:
                await self._check_row(row, objects)
        await self._check_notes()
        if self._report["problems"]:
            self._report["status"] = "broken"
        elif self._report["pending"]:
            self._report["status"] = "pending"
        return self._report

    async def _rows_beside_objects(
        self,
    ) -> AsyncIterator[tuple[Document | None, list[StoredObject]]]:
        """Each row with the objects of its picture, and objects without any row.

        Both come in the order of the picture's id, so that neither has to fit into memory.
        """
        groups = _by_picture(self._pictures.objects())
        group = await anext(groups, None)
        async for row in self._pictures.rows():
            while group is not None and group[0] < row["_id"]:
                yield None, group[1]
                group = await anext(groups, None)
            if group is not None and group[0] == row["_id"]:
                yield row, group[1]
                group = await anext(groups, None)
            else:
                yield row, []
        while group is not None:
            yield None, group[1]
            group = await anext(groups, None)

    async def _check_row(self, row: Document, objects: list[StoredObject]) -> None:
        self._report["pictures"] += 1
        await self._check_strays(objects, row=row)
        if row["state"] == "pending":
            self._report["pending"].append({"kind": "upload", "picture": row["_id"]})
            return
        promised = {None: row["size_bytes"]}
        promised |= {name: kept["size_bytes"] for name, kept in row.get("variants", {}).items()}
        stored = {}
        for item in objects:
            name = ObjectName.parse(item.key)
            if name is not None and name.upload == row["upload"]:
                stored[name.variant] = item.size_bytes
        for variant, size_bytes in promised.items():
            if stored.get(variant) != size_bytes:
                name = ObjectName(row["_id"], row["upload"], variant)
                await self._check_object(row, name, size_bytes)

    async def _check_object(self, row: Document, name: ObjectName, promised_bytes: int) -> None:
        """Looks again at an object that the listing did not show as promised, then reports it."""
        found = await self._object_size_bytes(name)
        current = await self._pictures.peek(row["_id"])
        if found == promised_bytes or current is None or current["upload"] != name.upload:
            return
        kind = "object_missing" if found is None else "object_size_wrong"
        self._report["problems"].append(
            {
                "kind": kind,
                "picture": row["_id"],
                "key": name.key,
                "promised_bytes": promised_bytes,
                "found_bytes": found,
            }
        )
        if self._dry_run:
            return
        if name.variant is None:
            await self._pictures.demote(row, self._now)
            done = "the row is pending again: uploading the same file stores it anew"
        else:
            await self._pictures.forget_variant(name)
            done = "the variant is forgotten: the next request makes it anew"
        self._report["mended"].append({"kind": kind, "picture": row["_id"], "done": done})

    async def _object_size_bytes(self, name: ObjectName) -> int | None:
        try:
            return await self._pictures.object_size_bytes(name)
        except ObjectMissing:
            return None

    async def _check_strays(self, objects: list[StoredObject], *, row: Document | None) -> None:
        """Reports objects that the row does not account for; young ones may be of a running upload."""
        for item in objects:
            self._report["objects"] += 1
            name = ObjectName.parse(item.key)
            if name is not None and row is not None and name.upload == row["upload"]:
                continue
            entry = {"kind": "stray_object", "key": item.key, "size_bytes": item.size_bytes}
            if item.stored_at >= self._stray_before:
                self._report["pending"].append(entry)
            elif name is None or not await self._is_accounted_for(name):
                self._report["problems"].append(entry)

    async def _is_accounted_for(self, name: ObjectName) -> bool:
        row = await self._pictures.peek(name.picture_id)
        return row is not None and row["upload"] == name.upload

    async def _check_notes(self) -> None:
        """Checks that each picture a note showed when it was written is still there to be shown."""
        self._report["notes"] = await self._notes.count()
        async for note in self._notes.naming_pictures():
            ids = [picture["id"] for picture in note["pictures"]]
            sizes = await self._pictures.sizes(note.get("owner"), ids)
            lost = [
                picture["id"]
                for picture in note["pictures"]
                if picture["width"] is not None and picture["id"] not in sizes
            ]
            self._report["problems"] += [
                {"kind": "picture_lost", "note": note["_id"], "picture": id_} for id_ in lost
            ]
            found = [
                picture["id"]
                for picture in note["pictures"]
                if picture["width"] is None and picture["id"] in sizes
            ]
            if found and not self._dry_run:
                await self._notes.set_pictures(note, sizes)
                self._report["mended"] += [
                    {
                        "kind": "picture_found",
                        "note": note["_id"],
                        "picture": id_,
                        "done": "the note lists the picture, which came after the note",
                    }
                    for id_ in found
                ]


async def _by_picture(
    objects: AsyncIterator[StoredObject],
) -> AsyncIterator[tuple[str, list[StoredObject]]]:
    """The objects in groups of the same second part of their keys: the picture's id."""
    group: tuple[str, list[StoredObject]] | None = None
    async for item in objects:
        id_ = item.key.split("/")[1]
        if group is not None and group[0] == id_:
            group[1].append(item)
            continue
        if group is not None:
            yield group
        group = (id_, [item])
    if group is not None:
        yield group
