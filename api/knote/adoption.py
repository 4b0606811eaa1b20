"""Gives the shared notebook to an account: notes, trash and pictures, while it is written in.

It may be killed at any point and run any number of times. Each note and each picture changes hands in one
command; pictures go before the notes that name them, and the sweep keeps what is halfway.
"""

from typing import TypedDict

from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore

_BATCH = 500


class AdoptionReport(TypedDict):
    """What changed hands, and what is still shared since it came meanwhile: then run it again.

    `notes_completed` now list the size of a picture that they named before it was theirs.
    """

    notes: int
    pictures: int
    notes_completed: int
    notes_left: int
    pictures_left: int
    uploads_under_way: int


class Adoption:
    """One run, for one account."""

    def __init__(self, notes: NoteStore, pictures: PictureStore, owner: str) -> None:
        self._notes = notes
        self._pictures = pictures
        self._owner = owner

    async def run(self) -> AdoptionReport:
        """Adopts once. Raises `NotesUnavailable` when MongoDB goes away; what was done stays done."""
        report = AdoptionReport(
            notes=0, pictures=0, notes_completed=0, notes_left=0, pictures_left=0, uploads_under_way=0
        )
        # A batch that is not full is the last one: whoever writes on could keep this busy for ever.
        is_full = True
        while is_full:
            notes = await self._notes.shared(_BATCH)
            is_full = len(notes) == _BATCH
            named = sorted({picture["id"] for note in notes for picture in note["pictures"]})
            report["pictures"] += await self._pictures.adopt(named, self._owner)
            report["notes"] += await self._notes.adopt([note["_id"] for note in notes], self._owner)
        is_full, after = True, ""
        while is_full:
            rows = await self._pictures.page(None, after, _BATCH)
            is_full = len(rows) == _BATCH
            after = rows[-1]["_id"] if rows else ""
            report["pictures"] += await self._pictures.adopt([row["_id"] for row in rows], self._owner)
        report["notes_completed"] = await self._complete_notes()
        report["notes_left"] = await self._notes.count_of(None, with_trash=True)
        report["pictures_left"] = await self._pictures.count_of(None, "ready")
        report["uploads_under_way"] = await self._pictures.count_of(None, "pending")
        return report

    async def _complete_notes(self) -> int:
        """Lists the pictures of notes that were written while their pictures had gone ahead."""
        completed = 0
        async for note in self._notes.lacking_pictures(self._owner):
            sizes = await self._pictures.sizes(self._owner, [picture["id"] for picture in note["pictures"]])
            if any(picture["width"] is None and picture["id"] in sizes for picture in note["pictures"]):
                await self._notes.set_pictures(note, sizes)
                completed += 1
        return completed
