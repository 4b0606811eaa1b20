"""The composition root: settings in, application out, and nothing global."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypedDict

from fastapi import FastAPI
from starlette.formparsers import MultiPartParser

from knote import __version__, health, metrics
from knote.administration.routes import own as departure_router
from knote.administration.routes import router as users_router
from knote.administration.service import AdministrationService
from knote.attempts.service import AttemptService
from knote.attempts.store import AttemptStore
from knote.authentication import Authentication
from knote.clock import Clock, IdSource, new_id, utc_now
from knote.cookies import SESSION
from knote.devices.service import DeviceService
from knote.devices.store import DeviceStore
from knote.docs import mount_docs
from knote.exports.routes import router as export_router
from knote.exports.service import ExportService
from knote.invites.routes import public as sign_up_router
from knote.invites.routes import router as invites_router
from knote.invites.service import InviteService
from knote.invites.store import InviteStore
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
from knote.problems import MEDIA_TYPE, install_problems
from knote.quotas.service import QuotaService
from knote.quotas.store import CounterStore
from knote.routing import API
from knote.s3 import open_bucket
from knote.sessions.routes import public as session_router
from knote.sessions.routes import router as sessions_router
from knote.sessions.service import SessionService
from knote.sessions.store import SessionStore
from knote.settings import Settings
from knote.shares.routes import public as shared_router
from knote.shares.routes import router as shares_router
from knote.shares.service import ShareService
from knote.shares.store import ShareStore
from knote.sso.routes import public as sign_on_router
from knote.sso.routes import router as identities_router
from knote.sso.service import SignOnService
from knote.sso.setup import check_single_sign_on, open_sign_on
from knote.sso.store import IdentityStore, SignInStore
from knote.tokens.routes import router as tokens_router
from knote.tokens.service import TokenService
from knote.tokens.store import TokenStore
from knote.users.newcomers import Newcomers
from knote.users.passwords import Passwords
from knote.users.routes import public as setup_router
from knote.users.routes import router as account_router
from knote.users.service import UserService
from knote.users.store import UserStore

_ROUTERS = (
    notes_router,
    pictures_router,
    session_router,
    sessions_router,
    shares_router,
    shared_router,
    tokens_router,
    setup_router,
    account_router,
    sign_on_router,
    identities_router,
    departure_router,
    export_router,
    users_router,
    sign_up_router,
    invites_router,
    health.router,
    metrics.router,
)
# What multipart adds around a file, and JSON around a text: each character may be escaped as \uXXXX.
_MULTIPART_BYTES = 16 * 1024
_JSON_FACTOR = 6
# What an upload may hold in memory while it comes in: a thousand of them may be stalled at once.
_SPOOL_BYTES = 64 * 1024

# What browsers heed when it comes over TLS. Subdomains are not Knote's to speak for.
_TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}
_SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": SESSION.name},
    "token": {"type": "http", "scheme": "bearer", "description": "An API token, `knote_…`."},
    "share": {"type": "http", "scheme": "bearer", "description": "What follows the `#` of a shared link."},
}


class State(TypedDict):
    """What the lifespan gives to each request."""

    notes: NoteService
    pictures: PictureService
    sessions: SessionService
    quotas: QuotaService
    shares: ShareService
    tokens: TokenService
    users: UserService
    sign_on: SignOnService
    administration: AdministrationService
    exports: ExportService
    invites: InviteService
    devices: DeviceService
    authentication: Authentication
    health: health.Health
    metrics: metrics.Metrics


def create_app(settings: Settings, *, clock: Clock = utc_now, ids: IdSource = new_id) -> FastAPI:
    """The whole API over the stores that `settings` name. Nothing is connected before its lifespan.

    Raises `Misconfigured`.
    """
    check_mongo_url(settings)
    check_single_sign_on(settings)
    MultiPartParser.spool_max_size = _SPOOL_BYTES
    figures = metrics.Metrics()
    drain = health.Drain()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(open_database(settings))
            bucket = await stack.enter_async_context(open_bucket(settings))
            note_store, picture_store = NoteStore(database), PictureStore(database, bucket)
            user_store, session_store = UserStore(database), SessionStore(database)
            sign_in_store = SignInStore(database)
            provider = await stack.enter_async_context(open_sign_on(settings, clock))
            invite_store, device_store = InviteStore(database), DeviceStore(database)
            attempt_store = AttemptStore(database)
            token_store, share_store = TokenStore(database), ShareStore(database)
            counter_store = CounterStore(database)
            tokens = TokenService(token_store, clock=clock, new_id=ids)
            passwords = stack.enter_context(Passwords())
            attempts = AttemptService(attempt_store, device_store, passwords, clock=clock)
            newcomers = Newcomers(passwords, clock=clock, new_id=ids)
            sessions = SessionService(
                session_store, user_store, passwords, attempts, settings, clock=clock, new_id=ids
            )
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
                    max_stored_bytes=settings.max_stored_bytes,
                    delivery=settings.picture_delivery,
                    clock=clock,
                    new_id=ids,
                ),
                sessions=sessions,
                quotas=QuotaService(counter_store, settings, clock=clock),
                shares=ShareService(share_store, note_store, clock=clock, new_id=ids),
                tokens=tokens,
                users=UserService(
                    user_store,
                    passwords,
                    newcomers,
                    attempts,
                    note_store,
                    picture_store,
                    setup_token=settings.setup_token,
                    max_stored_bytes=settings.max_stored_bytes,
                ),
                sign_on=SignOnService(
                    provider,
                    sign_in_store,
                    IdentityStore(database),
                    user_store,
                    invite_store,
                    newcomers,
                    attempts,
                    is_open=settings.sign_up == "open",
                    clock=clock,
                    new_id=ids,
                ),
                administration=AdministrationService(
                    user_store, session_store, invite_store, picture_store, clock=clock
                ),
                exports=ExportService(user_store, note_store, picture_store, clock=clock),
                invites=InviteService(
                    invite_store, user_store, newcomers, attempts, settings, clock=clock, new_id=ids
                ),
                devices=DeviceService(device_store, clock=clock),
                authentication=Authentication(
                    sessions, tokens, auth=settings.auth, public_url=settings.public_url
                ),
                health=health.Health(
                    database,
                    bucket,
                    (
                        *(note_store, picture_store, user_store, session_store),
                        *(invite_store, device_store, attempt_store, sign_in_store),
                        *(token_store, share_store, counter_store),
                    ),
                    drain,
                ),
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
        routes=[route for router in _ROUTERS for route in router.routes],
    )
    app.state.drain = drain
    mount_docs(app)
    install_problems(app)
    app.add_middleware(
        BodyLimit,
        limits={
            "": settings.max_note_bytes * _JSON_FACTOR + 1024,
            f"{API}/pictures": settings.max_picture_bytes + _MULTIPART_BYTES,
        },
        room_bytes=settings.upload_room_bytes,
    )
    app.add_middleware(
        RequestContext,
        observe=figures.observe,
        is_draining=lambda: drain.is_on,
        headers=_TLS_ONLY if settings.public_url.startswith("https://") else {},
    )
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
            schema["components"].setdefault("securitySchemes", {}).update(_SECURITY)
            # Nothing, in an open notebook.
            schema["security"] = [{}, {"session": []}, {"token": []}]
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _retype(responses: dict[str, Any]) -> None:
    responses.pop("422", None)
    problem = responses["default"]["content"]
    problem[MEDIA_TYPE] = problem.pop("application/json")
