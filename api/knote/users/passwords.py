"""Passwords: which are good enough, and how they are kept and compared, off the event loop.

`common_passwords.txt` holds the 10,000 commonest of the passwords that have come to light, as the
frequency lists of the PyPI package zxcvbn 4.5.0 (MIT) rank them.
"""

import asyncio
import base64
import os
import secrets
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from knote.errors import Invalid, TooManyRequests

SHORTEST, LONGEST = 12, 1000
# The first recommendation of OWASP's password storage cheat sheet.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16)
_MOST_WAITING = 64
_NICENESS = 10
# Times the work before it.
_RESTS = 3

Result = TypeVar("Result")


class Passwords:
    """Hashes and compares passwords, one at a time, in a thread that yields to everything else.

    It rests after each: a crowd that signs in has a quarter of one core, and of the caches that all share.
    """

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._dummy = _hash_of_nothing(hasher)
        self._waiting = 0
        self._rests_until = 0.0
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="passwords", initializer=_yield_to_others)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def hash(self, password: str) -> str:
        """The password as it is kept. Raises `TooManyRequests`."""
        return await self._run(lambda: self._hasher.hash(_normal(password)))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the password that was kept; none takes as long as any. Raises `TooManyRequests`."""
        return await self._run(lambda: self._is_same(kept or self._dummy, password)) and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the password was kept with other parameters than today's."""
        return self._hasher.check_needs_rehash(kept)

    def _is_same(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _normal(password))
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], Result]) -> Result:
        if self._waiting >= _MOST_WAITING:
            raise TooManyRequests(
                "Too many people sign in at this moment. Try again in a few seconds.", retry_after_seconds=5
            )
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._take_turn, work)
        finally:
            self._waiting -= 1

    def _take_turn(self, work: Callable[[], Result]) -> Result:
        time.sleep(max(0.0, self._rests_until - time.monotonic()))
        began = time.thread_time()
        try:
            return work()
        finally:
            self._rests_until = time.monotonic() + _RESTS * (time.thread_time() - began)


def check_password(password: str, *, name: str, location: tuple[str | int, ...]) -> None:
    """Raises `Invalid` for a new password that is too short, too long, or the first that others would try."""
    normal = _normal(password)
    if not SHORTEST <= len(normal) <= LONGEST:
        raise Invalid(
            f"A password has at least {SHORTEST} characters, and at most {LONGEST}. A few words in a row "
            "are a good one.",
            location=location,
        )
    folded = normal.casefold()
    if folded in _common() or _unit(folded) in _common() or len(set(folded)) < 3:
        raise Invalid(
            "This password is among the first that others would try. Take another.", location=location
        )
    if _unit(folded) == name.casefold() or folded == name.casefold():
        raise Invalid("The name of the account is no password for it. Take another.", location=location)


def _unit(text: str) -> str:
    """What `text` is a repetition of; the text itself where it is none."""
    return text[: (text + text).index(text, 1)]


def _normal(password: str) -> str:
    """The same password however a keyboard spells it."""
    return unicodedata.normalize("NFKC", password)


@cache
def _common() -> frozenset[str]:
    return frozenset(Path(__file__).with_name("common_passwords.txt").read_text(encoding="utf-8").split())


def _hash_of_nothing(hasher: PasswordHasher) -> str:
    """What no password answers, and takes as long as any to be compared with; it costs nothing to make."""
    assert hasher.type is Type.ID  # noqa: S101
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${digest}"


def _yield_to_others() -> None:
    """Lets the scheduler prefer every other thread; where it cannot be told, nothing is lost."""
    if sys.platform == "linux":  # where each thread has a niceness of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
