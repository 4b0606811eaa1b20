"""The replica set and the application's user."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from bootstrap.job import bootstrap
from bootstrap.members import KEY, OLD_KEY, SET, Member
from knote.local.ports import free_port

PASSWORDS = ("first/pass word", "second-pässword")


def told(members: list[Member], keyfile: Path, password: str = "first%2Fpass%20word") -> dict[str, str]:
    """The settings of a job for these members."""
    addresses = ",".join(member.address for member in members)
    return {
        "KNOTE_MONGO_MEMBERS": addresses,
        "KNOTE_MONGO_REPLICA_SET": SET,
        "KNOTE_MONGO_KEYFILE": str(keyfile),
        "MONGO_URL": f"mongodb://knote:{password}@{addresses}/knote?replicaSet={SET}&authSource=admin",
    }


def connect(url: str) -> AsyncMongoClient[dict[str, Any]]:
    """A client as the API has it."""
    return AsyncMongoClient(url, timeoutMS=10_000)


async def config_of(member: Member) -> dict[str, Any]:
    """The set as this member knows it."""
    async with member.open("__system", KEY, "local") as client:
        found: dict[str, Any] = (await client.admin.command("replSetGetConfig"))["config"]
        return found


async def test_two_jobs_at_once_make_one_set_and_one_user(members: list[Member], keyfile: Path) -> None:
    environment = told(members, keyfile)
    secrets = (KEY, KEY[:9], *PASSWORDS, "first%2Fpass%20word")
    runs = await asyncio.gather(*(bootstrap(environment, secrets=secrets) for _ in range(2)))
    for run in runs:
        assert run.status == 0, run.output
        assert run.results["object-store"] == "skipped"
    config = await config_of(members[2])
    hosts = [member["host"] for member in config["members"]]
    assert (config["_id"], hosts) == (SET, [member.address for member in members])
    assert config["settings"]["electionTimeoutMillis"] == 5000

    async with connect(environment["MONGO_URL"]) as client:
        await client["knote"]["notes"].insert_one({"_id": 1})
        await client["knote"]["notes"].create_index("a")
        assert await client["knote"]["notes"].count_documents({}) == 1
        for forbidden in (
            client["other"]["notes"].insert_one({}),
            client["admin"]["system.users"].find_one(),
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                await forbidden
        with pytest.raises(OperationFailure, match="not authorized"):
            await client.admin.command("createUser", "more", pwd="x", roles=["root"])

    again = await bootstrap(environment, secrets=secrets)
    assert again.status == 0
    assert again.results == {"replica-set": "unchanged", "user": "unchanged", "object-store": "skipped"}

    rotated = await bootstrap(told(members, keyfile, "second-p%C3%A4ssword"), secrets=PASSWORDS)
    assert (rotated.status, rotated.results["user"]) == (0, "updated")
    async with connect(environment["MONGO_URL"]) as client:
        with pytest.raises(OperationFailure, match="Authentication failed"):
            await client["knote"]["notes"].find_one()
    url = told(members, keyfile, "second-p%C3%A4ssword")["MONGO_URL"]
    async with connect(url) as client:
        assert await client["knote"]["notes"].count_documents({}) == 1


async def test_members_that_are_missing_are_added(members: list[Member], keyfile: Path) -> None:
    first = await bootstrap(told(members[:1], keyfile))
    assert (first.status, first.results["replica-set"]) == (0, "initiated")
    runs = await asyncio.gather(*(bootstrap(told(members, keyfile)) for _ in range(2)))
    assert [run.status for run in runs] == [0, 0], [run.output for run in runs]
    added = [line["member"] for run in runs for line in run.lines if line["result"] == "added"]
    assert sorted(added) == sorted(member.address for member in members[1:])
    async with members[0].open("__system", KEY, "local") as client:
        status = await client.admin.command("replSetGetStatus")
    assert sorted(member["stateStr"] for member in status["members"]) == ["PRIMARY", "SECONDARY", "SECONDARY"]

    await members[2].kill()
    without = await bootstrap(told(members, keyfile, "another"))
    assert (without.status, without.results["user"]) == (0, "updated")


async def test_no_second_set_is_made_while_a_member_cannot_be_asked(
    members: list[Member], keyfile: Path
) -> None:
    await members[2].kill()
    run = await bootstrap(told(members, keyfile), timeout_seconds=4)
    assert (run.status, run.results["replica-set"]) == (1, "failed")
    async with members[0].open("__system", KEY, "local") as client:
        with pytest.raises(OperationFailure) as refused:
            await client.admin.command("replSetGetConfig")
    assert refused.value.code == 94


async def test_the_key_may_be_one_of_a_list_while_it_is_changed(
    members: list[Member], keyfile: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both"
    both.write_text(f"- {OLD_KEY}\n- '{KEY}'\n", encoding="ascii")
    run = await bootstrap(told(members[:1], both), secrets=(OLD_KEY, KEY))
    assert run.status == 0, run.output
    other = tmp_path / "other"
    other.write_text(OLD_KEY, encoding="ascii")
    wrong = await bootstrap(told(members[:1], other), secrets=(OLD_KEY,), timeout_seconds=2)
    assert wrong.status == 1
    assert "does not take the key" in wrong.output


async def test_a_mongod_that_never_comes_ends_the_job_in_time(keyfile: Path) -> None:
    run = await bootstrap(
        {
            "KNOTE_MONGO_MEMBERS": f"127.0.0.1:{free_port()}",
            "KNOTE_MONGO_KEYFILE": str(keyfile),
            "MONGO_URL": "mongodb://knote:secret-of-url@127.0.0.1/knote",
        },
        secrets=("secret-of-url", KEY),
        timeout_seconds=3,
    )
    assert run.status == 1
    assert run.results["replica-set"] == "failed"
    assert "does not answer" in run.output
