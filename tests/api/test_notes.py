"""The contract of notes: write, read, replace, delete, restore."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from api.expect import expect_problem, expect_stored
from knote.settings import Settings

NOTES = "/api/v1/notes"


async def publish(client: httpx.AsyncClient, content: str = "# Hello") -> dict[str, Any]:
    """A new note."""
    answer = await client.post(NOTES, json={"content": content})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


async def test_a_new_note_is_answered_whole_with_its_place_and_tag(client: httpx.AsyncClient) -> None:
    answer = await client.post(NOTES, json={"content": "# Hello"})
    assert answer.status_code == 201
    note = answer.json()
    assert set(note) == {"id", "content", "version", "created_at", "updated_at", "pictures"}
    assert answer.headers["location"] == f"{NOTES}/{note['id']}"
    assert answer.headers["etag"] == '"1"'
    assert note["version"] == 1
    assert note["pictures"] == []
    assert note["created_at"] == note["updated_at"]
    assert datetime.fromisoformat(note["created_at"]).utcoffset() == timedelta(0)


TEXTS = [
    " leading and trailing space \n\n",
    "tab\tand\r\nthree\rkinds\nof line end",
    "NUL \x00 and other control characters \x01\x1b\x7f\x85\u2028",
    "composed é and decomposed e\u0301, ﬁ and ｆｕｌｌ",
    "这是一个测试文档 👩‍👩‍👧‍👦 \U00020000 \U0010ffff \ufeff",
    "<script>alert(1)</script> [x](javascript:alert(1))",
    '{"$where": "1"} $set %s {0} ${x}',
    "\u202eright to left",
]


async def test_text_is_kept_to_the_letter(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    for content in TEXTS:
        with subtests.test(content):
            note = await publish(client, content)
            read = (await client.get(f"{NOTES}/{note['id']}")).json()
            listed = (await client.get(NOTES)).json()["items"][0]
            assert note["content"] == read["content"] == listed["content"] == content


async def test_a_note_is_read_by_another_replica_at_once(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    note = await publish(client)
    answer = await other_client.get(f"{NOTES}/{note['id']}")
    assert answer.status_code == 200
    assert answer.json() == note
    assert answer.headers["etag"] == '"1"'


async def test_a_note_that_is_known_already_is_not_sent_again(client: httpx.AsyncClient) -> None:
    note = await publish(client)
    for tag in ('"1"', 'W/"1"', '"7", "1"', "*", '"7" , ,W/"1",'):
        answer = await client.get(f"{NOTES}/{note['id']}", headers={"If-None-Match": tag})
        assert answer.status_code == 304, tag
        assert answer.content == b""
        assert answer.headers["etag"] == '"1"'
    for tag in ('"2"', "1", '"1', "", 'W/"11"', "nonsense", '"1" "2"'):
        answer = await client.get(f"{NOTES}/{note['id']}", headers={"If-None-Match": tag})
        assert answer.status_code == 200, tag


async def test_a_note_is_replaced_by_who_knows_its_version(client: httpx.AsyncClient) -> None:
    for tag in ('"1"', "*", '"7","1"', ' "1" ,', ', "1"'):
        note = await publish(client, "before")
        path = f"{NOTES}/{note['id']}"
        answer = await client.put(path, json={"content": "after"}, headers={"If-Match": tag})
        assert answer.status_code == 200, tag
        assert answer.headers["etag"] == '"2"'
        replaced = answer.json()
        assert (replaced["content"], replaced["version"]) == ("after", 2)
        assert replaced["created_at"] == note["created_at"]
        assert replaced["updated_at"] >= note["updated_at"]
        assert (await client.get(path)).json() == replaced


async def test_update_with_stale_etag_is_refused_with_the_current_note(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    note = await publish(client, "theirs")
    path = f"{NOTES}/{note['id']}"
    for tag in ('"2"', 'W/"1"', '"01"', '"0"', '""', '"abc"', f'"{"9" * 30}"', '"1\xe9"'):
        headers = [(b"If-Match", tag.encode("latin-1"))]
        answer = await client.put(path, json={"content": "mine"}, headers=headers)
        body = expect_problem(answer, 412, "precondition-failed", without="mine")
        assert body["current"] == note
        assert answer.headers["etag"] == '"1"'
        refused = await client.delete(path, headers=headers)
        assert expect_problem(refused, 412, "precondition-failed")["current"] == note
    assert (await client.get(path)).json() == note
    await expect_stored(settings, notes=1)


async def test_a_write_without_a_precondition_is_refused(client: httpx.AsyncClient) -> None:
    note = await publish(client)
    path = f"{NOTES}/{note['id']}"
    expect_problem(await client.put(path, json={"content": "x"}), 428, "precondition-required")
    expect_problem(await client.delete(path), 428, "precondition-required")
    assert (await client.get(path)).json() == note


UNREADABLE_TAGS = [
    *("", " ", "1", '"1', '1"', '"1" "2"', '"1",2', "**", '*, "1"', "W/1", 'w/"1"', '"a b"', ",", "\t")
]


async def test_a_precondition_that_cannot_be_read_is_refused(
    client: httpx.AsyncClient, subtests: pytest.Subtests
) -> None:
    note = await publish(client)
    path = f"{NOTES}/{note['id']}"
    for tag in UNREADABLE_TAGS:
        with subtests.test(tag):
            answer = await client.put(path, json={"content": "x"}, headers={"If-Match": tag})
            expect_problem(answer, 400, "malformed")
            expect_problem(await client.delete(path, headers={"If-Match": tag}), 400, "malformed")
    assert (await client.get(path)).json() == note


async def test_a_precondition_of_endless_commas_is_answered_like_any_other(client: httpx.AsyncClient) -> None:
    """Each of these would keep a backtracking matcher busy for longer than the world is old."""
    note = await publish(client)
    path = f"{NOTES}/{note['id']}"
    for endless in ('"7"' + " ," * 20_000 + "x", '"7"' + " " * 40_000 + "x", '"7" ' * 10_000):
        expect_problem(await client.delete(path, headers={"If-Match": endless}), 400, "malformed")
        answer = await client.get(path, headers={"If-None-Match": endless})
        assert answer.status_code == 200


async def test_of_writes_from_the_same_version_exactly_one_wins(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    note = await publish(client, "start")
    path = f"{NOTES}/{note['id']}"

    async def write(number: int) -> httpx.Response:
        replica = (client, other_client)[number % 2]
        return await replica.put(path, json={"content": f"by {number}"}, headers={"If-Match": '"1"'})

    answers = await asyncio.gather(*(write(number) for number in range(16)))
    won = [answer for answer in answers if answer.status_code == 200]
    assert len(won) == 1
    for answer in answers:
        if answer not in won:
            assert expect_problem(answer, 412, "precondition-failed")["current"] == won[0].json()
    assert (await other_client.get(path)).json() == won[0].json()


async def test_every_write_that_merges_and_tries_again_is_kept(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    note = await publish(client, "0")
    path = f"{NOTES}/{note['id']}"

    async def append(number: int) -> None:
        replica = (client, other_client)[number % 2]
        current, tag = note["content"], '"1"'
        while True:
            answer = await replica.put(
                path, json={"content": f"{current} {number}"}, headers={"If-Match": tag}
            )
            if answer.status_code == 200:
                return
            current = expect_problem(answer, 412, "precondition-failed")["current"]["content"]
            tag = answer.headers["etag"]

    await asyncio.gather(*(append(number) for number in range(1, 9)))
    final = (await client.get(path)).json()
    assert sorted(final["content"].split()) == [str(number) for number in range(9)]
    assert final["version"] == 9


async def test_a_deleted_note_is_nowhere_to_be_seen_until_it_is_restored(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient, settings: Settings
) -> None:
    kept, note = await publish(client, "kept apple"), await publish(client, "gone apple")
    path = f"{NOTES}/{note['id']}"
    answer = await client.delete(path, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.content) == (204, b"")
    for replica in (client, other_client):
        expect_problem(await replica.get(path), 404, "not-found")
        expect_problem(await replica.get(path, headers={"If-None-Match": "*"}), 404, "not-found")
        for tag in ('"1"', "*", '"9"'):
            headers = {"If-Match": tag}
            put = await replica.put(path, json={"content": "x"}, headers=headers)
            expect_problem(put, 404, "not-found")
            expect_problem(await replica.delete(path, headers=headers), 404, "not-found")
        for query in ("", "?q=apple", "?q=gone"):
            listed = (await replica.get(f"{NOTES}{query}")).json()["items"]
            assert [item["id"] for item in listed] == ([] if "gone" in query else [kept["id"]])
    restored = await other_client.post(f"{path}/restore")
    assert restored.status_code == 200
    assert restored.json() == note
    assert restored.headers["etag"] == '"1"'
    listed = (await client.get(f"{NOTES}?q=apple")).json()["items"]
    assert listed == [note, kept]
    await expect_stored(settings, notes=2)


async def test_restoring_a_note_that_is_not_deleted_changes_nothing(client: httpx.AsyncClient) -> None:
    note = await publish(client)
    for _ in range(2):
        answer = await client.post(f"{NOTES}/{note['id']}/restore")
        assert (answer.status_code, answer.json()) == (200, note)


async def test_a_delete_and_a_write_from_the_same_version_do_not_both_happen(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    for _ in range(5):
        note = await publish(client)
        path, headers = f"{NOTES}/{note['id']}", {"If-Match": '"1"'}
        deleted, written = await asyncio.gather(
            client.delete(path, headers=headers),
            other_client.put(path, json={"content": "new"}, headers=headers),
        )
        statuses = (deleted.status_code, written.status_code)
        assert statuses in {(204, 404), (412, 200)}
        expected = 404 if deleted.status_code == 204 else 200
        assert (await client.get(path)).status_code == expected


UNKNOWN = [
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "a",
    "%2F",
    "a%2Fb",
    "%00",
    "aaaaaaaaaaaaaaaaaaaaaaa%00",
    "aaaaaaaaaaaaaaaaaaaaaaaa%0A",
    "%25",
    "%",
    "%zz",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e",
    "AAAAAAAAAAAAAAAAAAAAAAAA",
    "测试",
    "%F0%9F%98%80",
    "a" * 10_000,
    "$where",
    '{"$ne":null}',
    "null",
    "0",
    "-1",
]


async def test_an_id_that_is_none_is_not_found(
    client: httpx.AsyncClient, settings: Settings, subtests: pytest.Subtests
) -> None:
    headers = {"If-Match": "*"}
    for id_ in UNKNOWN:
        with subtests.test(id_[:40]):
            for path in (f"{NOTES}/{id_}", f"/api/v1/pictures/{id_}"):
                expect_problem(await client.get(path), 404, "not-found")
            expect_problem(await client.delete(f"{NOTES}/{id_}", headers=headers), 404, "not-found")
            put = await client.put(f"{NOTES}/{id_}", json={"content": "x"}, headers=headers)
            expect_problem(put, 404, "not-found")
            expect_problem(await client.post(f"{NOTES}/{id_}/restore"), 404, "not-found")
            assert (await client.head(f"/api/v1/pictures/{id_}")).status_code == 404
    await expect_stored(settings)
