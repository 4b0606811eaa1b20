"""Every overlay and every combination renders, and fits the schemas of Kubernetes."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.rendered import DEPLOY, FOLDERS, OVERLAYS, objects_of, of_kind, pods_of, text_of
from deploy.tools import ROOT, run

KUBERNETES = "1.36"
# Kinds that a cluster knows only once somebody has installed them. No schema here has them.
ADDED_KINDS = {
    "ExternalSecret": "external-secrets.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
}
PARTS = sorted(path.parent for path in DEPLOY.rglob("kustomization.yaml"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_combination_renders_each_object_once(folder: str) -> None:
    names = [
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"])
        for each in objects_of(folder)
    ]
    assert len(names) == len(set(names)) > 20


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_fits_the_strict_schema(folder: str, tmp_path: Path) -> None:
    file = tmp_path / "rendered.yaml"
    file.write_text(text_of(folder), encoding="utf-8")
    said = run("kubernetes-validate", "-k", KUBERNETES, "--strict", file)
    unchecked = set(re.findall(r"schema for kind (\S+) with api version (\S+)", said))
    assert unchecked <= set(ADDED_KINDS.items())
    checked = len(re.findall(r" passed for resource ", said))
    assert checked == len(objects_of(folder)) - len(of_kind(folder, *ADDED_KINDS))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_object_is_in_the_namespace_that_is_rendered(folder: str) -> None:
    namespaces = of_kind(folder, "Namespace")
    assert len(namespaces) == 1
    name = namespaces[0]["metadata"]["name"]
    for each in objects_of(folder):
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == name, each["metadata"]["name"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_image_is_left_without_a_version(folder: str) -> None:
    for pod in pods_of(folder):
        for container in pod.containers:
            image = container["image"]
            assert re.search(r":[A-Za-z0-9][\w.-]*(@sha256:[0-9a-f]{64})?$", image), image
            assert ":latest" not in image


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_overlays_of_the_documentation_exist(name: str) -> None:
    labels = [each["metadata"]["labels"] for each in objects_of(f"deploy/overlays/{name}")]
    assert all(each["app.kubernetes.io/part-of"] == "knote" for each in labels)


def test_every_component_is_in_some_combination() -> None:
    used = {
        (part / each).resolve()
        for part in PARTS
        for each in yaml.safe_load((part / "kustomization.yaml").read_text()).get("components", [])
    }
    assert {path.parent for path in DEPLOY.glob("components/*/kustomization.yaml")} == used


@pytest.mark.parametrize(
    "part", [path for path in PARTS if path.parent.name == "components"], ids=lambda path: str(path.name)
)
def test_every_component_says_in_one_paragraph_what_it_is(part: Path) -> None:
    title, _, text = (part / "README.md").read_text().partition("\n\n")
    assert title == f"# {part.name}"
    assert len(text) > 200
    assert "\n\n" not in text.strip()


def test_every_yaml_file_is_in_some_kustomization() -> None:
    named = {
        (part / each["path"] if isinstance(each, dict) and "path" in each else part / str(each)).resolve()
        for part in PARTS
        for key in ("resources", "components", "patches")
        for each in yaml.safe_load((part / "kustomization.yaml").read_text()).get(key, [])
    }
    files = {
        path
        for where in ("base", "components", "overlays", "tests")
        for path in (DEPLOY / where).rglob("*.yaml")
        if path.name != "kustomization.yaml"
    }
    assert files <= named


def test_the_object_store_is_exchanged_by_one_entry() -> None:
    theirs, ours = (text_of(f"deploy/{name}") for name in ("overlays/production", "tests/own-minio-image"))
    changed = [
        pair for pair in zip(theirs.splitlines(), ours.splitlines(), strict=True) if pair[0] != pair[1]
    ]
    assert len(changed) == 1
    assert "registry.example.com/minio:1" in changed[0][1]


def test_no_retired_image_is_named() -> None:
    files = [*DEPLOY.rglob("*"), *ROOT.glob("Dockerfile*"), ROOT / "docker-compose.yml"]
    files += (ROOT / ".github").rglob("*.yml")
    for path in files:
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?<!github\.com/)\bminio/(minio|mc)\b|quay\.io/minio|dl\.min\.io", text), (
                path
            )
