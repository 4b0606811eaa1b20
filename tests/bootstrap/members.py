"""Members of a replica set that does not exist yet."""

import asyncio
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from knote.local.binaries import find_mongod
from knote.local.child import ChildServer

SET = "rs0"
OLD_KEY, KEY = "old+key/0123456789", "new+key/9876543210"


class Member(ChildServer):
    """One mongod with a key and nothing else."""

    title = "MongoDB"
    folder = "mongo"
    port_names = ("mongo",)

    def __init__(self, data_dir: Path, keyfile: Path) -> None:
        super().__init__(data_dir)
        self._keyfile = keyfile

    @property
    def address(self) -> str:
        """Its name in the set."""
        return f"127.0.0.1:{self.ports['mongo']}"

    def open(self, user: str, password: str, source: str) -> AsyncMongoClient[dict[str, Any]]:
        """A client of this member alone."""
        return AsyncMongoClient(
            self.address,
            username=user,
            password=password,
            authSource=source,
            directConnection=True,
            serverSelectionTimeoutMS=5000,
        )

    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        database = self.home / "db"
        database.mkdir(mode=0o700, exist_ok=True)
        return [
            str(find_mongod()),
            f"--dbpath={database}",
            "--bind_ip=127.0.0.1",
            f"--port={self.ports['mongo']}",
            "--nounixsocket",
            f"--replSet={SET}",
            f"--keyFile={self._keyfile}",
            "--wiredTigerCacheSizeGB=0.25",
            "--wiredTigerEngineConfigString=log=(prealloc=false,file_max=16MB)",
            "--oplogSize=64",
            "--quiet",
            "--setParameter=diagnosticDataCollectionEnabled=false",
        ], {}

    async def _answers(self) -> None:
        """Ready to be asked is all it can be."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.ports["mongo"])
        writer.close()
        await writer.wait_closed()
