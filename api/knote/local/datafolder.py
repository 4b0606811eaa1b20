"""The folder of all that local mode keeps: ours alone, of a known format, used by one process."""

import contextlib
import json
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from knote.local.errors import LocalModeError

FORMAT = 1
_MARKER = "knote-data.json"
_LOCK = "lock"


class DataFolder:
    """Claims the folder as a context manager: made if it is not there, checked, locked."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._make()
            self._claim()
            self._check_format()
        except OSError as error:
            self._release()
            raise LocalModeError(
                f"The data folder {self.path} cannot be used ({error.strerror or error}):"
                " make it writable for you, or name another one in KNOTE_DATA_DIR."
            ) from error
        except LocalModeError:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def _make(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise LocalModeError(
                f"{self.path} is a file, and Knote keeps its data in a folder of that name:"
                " move the file away, or name another folder in KNOTE_DATA_DIR."
            )
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (self.path / _MARKER).exists() and any(entry.name != _LOCK for entry in self.path.iterdir()):
            raise LocalModeError(
                f"{self.path} holds files that are not Knote's:"
                " name an empty or a new folder in KNOTE_DATA_DIR."
            )
        self.path.chmod(0o700)

    def _claim(self) -> None:
        lock = (self.path / _LOCK).open("a+", encoding="utf-8")
        self._lock = lock
        if not _try_lock(lock):
            lock.seek(0)
            owner = lock.read().strip()
            process = f" (process {owner})" if owner else ""
            raise LocalModeError(
                f"Another Knote{process} is using {self.path}: stop it, or"
                " give this one its own folder and port with KNOTE_DATA_DIR and KNOTE_PORT."
            )
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()

    def _check_format(self) -> None:
        marker = self.path / _MARKER
        if not marker.exists():
            write_private(marker, json.dumps({"format": FORMAT}) + "\n")
        try:
            found = json.loads(marker.read_text(encoding="utf-8"))["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise LocalModeError(
                f"{marker} is damaged, so Knote does not touch the data beside it: restore that"
                f' file ({{"format": {FORMAT}}}), or name another folder in KNOTE_DATA_DIR.'
            ) from error
        if found != FORMAT:
            raise LocalModeError(
                f"The data in {self.path} has format {found}, and this Knote knows format {FORMAT}:"
                " start it with the Knote that made it, or name another folder in KNOTE_DATA_DIR."
            )

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def write_private(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replaces the file in one step, readable by its owner only."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def read_state(path: Path) -> dict[str, object]:
    """What a server remembers about itself; empty when it never ran, or the file is damaged."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        state = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(state, dict):
            return state
    return {}


def _try_lock(file: IO[str]) -> bool:
    """An exclusive lock that ends with the process, however it ends."""
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - there on Windows only

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl  # noqa: PLC0415 - not there on Windows

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
