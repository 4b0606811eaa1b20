"""The pictures of the API."""

from collections.abc import Mapping

from fastapi import Request, Response, UploadFile

from knote.asker import Asker
from knote.deps import AskedRoute, CurrentAsker, Pictures, counted_upload
from knote.errors import Invalid
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
from knote.pictures.schemas import Picture
from knote.routing import open_router

router = open_router("/pictures", tag="pictures", route_class=AskedRoute)

# An account's is for nobody else, and a browser that somebody else signs in to asks anew.
_PRIVATE = {"Cache-Control": "private, max-age=31536000, immutable", "Vary": "Cookie, Authorization"}
_PUBLIC = {"Cache-Control": "public, max-age=31536000, immutable"}


@router.post(
    "",
    status_code=201,
    dependencies=[counted_upload],
    responses={200: {"model": Picture, "description": "Known already: the same id as before"}},
)
async def create_picture(
    file: UploadFile, pictures: Pictures, asker: CurrentAsker, request: Request, response: Response
) -> Picture:
    """Upload a picture: JPEG, PNG, GIF, WebP or AVIF.

    It is decoded to prove that it is one, turned upright, and freed of EXIF and other metadata,
    GPS positions among them. Its id follows from the uploaded bytes (in an open notebook it is their
    SHA-256) and from whose it is: sending the same bytes again is safe, answers 200 and the same id.
    """
    if len((await request.form()).getlist("file")) > 1:
        raise Invalid("Send one file at a time: none of these was kept.", location=("body", "file"))
    picture, is_new = await pictures.create(asker.owner, file.file)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = picture.url
    return picture


@router.get("/{picture_id}", response_class=Response, responses=READ)
async def read_picture(
    picture_id: str,
    pictures: Pictures,
    asker: CurrentAsker,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
    range_: ByteRangeHeader = None,
    if_range: IfRange = None,
) -> Response:
    """Read a picture's bytes. They never change under one id and width: keep them for good.

    Where Knote is set up so, the answer is a redirect to the object store instead.
    """
    served = await pictures.find(asker.owner, picture_id, width)
    conditions = Conditions(if_none_match, range_, if_range)
    return await answer_get(pictures, served, request.headers, conditions, _policy(asker))


@router.head("/{picture_id}", response_class=Response, responses=HEAD)
async def head_picture(
    picture_id: str,
    pictures: Pictures,
    asker: CurrentAsker,
    request: Request,
    width: Width = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Read what a picture's bytes would come with, and whether they are within reach."""
    served = await pictures.find(asker.owner, picture_id, width)
    conditions = Conditions(if_none_match)
    return await answer_head(pictures, served, request.headers, conditions, _policy(asker))


def _policy(asker: Asker) -> Mapping[str, str]:
    """Who may keep the bytes."""
    return _PUBLIC if asker.owner is None else _PRIVATE
