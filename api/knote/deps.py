"""What a route may ask for, as annotated aliases. The lifespan of the app puts it there.

Nothing is given out before MongoDB and its indexes are there: all that is asked for relies on them.
"""

from typing import Annotated, cast

from fastapi import Depends, Request

from knote.notes.service import NoteService
from knote.pictures.service import PictureService


async def _notes(request: Request) -> NoteService:
    await request.state.health.admit()
    return cast("NoteService", request.state.notes)


async def _pictures(request: Request) -> PictureService:
    await request.state.health.admit()
    return cast("PictureService", request.state.pictures)


Notes = Annotated[NoteService, Depends(_notes)]
Pictures = Annotated[PictureService, Depends(_pictures)]
