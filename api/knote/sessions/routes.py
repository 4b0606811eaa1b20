"""The sessions of the API."""

from fastapi import Request, Response

from knote.cookies import SESSION
from knote.deps import AskedRoute, FromClient, KnownDevice, NewEntry, Person, Sessions, with_accounts
from knote.pages import Page
from knote.routing import open_router
from knote.sessions.schemas import CurrentSession, Session, SignIn

public = open_router("/session", tag="sessions")
router = open_router("/sessions", tag="sessions", route_class=AskedRoute)


@public.get("")
async def read_session(sessions: Sessions, request: Request, response: Response) -> CurrentSession:
    """Read who is signed in: anybody may ask, and is told what there is to be done when nobody is."""
    response.headers["Cache-Control"] = "no-store"
    return await sessions.state(SESSION.secret_in(request))


@public.post("", status_code=201, dependencies=[with_accounts])
async def sign_in(
    body: SignIn,
    sessions: Sessions,
    client: FromClient,
    device: KnownDevice,
    entry: NewEntry,
    response: Response,
) -> CurrentSession:
    """Sign in. The answer sets a cookie; a session that the browser had before is over.

    After too many attempts the answer is 429, and `Retry-After` says when to try again. A device that has
    signed in to the account before is not kept out by the attempts of others.
    """
    user = await sessions.sign_in(body.name, body.password.get_secret_value(), client, device)
    return await entry.let_in(user, response)


@public.delete("", status_code=204, dependencies=[with_accounts])
async def sign_out(sessions: Sessions, client: FromClient, request: Request, response: Response) -> None:
    """Sign out. Nobody who is not signed in is refused."""
    await sessions.sign_out(SESSION.secret_in(request), client)
    SESSION.clear(response)


@router.get("")
async def list_sessions(asker: Person, sessions: Sessions) -> Page[Session]:
    """List where one is signed in, the session used last first."""
    return await sessions.list(asker)


@router.delete("", status_code=204)
async def sign_out_everywhere(
    asker: Person, sessions: Sessions, client: FromClient, response: Response
) -> None:
    """Sign out everywhere, here included."""
    await sessions.sign_out_everywhere(asker, client)
    SESSION.clear(response)


@router.delete("/{session_id}", status_code=204)
async def revoke_session(session_id: str, asker: Person, sessions: Sessions, client: FromClient) -> None:
    """Sign out somewhere else: the session is over on every replica at once."""
    await sessions.revoke(asker, session_id, client)
