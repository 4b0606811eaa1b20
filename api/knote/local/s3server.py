"""A real S3 server on loopback: SeaweedFS in one process, hardened, in a folder of its own."""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from knote.local.binaries import find_weed
from knote.local.child import ChildServer
from knote.local.datafolder import read_state, write_private

_READY_KEY = ".ready"
_BUCKET_IS_THERE = frozenset({"BucketAlreadyExists", "BucketAlreadyOwnedByYou"})
_ELSEWHERE = "elsewhere"  # names the folder of the sockets when it is not here
_SOCKET_PATH_BYTES = 100  # the system's limit is 108, its end included


class ObjectServer(ChildServer):
    """What Knote needs of an S3 server, whichever program it is: an endpoint, keys, a bucket."""

    folder = "s3"

    def __init__(self, data_dir: Path, *, bucket: str = "knote") -> None:
        super().__init__(data_dir)
        self.bucket = bucket
        self.access_key = ""
        self.secret_key = ""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """The URL that `MINIO_HOST` takes."""

    async def create_bucket(self, name: str) -> None:
        """Makes a bucket; one that is there already is left as it is."""
        await asyncio.to_thread(self._create_bucket, name)

    async def clear_bucket(self, name: str) -> None:
        """Removes all that is in a bucket."""
        await asyncio.to_thread(self._clear_bucket, name)

    async def drop_bucket(self, name: str) -> None:
        """Removes a bucket with all that is in it."""
        await asyncio.to_thread(self._drop_bucket, name)

    def remember(self) -> None:
        """Keys and ports: those of the last start, or new ones, kept for the next."""
        state = read_state(self.home / "server.json")
        self.access_key = str(state.get("access_key") or secrets.token_hex(10).upper())
        self.secret_key = str(state.get("secret_key") or secrets.token_urlsafe(30))
        kept = {"ports": self.ports, "access_key": self.access_key, "secret_key": self.secret_key}
        write_private(self.home / "server.json", json.dumps(kept))

    async def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        await super().kill()
        if client := self.__dict__.pop("_client", None):
            client.close()

    async def _answers(self) -> None:
        """Ready means that an object can be written, read, deleted; an open port means little."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.ports["s3"])
        writer.close()
        await writer.wait_closed()
        await asyncio.to_thread(self._round_trip)

    def _round_trip(self) -> None:
        self._create_bucket(self.bucket)
        client = self._client
        client.put_object(Bucket=self.bucket, Key=_READY_KEY, Body=b"ready")
        if client.get_object(Bucket=self.bucket, Key=_READY_KEY)["Body"].read() != b"ready":
            raise ValueError("the object read is not the object written")
        client.delete_object(Bucket=self.bucket, Key=_READY_KEY)

    def _create_bucket(self, name: str) -> None:
        try:
            self._client.create_bucket(Bucket=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _BUCKET_IS_THERE:
                raise

    def _drop_bucket(self, name: str) -> None:
        self._clear_bucket(name)
        self._client.delete_bucket(Bucket=name)

    def _clear_bucket(self, name: str) -> None:
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=name):
            for item in page.get("Contents", []):
                self._client.delete_object(Bucket=name, Key=item["Key"])

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - only its asynchronous sister has types here
        client: Any = botocore.session.Session().create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 1},
                proxies={},
            ),
        )
        return client


class S3Server(ObjectServer):
    """One `weed mini`: master, volume, filer, S3 and admin parts in one process."""

    title = "S3 (SeaweedFS)"
    parts = ("master", "volume", "filer", "s3", "admin")
    port_names = tuple(f"{part}{kind}" for part in parts for kind in ("", ".grpc"))
    stop_seconds = 10

    @property
    def endpoint(self) -> str:
        """The URL that `MINIO_HOST` takes."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        program = find_weed()
        self.remember()
        data = self.home / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        (data / "mini.options").unlink(missing_ok=True)  # the flags of the last start
        sockets = self._socket_folder()
        identities = self.home / "s3.json"
        write_private(identities, json.dumps(self._identities()))
        ports = {f"{p}.port{k}": self.ports[f"{p}{k}"] for p in self.parts for k in ("", ".grpc")}
        options: dict[str, object] = {
            "dir": data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            **ports,
            "s3.config": identities,
            "s3.localSocket": sockets / "s3.sock",
            "filer.localSocket": sockets / "filer.sock",
            "admin.dataDir": self.home / "admin",
            # Off: everything that answers without the keys, calls home, or is not needed.
            "disableHttp": "true",
            "webdav": "false",
            "admin.ui": "false",
            "s3.iam": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",
            "s3.allowDeleteBucketNotEmpty": "false",
            "s3.autoCreateBucket": "false",
            # Where volumes are is told by the volume part at each start. A master that resumes what it
            # remembers is not yet the leader when it is told, and is told again only after 5 to 15 s.
            "master.resumeState": "false",
            "master.volumeSizeLimitMB": 1024,
            "s3.concurrentUploadLimitMB": 64,
        }
        flags = [f"-{name}={value}" for name, value in options.items()]
        return [str(program), "-logtostderr=true", "mini", *flags], _weed_environment()

    def _identities(self) -> dict[str, object]:
        key = {"accessKey": self.access_key, "secretKey": self.secret_key}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        return {"identities": [{"name": "knote", "credentials": [key], "actions": actions}]}

    def _socket_folder(self) -> Path:
        """A private folder for the sockets, with a path that is short enough for one."""
        folder = self.home / "run"
        folder.mkdir(mode=0o700, exist_ok=True)
        if len(os.fsencode(folder / "filer.sock")) <= _SOCKET_PATH_BYTES:
            return folder
        short = Path(tempfile.mkdtemp(prefix="knote-"))
        (folder / _ELSEWHERE).write_text(str(short), encoding="utf-8")
        return short

    def _tidy(self) -> None:
        elsewhere = self.home / "run" / _ELSEWHERE
        if elsewhere.exists():
            shutil.rmtree(elsewhere.read_text(encoding="utf-8"), ignore_errors=True)
            elsewhere.unlink()
        for part in self.parts:
            # weed names these itself; they stay behind when it is killed.
            grpc = self.ports.get(f"{part}.grpc")
            Path(f"/tmp/seaweedfs-{part}-grpc-{grpc}.sock").unlink(missing_ok=True)  # noqa: S108


def _weed_environment() -> dict[str, str]:
    """Secrets that nobody else needs to know are new at each start."""
    signing = ("SIGNING_KEY", "SIGNING_READ_KEY", "FILER_SIGNING_KEY", "FILER_SIGNING_READ_KEY")
    return {f"WEED_JWT_{name}": secrets.token_urlsafe(32) for name in signing} | {
        "WEED_ADMIN_PASSWORD": secrets.token_urlsafe(32),
        "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
        "GOMEMLIMIT": "512MiB",
    }
