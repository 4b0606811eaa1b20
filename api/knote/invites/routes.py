"""The invites of the API, and signing up."""

from fastapi import Response

from knote.deps import (
    Admin,
    AskedRoute,
    FromClient,
    Invites,
    NewEntry,
    with_accounts,
)
from knote.invites.schemas import Invite, MadeInvite, NewInvite, SignUp
from knote.pages import Page
from knote.routing import open_router
from knote.sessions.schemas import CurrentSession

router = open_router("/invites", tag="users", route_class=AskedRoute)
public = open_router("/users", tag="users", dependencies=[with_accounts])


@router.post("", status_code=201)
async def create_invite(
    body: NewInvite, asker: Admin, invites: Invites, client: FromClient, response: Response
) -> MadeInvite:
    """Make an invite: a link for one person to make one account by. The link is told this once."""
    response.headers["Cache-Control"] = "no-store"
    return await invites.create(asker, body, client)


@router.get("")
async def list_invites(_: Admin, invites: Invites) -> Page[Invite]:
    """List the invites that nobody has used yet, newest first."""
    return await invites.open()


@router.delete("/{invite_id}", status_code=204)
async def revoke_invite(invite_id: str, asker: Admin, invites: Invites, client: FromClient) -> None:
    """Take an invite back: its link does nothing any more."""
    await invites.revoke(asker, invite_id, client)


@public.post("", status_code=201)
async def sign_up(
    body: SignUp,
    invites: Invites,
    client: FromClient,
    entry: NewEntry,
    response: Response,
) -> CurrentSession:
    """Make an account by an invite, and sign in to it. An invite is spent once, whoever is first.

    With `KNOTE_SIGN_UP=open` it takes no invite.
    """
    invite = body.invite.get_secret_value() if body.invite else None
    user = await invites.sign_up(body.name, body.password.get_secret_value(), invite, client)
    return await entry.let_in(user, response)
