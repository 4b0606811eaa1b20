"""The pictures of the API."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from knote.deps import Pictures
from knote.errors import Invalid
from knote.pictures.delivery import by_nginx, by_store, may_hand_over
from knote.pictures.ranges import parse_range
from knote.pictures.schemas import Picture
from knote.preconditions import is_not_modified

router = APIRouter(prefix="/pictures", tags=["pictures"])

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
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Accept-Ranges": "bytes",
}
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif")
_BYTES = {"content": dict.fromkeys(_TYPES, _BINARY)}
_READ: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes", **_BYTES},
    206: {"description": "The asked range of the bytes", **_BYTES},
    302: {"description": "The bytes are in the object store, at `Location`"},
    304: {"description": "Not Modified"},
}


@router.post(
    "",
    status_code=201,
    responses={200: {"model": Picture, "description": "Known already: the same id as before"}},
)
async def create_picture(
    file: UploadFile, pictures: Pictures, request: Request, response: Response
) -> Picture:
    """Upload a picture: JPEG, PNG, GIF, WebP or AVIF.

    It is decoded to prove that it is one, turned upright, and freed of EXIF and other metadata,
    GPS positions among them. Its id is the SHA-256 of the uploaded bytes: sending the same bytes
    again is safe, answers 200 and the same id.
    """
    if len((await request.form()).getlist("file")) > 1:
        raise Invalid("Send one file at a time: none of these was kept.", location=("body", "file"))
    picture, is_new = await pictures.create(file.file)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = picture.url
    return picture


@router.get("/{picture_id}", response_class=Response, responses=_READ)
async def read_picture(
    picture_id: str,
    pictures: Pictures,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
    range_: ByteRangeHeader = None,
    if_range: IfRange = None,
) -> Response:
    """Read a picture's bytes. They never change under one id and width: keep them for good.

    Where Knote is set up so, the answer is a redirect to the object store instead.
    """
    served = await pictures.find(picture_id, width)
    headers = {"ETag": served.etag, **_SAFE}
    if is_not_modified(if_none_match, served.etag):
        return Response(status_code=304, headers=headers)
    is_range_current = if_range is None or if_range.strip() == served.etag
    span = parse_range(range_ if is_range_current else None, served.size_bytes)
    if may_hand_over(request.headers, is_range_used=span is not None):
        if pictures.delivery == "accel":
            return by_nginx(await pictures.url(served), headers, served.content_type)
        if pictures.delivery == "redirect":
            await pictures.check(served)
            return by_store(await pictures.url(served), _SAFE)
    chunks = await pictures.open(served, span)
    if span is None:
        headers["Content-Length"] = str(served.size_bytes)
        return StreamingResponse(chunks, headers=headers, media_type=served.content_type)
    headers["Content-Length"] = str(span.size_bytes)
    headers["Content-Range"] = f"bytes {span.first}-{span.last}/{served.size_bytes}"
    return StreamingResponse(chunks, 206, headers, served.content_type)


@router.head("/{picture_id}", response_class=Response, responses={304: _READ[304]})
async def head_picture(
    picture_id: str,
    pictures: Pictures,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read what a picture's bytes would come with, and whether they are within reach."""
    served = await pictures.find(picture_id, width)
    headers = {"ETag": served.etag, **_SAFE}
    if is_not_modified(if_none_match, served.etag):
        return Response(status_code=304, headers=headers)
    if pictures.delivery == "accel" and may_hand_over(request.headers, is_range_used=False):
        return by_nginx(await pictures.url(served), headers, served.content_type)
    await pictures.check(served)
    headers["Content-Length"] = str(served.size_bytes)
    return Response(headers=headers, media_type=served.content_type)
