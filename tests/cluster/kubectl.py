"""kubectl as a user has it."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cluster.programs import CLUSTER, ROOT, program

Object = dict[str, Any]


class Kubectl:
    """kubectl with one kubeconfig, in the folder of the checkout."""

    def __init__(self, kubeconfig: str, home: Path) -> None:
        self.environment = {
            **os.environ,
            "KUBECONFIG": kubeconfig,
            "HOME": str(home),
            "PATH": f"{CLUSTER / 'bin'}:{os.environ['PATH']}",
        }

    def try_run(
        self, *arguments: str | Path, given: str | None = None, timeout_seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs kubectl, whatever comes of it."""
        return subprocess.run(
            [program("kubectl"), *arguments],
            input=given,
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )

    def __call__(self, *arguments: str | Path, given: str | None = None, timeout_seconds: float = 120) -> str:
        """What kubectl prints. The test fails when kubectl does, or warns of something."""
        done = self.try_run(*arguments, given=given, timeout_seconds=timeout_seconds)
        if done.returncode != 0 or "Warning:" in done.stderr:
            said = f"kubectl {' '.join(map(str, arguments))}:\n{done.stdout[-2000:]}{done.stderr}"
            pytest.fail(said, pytrace=False)
        return done.stdout

    def apply(self, *objects: Object) -> None:
        """Applies objects that a test makes."""
        made = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self("apply", "-f", "-", given=json.dumps(made))

    def get(self, *arguments: str) -> Object:
        """One object, or a list of them."""
        found: Object = json.loads(self("get", "-o", "json", *arguments))
        return found

    def pods(self, namespace: str, name: str) -> list[Object]:
        """The pods of a workload that are there and have not been told to end."""
        selector = f"--selector=app.kubernetes.io/name={name}"
        items: list[Object] = self.get("pods", "-n", namespace, selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod: Object) -> bool:
    """Whether a pod takes requests."""
    conditions = pod["status"].get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
