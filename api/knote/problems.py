"""Every error as one shape: RFC 9457 problem documents, for every status."""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Mount

from knote.errors import KnoteError, StoreUnavailable

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_DETAILS = {
    400: "The body of this request could not be read. Send it again, whole and well formed.",
    404: "There is nothing at this address. /docs lists what there is.",
    405: "This address does not take this method. The Allow header lists those it takes.",
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# A body may be wrong in as many places as it has bytes: a person is told of the first ones.
_MOST_ERRORS = 10
_LONGEST_NAME = 100
# Instead of what pydantic says, where that is meant for who writes the code.
_JSON_NEEDED = "Send a JSON object with Content-Type: application/json."
_FILE_NEEDED = "Send a file under this name, whole, with multipart/form-data."
_NO_ROOM = StoreUnavailable("There is no room for this right now. Nothing was lost: try again in a moment.")
_VISIBLE_NEEDED = "Use visible ASCII characters, without spaces."


class ProblemError(BaseModel):
    """One wrong value: its path in the request, as `["body", "content"]`, and what is wrong."""

    location: list[str | int]
    message: str


class Problem(BaseModel):
    """What went wrong. `detail` is a sentence for people: what happened, and what to do."""

    type: str = Field(examples=["urn:knote:problem:not-found"])
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[ProblemError] | None = None


def problem_response(
    status: int,
    slug: str,
    title: str,
    detail: str,
    *,
    request_id: str | None,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    body = {
        "type": f"urn:knote:problem:{slug}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": request_id,
        **(extra or {}),
    }
    return Response(
        json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
        status_code=status,
        headers={**(headers or {}), "Cache-Control": "no-store"},
        media_type=MEDIA_TYPE,
    )


def install_problems(app: FastAPI) -> None:
    """Makes every error of the app a problem document."""
    app.add_exception_handler(KnoteError, _knote_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


async def _knote_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, KnoteError)  # noqa: S101 - the handler is registered for it
    return knote_problem(error, request.scope.get("request_id"))


def knote_problem(error: KnoteError, request_id: str | None) -> Response:
    """The response to an expected error."""
    return problem_response(
        error.status,
        error.slug,
        error.title,
        error.detail,
        request_id=request_id,
        extra=error.extra,
        headers=error.headers,
    )


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    errors = [_describe(found) for found in error.errors()[:_MOST_ERRORS]]
    detail = " ".join(_sentence(found) for found in errors)
    return problem_response(
        422,
        "invalid",
        "Invalid request",
        detail or "This request is not valid.",
        request_id=request.scope.get("request_id"),
        extra={"errors": errors},
    )


def _describe(found: Mapping[str, Any]) -> dict[str, Any]:
    """One validation error without the input that caused it."""
    location: Sequence[str | int] = found["loc"]
    message = str(found["msg"]).rstrip(".") + "."
    if found["type"] == "json_invalid":
        reason = found.get("ctx", {}).get("error", "not JSON").removesuffix(" at")
        return {
            "location": ["body"],
            "message": f"The body is not valid JSON: {reason} at position {location[-1]}.",
        }
    if location == ("body",):
        message = _JSON_NEEDED
    elif location == ("body", "file"):
        message = _FILE_NEEDED
    elif found["type"] == "string_pattern_mismatch":
        message = _VISIBLE_NEEDED
    return {"location": [_shortened(part) for part in location], "message": message}


def _shortened(part: str | int) -> str | int:
    return part[:_LONGEST_NAME] if isinstance(part, str) else part


def _sentence(found: Mapping[str, Any]) -> str:
    """One described error with the name of the wrong value before it."""
    name = ".".join(str(part) for part in found["location"][1:])
    return f"{name}: {found['message']}" if name else str(found["message"])


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    if isinstance(error.__cause__, KnoteError):
        return knote_problem(error.__cause__, request.scope.get("request_id"))
    if isinstance(error.__cause__, OSError):  # the disk that bodies come in on
        logger.warning("this replica cannot take a body in", exc_info=error.__cause__)
        return knote_problem(_NO_ROOM, request.scope.get("request_id"))
    status = HTTPStatus(error.status_code)
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request) or ("GET", "HEAD"))
    return problem_response(
        status,
        status.phrase.lower().replace(" ", "-"),
        status.phrase.capitalize(),
        _DETAILS.get(status, error.detail or status.description or status.phrase),
        request_id=request.scope.get("request_id"),
        headers=headers,
    )


def _methods(request: Request) -> list[str]:
    """The methods of all routes at this path: the router itself names those of the first alone."""
    routes = request.app.routes
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    return [
        method
        for method, scope in scopes.items()
        if any(route.matches(scope)[0] is Match.FULL for route in routes if not isinstance(route, Mount))
    ]


def internal_problem(request_id: str | None) -> Response:
    """The response to an error that nobody expected."""
    return problem_response(
        500,
        "internal",
        "Something went wrong",
        "This is a fault of Knote, not of your request. Its log has the cause under the request id.",
        request_id=request_id,
    )
