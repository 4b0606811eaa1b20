"""What may be done with API tokens, and what that means."""

from datetime import datetime, timedelta

from knote.asker import Asker
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock, IdSource
from knote.errors import Conflict, Invalid, NotFound, SignInRequired
from knote.lifetimes import end_of
from knote.mongo import Document
from knote.pages import Page
from knote.secret import hash_of
from knote.tokens.schemas import MadeToken, NewToken, Token
from knote.tokens.secret import is_whole, new_token
from knote.tokens.store import TokenStore
from knote.users.store import is_active

# Nobody can tell more of them apart.
MOST_TOKENS = 100
# A token that is in use is written at most so often.
_TOUCH_TIME = timedelta(minutes=5)


class TokenService:
    """The API tokens of each user. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(self, tokens: TokenStore, *, clock: Clock, new_id: IdSource) -> None:
        self._tokens = tokens
        self._clock = clock
        self._new_id = new_id

    async def asker(self, token: str) -> Asker:
        """Whose token this is, and what it may do.

        Raises `SignInRequired` when it is over, revoked or was never, or its account may not be used.
        """
        if not is_whole(token):
            raise SignInRequired("This is no token of Knote's: it was cut short or mistyped. Copy it anew.")
        found = await self._tokens.find(hash_of(token))
        now = self._clock()
        if found is None or not _is_good(*found, now):
            raise SignInRequired("This token is not good any more: it expired or was revoked. Make another.")
        kept, user = found
        if kept["last_used_at"] is None or now - kept["last_used_at"] >= _TOUCH_TIME:
            await self._tokens.touch(kept["_id"], now)
        # A token never looks after other accounts, whoever made it.
        return Asker(user["_id"], kept["access"], is_admin=False, proof="token")

    async def create(self, asker: Asker, wanted: NewToken, client: Client) -> MadeToken:
        """Makes a token of who asks. Raises `Invalid`, and `Conflict` when there are too many."""
        name = wanted.name.strip()
        if not name:
            raise Invalid("This name is blank. Say what the token is for.", location=("body", "name"))
        user = str(asker.owner)
        if await self._tokens.count_of(user) >= MOST_TOKENS:
            raise Conflict(
                f"You have {MOST_TOKENS} tokens, which is the most. Revoke one that you do not need."
            )
        token = new_token()
        now = self._clock()
        kept: Document = {
            "_id": self._new_id(),
            "hash": hash_of(token),
            "user": user,
            "name": name,
            "access": wanted.access,
            "created_at": now,
            "expires_at": end_of(wanted.expires_in_days, now),
            "last_used_at": None,
        }
        await self._tokens.insert(kept)
        audit(
            "token_made",
            user=user,
            by=user,
            address=client.address,
            token=kept["_id"],
            access=wanted.access,
        )
        return MadeToken(**_shown(kept), token=token)

    async def list(self, asker: Asker) -> Page[Token]:
        """The tokens of who asks, the newest first. One that is over is there until it is revoked."""
        found = await self._tokens.of_user(str(asker.owner))
        return Page(items=[Token(**_shown(each)) for each in found], next=None)

    async def revoke(self, asker: Asker, token_id: str, client: Client) -> None:
        """Ends one of the tokens of who asks. Raises `NotFound`."""
        if not await self._tokens.remove(str(asker.owner), token_id):
            raise NotFound("There is no such token of yours. It may have been revoked.")
        audit("token_revoked", user=asker.owner, by=asker.owner, address=client.address, token=token_id)


def _is_good(kept: Document, user: Document, now: datetime) -> bool:
    return is_active(user) and (kept["expires_at"] is None or now < kept["expires_at"])


def _shown(kept: Document) -> Document:
    """What may be told of a token."""
    names = ("name", "access", "created_at", "expires_at", "last_used_at")
    return {"id": kept["_id"], **{name: kept[name] for name in names}}
