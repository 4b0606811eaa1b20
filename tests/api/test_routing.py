"""A planned route answers as FastAPI itself would, whatever is sent to it."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict

from knote.app import create_app
from knote.routing import PlannedRoute
from knote.settings import Settings

Json = dict[str, Any]


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Query(min_length=1)]
    count: int = 1


class Made(BaseModel):
    name: str
    by: str
    times: int


async def _bearer(
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
) -> str | None:
    return given.credentials if given else None


async def _asker(
    request: Request,
    token: Annotated[str | None, Depends(_bearer)],
    session: Annotated[str | None, Cookie(max_length=8)] = None,
) -> str:
    request.state.times = getattr(request.state, "times", 0) + 1
    if token == "stolen":
        raise HTTPException(401, "Not with this.")
    return token or session or "nobody"


Asker = Annotated[str, Depends(_asker)]


async def _greeting(asker: Asker, response: Response) -> str:
    response.headers["X-Greeting"] = f"hello, {asker}"
    return f"hello, {asker}"


def _routes(route_class: type[APIRoute]) -> APIRouter:
    router = APIRouter(route_class=route_class)

    @router.post("/things/{place}", status_code=201)
    async def make(
        place: Annotated[int, Path(ge=1)],
        body: Thing,
        asker: Asker,
        _: Annotated[str, Depends(_greeting)],
        request: Request,
        response: Response,
        key: Annotated[str | None, Header(alias="Idempotency-Key", max_length=5)] = None,
    ) -> Made:
        response.headers["X-Place"] = f"{place} {key}"
        if body.count == 0:
            response.status_code = 200
        return Made(name=body.name, by=asker, times=request.state.times)

    @router.get("/things")
    async def find(
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        q: Annotated[str | None, Query(max_length=5)] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        return Response(repr((limit, q, if_none_match)), media_type="text/plain")

    @router.delete("/things", status_code=204)
    async def clear(response: Response) -> None:
        response.headers["X-Cleared"] = "1"

    return router


def _client(route_class: type[APIRoute]) -> httpx.AsyncClient:
    app = FastAPI(routes=list(_routes(route_class).routes))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://knote")


JSON = {"Content-Type": "application/json"}
REQUESTS: dict[str, tuple[str, str, Json]] = {
    "a whole one": ("POST", "/things/1", {"json": {"name": "x"}}),
    "another status": ("POST", "/things/1", {"json": {"name": "x", "count": 0}}),
    "a header": ("POST", "/things/2", {"json": {"name": "x"}, "headers": {"idempotency-key": "k"}}),
    "too long a header": (
        "POST",
        "/things/2",
        {"json": {"name": "x"}, "headers": {"idempotency-key": "k" * 6}},
    ),
    "a header twice": (
        "POST",
        "/things/2",
        {"json": {"name": "x"}, "headers": [("idempotency-key", "a"), ("idempotency-key", "b")]},
    ),
    "a cookie": ("POST", "/things/1", {"json": {"name": "x"}, "headers": {"cookie": "session=me; other=1"}}),
    "too long a cookie": (
        "POST",
        "/things/1",
        {"json": {"name": "x"}, "headers": {"cookie": "session=123456789"}},
    ),
    "a token": ("POST", "/things/1", {"json": {"name": "x"}, "headers": {"authorization": "Bearer me"}}),
    "a refused token": (
        "POST",
        "/things/1",
        {"json": {"name": "x"}, "headers": {"authorization": "Bearer stolen"}},
    ),
    "a refused token with a wrong body": (
        "POST",
        "/things/1",
        {"json": {}, "headers": {"authorization": "Bearer stolen"}},
    ),
    "a path that is no number": ("POST", "/things/one", {"json": {"name": "x"}}),
    "everything wrong": (
        "POST",
        "/things/0",
        {"json": {"count": "x"}, "headers": {"idempotency-key": "k" * 6}},
    ),
    "no body": ("POST", "/things/1", {}),
    "an empty body": ("POST", "/things/1", {"content": b"", "headers": JSON}),
    "null": ("POST", "/things/1", {"content": b"null", "headers": JSON}),
    "a list": ("POST", "/things/1", {"content": b"[]", "headers": JSON}),
    "half of it": ("POST", "/things/1", {"content": b'{"name": ', "headers": JSON}),
    "no UTF-8": ("POST", "/things/1", {"content": b'{"name": "\xff"}', "headers": JSON}),
    "too deep": ("POST", "/things/1", {"content": b"[" * 100_000, "headers": JSON}),
    "a body of another type": ("POST", "/things/1", {"content": b'{"name": "x"}'}),
    "a type with a parameter": (
        "POST",
        "/things/1",
        {"content": b'{"name": "x"}', "headers": {"Content-Type": "application/json; charset=utf-8"}},
    ),
    "nothing asked": ("GET", "/things", {}),
    "all asked": ("GET", "/things?limit=5&q=abc", {"headers": {"if-none-match": b'"caf\xe9"'}}),
    "asked twice": ("GET", "/things?limit=5&limit=6", {}),
    "asked for nothing": ("GET", "/things?limit=&q=", {}),
    "asked for too much": ("GET", "/things?limit=101&q=abcdef", {}),
    "an escaped question": ("GET", "/things?q=%C3%A9+%2B&other=1", {}),
    "no content": ("DELETE", "/things", {}),
    "another method": ("PUT", "/things", {}),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_an_answer_is_the_one_that_fastapi_gives(name: str) -> None:
    method, path, more = REQUESTS[name]
    answers = []
    for route_class in (PlannedRoute, APIRoute):
        async with _client(route_class) as client:
            answer = await client.request(method, path, **more)
            answers.append((answer.status_code, sorted(answer.headers.multi_items()), answer.content))
    assert answers[0] == answers[1]


def _is_planned(endpoint: Any) -> bool:
    router = APIRouter(route_class=PlannedRoute)
    router.get("/")(endpoint)
    (route,) = router.routes
    assert isinstance(route, PlannedRoute)
    return route.is_planned


async def _opened() -> AsyncIterator[str]:
    yield "open"


def _in_a_thread() -> str:
    return "done"


async def test_what_no_plan_covers_is_left_to_fastapi() -> None:
    async def with_end(opened: Annotated[str, Depends(_opened)]) -> Response:
        return Response(opened)

    async def with_thread(done: Annotated[str, Depends(_in_a_thread)]) -> Response:
        return Response(done)

    async def with_list(q: Annotated[list[str], Query()]) -> Response:
        return Response(str(q))

    async def with_nothing() -> Response:
        return Response()

    assert not _is_planned(with_end)
    assert not _is_planned(with_thread)
    assert not _is_planned(with_list)
    assert _is_planned(with_nothing)


async def test_what_an_including_router_demands_is_demanded() -> None:
    async def refuse() -> None:
        raise HTTPException(403)

    app = FastAPI()
    app.include_router(_routes(PlannedRoute), prefix="/inner", dependencies=[Depends(refuse)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://knote") as client:
        assert (await client.get("/inner/things")).status_code == 403


async def test_every_route_has_a_plan_but_the_upload(settings: Settings) -> None:
    routes = [route for route in create_app(settings).routes if isinstance(route, PlannedRoute)]
    assert len(routes) > 40
    assert [route.name for route in routes if not route.is_planned] == ["create_picture"]
