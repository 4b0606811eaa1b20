"""Ctrl-C and SIGTERM: the first asks for an orderly end, the second for a quick one."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator


class StopSignals:
    """Two events, set by the first and by the second signal; `on_first` is called at the first."""

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()
        self._on_first = on_first

    @contextlib.contextmanager
    def caught(self) -> Iterator[None]:
        """Takes the signals for as long as this lasts."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        try:
            for number in numbers:
                loop.add_signal_handler(number, self._receive)
        except NotImplementedError:  # Windows: Ctrl-C cancels the main task instead
            yield
            return
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _receive(self) -> None:
        if self.asked.is_set():
            self.hurried.set()
            return
        self.asked.set()
        self._on_first()
