"""The API tokens of the API."""

from fastapi import Response

from knote.deps import AskedRoute, FromClient, Person, Tokens
from knote.pages import Page
from knote.routing import open_router
from knote.tokens.schemas import MadeToken, NewToken, Token

router = open_router("/tokens", tag="tokens", route_class=AskedRoute)


@router.post("", status_code=201)
async def create_token(
    body: NewToken, asker: Person, tokens: Tokens, client: FromClient, response: Response
) -> MadeToken:
    """Make a token for a program, which sends it as `Authorization: Bearer knote_…`.

    It reads, or reads and writes, what one's own sign-in does: notes, pictures and shared links. It
    reaches neither tokens nor sessions, and changes nothing of the account. It is shown this once.
    """
    response.headers["Cache-Control"] = "no-store"
    return await tokens.create(asker, body, client)


@router.get("")
async def list_tokens(asker: Person, tokens: Tokens) -> Page[Token]:
    """List one's tokens, the newest first. One that has expired is listed until it is revoked."""
    return await tokens.list(asker)


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: str, asker: Person, tokens: Tokens, client: FromClient) -> None:
    """Revoke a token: it is worth nothing any more, on every replica at once."""
    await tokens.revoke(asker, token_id, client)
