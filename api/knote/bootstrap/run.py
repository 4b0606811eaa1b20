"""The whole bootstrap: both halves, or the one that is Knote's own."""

from knote.bootstrap.objectstore import ObjectStore
from knote.bootstrap.replicaset import ReplicaSet
from knote.bootstrap.settings import BootstrapSettings
from knote.bootstrap.waiting import Patience, tell


def bootstrap(settings: BootstrapSettings) -> None:
    """Prepares the stores, telling each step. Raises `BootstrapFailed`, or `Misconfigured`."""
    patience = Patience(settings.bootstrap_timeout_seconds)
    if settings.members:
        ReplicaSet(settings, patience).prepare()
    else:
        tell("replica-set", "skipped", reason="KNOTE_MONGO_MEMBERS is unset")
    if settings.minio_root_user:
        ObjectStore(settings, patience).prepare()
    else:
        tell("object-store", "skipped", reason="MINIO_ROOT_USER is unset")
