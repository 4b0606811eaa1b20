"""Fixtures: a control plane in the namespaces that `tests/cluster/run` has made."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser.conftest import CHROMIUM
from cluster.control_plane import ControlPlane
from cluster.network import Outside, prepare_network
from cluster.node import Node
from cluster.programs import CLUSTER, wait_until
from cluster.traffic import Traffic
from cluster.trial import Trial
from deploy.rendered import pods_of

# `make test` passes these tests by: they take root, a Kubernetes and many minutes.
collect_ignore_glob = [] if "TEST_CLUSTER" in os.environ else ["test_*.py"]


@pytest.fixture(scope="session")
def outside() -> Iterator[Outside]:
    """Where people are who are not on the node."""
    if os.getpid() != 1:
        pytest.fail("these tests run in namespaces of their own: tests/cluster/run", pytrace=False)
    made = prepare_network()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def work_dir(outside: Outside) -> Path:
    """A folder on a disk, for images, volumes and logs, in namespaces whose network is ready."""
    assert outside
    return Path(os.environ["TEST_CLUSTER_WORK"])


@pytest.fixture(scope="session")
def browser(outside: Outside, work_dir: Path) -> Path:
    """What starts a browser outside."""
    return outside.launcher(work_dir, CHROMIUM)


@pytest.fixture(scope="module")
def control_plane(work_dir: Path) -> Iterator[ControlPlane]:
    """etcd and an API server that knows the Gateway API."""
    folder = Path(tempfile.mkdtemp(prefix="control-plane-", dir=work_dir))
    made = ControlPlane(folder)
    try:
        print(f"\nAPI server ready after {made.start():.1f} s")
        made.kubectl("apply", "--server-side", "-f", str(CLUSTER / "gateway-api"))
        made.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--all", "crds")
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def node(control_plane: ControlPlane) -> Iterator[Node]:
    """A ready node with the images of Knote, and a default StorageClass with twelve volumes."""
    archive = Path(os.environ["TEST_CLUSTER_IMAGES"])
    control_plane.start_controllers()
    made = Node(control_plane)
    print(f"\nnode ready after {made.start():.1f} s")
    made.import_images(archive)
    pinned = next(pod for pod in pods_of("deploy/overlays/local") if pod.name == "minio").spec["containers"][
        0
    ]
    name, _, digest = pinned["image"].partition("@")
    # Under the pinned digest, what this machine calls by the pinned name; and the names of tests/one-node.
    made.name_image(name, f"{name.rpartition(':')[0]}@{digest}")
    made.name_image(name, "docker.io/library/minio:local")
    mongo = next(pod for pod in pods_of("deploy/overlays/local") if pod.name == "mongo").spec["containers"][0]
    made.name_image(mongo["image"], "docker.io/library/mongo:local")
    made.add_volumes(12)
    yield made
    made.stop()


@pytest.fixture(scope="class")
def traffic(trial: Trial, browser: Path) -> Iterator[Traffic]:
    """People, from the first step that asks for them to the last."""
    with Traffic(trial.url, browser, owner=trial.owner, stranger=trial.stranger) as people:
        wait_until(lambda: len(people.notebook.pictures) > 5, "people have begun")
        yield people
