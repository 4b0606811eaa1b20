"""A server as a child process, with a folder, a log and remembered ports; it dies with its parent."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from knote.local import leash
from knote.local.datafolder import read_state
from knote.local.errors import LocalModeError
from knote.local.ports import choose_ports, is_free

_LOG_BYTES = 4 * 1024 * 1024
_POLL_SECONDS = 0.02
_MISSING_LIBRARY = re.compile(r"error while loading shared libraries: (\S+):")
_DEBIAN_PACKAGES = {"libcurl.so.4": "libcurl4"}


class ChildServer(ABC):
    """Start, stop, kill and restart one server program on loopback; a subclass knows the program.

    `data_dir` is shared: the server's files go to `data_dir/<folder>`, its log to `data_dir/logs`.
    """

    title: ClassVar[str]
    folder: ClassVar[str]
    port_names: ClassVar[tuple[str, ...]]
    stop_seconds: ClassVar[float] = 10

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().absolute()
        self.home = self.data_dir / self.folder
        self.log_path = self.data_dir / "logs" / f"{self.folder}.log"
        self.ports: dict[str, int] = {}
        self._pinned = False  # someone may know the ports, so they must not change any more
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _prepare(self) -> tuple[list[str], dict[str, str]]:
        """Writes what the program needs; its command line, and its environment beyond the usual."""

    @abstractmethod
    async def _answers(self) -> None:
        """Returns when the server does its work; may raise anything while it does not yet."""

    @property
    def pid(self) -> int:
        """The running process. Raises `LocalModeError` when there is none."""
        if self._process is None:
            raise LocalModeError(f"{self.title} is not running.")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self, *, timeout_seconds: float = 60) -> None:
        """Starts the server and returns when it is ready, on the ports it had before if it can.

        Raises `LocalModeError`, with no process left behind, when that does not come true.
        """
        for attempt in range(3):
            try:
                self.ports = self._choose_ports()
                self._spawn()
            except OSError as error:
                reason = f"{error.strerror or error}: {error.filename or self.home}"
                raise LocalModeError(f"{self.title} cannot be started ({reason}).") from error
            try:
                await self.wait_ready(timeout_seconds=timeout_seconds)
            except LocalModeError:
                port_lost = "address already in use" in self.log_tail(40).lower()
                await self.kill()
                if not port_lost or self._pinned or attempt == 2:
                    raise
            except BaseException:
                await self.kill()
                raise
            else:
                return

    async def wait_ready(self, *, timeout_seconds: float = 60) -> None:
        """Returns when the server answers. Raises `LocalModeError` if it ends or takes too long."""
        deadline = time.monotonic() + timeout_seconds
        last: BaseException | None = None
        while True:
            if not self.is_running:
                raise LocalModeError(self._failure(last))
            try:
                await asyncio.wait_for(self._until_answer(), max(0.1, deadline - time.monotonic()))
            except Exception as error:  # noqa: BLE001 - whatever it was, it is told below
                last = error
            else:
                return
            if time.monotonic() >= deadline:
                raise LocalModeError(self._failure(last, waited_seconds=timeout_seconds))
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """Asks the server to end and waits; kills it when it takes longer than `stop_seconds`."""
        if self.is_running:
            self._signal(signal.SIGTERM)
            deadline = time.monotonic() + self.stop_seconds
            await until(lambda: not self.is_running or time.monotonic() > deadline)
        await self.kill()

    async def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        if self.is_running:
            self._signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        await until(lambda: not self.is_running)
        self._process = None
        self._tidy()

    async def restart(self) -> None:
        """Stops and starts again, on the same ports."""
        await self.stop()
        await self.start()

    async def wait_ended(self) -> None:
        """Returns when the process has ended, for whatever reason."""
        await until(lambda: not self.is_running, every_seconds=0.2)

    def log_tail(self, lines: int = 6) -> str:
        """The end of the log."""
        with contextlib.suppress(OSError), self.log_path.open("rb") as file:
            file.seek(max(0, self.log_path.stat().st_size - 64 * 1024))
            text = file.read().decode("utf-8", "replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    def trim_log(self) -> None:
        """Keeps the log small: what is over the limit moves to `.1`, in place of what was there."""
        with contextlib.suppress(OSError):
            if self.log_path.stat().st_size > _LOG_BYTES:
                # Copied and cut, not renamed: the server goes on writing to the file it has open.
                self.log_path.with_suffix(".log.1").write_bytes(self.log_path.read_bytes())
                os.truncate(self.log_path, 0)

    def _choose_ports(self) -> dict[str, int]:
        if self._pinned:
            busy = [port for port in self.ports.values() if not is_free(port)]
            if busy:
                raise LocalModeError(
                    f"{self.title} cannot start again: something else now uses port {busy[0]}."
                )
            return self.ports
        remembered = read_state(self.home / "server.json").get("ports")
        ports = remembered if isinstance(remembered, dict) else {}
        return choose_ports(self.port_names, ports)

    async def _until_answer(self) -> None:
        await self._answers()
        self._pinned = True

    def _spawn(self) -> None:
        for path in (self.data_dir, self.home, self.log_path.parent):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tidy()
        command, environment = self._prepare()
        self.trim_log()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line, no shell
                [sys.executable, "-I", "-S", str(leash.__file__), str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home,
                env=_environment(self.home) | environment,
                start_new_session=True,  # a Ctrl-C reaches the parent only: it stops all in order
                umask=0o077 if sys.platform != "win32" else -1,
            )

    def _tidy(self) -> None:  # noqa: B027 - most servers leave nothing
        """Removes what an ended process left outside its folder."""

    def _explain(self) -> str:
        """The reason for the end that the log gives."""
        return self.log_tail()

    def _failure(self, last: BaseException | None, *, waited_seconds: float | None = None) -> str:
        if missing := _MISSING_LIBRARY.search(self.log_tail(2)):
            library = missing[1]
            package = _DEBIAN_PACKAGES.get(library, "<the package that has it>")
            return (
                f"{self.title} needs the system library {library}, which this machine does not"
                f" have: sudo apt-get install {package}"
            )
        reason = self._explain().strip()
        if waited_seconds is not None:
            start = f"{self.title} did not become ready within {waited_seconds:.0f} s"
            reason = f"{last!r}\n{reason}" if last else reason
        else:
            status = self._process.poll() if self._process else None
            start = f"{self.title} ended while it started, with status {status}"
        return f"{start}. Its data: {self.home}. Its log, {self.log_path}, ends with:\n{reason}"

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)


async def until(condition: Callable[[], bool], *, every_seconds: float = _POLL_SECONDS) -> None:
    """Returns when the condition is true. It is asked again and again: no process tells its end."""
    while not condition():  # noqa: ASYNC110 - as said above
        await asyncio.sleep(every_seconds)


def _environment(home: Path) -> dict[str, str]:
    """Only what a server needs: the variables and dot files of whoever starts it stay out."""
    kept = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(home),
        "LC_ALL": "C",
    }
