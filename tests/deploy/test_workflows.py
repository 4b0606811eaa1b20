"""The workflows: valid, with few rights, and made of the commands that people have too."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.rendered import OVERLAYS, config_of, text_of
from deploy.tools import ROOT, run

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.stem))


def _parsed(path: Path) -> dict[Any, Any]:
    made: dict[Any, Any] = yaml.safe_load(path.read_text())
    return made


def _commands(path: Path) -> str:
    return "\n".join(step.get("run", "") for job in _parsed(path)["jobs"].values() for step in job["steps"])


def test_actionlint_has_nothing_to_say() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "deploy", "release"]
    assert run("actionlint", *WORKFLOWS) == ""


@every_workflow
def test_actions_are_pinned_by_commit(path: Path) -> None:
    for used in re.findall(r"uses: (.+)$", path.read_text(), re.MULTILINE):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


@every_workflow
def test_rights_are_few_and_time_is_bounded(path: Path) -> None:
    workflow = _parsed(path)
    assert workflow["permissions"]["contents"] == "read"
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 120
        assert set(job.get("permissions", {}).items()) <= {("contents", "read"), ("packages", "write")}
    assert path.read_text().count("persist-credentials: false") == path.read_text().count("actions/checkout@")


@every_workflow
def test_no_input_is_pasted_into_a_command(path: Path) -> None:
    assert "${{" not in _commands(path).replace("${{ json", "")


@every_workflow
def test_every_make_target_exists(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"\bmake ([a-z-]+)", _commands(path)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_overlay_but_the_local_one_can_be_deployed() -> None:
    choices = _parsed(ROOT / ".github/workflows/deploy.yml")[True]["workflow_dispatch"]["inputs"]["overlay"]
    assert choices["options"] == [name for name in OVERLAYS if name != "local"]


def test_a_deployment_goes_step_by_step() -> None:
    text = _commands(ROOT / ".github/workflows/deploy.yml")
    order = [
        "kustomize edit set image",
        "component=namespace",
        "--dry-run=server",
        "kubectl diff",
        "delete job",
        "--force-conflicts --filename rendered.yaml",
        "rollout status",
        "deploy/smoke-test",
        "rollout undo",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)


def test_the_smoke_test_knows_which_mode_was_asked_for_and_holds_its_token_in_the_environment() -> None:
    (step,) = (
        step
        for step in _parsed(ROOT / ".github/workflows/deploy.yml")["jobs"]["deploy"]["steps"]
        if "deploy/smoke-test" in step.get("run", "")
    )
    assert step["env"] == {"TOKEN": "${{ secrets.KNOTE_TOKEN }}"}
    found = re.search(r"AUTH=\$\(sed -n '(s/.+/p)' rendered\.yaml\)", step["run"])
    assert found is not None
    for name in OVERLAYS:
        said = subprocess.run(
            ["sed", "-n", found[1]],
            input=text_of(f"deploy/overlays/{name}"),
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout == f"{config_of(f'deploy/overlays/{name}')['KNOTE_AUTH']}\n"
