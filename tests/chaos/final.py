"""What is there at the end: through the API, and in MongoDB and the bucket, read without Knote's code."""

import asyncio
import contextlib
import hashlib
import itertools
import time
from collections.abc import Iterator
from typing import Any

import botocore.session
import httpx
from botocore.config import Config

from chaos.faults import run_command
from chaos.history import Chore, Record, StoredNote, StoredObject, StoredPicture, digest
from chaos.system import System
from chaos.workload import NOTES, PICTURES, Workload

READER = -2
_PAGE = 100


async def gather_final_state(system: System, workload: Workload) -> list[Record]:
    """Looks at what the run has left, lets fsck and sweep have their say, and looks again.

    The grace time of uploads is over by decree: nothing is under way any more.
    """
    found = await _fsck(system, "found")
    before = await _stored(system, "found")
    swept = await _chore(system, "sweep", "swept", KNOTE_PENDING_GRACE_SECONDS="0")
    clean = await _fsck(system, "clean")
    await _read_through_api(system, workload)
    return [found, *before, swept, clean, *await _stored(system, "end")]


async def _fsck(system: System, phase: str) -> Chore:
    return await _chore(system, "fsck", phase, "--dry-run", KNOTE_PENDING_GRACE_SECONDS="0")


async def _chore(system: System, command: str, phase: str, *arguments: str, **settings: str) -> Chore:
    started = time.monotonic()
    status, report = await run_command(system, command, *arguments, **settings)
    return Chore(command, phase, started, time.monotonic(), status, report)


async def _read_through_api(system: System, workload: Workload) -> None:
    """Lists all notes from every replica, and fetches all pictures that they show."""
    shown: set[str] = set()
    for replica in system.fleet.replicas:
        async with workload.open(f"http://127.0.0.1:{replica.port}") as client:
            shown |= await _walk(workload, client, f"at the end, {replica.name}")
    async with workload.open() as client:
        for id_ in sorted(shown):
            await workload.call(
                client, READER, "fetch", id_, 0, {"width": None}, method="GET", path=f"{PICTURES}/{id_}"
            )


async def _walk(workload: Workload, client: httpx.AsyncClient, key: str) -> set[str]:
    """The pictures that the notes show."""
    cursor: str | None = None
    shown: set[str] = set()
    for page in itertools.count():
        request = {"page": page, "limit": _PAGE}
        parameters: dict[str, Any] = {"limit": _PAGE, **({"cursor": cursor} if cursor else {})}
        status, found, _ = await workload.call(
            client, READER, "list", key, 0, request, method="GET", path=NOTES, params=parameters
        )
        if status != 200:
            break
        shown |= {picture["id"] for note in found["items"] for picture in note["pictures"]}
        if (cursor := found["next"]) is None:
            break
    return shown


async def _stored(system: System, phase: str) -> list[Record]:
    """The documents and the objects."""
    records: list[Record] = []
    primary = await system.mongo.primary()
    assert primary is not None, "MongoDB has no primary at the end"
    async with primary.open_admin() as client:
        if phase == "end":
            records += [_note(note) async for note in client[system.database]["notes"].find()]
        records += [_picture(row, phase) async for row in client[system.database]["pictures"].find()]
    records += await asyncio.to_thread(_objects, system, phase)
    return records


def _note(note: dict[str, Any]) -> StoredNote:
    return StoredNote(
        id=note["_id"],
        version=note["version"],
        content=digest(note["content"]),
        is_deleted=note["is_deleted"],
        idempotency_key=note.get("idempotency", {}).get("key"),
        pictures=[picture["id"] for picture in note["pictures"] if picture["width"] is not None],
    )


def _picture(row: dict[str, Any], phase: str) -> StoredPicture:
    folder = f"pictures/{row['_id']}/{row['upload']}"
    is_ready = row["state"] == "ready"
    objects = {f"{folder}/original": row["size_bytes"]} if is_ready else {}
    objects |= {f"{folder}/{name}": kept["size_bytes"] for name, kept in row.get("variants", {}).items()}
    return StoredPicture(
        id=row["_id"],
        state=row["state"],
        sha256=row.get("sha256"),
        folder=folder,
        objects=objects,
        phase=phase,
    )


def _objects(system: System, phase: str) -> list[Record]:
    records: list[Record] = []
    with open_s3(system) as client:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=system.bucket, Prefix="pictures/")
        for page in pages:
            for item in page.get("Contents", []):
                sha256 = ""
                if phase == "end":
                    body = client.get_object(Bucket=system.bucket, Key=item["Key"])["Body"]
                    sha256 = hashlib.sha256(body.read()).hexdigest()
                records.append(StoredObject(item["Key"], item["Size"], sha256, phase))
    return records


@contextlib.contextmanager
def open_s3(system: System) -> Iterator[Any]:
    """A client of the object store itself, past the line."""
    server = system.s3
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, response_checksum_validation="when_required"),
    )
    try:
        yield client
    finally:
        client.close()
