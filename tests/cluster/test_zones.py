"""What one node cannot show: production over three zones of a hundred nodes each, which kwok pretends."""

import json
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from cluster.control_plane import ControlPlane
from cluster.kubectl import Kubectl, Object, is_ready
from cluster.programs import CLUSTER, program, wait_until
from cluster.trial import Trial

_ZONES = ("a", "b", "c")
_NODES_OF_A_ZONE = 100
_API, _WEB = 18, 9


class Watch:
    """Counts, as they change, the ready pods of each workload; remembers the fewest."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.fewest: dict[str, int] = {}
        self._ready: dict[str, tuple[str, bool]] = {}
        command = ("get", "pods", "-n", "knote", "--watch", "--output-watch-events", "-o", "json")
        self._process = subprocess.Popen(
            [program("kubectl"), *command], env=kubectl.environment, stdout=subprocess.PIPE, text=True
        )
        self._is_counting = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """From now on the fewest are remembered."""
        self._is_counting.set()

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def _follow(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self._count(event["type"], event["object"])
        self._process.stdout.close()

    def _count(self, kind: str, pod: Object) -> None:
        uid, name = pod["metadata"]["uid"], pod["metadata"]["labels"].get("app.kubernetes.io/name", "")
        is_there = kind != "DELETED" and "deletionTimestamp" not in pod["metadata"] and is_ready(pod)
        self._ready[uid] = (name, is_there)
        if self._is_counting.is_set():
            now = Counter(name for name, is_up in self._ready.values() if is_up)
            for each in {name for name, _ in self._ready.values()}:
                self.fewest[each] = min(now[each], self.fewest.get(each, 1000))


@pytest.fixture(scope="module")
def trial(control_plane: ControlPlane) -> Trial:
    """Three zones of nodes that are not there, and the production overlay on them."""
    control_plane.start_controllers()
    control_plane.daemon(
        "kwok",
        f"--kubeconfig={control_plane.kubeconfig('kwok')}",
        f"--config={CLUSTER / 'kwok-stages.yaml'}",
        "--manage-all-nodes=true",
        "--node-ip=10.0.0.10",
        "--cidr=10.244.0.0/16",
        "--server-address=127.0.0.1:10247",
    )
    kubectl = control_plane.kubectl
    kubectl.apply(*(_node(zone, number) for zone in _ZONES for number in range(_NODES_OF_A_ZONE)))
    kubectl.apply(*_storage())
    everywhere = len(_ZONES) * _NODES_OF_A_ZONE
    # A new node is tainted until the controller has seen that it is ready: no pod is put there before.
    wait_until(
        lambda: len([node for node in _nodes(kubectl) if _takes_pods(node)]) == everywhere,
        "the nodes take pods",
        timeout_seconds=180,
    )
    made = Trial(kubectl, "knote", "zones")
    kubectl("apply", "--server-side", "-k", "deploy/overlays/production")
    # An autoscaler without figures does what it does by its bounds alone.
    for name, replicas in (("api", _API), ("web", _WEB)):
        bounds = json.dumps({"spec": {"minReplicas": replicas}})
        kubectl("patch", "hpa", name, "-n", "knote", "--type=merge", "-p", bounds)
    expected = {"api": _API, "web": _WEB, "mongo": 3, "minio": 4}
    wait_until(
        lambda: {name: len(made.ready_pods(name)) for name in expected} == expected,
        "every pod is ready",
        timeout_seconds=240,
    )
    return made


@pytest.fixture
def watch(trial: Trial) -> Iterator[Watch]:
    """Follows the pods."""
    made = Watch(trial.kubectl)
    yield made
    made.stop()


def test_zones_are_evenly_used(trial: Trial) -> None:
    zones = _zones_of(trial)
    trial.record("zones", **{name: dict(sorted(found.items())) for name, found in zones.items()})
    for name, found in zones.items():
        assert len(found) == len(_ZONES), f"{name} is not in every zone"
        assert max(found.values()) - min(found.values()) <= 1, name
    assert set(zones["api"].values()) == {_API // len(_ZONES)}


def test_no_node_has_two_of_a_workload(trial: Trial) -> None:
    for name in ("api", "web", "mongo", "minio"):
        nodes = [pod["spec"]["nodeName"] for pod in trial.ready_pods(name)]
        assert len(set(nodes)) == len(nodes), name


def test_the_budgets_hold_while_a_zone_is_drained(trial: Trial, watch: Watch) -> None:
    kubectl = trial.kubectl
    zone = max(_ZONES, key=lambda each: _zones_of(trial)["minio"][each])
    nodes = sorted(
        {
            pod["spec"]["nodeName"]
            for name in ("api", "web", "mongo", "minio")
            for pod in trial.ready_pods(name)
            if pod["spec"]["nodeName"].startswith(f"{zone}-")
        }
    )
    wait_until(lambda: len(trial.ready_pods("api")) == _API, "every pod is ready")
    time.sleep(2)
    watch.begin()
    started_at = time.monotonic()
    # All at once: the budgets alone keep them apart.
    drains = [
        subprocess.Popen(
            [
                program("kubectl"),
                "drain",
                node,
                "--ignore-daemonsets",
                "--delete-emptydir-data",
                "--timeout=400s",
            ],
            env=kubectl.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for node in nodes
    ]
    ends = [drain.wait(450) for drain in drains]
    expected = {"api": _API, "web": _WEB, "mongo": 3, "minio": 4}
    wait_until(
        lambda: {name: len(trial.ready_pods(name)) for name in expected} == expected,
        "every pod is ready again, elsewhere",
        timeout_seconds=180,
    )
    trial.record(
        "drain",
        nodes=len(nodes),
        seconds=round(time.monotonic() - started_at),
        fewest_ready={name: watch.fewest.get(name) for name in expected},
    )
    assert set(ends) == {0}
    left = [pod["spec"]["nodeName"] for name in expected for pod in trial.ready_pods(name)]
    assert not set(left) & set(nodes)
    for name, count in expected.items():
        assert watch.fewest[name] >= count - 1, f"more than one of {name} was away at once"


def _nodes(kubectl: Kubectl) -> list[Object]:
    found: list[Object] = kubectl.get("nodes")["items"]
    return found


def _takes_pods(node: Object) -> bool:
    return is_ready(node) and "taints" not in node["spec"]


def _zones_of(trial: Trial) -> dict[str, Counter[str]]:
    return {
        name: Counter(pod["spec"]["nodeName"].partition("-")[0] for pod in trial.ready_pods(name))
        for name in ("api", "web", "mongo", "minio")
    }


def _node(zone: str, number: int) -> Object:
    name = f"{zone}-{number}"
    room = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name},
        },
        "status": {"allocatable": room, "capacity": room},
    }


def _storage() -> Iterator[Object]:
    """A default class, and volumes that are reached from every node."""
    yield {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "anywhere",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
    }
    for number in range(8):
        yield {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"anywhere-{number}"},
            "spec": {
                "capacity": {"storage": "200Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "anywhere",
                "hostPath": {"path": f"/volumes/{number}"},
            },
        }
