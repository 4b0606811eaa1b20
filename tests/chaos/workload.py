"""Twenty clients that use the notebook as real ones do, and write down every request and its answer."""

import asyncio
import contextlib
import dataclasses
import hashlib
import io
import itertools
import json
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx
from PIL import Image

from chaos.history import Call, condensed
from chaos.proof import Proof

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"
_SMALLEST_BYTES, _LARGEST_BYTES = 1_000, 10_000_000
PAGE = 100
_HOT = 20
TRIES = 12
_LONGEST_PAUSE_SECONDS = 1.0
# Between two operations of one client, on average: people and scripts do other things, too.
_PAUSE_SECONDS = 0.2
_KEPT_HEADERS = ("etag", "location", "retry-after", "content-type", "content-range")
# How often each operation is chosen, in percent.
MIX = {
    "create": 20,
    "read": 25,
    "list": 2,
    "search": 3,
    "replace": 20,
    "delete": 8,
    "restore": 5,
    "upload": 5,
    "fetch": 12,
}

Answer = tuple[int | None, Any, Mapping[str, str]]


@dataclasses.dataclass
class Board:
    """What the workers know together: notes and pictures that were acknowledged, in that order."""

    notes: list[str] = dataclasses.field(default_factory=list)
    deleted: list[str] = dataclasses.field(default_factory=list)
    etags: dict[str, str] = dataclasses.field(default_factory=dict)
    pictures: list[str] = dataclasses.field(default_factory=list)
    # Seeds and sizes of files that were uploaded, to be uploaded again.
    files: list[tuple[int, int]] = dataclasses.field(default_factory=list)


Hire = Callable[["Workload", int], "Worker"]


class Workload:
    """The workers over one address; `record` gets each call."""

    def __init__(
        self,
        url: str,
        *,
        seed: int,
        workers: int,
        record: Callable[[Call], None],
        mix: Mapping[str, int] = MIX,
        page: int = PAGE,
        hire: Hire | None = None,
    ) -> None:
        """`mix` says how often each operation is chosen, `page` how long a page of a list is.

        `hire` makes the worker of a number; one of an open notebook where nothing else is said.
        """
        self._url = url
        self.mix = mix
        self.page = page
        self.seed = seed
        self.workers = workers
        self._record = record
        board = Board()
        self._hire = hire or (lambda workload, number: Worker(workload, number, board))
        self._numbers = itertools.count(1)
        self._is_over = asyncio.Event()
        self.retries = 0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The workers at work for as long as this lasts; each ends what it has begun."""
        workers = [self._hire(self, number) for number in range(self.workers)]
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        try:
            yield
        finally:
            self._is_over.set()
            await asyncio.gather(*tasks)

    @property
    def is_over(self) -> bool:
        """Whether the workers are to end."""
        return self._is_over.is_set()

    def open(self, url: str | None = None) -> httpx.AsyncClient:
        """A client with connections of its own, to one replica where its address is given."""
        timeout = httpx.Timeout(30, connect=5)
        return httpx.AsyncClient(base_url=url or self._url, trust_env=False, timeout=timeout)

    async def call(
        self,
        client: httpx.AsyncClient,
        worker: int,
        operation: str,
        key: str,
        attempt: int,
        request: dict[str, Any],
        *,
        proof: Proof | None = None,
        user: str | None = None,
        **options: Any,
    ) -> Answer:
        """Makes one request and writes it down; `user` is who asks without a proof of it."""
        number = next(self._numbers)
        method, path = options.pop("method"), options.pop("path")
        headers = {"X-Request-ID": f"call-{number}", **options.pop("headers", {})}
        if proof is not None:
            headers |= proof.headers
        status: int | None = None
        response: Any = None
        error: str | None = "given up"
        got: Mapping[str, str] = {}
        kept: dict[str, str] = {}
        ended: float | None = None
        lost: float | None = None
        started = time.monotonic()
        try:
            answer = await client.request(method, path, headers=headers, **options)
            ended = time.monotonic()
            got = answer.headers
            kept = {name: got[name] for name in _KEPT_HEADERS if name in got}
            if operation in {"list", "search"}:
                kept.pop("etag", None)  # of the page, and of no note
            response = await asyncio.to_thread(_content, answer)
            status = answer.status_code
            error = None
        except httpx.HTTPError as problem:
            # No answer, or half of one: what became of the request is not known.
            error = f"{type(problem).__name__}: {problem}"
            lost = time.monotonic()
        finally:
            # Also when whoever asked waits no longer: what was asked may be done.
            lost = time.monotonic() if ended is None else None
            self._record(
                Call(
                    number=number,
                    worker=worker,
                    operation=operation,
                    key=key,
                    attempt=attempt,
                    started=started,
                    ended=ended,
                    replica=None,
                    request=request,
                    status=status,
                    response=condensed(response),
                    headers=kept,
                    error=error,
                    lost=lost,
                    user=proof.user if proof else user,
                    proof=proof.name if proof else None,
                )
            )
        return status, response, got


def is_answer(answer: Answer) -> bool:
    """Whether it says what became of the request; otherwise a client repeats it."""
    return answer[0] is not None and answer[0] < 500


def pause_seconds(attempt: int) -> float:
    """How long a client waits before it repeats a request for the next time."""
    return min(0.1 * 2.0**attempt, _LONGEST_PAUSE_SECONDS)


def _content(answer: httpx.Response) -> Any:
    """What the history keeps of an answer: JSON as it is, of a picture the digests of bytes and pixels."""
    kind = answer.headers.get("content-type", "")
    data = answer.content
    if not data:
        return None
    if "json" in kind:
        return json.loads(data)
    kept = {"sha256": hashlib.sha256(data).hexdigest(), "size_bytes": len(data)}
    if kind == "image/png":
        kept["pixels_sha256"] = _pixels(data)
    return kept


def _pixels(data: bytes) -> str:
    """The digest of a picture's pixels."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()
    except (OSError, SyntaxError, ValueError) as error:
        return f"no picture: {error}"


class Decision(NamedTuple):
    """What a worker does next: an operation, and where, with what, and how much of it, each from 0 to 1."""

    operation: str
    where: float
    what: float
    size: float
    pause_seconds: float


def decisions(seed: int, worker: int, mix: Mapping[str, int] = MIX) -> Iterator[Decision]:
    """All that a worker decides: each takes as many draws, whatever becomes of it."""
    draw = random.Random(f"{seed}/{worker}")
    operations, weights = list(mix), list(mix.values())
    while True:
        operation = draw.choices(operations, weights)[0]
        where, what, size, pause = (draw.random() for _ in range(4))
        yield Decision(operation, where, what, size, 2 * pause * _PAUSE_SECONDS)


class Worker:
    """One client. What it decides depends on the seed, its number and what was acknowledged so far."""

    def __init__(self, workload: Workload, number: int, board: Board) -> None:
        self._workload = workload
        self._number = number
        self._decisions = decisions(workload.seed, number, workload.mix)
        self._board = board
        self._count = 0

    async def run(self) -> None:
        """Works until it is over."""
        async with self._workload.open() as client:
            self._client = client
            for decision in self._decisions:
                if self._workload.is_over:
                    return
                self._count += 1
                await getattr(self, f"_{decision.operation}")(decision)
                await asyncio.sleep(decision.pause_seconds)

    @property
    def _key(self) -> str:
        return f"w{self._number}-{self._count}"

    async def _persist(self, operation: str, key: str, request: dict[str, Any], **options: Any) -> Answer:
        """Repeats a request as a client does that wants an answer: the same again, after a pause."""
        for attempt in range(TRIES):
            answer = await self._ask(operation, key, attempt, request, **options)
            if is_answer(answer):
                return answer
            self._workload.retries += 1
            await asyncio.sleep(pause_seconds(attempt))
        return answer

    async def _ask(
        self, operation: str, key: str, attempt: int, request: dict[str, Any], **options: Any
    ) -> Answer:
        """Makes one request."""
        return await self._workload.call(
            self._client, self._number, operation, key, attempt, request, **options
        )

    async def _create(self, drawn: Decision) -> None:
        key = self._key
        request = {"content": self._text(drawn)}
        options = {"method": "POST", "path": NOTES, "json": request, "headers": {"Idempotency-Key": key}}
        status, note, headers = await self._persist("create", key, request, **options)
        if status == 201:
            self._board.notes.append(note["id"])
            self._board.etags[note["id"]] = headers["etag"]

    async def _read(self, drawn: Decision) -> None:
        if id_ := self._some(self._board.notes, drawn.where):
            status, _, headers = await self._persist("read", id_, {}, method="GET", path=f"{NOTES}/{id_}")
            if status == 200:
                self._board.etags[id_] = headers["etag"]

    async def _list(self, drawn: Decision) -> None:  # noqa: ARG002 - all of it, whatever was drawn
        cursor, key = None, self._key
        for page in itertools.count():
            request = {"page": page, "limit": self._workload.page, "cursor": cursor}
            parameters = {"limit": self._workload.page, **({"cursor": cursor} if cursor else {})}
            options = {"method": "GET", "path": NOTES, "params": parameters}
            status, found, _ = await self._persist("list", key, request, **options)
            if status != 200 or found["next"] is None or self._workload.is_over:
                return
            cursor = found["next"]

    async def _search(self, drawn: Decision) -> None:
        """The first page of the notes that a worker has written."""
        q = f"by{int(drawn.where * self._workload.workers)}"
        request = {"page": 0, "limit": self._workload.page, "q": q}
        parameters = {"limit": self._workload.page, "q": q}
        await self._persist("search", self._key, request, method="GET", path=NOTES, params=parameters)

    async def _replace(self, drawn: Decision) -> None:
        if id_ := self._some(self._board.notes, drawn.where):
            etag = self._board.etags[id_]
            request = {"content": self._text(drawn), "if_match": etag}
            options = {
                "method": "PUT",
                "path": f"{NOTES}/{id_}",
                "json": {"content": request["content"]},
                "headers": {"If-Match": etag},
            }
            status, _, headers = await self._persist("replace", id_, request, **options)
            if status in {200, 412}:
                self._board.etags[id_] = headers["etag"]

    async def _delete(self, drawn: Decision) -> None:
        if id_ := self._some(self._board.notes, drawn.where):
            etag = self._board.etags[id_]
            options = {"method": "DELETE", "path": f"{NOTES}/{id_}", "headers": {"If-Match": etag}}
            status, _, headers = await self._persist("delete", id_, {"if_match": etag}, **options)
            if status == 412:
                self._board.etags[id_] = headers["etag"]
            elif status in {204, 404}:
                self._board.deleted.append(id_)

    async def _restore(self, drawn: Decision) -> None:
        if id_ := self._some(self._board.deleted, drawn.where):
            path = f"{NOTES}/{id_}/restore"
            status, _, headers = await self._persist("restore", id_, {}, method="POST", path=path)
            if status == 200:
                self._board.etags[id_] = headers["etag"]

    async def _upload(self, drawn: Decision) -> None:
        # One in five is a file that somebody has uploaded before, or is uploading now.
        if drawn.what < 0.2 and self._board.files:
            file = self._board.files[int(drawn.where * len(self._board.files))]
        else:
            span = math.log(_LARGEST_BYTES / _SMALLEST_BYTES)
            # Small ones are many and large ones few: half are below 4 kB.
            file = (int(drawn.where * 2**48), int(_SMALLEST_BYTES * math.exp(span * drawn.size**3)))
            self._board.files.append(file)
        data, pixels = await asyncio.to_thread(noise, *file)
        id_ = hashlib.sha256(data).hexdigest()
        request = {"sha256": id_, "size_bytes": len(data), "pixels_sha256": pixels}
        options = {"method": "POST", "path": PICTURES, "files": {"file": ("image.png", data)}}
        status, picture, _ = await self._persist("upload", id_, request, **options)
        if status in {200, 201}:
            self._board.pictures.append(picture["id"])

    async def _fetch(self, drawn: Decision) -> None:
        if id_ := self._some(self._board.pictures, drawn.where):
            width = 320 if drawn.what < 0.2 else None
            parameters = {"width": width} if width else {}
            options = {"method": "GET", "path": f"{PICTURES}/{id_}", "params": parameters}
            await self._persist("fetch", id_, {"width": width}, **options)

    def _some(self, ids: list[str], where: float) -> str | None:
        """One of them; every second time one of the last, which others are busy with too."""
        if not ids:
            return None
        if where < 0.5:
            return ids[-1 - int(where * 2 * min(_HOT, len(ids)))]
        return ids[int((where - 0.5) * 2 * len(ids))]

    def _text(self, drawn: Decision) -> str:
        """A text that says who wrote it when; one in three shows a picture."""
        text = f"{self._key} by{self._number} {drawn.what:.6f} " + "word " * int(drawn.size * 20)
        known = self._board.pictures
        if drawn.what < 0.33 and known:
            text += f"\n\n![]({PICTURES}/{known[-1 - int(drawn.size * min(_HOT, len(known)))]})"
        return text


def noise(seed: int, size_bytes: int) -> tuple[bytes, str]:
    """A PNG of about that size that no other seed makes, and the digest of its pixels."""
    side = max(4, math.isqrt(size_bytes // 3))
    pixels = random.Random(seed).randbytes(side * side * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (side, side), pixels).save(out, "PNG", compress_level=0)
    return out.getvalue(), hashlib.sha256(pixels).hexdigest()
