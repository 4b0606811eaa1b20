"""One command to MongoDB a request, by Motor, as JSON by orjson: no framework, no checks, no log."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import orjson
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import DESCENDING, ReturnDocument
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern
from starlette.types import Receive, Scope, Send

from bench.limits.serve import serve
from knote.clock import new_id

NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
READ = {"terms": False}
HEADERS = [(b"content-type", b"application/json")]


class Notes:
    """`GET /list` of what fits the condition `LISTED`, `POST /insert`, `PUT /edit/<id>`."""

    def __init__(self) -> None:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(os.environ["MONGO_URL"])
        self._notes = client.get_default_database().get_collection(
            "notes", read_concern=ReadConcern("majority"), write_concern=WriteConcern(w="majority", j=True)
        )
        self._listed = json.loads(os.environ["LISTED"])
        self._document = json.loads(os.environ.get("DOCUMENT", "{}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path = scope["path"]
        if path == "/list":
            page = await self._notes.find(self._listed, READ).sort(NEWEST_FIRST).limit(20).to_list(20)
            await _answer(send, page)
        elif path == "/insert":
            body = orjson.loads((await receive())["body"])
            now = datetime.now(UTC)
            document = {**self._document, "_id": new_id(), "created_at": now, "updated_at": now, **body}
            await self._notes.insert_one(document)
            del document["terms"]
            await _answer(send, document, 201)
        else:
            body = orjson.loads((await receive())["body"])
            version = int(dict(scope["headers"])[b"if-match"].strip(b'"'))
            fields = {"updated_at": datetime.now(UTC), "terms": self._document["terms"], **body}
            document = await self._notes.find_one_and_update(
                {"_id": path.rpartition("/")[2], "is_deleted": False, "version": version},
                {"$set": fields, "$inc": {"version": 1}},
                projection=READ,
                return_document=ReturnDocument.AFTER,
            )
            await _answer(send, document, 200 if document else 412)


async def _answer(send: Send, value: object, status: int = 200) -> None:
    body = orjson.dumps(value)
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [*HEADERS, length]})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    serve(Notes())
