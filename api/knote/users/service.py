"""What may be done with accounts, and what that means."""

import hmac

from pydantic import SecretStr

from knote.asker import Asker
from knote.attempts.service import AttemptService
from knote.audit import audit
from knote.client import Client
from knote.errors import Conflict, Forbidden, SignInFailed, SignInRequired, StaleSignIn
from knote.mongo import Document
from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore
from knote.users.newcomers import Newcomers
from knote.users.passwords import Passwords, check_password
from knote.users.schemas import Account, Identity, Usage
from knote.users.store import UserStore


class UserService:
    """The accounts of this Knote. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        users: UserStore,
        passwords: Passwords,
        newcomers: Newcomers,
        attempts: AttemptService,
        notes: NoteStore,
        pictures: PictureStore,
        *,
        setup_token: SecretStr,
        max_stored_bytes: int = 0,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._newcomers = newcomers
        self._attempts = attempts
        self._notes = notes
        self._pictures = pictures
        self._setup_token = setup_token.get_secret_value()
        self._max_stored_bytes = max_stored_bytes

    async def set_up(self, setup_token: str, name: str, password: str, client: Client) -> Document:
        """Makes the first account.

        Raises `Conflict` when there is one, `Forbidden`, `Invalid`, `TooManyRequests`.
        """
        if await self._users.has_any():
            raise Conflict("Knote has been set up already: sign in.")
        if not self._setup_token:
            raise Forbidden(
                "Knote has no setup token. Make the first account with `python -m knote user add`, or set "
                "KNOTE_SETUP_TOKEN."
            )
        await self._attempts.count_sign_up(client)
        if not hmac.compare_digest(setup_token.encode(), self._setup_token.encode()):
            audit("setup_refused", user=None, by=None, address=client.address)
            raise Forbidden("This is not the setup token. KNOTE_SETUP_TOKEN holds it.")
        user = {**await self._newcomers.document(name, password, is_admin=True), "is_first": True}
        await self._users.insert(user)
        audit("setup", user=user["_id"], by=user["_id"], address=client.address, is_admin=True)
        return user

    async def add(self, name: str, password: str, *, is_admin: bool, by: str) -> Document:
        """Makes an account. Raises `Conflict` where the name is taken, `Invalid`."""
        user = await self._newcomers.document(name, password, is_admin=is_admin)
        await self._users.insert(user)
        audit("user_added", user=user["_id"], by=by, address=None, is_admin=is_admin)
        return user

    async def account(self, user_id: str) -> Account:
        """The account, and what it takes up."""
        user = await self._user(user_id)
        pictures = await self._pictures.usage(user_id)
        return Account(
            id=user_id,
            name=user["name"],
            is_admin=user["is_admin"],
            created_at=user["created_at"],
            has_password=user["password"] is not None,
            identities=[
                Identity(id=each["id"], issuer=each["issuer"], name=each["name"])
                for each in user["identities"]
            ],
            usage=Usage(
                stored_bytes=pictures.stored_bytes,
                max_stored_bytes=self._max_stored_bytes or None,
                notes=await self._notes.count_of(user_id),
                pictures=pictures.pictures,
            ),
        )

    async def prove(self, asker: Asker, password: str | None, client: Client, device: str | None) -> Document:
        """The user, who has said their password again; one who has none has signed in just now.

        Raises `SignInFailed`, `StaleSignIn`, `TooManyRequests`.
        """
        user_id = str(asker.owner)
        user = await self._user(user_id)
        if user["password"] is None and password is None:
            if not asker.is_fresh:
                raise StaleSignIn(
                    "Sign in once more first: there is no password to ask for, and your sign-in is older "
                    "than 10 minutes. Nothing was changed."
                )
            return user
        if not await self._attempts.verify(user["name"], user, password or "", client, device):
            audit("sign_in_failed", user=user_id, by=user_id, address=client.address)
            raise SignInFailed("The present password is another one. Nothing was changed.")
        return user

    async def change_password(
        self, asker: Asker, current: str | None, new: str, client: Client, device: str | None
    ) -> Document:
        """Sets a new password, or the first one, which ends every session. Returns the user.

        Raises `SignInFailed` for a wrong present one, `StaleSignIn` where there is none, `Invalid` for a new
        one that is not good enough, `TooManyRequests`.
        """
        user = await self.prove(asker, current, client, device)
        check_password(new, name=user["name"], location=("body", "new_password"))
        kept = await self._passwords.hash(new)
        changed = await self._users.set_password(user, kept, ends_sessions=True)
        if changed is None:
            raise Conflict("The password was changed at the same moment. Sign in with that one.")
        audit("password_changed", user=user["_id"], by=user["_id"], address=client.address)
        return changed

    async def reset_password(self, user: Document, new: str, *, by: str) -> None:
        """Sets a new password for somebody who has lost theirs. It ends every session. Raises `Invalid`."""
        check_password(new, name=user["name"], location=("body", "password"))
        kept = await self._passwords.hash(new)
        if await self._users.set_password(user, kept, ends_sessions=True) is None:
            raise Conflict("The password was changed at the same moment. Look again.")
        audit("password_changed", user=user["_id"], by=by, address=None)

    async def _user(self, user_id: str) -> Document:
        user = await self._users.find(user_id)
        if user is None:
            raise SignInRequired
        return user
