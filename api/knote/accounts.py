"""The commands over accounts: `python -m knote user ...`, for somebody at the machine."""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

from knote.administration.schemas import UserChange
from knote.administration.service import Actor, AdministrationService
from knote.adoption import Adoption
from knote.attempts.service import AttemptService
from knote.attempts.store import AttemptStore
from knote.audit import audit
from knote.clock import new_id, utc_now
from knote.devices.store import DeviceStore
from knote.errors import Conflict, Invalid, NotFound
from knote.exports.service import ExportService
from knote.invites.store import InviteStore
from knote.mongo import Document, check_mongo_url, open_database
from knote.notes.store import NoteStore
from knote.pictures.store import PictureStore
from knote.s3 import open_bucket
from knote.sessions.store import SessionStore
from knote.settings import Settings
from knote.users.names import name_key
from knote.users.newcomers import Newcomers
from knote.users.passwords import Passwords
from knote.users.service import UserService
from knote.users.store import UserStore, is_active

Act = Literal["disable", "enable", "delete", "restore"]

_COMMAND = Actor("command")


class Accounts(NamedTuple):
    """What the commands work with."""

    users: UserStore
    notes: NoteStore
    pictures: PictureStore
    service: UserService
    administration: AdministrationService

    async def named(self, name: str) -> Document:
        """The account of that name. Raises `NotFound`."""
        user = await self.users.find_by_key(name_key(name))
        if user is None:
            raise NotFound("There is no account of this name. `python -m knote user list` lists them.")
        return user


@asynccontextmanager
async def _accounts(settings: Settings) -> AsyncIterator[Accounts]:
    check_mongo_url(settings)
    async with open_database(settings) as database, open_bucket(settings) as bucket:
        users, notes, pictures = UserStore(database), NoteStore(database), PictureStore(database, bucket)
        for store in (users, notes, pictures):
            await store.ensure_indexes()
        with Passwords() as passwords:
            yield Accounts(
                users,
                notes,
                pictures,
                UserService(
                    users,
                    passwords,
                    Newcomers(passwords, clock=utc_now, new_id=new_id),
                    AttemptService(AttemptStore(database), DeviceStore(database), passwords, clock=utc_now),
                    notes,
                    pictures,
                    setup_token=settings.setup_token,
                ),
                AdministrationService(
                    users, SessionStore(database), InviteStore(database), pictures, clock=utc_now
                ),
            )


async def add_user(settings: Settings, name: str, password: str, *, is_admin: bool) -> dict[str, Any]:
    """Makes an account. Raises `Conflict`, `Invalid`, `StoreUnavailable`."""
    async with _accounts(settings) as accounts:
        return _shown(await accounts.service.add(name, password, is_admin=is_admin, by=_COMMAND.by))


async def list_users(settings: Settings) -> list[dict[str, Any]]:
    """All accounts, in the order of their names. Raises `StoreUnavailable`."""
    async with _accounts(settings) as accounts:
        return [_shown(user) async for user in accounts.users.all()]


async def change_user(settings: Settings, name: str, act: Act) -> dict[str, Any]:
    """Disables, enables, deletes or restores an account, as an administrator may.

    Raises `NotFound`, `StoreUnavailable`, and `Conflict` for the last administrator.
    """
    async with _accounts(settings) as accounts:
        user_id = (await accounts.named(name))["_id"]
        match act:
            case "disable" | "enable":
                change = UserChange(is_disabled=act == "disable")
                await accounts.administration.change(user_id, change, _COMMAND)
            case "delete":
                await accounts.administration.delete(user_id, _COMMAND)
            case "restore":
                await accounts.administration.restore(user_id, _COMMAND)
        return _shown(await accounts.named(name))


async def set_password(settings: Settings, name: str, password: str) -> dict[str, Any]:
    """Sets a new password, which ends every session. Raises `NotFound`, `Invalid`, `StoreUnavailable`."""
    async with _accounts(settings) as accounts:
        user = await accounts.named(name)
        await accounts.service.reset_password(user, password, by=_COMMAND.by)
        return _shown(user)


async def export_user(settings: Settings, name: str, file: Path) -> dict[str, Any]:
    """Writes all that an account has into a new file, deleted accounts included.

    Raises `NotFound`, `StoreUnavailable`, and `Invalid` where the file cannot be made.
    """
    async with _accounts(settings) as accounts:
        user = await accounts.named(name)
        exports = ExportService(accounts.users, accounts.notes, accounts.pictures, clock=utc_now)
        export = await exports.begin(user["_id"], by=_COMMAND.by, address=None, while_active=False)
        size_bytes = 0
        with _new_file(file) as target:
            async for chunk in export.chunks:
                size_bytes += target.write(chunk)
        return {**_shown(user), "file": str(file), "size_bytes": size_bytes}


async def adopt(settings: Settings, name: str) -> dict[str, Any]:
    """Gives the shared notebook to an account. Raises `NotFound`, `Conflict`, `StoreUnavailable`."""
    async with _accounts(settings) as accounts:
        user = await accounts.named(name)
        if not is_active(user):
            raise Conflict("This account is disabled or deleted: it could not open what it is given.")
        report = await Adoption(accounts.notes, accounts.pictures, user["_id"]).run()
        audit(
            "notebook_adopted",
            user=user["_id"],
            by=_COMMAND.by,
            address=None,
            notes=str(report["notes"]),
            pictures=str(report["pictures"]),
        )
        return {"user": user["_id"], "name": user["name"], **report}


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file for nobody else to read, which is there only when it is whole. Raises `Invalid`."""
    part = path.with_name(f"{path.name}.part")
    try:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise Invalid(f"{path} cannot be written: {error.strerror}.", location=("file",)) from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _shown(user: Document) -> dict[str, Any]:
    """What may be told of a user."""
    names = ("name", "is_admin", "is_disabled", "created_at", "deleted_at")
    return {"id": user["_id"], **{name: user[name] for name in names}}
