"""Runs a command that dies with the process that started it: `leash.py PARENT_PID COMMAND ARGS...`.

It runs as a script of its own, between fork and exec, because Python code in a `preexec_fn` is not
safe in a process with threads. The wish to die survives exec; it is tied to the thread that started
this.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Replaces this process by the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the process that wanted this command is gone")
    os.execv(command[0], command)  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
