"""Lists over HTTP: pages, cursors, search."""

import asyncio
import base64
from typing import Any

import httpx
import pytest

from api.expect import expect_problem

NOTES = "/api/v1/notes"


async def publish(client: httpx.AsyncClient, *contents: str) -> list[str]:
    """New notes; their ids, newest first."""
    ids = [(await client.post(NOTES, json={"content": content})).json()["id"] for content in contents]
    return ids[::-1]


async def read_all(client: httpx.AsyncClient, **query: Any) -> list[str]:
    """The ids on all pages of a list."""
    ids: list[str] = []
    while True:
        answer = await client.get(NOTES, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next"}
        ids += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return ids
        assert len(page["items"]) == query.get("limit", 20)
        query["cursor"] = page["next"]


def rewritten(cursor: str, old: str, new: str) -> str:
    """A cursor with something else inside."""
    text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    assert old in text
    return base64.urlsafe_b64encode(text.replace(old, new).encode()).decode().rstrip("=")


async def test_an_empty_notebook_has_one_empty_page(client: httpx.AsyncClient) -> None:
    for query in ("", "?q=", "?q=%20", "?q=word", "?q=!!!", "?limit=1", "?limit=100"):
        answer = await client.get(f"{NOTES}{query}")
        assert (answer.status_code, answer.json()) == (200, {"items": [], "next": None})


async def test_pages_hold_every_note_once_newest_first(client: httpx.AsyncClient) -> None:
    ids = await publish(client, *(f"note {n}" for n in range(7)))
    for limit in (1, 2, 3, 7, 8, 100):
        assert await read_all(client, limit=limit) == ids
        assert await read_all(client, limit=limit, q="note") == ids


async def test_a_page_has_twenty_notes_unless_told_otherwise(client: httpx.AsyncClient) -> None:
    ids = await publish(client, *(f"note {n}" for n in range(21)))
    page = (await client.get(NOTES)).json()
    assert [item["id"] for item in page["items"]] == ids[:20]
    assert page["next"]


async def test_pages_skip_and_double_nothing_while_others_write(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    ids = await publish(client, *(f"note {n}" for n in range(12)))
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await client.get(NOTES, params=query)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        last = seen[-1]
        await asyncio.gather(
            publish(other_client, "new"),
            other_client.put(f"{NOTES}/{ids[0]}", json={"content": "again"}, headers={"If-Match": "*"}),
            other_client.delete(f"{NOTES}/{last}", headers={"If-Match": "*"}),
        )
    assert seen == ids
    assert cursor is None


SEARCHES = [
    ("这是一个测试文档", "测试"),
    ("Ein Über-Wort", "uber"),
    ("several words here", "words sev"),
    ("İstanbul ve ÇAĞRI", "çağr"),
    ("Привет мир", "ПРИВЕТ"),
    ("C++ (draft) a.b*c", "a.b*c"),
    ("nul \x00 inside", "nul\x00ins"),
]


async def test_search_finds_words_of_any_script(client: httpx.AsyncClient) -> None:
    ids = (await publish(client, *(text for text, _ in SEARCHES)))[::-1]
    for id_, (_, query) in zip(ids, SEARCHES, strict=True):
        assert await read_all(client, q=query) == [id_], query


async def test_a_query_is_words_and_nothing_else(client: httpx.AsyncClient) -> None:
    await publish(client, "plain text", "more")
    for query in (".*", "^", "$where", "\\", "(", "[a-z]+", '{"$ne": 1}', "\x00", "%", "\ufffd"):
        assert await read_all(client, q=query) == [], query


async def test_a_query_that_is_no_unicode_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{NOTES}?q=%ff%fe")
    assert (answer.status_code, answer.json()["items"]) == (200, [])


async def test_a_list_that_cannot_be_is_refused(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    limits = ("0", "-1", "101", "abc", "", "1.5", "1e1", "%00", "9" * 5000)
    for query in (*(f"limit={value}" for value in limits), f"q={'a' * 201}", f"cursor={'a' * 201}"):
        with subtests.test(query[:40]):
            answer = await client.get(f"{NOTES}?{query}")
            body = expect_problem(answer, 422, "invalid", without="a" * 100)
            assert body["errors"][0]["location"] == ["query", query.partition("=")[0]]


MALFORMED_CURSORS = [
    *("", "a", "====", "%00", "ä", "%ff", "bm90aGluZw", "MS4y", "MS4yLjM", "..", "a" * 200, "null", "1", "-")
]


async def test_a_malformed_cursor_is_refused(client: httpx.AsyncClient, subtests: pytest.Subtests) -> None:
    await publish(client, "1", "2")
    for cursor in MALFORMED_CURSORS:
        for more in ("", "&q=1"):
            with subtests.test(cursor + more):
                body = expect_problem(await client.get(f"{NOTES}?cursor={cursor}{more}"), 422, "invalid")
                assert body["errors"][0]["location"] == ["query", "cursor"]


async def test_a_cursor_of_another_list_is_refused(client: httpx.AsyncClient) -> None:
    await publish(client, "apple 1", "apple 2", "apple 3")
    plain = (await client.get(f"{NOTES}?limit=1")).json()["next"]
    searched = (await client.get(f"{NOTES}?limit=1&q=apple")).json()["next"]
    for query in (f"cursor={plain}&q=apple", f"cursor={searched}", f"cursor={searched}&q=apples"):
        expect_problem(await client.get(f"{NOTES}?{query}"), 422, "invalid")
    same = await client.get(f"{NOTES}?cursor={searched}&q=%20apple%20")
    assert len(same.json()["items"]) == 2


async def test_a_tampered_cursor_is_refused_or_harmless(client: httpx.AsyncClient) -> None:
    await publish(client, "1", "2", "3")
    page = (await client.get(f"{NOTES}?limit=1")).json()
    cursor, id_ = page["next"], page["items"][0]["id"]
    milliseconds = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(".")[0]
    for old, new in (
        (milliseconds, "9" * 15),
        (milliseconds, "-" + "9" * 14),
        (milliseconds, "9" * 40),
        (milliseconds, "1e9"),
        (milliseconds, "٣"),
        (milliseconds, ""),
        (milliseconds, "--1"),
        (id_, f"{id_}.{id_}"),
    ):
        answer = await client.get(NOTES, params={"cursor": rewritten(cursor, old, new)})
        expect_problem(answer, 422, "invalid")
    for new in ("", "{}", "$ne", "\x00", "/"):
        answer = await client.get(NOTES, params={"cursor": rewritten(cursor, id_, new)})
        assert answer.status_code == 200


async def test_a_cursor_made_by_one_replica_is_good_at_another(
    client: httpx.AsyncClient, other_client: httpx.AsyncClient
) -> None:
    ids = await publish(client, "1", "2", "3")
    cursor = (await client.get(f"{NOTES}?limit=2")).json()["next"]
    rest = (await other_client.get(f"{NOTES}?cursor={cursor}")).json()
    assert [item["id"] for item in rest["items"]] == ids[2:]


async def test_a_list_that_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    await publish(client, "one", "two")
    for query in ({}, {"limit": 1}, {"q": "one"}):
        answer = await client.get(NOTES, params=query)
        tag = answer.headers["etag"]
        again = await client.get(NOTES, params=query, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-cache"


async def test_a_list_that_has_changed_in_any_way_has_another_tag(client: httpx.AsyncClient) -> None:
    [newest, older] = await publish(client, "one", "two")
    tags = [(await client.get(NOTES)).headers["etag"]]

    async def changed() -> None:
        answer = await client.get(NOTES, headers={"If-None-Match": ", ".join(tags)})
        assert answer.status_code == 200
        tags.append(answer.headers["etag"])

    await client.put(f"{NOTES}/{older}", json={"content": "three"}, headers={"If-Match": '"1"'})
    await changed()
    await client.delete(f"{NOTES}/{newest}", headers={"If-Match": '"1"'})
    await changed()
    await publish(client, "four")
    await changed()
    assert len(set(tags)) == 4


async def test_each_of_many_readers_sees_what_was_written_before_they_asked(
    client: httpx.AsyncClient,
) -> None:
    async def read_own(number: int) -> None:
        [id_] = await publish(client, f"note {number}")
        ids = {item["id"] for item in (await client.get(NOTES, params={"limit": 100})).json()["items"]}
        assert id_ in ids

    await asyncio.gather(*(read_own(number) for number in range(40)))
