"""What every pod keeps to, whichever component it comes from."""

import re

import pytest

from deploy.rendered import FOLDERS, SERVERS, Object, Pod, named, of_kind, pods_of, selects, size_bytes

PODS = [(folder, pod) for folder in FOLDERS for pod in pods_of(folder)]
THIRD_PARTIES = {
    "docker.io/library/mongo": r"8\.0\.\d+-noble",
    "docker.io/pgsty/silo": r"RELEASE\.[\dTZ-]+",
}

every_pod = pytest.mark.parametrize(
    ("folder", "pod"), PODS, ids=[f"{folder.removeprefix('deploy/')}-{pod.name}" for folder, pod in PODS]
)


@every_pod
def test_pods_are_restricted(folder: str, pod: Pod) -> None:
    context = pod.spec["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] == context["runAsGroup"] == context["fsGroup"] > 100
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    for name in ("hostNetwork", "hostPID", "hostIPC", "hostUsers"):
        assert name not in pod.spec
    for container in pod.containers:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any("hostPort" in port for port in container.get("ports", []))


@every_pod
def test_pods_hold_no_token_and_no_environment_of_services(folder: str, pod: Pod) -> None:
    assert pod.spec["serviceAccountName"] == pod.name
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False
    assert named(folder, "ServiceAccount", pod.name)["automountServiceAccountToken"] is False


@every_pod
def test_containers_say_what_they_need(folder: str, pod: Pod) -> None:
    for container in pod.containers:
        resources = container["resources"]
        assert "cpu" in resources["requests"]
        # A CPU that is idle is for whoever wants it; memory that is used is gone.
        assert set(resources["limits"]) == {"memory"}
        assert size_bytes(resources["limits"]["memory"]) >= size_bytes(resources["requests"]["memory"])
        assert container["imagePullPolicy"] == "IfNotPresent"


@every_pod
def test_volumes_on_the_node_are_bounded(folder: str, pod: Pod) -> None:
    for volume in pod.spec["volumes"]:
        assert set(volume) - {"name"} <= {"emptyDir", "secret"}
        if "emptyDir" in volume:
            assert size_bytes(volume["emptyDir"]["sizeLimit"]) <= 2 * 1024**3
    mounted = {mount["name"] for each in pod.containers for mount in each["volumeMounts"]}
    assert {volume["name"] for volume in pod.spec["volumes"]} <= mounted


@every_pod
def test_third_party_images_are_pinned(folder: str, pod: Pod) -> None:
    for container in pod.containers:
        name, _, version = container["image"].partition("@")[0].rpartition(":")
        if name in THIRD_PARTIES:
            assert re.fullmatch(THIRD_PARTIES[name], version)
        else:
            assert name.rpartition("/")[2] in {"knote-api", "knote-web", "minio", "mongo"}


@every_pod
def test_servers_are_probed_for_start_life_and_readiness(folder: str, pod: Pod) -> None:
    if pod.kind not in SERVERS:
        return
    (container,) = pod.spec["containers"]
    paths = {
        "api": ("/livez", "/livez", "/readyz"),
        "web": ("/healthz", "/healthz", "/healthz"),
        "minio": ("/minio/health/live", "/minio/health/live", "/minio/health/cluster"),
    }
    ports = {port["name"] for port in container["ports"]}
    probes = [container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")]
    for probe in probes:
        assert (probe.get("httpGet") or probe["tcpSocket"])["port"] in ports
    if pod.name in paths:
        assert tuple(probe["httpGet"]["path"] for probe in probes) == paths[pod.name]
    assert probes[0]["periodSeconds"] * probes[0]["failureThreshold"] >= 300, "time to start"


@pytest.mark.parametrize("folder", FOLDERS)
def test_replicas_are_replaced_without_one_missing(folder: str) -> None:
    for deployment in of_kind(folder, "Deployment"):
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == [
            "topology.kubernetes.io/zone",
            "kubernetes.io/hostname",
        ]
        for each in spread:
            assert each["matchLabelKeys"] == ["pod-template-hash"]
            assert selects(each["labelSelector"], deployment["spec"]["template"]["metadata"]["labels"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_an_autoscaled_deployment_has_no_number_of_its_own(folder: str) -> None:
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in of_kind(folder, "HorizontalPodAutoscaler")}
    for deployment in of_kind(folder, "Deployment"):
        assert ("replicas" in deployment["spec"]) is (deployment["metadata"]["name"] not in scaled)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_server_has_a_disruption_budget_of_one(folder: str) -> None:
    budgets = of_kind(folder, "PodDisruptionBudget")
    for pod in pods_of(folder):
        mine = [each for each in budgets if selects(each["spec"]["selector"], pod.labels)]
        assert len(mine) == (pod.kind in SERVERS), pod.name
        for each in mine:
            assert each["spec"]["maxUnavailable"] == 1
            assert each["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pod_has_a_network_policy_and_every_policy_a_pod(folder: str) -> None:
    policies = of_kind(folder, "NetworkPolicy")
    assert [each["metadata"]["name"] for each in policies if not each["spec"]["podSelector"]] == [
        "default-deny",
        "dns",
    ]
    own = [each for each in policies if each["spec"]["podSelector"]]
    for pod in pods_of(folder):
        assert any(selects(each["spec"]["podSelector"], pod.labels) for each in own), pod.name
    for each in own:
        assert any(selects(each["spec"]["podSelector"], pod.labels) for pod in pods_of(folder))


@pytest.mark.parametrize("folder", FOLDERS)
def test_services_lead_to_a_port_of_a_pod(folder: str) -> None:
    for service in of_kind(folder, "Service"):
        selector = dict(service["spec"]["selector"])
        member = selector.pop("statefulset.kubernetes.io/pod-name", None)
        (pod,) = [pod for pod in pods_of(folder) if selects({"matchLabels": selector}, pod.labels)]
        ports = {port["name"] for port in pod.spec["containers"][0]["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
        names_pods = member is not None or service["spec"].get("clusterIP") == "None"
        assert names_pods is bool(service["spec"].get("publishNotReadyAddresses"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_member_of_the_replica_set_has_an_address_that_stays(folder: str) -> None:
    members = {
        service["metadata"]["name"]: service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"]
        for service in of_kind(folder, "Service")
        if "statefulset.kubernetes.io/pod-name" in service["spec"]["selector"]
    }
    stores = [each for each in of_kind(folder, "StatefulSet") if each["metadata"]["name"] == "mongo"]
    pods = [f"mongo-{number}" for store in stores for number in range(store["spec"]["replicas"])]
    assert members == {pod: pod for pod in pods}


@pytest.mark.parametrize("folder", FOLDERS)
def test_stores_start_together_and_keep_their_data(folder: str) -> None:
    for store in of_kind(folder, "StatefulSet"):
        spec: Object = store["spec"]
        assert spec["podManagementPolicy"] == "Parallel"
        assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
        assert named(folder, "Service", spec["serviceName"])["spec"]["clusterIP"] == "None"
        if spec["replicas"] > 1:
            assert spec["minReadySeconds"] >= 20


def test_production_keeps_members_of_a_store_apart() -> None:
    for store, replicas in (("mongo", 3), ("minio", 4)):
        spec = named("deploy/overlays/production", "StatefulSet", store)["spec"]
        assert spec["replicas"] == replicas
        affinity = spec["template"]["spec"]["affinity"]["podAntiAffinity"]
        (rule,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
        assert rule["topologyKey"] == "kubernetes.io/hostname"
        assert selects(rule["labelSelector"], spec["template"]["metadata"]["labels"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_namespace_admits_restricted_pods_only(folder: str) -> None:
    (namespace,) = of_kind(folder, "Namespace")
    for mode in ("enforce", "warn", "audit"):
        assert namespace["metadata"]["labels"][f"pod-security.kubernetes.io/{mode}"] == "restricted"


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_job_holds_up_the_next_deployment_for_ever(folder: str) -> None:
    for job in of_kind(folder, "Job"):
        assert job["spec"]["ttlSecondsAfterFinished"] <= 3600
        assert job["spec"]["activeDeadlineSeconds"] > 0
        assert job["metadata"]["labels"]["app.kubernetes.io/component"] == "bootstrap"
    schedules = {each["metadata"]["name"]: each["spec"] for each in of_kind(folder, "CronJob")}
    assert set(schedules) == {"fsck", "sweep"}
    for spec in schedules.values():
        assert spec["concurrencyPolicy"] == "Forbid"
        assert spec["jobTemplate"]["spec"]["activeDeadlineSeconds"] > 0


def test_the_sweep_is_daily_and_the_fsck_weekly() -> None:
    schedules = {
        each["metadata"]["name"]: each["spec"]["schedule"].split()[2:]
        for each in of_kind("deploy/overlays/production", "CronJob")
    }
    assert schedules == {"sweep": ["*", "*", "*"], "fsck": ["*", "*", "0"]}
