"""The production overlay, made small enough for one node: three members of MongoDB, four servers of MinIO."""

from cluster.proof import Proof


class TestProduction(Proof):
    """Stores of several, of which one may be away."""

    folder = "deploy/tests/one-node"
    title = "production"
    mongo_members = 3
    minio_servers = 4
