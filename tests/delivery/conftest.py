"""Web in front of API replicas, with a line to the object store that counts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from delivery.line import Line
from delivery.web import Web
from knote.local.s3server import ObjectServer
from knote.settings import Settings
from wire.replica import Replica, ready_replica

PICTURES = "/api/v1/pictures"
Keep = Callable[[httpx.AsyncClient, bytes], Awaitable[dict[str, Any]]]


@pytest.fixture
async def s3_line(s3: ObjectServer) -> AsyncIterator[Line]:
    """What API and web take for the object store."""
    port = urlsplit(s3.endpoint).port
    assert port is not None
    line = Line(port)
    await line.open()
    yield line
    await line.cut()


@pytest.fixture
async def replica(
    settings: Settings, s3_line: Line, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Replica]:
    """An API replica that answers with X-Accel-Redirect; a test may ask for another delivery."""
    async with ready_replica(
        settings.model_copy(update={"minio_host": f"http://{s3_line.address}"}),
        tmp_path,
        KNOTE_PICTURE_DELIVERY=getattr(request, "param", "accel"),
    ) as one:
        yield one


@pytest.fixture
async def web(replica: Replica, s3_line: Line, tmp_path: Path) -> AsyncIterator[Web]:
    """The nginx in front of it."""
    nginx = Web(tmp_path, api=[f"127.0.0.1:{replica.port}"], s3=s3_line.address)
    nginx.start()
    yield nginx
    nginx.stop()


@pytest.fixture
async def browser(web: Web) -> AsyncIterator[httpx.AsyncClient]:
    """A client of web."""
    async with web.open() as client:
        yield client


@pytest.fixture
async def bare_web(tmp_path: Path) -> AsyncIterator[Web]:
    """An nginx whose API and object store are away."""
    nginx = Web(tmp_path, api=["127.0.0.1:9"], s3="127.0.0.1:9")
    nginx.start()
    yield nginx
    nginx.stop()


async def kept(client: httpx.AsyncClient, data: bytes) -> dict[str, Any]:
    """A picture that is new, in the stores."""
    answer = await client.post(PICTURES, files={"file": ("image.png", data)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
