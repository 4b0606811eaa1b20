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
from chaos.people import API, People, Person, sign_in
from chaos.proof import Proof
from chaos.system import System
from chaos.workload import NOTES, PICTURES, Workload

READER = -2
_PAGE = 100
# How many sessions that are over each replica is asked with, and for how many notes of each person.
_MOST_ASKED = 20
_MOST_STRANGE = 3


async def gather_final_state(
    system: System, workload: Workload, people: People | None = None
) -> list[Record]:
    """Looks at what the run has left, lets fsck and sweep have their say, and looks again.

    The grace time of uploads is over by decree: nothing is under way any more.
    """
    found = await _fsck(system, "found")
    before = await _stored(system, "found")
    swept = await _chore(system, "sweep", "swept", KNOTE_PENDING_GRACE_SECONDS="0")
    clean = await _fsck(system, "clean")
    if people is None:
        await _read_through_api(system, workload, None)
    else:
        await _read_as(system, workload, people)
    return [found, *before, swept, clean, *await _stored(system, "end")]


async def _fsck(system: System, phase: str) -> Chore:
    return await _chore(system, "fsck", phase, "--dry-run", KNOTE_PENDING_GRACE_SECONDS="0")


async def _chore(system: System, command: str, phase: str, *arguments: str, **settings: str) -> Chore:
    started = time.monotonic()
    status, report = await run_command(system, command, *arguments, **settings)
    return Chore(command, phase, started, time.monotonic(), status, report)


async def _read_through_api(system: System, workload: Workload, proof: Proof | None) -> None:
    """Lists all notes from every replica, and fetches all pictures that they show."""
    shown: set[str] = set()
    for replica in system.fleet.replicas:
        async with workload.open(f"http://127.0.0.1:{replica.port}") as client:
            shown |= await _walk(workload, client, f"at the end, {replica.name}", proof)
    async with workload.open() as client:
        for id_ in sorted(shown):
            way = {"method": "GET", "path": f"{PICTURES}/{id_}"}
            await workload.call(client, READER, "fetch", id_, 0, {"width": None}, proof=proof, **way)


async def _read_as(system: System, workload: Workload, people: People) -> None:
    """As each of the people; then asks every replica for what is another's, and with what is over."""
    proofs: dict[str, Proof] = {}
    async with workload.open() as client:
        for person in people.all:
            if (proof := await sign_in(workload, client, READER, person)) is not None:
                proofs[person.name] = proof
                await _read_through_api(system, workload, proof)
    for replica in system.fleet.replicas:
        async with workload.open(f"http://127.0.0.1:{replica.port}") as client:
            for proof in people.over[-_MOST_ASKED:]:
                way = {"method": "GET", "path": f"{API}/account"}
                await workload.call(client, READER, "account", proof.user, 0, {}, proof=proof, **way)
            for person in people.members:
                for stranger in (*(proofs[name] for name in proofs if name != person.name), None):
                    await _trespass(workload, client, person, stranger)


async def _trespass(
    workload: Workload, client: httpx.AsyncClient, person: Person, proof: Proof | None
) -> None:
    """Asks for the last notes and pictures of a person as somebody else, or as nobody."""
    places = {id_: f"{NOTES}/{id_}" for id_ in person.board.notes[-_MOST_STRANGE:]}
    places |= {id_: f"{PICTURES}/{id_}" for id_ in person.board.pictures[-_MOST_STRANGE:]}
    for id_, path in places.items():
        request = {"method": "GET", "path": path, "of": person.name}
        way = {"method": "GET", "path": path}
        await workload.call(client, READER, "trespass", id_, 0, request, proof=proof, **way)


async def _walk(workload: Workload, client: httpx.AsyncClient, key: str, proof: Proof | None) -> set[str]:
    """The pictures that the notes show."""
    cursor: str | None = None
    shown: set[str] = set()
    for page in itertools.count():
        request = {"page": page, "limit": _PAGE}
        parameters: dict[str, Any] = {"limit": _PAGE, **({"cursor": cursor} if cursor else {})}
        way: dict[str, Any] = {"method": "GET", "path": NOTES, "params": parameters}
        status, found, _ = await workload.call(client, READER, "list", key, 0, request, proof=proof, **way)
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
        idempotency_key=_own_key(note),
        pictures=[picture["id"] for picture in note["pictures"] if picture["width"] is not None],
        owner=note.get("owner"),
    )


def _own_key(note: dict[str, Any]) -> str | None:
    """The key as it was sent: that of an account begins with its owner."""
    key: str | None = note.get("idempotency", {}).get("key")
    return key if key is None or "owner" not in note else key.removeprefix(f"{note['owner']} ")


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
        owner=row.get("owner"),
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
