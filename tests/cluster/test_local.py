"""The local overlay: every part of Knote once, on a node as large as minikube's."""

from cluster.proof import Proof


class TestLocal(Proof):
    """One MongoDB and one MinIO, which are away while their only pod is."""

    folder = "deploy/overlays/local"
    title = "local"
