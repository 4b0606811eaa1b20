"""What may be done with sessions, and what that means."""

from datetime import datetime, timedelta

from knote.asker import Asker
from knote.attempts.service import AttemptService
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock, IdSource
from knote.errors import NotFound, SignInFailed
from knote.mongo import Document
from knote.pages import Page
from knote.secret import hash_of, new_secret
from knote.sessions.schemas import CurrentSession, Session, SingleSignOn
from knote.sessions.store import SessionStore
from knote.settings import Settings
from knote.users.names import name_key
from knote.users.passwords import Passwords
from knote.users.schemas import User
from knote.users.store import UserStore, is_active

# A session that is in use is written at most so often.
_TOUCH_TIME = timedelta(minutes=5)
# For so long a sign-in stands for a password, where an account has none.
_FRESH_TIME = timedelta(minutes=10)


class SessionService:
    """Who is signed in. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        sessions: SessionStore,
        users: UserStore,
        passwords: Passwords,
        attempts: AttemptService,
        settings: Settings,
        *,
        clock: Clock,
        new_id: IdSource,
    ) -> None:
        self.session_time = settings.session_time
        self._idle_time = settings.session_idle_time
        self._touch_time = min(_TOUCH_TIME, self._idle_time / 10)
        self._auth = settings.auth
        self._sign_up = settings.sign_up
        self._single_sign_on = (
            SingleSignOn(name=settings.oidc_name, url="/api/v1/sso/start")
            if settings.has_single_sign_on
            else None
        )
        self._has_setup_token = bool(settings.setup_token.get_secret_value())
        self._sessions = sessions
        self._users = users
        self._passwords = passwords
        self._attempts = attempts
        self._clock = clock
        self._new_id = new_id

    async def asker(self, secret: str) -> Asker | None:
        """Whose session has this secret; None when it is over, was never, or its account may not be used."""
        found = await self._found(secret)
        if found is None:
            return None
        session, user = found
        is_fresh = self._clock() - session["created_at"] < _FRESH_TIME
        return Asker(user["_id"], "write", user["is_admin"], "session", session["id"], is_fresh)

    async def state(self, secret: str | None) -> CurrentSession:
        """Who is signed in with this secret, and what there is to be done without one."""
        if self._auth == "open":
            return self.state_of(None)
        found = await self._found(secret) if secret else None
        if found is not None:
            return self.state_of(found[1])
        return self.state_of(None, is_set_up=await self._users.has_any())

    def state_of(self, user: Document | None, *, is_set_up: bool = True) -> CurrentSession:
        """The same, of a user who is known."""
        return CurrentSession(
            auth=self._auth,
            user=User(id=user["_id"], name=user["name"], is_admin=user["is_admin"]) if user else None,
            sign_up=self._sign_up,
            is_set_up=is_set_up,
            needs_setup_token=not is_set_up and self._has_setup_token,
            single_sign_on=self._single_sign_on,
        )

    async def sign_in(self, name: str, password: str, client: Client, device: str | None) -> Document:
        """The user of that name and password. Raises `SignInFailed`, `TooManyRequests`.

        Whether there is such a name shows neither in the answer nor in the time that it takes.
        """
        user = await self._users.find_by_key(name_key(name))
        is_right = await self._attempts.verify(name, user, password, client, device)
        if user is None or not is_right or not is_active(user):
            audit("sign_in_failed", user=user["_id"] if user else None, by=None, address=client.address)
            raise SignInFailed("There is no account with this name and this password. Try again.")
        if self._passwords.is_outdated(user["password"]):
            kept = await self._passwords.hash(password)
            await self._users.set_password(user, kept, ends_sessions=False)
        return user

    async def begin(self, user: Document, client: Client, *, instead_of: str | None = None) -> str:
        """Begins a session of the user and ends the one it replaces. Returns its secret."""
        secret = new_secret()
        now = self._clock()
        session = {
            "_id": hash_of(secret),
            "id": self._new_id(),
            "user": user["_id"],
            "epoch": user["epoch"],
            "created_at": now,
            "last_seen_at": now,
            "ends_at": now + self.session_time,
            "expires_at": self._expiry(now, now + self.session_time),
            **client._asdict(),
        }
        await self._sessions.insert(session)
        await self._users.see(user["_id"], now)
        if instead_of is not None:
            await self._sessions.end(hash_of(instead_of))
        audit("sign_in", user=user["_id"], by=user["_id"], address=client.address, session=session["id"])
        return secret

    async def begin_alone(self, user: Document, client: Client) -> str:
        """Begins a session of the user and ends all others of theirs. Returns its secret."""
        secret = await self.begin(user, client)
        await self._sessions.end_all(user["_id"], but=hash_of(secret))
        return secret

    async def sign_out(self, secret: str | None, client: Client) -> None:
        """Ends the session with this secret, if there is one."""
        session = await self._sessions.end(hash_of(secret)) if secret else None
        if session is not None:
            user = session["user"]
            audit("sign_out", user=user, by=user, address=client.address, session=session["id"])

    async def list(self, asker: Asker) -> Page[Session]:
        """The sessions of who asks."""
        names = ("id", "device", "address", "created_at", "last_seen_at")
        found = await self._sessions.of_user(str(asker.owner), self._clock())
        items = [
            Session(**{name: each[name] for name in names}, is_current=each["id"] == asker.session)
            for each in found
        ]
        return Page(items=items, next=None)

    async def revoke(self, asker: Asker, session_id: str, client: Client) -> None:
        """Ends one of the sessions of who asks. Raises `NotFound`."""
        if not await self._sessions.end_one(str(asker.owner), session_id):
            raise NotFound("There is no such session of yours. It may be over.")
        audit("session_revoked", user=asker.owner, by=asker.owner, address=client.address, session=session_id)

    async def sign_out_everywhere(self, asker: Asker, client: Client) -> None:
        """Ends all sessions of who asks."""
        await self._sessions.end_all(str(asker.owner))
        audit("sign_out_everywhere", user=asker.owner, by=asker.owner, address=client.address)

    async def _found(self, secret: str) -> tuple[Document, Document] | None:
        """The session with this secret and its user, who may be known by it."""
        now = self._clock()
        found = await self._sessions.find(hash_of(secret), now)
        if found is None:
            return None
        session, user = found
        if not is_active(user) or session["epoch"] != user["epoch"]:
            return None
        if now - session["last_seen_at"] >= self._touch_time:
            await self._sessions.touch(session["_id"], now, self._expiry(now, session["ends_at"]))
            await self._users.see(user["_id"], now)
        return session, user

    def _expiry(self, seen_at: datetime, ends_at: datetime) -> datetime:
        return min(seen_at + self._idle_time, ends_at)
