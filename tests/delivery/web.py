"""A real nginx with the configuration of the web image, on loopback."""

import gzip
import shutil
import signal
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest

from knote.local.ports import free_port
from servers.process import CHECKOUT

START = CHECKOUT / "deploy" / "nginx" / "start"
PAGE = (
    b"<!doctype html><title>Knote</title><script src='/assets/app-1a2b.js'></script>\n"
    b"<!-- style 'sha256-%s=' script 'sha256-%s=' -->\n" % (b"+a/" * 14 + b"b", b"c" * 43)
)
SCRIPT = b"console.log('knote');" * 40


class Web:
    """One nginx as `deploy/nginx/start` starts it; its output is kept in `folder`."""

    def __init__(self, folder: Path, *, api: list[str], s3: str, **more: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder / f"web-{self.port}"
        self.folder.mkdir()
        self.page = self.folder / "html"
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin:/bin",
            "API_UPSTREAM": " ".join(api),
            "S3_UPSTREAM": s3,
            "WEB_LISTEN": f"127.0.0.1:{self.port}",
            "WEB_ROOT": str(self.page),
            "RUN_DIR": str(self.folder / "run"),
            "CACHE_DIR": str(self.folder / "cache"),
            **more,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int:
        """The master process."""
        assert self._process is not None
        return self._process.pid

    @property
    def output(self) -> str:
        """Its log."""
        return (self.folder / "output").read_text(encoding="utf-8")

    @property
    def configuration(self) -> str:
        """The configuration it was started with, its includes beside it."""
        files = sorted((self.folder / "run").rglob("*.conf"))
        return "\n".join(file.read_text(encoding="utf-8") for file in files)

    def start(self) -> None:
        """Starts it and returns when it answers."""
        if shutil.which("nginx", path=self._environment["PATH"]) is None:
            pytest.fail("There is no nginx here: `apt-get install nginx-light`.", pytrace=False)
        self._build_page()
        with (self.folder / "output").open("ab") as output:
            # The tests may run as root, and their folders are closed to others.
            self._process = subprocess.Popen(
                [START, "-g", "user root;"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
        self._wait_until_it_answers(within_seconds=10)

    def _wait_until_it_answers(self, *, within_seconds: float) -> None:
        assert self._process is not None
        deadline = time.monotonic() + within_seconds
        while True:
            assert self._process.poll() is None, self.output
            try:
                httpx.get(f"{self.url}/healthz", trust_env=False)
            except httpx.TransportError:
                assert time.monotonic() < deadline, self.output
                time.sleep(0.02)
            else:
                return

    def workers(self) -> dict[str, int]:
        """Its worker processes, by name and process id."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        return {f"nginx {number}": child.pid for number, child in enumerate(children)}

    def stop(self) -> int:
        """Ends it as the image does, with SIGQUIT; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        try:
            return self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGTERM)
            return self._process.wait(10)

    def ask(self, target: str, method: str = "GET") -> httpx.Response:
        """The answer to a request for this target to the letter, as no client of HTTP would write it."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())
        finally:
            connection.close()

    def status_of(self, target: str, method: str = "GET") -> int:
        """The status of that answer."""
        return self.ask(target, method).status_code

    def open(self, **options: object) -> httpx.AsyncClient:
        """A client of it."""
        limits: dict[str, object] = {"timeout": 30, **options}
        return httpx.AsyncClient(base_url=self.url, trust_env=False, **limits)  # type: ignore[arg-type]

    def _build_page(self) -> None:
        (self.page / "assets").mkdir(parents=True)
        for name, data in (("index.html", PAGE), ("assets/app-1a2b.js", SCRIPT)):
            (self.page / name).write_bytes(data)
            (self.page / f"{name}.gz").write_bytes(gzip.compress(data))
        (self.page / "manifest.webmanifest").write_text("{}", encoding="utf-8")
