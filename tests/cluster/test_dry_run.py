"""Every overlay is accepted by a real API server, without a warning."""

import json
from copy import deepcopy

import pytest

from cluster.control_plane import ControlPlane
from cluster.programs import ROOT
from deploy.rendered import FOLDERS, objects_of, pods_of

# Their kinds belong to operators whose definitions are not at hand.
_OTHERS = {"ExternalSecret", "PodMonitor", "PrometheusRule"}
_SERVED = [folder for folder in FOLDERS if not _OTHERS & {each["kind"] for each in objects_of(folder)}]


def test_every_overlay_is_among_them() -> None:
    assert {f"deploy/overlays/{path.name}" for path in (ROOT / "deploy" / "overlays").iterdir()} <= set(
        _SERVED
    )


@pytest.mark.parametrize("folder", _SERVED)
def test_the_server_takes_every_object(control_plane: ControlPlane, folder: str) -> None:
    kubectl = control_plane.kubectl
    namespace = next(each["metadata"]["name"] for each in objects_of(folder) if each["kind"] == "Namespace")
    # Objects of a namespace can be tried only where it is, as in the deploy workflow.
    kubectl("apply", "--server-side", "-f", "deploy/base/namespace.yaml")
    if namespace != "knote":
        restricted = kubectl.get("namespace", "knote")["metadata"]["labels"]
        labels = {key: value for key, value in restricted.items() if "kubernetes.io/metadata" not in key}
        kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
        )
    taken = kubectl(
        "apply", "--server-side", "--field-manager=knote-deploy", "--dry-run=server", "-k", folder
    )
    lines = taken.splitlines()
    assert len(lines) == len(objects_of(folder))
    assert all(line.endswith(" serverside-applied (server dry run)") for line in lines), taken


@pytest.mark.parametrize(
    "change",
    [{}, {"allowPrivilegeEscalation": True}, {"runAsUser": 0}, {"capabilities": {"add": ["NET_RAW"]}}],
    ids=["nothing", "escalation", "root", "a capability"],
)
def test_the_namespace_takes_no_pod_that_may_more(
    control_plane: ControlPlane, change: dict[str, object]
) -> None:
    kubectl = control_plane.kubectl
    kubectl("apply", "--server-side", "-f", "deploy/base/namespace.yaml")
    account = {"name": "default", "namespace": "knote"}
    kubectl.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    spec = deepcopy(next(pod for pod in pods_of("deploy/overlays/local") if pod.name == "minio").spec)
    del spec["serviceAccountName"]
    spec["volumes"].append({"name": "data", "emptyDir": {}})
    spec["containers"][0]["securityContext"].update(change)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "namespace": "knote"}, "spec": spec}
    tried = kubectl.try_run("create", "--dry-run=server", "-f", "-", given=json.dumps(pod))
    if change:
        assert 'violates PodSecurity "restricted:v1.36"' in tried.stderr
    else:
        assert tried.returncode == 0, tried.stderr
