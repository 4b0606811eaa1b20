"""The local overlay: every part of Knote once, on a node as large as minikube's."""

import pytest

from cluster.control_plane import ControlPlane
from cluster.node import Node
from cluster.proof import Proof
from cluster.trial import Trial


@pytest.fixture(scope="module")
def trial(control_plane: ControlPlane, node: Node) -> Trial:
    """The overlay, applied as the README says."""
    assert node, "a cluster without a node runs nothing"
    made = Trial(control_plane.kubectl, "knote", "local")
    made.kubectl("apply", "-k", "deploy/overlays/local")
    return made


class TestLocal(Proof):
    """One MongoDB and one MinIO, which are away while their only pod is."""

    def test_it_is_open_to_whoever_reaches_it(self, trial: Trial) -> None:
        assert trial.auth == "open"
