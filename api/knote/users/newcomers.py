"""What is kept of a new account."""

from knote.clock import Clock, IdSource
from knote.mongo import Document
from knote.users.names import checked_name, name_key
from knote.users.passwords import Passwords, check_password


class Newcomers:
    """Makes the documents of new users."""

    def __init__(self, passwords: Passwords, *, clock: Clock, new_id: IdSource) -> None:
        self._passwords = passwords
        self._clock = clock
        self._new_id = new_id

    async def document(self, name: str, password: str, *, is_admin: bool) -> Document:
        """A user who is not stored yet. Raises `Invalid`, `TooManyRequests`."""
        name = checked_name(name)
        check_password(password, name=name, location=("body", "password"))
        return self._document(name, await self._passwords.hash(password), is_admin=is_admin)

    def document_of_identity(self, name: str, identity: Document) -> Document:
        """A user without a password, who is not stored yet: the identity alone signs in to the account."""
        return {**self._document(name, None, is_admin=False), "identities": [identity]}

    def _document(self, name: str, password: str | None, *, is_admin: bool) -> Document:
        return {
            "_id": self._new_id(),
            "name": name,
            "key": name_key(name),
            "password": password,
            "epoch": 0,
            "is_admin": is_admin,
            "is_disabled": False,
            "created_at": self._clock(),
            "deleted_at": None,
            "last_seen_at": None,
            "identities": [],
        }
