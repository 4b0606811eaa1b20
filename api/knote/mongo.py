"""The only module that knows Motor: how the database is opened, and what its errors mean."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, cast

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, ReturnDocument, UpdateOne
from pymongo.client_options import ClientOptions
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    InvalidName,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern
from pymongo.topology_description import TopologyDescription
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from knote.errors import Misconfigured, NotesUnavailable
from knote.primary import ConfirmedPrimary
from knote.settings import Settings

__all__ = [
    "ASCENDING",
    "DESCENDING",
    "BulkWriteError",
    "Collection",
    "Database",
    "Document",
    "DuplicateKeyError",
    "IndexModel",
    "ReturnDocument",
    "Transaction",
    "UpdateOne",
    "check_mongo_url",
    "counts",
    "database_errors",
    "drop_superseded",
    "in_transaction",
    "lookup",
    "open_database",
    "wait_for_primary",
]

logger = logging.getLogger(__name__)

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
Transaction = AsyncIOMotorClientSession

Result = TypeVar("Result")

_FIRST_POLL_SECONDS, _MOST_POLL_SECONDS = 0.002, 0.05
_ACKNOWLEDGED = WriteConcern(w="majority", j=True)
_NO_SUCH_INDEX = 27
_UNAVAILABLE = (
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WTimeoutError,
)
# Codes of a server that is starting (211: without the keys of its clock, 134: without a majority), stepping
# down, stopping, out of disk, or that has not been told of our user yet: all pass with time.
_PASSING_CODES = frozenset(
    {
        *(6, 7, 11, 13, 18, 24, 43, 46, 50, 64, 89, 91, 94, 100, 112, 133, 134, 189, 202, 211, 262),
        *(9001, 10107, 11600, 11602, 13435, 13436, 14031),
    }
)


def counts(database: Database, name: str) -> Collection:
    """A collection of counts of what was tried or done: they wait for no journal and no second member.

    A primary that fails takes the last of them along: somebody has a try more.
    """
    return database.get_collection(name, write_concern=WriteConcern(w=1))


def lookup(collection: str, field: str, fields: Document, *, where: Document | None = None) -> Document:
    """A stage that adds the documents whose id is in `field`, under the name of their collection."""
    pipeline = [{"$match": where}] if where else []
    return {
        "$lookup": {
            "from": collection,
            "localField": field,
            "foreignField": "_id",
            "pipeline": [*pipeline, {"$project": fields}],
            "as": collection,
        }
    }


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of `MONGO_URL`, with majority reads of a confirmed primary and journaled majority writes.

    Opening waits for nothing: a server that is away is waited for by each operation, for
    `mongo_timeout_seconds` at the most.
    """
    primary = ConfirmedPrimary()
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        settings.mongo_url.get_secret_value(),
        appname="knote",
        tz_aware=True,
        timeoutMS=int(settings.mongo_timeout_seconds * 1000),
        serverSelectionTimeoutMS=int(min(5, settings.mongo_timeout_seconds) * 1000),
        connectTimeoutMS=2000,
        heartbeatFrequencyMS=2000,
        retryWrites=True,
        retryReads=True,
        server_selector=primary,
    )
    primary.watch(client.delegate)
    try:
        yield client.get_default_database("knote").with_options(
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=_ACKNOWLEDGED,
        )
    finally:
        client.close()


def check_mongo_url(settings: Settings) -> None:
    """Raises `Misconfigured` when `MONGO_URL` is no connection string; asks no server."""
    url = settings.mongo_url.get_secret_value()
    try:
        if not url.startswith("mongodb+srv://"):  # that one is resolved by DNS, when it is opened
            parse_uri(url)
    except (ConfigurationError, InvalidName, ValueError) as error:
        raise Misconfigured(
            "MONGO_URL is no connection string that can be used. It looks like "
            "mongodb://user:password@host:27017/knote?replicaSet=rs0"
        ) from error


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns what the driver raises while MongoDB is away into `NotesUnavailable`; the rest passes."""
    try:
        yield
    except DuplicateKeyError:
        raise
    except PyMongoError as error:
        code = getattr(error, "code", None)
        if isinstance(error, _UNAVAILABLE) or error.timeout or code in _PASSING_CODES:
            raise _unavailable() from error
        # By its code: its text may hold what the command held.
        logger.warning("MongoDB refused an operation", extra={"mongo_code": code})
        raise


async def in_transaction(
    database: Database, act: Callable[[Transaction], Coroutine[Any, Any, Result]]
) -> Result:
    """What `act` returns when all that it wrote is there, or nothing of it when it raises.

    It is called again where another transaction was in the way, so what it does must be commands of this
    transaction alone, whose errors it must let pass as they are.
    """
    with database_errors():
        async with await database.client.start_session() as session:
            done: Result = await session.with_transaction(
                act, read_concern=ReadConcern("snapshot"), write_concern=_ACKNOWLEDGED
            )
            return done


async def drop_superseded(collection: Collection, successors: Mapping[str, str]) -> list[str]:
    """Drops each index whose successor is there. Returns the names of those that this call dropped."""
    dropped = []
    with database_errors():
        present = set(await collection.index_information())
        for old, new in successors.items():
            if present >= {old, new} and await _drop_index(collection, old):
                dropped.append(old)
    return dropped


async def _drop_index(collection: Collection, name: str) -> bool:
    try:
        await collection.drop_index(name)
    except OperationFailure as error:
        if error.code != _NO_SUCH_INDEX:
            raise
        return False  # Another sweep was first.
    return True


async def wait_for_primary(database: Database, *, timeout_seconds: float) -> None:
    """Returns when the driver has a primary that may be used. Raises `NotesUnavailable` if none comes.

    The driver would wait too, but in one of Motor's few threads: behind a crowd of waiting requests
    each further one would wait as many times longer.
    """
    deadline = time.monotonic() + timeout_seconds
    pause_seconds = _FIRST_POLL_SECONDS
    while not _has_primary(database.client):
        if time.monotonic() > deadline:
            raise _unavailable()
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, _MOST_POLL_SECONDS)


def _has_primary(client: AsyncIOMotorClient[Document]) -> bool:
    # Motor's types call both methods; they are properties.
    primary = cast("ConfirmedPrimary", cast("ClientOptions", client.options).server_selector)
    return primary.is_in(cast("TopologyDescription", client.topology_description))


def _unavailable() -> NotesUnavailable:
    return NotesUnavailable("The notes cannot be reached right now. Nothing was lost: try again in a moment.")
