"""One Knote in the cluster, and what is done to it while people use it."""

import json
import random
import re
import secrets
import subprocess
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable
from functools import cached_property
from hashlib import sha256
from typing import Any

import httpx
from pymongo import MongoClient

from cluster.kubectl import Kubectl, Object, is_ready
from cluster.programs import ROOT, wait_until
from cluster.recipes import recipe
from cluster.signed_in import NOBODY, SignedIn
from cluster.tally import Failure, Tally
from cluster.traffic import Traffic

REPORT = ROOT / "test-results" / "cluster"


class Trial:
    """What stands in one namespace."""

    def __init__(self, kubectl: Kubectl, namespace: str, title: str) -> None:
        self.kubectl, self.namespace, self._title = kubectl, namespace, title
        self.began_at = time.monotonic()
        self.figures: dict[str, Any] = {}

    def record(self, name: str, **figures: Any) -> None:
        """Keeps figures, prints them, and writes them where reports go."""
        self.figures[name] = figures
        print(f"\n{name}: {json.dumps(figures)}")
        REPORT.mkdir(parents=True, exist_ok=True)
        (REPORT / f"{self._title}.json").write_text(json.dumps(self.figures, indent=1) + "\n")

    @property
    def url(self) -> str:
        """The Service of web, as the node's own clients reach it."""
        return f"http://{self.address_of('web')}"

    @cached_property
    def auth(self) -> str:
        """`open` or `accounts`, as the pods of the API are told."""
        containers = self.kubectl.get("deployment", "api", "-n", self.namespace)["spec"]["template"]["spec"]
        (source,) = containers["containers"][0]["envFrom"]
        name = source["configMapRef"]["name"]
        return str(self.kubectl.get("configmap", name, "-n", self.namespace)["data"]["KNOTE_AUTH"])

    @cached_property
    def owner(self) -> SignedIn:
        """Whose the notes are; in an open notebook everybody's."""
        return NOBODY if self.auth == "open" else self._sign_in("ada", "--admin")

    @cached_property
    def stranger(self) -> SignedIn | None:
        """Somebody else with an account, where there are such."""
        return None if self.auth == "open" else self._sign_in("ben")

    @cached_property
    def token(self) -> str | None:
        """A token of the owner that may write, where there are accounts."""
        return None if self.auth == "open" else self.owner.make_token(self.url)

    def _sign_in(self, name: str, *options: str) -> SignedIn:
        """Makes an account as deploy/README.md says, and signs in to it."""
        password = secrets.token_urlsafe(24)
        self.kubectl(
            *("exec", "-i", "deployment/api", "-n", self.namespace, "--"),
            *("python", "-m", "knote", "user", "add", name, *options),
            given=f"{password}\n",
        )
        return SignedIn.at(self.url, name, password)

    def open_client(self, **options: Any) -> httpx.Client:
        """A client of web, signed in as the owner."""
        headers = self.owner.headers
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=70, trust_env=False, verify=False, **options
        )

    def wait_complete(self, job: str, *, timeout_seconds: int = 300) -> None:
        """Waits for the end of a Job."""
        self.kubectl(
            *("wait", "job", job, "-n", self.namespace, "--for=condition=complete"),
            f"--timeout={timeout_seconds}s",
            timeout_seconds=timeout_seconds + 10,
        )

    def wait_rolled_out(self, *workloads: str, timeout_seconds: int = 300) -> None:
        """Waits until the pods of each workload are the new ones, and ready."""
        for workload in workloads:
            self.kubectl(
                *("rollout", "status", workload, "-n", self.namespace, f"--timeout={timeout_seconds}s"),
                timeout_seconds=timeout_seconds + 10,
            )

    def follow(self, heading: str, *, folder: str) -> None:
        """Does what deploy/README.md says under a heading, with a folder in place of production's."""
        done = subprocess.run(
            ["sh", "-euc", recipe(heading).replace("deploy/overlays/production", folder)],
            env=self.kubectl.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        is_done = done.returncode == 0 and "Warning:" not in done.stderr
        assert is_done, f"{heading}:\n{done.stdout}{done.stderr}\n{self.explain()}"

    def change_secret(self, name: str, **values: str) -> None:
        """Puts new values into a Secret."""
        patch = json.dumps({"stringData": values})
        self.kubectl("patch", "secret", name, "-n", self.namespace, "--type=merge", "-p", patch)

    def secret(self, name: str) -> dict[str, str]:
        """The values of a Secret."""
        data = self.kubectl.get("secret", name, "-n", self.namespace)["data"]
        return {key: b64decode(value).decode() for key, value in data.items()}

    def address_of(self, service: str) -> str:
        """Where the node's own clients reach a Service."""
        return str(self.kubectl.get("service", service, "-n", self.namespace)["spec"]["clusterIP"])

    def restart(self, workload: str) -> None:
        """Restarts the pods of a workload, and waits until the last of the old ones has ended."""
        self.kubectl("rollout", "restart", workload, "-n", self.namespace)
        self.wait_rolled_out(workload, timeout_seconds=600)
        self.wait_until_none_is_ending(workload.partition("/")[2])

    def wait_until_none_is_ending(self, name: str) -> None:
        """Waits until no pod of a workload is on its way out."""
        selector = f"--selector=app.kubernetes.io/name={name}"

        def none_is_ending() -> bool:
            pods = self.kubectl.get("pods", "-n", self.namespace, selector)["items"]
            return not any("deletionTimestamp" in pod["metadata"] for pod in pods)

        wait_until(none_is_ending, f"the old pods of {name} have ended", timeout_seconds=120)

    def smoke_test(self, *, url: str | None = None, token: str | None = None) -> str:
        """Runs deploy/smoke-test: through kubectl, or at a URL; with a token where there are accounts."""
        given = {"AUTH": self.auth, "URL": url, "TOKEN": token}
        done = subprocess.run(
            [ROOT / "deploy" / "smoke-test", self.namespace],
            env=self.kubectl.environment | {name: value for name, value in given.items() if value},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def ready_pods(self, name: str) -> list[Object]:
        """The pods of a workload that take requests."""
        return [pod for pod in self.kubectl.pods(self.namespace, name) if is_ready(pod)]

    def scale(self, name: str, replicas: int) -> float:
        """Scales a Deployment and waits; how many seconds that took."""
        started_at = time.monotonic()
        self.kubectl("scale", f"--replicas={replicas}", f"deployment/{name}", "-n", self.namespace)
        self.wait_rolled_out(f"deployment/{name}")
        return time.monotonic() - started_at

    def delete_pod(self, name: str) -> None:
        """Deletes one pod as a user would, and goes on at once."""
        self.kubectl("delete", "pod", name, "-n", self.namespace, "--wait=false")

    def delete_random_pods(self, name: str, *, times: int, pause_seconds: float) -> list[str]:
        """Deletes ready pods of a workload, one after another."""
        deleted = []
        for _ in range(times):
            chosen = random.choice(self.ready_pods(name))["metadata"]["name"]
            self.delete_pod(chosen)
            deleted.append(chosen)
            time.sleep(pause_seconds)
        return deleted

    def ask_every_api_pod(self, path: str) -> dict[str, tuple[int, int]]:
        """What each pod of the API answers, past web, to the owner and to somebody with no account."""
        answers = {}
        for pod in self.ready_pods("api"):
            url = f"http://{pod['status']['podIP']}:8000{path}"
            asked = (
                httpx.get(url, headers=who.headers, timeout=30, trust_env=False)
                for who in (self.owner, NOBODY)
            )
            owners, nobodys = (answer.status_code for answer in asked)
            answers[pod["metadata"]["name"]] = (owners, nobodys)
        return answers

    def requests_of_api_pods(self) -> dict[str, float]:
        """How many requests each pod of the API has served."""
        served = {}
        for pod in self.ready_pods("api"):
            with urllib.request.urlopen(
                f"http://{pod['status']['podIP']}:8000/metrics", timeout=10
            ) as answer:
                text = answer.read().decode()
            lines = re.findall(r'^knote_http_requests_total\{.*route="/api/.*\} (\S+)$', text, re.MULTILINE)
            served[pod["metadata"]["name"]] = sum(map(float, lines))
        return served

    def reload(self, traffic: Traffic, *, times: int) -> dict[str, Any]:
        """Loads the newest notes and each of their pictures, again and again, over new connections."""
        wrong: list[str] = []
        shown = 0
        limits = httpx.Limits(max_keepalive_connections=0)
        before, started_at = self.requests_of_api_pods(), time.monotonic()
        with self.open_client(limits=limits) as client:
            for _ in range(times):
                listed = client.get("/api/v1/notes", params={"limit": 5})
                if listed.status_code != 200:
                    wrong.append(f"list {listed.status_code}")
                    continue
                places = set(re.findall(r"/api/v1/pictures/[\w-]+", listed.text))
                for place in places:
                    answer = client.get(place)
                    shown += 1
                    with traffic.notebook.lock:
                        known = traffic.notebook.pictures.get(place)
                    is_right = known in (None, sha256(answer.content).hexdigest())
                    if answer.status_code != 200 or not is_right:
                        wrong.append(f"{place} {answer.status_code}")
        seconds = time.monotonic() - started_at
        after = self.requests_of_api_pods()
        served = {name: round(count - before.get(name, 0)) for name, count in after.items()}
        return {
            "reloads": times,
            "pictures": shown,
            "wrong": wrong,
            "seconds": round(seconds),
            "served": served,
        }

    def mongo_primary(self) -> str | None:
        """The pod that is the primary of MongoDB, where there is one."""
        for pod in self.kubectl.pods(self.namespace, "mongo"):
            try:
                host = pod["status"]["podIP"]
                with MongoClient[dict[str, Any]](
                    host, directConnection=True, serverSelectionTimeoutMS=1000
                ) as client:
                    if client.admin.command("hello")["isWritablePrimary"]:
                        return str(pod["metadata"]["name"])
            except Exception:  # noqa: BLE001 # whatever it is, it is not the primary
                continue
        return None

    def while_away(self, traffic: Traffic, do: Callable[[], None], *, settle_seconds: float = 5) -> Tally:
        """Does something; what people met with since they were asked last, until all was well for a while."""
        do()
        total = Tally()
        quiet_since = time.monotonic()
        deadline = quiet_since + 300
        while time.monotonic() - quiet_since < settle_seconds:
            assert time.monotonic() < deadline, f"people still meet with failures: {total.failures[-3:]}"
            time.sleep(0.5)
            part = traffic.take()
            total.add(part)
            if part.failures:
                quiet_since = time.monotonic()
        return total

    def check_everything(self, traffic: Traffic) -> dict[str, Any]:
        """Reads every note and every picture that was acknowledged, once people are gone."""
        lost, missing = [], []
        notebook = traffic.notebook
        with self.open_client() as client:
            for place, (version, content) in notebook.notes.items():
                answer = client.get(place)
                if answer.status_code != 200 or answer.json()["content"] != content:
                    lost.append(f"{place} version {version}: {answer.status_code}")
            for place, digest in notebook.pictures.items():
                answer = client.get(place)
                if answer.status_code != 200 or sha256(answer.content).hexdigest() != digest:
                    missing.append(f"{place}: {answer.status_code}")
        return {
            "notes": len(notebook.notes),
            "lost_notes": lost,
            "pictures": len(notebook.pictures),
            "missing_pictures": missing,
            "damages": notebook.damages,
        }

    def fsck(self) -> Object:
        """Runs the check as its CronJob does; what it says."""
        name = f"fsck-{int(time.time())}"
        self.kubectl("create", "job", name, "--from=cronjob/fsck", "-n", self.namespace)
        self.wait_complete(name)
        output = self.kubectl("logs", f"job/{name}", "-n", self.namespace)
        # Log lines may stand around the report, which is a line like them.
        lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        (found,) = (line for line in lines if "problems" in line)
        return dict(found)

    def explain(self) -> str:
        """How the pods are, for a test that failed."""
        return (
            self.kubectl.try_run("get", "pods", "-n", self.namespace, "-o", "wide").stdout
            + self.kubectl.try_run("get", "events", "-n", self.namespace, "--sort-by=.lastTimestamp").stdout[
                -4000:
            ]
        )


def assert_nobody_noticed(tally: Tally) -> None:
    """No request failed."""
    assert not tally.failures, _listed(tally.failures)


def assert_only_polite(tally: Tally) -> None:
    """Whoever was refused was told that it is for now."""
    impolite = [each for each in tally.failures if not each.is_polite]
    assert not impolite, _listed(impolite)


def _listed(failures: list[Failure]) -> str:
    shown = "\n".join(f"{each.who}: {each.what} {each.status} {each.said}" for each in failures[:20])
    return f"{len(failures)} requests failed:\n{shown}"
