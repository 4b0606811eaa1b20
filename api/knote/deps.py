"""What a route may ask for, as annotated aliases. The lifespan of the app puts it there.

Nothing is given out before MongoDB and its indexes are there: all that is asked for relies on them.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, cast

from fastapi import Depends, Request, Response

from knote.administration.service import AdministrationService
from knote.asker import Asker
from knote.authentication import Authentication
from knote.client import Client, client_of
from knote.cookies import DEVICE
from knote.entry import Entry
from knote.errors import Forbidden, NotFound
from knote.exports.service import ExportService
from knote.invites.service import InviteService
from knote.notes.service import NoteService
from knote.pictures.service import PictureService
from knote.routing import PlannedRoute
from knote.sessions.service import SessionService
from knote.shares.service import ShareService
from knote.sso.service import SignOnService
from knote.tokens.service import TokenService
from knote.users.service import UserService


class AskedRoute(PlannedRoute):
    """A route for who is known alone, and asks not too often: both come before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The route's own handler, behind the question who asks."""
        handle = super().get_route_handler()

        async def handle_asked(request: Request) -> Response:
            await request.state.health.admit()
            asker = await request.state.authentication.asker(request)
            request.scope["asker"] = asker
            if asker.owner is not None:
                await request.state.quotas.count_request(asker.owner)
            return await handle(request)

        return handle_asked


async def _asker(request: Request) -> Asker:
    return cast("Asker", request.scope["asker"])


async def _person(request: Request) -> Asker:
    asker = cast("Asker", request.scope["asker"])
    if asker.proof == "open":
        raise _no_accounts()
    if asker.proof != "session":
        raise Forbidden("A token is not enough for this: sign in with a browser.")
    return asker


async def _count_upload(request: Request) -> None:
    owner = request.scope["asker"].owner
    if owner is not None:
        await request.state.quotas.count_upload(owner)


async def _admin(asker: "Person") -> Asker:
    if not asker.is_admin:
        raise Forbidden("Only an administrator may do this.")
    return asker


async def _with_accounts(request: Request) -> None:
    authentication: Authentication = request.state.authentication
    if not authentication.has_accounts:
        raise _no_accounts()
    authentication.check_stranger(request)


def _no_accounts() -> NotFound:
    return NotFound("This notebook is open to everybody who reaches it: there are no accounts to sign in to.")


async def _client(request: Request) -> Client:
    return client_of(request)


async def _notes(request: Request) -> NoteService:
    return cast("NoteService", request.state.notes)


async def _pictures(request: Request) -> PictureService:
    return cast("PictureService", request.state.pictures)


async def _sessions(request: Request) -> SessionService:
    if request.state.authentication.has_accounts:
        await request.state.health.admit()
    return cast("SessionService", request.state.sessions)


async def _shares(request: Request) -> ShareService:
    await request.state.health.admit()
    return cast("ShareService", request.state.shares)


async def _tokens(request: Request) -> TokenService:
    return cast("TokenService", request.state.tokens)


async def _sign_on(request: Request) -> SignOnService:
    await request.state.health.admit()
    return cast("SignOnService", request.state.sign_on)


async def _users(request: Request) -> UserService:
    await request.state.health.admit()
    return cast("UserService", request.state.users)


async def _administration(request: Request) -> AdministrationService:
    return cast("AdministrationService", request.state.administration)


async def _invites(request: Request) -> InviteService:
    await request.state.health.admit()
    return cast("InviteService", request.state.invites)


async def _exports(request: Request) -> ExportService:
    return cast("ExportService", request.state.exports)


async def _entry(sessions: "Sessions", request: Request) -> Entry:
    return Entry(sessions, request.state.devices, request)


async def _device(request: Request) -> str | None:
    return DEVICE.secret_in(request)


# The first three are for routes of the class `AskedRoute`: whoever asks; a person who is signed in, which a
# token does not prove; and one who looks after the others.
CurrentAsker = Annotated[Asker, Depends(_asker)]
Person = Annotated[Asker, Depends(_person)]
Admin = Annotated[Asker, Depends(_admin)]
# For routes of that class that take a picture.
counted_upload = Depends(_count_upload)
# For routes that anybody may ask: 404 in an open notebook.
with_accounts = Depends(_with_accounts)
FromClient = Annotated[Client, Depends(_client)]
Notes = Annotated[NoteService, Depends(_notes)]
Pictures = Annotated[PictureService, Depends(_pictures)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Shares = Annotated[ShareService, Depends(_shares)]
Tokens = Annotated[TokenService, Depends(_tokens)]
SignOn = Annotated[SignOnService, Depends(_sign_on)]
Users = Annotated[UserService, Depends(_users)]
Administration = Annotated[AdministrationService, Depends(_administration)]
Invites = Annotated[InviteService, Depends(_invites)]
Exports = Annotated[ExportService, Depends(_exports)]
# A browser that is about to be signed in.
NewEntry = Annotated[Entry, Depends(_entry)]
# The secret of a device that somebody has signed in with before, as it says.
KnownDevice = Annotated[str | None, Depends(_device)]
