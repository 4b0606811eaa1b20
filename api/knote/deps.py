"""What a route may ask for, as annotated aliases. The lifespan of the app puts it there."""

from typing import Annotated, cast

from fastapi import Depends, Request

from knote.notes.service import NoteService
from knote.pictures.service import PictureService


async def _notes(request: Request) -> NoteService:
    return cast("NoteService", request.state.notes)


async def _pictures(request: Request) -> PictureService:
    return cast("PictureService", request.state.pictures)


Notes = Annotated[NoteService, Depends(_notes)]
Pictures = Annotated[PictureService, Depends(_pictures)]
