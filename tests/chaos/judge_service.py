"""What is promised of the service: which errors there may be, how it recovers, and that it does not grow."""

import statistics
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from chaos.evidence import Evidence, Violation, is_answered, over_at
from chaos.history import Call, Fault, Process

GIVEN_UP = "given up"
_UNAVAILABLE = frozenset({502, 503, 504})
_EXPECTED = {
    "create": {201, 409},
    "read": {200, 404},
    "list": {200},
    "search": {200},
    "replace": {200, 404, 412},
    "delete": {204, 404, 412},
    "restore": {200, 404},
    "upload": {200, 201},
    "fetch": {200, 404},
    "sign-in": {201, 401},
    "sign-out": {204},
    "sign-out-everywhere": {204},
    "revoke": {204, 404},
    "change-password": {204, 409},
    "make-token": {201},
    "revoke-token": {204, 404},
    "account": {200},
    "sessions": {200},
    # What else is answered is judged where it is asked who sees what.
    "trespass": {401, 404},
}
# Nobody may notice these.
_GENTLE = frozenset({"api-term", "api-rolling-restart", "sweep-and-fsck", "clock"})
# Old workers of nginx hang up on idle clients, and a request may be on its way to them.
_CUTTING = "nginx-reload"
_OF_PICTURES = frozenset({"upload", "fetch"})
# Which faults end which processes; whatever else starts anew has died by itself.
_DEADLY = {
    "api": ("api-kill", "api-term", "api-rolling-restart"),
    "mongo": ("mongo-kill", "mongo-disk-full"),
    "object": ("s3-kill", "s3-disk-full"),
}
_MEBIBYTE = 1024 * 1024
# What a process may hold more at the end than when it had warmed up: memory by kind, the rest for all. What
# each replica may keep open, those at the other end may for all replicas together.
_MEMORY_BYTES = {
    "api": 64 * _MEBIBYTE,
    "nginx": 16 * _MEBIBYTE,
    "network": 64 * _MEBIBYTE,
    "mongo": 512 * _MEBIBYTE,
    "object": 512 * _MEBIBYTE,
}
_MORE = 40
HELD = ("memory", "file_descriptors", "connections", "threads")
_WARM_SECONDS = 3.0
_LEAST_SECONDS = 5.0


def errors_are_excused(evidence: Evidence) -> Iterator[Violation]:
    """8. Errors are 503, 502, 504 or a lost connection, during a fault, and safe to retry.

    A fault excuses a request that was under way between its beginning and the settling time after its
    end; a fault of the object store excuses requests for pictures alone; a reload of nginx excuses lost
    connections alone; SIGTERM, rolling restarts, sweep, fsck and a clock that is off excuse none. A 503
    says when to try again. An
    answer that is neither success nor error of the service is one that the request may have: a note
    that is gone or has changed, the key of a deleted note. Whether who is signed in may be told that they
    are not is another promise.
    """
    for call in evidence.history.calls:
        if call.error == GIVEN_UP:
            continue
        if call.status in _EXPECTED[call.operation] or (call.status == 401 and call.proof is not None):
            continue
        if call.operation == "trespass" and is_answered(call):
            continue
        said = evidence.describe(call.number)
        if call.status is not None and call.status not in _UNAVAILABLE:
            yield Violation(8, f"an answer that must not be: {said}", (call.number,))
        elif not any(_excuses(evidence, fault, call) for fault in evidence.history.faults):
            yield Violation(8, f"an error without a fault: {said}{_gentle(evidence, call)}", (call.number,))
        if call.status == 503 and not _is_number(call.headers.get("retry-after", "")):
            yield Violation(8, f"no Retry-After: {said}", (call.number,))


def _excuses(evidence: Evidence, fault: Fault, call: Call) -> bool:
    if fault.name in _GENTLE or (fault.name.startswith("s3-") and call.operation not in _OF_PICTURES):
        return False
    if fault.name == _CUTTING and call.status is not None:
        return False
    return _is_during(evidence, fault, call.started, over_at(call))


def _is_during(evidence: Evidence, fault: Fault, start: float, end: float) -> bool:
    return fault.started <= end and start <= fault.ended + evidence.history.setup.settling_seconds


def _gentle(evidence: Evidence, call: Call) -> str:
    names = [
        fault.name
        for fault in evidence.history.faults
        if _is_during(evidence, fault, call.started, over_at(call))
    ]
    return f" (during {', '.join(names)}, which nobody may notice)" if names else ""


def _is_number(text: str) -> bool:
    return text.isdecimal() and int(text) >= 1


def recovery_is_prompt(evidence: Evidence) -> Iterator[Violation]:
    """9. Full service is back within the settling time after a fault ends, and nothing is restarted for it.

    Full service: every replica ready, and one request of each kind done. After faults that overlap it is
    counted from the end of the last. A process that starts anew was ended by a fault that ends such.
    """
    faults = evidence.history.faults
    limit = evidence.history.setup.settling_seconds
    for fault in faults:
        if fault.settled is None:
            yield Violation(9, f"no full service after {_name(evidence, fault)}")
            continue
        over = max(other.ended for other in faults if other.started <= fault.settled)
        if fault.settled - over > limit:
            seconds = fault.settled - over
            yield Violation(9, f"full service {seconds:.1f} s after {_name(evidence, fault)}")
    yield from _restarts(evidence)


def _name(evidence: Evidence, fault: Fault) -> str:
    return f"{fault.name} {fault.target} ({evidence.at(fault.started)}-{evidence.at(fault.ended)})"


def _restarts(evidence: Evidence) -> Iterator[Violation]:
    last: dict[str, Process] = {}
    for one in sorted(evidence.history.processes, key=lambda process: process.at):
        before = last.get(one.name)
        last[one.name] = one
        if before is None or before.pid == one.pid:
            continue
        deadly = _DEADLY.get(_kind(one), ())
        if not any(
            fault.name.startswith(deadly) and _is_during(evidence, fault, before.at, one.at)
            for fault in (evidence.history.faults if deadly else ())
        ):
            when = f"{evidence.at(before.at)}-{evidence.at(one.at)}"
            yield Violation(9, f"{one.name} was started anew, and no fault had ended it ({when})")


class Growth(NamedTuple):
    """What one process held when it had warmed up, what at the end, and the slope in between."""

    process: str
    what: str
    first: float
    last: float
    per_minute: float
    allowed: float


def growths(evidence: Evidence) -> list[Growth]:
    """Of each process that was there at the end and lived long enough to tell."""
    samples: dict[int, list[Process]] = defaultdict(list)
    for one in evidence.history.processes:
        samples[one.pid].append(one)
    over = max((one.at for one in evidence.history.processes), default=0.0)
    found = []
    for of_one in samples.values():
        # A process that is still starting has no connections; ten that start at once take a while.
        came_up = next((one.at for one in of_one if one.connections), over)
        warm = [one for one in of_one if one.at >= came_up + _WARM_SECONDS]
        if warm and warm[-1].at - warm[0].at >= _LEAST_SECONDS and warm[-1].at > over - _WARM_SECONDS:
            replicas = 1 if _kind(warm[0]) == "api" else evidence.history.setup.replicas
            found += [_growth(warm, what, replicas) for what in HELD]
    return found


def _growth(samples: list[Process], what: str, replicas: int) -> Growth:
    is_memory = what == "memory"
    values = [float(one.memory_bytes if is_memory else getattr(one, what)) for one in samples]
    slope = statistics.linear_regression([one.at for one in samples], values).slope
    allowed = _MEMORY_BYTES[_kind(samples[0])] if is_memory else _MORE * replicas
    ends = statistics.median(values[:3]), statistics.median(values[-3:])
    return Growth(samples[0].name, what, *ends, slope * 60, allowed)


def _kind(process: Process) -> str:
    return process.name.partition("-")[0]


def resources_do_not_grow(evidence: Evidence) -> Iterator[Violation]:
    """10. Memory, file descriptors, connections and threads of each process end where they began.

    "Began" is after some seconds of warming up, "ended" when the last request was answered, of each
    process that was there at the end. What a process keeps for the next burst of requests has a bound,
    and so has what is allowed here; a leak grows with the number of requests.
    """
    for growth in growths(evidence):
        if growth.last - growth.first > growth.allowed:
            yield Violation(
                10,
                f"{growth.process}: {growth.what} grew from {growth.first:.0f} to {growth.last:.0f}, "
                f"{growth.per_minute:+.0f} a minute",
            )
