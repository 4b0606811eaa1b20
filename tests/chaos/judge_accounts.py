"""What is promised to each user: nobody else sees what is theirs, and a sign-in lasts until it is ended."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator

from chaos.evidence import Evidence, Violation, is_answered, over_at
from chaos.history import Call, StoredNote, StoredPicture
from chaos.register import NEVER

# What ends every session of who asks; a password change gives one more in their place.
_FOR_ALL = frozenset({"sign-out-everywhere", "change-password"})
_REVOKES = frozenset({"revoke", "revoke-token"})
_FIRST_PASSWORD = 0


def nobody_sees_what_is_anothers(evidence: Evidence) -> Iterator[Violation]:
    """11. Nobody is ever shown what is another's.

    An answer to a user names and shows that user's notes, pictures, sessions and account alone, in lists
    and searches too, and a note shows no picture of another's. Somebody else's id is 404, whatever was
    to be done with it, and 401 for who is not signed in. The same file of two users has two ids. In
    MongoDB each note and picture belongs to who made it.
    """
    yield from _notes(evidence)
    yield from _trespasses(evidence)
    yield from _pictures(evidence)
    yield from _names(evidence)
    yield from _owners(evidence)


def _notes(evidence: Evidence) -> Iterator[Violation]:
    for note in evidence.notes.values():
        for shown in note.shown:
            if note.creates and shown.call.user != note.user:
                text = f"{shown.call.user} is shown note {note.id} of {note.user}: "
                number = shown.call.number
                yield Violation(11, text + evidence.describe(number), (number,))


def _trespasses(evidence: Evidence) -> Iterator[Violation]:
    for call in evidence.history.calls:
        if call.operation != "trespass" or not is_answered(call) or call.status == 401:
            continue
        if call.status != 404 or call.proof is None:
            way = f"{call.request['method']} {call.request['path']} of {call.request['of']}"
            text = f"{way} is not refused: {evidence.describe(call.number)}"
            yield Violation(11, text, (call.number,))


def _pictures(evidence: Evidence) -> Iterator[Violation]:
    owners: dict[str, Call] = {}
    for id_, calls in evidence.uploads.items():
        for call in calls:
            if call.status not in {200, 201}:
                continue
            first = owners.setdefault(id_, call)
            if first.user != call.user:
                both = (first.number, call.number)
                text = f"picture {id_} is {first.user}'s and {call.user}'s: {evidence.describe(*both)}"
                yield Violation(11, text, both)
    for note in evidence.notes.values():
        for call in [*note.creates, *note.calls]:
            if call.status not in {200, 201}:
                continue
            for id_ in call.response.get("pictures", ()):
                if id_ in owners and owners[id_].user != call.user:
                    text = f"a note shows picture {id_} of {owners[id_].user}: "
                    yield Violation(11, text + evidence.describe(call.number), (call.number,))


def _names(evidence: Evidence) -> Iterator[Violation]:
    """Accounts and sessions that an answer tells of."""
    owner_of: dict[str, str | None] = {}
    listed = [call for call in evidence.history.calls if call.operation == "sessions" and call.status == 200]
    for call in listed:
        owner_of |= {id_: call.user for id_, is_current in call.response["items"] if is_current}
    for call in listed:
        if any(owner_of.get(id_, call.user) != call.user for id_, _ in call.response["items"]):
            text = f"a session of another's: {evidence.describe(call.number)}"
            yield Violation(11, text, (call.number,))
    for call in evidence.history.calls:
        name = call.user
        if call.operation == "account" and call.status == 200:
            name = call.response["name"]
        elif call.operation == "sign-in" and call.status == 201:
            name = call.response["user"]["name"]
        if name != call.user:
            text = f"{call.user} is taken for {name}: {evidence.describe(call.number)}"
            yield Violation(11, text, (call.number,))


def _owners(evidence: Evidence) -> Iterator[Violation]:
    """Whose things are, as MongoDB has it at the end."""
    made = {id_: note.user for id_, note in evidence.notes.items() if note.creates}
    for id_, calls in evidence.uploads.items():
        for call in calls:
            if call.status in {200, 201}:
                made[id_] = call.user
    rows = [row for row in evidence.history.pictures if row.phase == "end"]
    kept: list[StoredNote | StoredPicture] = [*evidence.history.notes, *rows]
    for stored in kept:
        user = None if stored.owner is None else evidence.users.get(stored.owner, stored.owner)
        if stored.id in made and made[stored.id] != user:
            yield Violation(11, f"{stored.id} of {made[stored.id]} is {user}'s in MongoDB at the end")


def what_is_over_stays_over(evidence: Evidence) -> Iterator[Violation]:
    """12. What was revoked stays revoked, and nobody is signed out by a fault.

    A request that begins after an acknowledged sign-out, revocation or change of the password is refused
    by every replica, when it comes with a session or token which that has ended; and so is a sign-in with
    the old password. Otherwise 401 is an answer only when something that may have ended the session or
    token had begun, acknowledged or not, and the present password lets in. Tokens end by themselves alone.
    """
    for life in _lives(evidence).values():
        for call in life.calls:
            yield from _of_use(evidence, life, call)
    yield from _sign_ins(evidence)


@dataclasses.dataclass
class _Life:
    """A session or token: the call that gave it, those it came with, and those that may have ended it."""

    given: Call | None = None
    calls: list[Call] = dataclasses.field(default_factory=list)
    ends: list[Call] = dataclasses.field(default_factory=list)

    @property
    def is_from(self) -> float:
        """When it may have begun."""
        return self.given.started if self.given else -NEVER

    @property
    def is_known_from(self) -> float:
        """When it had surely begun."""
        return over_at(self.given) if self.given else -NEVER

    def surely_ended_by(self, end: Call) -> bool:
        """Whether the session is over when this call is."""
        return is_answered(end) and (end.operation not in _FOR_ALL or self.is_known_from <= end.started)


def _lives(evidence: Evidence) -> dict[str, _Life]:
    lives: dict[str, _Life] = defaultdict(_Life)
    for_all: dict[str | None, list[Call]] = defaultdict(list)
    for call in evidence.history.calls:
        if call.proof is not None:
            lives[call.proof].calls.append(call)
        if "gives" in call.request and call.status in {201, 204}:
            lives[call.request["gives"]].given = call
        if not _may_end(call):
            continue
        if "ends" in call.request:
            lives[call.request["ends"]].ends.append(call)
        elif call.operation in _FOR_ALL:
            for_all[call.user].append(call)
    for life in lives.values():
        if life.given is not None and life.given.operation == "make-token":
            continue
        user = life.calls[0].user if life.calls else None
        life.ends += [end for end in for_all[user] if end is not life.given and _until(end) > life.is_from]
    return lives


def _may_end(call: Call) -> bool:
    """Whether it was done, or may be. What is not there to be revoked is over as well."""
    return not is_answered(call) or call.status == 204 or (call.operation in _REVOKES and call.status == 404)


def _until(call: Call) -> float:
    """Until when it may have its effect."""
    return over_at(call) if is_answered(call) else NEVER


def _of_use(evidence: Evidence, life: _Life, call: Call) -> Iterator[Violation]:
    """One request with a session or token."""
    if call.status == 401:
        if not any(end.started < over_at(call) for end in life.ends if end is not call):
            yield Violation(12, f"signed out by nobody: {evidence.describe(call.number)}", (call.number,))
    # Signing out is done as well when it has been done before.
    elif is_answered(call) and call.operation != "sign-out":
        before = [
            end.number for end in life.ends if over_at(end) < call.started and life.surely_ended_by(end)
        ]
        if before:
            numbers = (call.number, before[0])
            text = f"{call.proof} is over, and is not refused: {evidence.describe(*numbers)}"
            yield Violation(12, text, numbers)


def _sign_ins(evidence: Evidence) -> Iterator[Violation]:
    changes = [
        call for call in evidence.history.calls if call.operation == "change-password" and _may_end(call)
    ]
    for call in evidence.history.calls:
        if call.operation != "sign-in" or call.status not in {201, 401}:
            continue
        password = call.request["password"]
        mine = [change for change in changes if change.user == call.user]
        away = [change for change in mine if change.request["password"] == password]
        here = [change for change in mine if change.request["new_password"] == password]
        if call.status == 201:
            over = [one.number for one in away if is_answered(one) and over_at(one) < call.started]
            if over:
                numbers = (call.number, over[0])
                yield Violation(12, f"an old password lets in: {evidence.describe(*numbers)}", numbers)
            continue
        is_set = password == _FIRST_PASSWORD or any(
            is_answered(one) and over_at(one) < call.started for one in here
        )
        if is_set and not any(one.started < over_at(call) for one in away):
            text = f"the present password does not let in: {evidence.describe(call.number)}"
            yield Violation(12, text, (call.number,))
