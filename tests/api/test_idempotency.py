"""`Idempotency-Key`: a request that may be repeated, to any replica, at any time."""

import asyncio

import httpx

from api.expect import expect_problem, expect_stored
from knote.settings import Settings

NOTES = "/api/v1/notes"


async def post(client: httpx.AsyncClient, key: str, content: str = "once") -> httpx.Response:
    """Publishes with a key."""
    return await client.post(NOTES, json={"content": content}, headers={"Idempotency-Key": key})


async def test_a_repeated_request_answers_the_same_note_from_every_replica(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    first = await post(client, "k1")
    for replica in (client, other_client, client):
        again = await post(replica, "k1")
        assert again.status_code == first.status_code == 201
        assert again.json() == first.json()
        for header in ("location", "etag"):
            assert again.headers[header] == first.headers[header]
    await expect_stored(settings, notes=1)


async def test_twenty_requests_at_once_with_one_key_make_one_note(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    replicas = (client, other_client) * 10
    answers = await asyncio.gather(*(post(replica, "k1") for replica in replicas))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert len({answer.json()["id"] for answer in answers}) == 1
    await expect_stored(settings, notes=1)


async def test_twenty_bodies_at_once_with_one_key_make_one_note(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    replicas = (client, other_client) * 10
    answers = await asyncio.gather(*(post(replica, "k1", f"{n}") for n, replica in enumerate(replicas)))
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    for answer in answers:
        if answer not in made:
            expect_problem(answer, 422, "idempotency-key-reused")
    await expect_stored(settings, notes=1)


async def test_the_same_key_with_another_body_is_refused(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    await post(client, "k1")
    for content in ("twice", "once ", "Once"):
        answer = await post(other_client, "k1", content)
        expect_problem(answer, 422, "idempotency-key-reused", without="once")
    await expect_stored(settings, notes=1)


async def test_a_repeated_request_answers_the_note_as_it_has_become(client: httpx.AsyncClient) -> None:
    note = (await post(client, "k1")).json()
    path = f"{NOTES}/{note['id']}"
    changed = await client.put(path, json={"content": "changed"}, headers={"If-Match": '"1"'})
    again = await post(client, "k1")
    assert again.status_code == 201
    assert again.json() == changed.json()
    assert again.headers["etag"] == '"2"'


async def test_the_key_of_a_deleted_note_is_a_conflict_until_it_is_restored(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    note = (await post(client, "k1")).json()
    path = f"{NOTES}/{note['id']}"
    await client.delete(path, headers={"If-Match": "*"})
    expect_problem(await post(client, "k1"), 409, "conflict")
    await client.post(f"{path}/restore")
    assert (await post(client, "k1")).json() == note
    await expect_stored(settings, notes=1)


async def test_a_refused_note_does_not_use_up_its_key(client: httpx.AsyncClient) -> None:
    expect_problem(await post(client, "k1", "   "), 422, "invalid")
    assert (await post(client, "k1")).status_code == 201


async def test_keys_are_compared_to_the_letter(client: httpx.AsyncClient, settings: Settings) -> None:
    keys = ["k", "K", "k.", "~" * 255, "~" * 254, '"quoted"', "$where", "{}", "%00"]
    ids = {(await post(client, key)).json()["id"] for key in keys}
    assert len(ids) == len(keys)
    await expect_stored(settings, notes=len(keys))


async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, settings: Settings) -> None:
    for key in (b"", b"~" * 256, b"a b", b"a\tb", b"a\x00b", b"a\x7fb", "ä".encode(), b"a\n"):
        answer = await client.post(NOTES, json={"content": "x"}, headers=[(b"Idempotency-Key", key)])
        body = expect_problem(answer, 422, "invalid")
        assert [name.lower() for name in body["errors"][0]["location"]] == ["header", "idempotency-key"]
    await expect_stored(settings)
