"""Disks small enough to be filled: file systems in memory, in a mount namespace of our own."""

import ctypes
import errno
import os
import subprocess
import sys
from pathlib import Path

MEBIBYTE = 1024 * 1024
_CLONE_NEWNS = 0x0002_0000
_BALLAST = "ballast"


def own_mounts() -> str | None:
    """Moves this process and its children into a mount namespace of their own. Returns why it cannot."""
    if sys.platform != "linux":
        return "disks can be filled on Linux only"
    if os.geteuid() != 0:
        return "only root may mount a small disk"
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
        return f"no mount namespace of our own ({os.strerror(ctypes.get_errno())})"
    # Nothing that is mounted from here on shows outside, and it ends with the last of these processes.
    run = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    return run.stderr.strip() or None


class Disk:
    """A folder on a disk of its own."""

    def __init__(self, folder: Path, *, size_bytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        options = f"size={size_bytes},mode=0700"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)

    def fill(self) -> int:
        """Leaves no byte free; what is written meanwhile finds none either. Returns how many it took."""
        taken = 0
        with (self.folder / _BALLAST).open("ab", buffering=0) as file:
            size = MEBIBYTE
            while size >= 1:
                try:
                    taken += file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2
        return taken

    def free(self) -> None:
        """Gives the space back."""
        (self.folder / _BALLAST).unlink(missing_ok=True)

    def remove(self) -> None:
        """Takes the disk away with all that is on it."""
        subprocess.run(["umount", "--lazy", self.folder], check=True)
