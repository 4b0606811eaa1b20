"""What every Knote in a cluster must stand, step by step, while people write and read all the time."""

import time

import pytest

from cluster.kubectl import is_ready
from cluster.tally import Tally
from cluster.traffic import Traffic
from cluster.trial import Trial, assert_nobody_noticed, assert_only_polite

_RELOADS = 1000


class Proof:
    """The steps, in their order; the fixture `trial` of a module says what they are done to."""

    mongo_members = 1
    minio_servers = 1

    def test_everything_becomes_ready(self, trial: Trial) -> None:
        try:
            trial.wait_complete("bootstrap", timeout_seconds=600)
            bootstrap_seconds = time.monotonic() - trial.began_at
            trial.wait_rolled_out(
                "statefulset/mongo", "statefulset/minio", "deployment/api", "deployment/web"
            )
        except pytest.fail.Exception as error:
            pytest.fail(f"{error}\n{trial.explain()}", pytrace=False)
        pods = trial.kubectl.get("pods", "-n", "knote")["items"]
        running = [pod for pod in pods if pod["status"]["phase"] != "Succeeded"]
        assert all(is_ready(pod) for pod in running)
        assert len(trial.ready_pods("mongo")) == self.mongo_members
        assert len(trial.ready_pods("minio")) == self.minio_servers
        restarts = sum(
            each["restartCount"] for pod in pods for each in pod["status"].get("containerStatuses", [])
        )
        trial.record(
            "up",
            bootstrap_seconds=round(bootstrap_seconds),
            ready_seconds=round(time.monotonic() - trial.began_at),
            pods=len(running),
            restarts=restarts,
        )

    def test_every_pod_takes_one_sign_in_and_tells_strangers_nothing(self, trial: Trial) -> None:
        answers = trial.ask_every_api_pod("/api/v1/notes")
        expected = {"open": (200, 200)}.get(trial.auth, (200, 401))
        trial.record("sign-in", auth=trial.auth, pods=len(answers))
        assert set(answers.values()) == {expected}

    def test_the_smoke_test_passes(self, trial: Trial) -> None:
        forwarded = trial.smoke_test()
        service = trial.smoke_test(url=trial.url, token=trial.token)
        trial.record("smoke test", forwarded=forwarded, service=service)
        assert "ten times over" in service

    def test_ten_replicas_show_every_picture_on_every_reload(self, trial: Trial, traffic: Traffic) -> None:
        to_one = trial.scale("api", 1)
        traffic.take()
        to_ten = trial.scale("api", 10)
        found = trial.reload(traffic, times=_RELOADS)
        tally = traffic.take()
        trial.record(
            "ten replicas", to_one=round(to_one), to_ten=round(to_ten), **found, people=tally.summary()
        )
        assert found["wrong"] == []
        assert found["pictures"] >= _RELOADS
        assert len(found["served"]) == 10
        assert min(found["served"].values()) > 0
        assert tally.pictures_on_screen > 0
        assert_nobody_noticed(tally)

    def test_deleted_api_pods_cost_no_request(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        deleted = trial.delete_random_pods("api", times=6, pause_seconds=8)
        trial.wait_rolled_out("deployment/api")
        # The last of them has still not ended.
        tally = self._until_quiet(trial, traffic, seconds=20)
        trial.record("deleted api pods", deleted=len(deleted), people=tally.summary())
        assert_nobody_noticed(tally)

    @pytest.mark.parametrize("name", ["api", "web"])
    def test_a_rollout_costs_no_request(self, trial: Trial, traffic: Traffic, name: str) -> None:
        traffic.take()
        started_at = time.monotonic()
        trial.kubectl("rollout", "restart", f"deployment/{name}", "-n", "knote")
        trial.wait_rolled_out(f"deployment/{name}", timeout_seconds=600)
        seconds = time.monotonic() - started_at
        tally = self._until_quiet(trial, traffic, seconds=20)
        trial.record(f"rollout of {name}", seconds=round(seconds), people=tally.summary())
        assert_nobody_noticed(tally)

    def test_a_deleted_mongo_pod_costs_no_more_than_a_wait(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        primary = trial.mongo_primary()
        assert primary is not None
        tally = trial.while_away(traffic, lambda: trial.delete_pod(primary), settle_seconds=20)
        trial.wait_rolled_out("statefulset/mongo")
        trial.record("deleted mongo", deleted=primary, people=tally.summary())
        assert_only_polite(tally)

    def test_a_deleted_minio_pod_costs_no_more_than_a_wait(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        tally = trial.while_away(traffic, lambda: trial.delete_pod("minio-0"), settle_seconds=20)
        trial.wait_rolled_out("statefulset/minio")
        trial.record("deleted minio", people=tally.summary())
        assert_only_polite(tally)

    def test_nothing_was_lost(self, trial: Trial, traffic: Traffic) -> None:
        assert_nothing_is_lost(trial, traffic, "in the end")

    def _until_quiet(self, trial: Trial, traffic: Traffic, *, seconds: float) -> Tally:
        return trial.while_away(traffic, lambda: None, settle_seconds=seconds)


def assert_nothing_is_lost(trial: Trial, traffic: Traffic, title: str) -> None:
    """What was acknowledged is there once people have gone, and `fsck` finds no fault."""
    traffic.stop()
    found = trial.check_everything(traffic)
    checked = trial.fsck()
    trial.record(title, **found, fsck=checked)
    assert found["lost_notes"] == []
    assert found["missing_pictures"] == []
    assert found["damages"] == []
    assert checked["problems"] == []
    assert checked["status"] in ("clean", "pending")
    assert checked["notes"] >= found["notes"]
