"""The composition root: settings in, application out, and nothing global."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypedDict

from fastapi import FastAPI
from starlette.formparsers import MultiPartParser

from knote import __version__, health, metrics
from knote.clock import Clock, IdSource, new_id, utc_now
from knote.docs import mount_docs
from knote.middleware import BodyLimit, RequestContext
from knote.mongo import check_mongo_url, open_database
from knote.notes.routes import router as notes_router
from knote.notes.service import NoteService
from knote.notes.store import NoteStore
from knote.pictures.limits import Limits
from knote.pictures.routes import router as pictures_router
from knote.pictures.service import PictureService
from knote.pictures.store import PictureStore
from knote.pictures.worker import PictureWorker
from knote.problems import MEDIA_TYPE, Problem, install_problems
from knote.s3 import open_bucket
from knote.settings import Settings

API = "/api/v1"
# What multipart adds around a file, and JSON around a text: each character may be escaped as \uXXXX.
_MULTIPART_BYTES = 16 * 1024
_JSON_FACTOR = 6
# What an upload may hold in memory while it comes in: a thousand of them may be stalled at once.
_SPOOL_BYTES = 64 * 1024


class State(TypedDict):
    """What the lifespan gives to each request."""

    notes: NoteService
    pictures: PictureService
    health: health.Health
    metrics: metrics.Metrics


def create_app(settings: Settings, *, clock: Clock = utc_now, ids: IdSource = new_id) -> FastAPI:
    """The whole API over the stores that `settings` name. Nothing is connected before its lifespan.

    Raises `Misconfigured`.
    """
    check_mongo_url(settings)
    MultiPartParser.spool_max_size = _SPOOL_BYTES
    figures = metrics.Metrics()
    drain = health.Drain()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(settings))
            bucket = await stack.enter_async_context(open_bucket(settings))
            note_store, picture_store = NoteStore(database), PictureStore(database, bucket)
            worker = await stack.enter_async_context(
                PictureWorker(
                    Limits(max_pixels=settings.max_picture_pixels),
                    workers=settings.picture_workers,
                    timeout_seconds=settings.picture_timeout_seconds,
                )
            )
            yield State(
                notes=NoteService(
                    note_store,
                    picture_store,
                    max_note_bytes=settings.max_note_bytes,
                    clock=clock,
                    new_id=ids,
                ),
                pictures=PictureService(
                    picture_store,
                    worker,
                    max_picture_bytes=settings.max_picture_bytes,
                    delivery=settings.picture_delivery,
                    clock=clock,
                    new_id=ids,
                ),
                health=health.Health(database, bucket, note_store, picture_store, drain),
                metrics=figures,
            )

    app = FastAPI(
        title="Knote",
        version=__version__,
        description="Markdown notes with pictures, on any number of identical replicas.",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        responses={"default": {"model": Problem, "description": "What went wrong"}},
    )
    app.state.drain = drain
    app.include_router(notes_router, prefix=API)
    app.include_router(pictures_router, prefix=API)
    app.include_router(health.router)
    app.include_router(metrics.router)
    mount_docs(app)
    install_problems(app)
    app.add_middleware(
        BodyLimit,
        limits={
            "": settings.max_note_bytes * _JSON_FACTOR + 1024,
            f"{API}/pictures": settings.max_picture_bytes + _MULTIPART_BYTES,
        },
    )
    app.add_middleware(RequestContext, observe=figures.observe, is_draining=lambda: drain.is_on)
    _type_errors_as_problems(app)
    return app


def _type_errors_as_problems(app: FastAPI) -> None:
    """Makes the OpenAPI say problem+json where FastAPI would say its own error shape in JSON."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generate()
            for operations in schema["paths"].values():
                for operation in operations.values():
                    _retype(operation["responses"])
            for unused in ("HTTPValidationError", "ValidationError"):
                schema["components"]["schemas"].pop(unused, None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _retype(responses: dict[str, Any]) -> None:
    responses.pop("422", None)
    problem = responses["default"]["content"]
    problem[MEDIA_TYPE] = problem.pop("application/json")
