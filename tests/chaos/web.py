"""The nginx of the proof: the one of the image, which ends with the process that holds it."""

import os
import signal
import subprocess

from delivery.web import START, Web


class HeldWeb(Web):
    """An nginx that is told to end when its standard input does, whichever way its parent dies."""

    def start(self) -> None:
        """Starts it and returns when it answers."""
        self._build_page()
        held = f"'{START}' -g 'user root;' <&- & nginx=$!; read -r _; kill -TERM $nginx; wait $nginx"
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", held],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        self._wait_until_it_answers(within_seconds=15)

    @property
    def pid(self) -> int:
        """The master process."""
        return int((self.folder / "run" / "nginx.pid").read_text(encoding="ascii"))

    def reload(self) -> None:
        """Makes it read its configuration again, with new workers."""
        os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> int:
        """Lets go of it."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(15)
