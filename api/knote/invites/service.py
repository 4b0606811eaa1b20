"""What may be done with invites, and who makes an account."""

from datetime import timedelta

from knote.asker import Asker
from knote.attempts.service import AttemptService
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock, IdSource
from knote.errors import Forbidden, NotFound
from knote.invites.schemas import Invite, MadeInvite, NewInvite
from knote.invites.store import InviteStore
from knote.mongo import Document
from knote.pages import Page
from knote.secret import hash_of, new_secret
from knote.settings import Settings
from knote.users.newcomers import Newcomers
from knote.users.store import UserStore


class InviteService:
    """Who may join. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        invites: InviteStore,
        users: UserStore,
        newcomers: Newcomers,
        attempts: AttemptService,
        settings: Settings,
        *,
        clock: Clock,
        new_id: IdSource,
    ) -> None:
        self._invites = invites
        self._users = users
        self._newcomers = newcomers
        self._attempts = attempts
        self._is_open = settings.sign_up == "open"
        self._public_url = settings.public_url
        self._clock = clock
        self._new_id = new_id

    async def create(self, asker: Asker, wanted: NewInvite, client: Client) -> MadeInvite:
        """Makes an invite. Only a hash of what its link says is kept."""
        secret = new_secret()
        now = self._clock()
        invite: Document = {
            "_id": self._new_id(),
            "hash": hash_of(secret),
            "is_admin": wanted.is_admin,
            "created_by": asker.owner,
            "created_at": now,
            "expires_at": now + timedelta(days=wanted.expires_in_days),
        }
        await self._invites.insert(invite)
        audit(
            "invite_made",
            user=None,
            by=asker.owner,
            address=client.address,
            invite=invite["_id"],
            is_admin=wanted.is_admin,
        )
        # After the #, which no browser sends to any server: so the secret is in no log.
        url = f"{self._public_url}/invite#{secret}"
        return MadeInvite(**_invite(invite).model_dump(), url=url)

    async def open(self) -> Page[Invite]:
        """The invites that somebody may still use."""
        return Page(items=[_invite(each) for each in await self._invites.open(self._clock())], next=None)

    async def revoke(self, asker: Asker, invite_id: str, client: Client) -> None:
        """Takes an invite back. Raises `NotFound`."""
        if not await self._invites.remove(invite_id):
            raise NotFound("There is no such invite. It may have been used, or be over.")
        audit("invite_revoked", user=None, by=asker.owner, address=client.address, invite=invite_id)

    async def sign_up(self, name: str, password: str, invite: str | None, client: Client) -> Document:
        """Makes the account of somebody who was invited, or of anybody where Knote is open to all.

        Raises `Forbidden`, `Conflict` where the name is taken, `Invalid`, `TooManyRequests`.
        """
        if invite is None and not self._is_open:
            raise Forbidden("An account takes an invite here. Ask an administrator for one.")
        await self._attempts.count_sign_up(client)
        if invite is not None and await self._invites.find(hash_of(invite), self._clock()) is None:
            raise _spent()  # before a password is worked on
        user: Document | None = await self._newcomers.document(name, password, is_admin=False)
        assert user is not None  # noqa: S101
        if invite is None:
            await self._users.insert(user)
        else:
            user = await self._invites.spend(hash_of(invite), self._clock(), user)
        if user is None:
            raise _spent()
        audit(
            "signed_up",
            user=user["_id"],
            by=user["_id"],
            address=client.address,
            is_admin=user["is_admin"],
            is_invited=invite is not None,
        )
        return user


def _spent() -> Forbidden:
    return Forbidden("This invite was used, taken back, or is over. Ask an administrator for another.")


def _invite(document: Document) -> Invite:
    names = ("is_admin", "created_by", "created_at", "expires_at")
    return Invite(id=document["_id"], **{name: document[name] for name in names})
