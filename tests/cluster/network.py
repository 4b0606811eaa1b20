"""The network of the one node: loopback, and an interface that leads nowhere."""

from pathlib import Path

from cluster.control_plane import NODE_IP
from cluster.programs import run


def prepare_network() -> None:
    """Gives the empty network namespace an address for the node, and lets packets pass between its pods."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "uplink-peer")
    run("ip", "addr", "add", f"{NODE_IP}/24", "dev", "uplink")
    for end in ("uplink", "uplink-peer"):
        run("ip", "link", "set", end, "up")
    # A Service has an address that nobody has: without a route no packet to it would be made, and rewritten.
    run("ip", "route", "add", "default", "via", "10.0.0.1", "dev", "uplink")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
