"""The system of docker-compose.yml, from outside, and through the bridge that this machine has into it."""

import asyncio
import json
import re
import secrets
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil
from minio import Minio
from minio.credentials.providers import StaticProvider
from pymongo import MongoClient

from knote.local.ports import free_port
from servers.process import CHECKOUT

SERVERS = ("mongo", "minio", "api", "web")


@dataclass(frozen=True)
class Container:
    """What the engine says of a container."""

    service: str
    inspected: Mapping[str, Any]

    @property
    def id(self) -> str:
        """Its id, which lasts as long as the container does."""
        return str(self.inspected["Id"])

    @property
    def pid(self) -> int:
        """Its first process."""
        return int(self.inspected["State"]["Pid"])

    @property
    def health(self) -> str:
        """`healthy`, `starting`, `unhealthy`; the state of a container without a healthcheck."""
        state = self.inspected["State"]
        running = state["Status"] == "running"
        return str(state["Health"]["Status"] if running and "Health" in state else state["Status"])

    @property
    def started_at(self) -> str:
        """When its first process began."""
        return str(self.inspected["State"]["StartedAt"])

    @property
    def address(self) -> str:
        """Its address on the network that has no way out."""
        (found,) = [
            network["IPAddress"]
            for name, network in self.inspected["NetworkSettings"]["Networks"].items()
            if name.endswith("_inside")
        ]
        return str(found)

    def processes(self) -> list[psutil.Process]:
        """All of its processes."""
        first = psutil.Process(self.pid)
        return [first, *first.children(recursive=True)]


def docker(*arguments: str, timeout_seconds: float = 300) -> str:
    """What `docker` prints. The test fails when it fails."""
    done = subprocess.run(
        ["docker", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_seconds,
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
    return done.stdout


class Compose:
    """One project, with secrets and a port of its own."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.seconds: dict[str, float] = {}
        self.is_built = False
        example = (CHECKOUT / ".env.example").read_text(encoding="utf-8")
        names = re.findall(r"^([A-Z_]+)=", example, re.MULTILINE)
        self.environment = {name: secrets.token_hex(16) for name in names}
        self.environment |= {
            "MINIO_ACCESS_KEY": secrets.token_hex(10),
            "KNOTE_AUTH": "open",
            "KNOTE_PUBLIC_URL": "",
            "KNOTE_BIND": "127.0.0.1",
            "KNOTE_PORT": str(self.port),
        }
        self._file = folder / "env"
        lines = (f"{name}={value}\n" for name, value in self.environment.items())
        self._file.write_text("".join(lines), encoding="utf-8")

    def run(self, *arguments: str, timeout_seconds: float = 300) -> str:
        """What `docker compose` prints. The test fails when it fails."""
        began = time.monotonic()
        printed = docker(
            "compose", "--env-file", str(self._file), *arguments, timeout_seconds=timeout_seconds
        )
        self.seconds[" ".join(arguments)] = time.monotonic() - began
        # Compose 2.26 clears the lines of a terminal that is not there.
        return printed.replace("\x1b[2K", "")

    def containers(self, *services: str) -> list[Container]:
        """The containers of these services, of all by default."""
        names = self.run("ps", "--all", "--quiet", *services).split()
        if not names:
            return []
        return [
            Container(inspected["Config"]["Labels"]["com.docker.compose.service"], inspected)
            for inspected in json.loads(docker("inspect", *names))
        ]

    def container(self, service: str) -> Container:
        """The one container of a service."""
        (found,) = self.containers(service)
        return found

    async def wait_healthy(self, *services: str, timeout_seconds: float = 90) -> None:
        """Returns when all containers of these services are healthy."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            found = {one.id: (one.service, one.health) for one in self.containers(*(services or SERVERS))}
            if found and all(health == "healthy" for _, health in found.values()):
                return
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.2)

    def requests_of_web(self, path: str) -> list[dict[str, Any]]:
        """What web has logged of requests for this path."""
        lines = self.run("logs", "--no-log-prefix", "web").splitlines()
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in logged if line["path"] == path]

    def clear(self) -> None:
        """Empties the notebook, with the rights that the API has."""
        user, password = "knote", quote(self.environment["MONGO_PASSWORD"])
        address = f"mongodb://{user}:{password}@{self.container('mongo').address}:27017/knote"
        with MongoClient[dict[str, Any]](address, directConnection=True) as client:
            database = client["knote"]
            for name in database.list_collection_names():
                database[name].delete_many({})
        bucket = self.bucket()
        for found in bucket.list_objects(bucket_name="knote", recursive=True):
            assert found.object_name is not None
            bucket.remove_object(bucket_name="knote", object_name=found.object_name)

    def bucket(self) -> Minio:
        """MinIO, with the key of the API."""
        key, secret = (self.environment[name] for name in ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"))
        return Minio(
            endpoint=f"{self.container('minio').address}:9000",
            credentials=StaticProvider(key, secret),
            secure=False,
            region="us-east-1",
        )


class ComposeStore:
    """A store of the system, which a test may stop and start."""

    def __init__(self, compose: Compose, service: str) -> None:
        self._compose = compose
        self._service = service
        self.is_stopped = False

    async def stop(self) -> None:
        """Ends it in order."""
        self.is_stopped = True
        await asyncio.to_thread(self._compose.run, "stop", self._service)

    async def start(self) -> None:
        """Starts it and returns when it is healthy."""
        await asyncio.to_thread(self._compose.run, "start", self._service)
        await self._compose.wait_healthy(self._service)
        self.is_stopped = False


class ComposeKnote:
    """What the tests of the page want of a running Knote; its notebook is open."""

    auth = "open"
    headers: Mapping[str, str] = {}

    def __init__(self, compose: Compose) -> None:
        self._compose = compose
        self.url = compose.url
        self.mongo = ComposeStore(compose, "mongo")
        self.s3 = ComposeStore(compose, "minio")

    async def wait_ready(self, *, timeout_seconds: float = 60) -> None:
        """Returns when every replica says that everything is in order."""
        for store in (self.mongo, self.s3):
            if store.is_stopped:
                await store.start()
        deadline = time.monotonic() + timeout_seconds
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            for replica in self._compose.containers("api"):
                while True:
                    answer = await client.get(f"http://{replica.address}:8000/readyz")
                    if answer.status_code == 200 and answer.json()["status"] == "ok":
                        break
                    assert time.monotonic() < deadline, answer.text
                    await asyncio.sleep(0.1)

    async def clear(self) -> None:
        """Empties the notebook."""
        await asyncio.to_thread(self._compose.clear)
