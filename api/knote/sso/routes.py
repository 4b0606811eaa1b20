"""Single sign-on in the API: two addresses that a browser goes to, and one's identities."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse

from knote.audit import audit
from knote.client import client_of
from knote.cookies import SESSION, SIGN_ON
from knote.deps import (
    AskedRoute,
    FromClient,
    NewEntry,
    Person,
    Sessions,
    SignOn,
    with_accounts,
)
from knote.errors import SignOnRefused, StoreUnavailable, TooManyRequests
from knote.routing import PlannedRoute, open_router
from knote.secret import new_secret
from knote.sso.places import LONGEST, path_here, with_query
from knote.sso.schemas import Begun, Link, NewSignOn
from knote.sso.service import LASTING, Answer, Purpose

_SIGN_IN_PAGE, _ACCOUNT_PAGE = "/sign-in", "/account"
# The query of the way back holds a code, and is nobody else's business.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class LedRoute(PlannedRoute):
    """A route that a person's browser is at: what goes wrong leads to a page that says so in words.

    The page is told in its query: `error=sso-<reason>`, and `return_to` where that is known.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """The route's own handler, with a way on when it refuses."""
        handle = super().get_route_handler()

        async def handle_led(request: Request) -> Response:
            try:
                return await handle(request)
            except SignOnRefused as error:
                account = _begun(request).get("account")
                address = client_of(request).address
                audit("sign_in_failed", user=account, by=account, address=address, reason=error.reason)
                return _led_to_words(request, error.reason)
            except StoreUnavailable:
                return _led_to_words(request, "unavailable")
            except TooManyRequests:
                return _led_to_words(request, "too-many")

        return handle_led


public = open_router("/sso", tag="single sign-on", dependencies=[with_accounts])
led = open_router("/sso", tag="single sign-on", route_class=LedRoute, dependencies=[with_accounts])
router = open_router("/account/identities", tag="single sign-on", route_class=AskedRoute)

Text = Annotated[str, Query(max_length=8000)]


@led.get("/start", status_code=302, response_class=RedirectResponse)
async def start_sign_on(
    sign_on: SignOn,
    client: FromClient,
    request: Request,
    return_to: Annotated[
        str, Query(description="The path of the page to come back to; `/` for any other address.")
    ] = "/",
) -> Response:
    """Send a browser to the provider. It comes back signed in, or to the sign-in page with an `error`.

    `error` is `sso-` and one of: `cancelled` (nobody signed in there), `expired` (begun too long ago, or in
    another browser), `failed` (what the provider said does not hold), `unavailable` (it does not answer),
    `no-account` (nobody's account yet, and an invite is needed), `invite` (it was used, or is over),
    `disabled` (the account may not be used), `too-many` (sign-ins begun from this address, for now); on the
    account page also `taken` (the identity signs in to another account) and `signed-out` (somebody else is
    signed in by now, or nobody).
    """
    browser = _browser_of(request)
    url = await sign_on.begin(Purpose(path_here(return_to)), browser, client)
    response = RedirectResponse(url, 302, _HEADERS)
    SIGN_ON.give(response, browser, LASTING)
    return response


@led.get("/callback", status_code=302, response_class=RedirectResponse)
async def finish_sign_on(
    sign_on: SignOn,
    sessions: Sessions,
    client: FromClient,
    entry: NewEntry,
    request: Request,
    state: Text = "",
    code: Text = "",
    error: Text = "",
    iss: Annotated[str | None, Query(max_length=LONGEST)] = None,
) -> Response:
    """Take a browser back from the provider: it is signed in, or an identity is linked, and led on."""
    begun = await sign_on.take(state, SIGN_ON.secret_in(request))
    request.scope["sign_on"] = begun
    identity = await sign_on.identity(begun, Answer(code, error, iss))
    response = RedirectResponse(begun["return_to"], 302, _HEADERS)
    if begun["account"] is not None:
        secret = SESSION.secret_in(request)
        await sign_on.link(begun, identity, await sessions.asker(secret) if secret else None, client)
        return response
    user = await sign_on.user_of(begun, identity, client)
    await entry.let_in(user, response)
    return response


@public.post("/start", status_code=201)
async def begin_sign_on(
    body: NewSignOn, sign_on: SignOn, client: FromClient, request: Request, response: Response
) -> Begun:
    """Begin a single sign-on that makes an account by an invite. The answer says where to go.

    The same goes on as where `GET /sso/start` leads; the invite is spent when somebody comes back whose
    identity has no account yet.
    """
    invite = body.invite.get_secret_value() if body.invite else None
    browser = _browser_of(request)
    url = await sign_on.begin(Purpose(path_here(body.return_to), invite=invite), browser, client)
    _keep(response, browser)
    return Begun(url=url)


@router.post("", status_code=201)
async def begin_link(
    body: Link, asker: Person, sign_on: SignOn, client: FromClient, request: Request, response: Response
) -> Begun:
    """Begin to link an identity to one's account. The answer says where to go; `/account` is come back to."""
    browser = _browser_of(request)
    purpose = Purpose(path_here(body.return_to, _ACCOUNT_PAGE), account=asker.owner)
    url = await sign_on.begin(purpose, browser, client)
    _keep(response, browser)
    return Begun(url=url)


@router.delete("/{identity_id}", status_code=204)
async def unlink_identity(identity_id: str, asker: Person, sign_on: SignOn, client: FromClient) -> None:
    """End it that an identity signs in to one's account. Never the last way in: 409."""
    await sign_on.unlink(asker, identity_id, client)


def _browser_of(request: Request) -> str:
    """The secret by which this browser is known again: the one it has, or a new one to give it."""
    return SIGN_ON.secret_in(request) or new_secret()


def _keep(response: Response, browser: str) -> None:
    SIGN_ON.give(response, browser, LASTING)
    response.headers["Cache-Control"] = "no-store"


def _begun(request: Request) -> dict[str, str | None]:
    """The sign-in that this request has taken, if it has."""
    found: dict[str, str | None] = request.scope.get("sign_on", {})
    return found


def _led_to_words(request: Request, reason: str) -> Response:
    begun = _begun(request)
    if begun.get("account"):
        return RedirectResponse(with_query(_ACCOUNT_PAGE, error=f"sso-{reason}"), 302, _HEADERS)
    return_to = begun.get("return_to") or path_here(request.query_params.get("return_to"))
    place = {} if return_to == "/" else {"return_to": return_to}
    return RedirectResponse(with_query(_SIGN_IN_PAGE, error=f"sso-{reason}", **place), 302, _HEADERS)


public.routes.extend(led.routes)
