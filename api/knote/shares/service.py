"""What may be done with shares, and what that means."""

import re
from collections.abc import Sequence
from typing import Literal

from knote.asker import Asker, Owner
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock, IdSource
from knote.errors import Conflict, NotFound
from knote.lifetimes import end_of
from knote.mongo import Document
from knote.notes.schemas import NotePicture
from knote.notes.store import NoteStore
from knote.pages import Page
from knote.secret import hash_of, new_secret
from knote.shares.links import is_over, is_secret, is_signed, note_url, picture_url
from knote.shares.schemas import MadeShare, NewShare, Share, SharedNote
from knote.shares.store import Found, ShareStore

# Nobody can tell more of them apart.
MOST_SHARES = 100
_ID = re.compile(r"[a-z2-7]{24}")


class ShareService:
    """The links to notes. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(self, shares: ShareStore, notes: NoteStore, *, clock: Clock, new_id: IdSource) -> None:
        self._shares = shares
        self._notes = notes
        self._clock = clock
        self._new_id = new_id

    async def create(self, asker: Asker, note_id: str, wanted: NewShare, client: Client) -> MadeShare:
        """Makes a link to a note of who asks. Raises `NotFound`, and `Conflict` when there are too many."""
        if len(await self._of_note(asker.owner, note_id)) >= MOST_SHARES:
            raise Conflict(f"This note has {MOST_SHARES} links, which is the most. Revoke one first.")
        secret = new_secret()
        now = self._clock()
        share: Document = {
            "_id": self._new_id(),
            "hash": hash_of(secret),
            "note": note_id,
            "created_at": now,
            "expires_at": end_of(wanted.expires_in_days, now),
        }
        await self._shares.insert(share)
        _audit_share("share_made", asker, share["_id"], note_id, client)
        return MadeShare(**_shown(share), url=note_url(share["_id"], secret))

    async def list(self, owner: Owner, note_id: str) -> Page[Share]:
        """The links to a note of the owner that work, the newest first. Raises `NotFound`."""
        found = await self._of_note(owner, note_id)
        return Page(items=[Share(**_shown(share)) for share in found], next=None)

    async def revoke(self, asker: Asker, note_id: str, share_id: str, client: Client) -> None:
        """Ends a link to a note of who asks. Raises `NotFound`."""
        await self._check_note(asker.owner, note_id)
        if not await self._shares.remove(note_id, share_id):
            raise NotFound("There is no such link to this note. It may have been revoked.")
        _audit_share("share_revoked", asker, share_id, note_id, client)

    async def read(self, share_id: str, secret: str | None) -> SharedNote:
        """The note behind a link, for whoever has its secret. Raises `NotFound`."""
        if secret is None:
            raise _not_found()
        found = await self._found(share_id, with_content=True)
        if not is_secret(secret, found.share["hash"]):
            raise _not_found()
        now = self._clock()
        pictures = [
            NotePicture(**picture, url=picture_url(found.share["hash"], share_id, picture["id"], now))
            for picture in found.note["pictures"]
            if picture["width"] is not None
        ]
        return SharedNote(
            content=found.note["content"],
            updated_at=found.note["updated_at"],
            expires_at=found.share["expires_at"],
            pictures=pictures,
        )

    async def owner_of_picture(
        self, share_id: str, picture_id: str, *, expires: int, signature: str
    ) -> Owner:
        """Whose picture a signed path leads to, if the note names it now. Raises `NotFound`."""
        if is_over(expires, self._clock()):
            raise _not_found()
        found = await self._found(share_id, with_content=False)
        if not is_signed(found.share["hash"], share_id, picture_id, expires, signature):
            raise _not_found()
        if picture_id not in {picture["id"] for picture in found.note["pictures"]}:
            raise _not_found()
        return found.owner

    async def _found(self, share_id: str, *, with_content: bool) -> Found:
        found = None
        if _ID.fullmatch(share_id):
            found = await self._shares.find(share_id, self._clock(), with_content=with_content)
        if found is None:
            raise _not_found()
        return found

    async def _of_note(self, owner: Owner, note_id: str) -> Sequence[Document]:
        await self._check_note(owner, note_id)
        return await self._shares.of_note(note_id, self._clock())

    async def _check_note(self, owner: Owner, note_id: str) -> None:
        if not _ID.fullmatch(note_id) or await self._notes.find(owner, note_id) is None:
            raise NotFound("There is no such note. It may have been deleted.")


def _not_found() -> NotFound:
    """The one answer to all that does not work: why it does not is for its owner to know."""
    return NotFound("This link leads to nothing. It may have ended, or the note is no longer there.")


def _audit_share(
    event: Literal["share_made", "share_revoked"], asker: Asker, share_id: str, note_id: str, client: Client
) -> None:
    user = asker.owner
    audit(event, user=user, by=user, address=client.address, share=share_id, note=note_id)


def _shown(share: Document) -> Document:
    """What may be told of a share."""
    return {"id": share["_id"], "created_at": share["created_at"], "expires_at": share["expires_at"]}
