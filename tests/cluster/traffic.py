"""People at work: one who writes, some who read, one at a browser, each noting what every request came to.

Where there are accounts all of these are signed in to one; somebody with another account, and somebody
with none, ask for the same things all the while.
"""

import random
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from secrets import token_bytes, token_hex
from types import TracebackType
from typing import Any, Self

import httpx
from PIL import Image

from cluster.screen import Screen
from cluster.signed_in import NOBODY, SignedIn
from cluster.tally import Failure, NoteDown, Tally

_RETRY_SECONDS = 0.25
_GIVE_UP_SECONDS = 240


class Notebook:
    """What Knote has acknowledged: the notes with their last version, and the pictures by their bytes."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.notes: dict[str, tuple[int, str]] = {}
        self.pictures: dict[str, str] = {}
        # Anything that is not as it was acknowledged.
        self.damages: list[str] = []


class Traffic:
    """Starts the people, and says what they met with."""

    def __init__(
        self,
        url: str,
        browser: Path,
        *,
        owner: SignedIn = NOBODY,
        stranger: SignedIn | None = None,
        readers: int = 2,
    ) -> None:
        self.notebook = Notebook()
        self._url = url
        self._owner = owner
        self._lock = threading.Lock()
        self._tally = Tally()
        self._since: dict[tuple[str, str], float] = {}
        self._is_over = threading.Event()
        self._threads = [self._person("writer", self._write)]
        for number in range(readers):
            # Every second one stays on its connection, as browsers do; the others ask anew each time.
            name = f"{'keeping' if number % 2 else 'fresh'} reader {number}"
            self._threads.append(self._person(name, self._read))
        if stranger is not None:
            self._threads.append(self._person("stranger", self._look_for_what_is_anothers, stranger))
            self._threads.append(self._person("passer-by", self._look_without_an_account, NOBODY))
        screen = Screen(url, browser, self._note_down, owner)
        self._threads.append(threading.Thread(target=self._watch, args=(screen,), daemon=True))
        self._errors: list[BaseException] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Lets everybody finish what they are at."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(_GIVE_UP_SECONDS)
        assert not self._errors, self._errors

    def take(self) -> Tally:
        """What happened since this was asked last."""
        assert not self._errors, self._errors
        with self._lock:
            taken, self._tally = self._tally, Tally()
        return taken

    def _person(
        self, who: str, work: "Callable[[Line], None]", signed_in: SignedIn | None = None
    ) -> threading.Thread:
        signed_in = self._owner if signed_in is None else signed_in
        return threading.Thread(target=self._work, args=(who, work, signed_in), daemon=True)

    def _work(self, who: str, work: "Callable[[Line], None]", signed_in: SignedIn) -> None:
        try:
            with Line(self._url, who, self._note_down, signed_in, keep="keeping" in who) as line:
                while not self._is_over.is_set():
                    work(line)
        except BaseException as error:  # noqa: BLE001 # raised again by whoever asks
            self._errors.append(error)

    def _watch(self, screen: Screen) -> None:
        try:
            screen.reload_until(self._is_over.is_set)
        except BaseException as error:  # noqa: BLE001 # raised again by whoever asks
            self._errors.append(error)

    def _note_down(
        self, who: str, kind: str, failure: Failure | None, *, second_try: bool = False, pictures: int = 0
    ) -> None:
        now = time.monotonic()
        with self._lock:
            tally = self._tally
            tally.requests[kind] += 1
            tally.second_tries += second_try
            tally.pictures_on_screen += pictures
            if failure:
                tally.failures.append(failure)
                self._since.setdefault((who, kind), failure.at)
            elif since := self._since.pop((who, kind), None):
                tally.longest_seconds[kind] = max(tally.longest_seconds.get(kind, 0), now - since)

    # What each of them does, once.

    def _write(self, line: "Line") -> None:
        picture = self._upload(line) if random.random() < 0.4 or not self.notebook.pictures else None
        with self.notebook.lock:
            picture = picture or random.choice(list(self.notebook.pictures))
        self._publish(line, f"Note {token_hex(8)}\n\n![a picture]({picture})")
        if random.random() < 0.4:
            self._change(line)
        time.sleep(0.05)

    def _upload(self, line: "Line") -> str:
        image = Image.frombytes("RGB", (24, 24), token_bytes(24 * 24 * 3))
        made = BytesIO()
        image.save(made, "PNG")
        answer = self._until_done(line, "POST", "/api/v1/pictures", "upload", files={"file": made.getvalue()})
        place = answer.headers["location"]
        seen = self._until_done(line, "GET", place, "picture")
        shown = Image.open(BytesIO(seen.content)).convert("RGB")
        if shown.tobytes() != image.tobytes():
            self.notebook.damages.append(f"{place} is another picture than was uploaded")
        with self.notebook.lock:
            self.notebook.pictures[place] = sha256(seen.content).hexdigest()
        return str(place)

    def _publish(self, line: "Line", content: str) -> None:
        key = {"Idempotency-Key": token_hex(12)}
        answer = self._until_done(
            line, "POST", "/api/v1/notes", "write", json={"content": content}, headers=key
        )
        with self.notebook.lock:
            self.notebook.notes[answer.headers["location"]] = (1, content)

    def _change(self, line: "Line") -> None:
        with self.notebook.lock:
            place = random.choice(list(self.notebook.notes))
            version, old = self.notebook.notes[place]
        content = f"{old}\n\nChanged, {token_hex(4)}"
        end = time.monotonic() + _GIVE_UP_SECONDS
        while time.monotonic() < end:
            answer = line.ask(
                "PUT",
                place,
                "write",
                json={"content": content},
                headers={"If-Match": f'"{version}"'},
                expect=(200, 412),
            )
            if answer is not None and answer.status_code == 412:
                # The answer to an earlier attempt may not have come back.
                answer = self._until_done(line, "GET", place, "note")
                if answer.json()["content"] != content:
                    self.notebook.damages.append(f"{place} was changed by nobody")
                    return
            if answer is not None:
                with self.notebook.lock:
                    self.notebook.notes[place] = (version + 1, content)
                return
            time.sleep(_RETRY_SECONDS)
        raise TimeoutError(place)

    def _read(self, line: "Line") -> None:
        with self.notebook.lock:
            notes = random.sample(list(self.notebook.notes.items()), min(2, len(self.notebook.notes)))
            pictures = random.sample(
                list(self.notebook.pictures.items()), min(3, len(self.notebook.pictures))
            )
        line.ask("GET", "/", "page")
        line.ask("GET", "/api/v1/notes?limit=20", "list")
        for place, (version, content) in notes:
            answer = line.ask("GET", place, "note")
            if answer is not None:
                body = answer.json()
                if body["version"] < version or (body["version"] == version and body["content"] != content):
                    self.notebook.damages.append(f"{place} shows {body['version']} after {version}")
        for place, digest in pictures:
            answer = line.ask("GET", place, "picture")
            if answer is not None and sha256(answer.content).hexdigest() != digest:
                self.notebook.damages.append(f"{place} has other bytes")
        time.sleep(0.02)

    def _look_for_what_is_anothers(self, line: "Line") -> None:
        listed = line.ask("GET", "/api/v1/notes", "stranger")
        if listed is not None and listed.json()["items"]:
            self.notebook.damages.append("a stranger's list shows notes")
        self._look(line, 404)

    def _look_without_an_account(self, line: "Line") -> None:
        self._look(line, 401, "/api/v1/notes")

    def _look(self, line: "Line", refusal: int, *more: str) -> None:
        with self.notebook.lock:
            places = [
                random.choice([*known]) for known in (self.notebook.notes, self.notebook.pictures) if known
            ]
        for place in [*places, *more]:
            answer = line.ask("GET", place, "stranger", expect=(200, 404, 401))
            if answer is not None and answer.status_code != refusal:
                self.notebook.damages.append(f"{place} is {answer.status_code} to a stranger")
        time.sleep(0.2)

    def _until_done(
        self, line: "Line", method: str, path: str, what: str, **arguments: Any
    ) -> httpx.Response:
        end = time.monotonic() + _GIVE_UP_SECONDS
        while time.monotonic() < end:
            answer = line.ask(method, path, what, **arguments)
            if answer is not None:
                return answer
            time.sleep(_RETRY_SECONDS)
        raise TimeoutError(f"{method} {path}")


class Line:
    """One person's way to Knote."""

    def __init__(self, url: str, who: str, note_down: NoteDown, signed_in: SignedIn, *, keep: bool) -> None:
        self._who, self._note_down, self._keeps = who, note_down, keep
        limits = httpx.Limits(max_keepalive_connections=1 if keep else 0)
        self._client = httpx.Client(
            base_url=url,
            headers=signed_in.headers,
            limits=limits,
            timeout=70,
            trust_env=False,
            verify=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(
        self, method: str, path: str, what: str, *, expect: tuple[int, ...] = (200, 201), **arguments: Any
    ) -> httpx.Response | None:
        """The answer, or nothing when it is not one of those expected."""
        is_second = False
        while True:
            started_at = time.monotonic()
            try:
                answer = self._client.request(method, path, **arguments)
            except httpx.TransportError as error:
                if self._keeps and method == "GET" and not is_second:
                    is_second = True
                    continue
                said = f"{type(error).__name__}: {error}"
                failure = Failure(started_at, self._who, what, None, said, None)
            else:
                if answer.status_code in expect:
                    self._note_down(self._who, what, None, second_try=is_second)
                    return answer
                said, after = answer.text[:200], answer.headers.get("retry-after")
                failure = Failure(started_at, self._who, what, answer.status_code, said, after)
            self._note_down(self._who, what, failure, second_try=is_second)
            return None
