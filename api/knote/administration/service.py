"""What an administrator may do with accounts, and what that means."""

from knote.administration.schemas import ListedUser, UserChange
from knote.audit import Event, audit
from knote.clock import Clock
from knote.errors import Conflict, NotFound
from knote.invites.store import InviteStore
from knote.mongo import Document
from knote.pages import Keyset, Page, decode_cursor, encode_cursor
from knote.pictures.store import PictureStore
from knote.sessions.store import SessionStore
from knote.users.store import UserStore

_SCOPE = "users"


class Actor:
    """Who does it: the id of an account, or `command`, and the address where there is one."""

    def __init__(self, by: str, address: str | None = None) -> None:
        self.by = by
        self.address = address


class AdministrationService:
    """All accounts. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        users: UserStore,
        sessions: SessionStore,
        invites: InviteStore,
        pictures: PictureStore,
        *,
        clock: Clock,
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._invites = invites
        self._pictures = pictures
        self._clock = clock

    async def page(self, limit: int, cursor: str | None) -> Page[ListedUser]:
        """One page of accounts, the newest first. Raises `Invalid` for a cursor of another list."""
        after = decode_cursor(cursor, scope=_SCOPE) if cursor is not None else None
        found = await self._users.page(after, limit + 1)
        items = await self._listed(found[:limit])
        if len(found) <= limit:
            return Page(items=items, next=None)
        last = Keyset(items[-1].created_at, items[-1].id)
        return Page(items=items, next=encode_cursor(last, scope=_SCOPE))

    async def change(self, user_id: str, change: UserChange, actor: Actor) -> ListedUser:
        """Disables, enables, makes an administrator or takes that away.

        A disabled account is out at once, on every replica. Raises `NotFound`, and `Conflict` for the last
        administrator and for a deleted account.
        """
        fields = change.model_dump(exclude_none=True)
        update: Document = {"$set": fields, "$inc": {"epoch": int(change.is_disabled is True)}}
        if not fields:
            return await self._one(await self._users.find(user_id))
        act = self._users.withdraw if _takes_away(change) else self._users.change
        user = await act(user_id, update, {"deleted_at": None})
        if user is None:
            await self._one(await self._users.find(user_id))
            raise Conflict("This account is deleted. Restore it first.")
        if _takes_away(change):
            await self._withdrawn(user)
        for event in _events(change):
            audit(event, user=user_id, by=actor.by, address=actor.address)
        return await self._one(user)

    async def delete(self, user_id: str, actor: Actor) -> None:
        """Deletes the account: it is out at once, and all that is its goes after the grace time.

        Deleting one that is deleted changes nothing. Raises `NotFound`, and `Conflict` for the last
        administrator.
        """
        update: Document = {"$set": {"deleted_at": self._clock()}, "$inc": {"epoch": 1}}
        user = await self._users.withdraw(user_id, update, {"deleted_at": None})
        if user is None:
            await self._one(await self._users.find(user_id))
            return
        await self._withdrawn(user)
        audit("user_deleted", user=user_id, by=actor.by, address=actor.address)

    async def restore(self, user_id: str, actor: Actor) -> ListedUser:
        """Brings a deleted account back, with all that was its. One that is not deleted stays as it is.

        Raises `NotFound` once its removal has begun.
        """
        before = await self._users.find(user_id)
        user = await self._users.change(user_id, {"$set": {"deleted_at": None}})
        restored = await self._one(user)
        if before is not None and before["deleted_at"] is not None:
            audit("user_restored", user=user_id, by=actor.by, address=actor.address)
        return restored

    async def _withdrawn(self, user: Document) -> None:
        """Clears away what the account, as it is now, can no longer use. That it cannot, is so already."""
        await self._invites.remove_all(user["_id"])
        if user["is_disabled"] or user["deleted_at"] is not None:
            await self._sessions.end_all(user["_id"])

    async def _one(self, user: Document | None) -> ListedUser:
        if user is None:
            raise NotFound("There is no such account. It may have been removed for good.")
        return (await self._listed([user]))[0]

    async def _listed(self, users: list[Document]) -> list[ListedUser]:
        stored_bytes = await self._pictures.stored_bytes([user["_id"] for user in users]) if users else {}
        names = ("name", "is_admin", "is_disabled", "created_at", "deleted_at")
        return [
            ListedUser(
                id=user["_id"],
                **{name: user[name] for name in names},
                last_seen_at=user.get("last_seen_at"),
                stored_bytes=stored_bytes.get(user["_id"], 0),
            )
            for user in users
        ]


def _takes_away(change: UserChange) -> bool:
    return change.is_disabled is True or change.is_admin is False


def _events(change: UserChange) -> list[Event]:
    events: list[Event] = []
    if change.is_disabled is not None:
        events.append("user_disabled" if change.is_disabled else "user_enabled")
    if change.is_admin is not None:
        events.append("user_made_admin" if change.is_admin else "user_no_longer_admin")
    return events
