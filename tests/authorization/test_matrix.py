"""The table of who may do what holds, cell by cell, and it is whole."""

import json
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from authorization.stage import MARK, Operation, Stage
from authorization.table import ASKERS, expected
from servers.process import CHECKOUT

EXPECTED = expected()
# Not in the OpenAPI: the page about it, and what Prometheus asks for. None of them is about anybody's things.
UNLISTED = {"/metrics", "/docs", "/docs/start.js"}
HERS = {"owner", "reads", "writes", "link", "site", "open"}


def operations() -> Iterator[Operation]:
    """All of the committed OpenAPI, which a test compares with the one that is served."""
    document = json.loads((CHECKOUT / "api" / "openapi.json").read_text(encoding="utf-8"))
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield Operation(operation["operationId"], method.upper(), path)


OPERATIONS = {operation.name: operation for operation in operations()}


def test_every_operation_has_a_line_and_every_line_an_operation() -> None:
    assert sorted(EXPECTED) == sorted(OPERATIONS)


def test_no_route_is_kept_out_of_the_openapi(app: FastAPI) -> None:
    routes = [
        route for route in iter_route_contexts(app.routes) if isinstance(route.original_route, APIRoute)
    ]
    assert {route.path for route in routes if not route.include_in_schema} == UNLISTED
    served = {
        (method, route.path) for route in routes if route.include_in_schema for method in route.methods or ()
    }
    assert served == {(operation.method, operation.path) for operation in OPERATIONS.values()}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_who_may_do_what(stage: Stage, name: str) -> None:
    found = {}
    for who in ASKERS:
        await stage.put_back()
        before = await stage.state()
        answer = await stage.ask(OPERATIONS[name], who)
        found[who] = answer.status_code
        if answer.status_code >= 400:
            assert await stage.state() == before, f"{who} was refused, and changed something"
            if OPERATIONS[name].method != "HEAD":
                assert answer.headers["content-type"] == "application/problem+json", who
                assert answer.json()["status"] == answer.status_code
        if who not in HERS:
            assert MARK not in answer.text, f"{who} read what is ada's"
        if answer.status_code == 401 and name != "sign_in":
            assert answer.headers["www-authenticate"] == "Bearer"
    assert found == EXPECTED.get(name)
