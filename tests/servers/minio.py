"""MinIO itself, for the picture tests: loopback only, random keys, built by `make test`."""

import os
import shutil
from pathlib import Path

from knote.local.errors import LocalModeError
from knote.local.s3server import ObjectServer


def find_minio() -> Path | None:
    """The `minio` program: `KNOTE_MINIO`, the one `make test` has built, or the one on PATH."""
    if named := os.environ.get("KNOTE_MINIO"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "knote", "bin")
    built = sorted(cache.glob("minio-*"))
    if built:
        return built[-1]
    found = shutil.which("minio")
    return Path(found) if found else None


class MinioServer(ObjectServer):
    """One `minio server` on one folder."""

    title = "S3 (MinIO)"
    folder = "minio"
    port_names = ("s3", "console")

    @property
    def endpoint(self) -> str:
        """The URL that `MINIO_HOST` takes."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        program = find_minio()
        if program is None:
            raise LocalModeError("There is no MinIO here: `make test` builds it where Go is.")
        self.remember()
        data = self.home / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        return [
            str(program),
            "server",
            "--quiet",
            f"--address=127.0.0.1:{self.ports['s3']}",
            f"--console-address=127.0.0.1:{self.ports['console']}",
            str(data),
        ], {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "GOMEMLIMIT": "512MiB",
        }
