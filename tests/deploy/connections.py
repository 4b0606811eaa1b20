"""Who may connect to whom, computed from the rendered network policies by network-config-analyzer."""

import json
import re
from ipaddress import IPv4Network, collapse_addresses
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.rendered import of_kind, pods_of, text_of
from deploy.tools import run

OUTSIDE = "outside"
PUBLIC = "public addresses"
_PRIVATE = ("10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
# Others in the same cluster, whom nothing holds back but Knote's own policies.
NEIGHBOURS = ("elsewhere", "kube-system", "monitoring")
_NEIGHBOUR = """---
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels:
    kubernetes.io/metadata.name: {name}
---
apiVersion: v1
kind: Pod
metadata:
  name: pod-of-{name}
  namespace: {name}
  labels:
    k8s-app: kube-dns
spec:
  containers: []
"""


class Connection(NamedTuple):
    """One line of the matrix: who, to whom, at which port; by name of workload, namespace or range."""

    source: str
    target: str
    port: str


def matrix_of(folder: str, tmp_path: Path) -> set[Connection]:
    """Every connection from or to Knote's namespace that the policies of a folder leave open."""
    file = tmp_path / "rendered.yaml"
    neighbours = "".join(_NEIGHBOUR.format(name=name) for name in NEIGHBOURS)
    file.write_text(text_of(folder) + neighbours, encoding="utf-8")
    arguments = [f"--{what}={file}" for what in ("connectivity", "ns_list", "pod_list")]
    printed = run("nca", *arguments, "--output_format=json", "--return_0")
    answers, _ = json.JSONDecoder().raw_decode(printed[printed.index("[\n") :])
    namespace = of_kind(folder, "Namespace")[0]["metadata"]["name"]
    names = {pod.name for pod in pods_of(folder)}
    return {
        Connection(source, target, port)
        for rule in answers[0]["explanation"][0]["rules"]
        for source in _ends(rule, "src", namespace, names)
        for target in _ends(rule, "dst", namespace, names)
        for port in _ports(rule)
        if source in names or target in names
    }


def _ends(rule: dict[str, Any], side: str, namespace: str, names: set[str]) -> set[str]:
    if f"{side}_ip_block" in rule:
        return _range(rule[f"{side}_ip_block"])
    pods = rule[f"{side}_pods"]
    ends: set[str] = set()
    for each in rule[f"{side}_ns"]:
        if each == namespace:
            ends = ends.union(*(_named(expression, names) for expression in pods))
        else:
            # The analyzer thinks of a controller by itself where there is an Ingress.
            assert each in {*NEIGHBOURS, "ingress-controller-ns"}
            ends.add(each if each in NEIGHBOURS else OUTSIDE)
    return ends


def _range(blocks: list[str]) -> set[str]:
    networks = list(collapse_addresses(map(IPv4Network, blocks)))
    everything = IPv4Network("0.0.0.0/0")
    if networks == [everything]:
        return {OUTSIDE}
    private = map(IPv4Network, _PRIVATE)
    is_disjoint = not any(network.overlaps(other) for other in private for network in networks)
    size = everything.num_addresses - sum(IPv4Network(each).num_addresses for each in _PRIVATE)
    if is_disjoint and sum(network.num_addresses for network in networks) == size:
        return {PUBLIC}
    return set(blocks)


def _named(expression: str, names: set[str]) -> set[str]:
    """The workloads of an expression over the one label that tells them apart."""
    if expression == "*":
        return names
    if expression in names:
        return {expression}
    label = r"app\.kubernetes\.io/name"
    if single := re.fullmatch(rf"{label}(!?=)([a-z-]+)", expression):
        chosen = {single[2]}
        is_without = single[1] == "!="
    elif several := re.fullmatch(rf"{label} (not )?in \(([a-z,-]+)\)", expression):
        chosen = set(several[2].split(","))
        is_without = bool(several[1])
    else:
        pytest.fail(f"the analyzer says something new: {expression}")
    assert chosen <= names
    return names - chosen if is_without else chosen


def _ports(rule: dict[str, Any]) -> set[str]:
    if rule["connection"] == ["All connections"]:
        return {"all"}
    return {f"{port} {each['protocols']}" for each in rule["connection"] for port in each["dst_ports"]}
