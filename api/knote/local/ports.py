"""Free TCP ports on loopback, and the same ones again at the next start."""

import random
import socket
import sys
from collections.abc import Iterable, Mapping

# Below the range from which systems take the ports of outgoing connections, so that a port that was
# ours is not taken by chance while its server restarts.
_FIRST, _LAST = 17_000, 31_999
_LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = _LOOPBACK) -> bool:
    """Whether a server could listen on the port now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A port nobody listens on, none of `taken`."""
    avoided = set(taken)
    while True:
        port = random.randint(_FIRST, _LAST)  # noqa: S311 - nothing secret
        if port not in avoided and is_free(port):
            return port


def choose_ports(names: Iterable[str], remembered: Mapping[str, int]) -> dict[str, int]:
    """A free port for each name: the remembered one, or another where that one is in use."""
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name)
        if not isinstance(port, int) or port in ports.values() or not is_free(port):
            port = free_port([*ports.values(), *remembered.values()])
        ports[name] = port
    return ports
