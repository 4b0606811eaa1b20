"""The matrix of connections is the intended one: no line more, no line less."""

from pathlib import Path

import pytest

from deploy.connections import NEIGHBOURS, OUTSIDE, PUBLIC, Connection, matrix_of
from deploy.rendered import DEPLOY, FOLDERS, pods_of

NODE_DNS = "169.254.20.10/32"
JOBS = ("bootstrap", "fsck", "sweep")
INSIDE = {
    Connection("web", "api", "8000 TCP"),
    Connection("web", "minio", "9000 TCP"),
    Connection("api", "mongo", "27017 TCP"),
    Connection("api", "minio", "9000 TCP"),
    *(Connection(job, "mongo", "27017 TCP") for job in JOBS),
    *(Connection(job, "minio", "9000 TCP") for job in JOBS),
    Connection("mongo", "mongo", "27017 TCP"),
    Connection("minio", "minio", "9000 TCP"),
}
# The door.
FROM_OUTSIDE = {Connection(who, "web", "8080 TCP") for who in (OUTSIDE, *NEIGHBOURS)}


def intended(folder: str) -> set[Connection]:
    """What a combination should leave open: who is there, may do what is said above."""
    names = {pod.name for pod in pods_of(folder)}
    open_ones = {each for each in INSIDE if {each.source, each.target} <= names} | FROM_OUTSIDE
    open_ones |= {Connection(name, dns, "53 TCP, UDP") for name in names for dns in ("kube-system", NODE_DNS)}
    if "components/monitoring" in (DEPLOY.parent / folder / "kustomization.yaml").read_text():
        open_ones.add(Connection("monitoring", "api", "8000 TCP"))
    if "components/single-sign-on" in (DEPLOY.parent / folder / "kustomization.yaml").read_text():
        open_ones.add(Connection("api", PUBLIC, "443 TCP"))
    if "mongo" not in names:
        open_ones |= {
            Connection(name, PUBLIC, f"{port} TCP") for name in names - {"web"} for port in (443, 27017)
        }
    return open_ones


@pytest.mark.parametrize("folder", FOLDERS)
def test_nobody_connects_but_who_should(folder: str, tmp_path: Path) -> None:
    actual, expected = matrix_of(folder, tmp_path), intended(folder)
    assert actual - expected == set(), "open, and should not be"
    assert expected - actual == set(), "closed, and should not be"


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_web_is_reached_from_outside(folder: str, tmp_path: Path) -> None:
    assert {each.target for each in matrix_of(folder, tmp_path) if each.source == OUTSIDE} == {"web"}
