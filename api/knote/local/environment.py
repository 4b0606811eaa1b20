"""Lets other commands reach the servers of a running local mode: `. .knote/servers.env`."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knote.settings import Settings


@contextmanager
def shared_environment(folder: Path, settings: Settings) -> Iterator[None]:
    """Keeps `servers.env` in the folder, readable for its owner alone, for as long as this lasts."""
    path = folder / "servers.env"
    values = {
        "MONGO_URL": settings.mongo_url.get_secret_value(),
        "MINIO_HOST": settings.minio_host,
        "MINIO_ACCESS_KEY": settings.minio_access_key,
        "MINIO_SECRET_KEY": settings.minio_secret_key.get_secret_value(),
        "MINIO_BUCKET": settings.minio_bucket,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items()]
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text("".join(lines), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
