"""A picture as an answer: its headers, conditions and ranges, whoever asks for it and whoever sends it."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Header, Query, Response

from knote.pictures.delivery import by_api, by_nginx, by_store, may_hand_over
from knote.pictures.ranges import parse_range
from knote.pictures.service import PictureService, Served
from knote.preconditions import is_not_modified

Width = Annotated[
    int | None,
    Query(
        ge=1,
        le=10_000,
        description="Serve a smaller variant: the next of 320, 640, 960, 1280, 1920 and 2560 pixels "
        "that is no narrower, or the picture itself where that is not larger.",
    ),
]
IfNoneMatch = Annotated[
    str | None, Header(description="An ETag you have; the answer is 304 while it is current.")
]
ByteRangeHeader = Annotated[
    str | None, Header(alias="Range", description="One range of bytes, as in `bytes=0-1023`.")
]
IfRange = Annotated[str | None, Header(description="An ETag; `Range` counts only while it is current.")]

# A picture may be opened as a page of its own: nothing in it may then run or be taken for HTML.
_SAFE = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Accept-Ranges": "bytes",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
_BYTES = {"content": dict.fromkeys(_TYPES, _BINARY)}
READ: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes", **_BYTES},
    206: {"description": "The asked range of the bytes", **_BYTES},
    302: {"description": "The bytes are in the object store, at `Location`"},
    304: {"description": "Not Modified"},
}
HEAD: dict[int | str, dict[str, Any]] = {304: READ[304]}


class Conditions(NamedTuple):
    """What a client says of what it wants, and of what it has."""

    if_none_match: str | None
    range: str | None = None
    if_range: str | None = None


async def answer_get(
    pictures: PictureService,
    served: Served,
    asked: Mapping[str, str],
    conditions: Conditions,
    policy: Mapping[str, str],
) -> Response:
    """The bytes, or a part of them, from whoever sends them. `asked` are the headers of the request.

    `policy` are headers that say who may keep them.
    """
    headers = {"ETag": served.etag, **policy, **_SAFE}
    if is_not_modified(conditions.if_none_match, served.etag):
        return Response(status_code=304, headers=headers)
    is_range_current = conditions.if_range is None or conditions.if_range.strip() == served.etag
    span = parse_range(conditions.range if is_range_current else None, served.size_bytes)
    if may_hand_over(asked, is_range_used=span is not None):
        if pictures.delivery == "accel":
            return by_nginx(await pictures.url(served), headers, served.content_type)
        if pictures.delivery == "redirect":
            await pictures.check(served)
            return by_store(await pictures.url(served), {**policy, **_SAFE})
    chunks = await pictures.open(served, span)
    if span is None:
        return await by_api(chunks, served.size_bytes, headers, served.content_type)
    headers["Content-Range"] = f"bytes {span.first}-{span.last}/{served.size_bytes}"
    return await by_api(chunks, span.size_bytes, headers, served.content_type, status=206)


async def answer_head(
    pictures: PictureService,
    served: Served,
    asked: Mapping[str, str],
    conditions: Conditions,
    policy: Mapping[str, str],
) -> Response:
    """What the bytes would come with, once they are known to be within reach."""
    headers = {"ETag": served.etag, **policy, **_SAFE}
    if is_not_modified(conditions.if_none_match, served.etag):
        return Response(status_code=304, headers=headers)
    if pictures.delivery == "accel" and may_hand_over(asked, is_range_used=False):
        return by_nginx(await pictures.url(served), headers, served.content_type)
    await pictures.check(served)
    headers["Content-Length"] = str(served.size_bytes)
    return Response(headers=headers, media_type=served.content_type)
