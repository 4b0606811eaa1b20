"""docker-compose.yml: valid, hardened, without a secret, and of the same parts as the cluster."""

import json
import os
import re
from functools import cache
from typing import Any

import pytest
import yaml

from deploy.rendered import named, pods_of
from deploy.test_settings import OF_BOOTSTRAP, OF_WEB, SECRETS, SETTINGS
from deploy.tools import ROOT, run

COMPOSE = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text().splitlines()
    if re.match(r"[A-Z]", line)
)
SERVICES = ("api", "bootstrap", "minio", "mongo", "web")


@cache
def config() -> dict[str, Any]:
    """What `docker compose config` makes of the file and `.env.example`."""
    clean = {name: value for name, value in os.environ.items() if name not in EXAMPLE}
    printed = run("docker-compose", "--env-file", ".env.example", "config", "--format", "json", env=clean)
    made: dict[str, Any] = json.loads(printed)
    return made


def services() -> dict[str, Any]:
    """The services by name."""
    found: dict[str, Any] = config()["services"]
    return found


def test_the_services_are_those_of_the_cluster() -> None:
    assert tuple(sorted(services())) == SERVICES
    assert services()["api"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_services_may_do_little(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["mem_limit"]) <= 1024**3
    assert "privileged" not in service
    assert all(volume["type"] == "volume" for volume in service.get("volumes", []))


@pytest.mark.parametrize("name", SERVICES)
def test_services_wait_for_what_they_need(name: str) -> None:
    waits = {other: how["condition"] for other, how in (services()[name].get("depends_on") or {}).items()}
    assert waits == {
        "api": {"bootstrap": "service_completed_successfully"},
        "bootstrap": {"mongo": "service_healthy", "minio": "service_healthy"},
        "web": {"api": "service_healthy"},
    }.get(name, {})
    assert ("healthcheck" in services()[name]) is (name != "bootstrap")


def test_only_web_is_reached_from_outside() -> None:
    assert config()["networks"]["inside"]["internal"] is True
    for name, service in services().items():
        assert set(service["networks"]) == ({"inside", "outside"} if name == "web" else {"inside"})
        assert bool(service.get("ports")) is (name == "web")
    (port,) = services()["web"]["ports"]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8080", 8080)


def test_the_file_holds_no_secret() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE))
    assert asked == set(EXAMPLE) - {"KNOTE_BIND", "KNOTE_PORT"}
    for name, service in yaml.safe_load(COMPOSE)["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|ROOT|KEY$|MONGO_URL", variable):
                assert "${" in value, f"{name}: {variable}"
    assert (ROOT / ".gitignore").read_text().splitlines().count(".env") == 1


@pytest.mark.parametrize("name", sorted(set(EXAMPLE) - {"KNOTE_BIND", "KNOTE_PORT"}))
def test_a_missing_secret_says_what_to_do(name: str) -> None:
    assert re.search(rf"\$\{{{name}:\?copy \.env\.example to \.env\}}", COMPOSE)
    assert not re.search(rf"\$\{{{name}\}}|\$\{{{name}:-", COMPOSE)
    assert "change" in EXAMPLE[name]


def test_every_variable_of_our_images_is_known() -> None:
    known = SETTINGS | OF_BOOTSTRAP | {"MONGO_KEY"}
    for name in ("api", "bootstrap"):
        assert set(services()[name]["environment"]) <= known
    assert set(services()["web"]["environment"]) == OF_WEB - {"PICTURE_ORIGIN", "UPLOAD_LIMIT"} | {"RESOLVER"}
    assert not SECRETS["minio-root"] & set(services()["api"]["environment"])


def test_third_party_images_are_those_of_the_cluster() -> None:
    theirs = {
        pod.name: pod.spec["containers"][0]["image"].partition("@")[0].removeprefix("docker.io/")
        for pod in pods_of("deploy/overlays/production")
        if pod.kind == "StatefulSet"
    }
    assert services()["mongo"]["image"] == theirs["mongo"].removeprefix("library/")
    assert services()["minio"]["image"] == theirs["minio"]


def test_a_service_has_the_time_that_its_end_takes() -> None:
    environment = services()["api"]["environment"]
    takes = int(environment["KNOTE_DRAIN_SECONDS"]) + int(environment["KNOTE_SHUTDOWN_SECONDS"])
    assert takes + 5 <= int(services()["api"]["stop_grace_period"].removesuffix("s").replace("1m", "") or 60)


def test_pictures_are_delivered_as_in_the_cluster() -> None:
    data = named("deploy/overlays/local", "ConfigMap", "knote-config")["data"]
    delivery = services()["api"]["environment"]["KNOTE_PICTURE_DELIVERY"]
    assert delivery == data["KNOTE_PICTURE_DELIVERY"] == "accel"
