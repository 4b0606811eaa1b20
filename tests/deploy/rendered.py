"""The overlays, and the combinations under deploy/tests, as kustomize renders them."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import yaml

from deploy.tools import ROOT, run

DEPLOY = ROOT / "deploy"
OVERLAYS = ("local", "staging", "production", "production-external")
FOLDERS = tuple(
    str(path.parent.relative_to(ROOT))
    for part in ("overlays", "tests")
    for path in sorted((DEPLOY / part).glob("*/kustomization.yaml"))
)
WORKLOADS = ("CronJob", "Deployment", "Job", "StatefulSet")
SERVERS = ("Deployment", "StatefulSet")

Object = dict[str, Any]


class Pod(NamedTuple):
    """The pods of one workload."""

    kind: str
    name: str
    labels: dict[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        """All of them, those that run first included."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


@cache
def text_of(folder: str) -> str:
    """What `kustomize build` prints for a folder such as `deploy/overlays/local`."""
    return run("kustomize", "build", folder)


@cache
def objects_of(folder: str) -> tuple[Object, ...]:
    """The objects that a folder stands for."""
    return tuple(yaml.load_all(text_of(folder), Loader=yaml.CSafeLoader))


def of_kind(folder: str, *kinds: str) -> list[Object]:
    """Those objects that are of one of these kinds."""
    return [each for each in objects_of(folder) if each["kind"] in kinds]


def named(folder: str, kind: str, name: str) -> Object:
    """The one object of this kind and name; a generated one by its name without the hash."""
    found = [
        each
        for each in of_kind(folder, kind)
        if re.fullmatch(rf"{name}(-[0-9a-z]{{10}})?", each["metadata"]["name"])
    ]
    assert len(found) == 1, f"{folder} has {len(found)} {kind} {name}"
    return found[0]


def pods_of(folder: str) -> Iterator[Pod]:
    """The pod templates of all workloads."""
    for each in of_kind(folder, *WORKLOADS):
        spec = each["spec"]["jobTemplate"]["spec"] if each["kind"] == "CronJob" else each["spec"]
        template = spec["template"]
        yield Pod(each["kind"], each["metadata"]["name"], template["metadata"]["labels"], template["spec"])


def config_of(folder: str) -> dict[str, str]:
    """The ConfigMap of the settings."""
    data: dict[str, str] = named(folder, "ConfigMap", "knote-config")["data"]
    return data


def selects(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a label selector takes these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    for rule in selector.get("matchExpressions", []):
        assert rule["operator"] == "In", "the only operator in use"
        if labels.get(rule["key"]) not in rule["values"]:
            return False
    return True


def size_bytes(quantity: str) -> int:
    """A quantity such as `1Gi` as a number."""
    number, unit = re.fullmatch(r"(\d+)([KMG]i)", quantity).groups()  # type: ignore[union-attr]
    return int(number) << 10 * " KMG".index(unit[0])
