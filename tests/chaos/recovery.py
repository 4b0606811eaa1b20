"""Is the service whole again: asked as a client asks, of all that it does."""

import asyncio
import hashlib
import itertools
import time
from typing import Any

import httpx

from chaos.people import People, sign_in
from chaos.proof import Proof
from chaos.system import System
from chaos.workload import NOTES, PICTURES, Answer, Workload, noise

CANARY = -1
_ROUNDS = 3
_PATIENCE_SECONDS = 60
# What still takes longer than this is not full service.
_SLOW_SECONDS = 5.0
_POLL_SECONDS = 0.2


class Canary:
    """A client that does a bit of everything, and expects each of it to be done at once."""

    def __init__(self, system: System, workload: Workload, people: People | None = None) -> None:
        self._system = system
        self._workload = workload
        self._people = people
        # Where there are accounts it is signed in once, and nobody ever signs it out.
        self._proof: Proof | None = None
        self._numbers = itertools.count(1)

    async def seconds_until_whole(self) -> float | None:
        """How long it takes from now until everything works; None when that takes over a minute."""
        asked_at = time.monotonic()
        async with self._workload.open() as client, httpx.AsyncClient(trust_env=False, timeout=5) as probe:
            while True:
                began_at = time.monotonic()
                if await self._is_whole(client, probe):
                    return began_at - asked_at
                if time.monotonic() - asked_at > _PATIENCE_SECONDS:
                    return None
                await asyncio.sleep(_POLL_SECONDS)

    async def _is_whole(self, client: httpx.AsyncClient, probe: httpx.AsyncClient) -> bool:
        if not await self._system.answers(probe):
            return False
        for _ in range(_ROUNDS):
            try:
                async with asyncio.timeout(_SLOW_SECONDS):
                    if not (await self._is_known(client) and await self._round(client)):
                        return False
            except TimeoutError:
                return False
        return True

    async def _is_known(self, client: httpx.AsyncClient) -> bool:
        if self._people is not None and self._proof is None:
            self._proof = await sign_in(self._workload, client, CANARY, self._people.canary, tries=1)
        return self._people is None or self._proof is not None

    async def _round(self, client: httpx.AsyncClient) -> bool:
        key = f"canary-{next(self._numbers)}"
        data, pixels = noise(next(self._numbers), 1000)
        id_ = hashlib.sha256(data).hexdigest()
        request = {"sha256": id_, "size_bytes": len(data), "pixels_sha256": pixels}
        files = {"file": ("image.png", data)}
        status, picture, _ = await self._call(
            client, "upload", id_, request, method="POST", path=PICTURES, files=files
        )
        if status not in {200, 201}:
            return False
        path = f"{PICTURES}/{picture['id']}"
        status, _, _ = await self._call(
            client, "fetch", picture["id"], {"width": None}, method="GET", path=path
        )
        if status != 200:
            return False
        content = {"content": f"{key} ![]({path})"}
        headers = {"Idempotency-Key": key}
        status, note, _ = await self._call(
            client, "create", key, content, method="POST", path=NOTES, json=content, headers=headers
        )
        if status != 201:
            return False
        status, _, _ = await self._call(
            client, "read", note["id"], {}, method="GET", path=f"{NOTES}/{note['id']}"
        )
        return status == 200

    async def _call(
        self, client: httpx.AsyncClient, operation: str, key: str, request: dict[str, Any], **options: Any
    ) -> Answer:
        return await self._workload.call(
            client, CANARY, operation, key, 0, request, proof=self._proof, **options
        )
