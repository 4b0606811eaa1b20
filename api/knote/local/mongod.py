"""A real MongoDB on loopback: a replica set of one, with authentication, in a folder of its own."""

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from knote.local.binaries import find_mongod
from knote.local.child import ChildServer
from knote.local.datafolder import read_state, write_private

_SET = "knote"
_USER = "knote"
_KNOTE_ROLES = ({"role": "readWrite", "db": "knote"},)
_NOT_YET_INITIALIZED = 94
_PASSING_CODES = frozenset({23, 91, 94, 109, 10107, 11600, 11602, 13435, 13436})
_OTHER_VERSIONS_DATA = 62

Client = AsyncMongoClient[dict[str, Any]]


class MongoServer(ChildServer):
    """One `mongod`. `roles` is what the user of `url` may do: by default, use database `knote`."""

    title = "MongoDB"
    folder = "mongo"
    port_names = ("mongo",)
    stop_seconds = 15

    def __init__(self, data_dir: Path, *, roles: Sequence[Mapping[str, str]] = _KNOTE_ROLES) -> None:
        super().__init__(data_dir)
        self._roles = [dict(role) for role in roles]
        self._key = ""
        self._password = ""

    @property
    def port(self) -> int:
        """The port on 127.0.0.1, once started."""
        return self.ports["mongo"]

    @property
    def url(self) -> str:
        """What `MONGO_URL` takes, database `knote`."""
        return self.url_of("knote")

    def url_of(self, database: str) -> str:
        """What `MONGO_URL` takes for another database, which `roles` must allow."""
        return (
            f"mongodb://{_USER}:{quote(self._password, safe='')}@127.0.0.1:{self.port}/{database}"
            f"?replicaSet={_SET}&authSource=admin"
        )

    def open_admin(self) -> Client:
        """A client that may do everything, as the replica set's members may; close it after use."""
        return AsyncMongoClient(
            "127.0.0.1",
            self.port,
            username="__system",
            password=self._key,
            authSource="local",
            directConnection=True,
            serverSelectionTimeoutMS=2000,
            connectTimeoutMS=2000,
            socketTimeoutMS=20_000,
        )

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        program = find_mongod()
        database = self.home / "db"
        database.mkdir(mode=0o700, exist_ok=True)
        keyfile = self.home / "keyfile"
        if not keyfile.exists():
            write_private(keyfile, base64.b64encode(secrets.token_bytes(72)).decode(), mode=0o400)
        self._key = keyfile.read_text(encoding="ascii").strip()
        remembered = read_state(self.home / "server.json").get("password")
        self._password = remembered if isinstance(remembered, str) else secrets.token_urlsafe(24)
        state = {"ports": self.ports, "password": self._password}
        write_private(self.home / "server.json", json.dumps(state))
        return [
            str(program),
            f"--dbpath={database}",
            "--bind_ip=127.0.0.1",
            f"--port={self.port}",
            "--nounixsocket",
            f"--replSet={_SET}",
            f"--keyFile={keyfile}",
            "--wiredTigerCacheSizeGB=0.25",
            # The journal stays on; only its files are small and not made in advance (300 MB).
            "--wiredTigerEngineConfigString=log=(prealloc=false,file_max=16MB)",
            "--oplogSize=256",
            "--quiet",
            # What is slow is told with its values: texts, names, hashes of secrets. The first is what a
            # member says of others' writes as well, the second whatever the first is set to later.
            "--slowms=2147483647",
            "--slowOpSampleRate=0",
            "--setParameter=diagnosticDataCollectionEnabled=false",
            # Nobody is there to take over, so there is nobody to wait for.
            "--setParameter=shutdownTimeoutMillisForSignaledShutdown=100",
        ], {}

    async def _answers(self) -> None:
        """Ready means primary, and a write has reached the majority (of one)."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        async with self.open_admin() as client:
            while not (await client.admin.command("hello"))["isWritablePrimary"]:
                await self._configure(client)
                await asyncio.sleep(0.02)
            await self._let_user_in(client)

    async def _configure(self, client: Client) -> None:
        """Makes the replica set, or tells it its new port: a set serves only as a known member."""
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        try:
            found = await client.admin.command("replSetGetConfig")
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            with _passing_errors():
                await client.admin.command("replSetInitiate", {"_id": _SET, "members": [member]})
            return
        config = found["config"]
        if [known["host"] for known in config["members"]] != [member["host"]]:
            config |= {"members": [member], "version": config["version"] + 1}
            with _passing_errors():
                await client.admin.command("replSetReconfig", config, force=True)

    async def _let_user_in(self, client: Client) -> None:
        """The user exists, with the remembered password and no more than its roles."""
        known = await client.admin.command("usersInfo", _USER)
        await client.admin.command(
            "updateUser" if known["users"] else "createUser",
            _USER,
            pwd=self._password,
            roles=self._roles,
            writeConcern={"w": "majority", "j": True},
        )

    def _explain(self) -> str:
        ended = self._process.poll() if self._process else None
        reasons = _complaints(self.log_tail(200))[-6:] or [self.log_tail()]
        if ended == _OTHER_VERSIONS_DATA:
            reasons.insert(0, "The data was written by another version of MongoDB.")
        return "\n".join(reasons)


@contextlib.contextmanager
def _passing_errors() -> Iterator[None]:
    """Lets pass what a replica set says while it is settling: it is asked again."""
    try:
        yield
    except OperationFailure as error:
        if error.code not in _PASSING_CODES:
            raise


def _complaints(log: str) -> list[str]:
    """The errors of mongod's JSON log, since its last start, as plain lines."""
    lines: list[str] = []
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            lines.append(line)
            continue
        if entry.get("msg") == "Build Info":
            lines.clear()
        if entry.get("s") in {"E", "F"}:
            error = entry.get("attr", {}).get("error", "")
            detail = error.get("errmsg", "") if isinstance(error, dict) else error
            lines.append(f"{entry['msg'].strip()}{f': {detail}' if detail else ''}")
    return lines
