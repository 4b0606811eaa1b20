"""deploy/README.md says what is true of the overlays, and names what exists."""

import json
import re
from pathlib import Path

import pytest

from deploy.rendered import DEPLOY, OVERLAYS, config_of, of_kind, pods_of
from knote.bootstrap.objectstore import policy_of

README = (DEPLOY / "README.md").read_text()


def _row(title: str) -> list[str]:
    """The cells of a line of the overlays' table."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines()]
    (row,) = [row for row in cells if row[0] == title and len(row) == len(OVERLAYS) + 1]
    return row[1:]


def _replicas(folder: str, name: str) -> str:
    for scaler in of_kind(folder, "HorizontalPodAutoscaler"):
        if scaler["metadata"]["name"] == name:
            return f"{scaler['spec']['minReplicas']} to {scaler['spec']['maxReplicas']}"
    (found,) = [each for each in of_kind(folder, "Deployment") if each["metadata"]["name"] == name]
    return str(found["spec"]["replicas"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_table_says_what_an_overlay_holds(name: str) -> None:
    folder, column = f"deploy/overlays/{name}", OVERLAYS.index(name)
    (namespace,) = of_kind(folder, "Namespace")
    assert _row("namespace")[column] == f"`{namespace['metadata']['name']}`"
    assert _row("notebook")[column] == config_of(folder)["KNOTE_AUTH"]
    assert _row("api, web")[column] == f"{_replicas(folder, 'api')}, {_replicas(folder, 'web')}"
    stores = {each["metadata"]["name"]: each["spec"] for each in of_kind(folder, "StatefulSet")}
    for store, row in (("mongo", "MongoDB"), ("minio", "object store")):
        cell = _row(row)[column]
        if store not in stores:
            assert cell.startswith("managed")
            continue
        (claim,) = stores[store]["volumeClaimTemplates"]
        size = claim["spec"]["resources"]["requests"]["storage"].replace("Gi", " GiB")
        assert size in cell
        assert stores[store]["replicas"] == 1 or str(stores[store]["replicas"]) in cell
    assert (_row("bootstrap")[column] == "yes") is any(pod.name == "bootstrap" for pod in pods_of(folder))
    assert ("HTTPRoute" in _row("way in")[column]) is bool(of_kind(folder, "HTTPRoute"))


def test_the_tree_names_every_folder() -> None:
    (tree,) = re.findall(r"^```\n(base/.*?)```$", README, re.DOTALL | re.MULTILINE)
    for path in [
        *DEPLOY.glob("components/*/"),
        *(each for each in DEPLOY.iterdir() if each.name != "README.md"),
    ]:
        assert re.search(rf"(^| ){re.escape(path.name)}[/ ]", tree, re.MULTILINE), path.name


def test_what_the_recipes_name_exists() -> None:
    for path in set(re.findall(r"\bdeploy/[a-z-]+(?:/[a-z.-]+)*", README)):
        assert (DEPLOY.parent / path.rstrip(".")).exists(), path
    for name in set(
        re.findall(r"`((?:components|tests|base|overlays|production-external)/[a-z./-]+)`", README)
    ):
        assert any((parent / name).exists() for parent in (DEPLOY, DEPLOY / "overlays")), name


def test_the_policy_for_a_managed_store_is_the_one_of_the_bootstrap() -> None:
    (policy,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    assert json.loads(policy) == policy_of("BUCKET")


@pytest.mark.parametrize("page", sorted(DEPLOY.rglob("README.md")), ids=lambda path: str(path.parent.name))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target
