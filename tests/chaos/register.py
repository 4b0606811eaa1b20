"""One note as a register: is there an order of all calls to it that explains every answer?

A note is absent, or shows version n, or lies in the trash with version n. Calls take effect at one moment
between their start and their answer; a call without an answer at any moment after its start, or never. The
search keeps every state that the note may be in (Lowe, *Testing for linearizability*, 2017: just-in-time
linearization); when an answer fits none of them, no order explains it.
"""

import dataclasses
import enum
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

NEVER = float("inf")


class Act(enum.Enum):
    """What a call did to the note, or showed of it."""

    CREATE = "create"  # absent -> version 1; an answered one may be a repeat, and show `version` instead
    WRITE = "replace"  # `version` -> `version` + 1
    DELETE = "delete"  # shown at `version` -> in the trash
    RESTORE = "restore"  # in the trash -> shown, or no change; shows `version`
    SHOWN = "shown"  # it showed `version`
    HIDDEN = "hidden"  # it was absent or in the trash
    ABSENT = "absent"  # it was absent
    TRASHED = "trashed"  # it lay in the trash with `version`


_EFFECTS = frozenset({Act.CREATE, Act.WRITE, Act.DELETE, Act.RESTORE})


class Step(NamedTuple):
    """One call, as far as it is about this note; `ended` is `NEVER` without an answer."""

    call: int
    started: float
    ended: float
    act: Act
    version: int = 0


class State(NamedTuple):
    """What a note may be: version 0 is absent."""

    version: int
    is_shown: bool

    def __str__(self) -> str:
        """In words."""
        if self.version == 0:
            return "absent"
        return f"version {self.version}" + ("" if self.is_shown else " in the trash")


class World(NamedTuple):
    """One way it may have gone: the state, and which calls have had their effect already."""

    state: State
    done: frozenset[int] = frozenset()
    # Of calls that were never answered: how many deletes of this version, and how many restores.
    deletes: int = 0
    restores: int = 0


@dataclasses.dataclass(frozen=True)
class Contradiction:
    """An answer that fits no order: the step, and all that the note could have been just before."""

    step: Step
    states: list[State]


def contradiction(steps: list[Step]) -> Contradiction | None:
    """The first answer that no order of the steps explains; None when there is none."""
    return _Search(_without_implied(steps)).run()


def _without_implied(steps: list[Step]) -> list[Step]:
    """Leaves out what others say already.

    Where nothing is ever deleted, a version that was shown early and late was shown in between.
    """
    if any(step.act in {Act.DELETE, Act.TRASHED, Act.HIDDEN} for step in steps):
        return steps
    first: dict[int, Step] = {}
    last: dict[int, Step] = {}
    kept = []
    for step in steps:
        if step.act is not Act.SHOWN:
            kept.append(step)
            continue
        if step.version not in first or step.ended < first[step.version].ended:
            first[step.version] = step
        if step.version not in last or step.started > last[step.version].started:
            last[step.version] = step
    return kept + list({*first.values(), *last.values()})


class _Search:
    """Goes through the starts and ends of the steps in the order of time."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._effects: set[int] = set()
        self._looks: set[int] = set()
        self._open: Counter[tuple[Act, int]] = Counter()
        self._worlds = {World(State(0, is_shown=False))}

    def run(self) -> Contradiction | None:
        """The first answer that fits nowhere."""
        events = [(step.started, 0, number) for number, step in enumerate(self._steps)]
        events += [(step.ended, 1, number) for number, step in enumerate(self._steps) if step.ended < NEVER]
        for _, is_end, number in sorted(events):
            if not is_end:
                self._start(number)
            elif not self._end(number):
                states = sorted({world.state for world in self._before})
                return Contradiction(self._steps[number], states)
        return None

    def _start(self, number: int) -> None:
        step = self._steps[number]
        if step.ended == NEVER:
            self._open[step.act, 0 if step.act is Act.RESTORE else step.version] += 1
        elif step.act in _EFFECTS:
            self._effects.add(number)
        else:
            self._looks.add(number)
        if step.act is Act.CREATE and step.ended < NEVER:
            self._looks.add(number)
        self._worlds = {self._looked(world) for world in self._worlds}

    def _end(self, number: int) -> bool:
        """Keeps the worlds in which this step has had its effect. Returns whether there are any."""
        self._before = self._worlds
        reached: set[World] = set()
        seen = set(self._worlds)
        ahead = list(self._worlds)
        while ahead:
            world = ahead.pop()
            if number in world.done:
                reached.add(world._replace(done=world.done - {number}))
                continue
            for after in self._moves(world):
                found = self._looked(after)
                if found not in seen:
                    seen.add(found)
                    ahead.append(found)
        self._effects.discard(number)
        self._looks.discard(number)
        self._worlds = _best(reached)
        return bool(reached)

    def _looked(self, world: World) -> World:
        """The world after each look that its state answers: a look changes nothing, so early is best."""
        new = {
            number
            for number in self._looks
            if number not in world.done and _fits(self._steps[number], world.state)
        }
        return world._replace(done=world.done | new) if new else world

    def _moves(self, world: World) -> Iterator[World]:
        """Every world one effect later."""
        state = world.state
        for number in self._effects - world.done:
            step = self._steps[number]
            if (after := _effect(step.act, step.version, state)) is not None:
                deletes = world.deletes if after.version == state.version else 0
                yield world._replace(state=after, done=world.done | {number}, deletes=deletes)
        if state.version == 0:
            if self._open[Act.CREATE, 0]:
                yield world._replace(state=State(1, is_shown=True))
        elif not state.is_shown:
            if self._open[Act.RESTORE, 0] > world.restores:
                yield world._replace(state=State(state.version, is_shown=True), restores=world.restores + 1)
        else:
            if self._open[Act.WRITE, state.version]:
                yield world._replace(state=State(state.version + 1, is_shown=True), deletes=0)
            if self._open[Act.DELETE, state.version] > world.deletes:
                yield world._replace(state=State(state.version, is_shown=False), deletes=world.deletes + 1)


def _fits(step: Step, state: State) -> bool:
    match step.act:
        case Act.SHOWN | Act.CREATE:
            return state.is_shown and state.version == step.version
        case Act.HIDDEN:
            return not state.is_shown
        case Act.ABSENT:
            return state.version == 0
        case _:
            return not state.is_shown and state.version == step.version


def _effect(act: Act, version: int, state: State) -> State | None:
    """The state after an answered call; None when it would have been answered otherwise."""
    match act:
        case Act.CREATE:
            return State(1, is_shown=True) if state.version == 0 and version == 1 else None
        case Act.RESTORE:
            return State(version, is_shown=True) if 0 < state.version == version else None
        case Act.WRITE if state.is_shown and state.version == version:
            return State(version + 1, is_shown=True)
        case Act.DELETE if state.is_shown and state.version == version:
            return State(version, is_shown=False)
    return None


def _best(worlds: set[World]) -> set[World]:
    """Without those that are as another one, and have fewer effects left to use."""
    if len(worlds) < 2:
        return worlds
    return {
        world
        for world in worlds
        if not any(
            other != world
            and other.state == world.state
            and other.done == world.done
            and other.deletes <= world.deletes
            and other.restores <= world.restores
            for other in worlds
        )
    }
