"""What the containers are, and what they may not do."""

import time
from pathlib import Path

import httpx
import psutil
import pytest

from compose.system import SERVERS, Compose

USERS = {"mongo": 999, "minio": 0, "api": 10001, "web": 101}
ALL_CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")


def status_of(process: psutil.Process) -> dict[str, str]:
    """What the kernel says of a process; nothing, if it has just ended."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_every_service_is_healthy_and_the_bootstrap_is_done(compose: Compose) -> None:
    found = sorted((one.service, one.health) for one in compose.containers())
    assert found == [
        *[("api", "healthy")] * 2,
        ("bootstrap", "exited"),
        *[(name, "healthy") for name in ("minio", "mongo", "web")],
    ]
    assert compose.container("bootstrap").inspected["State"]["ExitCode"] == 0


@pytest.mark.parametrize("service", SERVERS)
def test_every_process_has_its_user_and_no_privilege(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        for process in container.processes():
            if not (status := status_of(process)):
                continue
            assert set(status["Uid"].split()) == {str(USERS[service])}, status
            assert {name: int(status[name], 16) for name in ALL_CAPABILITIES} == dict.fromkeys(
                ALL_CAPABILITIES, 0
            )
            assert status["NoNewPrivs"] == "1"
            assert status["Seccomp"] == "2"


@pytest.mark.parametrize("service", SERVERS)
def test_roots_are_read_only(compose: Compose, service: str) -> None:
    for container in compose.containers(service):
        lines = Path(f"/proc/{container.pid}/mountinfo").read_text(encoding="utf-8").splitlines()
        mounts = {fields[4]: fields[5].split(",") for fields in map(str.split, lines)}
        assert "ro" in mounts["/"]
        writable = {point for point, options in mounts.items() if "rw" in options}
        kernel = ("/proc", "/sys", "/dev", "/etc/")
        assert {point for point in writable if not point.startswith(kernel)} == {
            "mongo": {"/data/db", "/data/configdb", "/run/mongo", "/tmp"},
            "minio": {"/data", "/tmp"},
            "api": {"/tmp"},
            "web": {"/var/cache/nginx", "/tmp"},
        }[service]


def test_only_web_is_published_and_only_to_this_machine(compose: Compose) -> None:
    for container in compose.containers(*SERVERS):
        published = {
            (port, binding["HostIp"], binding["HostPort"])
            for port, bindings in container.inspected["NetworkSettings"]["Ports"].items()
            for binding in bindings or []
        }
        web = {("8080/tcp", "127.0.0.1", str(compose.port))}
        assert published == (web if container.service == "web" else set())
    listening = [one.laddr for one in psutil.net_connections("tcp") if one.status == "LISTEN" and one.laddr]
    assert {address.ip for address in listening if address.port == compose.port} == {"127.0.0.1"}


def test_the_api_has_no_way_out(compose: Compose) -> None:
    attempt = (
        "import socket\ntry: socket.create_connection(('192.0.2.1', 443), timeout=3)\n"
        "except OSError as error: print(error.strerror)"
    )
    assert compose.run("exec", "-T", "api", "python", "-c", attempt).strip() == "Network is unreachable"


def test_the_api_holds_no_key_of_an_administrator(compose: Compose) -> None:
    administrators = [
        compose.environment[name] for name in ("MONGO_KEY", "MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
    ]
    for container in compose.containers("api", "web"):
        environment = " ".join(container.inspected["Config"]["Env"])
        assert not [secret for secret in administrators if secret in environment]
    assert compose.environment["MINIO_SECRET_KEY"] not in str(compose.container("web").inspected)


def test_the_logs_hold_no_secret(compose: Compose) -> None:
    logs = compose.run("logs")
    secrets = {name: value for name, value in compose.environment.items() if not name.startswith("KNOTE_")}
    assert not [name for name, value in secrets.items() if value in logs and "ACCESS" not in name]


def test_web_answers_in_no_time_while_everything_is_well(compose: Compose) -> None:
    with httpx.Client(base_url=compose.url, trust_env=False) as client:
        client.get("/api/v1/notes").raise_for_status()
        began = time.monotonic()
        for _ in range(20):
            client.get("/api/v1/notes").raise_for_status()
        assert time.monotonic() - began < 5
