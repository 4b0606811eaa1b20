"""A replica, and web in front of it as it is deployed."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from delivery.web import Web
from knote.settings import Settings
from wire.replica import Replica, ready_replica


@pytest.fixture
async def replica(settings: Settings, tmp_path: Path) -> AsyncIterator[Replica]:
    """An API replica as it is deployed beside web."""
    async with ready_replica(settings, tmp_path, KNOTE_PICTURE_DELIVERY="accel") as one:
        yield one


@pytest.fixture
async def web(replica: Replica, settings: Settings, tmp_path: Path) -> AsyncIterator[Web]:
    """The nginx in front of it."""
    nginx = Web(tmp_path, api=[f"127.0.0.1:{replica.port}"], s3=urlsplit(settings.s3_endpoint).netloc)
    nginx.start()
    yield nginx
    nginx.stop()
