"""Single sign-on in MongoDB: the sign-ins that were begun, and whose account an identity signs in to."""

from datetime import datetime

from knote.errors import Conflict
from knote.mongo import (
    ASCENDING,
    Collection,
    Database,
    Document,
    DuplicateKeyError,
    IndexModel,
    ReturnDocument,
    database_errors,
)

INDEXES = [IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0)]


class SignInStore:
    """The `sign_ins` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._sign_ins: Collection = database["sign_ins"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._sign_ins.create_indexes(INDEXES)

    async def insert(self, sign_in: Document) -> None:
        """Stores one that was begun."""
        with database_errors():
            await self._sign_ins.insert_one(sign_in)

    async def take(self, hashed: str, browser: str, now: datetime) -> Document | None:
        """The one whose state has that hash, begun by that browser and not over. It is taken once."""
        condition = {"_id": hashed, "browser": browser, "expires_at": {"$gt": now}}
        with database_errors():
            return await self._sign_ins.find_one_and_delete(condition)


class IdentityStore:
    """The identities in the `users` collection. Methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._users: Collection = database["users"]

    async def find_user(self, issuer: str, subject: str) -> Document | None:
        """The user whom that identity signs in."""
        with database_errors():
            return await self._users.find_one(having(issuer, subject))

    async def link(self, user_id: str, identity: Document) -> Document | None:
        """Adds an identity to the user, who has none such yet. Returns the user, None for nobody.

        Raises `Conflict` where it signs in to another account.
        """
        same = _one(issuer=identity["issuer"], subject=identity["subject"])
        with database_errors():
            try:
                return await self._users.find_one_and_update(
                    {"_id": user_id, "identities": {"$not": same}},
                    {"$push": {"identities": identity}},
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError as error:
                raise Conflict("This identity signs in to another account.") from error

    async def unlink(self, user_id: str, identity_id: str, *, issuer: str) -> bool:
        """Takes an identity from the user, unless it is the last way in: there has to be a password, or
        another identity at that issuer. Returns whether it was taken.
        """
        others = _one(issuer=issuer, id={"$ne": identity_id})
        condition = {
            "_id": user_id,
            "identities.id": identity_id,
            "$or": [{"password": {"$ne": None}}, {"identities": others}],
        }
        with database_errors():
            result = await self._users.update_one(condition, {"$pull": {"identities": {"id": identity_id}}})
        return result.modified_count == 1


def having(issuer: str, subject: str) -> Document:
    """The condition that a user has that identity. Its issuer stands there twice: once for the index, which
    is of users with one alone, and does not see it within `$elemMatch`.
    """
    return {"identities.issuer": issuer, "identities": _one(issuer=issuer, subject=subject)}


def _one(**fields: object) -> Document:
    """The condition that one and the same identity has all of these."""
    return {"$elemMatch": fields}
