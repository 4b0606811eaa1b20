"""All that a run has said, and the secrets that must be in none of it.

What is said: the log lines of the applications in this process, as production would write them; every answer
that is an error, and the figures; and the files in which started processes leave their output. A secret is
known by its form (tokens, cookies, links, hashes, URLs with a password), or because it was used: a password
that was sent, a password or key that a process or store was given.
"""

import copy
import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from knote.logs import ForeignFilter, JsonLine, RequestIdFilter

FORMS = {
    "an API token": re.compile(r"knote_[a-z2-7]{40,}"),
    "a cookie": re.compile(r"__Host-knote[a-z-]*=[\w-]{16,}"),
    "the hash of a password": re.compile(r"\$argon2id\$v="),
    "a URL with a password": re.compile(
        # but for the example in the sentence about a MONGO_URL that cannot be used
        r"mongodb(?:\+srv)?://(?!user:password@host)[^\s/@:]+:[^\s/@]+@"
    ),
    # 256 bits as `token_urlsafe` writes them: cookies, invites, shared links, states of a sign-in. It writes
    # no "=" behind them; mongod does, behind the hash of a user's name that is in its ids of sessions.
    "a secret of 256 bits": re.compile(
        r"(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}(?![\w=-])", re.ASCII
    ),
}
# Fields of JSON bodies, and words in names of settings, whose values are secrets.
_FIELDS = frozenset({"password", "current_password", "new_password", "setup_token", "invite"})
_SETTINGS = ("PASSWORD", "SECRET", "TOKEN")
_OUTPUTS = ("*.log", "*.out", "output")
_MOST_BYTES = 64 * 1024 * 1024
# What is shorter, or of fewer characters, may stand in any text.
_SHORTEST, _FEWEST = 12, 5


class Overheard:
    """What this process, and those that it has started, have said."""

    def __init__(self) -> None:
        self._used: dict[str, str] = {}
        self._file: Path | None = None

    def hold(self, kind: str, *values: str) -> None:
        """Takes note of secrets that are in use."""
        for value in values:
            if len(value) >= _SHORTEST and len(set(value)) >= _FEWEST:
                self._used.setdefault(value, kind)

    def hold_settings(self, environment: Mapping[str, str]) -> None:
        """Takes note of the secrets among the variables that a process is given."""
        for name, value in environment.items():
            if name == "MONGO_URL":
                self.hold("the password of MONGO_URL", _password_of(value))
            elif any(word in name for word in _SETTINGS):
                self.hold(f"the value of {name}", value)

    def say(self, text: str) -> None:
        """Takes note of what was said."""
        if self._file is not None:
            with self._file.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text + "\n")

    @contextmanager
    def listening(self, folder: Path) -> Iterator[None]:
        """Hears the log of this process and its requests, for as long as this lasts."""
        self._file = folder / "said.out"
        ear, logger = _Ear(self), logging.getLogger("knote")
        logging.getLogger().addHandler(ear)
        logger.setLevel(logging.DEBUG)
        send = httpx.AsyncClient.send

        async def heard(client: httpx.AsyncClient, request: httpx.Request, **more: Any) -> httpx.Response:
            self._hear_request(request)
            answer = await send(client, request, **more)
            self._hear_answer(answer)
            return answer

        httpx.AsyncClient.send = heard  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            httpx.AsyncClient.send = send  # type: ignore[method-assign]
            logging.getLogger().removeHandler(ear)

    def leaks(self, folder: Path) -> list[str]:
        """Where a secret stands in what was said, and of which kind it is; never the secret itself."""
        for state in folder.rglob("server.json"):
            self.hold("the password of a local server", *_texts(json.loads(state.read_text("utf-8"))))
        return [
            f"{path.relative_to(folder)}, line {number}: {kind}"
            for path in sorted({path for name in _OUTPUTS for path in folder.rglob(name)})
            if path.is_file() and path.stat().st_size < _MOST_BYTES
            for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
            for kind in self._kinds_in(line)
        ]

    def _kinds_in(self, line: str) -> Iterable[str]:
        yield from (kind for kind, form in FORMS.items() if form.search(line))
        yield from (kind for value, kind in self._used.items() if value in line)

    def _hear_request(self, request: httpx.Request) -> None:
        if "json" not in request.headers.get("content-type", ""):
            return
        try:
            body = json.loads(request.content)
        except (httpx.RequestNotRead, RecursionError, ValueError):
            return
        if isinstance(body, dict):
            sent = [value for name, value in body.items() if name in _FIELDS and isinstance(value, str)]
            self.hold("a password that was sent", *sent)

    def _hear_answer(self, answer: httpx.Response) -> None:
        is_told = answer.status_code >= 400 or answer.request.url.path == "/metrics"
        if is_told and answer.is_closed:
            self.say(f"{answer.headers!r} {answer.text}")


class _Ear(logging.Handler):
    """Writes each record as production would, and leaves it as it is for others."""

    def __init__(self, overheard: Overheard) -> None:
        super().__init__()
        self._overheard = overheard
        self._filters = (RequestIdFilter(), ForeignFilter())
        self.setFormatter(JsonLine("%(levelname)s %(name)s %(message)s %(request_id)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "httpx":  # the tests' own client: no replica uses it
            return
        copied = copy.copy(record)
        for each in self._filters:
            each.filter(copied)
        self._overheard.say(self.format(copied))


def _password_of(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def _texts(state: Mapping[str, Any]) -> list[str]:
    # The access key is a name: it stands in each signed address.
    return [value for name, value in state.items() if isinstance(value, str) and name != "access_key"]


OVERHEARD = Overheard()
