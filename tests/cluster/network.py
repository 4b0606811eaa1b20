"""The network of the one node: loopback, and an interface to a place outside, which leads nowhere else."""

import json
import shlex
import subprocess
from pathlib import Path

from cluster.control_plane import NODE_IP, SERVICES
from cluster.programs import run, wait_until

_UPLINK, _GATEWAY_IP = "uplink", "10.0.0.1"


class Outside:
    """Where people are who are not on the node: a namespace that sees of it what is sent there.

    A browser on the node itself would meet with each interface that a pod brings, which it takes for a change
    of its own network.
    """

    def __init__(self) -> None:
        # A namespace lasts as long as a process is in it.
        self._process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        wait_until(lambda: self._namespace() != Path("/proc/self/ns/net").readlink(), "there is an outside")

    def run(self, *command: str) -> None:
        """Runs a command there."""
        run(*self._enter(), *command)

    def add_link(self, name: str) -> None:
        """Makes an interface here, the other end of which is there, by the name `node`."""
        end = ("node", "netns", str(self._process.pid))
        run("ip", "link", "add", name, "type", "veth", "peer", "name", *end)

    def launcher(self, folder: Path, program: str) -> Path:
        """A command that starts the program there."""
        path = folder / f"{Path(program).name}-outside"
        path.write_text(f'#!/bin/sh\nexec {shlex.join(self._enter())} {program} "$@"\n')
        path.chmod(0o755)
        return path

    def stop(self) -> None:
        """Ends it, and the interfaces that lead there."""
        self._process.kill()
        self._process.wait()

    def _enter(self) -> list[str]:
        return ["nsenter", f"--net=/proc/{self._process.pid}/ns/net"]

    def _namespace(self) -> Path:
        return Path(f"/proc/{self._process.pid}/ns/net").readlink()


def prepare_network() -> Outside:
    """Gives the empty network namespace an address for the node, and lets packets pass between its pods."""
    outside = Outside()
    run("ip", "link", "set", "lo", "up")
    outside.add_link(_UPLINK)
    run("ip", "addr", "add", f"{NODE_IP}/24", "dev", _UPLINK)
    run("ip", "link", "set", _UPLINK, "up")
    outside.run("ip", "addr", "add", f"{_GATEWAY_IP}/24", "dev", "node")
    for link in ("lo", "node"):
        outside.run("ip", "link", "set", link, "up")
    # A Service has an address that nobody has: without a route no packet to it would be made, and rewritten.
    outside.run("ip", "route", "add", SERVICES, "via", NODE_IP)
    run("ip", "route", "add", "default", "via", _GATEWAY_IP, "dev", _UPLINK)
    # What is meant for farther away is told at once that there is no way.
    outside.run("ip", "route", "add", "unreachable", "default")
    outside.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    return outside


def remove_pods() -> None:
    """Takes the interfaces of pods away, and with them the routes to addresses that others will have."""
    for link in json.loads(run("ip", "-json", "link", "show", "type", "veth")):
        if link["ifname"] != _UPLINK:
            run("ip", "link", "delete", link["ifname"])
