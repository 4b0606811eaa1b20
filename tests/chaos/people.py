"""The users of a notebook of accounts, and what all clients know that are signed in as the same one."""

import asyncio
import dataclasses
import itertools
import sys
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from chaos.proof import OWN_PAGE, Proof, device, session
from chaos.system import System
from chaos.workload import TRIES, Board, Workload, is_answer, pause_seconds

API = "/api/v1"
_NAMES = ("ada", "ben", "cleo", "dai")


class Known(NamedTuple):
    """A session or token as its owner knows it: the proof, and the id by which it can be revoked."""

    proof: Proof
    id: str


@dataclasses.dataclass
class Person:
    """One user."""

    name: str
    board: Board
    # Numbers of those that may be the password, the newest last: a change without an answer leaves two.
    passwords: list[int] = dataclasses.field(default_factory=lambda: [0])
    # The one that somebody has signed in with last.
    works: int = 0
    sessions: dict[str, Known] = dataclasses.field(default_factory=dict)
    tokens: dict[str, Known] = dataclasses.field(default_factory=dict)
    # By the number of a client: what it is known by when it signs in again.
    devices: dict[int, dict[str, str]] = dataclasses.field(default_factory=dict)
    changing: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)
    new_passwords: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))
    _names: Iterator[int] = dataclasses.field(default_factory=lambda: itertools.count(1))

    def new_name(self) -> str:
        """What a session or token is called that is about to be made."""
        return f"{self.name} {next(self._names)}"

    def phrase(self, number: int) -> str:
        """The password of that number."""
        return f"{self.name} told nobody, {number}"

    def let_in(self, number: int) -> None:
        """Notes that this password is the present one: none before it is, ever again."""
        self.works = number
        self.passwords[:] = [one for one in self.passwords if one >= number]


class People:
    """Those whose clients are at work, and one whom nobody signs out."""

    def __init__(self, count: int) -> None:
        # All of them upload the same files now and then.
        files: list[tuple[int, int]] = []
        self.members = [Person(name, Board(files=files)) for name in _NAMES[:count]]
        self.canary = Person("canary", Board())
        # Proofs of which somebody was told that they are over.
        self.over: list[Proof] = []

    @property
    def all(self) -> list[Person]:
        """Everybody."""
        return [*self.members, self.canary]

    async def open_accounts(self, system: System) -> None:
        """Makes their accounts, as somebody at the machine does it."""
        await asyncio.gather(*(_open_account(system, person) for person in self.all))


async def _open_account(system: System, person: Person) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "knote", "user", "add", person.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=system.process_environment(),
    )
    output, _ = await process.communicate(person.phrase(0).encode() + b"\n")
    assert process.returncode == 0, output.decode()


async def sign_in(
    workload: Workload, client: httpx.AsyncClient, worker: int, person: Person, *, tries: int = TRIES
) -> Proof | None:
    """Signs in as a person, with each password that may be theirs. None where nobody answers, or none is."""
    for attempt in range(tries):
        for number in reversed([*person.passwords]):
            name = person.new_name()
            answer = await workload.call(
                client,
                worker,
                "sign-in",
                person.name,
                attempt,
                {"password": number, "gives": name},
                user=person.name,
                method="POST",
                path=f"{API}/session",
                json={"name": person.name, "password": person.phrase(number)},
                headers=person.devices.get(worker, OWN_PAGE),
            )
            if answer[0] == 201:
                person.devices[worker] = device(answer[2])
                person.let_in(number)
                return session(person.name, name, answer[2])
            if not is_answer(answer):
                break
        await asyncio.sleep(pause_seconds(attempt))
    return None
