"""A primary that has just been elected is used once it shows all that was acknowledged before.

A new primary has every acknowledged write, but for a moment it may not know yet that a majority has it too;
majority reads in that moment show the state before. A linearizable read is answered once a majority has
confirmed the primary with all that it has, so one such read after each election closes the gap, and the
operations after it cost nothing more.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

import pymongo
from bson.objectid import ObjectId
from pymongo import MongoClient, ReadPreference
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.server_description import ServerDescription
from pymongo.server_type import SERVER_TYPE
from pymongo.topology_description import TopologyDescription

# Any collection will do, and that there is none: what counts is what the answer waits for.
_COLLECTION = "elections"
_ATTEMPT_SECONDS = 5.0
_PAUSE_SECONDS = 0.1

Election = tuple[tuple[str, int | None], ObjectId | None]


class _Attempt(threading.local):
    """Whether this thread confirms a primary, and which it has selected last."""

    is_mine = False
    election: Election | None = None


class ConfirmedPrimary:
    """A `server_selector` of the driver that holds back a primary until a majority has confirmed it.

    It is asked before each attempt of each operation, the driver's own repeats among them, with the driver's
    lock held, so it never waits: whoever finds no primary does, as during the election itself. The first
    to find one that is not confirmed starts the confirmation, in a thread, over the same client.
    """

    def __init__(self) -> None:
        self._client: MongoClient[dict[str, Any]] | None = None
        self._confirmed: Election | None = None
        self._confirming = threading.Lock()
        self._attempt = _Attempt()
        self._usable: TopologyDescription | None = None

    def __call__(self, servers: Sequence[ServerDescription]) -> list[ServerDescription]:
        """Those of the servers that may be used now."""
        return [server for server in servers if self._may_be_used(server)]

    def is_in(self, topology: TopologyDescription) -> bool:
        """Whether there is a primary that may be used: for who asks before each request."""
        if topology is not self._usable:
            if not topology.apply_selector(ReadPreference.PRIMARY, custom_selector=self):
                return False
            self._usable = topology
        return True

    def watch(self, client: MongoClient[dict[str, Any]]) -> None:
        """Whose primaries these are, before the first operation. Has it connect, and returns at once."""
        self._client = client
        self._confirm()

    def _confirm(self) -> None:
        if self._confirming.acquire(blocking=False):
            threading.Thread(target=self._read, name="knote-primary", daemon=True).start()

    def _may_be_used(self, server: ServerDescription) -> bool:
        if server.server_type != SERVER_TYPE.RSPrimary:
            return True
        election = (server.address, server.election_id)
        if election == self._confirmed:
            return True
        if self._attempt.is_mine:
            self._attempt.election = election
            return True
        self._confirm()
        return False

    def _read(self) -> None:
        """One attempt. Where it fails, the next to find the primary unconfirmed makes another."""
        assert self._client is not None  # noqa: S101 - `watch` comes before any operation
        self._attempt.is_mine = True
        try:
            with pymongo.timeout(_ATTEMPT_SECONDS):
                database = self._client.get_default_database("knote")
                collection = database.get_collection(
                    _COLLECTION,
                    read_preference=ReadPreference.PRIMARY,
                    read_concern=ReadConcern("linearizable"),
                )
                collection.find_one({"_id": None})
            # None where one server is asked directly: the driver selects none.
            self._confirmed = self._attempt.election
        except PyMongoError:
            # It may be over, or the others away, or the user not known there yet: all pass with time.
            time.sleep(_PAUSE_SECONDS)
        finally:
            self._confirming.release()
