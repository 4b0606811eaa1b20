"""The accounts of the API."""

from fastapi import Response

from knote.cookies import SESSION
from knote.deps import (
    AskedRoute,
    CurrentAsker,
    FromClient,
    KnownDevice,
    NewEntry,
    Person,
    Sessions,
    Users,
    with_accounts,
)
from knote.errors import NotFound
from knote.routing import open_router
from knote.sessions.schemas import CurrentSession
from knote.users.schemas import Account, PasswordChange, Setup

public = open_router("", tag="accounts", dependencies=[with_accounts])
router = open_router("/account", tag="accounts", route_class=AskedRoute)


@public.post("/setup", status_code=201)
async def set_up(
    body: Setup,
    users: Users,
    client: FromClient,
    entry: NewEntry,
    response: Response,
) -> CurrentSession:
    """Make the first account, an administrator's, and sign in to it. Once there is any, 409."""
    user = await users.set_up(
        body.setup_token.get_secret_value(), body.name, body.password.get_secret_value(), client
    )
    return await entry.let_in(user, response)


@router.get("")
async def read_account(asker: CurrentAsker, users: Users) -> Account:
    """Read one's own account, and what it takes up."""
    if asker.owner is None:
        raise NotFound("This notebook is open to everybody who reaches it: there are no accounts.")
    return await users.account(asker.owner)


@router.put("/password", status_code=204)
async def change_password(
    body: PasswordChange,
    asker: Person,
    users: Users,
    sessions: Sessions,
    client: FromClient,
    device: KnownDevice,
    response: Response,
) -> None:
    """Change one's password, or set the first one. Every other session ends, and this one goes on under
    another secret.

    An account without a password has none to say: a sign-in of the last 10 minutes takes its place. With an
    older one the answer is 403, `urn:knote:problem:stale-sign-in`.
    """
    user = await users.change_password(
        asker,
        body.current_password.get_secret_value() if body.current_password else None,
        body.new_password.get_secret_value(),
        client,
        device,
    )
    SESSION.give(response, await sessions.begin_alone(user, client), sessions.session_time)
