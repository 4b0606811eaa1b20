"""The shared links of the API: for who makes them, and for who has one."""

from typing import Annotated

from fastapi import Query, Request, Response

from knote.bearer import bearer_in
from knote.deps import AskedRoute, CurrentAsker, FromClient, Pictures, Shares
from knote.pages import Page
from knote.pictures.answers import (
    HEAD,
    READ,
    ByteRangeHeader,
    Conditions,
    IfNoneMatch,
    IfRange,
    Width,
    answer_get,
    answer_head,
)
from knote.routing import open_router
from knote.shares.schemas import MadeShare, NewShare, Share, SharedNote

router = open_router("/notes/{note_id}/shares", tag="shares", route_class=AskedRoute)
public = open_router("/shared/{share_id}", tag="shares")

Expires = Annotated[int, Query(ge=0, le=32_503_680_000, description="Part of the URL that was given out.")]
Signature = Annotated[str, Query(max_length=100, description="Part of the URL that was given out.")]

_UNLISTED = {"X-Robots-Tag": "noindex"}
# Who has seen it may show it again, once the API has said that the link still works.
_POLICY = {"Cache-Control": "private, no-cache", **_UNLISTED}
_BY_SECRET: dict[str, list[dict[str, list[str]]]] = {"security": [{"share": []}]}
_BY_SIGNATURE: dict[str, list[object]] = {"security": []}


@router.post("", status_code=201)
async def create_share(
    note_id: str,
    body: NewShare,
    shares: Shares,
    asker: CurrentAsker,
    client: FromClient,
    response: Response,
) -> MadeShare:
    """Make a link under which anybody reads this note and its pictures, and nothing else.

    The link is shown this once. While the note is deleted it leads to nothing.
    """
    response.headers["Cache-Control"] = "no-store"
    return await shares.create(asker, note_id, body, client)


@router.get("")
async def list_shares(note_id: str, shares: Shares, asker: CurrentAsker) -> Page[Share]:
    """List the links to a note that work, the newest first."""
    return await shares.list(asker.owner, note_id)


@router.delete("/{share_id}", status_code=204)
async def revoke_share(
    note_id: str, share_id: str, shares: Shares, asker: CurrentAsker, client: FromClient
) -> None:
    """Revoke a link: it leads to nothing any more, on every replica at once."""
    await shares.revoke(asker, note_id, share_id, client)


@public.get("", openapi_extra=_BY_SECRET)
async def read_shared_note(share_id: str, shares: Shares, request: Request, response: Response) -> SharedNote:
    """Read the note behind a link, with `Authorization: Bearer` and what follows the `#` of the link.

    A link that was revoked, is over or never was, and one to a deleted note, are the same 404.
    """
    note = await shares.read(share_id, bearer_in(request.headers.get("authorization")))
    response.headers.update({"Cache-Control": "private, no-store", **_UNLISTED})
    return note


@public.get("/pictures/{picture_id}", response_class=Response, responses=READ, openapi_extra=_BY_SIGNATURE)
async def read_shared_picture(
    share_id: str,
    picture_id: str,
    expires: Expires,
    signature: Signature,
    shares: Shares,
    pictures: Pictures,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
    range_: ByteRangeHeader = None,
    if_range: IfRange = None,
) -> Response:
    """Read a picture of a shared note, by a URL that came with the note and is good for an hour.

    Where Knote is set up so, the answer is a redirect to the object store instead.
    """
    owner = await shares.owner_of_picture(share_id, picture_id, expires=expires, signature=signature)
    served = await pictures.find(owner, picture_id, width)
    conditions = Conditions(if_none_match, range_, if_range)
    return await answer_get(pictures, served, request.headers, conditions, _POLICY)


@public.head("/pictures/{picture_id}", response_class=Response, responses=HEAD, openapi_extra=_BY_SIGNATURE)
async def head_shared_picture(
    share_id: str,
    picture_id: str,
    expires: Expires,
    signature: Signature,
    shares: Shares,
    pictures: Pictures,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read what the bytes of a picture of a shared note would come with."""
    owner = await shares.owner_of_picture(share_id, picture_id, expires=expires, signature=signature)
    served = await pictures.find(owner, picture_id, width)
    conditions = Conditions(if_none_match)
    return await answer_head(pictures, served, request.headers, conditions, _POLICY)
