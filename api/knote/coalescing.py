"""Reads that are asked for in the same turn of the event loop, made once.

Whoever asks shares a read that has not begun yet, never one that has: what it finds is no older than the
moment of asking, so nobody is shown less than was acknowledged before. Nobody waits for others to come,
either: the read begins in the next turn, and whoever has come by then is in it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Generic, TypeVar, TypeVarTuple

Arguments = TypeVarTuple("Arguments")
Key = TypeVar("Key")
Result = TypeVar("Result")


class Coalesced(Generic[*Arguments, Result]):
    """A function whose calls with the same arguments, in the same turn, are one call.

    All of them get the one result, which they must leave as it is, or the one error. One that is cancelled
    leaves the others what they wait for.
    """

    def __init__(self, function: Callable[[*Arguments], Coroutine[Any, Any, Result]]) -> None:
        """The arguments must be fit for the keys of a dictionary."""
        self._function = function
        self._next: dict[tuple[*Arguments], asyncio.Task[Result]] = {}

    async def __call__(self, *arguments: *Arguments) -> Result:
        """What the function returns."""
        call = self._next.get(arguments)
        if call is None:
            call = self._next[arguments] = asyncio.create_task(self._begin(arguments))
        return await asyncio.shield(call)

    async def _begin(self, arguments: tuple[*Arguments]) -> Result:
        del self._next[arguments]
        return await self._function(*arguments)


class Batched(Generic[Key, Result]):
    """A look-up by key, whose calls in the same turn are one look-up of all their keys."""

    def __init__(self, find: Callable[[Sequence[Key]], Awaitable[Mapping[Key, Result]]]) -> None:
        """`find` is given each key once, and returns what there is of them."""
        self._find = find
        self._keys: dict[Key, None] = {}
        self._all = Coalesced(self._find_all)

    async def __call__(self, key: Key) -> Result | None:
        """What there is under the key, which whoever gets it must leave as it is; None for nothing."""
        self._keys[key] = None
        return (await self._all()).get(key)

    async def _find_all(self) -> Mapping[Key, Result]:
        keys, self._keys = self._keys, {}
        return await self._find([*keys])
