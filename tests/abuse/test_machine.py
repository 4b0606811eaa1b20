"""A replica whose disk takes nothing, or whose decoders die: who uploads is served, or told to retry."""

import psutil

from api.expect import expect_problem, expect_stored
from api.samples import noise_png, picture
from knote.settings import Settings
from wire.replica import Replica, until

NOTES, PICTURES = "/api/v1/notes", "/api/v1/pictures"


async def test_without_a_disk_uploads_are_unavailable_and_notes_go_on(
    replica: Replica, settings: Settings
) -> None:
    async with replica.open() as client:
        assert (await client.get(NOTES)).status_code == 200
        assert (await client.post(PICTURES, files={"file": picture(seed=9)})).status_code == 201
        replica.temporary.rmdir()
        small, large = picture(), noise_png(300)
        for data in (small, large):  # one that comes in in memory, and one that does not
            refused = await client.post(PICTURES, files={"file": data})
            assert "again" in expect_problem(refused, 503, slug_of(refused.json()["type"]))["detail"]
            assert refused.headers["retry-after"] == "2"
        assert (await client.post(NOTES, json={"content": "goes on"})).status_code == 201
        replica.temporary.mkdir()
        for data in (small, large):
            assert (await client.post(PICTURES, files={"file": data})).status_code == 201
    told = [line for line in replica.log if line["level"] == "WARNING"]
    assert ["FileNotFoundError" in line["exc_info"] for line in told] == [True, True]
    assert all(line["request_id"] for line in told)
    await expect_stored(settings, notes=1, pictures=3)


def slug_of(type_: str) -> str:
    """The last part of a problem's type: one of the two kinds of unavailable."""
    slug = type_.rpartition(":")[2]
    assert slug in {"pictures-unavailable", "store-unavailable"}
    return slug


async def test_decoders_that_died_at_rest_cost_nobody_an_upload(replica: Replica, settings: Settings) -> None:
    assert replica.process is not None
    api = psutil.Process(replica.process.pid)
    async with replica.open() as client:
        for number in range(3):
            answer = await client.post(PICTURES, files={"file": picture(seed=number)})
            assert answer.status_code == 201
            dead = api.children(recursive=True)
            assert dead
            for child in dead:
                child.kill()

            async def are_gone() -> bool:
                return not set(dead) & set(api.children())  # noqa: B023 - asked in this round alone

            await until(are_gone, what="the dead are known to be")
    assert not [line for line in replica.log if line["level"] in {"ERROR", "CRITICAL"}]
    await expect_stored(settings, pictures=3)
