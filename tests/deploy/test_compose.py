"""docker-compose.yml: valid, hardened, without a secret, and of the same parts as the cluster."""

import json
import os
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

from deploy.rendered import named, pods_of
from deploy.test_settings import OF_BOOTSTRAP, OF_WEB, SECRETS, SETTINGS
from deploy.tools import ROOT, run

README = (ROOT / "deploy" / "README.md").read_text(encoding="utf-8")
COMPOSE = (ROOT / "docker-compose.yml").read_text()
EXAMPLE = dict(
    line.split("=", 1)
    for line in (ROOT / ".env.example").read_text().splitlines()
    if re.match(r"[A-Z_]+=", line)
)
# Those that say something else than a secret, and have a default.
CHOICES = {"KNOTE_AUTH", "KNOTE_BIND", "KNOTE_PORT", "KNOTE_PUBLIC_URL"}
SERVICES = ("api", "bootstrap", "minio", "mongo", "web")


@cache
def config(**more: str) -> dict[str, Any]:
    """What `docker compose config` makes of the file, `.env.example` and these."""
    clean = {name: value for name, value in os.environ.items() if name not in EXAMPLE} | more
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
    assert asked == set(EXAMPLE) - CHOICES
    for name, service in yaml.safe_load(COMPOSE)["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|ROOT|KEY$|MONGO_URL", variable):
                assert "${" in value, f"{name}: {variable}"
    assert (ROOT / ".gitignore").read_text().splitlines().count(".env") == 1


@pytest.mark.parametrize("name", sorted(set(EXAMPLE) - CHOICES))
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


def test_what_the_api_takes_in_at_once_finds_room_in_its_temporary_folder() -> None:
    (folder,) = services()["api"]["tmpfs"]
    room_bytes = int(folder.removeprefix("/tmp:size=").removesuffix("m")) * 1024**2
    assert 3 * int(services()["api"]["environment"]["KNOTE_UPLOAD_ROOM_BYTES"]) <= room_bytes


def test_pictures_are_delivered_as_in_the_cluster() -> None:
    data = named("deploy/overlays/local", "ConfigMap", "knote-config")["data"]
    delivery = services()["api"]["environment"]["KNOTE_PICTURE_DELIVERY"]
    assert delivery == data["KNOTE_PICTURE_DELIVERY"] == "accel"


def test_the_notebook_is_open_unless_accounts_are_asked_for() -> None:
    asked = {"KNOTE_AUTH": "accounts", "KNOTE_PUBLIC_URL": "https://knote.example.com"}
    for name in ("api", "bootstrap"):
        assert services()[name]["environment"]["KNOTE_AUTH"] == "open"
        environment = config(**asked)["services"][name]["environment"]
        assert {variable: environment[variable] for variable in asked} == asked


def test_the_recipe_for_single_sign_on_gives_the_api_its_settings_and_a_way_out() -> None:
    recipe = re.search(r"```yaml\n# docker-compose\.override\.yml\n(.*?)```", README, re.DOTALL)
    assert recipe
    with TemporaryDirectory() as folder:
        file = Path(folder, "docker-compose.override.yml")
        file.write_text(recipe[1], encoding="utf-8")
        files = ("-f", "docker-compose.yml", "-f", str(file), "--env-file", ".env.example")
        asked = {**os.environ, "KNOTE_OIDC_CLIENT_SECRET": "of-the-provider"}
        made = json.loads(run("docker-compose", *files, "config", "--format", "json", env=asked))
    before, api = services()["api"], made["services"]["api"]
    added = {name: api["environment"][name] for name in set(api["environment"]) - set(before["environment"])}
    assert set(added) == {f"KNOTE_OIDC_{name}" for name in ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "NAME")}
    assert set(added) <= SETTINGS
    assert added["KNOTE_OIDC_CLIENT_SECRET"] == "of-the-provider"
    assert set(api["networks"]) == {"inside", "outside"}
    assert not api.get("ports")
    assert made["networks"]["inside"]["internal"] is True


def test_mongod_tells_nothing_of_what_is_slow() -> None:
    assert "--slowms 2147483647 --slowOpSampleRate 0" in " ".join(services()["mongo"]["command"])
