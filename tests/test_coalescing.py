"""Reads that are made once for all who ask in the same turn of the event loop."""

import asyncio
from collections.abc import Sequence

import pytest

from knote.coalescing import Batched, Coalesced


class Store:
    """Something to be read, which counts how often it is, and takes its time."""

    def __init__(self) -> None:
        self.content = 1
        self.reads: list[object] = []
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def read(self, *arguments: str) -> tuple[int, tuple[str, ...]]:
        """What is there when the read begins."""
        content = self.content
        self.reads.append(arguments)
        self.began.set()
        await self.may_end.wait()
        return content, arguments

    async def find(self, keys: Sequence[str]) -> dict[str, int]:
        """The lengths of those keys that are not empty."""
        self.reads.append(keys)
        await asyncio.sleep(0)
        return {key: len(key) for key in keys if key}


async def test_those_who_ask_in_one_turn_get_one_result() -> None:
    store = Store()
    store.may_end.set()
    read = Coalesced(store.read)
    found = await asyncio.gather(*(read(key) for key in "abaa"))
    assert found == [(1, ("a",)), (1, ("b",)), (1, ("a",)), (1, ("a",))]
    assert store.reads == [("a",), ("b",)]
    await read("a")
    assert len(store.reads) == 3


async def test_who_asks_after_a_read_has_begun_is_told_what_was_written_since() -> None:
    store = Store()
    read = Coalesced(store.read)
    early = asyncio.create_task(read("a"))
    await store.began.wait()
    store.content = 2  # and this is acknowledged
    late = asyncio.create_task(read("a"))
    await asyncio.sleep(0)
    store.may_end.set()
    assert (await early)[0] == 1
    assert (await late)[0] == 2


@pytest.mark.parametrize("has_begun", [False, True])
async def test_one_who_leaves_leaves_the_others_what_they_wait_for(has_begun: bool) -> None:
    store = Store()
    read = Coalesced(store.read)
    first, second = asyncio.create_task(read("a")), asyncio.create_task(read("a"))
    await (store.began.wait() if has_begun else asyncio.sleep(0))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    store.may_end.set()
    assert await second == (1, ("a",))
    assert len(store.reads) == 1


async def test_an_error_is_everybodys_and_is_not_remembered() -> None:
    answers: list[object] = [OSError("away"), "there"]

    async def fail_once() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    read = Coalesced(fail_once)
    found = await asyncio.gather(read(), read(), return_exceptions=True)
    assert [type(one) for one in found] == [OSError, OSError]
    assert await read() == "there"


async def test_keys_of_one_turn_are_looked_up_together() -> None:
    store = Store()
    find = Batched(store.find)
    assert await asyncio.gather(*(find(key) for key in ("aa", "", "b", "aa"))) == [2, None, 1, 2]
    assert store.reads == [["aa", "", "b"]]
    assert await find("ccc") == 3
    assert store.reads[1:] == [["ccc"]]
