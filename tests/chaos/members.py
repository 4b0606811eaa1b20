"""Clients of a notebook of accounts: each is signed in as somebody, and signed out in every way there is."""

import asyncio
import itertools
from typing import Any

from chaos.people import API, Known, People, Person, sign_in
from chaos.proof import Proof, session, token
from chaos.workload import (
    MIX,
    NOTES,
    PICTURES,
    TRIES,
    Answer,
    Decision,
    Hire,
    Worker,
    Workload,
    is_answer,
    pause_seconds,
)

# What comes to the operations of an open notebook.
OF_ACCOUNTS = {
    "account": 3,
    "sign_out": 2,
    "revoke": 2,
    "sign_out_everywhere": 1,
    "change_password": 1,
    "make_token": 4,
    "revoke_token": 2,
    "trespass": 8,
}
ACCOUNTS_MIX = MIX | OF_ACCOUNTS
# What a token is not good for.
_FOR_SESSIONS = frozenset({"sessions", "revoke", "make-token", "revoke-token"})
# So many requests at once with what is over: they reach different replicas.
_GHOSTS = 3
_SIGN_INS = 3


def hire_members(people: People) -> Hire:
    """Makes each client one of the people, in turn."""
    return lambda workload, number: Member(workload, number, people)


class Member(Worker):
    """One client of one person, who has others."""

    def __init__(self, workload: Workload, number: int, people: People) -> None:
        self._people = people
        self._person: Person = people.members[number % len(people.members)]
        self._proof: Proof | None = None
        # A program: once it has a token it works with that, as long as it is good.
        self._token: Proof | None = None
        super().__init__(workload, number, self._person.board)

    @property
    def _key(self) -> str:
        # The clients of other people use the same keys.
        return f"w{self._number // len(self._people.members)}-{self._count}"

    async def _ask(
        self, operation: str, key: str, attempt: int, request: dict[str, Any], **options: Any
    ) -> Answer:
        """Makes one request, signed in; anew where that is over."""
        answer: Answer = (None, None, {})
        for _ in range(_SIGN_INS):
            proof = None if operation in _FOR_SESSIONS else self._token
            proof = proof or self._proof or await self._sign_in()
            if proof is None:
                break
            answer = await self._call(operation, key, attempt, request, proof, **options)
            if answer[0] != 401:
                break
            self._forget(proof)
        return answer

    async def _call(
        self,
        operation: str,
        key: str,
        attempt: int,
        request: dict[str, Any],
        proof: Proof | None,
        **options: Any,
    ) -> Answer:
        return await self._workload.call(
            self._client, self._number, operation, key, attempt, request, proof=proof, **options
        )

    async def _sign_in(self) -> Proof | None:
        """Signs in, and looks up which session that is."""
        proof = await sign_in(self._workload, self._client, self._number, self._person)
        self._proof = proof
        if proof is not None:
            await self._look_up(proof)
        return proof

    async def _look_up(self, proof: Proof) -> None:
        options = {"method": "GET", "path": f"{API}/sessions"}
        status, found, _ = await self._call("sessions", self._person.name, 0, {}, proof, **options)
        if status == 200:
            # None is the current one when another client has ended it since it was let in.
            for id_ in (each["id"] for each in found["items"] if each["is_current"]):
                self._person.sessions[proof.name] = Known(proof, id_)

    def _forget(self, proof: Proof) -> None:
        """Goes on without it."""
        self._person.sessions.pop(proof.name, None)
        self._person.tokens.pop(proof.name, None)
        if self._proof is proof:
            self._proof = None
        if self._token is proof:
            self._token = None

    async def _end(
        self, operation: str, request: dict[str, Any], proof: Proof, **options: Any
    ) -> tuple[Answer, bool]:
        """Repeats a request with this proof alone. The answer, and whether each request had one."""
        answers = []
        for attempt in range(TRIES):
            answer = await self._call(operation, self._person.name, attempt, request, proof, **options)
            answers.append(is_answer(answer))
            if answers[-1]:
                break
            await asyncio.sleep(pause_seconds(attempt))
        return answer, all(answers)

    async def _account(self, drawn: Decision) -> None:  # noqa: ARG002 - there is nothing to choose
        await self._persist("account", self._person.name, {}, method="GET", path=f"{API}/account")

    async def _sign_out(self, drawn: Decision) -> None:  # noqa: ARG002 - nor here
        if (proof := self._proof) is None:
            return
        options = {"method": "DELETE", "path": f"{API}/session"}
        (status, *_), _ = await self._end("sign-out", {"ends": proof.name}, proof, **options)
        self._forget(proof)
        if status == 204:
            await self._haunt([proof])

    async def _revoke(self, drawn: Decision) -> None:
        """Ends a session of the same person, which another client may be using."""
        await self._end_one_of("sessions", "revoke", [*self._person.sessions.values()], drawn)

    async def _revoke_token(self, drawn: Decision) -> None:
        await self._end_one_of("tokens", "revoke-token", [*self._person.tokens.values()], drawn)

    async def _end_one_of(self, what: str, operation: str, known: list[Known], drawn: Decision) -> None:
        if not known:
            return
        chosen = known[int(drawn.where * len(known))]
        request = {"ends": chosen.proof.name}
        options = {"method": "DELETE", "path": f"{API}/{what}/{chosen.id}"}
        status, *_ = await self._persist(operation, self._person.name, request, **options)
        if status in {204, 404}:
            self._forget(chosen.proof)
            await self._haunt([chosen.proof])

    async def _make_token(self, drawn: Decision) -> None:  # noqa: ARG002 - each may do all
        if self._token is not None:
            return
        person = self._person
        name = person.new_name()
        body = {"name": name, "access": "write", "expires_in_days": None}
        options = {"method": "POST", "path": f"{API}/tokens", "json": body}
        status, made, _ = await self._persist("make-token", person.name, {"gives": name}, **options)
        if status == 201:
            self._token = token(person.name, name, made["token"])
            person.tokens[name] = Known(self._token, made["id"])

    async def _sign_out_everywhere(self, drawn: Decision) -> None:  # noqa: ARG002 - it is all of them
        if (proof := self._proof) is None:
            return
        before = [proof, *(each.proof for each in self._person.sessions.values() if each.proof is not proof)]
        options = {"method": "DELETE", "path": f"{API}/sessions"}
        (status, *_), _ = await self._end("sign-out-everywhere", {}, proof, **options)
        self._forget(proof)
        if status == 204:
            for each in before:
                self._forget(each)
            await self._haunt(before)

    async def _change_password(self, drawn: Decision) -> None:  # noqa: ARG002 - the next is as good as any
        person, proof = self._person, self._proof
        if proof is None or person.changing.locked():
            return
        async with person.changing:
            before = [
                proof,
                *(each.proof for each in person.sessions.values() if each.proof is not proof),
            ]
            present, new = person.works, next(person.new_passwords)
            # From here on it may be the one.
            person.passwords.append(new)
            name = person.new_name()
            request = {"password": present, "new_password": new, "gives": name}
            body = {"current_password": person.phrase(present), "new_password": person.phrase(new)}
            options = {"method": "PUT", "path": f"{API}/account/password", "json": body}
            (status, _, headers), is_told = await self._end("change-password", request, proof, **options)
            self._forget(proof)
            if status == 204:
                person.let_in(new)
                for each in before:
                    self._forget(each)
                self._proof = session(person.name, name, headers)
                await self._look_up(self._proof)
                await self._haunt(before)
            elif is_told:
                person.passwords.remove(new)

    async def _haunt(self, proofs: list[Proof]) -> None:
        """Asks with what is over, of several replicas at once."""
        self._people.over += proofs
        options = {"method": "GET", "path": f"{API}/account"}
        asking = itertools.islice(itertools.cycle(proofs), _GHOSTS)
        await asyncio.gather(
            *(self._call("account", self._person.name, 0, {}, proof, **options) for proof in asking)
        )

    async def _trespass(self, drawn: Decision) -> None:
        """Asks for what is another's, or without being signed in; one in three does not only want to look."""
        others = [person for person in self._people.members if person is not self._person]
        other = others[int(drawn.size * len(others))]
        id_ = self._some(other.board.notes, drawn.where)
        picture = self._some(other.board.pictures, drawn.where)
        if id_ is None or picture is None:
            return
        note = f"{NOTES}/{id_}"
        match = {"If-Match": other.board.etags[id_]}
        ways: list[dict[str, Any]] = [
            {"method": "GET", "path": note},
            {"method": "GET", "path": f"{PICTURES}/{picture}"},
            {"method": "GET", "path": f"{PICTURES}/{picture}", "params": {"width": 320}},
            {"method": "PUT", "path": note, "headers": match, "json": {"content": "mine now"}},
            {"method": "DELETE", "path": note, "headers": match},
            {"method": "POST", "path": f"{note}/restore"},
        ]
        way = ways[int(drawn.what * 4 * len(ways)) % len(ways)]
        request = {"method": way["method"], "path": way["path"], "of": other.name}
        if drawn.what < 0.75:
            await self._persist("trespass", id_, request, **way)
        else:
            await self._call("trespass", id_, 0, request, None, **way)
