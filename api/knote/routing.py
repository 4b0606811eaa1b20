"""Routers, and routes that find what they ask for by a plan that is made once."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from inspect import iscoroutinefunction
from types import NoneType
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi._compat import ModelField
from fastapi.datastructures import DefaultPlaceholder
from fastapi.dependencies.models import Dependant
from fastapi.params import Body, Depends
from fastapi.routing import APIRoute, serialize_response
from fastapi.utils import is_body_allowed_for_status_code
from starlette.requests import ClientDisconnect

from knote.problems import Problem

API = "/api/v1"

_PLACES = ("path", "query", "header", "cookie", "body")
_PLAIN = (str, str | None, int, int | None)
# What a plan knows of a call, and what it does not know of a route's answer.
_KNOWN = {f"{place}_params" for place in _PLACES} | {
    *("name", "call", "path", "scope", "use_cache", "dependencies"),
    *("request_param_name", "response_param_name"),
}
_OPTIONS = ("include", "exclude", "exclude_unset", "exclude_defaults", "exclude_none")


class PlannedRoute(APIRoute):
    """A route that finds what it asks for by a plan.

    FastAPI works out anew for each request where each parameter stands and what it may be, and that
    costs more than to look there. What no plan covers is left to FastAPI: routes with forms or with
    parameters and dependencies of other kinds, and each request that has something wrong in it.
    """

    is_planned = False

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        whole = super().get_route_handler()
        # A router that includes this route asks for a second handler, and may demand more of a request.
        if hasattr(self, "app"):
            return whole
        try:
            plan = _Plan(self)
        except _Unplanned:
            return whole
        self.is_planned = True

        async def answer(request: Request) -> Response:
            try:
                arguments = await plan.read(request)
            except _Wrong:
                return await whole(request)
            return await plan.carry_out(request, arguments)

        return answer


def open_router(
    prefix: str,
    *,
    tag: str,
    base: str = API,
    route_class: type[APIRoute] = PlannedRoute,
    dependencies: Sequence[Depends] = (),
) -> APIRouter:
    """A router of planned routes: their errors are problems, their operation ids are their names.

    The app takes its routes as they are. Were the router included, each request would be matched twice.
    """
    return APIRouter(
        prefix=f"{base}{prefix}",
        tags=[tag],
        route_class=route_class,
        dependencies=dependencies,
        generate_unique_id_function=lambda route: route.name,
        responses={"default": {"model": Problem, "description": "What went wrong"}},
    )


class _Unplanned(Exception):
    """A route asks for something that no plan covers."""


class _Wrong(Exception):
    """A request does not bring what a plan expects: FastAPI says what is wrong, if anything is."""


class _Value:
    """One value that a request brings: where it stands, and what it must be."""

    def __init__(self, place: str, field: ModelField) -> None:
        info = field.field_info
        self.name: str = field.name
        self.is_body = place == "body"
        self._place = place
        self._key = {"header": field.alias.lower().encode(), "body": None}.get(place, field.alias)
        self._validate = field.validate
        self._is_required = info.is_required()
        self._default = None if self._is_required else info.default
        is_plain = info.annotation in _PLAIN or (type(info) is Body and not info.embed)
        is_fixed = info.default_factory is None and isinstance(self._default, str | int | NoneType)
        if (
            not (is_plain and is_fixed and info.validation_alias in {None, field.alias})
            or info.validate_default
        ):
            raise _Unplanned

    def read(self, found: Mapping[str, Mapping[Any, Any]]) -> object:
        """The value. Raises `_Wrong`."""
        given = found[self._place].get(self._key)
        if given is None:
            if self._is_required:
                raise _Wrong
            return self._default
        value, errors = self._validate(given.decode("latin-1") if self._place == "header" else given)
        if errors:
            raise _Wrong
        return value


class _Call:
    """One function of a plan, a dependency or the endpoint, and what it is given."""

    def __init__(self, dependant: Dependant, results: Mapping[str, int]) -> None:
        self.function: Any = dependant.call
        self.results = results
        self.request_name = dependant.request_param_name
        self.response_name = dependant.response_param_name
        self.values = [
            _Value(place, field) for place in _PLACES for field in getattr(dependant, f"{place}_params")
        ]
        is_async = iscoroutinefunction(self.function) or iscoroutinefunction(type(self.function).__call__)
        more = [name for name in Dependant.__slots__ if name not in _KNOWN and getattr(dependant, name)]
        if not is_async or not dependant.use_cache or more:
            raise _Unplanned


class _Plan:
    """The calls that answer a request, each after those whose results it takes: the endpoint last."""

    def __init__(self, route: APIRoute) -> None:
        self._calls: list[_Call] = []
        self._field = route.response_field
        self._status = route.status_code or 200
        self._add(route.dependant, {})
        bodies = sum(value.is_body for call in self._calls for value in call.values)
        self._has_body = bodies == 1
        returned = route.endpoint.__annotations__.get("return")
        is_response = isinstance(returned, type) and issubclass(returned, Response)
        is_json = self._field is not None and isinstance(route.response_class, DefaultPlaceholder)
        is_empty = not is_body_allowed_for_status_code(self._status)
        options = [name for name in _OPTIONS if getattr(route, f"response_model_{name}")]
        if bodies > 1 or options or not (is_response or is_json or is_empty):
            raise _Unplanned

    def _add(self, dependant: Dependant, places: dict[Any, int]) -> int:
        """Plans a call after those that it depends on. Returns its place."""
        if dependant.call not in places:
            results = {found.name or "": self._add(found, places) for found in dependant.dependencies}
            results.pop("", None)
            self._calls.append(_Call(dependant, results))
            places[dependant.call] = len(self._calls) - 1
        return places[dependant.call]

    async def read(self, request: Request) -> list[dict[str, Any]]:
        """What each call is given of the request. Raises `_Wrong`."""
        headers = dict(reversed(request.scope["headers"]))  # the first one of a name counts
        found: dict[str, Mapping[Any, Any]] = {
            "path": request.path_params,
            "query": request.query_params if request.scope["query_string"] else {},
            "header": headers,
            "cookie": request.cookies if b"cookie" in headers else {},
        }
        if self._has_body:
            if headers.get(b"content-type") != b"application/json":
                raise _Wrong
            try:
                found["body"] = {None: json.loads(await request.body())}
            except (ClientDisconnect, RecursionError, ValueError) as error:
                raise _Wrong from error
        return [{value.name: value.read(found) for value in call.values} for call in self._calls]

    async def carry_out(self, request: Request, arguments: list[dict[str, Any]]) -> Response:
        """Makes the calls, and an answer of what the last one returns."""
        told = Response(status_code=self._status)
        del told.headers["content-length"]
        results: list[Any] = []
        for call, values in zip(self._calls, arguments, strict=True):
            for name, place in call.results.items():
                values[name] = results[place]
            if call.request_name is not None:
                values[call.request_name] = request
            if call.response_name is not None:
                values[call.response_name] = told
            results.append(await call.function(**values))
        result = results[-1]
        if isinstance(result, Response):
            return result
        body = b""
        if self._field is not None:
            body = await serialize_response(field=self._field, response_content=result, dump_json=True)
        response = Response(body, told.status_code, media_type="application/json")
        response.raw_headers.extend(told.raw_headers)
        return response
