"""What our images weigh and how long their containers take to start: printed, not judged."""

import json
import re
import subprocess
import time
import zlib
from datetime import datetime

import httpx

from compose.system import Compose, docker
from servers.process import CHECKOUT

READY = {"api": ":8000/readyz", "web": ":8080/healthz"}


def start_seconds(compose: Compose, service: str, *, timeout_seconds: float = 60) -> float:
    """From the start of a container's process to its first 200."""
    container = compose.containers(service)[0]
    docker("stop", container.id)
    docker("start", container.id)
    (container,) = (one for one in compose.containers(service) if one.id == container.id)
    began = datetime.fromisoformat(re.sub(r"(\.\d{6})\d*Z", r"\1+00:00", container.started_at)).timestamp()
    with httpx.Client(trust_env=False, timeout=5) as client:
        while True:
            try:
                answer = client.get(f"http://{container.address}{READY[service]}")
            except httpx.TransportError:
                answer = None
            seconds = time.time() - began
            if answer is not None and answer.status_code == 200:
                return seconds
            assert seconds < timeout_seconds, answer
            time.sleep(0.01)


def sizes(name: str) -> str:
    """An image's size, unpacked and packed, and how much of it is the image it is built on."""
    base = re.findall(r"^ARG [A-Z]+_IMAGE=(.+)$", _dockerfile(name), re.MULTILINE)[-1]
    image = f"knote-{name}:local"
    return f"{_size(image)} {image}, of which {_size(base)} {base}"


def _size(image: str) -> str:
    return f"{_unpacked_bytes(image) / 1e6:.0f} MB ({_packed_bytes(image) / 1e6:.0f} MB packed)"


def _dockerfile(name: str) -> str:
    return (CHECKOUT / f"Dockerfile.{name}").read_text(encoding="utf-8")


def _unpacked_bytes(image: str) -> int:
    (found,) = json.loads(docker("image", "inspect", image))
    return int(found["Size"])


def _packed_bytes(image: str) -> int:
    """As registries count: with gzip."""
    packer, packed = zlib.compressobj(6, wbits=31), 0
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        while part := saving.stdout.read(1 << 20):
            packed += len(packer.compress(part))
    assert saving.returncode == 0
    return packed + len(packer.flush())
