"""The production overlay, made small enough for one node: three members of MongoDB, four servers of MinIO."""

import json
import secrets
from urllib.parse import urlsplit

import pytest
from minio import MinioAdmin
from minio.credentials.providers import StaticProvider
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from cluster.control_plane import ControlPlane
from cluster.node import Node
from cluster.proof import Proof, assert_nothing_is_lost
from cluster.traffic import Traffic
from cluster.trial import Trial, assert_nobody_noticed, assert_only_polite

_FOLDER = "deploy/tests/one-node"


@pytest.fixture(scope="module")
def trial(control_plane: ControlPlane, node: Node) -> Trial:
    """Production, set up as deploy/README.md says."""
    assert node, "a cluster without a node runs nothing"
    made = Trial(control_plane.kubectl, "knote", "production")
    made.kubectl("apply", "--server-side", "-f", "deploy/base/namespace.yaml")
    made.follow("Secrets", folder=_FOLDER)
    made.follow("Applying", folder=_FOLDER)
    return made


class TestProduction(Proof):
    """Stores of several, of which one may be away."""

    mongo_members = 3
    minio_servers = 4

    def test_it_asks_people_to_sign_in(self, trial: Trial) -> None:
        assert trial.auth == "accounts"


class TestDayTwo:
    """The recipes of deploy/README.md, while people are at work."""

    def test_a_new_user_of_mongo_costs_no_request(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        old = urlsplit(trial.secret("knote-api")["MONGO_URL"])
        password = secrets.token_hex(24)
        new = old._replace(netloc=f"knote2:{password}@{old.netloc.rpartition('@')[2]}")
        trial.change_secret("knote-api", MONGO_URL=new.geturl())
        trial.follow("Day two", folder=_FOLDER)
        trial.restart("deployment/api")
        primary = trial.mongo_primary()
        assert primary is not None
        host = trial.address_of(primary)
        key = trial.secret("mongo-keyfile")["keyfile"]
        with MongoClient[dict[str, object]](
            host, directConnection=True, username="__system", password=key, authSource="local"
        ) as client:
            client["knote"].command("dropUser", "knote")
        tally = trial.while_away(traffic, lambda: None, settle_seconds=10)
        trial.record("another user of MongoDB", people=tally.summary())
        assert_nobody_noticed(tally)
        with (
            MongoClient[dict[str, object]](
                host, directConnection=True, username="knote", password=old.password, authSource="knote"
            ) as client,
            pytest.raises(OperationFailure, match="Authentication failed"),
        ):
            client["knote"].command("ping")

    def test_new_keys_of_minio_cost_no_request(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        old = trial.secret("knote-api")["MINIO_ACCESS_KEY"]
        access, secret = secrets.token_hex(10), secrets.token_hex(20)
        trial.change_secret("knote-api", MINIO_ACCESS_KEY=access, MINIO_SECRET_KEY=secret)
        trial.follow("Day two", folder=_FOLDER)
        trial.restart("deployment/api")
        admin = _minio_admin(trial)
        admin.user_remove(old)
        tally = trial.while_away(traffic, lambda: None, settle_seconds=10)
        trial.record("other keys of MinIO", people=tally.summary())
        assert_nobody_noticed(tally)
        assert set(json.loads(admin.user_list())) == {access}

    def test_another_root_of_minio_costs_no_more_than_a_wait(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        trial.change_secret(
            "minio-root", MINIO_ROOT_USER=secrets.token_hex(10), MINIO_ROOT_PASSWORD=secrets.token_hex(24)
        )
        trial.kubectl("delete", "pod", "-n", "knote", "-l", "app.kubernetes.io/name=minio")
        trial.wait_rolled_out("statefulset/minio")
        tally = trial.while_away(traffic, lambda: None, settle_seconds=20)
        trial.record("another root of MinIO", people=tally.summary())
        assert_only_polite(tally)
        trial.follow("Day two", folder=_FOLDER)
        assert trial.secret("knote-api")["MINIO_ACCESS_KEY"] in json.loads(_minio_admin(trial).user_list())

    def test_another_key_of_mongo_costs_no_more_than_a_wait(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        old, new = trial.secret("mongo-keyfile")["keyfile"], secrets.token_hex(96)
        for keys in (f"- {old}\n- {new}\n", new):
            trial.change_secret("mongo-keyfile", keyfile=keys)
            trial.restart("statefulset/mongo")
        tally = trial.while_away(traffic, lambda: None, settle_seconds=10)
        trial.record("another key of MongoDB", people=tally.summary())
        assert_only_polite(tally)
        trial.follow("Day two", folder=_FOLDER)

    def test_a_rollout_can_be_undone(self, trial: Trial, traffic: Traffic) -> None:
        traffic.take()
        for name in ("api", "web"):
            trial.kubectl("rollout", "restart", f"deployment/{name}", "-n", "knote")
            trial.wait_rolled_out(f"deployment/{name}")
            trial.kubectl("rollout", "undo", f"deployment/{name}", "-n", "knote")
            trial.wait_rolled_out(f"deployment/{name}")
        tally = trial.while_away(traffic, lambda: None, settle_seconds=20)
        trial.record("undone", people=tally.summary())
        assert_nobody_noticed(tally)

    def test_nothing_was_lost(self, trial: Trial, traffic: Traffic) -> None:
        assert_nothing_is_lost(trial, traffic, "after day two")


def _minio_admin(trial: Trial) -> MinioAdmin:
    root = trial.secret("minio-root")
    return MinioAdmin(
        endpoint=f"{trial.address_of('minio')}:9000",
        credentials=StaticProvider(root["MINIO_ROOT_USER"], root["MINIO_ROOT_PASSWORD"]),
        secure=False,
    )
