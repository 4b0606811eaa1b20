"""Trying again until a deadline, and telling what was done."""

import json
import time
from collections.abc import Callable
from typing import TypeVar

from knote.errors import KnoteError

T = TypeVar("T")
_POLL_SECONDS = 0.5


class NotYet(Exception):
    """A store is not there, or not as it has to be: it may be in a moment. Says no secret."""


class BootstrapFailed(KnoteError):
    """The time is over."""

    slug = "bootstrap-failed"


class Patience:
    """One deadline for all that is to be done."""

    def __init__(self, timeout_seconds: float) -> None:
        self._timeout_seconds = timeout_seconds
        self._deadline = time.monotonic() + timeout_seconds

    def until_done(self, step: str, attempt: Callable[[], T]) -> T:
        """What `attempt` returns once it no longer raises `NotYet`. Raises `BootstrapFailed`."""
        last = ""
        while True:
            try:
                return attempt()
            except NotYet as reason:
                if str(reason) != last:
                    last = str(reason)
                    tell(step, "waiting", reason=last)
            if time.monotonic() > self._deadline:
                tell(step, "failed", reason=last)
                raise BootstrapFailed(f"After {self._timeout_seconds:g} s: {step}: {last}.")
            time.sleep(_POLL_SECONDS)


def tell(step: str, result: str, **more: object) -> None:
    """One line of JSON on standard output."""
    print(json.dumps({"step": step, "result": result, **more}), flush=True)
