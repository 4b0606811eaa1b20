"""What must hold of every refusal, and of the stores after it."""

from typing import Any

import httpx

from knote.maintenance import fsck
from knote.settings import Settings

_INTERNALS = ("Traceback", 'File "', "<class", "pymongo", "botocore", "starlette", "pydantic", "\\x")


def expect_problem(
    answer: httpx.Response, status: int, slug: str, *, without: str | None = None
) -> dict[str, Any]:
    """The problem document in `answer`, which has all its parts, and tells nothing it must not.

    `without` is a part of the input that must not come back.
    """
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:knote:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"].endswith("."), body["detail"]
    assert body["request_id"] == answer.headers["x-request-id"]
    assert not [word for word in _INTERNALS if word in answer.text], answer.text
    assert without is None or without not in answer.text
    assert len(answer.content) < 8192 or "current" in body
    return body


async def expect_stored(
    settings: Settings, *, notes: int = 0, pictures: int = 0, objects: int | None = None
) -> None:
    """The stores hold so many notes, picture rows and objects (as many as rows), and nothing is wrong."""
    report = await fsck(settings, dry_run=True)
    assert report["status"] in {"clean", "pending"}, report
    found = (report["notes"], report["pictures"], report["objects"])
    assert found == (notes, pictures, pictures if objects is None else objects), report
