"""Settings and secrets: everything the code knows has a place, and nothing else has one."""

import re

import pytest

from deploy.rendered import DEPLOY, FOLDERS, OVERLAYS, config_of, named, of_kind, pods_of, size_bytes
from docs.settings_table import variable
from knote.bootstrap.settings import BootstrapSettings
from knote.settings import Settings

SETTINGS = {variable(name, field) for name, field in Settings.model_fields.items()}
# In no ConfigMap: local mode alone has processes to keep data for, and a page to serve.
LOCAL_MODE_ONLY = {"KNOTE_DATA_DIR", "KNOTE_WEB_DIR"}
OF_WEB = {"API_UPSTREAM", "PICTURE_ORIGIN", "S3_UPSTREAM", "TRUSTED_PROXIES", "UPLOAD_LIMIT"}
OF_BOOTSTRAP = {variable(name, field) for name, field in BootstrapSettings.model_fields.items()} - SETTINGS
# Said by the overlay or component that knows where the store is.
OF_THE_STORE = {"MINIO_HOST"}
SECRETS = {
    "knote-api": {"MONGO_URL", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"},
    "minio-root": {"MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"},
    "mongo-keyfile": {"keyfile"},
}
# Of the Secret `knote-api` too, where somebody puts them there.
OPTIONAL_SECRETS = {"KNOTE_OIDC_CLIENT_SECRET", "KNOTE_SETUP_TOKEN"}
BASE_CONFIG = {
    line.partition("=")[0]
    for line in (DEPLOY / "base" / "knote.env").read_text().splitlines()
    if line and not line.startswith("#")
}


def test_every_setting_has_a_place_in_a_cluster() -> None:
    secrets = SECRETS["knote-api"] | OPTIONAL_SECRETS
    assert BASE_CONFIG - OF_WEB | secrets | OF_THE_STORE | LOCAL_MODE_ONLY == SETTINGS
    assert not BASE_CONFIG & secrets


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_bootstrap_is_told_what_it_asks_for(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [pod for pod in pods_of(folder) if pod.name == "bootstrap"]
    for name, value in config_of(folder).items():
        monkeypatch.setenv(name, value)
    for job in jobs:
        for entry in job.spec["containers"][0]["env"]:
            monkeypatch.setenv(entry["name"], entry.get("value", "mongodb://knote:of-a-secret@mongo/knote"))
        monkeypatch.setenv("MINIO_ACCESS_KEY", "another")
        settings = BootstrapSettings()
        assert len(settings.members) in {1, 3}
        assert settings.minio_root_user


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_setting_is_unknown_and_every_value_is_one(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(folder)
    assert set(config) <= SETTINGS | OF_WEB | OF_BOOTSTRAP - SECRETS["minio-root"]
    assert set(config) >= BASE_CONFIG | OF_THE_STORE
    for name, value in config.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.host, settings.port) == ("0.0.0.0", 8000)


@pytest.mark.parametrize("folder", FOLDERS)
def test_only_the_local_overlay_is_open_to_whoever_reaches_it(folder: str) -> None:
    assert config_of(folder)["KNOTE_AUTH"] == ("open" if folder == "deploy/overlays/local" else "accounts")
    assert config_of(folder)["KNOTE_SIGN_UP"] == "closed"


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_public_url_is_where_the_way_in_leads(folder: str) -> None:
    hosts = [host for route in of_kind(folder, "HTTPRoute") for host in route["spec"]["hostnames"]]
    hosts += [rule["host"] for ingress in of_kind(folder, "Ingress") for rule in ingress["spec"]["rules"]]
    # A browser keeps the cookie of a sign-in from what comes over TLS alone.
    expected = f"https://{hosts[0]}" if hosts else ""
    assert len(hosts) <= 1
    assert config_of(folder)["KNOTE_PUBLIC_URL"] == expected


@pytest.mark.parametrize("folder", FOLDERS)
def test_optional_secrets_are_asked_for_by_the_api_alone(folder: str) -> None:
    asking = {
        (pod.name, entry["name"])
        for pod in pods_of(folder)
        for container in pod.containers
        for entry in container.get("env", [])
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("optional")
    }
    assert asking == {("api", name) for name in OPTIONAL_SECRETS}


@pytest.mark.parametrize("folder", FOLDERS)
def test_web_reaches_the_object_store_exactly_where_it_delivers(folder: str) -> None:
    config = config_of(folder)
    has_store = any(pod.name == "minio" for pod in pods_of(folder))
    assert config["S3_UPSTREAM"] == ("minio:9000" if has_store else "")
    assert (config["KNOTE_PICTURE_DELIVERY"] == "accel") is has_store
    assert bool(config["PICTURE_ORIGIN"]) is (config["KNOTE_PICTURE_DELIVERY"] == "redirect")


def test_web_reads_what_it_is_told() -> None:
    start = (DEPLOY / "nginx" / "start").read_text()
    assert set(re.findall(r"\$\{([A-Z0-9_]+):?=", start)) >= OF_WEB
    for folder in FOLDERS:
        (web,) = named(folder, "Deployment", "web")["spec"]["template"]["spec"]["containers"]
        assert {entry["name"] for entry in web["env"]} == OF_WEB


@pytest.mark.parametrize("folder", FOLDERS)
def test_web_lets_in_what_the_api_takes(folder: str) -> None:
    config = config_of(folder)
    limit = int(config["UPLOAD_LIMIT"].removesuffix("k")) * 1024
    assert 0 < limit - int(config["KNOTE_MAX_PICTURE_BYTES"]) <= 64 * 1024


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_the_api_takes_in_at_once_finds_room_on_the_node(folder: str) -> None:
    (api,) = (pod for pod in pods_of(folder) if (pod.kind, pod.name) == ("Deployment", "api"))
    (room,) = (volume["emptyDir"]["sizeLimit"] for volume in api.spec["volumes"] if volume["name"] == "tmp")
    assert 3 * int(config_of(folder)["KNOTE_UPLOAD_ROOM_BYTES"]) <= size_bytes(room)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_pod_has_the_time_that_its_end_takes(folder: str) -> None:
    config = config_of(folder)
    takes = {"api": float(config["KNOTE_DRAIN_SECONDS"]) + float(config["KNOTE_SHUTDOWN_SECONDS"]), "web": 30}
    for pod in pods_of(folder):
        if pod.kind == "Deployment":
            (container,) = pod.spec["containers"]
            before = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert before + takes[pod.name] + 5 <= pod.spec["terminationGracePeriodSeconds"]
        elif pod.kind == "StatefulSet":
            assert pod.spec["terminationGracePeriodSeconds"] >= 60


@pytest.mark.parametrize("folder", FOLDERS)
def test_uploads_under_way_fit_the_memory_and_the_disk_of_a_replica(folder: str) -> None:
    api = named(folder, "Deployment", "api")["spec"]["template"]["spec"]
    (tmp,) = api["volumes"]
    assert tmp["emptyDir"]["sizeLimit"] == "1Gi"
    assert int(config_of(folder)["KNOTE_MAX_PICTURE_BYTES"]) * 40 <= 1024**3


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_pod_reads_is_there(folder: str) -> None:
    maps = {each["metadata"]["name"]: set(each["data"]) for each in of_kind(folder, "ConfigMap")}
    secrets = {each["metadata"]["name"]: set(each["data"]) for each in of_kind(folder, "Secret")} or SECRETS
    for pod in pods_of(folder):
        for container in pod.containers:
            for source in container.get("envFrom", []):
                assert source["configMapRef"]["name"] in maps
            for entry in container.get("env", []):
                origin = entry.get("valueFrom", {})
                if "configMapKeyRef" in origin:
                    assert origin["configMapKeyRef"]["key"] in maps[origin["configMapKeyRef"]["name"]]
                elif origin.get("secretKeyRef", {}).get("optional"):
                    assert origin["secretKeyRef"]["key"] in OPTIONAL_SECRETS
                elif "secretKeyRef" in origin:
                    assert origin["secretKeyRef"]["key"] in secrets[origin["secretKeyRef"]["name"]]
        for volume in pod.spec["volumes"]:
            if "secret" in volume:
                keys = secrets[volume["secret"]["secretName"]]
                assert {item["key"] for item in volume["secret"]["items"]} <= keys


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_change_of_configuration_rolls_the_pods(folder: str) -> None:
    for each in of_kind(folder, "ConfigMap"):
        assert re.fullmatch(r".+-[a-z0-9]{10}", each["metadata"]["name"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_secret_value_outside_local(name: str) -> None:
    folder = f"deploy/overlays/{name}"
    secrets = {
        re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"]): each for each in of_kind(folder, "Secret")
    }
    assert set(secrets) == (set(SECRETS) if name == "local" else set())
    for key, secret in secrets.items():
        assert set(secret["data"]) == SECRETS[key]
    for pod in pods_of(folder):
        for container in pod.containers:
            for entry in container.get("env", []):
                if re.search(r"PASSWORD|SECRET|ROOT|KEY$|MONGO_URL", entry["name"]):
                    assert "value" not in entry, entry["name"]


def test_the_keyfile_keeps_its_name() -> None:
    assert named("deploy/overlays/local", "Secret", "mongo-keyfile")["metadata"]["name"] == "mongo-keyfile"


def test_no_file_but_that_of_the_local_secrets_holds_one() -> None:
    for path in DEPLOY.rglob("*"):
        if path.suffix in {".yaml", ".env"} and path.parent.name != "dev-secrets":
            text = path.read_text()
            assert not re.search(r"kind: Secret\b|secretGenerator|://[^/\s]+:[^/\s]+@", text), path


@pytest.mark.parametrize("folder", FOLDERS)
def test_root_credentials_are_known_to_the_store_and_the_bootstrap_alone(folder: str) -> None:
    who = {
        pod.name
        for pod in pods_of(folder)
        for container in pod.containers
        for entry in container.get("env", [])
        if entry["name"].startswith("MINIO_ROOT_")
    }
    has_store = any(pod.name == "minio" for pod in pods_of(folder))
    assert who == ({"bootstrap", "minio"} if has_store else set())
    key = {pod.name for pod in pods_of(folder) if "mongo-keyfile" in str(pod.spec["volumes"])}
    assert key == ({"bootstrap", "mongo"} if has_store else set())


def test_the_secrets_of_the_operator_are_those_that_pods_read() -> None:
    found = of_kind("deploy/tests/monitoring", "ExternalSecret")
    assert {each["spec"]["target"]["name"] for each in found} == set(SECRETS)


def test_the_members_are_the_pods_of_the_stateful_set() -> None:
    for folder in FOLDERS:
        stores = [each for each in of_kind(folder, "StatefulSet") if each["metadata"]["name"] == "mongo"]
        for store in stores:
            spec = store["spec"]
            members = [f"mongo-{n}:27017" for n in range(spec["replicas"])]
            assert config_of(folder)["KNOTE_MONGO_MEMBERS"] == ",".join(members)
            assert (
                f"--replSet={config_of(folder)['KNOTE_MONGO_REPLICA_SET']}"
                in (spec["template"]["spec"]["containers"][0]["args"])
            )


def test_the_servers_of_the_object_store_are_the_pods_of_the_stateful_set() -> None:
    spec = named("deploy/overlays/production", "StatefulSet", "minio")["spec"]
    last = spec["replicas"] - 1
    assert (
        f"http://minio-{{0...{last}}}.{spec['serviceName']}:9000/data"
        in (spec["template"]["spec"]["containers"][0]["args"])
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_mongod_tells_nothing_of_what_is_slow(folder: str) -> None:
    for pod in (pod for pod in pods_of(folder) if pod.name == "mongo"):
        assert set(pod.spec["containers"][0]["args"]) >= {"--slowms=2147483647", "--slowOpSampleRate=0"}
