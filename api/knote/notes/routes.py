"""The notes of the API."""

from typing import Annotated, Any

from fastapi import Header, Query, Response
from fastapi.responses import JSONResponse

from knote.deps import AskedRoute, CurrentAsker, Notes
from knote.notes.schemas import Note, NoteContent
from knote.pages import Page, PageSize
from knote.preconditions import is_not_modified, require_if_match
from knote.routing import open_router

router = open_router("/notes", tag="notes", route_class=AskedRoute)

# Optional to FastAPI, whose answer to a missing one would be 422; `_CONDITIONAL` declares it.
IfMatch = Annotated[str | None, Header(include_in_schema=False)]
IfNoneMatch = Annotated[
    str | None, Header(description="An ETag you have; the answer is 304 while it is current.")
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A key of your own, such as a UUID: a repeated request with the same key and "
        "body answers the same note instead of making another.",
    ),
]

_ETAG = {"ETag": {"description": "The quoted version.", "schema": {"type": "string"}}}
_LISTED: dict[int | str, dict[str, Any]] = {
    200: {
        "model": Page[Note],
        "headers": {"ETag": {"description": "Of this page as it is now.", "schema": {"type": "string"}}},
    },
    304: {"description": "Not Modified"},
}
_CONDITIONAL = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The ETag of the note as you last read it, or `*`. Without it, 428.",
            "schema": {"type": "string", "pattern": r'^(\*|"[!#-~]*"(, *"[!#-~]*")*)$'},
        }
    ]
}
_CREATED = {"headers": {**_ETAG, "Location": {"description": "Its path.", "schema": {"type": "string"}}}}


@router.post("", status_code=201, responses={201: _CREATED})
async def create_note(
    body: NoteContent,
    notes: Notes,
    asker: CurrentAsker,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Note:
    """Publish a note.

    With an `Idempotency-Key` the request is safe to repeat, to any replica: the same key and body
    answer the same note; the same key with another body is refused (422), as is the key of a note
    that has been deleted since (409).
    """
    note = await notes.create(asker.owner, body.content, idempotency_key)
    response.headers["Location"] = f"/api/v1/notes/{note.id}"
    response.headers["ETag"] = note.etag
    return note


@router.get("", response_class=JSONResponse, responses=_LISTED)
async def list_notes(
    notes: Notes,
    asker: CurrentAsker,
    limit: PageSize = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=200,
            description="Only notes with all of these words, in any script; case and accents do "
            "not count, and the last word may be the beginning of one.",
        ),
    ] = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List notes, newest first.

    Pages are keyed on the time of creation: while others write, nothing is skipped or doubled.
    """
    page = await notes.encoded_page(asker.owner, limit, cursor, q)
    headers = {"ETag": page.etag}
    if is_not_modified(if_none_match, page.etag):
        return Response(status_code=304, headers=headers)
    return Response(page.body, headers=headers, media_type="application/json")


@router.get("/{note_id}", responses={200: {"headers": _ETAG}, 304: {"description": "Not Modified"}})
async def read_note(
    note_id: str,
    notes: Notes,
    asker: CurrentAsker,
    response: Response,
    if_none_match: IfNoneMatch = None,
) -> Note:
    """Read a note."""
    note = await notes.read(asker.owner, note_id)
    response.headers["ETag"] = note.etag
    if is_not_modified(if_none_match, note.etag):
        return Response(status_code=304, headers=response.headers)  # type: ignore[return-value]
    return note


@router.put("/{note_id}", responses={200: {"headers": _ETAG}}, openapi_extra=_CONDITIONAL)
async def replace_note(
    note_id: str,
    body: NoteContent,
    notes: Notes,
    asker: CurrentAsker,
    response: Response,
    if_match: IfMatch = None,
) -> Note:
    """Replace a note's content, if nobody else changed it since you read it.

    If somebody did, the answer is 412, and its `current` is the note as it is now.
    """
    note = await notes.replace(asker.owner, note_id, body.content, require_if_match(if_match))
    response.headers["ETag"] = note.etag
    return note


@router.delete("/{note_id}", status_code=204, openapi_extra=_CONDITIONAL)
async def delete_note(note_id: str, notes: Notes, asker: CurrentAsker, if_match: IfMatch = None) -> None:
    """Delete a note, if nobody changed it since you read it.

    It leaves every list at once and can be restored until the trash is swept, 30 days later unless
    configured otherwise.
    """
    await notes.delete(asker.owner, note_id, require_if_match(if_match))


@router.post("/{note_id}/restore", responses={200: {"headers": _ETAG}})
async def restore_note(note_id: str, notes: Notes, asker: CurrentAsker, response: Response) -> Note:
    """Restore a deleted note as it was. Restoring one that is not deleted changes nothing."""
    note = await notes.restore(asker.owner, note_id)
    response.headers["ETag"] = note.etag
    return note
