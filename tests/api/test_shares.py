"""Shared links: what they show, to whom, and that they end everywhere at once."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from pymongo import AsyncMongoClient

from api.acts import Moment, audited, bearer, database_of
from api.conftest import OpenClient
from api.expect import expect_problem
from api.samples import picture
from knote.clock import utc_now
from knote.maintenance import sweep
from knote.settings import Settings

NOTES, PICTURES, SHARED = "/api/v1/notes", "/api/v1/pictures", "/api/v1/shared"
ID = "a" * 24
Admin = AsyncMongoClient[dict[str, object]]


class Link(NamedTuple):
    """A shared link, as its owner got it."""

    note: str
    id: str
    secret: str

    @property
    def api(self) -> str:
        """Where its note is read."""
        return f"{SHARED}/{self.id}"

    @property
    def own(self) -> str:
        """Where its owner revokes it."""
        return f"{NOTES}/{self.note}/shares/{self.id}"


async def publish(client: httpx.AsyncClient, content: str) -> dict[str, Any]:
    answer = await client.post(NOTES, json={"content": content})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


async def upload(client: httpx.AsyncClient, *, seed: int = 1) -> dict[str, Any]:
    answer = await client.post(PICTURES, files={"file": picture(size=(700, 400), seed=seed)})
    assert answer.status_code == 201, answer.text
    kept: dict[str, Any] = answer.json()
    return kept


async def share(client: httpx.AsyncClient, note_id: str, *, days: int | None = None) -> Link:
    answer = await client.post(f"{NOTES}/{note_id}/shares", json={"expires_in_days": days})
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    url = urlsplit(answer.json()["url"])
    assert url.path == f"/shared/{answer.json()['id']}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", url.fragment)
    return Link(note_id, answer.json()["id"], url.fragment)


async def read(client: httpx.AsyncClient, link: Link) -> httpx.Response:
    return await client.get(link.api, headers=bearer(link.secret))


@pytest.fixture
async def reader(open_client: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody without an account, at another replica."""
    async with open_client(auth="accounts") as client:
        yield client


@pytest.fixture
async def ada(open_signed_in: OpenClient) -> AsyncIterator[httpx.AsyncClient]:
    """Who shares."""
    async with open_signed_in("ada") as client:
        yield client


async def test_whoever_has_the_link_reads_the_note_and_its_pictures(
    mode: str, open_in_mode: OpenClient, open_client: OpenClient
) -> None:
    async with open_in_mode() as owner, open_client(auth=mode) as reader:
        kept = await upload(owner)
        note = await publish(owner, f"# Shared\n\n{kept['markdown']}")
        link = await share(owner, note["id"])
        answer = await read(reader, link)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-robots-tag"] == "noindex"
        (shown,) = answer.json().pop("pictures")
        assert answer.json() == {
            "content": note["content"],
            "updated_at": note["updated_at"],
            "expires_at": None,
            "pictures": [shown],
        }
        assert (shown["id"], shown["width"], shown["height"]) == (kept["id"], 700, 400)
        seen = await reader.get(shown["url"])
        assert seen.content == (await owner.get(kept["url"])).content
        assert seen.headers["cache-control"] == "private, no-cache"
        assert seen.headers["x-robots-tag"] == "noindex"
        assert link.secret not in shown["url"]


async def test_a_shared_picture_is_read_in_every_way_that_its_owner_has(
    ada: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    kept = await upload(ada)
    note = await publish(ada, kept["markdown"])
    (shown,) = (await read(reader, await share(ada, note["id"]))).json()["pictures"]
    for change, headers in (
        ({}, {}),
        ({}, {"Range": "bytes=10-19"}),
        ({}, {"Range": "bytes=99999999-"}),
        ({"width": "320"}, {}),
        ({"width": "320"}, {"Range": "bytes=-5"}),
        ({}, {"If-None-Match": f'"{kept["id"]}"'}),
        ({}, {"If-None-Match": '"another"'}),
        ({}, {"Range": "bytes=0-9", "If-Range": '"another"'}),
    ):
        for method in ("GET", "HEAD"):
            theirs = await reader.request(
                method, str(httpx.URL(shown["url"]).copy_merge_params(change)), headers=headers
            )
            own = await ada.request(method, kept["url"], params=change, headers=headers)
            assert theirs.status_code == own.status_code, (method, change, headers)
            if own.status_code < 400:
                assert theirs.content == own.content
                same = ("etag", "content-type", "content-length", "content-range", "content-security-policy")
                assert [theirs.headers.get(name) for name in same] == [own.headers.get(name) for name in same]


async def test_a_link_opens_nothing_else(ada: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    shown, hidden = await upload(ada, seed=1), await upload(ada, seed=2)
    note, other = await publish(ada, shown["markdown"]), await publish(ada, hidden["markdown"])
    link, second = await share(ada, note["id"]), await share(ada, other["id"])
    url = httpx.URL((await read(reader, link)).json()["pictures"][0]["url"])
    signed = dict(url.params)
    for path in (
        NOTES,
        f"{NOTES}/{note['id']}",
        shown["url"],
        "/api/v1/account",
        f"{NOTES}/{note['id']}/shares",
    ):
        answer = await reader.get(path, headers=bearer(link.secret))
        expect_problem(answer, 401, "sign-in-required", without=link.secret)
    later = int(signed["expires"]) + 1
    for path, query in (
        (f"{link.api}/pictures/{hidden['id']}", signed),
        (f"{second.api}/pictures/{shown['id']}", signed),
        (f"{second.api}/pictures/{hidden['id']}", signed),
        (url.path, {**signed, "expires": str(later)}),
        (url.path, {**signed, "signature": signed["signature"][:-1]}),
        (url.path, {**signed, "signature": "é"}),
        (url.path, {**signed, "signature": ""}),
        (url.path.upper().replace("/API/V1/SHARED", SHARED), signed),
    ):
        expect_problem(await reader.get(path, params=query), 404, "not-found")
        assert (await reader.head(path, params=query)).status_code == 404
    assert (await reader.get(url.path, params=signed)).status_code == 200


async def test_what_does_not_work_is_one_answer(ada: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    note, other = await publish(ada, "mine"), await publish(ada, "another")
    link, second, revoked = (
        await share(ada, note["id"]),
        await share(ada, other["id"]),
        await share(ada, note["id"]),
    )
    assert (await ada.delete(revoked.own)).status_code == 204
    bodies = set()
    for target, headers in (
        (revoked.api, bearer(revoked.secret)),
        (link.api, bearer(second.secret)),
        (link.api, bearer("a" * 43)),
        (link.api, bearer(link.secret + "a")),
        (link.api, {}),
        (link.api, {"Authorization": f"Basic {link.secret}"}),
        (f"{SHARED}/{ID}", bearer(link.secret)),
        (f"{SHARED}/nonsense", bearer(link.secret)),
    ):
        answer = await reader.get(target, headers=headers)
        bodies.add(expect_problem(answer, 404, "not-found")["detail"])
    assert len(bodies) == 1
    assert (await read(reader, link)).status_code == 200


async def test_a_link_that_is_revoked_ends_on_all_replicas_at_once(
    ada: httpx.AsyncClient, reader: httpx.AsyncClient, open_client: OpenClient
) -> None:
    kept = await upload(ada)
    note = await publish(ada, kept["markdown"])
    gone, stays = await share(ada, note["id"]), await share(ada, note["id"])
    async with open_client(auth="accounts") as other:
        urls = [(await read(reader, link)).json()["pictures"][0]["url"] for link in (gone, stays)]
        assert {(await other.get(url)).status_code for url in urls} == {200}
        assert (await ada.delete(gone.own)).status_code == 204
        for replica in (reader, other, ada):
            expect_problem(await read(replica, gone), 404, "not-found")
            expect_problem(await replica.get(urls[0]), 404, "not-found")
            current = {"If-None-Match": f'"{kept["id"]}"'}
            expect_problem(await replica.get(urls[0], headers=current), 404, "not-found")
            assert (await read(replica, stays)).status_code == 200
            assert (await replica.get(urls[1])).status_code == 200
        expect_problem(await ada.delete(gone.own), 404, "not-found")


async def test_a_link_and_the_urls_of_its_pictures_expire(open_signed_in: OpenClient) -> None:
    moment = Moment(datetime.fromisoformat("2026-11-25T12:09:59+00:00"))
    async with open_signed_in("ada", clock=moment) as ada:
        kept = await upload(ada)
        note = await publish(ada, kept["markdown"])
        link = await share(ada, note["id"], days=1)
        first = (await read(ada, link)).json()
        assert datetime.fromisoformat(first["expires_at"]) == moment.now + timedelta(days=1)
        url = first["pictures"][0]["url"]
        moment.pass_(minutes=60)
        assert (await ada.get(url)).status_code == 200
        moment.pass_(seconds=1)
        expect_problem(await ada.get(url), 404, "not-found")
        url = (await read(ada, link)).json()["pictures"][0]["url"]
        moment.pass_(minutes=5)
        assert (await read(ada, link)).json()["pictures"][0]["url"] == url, "a browser has it already"
        moment.pass_(hours=22, minutes=54, seconds=58, milliseconds=999)
        url = (await read(ada, link)).json()["pictures"][0]["url"]
        assert (await ada.get(url)).status_code == 200
        moment.pass_(milliseconds=1)
        expect_problem(await read(ada, link), 404, "not-found")
        expect_problem(await ada.get(url), 404, "not-found")
        assert (await ada.get(f"{NOTES}/{note['id']}/shares")).json()["items"] == []


async def test_a_deleted_note_is_shown_to_nobody_and_a_restored_one_again(
    ada: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    kept = await upload(ada)
    note = await publish(ada, kept["markdown"])
    link = await share(ada, note["id"])
    url = (await read(reader, link)).json()["pictures"][0]["url"]
    await ada.delete(f"{NOTES}/{note['id']}", headers={"If-Match": "*"})
    for path in (link.api, url):
        expect_problem(await reader.get(path, headers=bearer(link.secret)), 404, "not-found")
    expect_problem(await ada.get(f"{NOTES}/{note['id']}/shares"), 404, "not-found")
    await ada.post(f"{NOTES}/{note['id']}/restore")
    for path in (link.api, url):
        assert (await reader.get(path, headers=bearer(link.secret))).status_code == 200


async def test_a_link_shows_the_note_as_it_is_now(ada: httpx.AsyncClient, reader: httpx.AsyncClient) -> None:
    first, second = await upload(ada, seed=1), await upload(ada, seed=2)
    note = await publish(ada, first["markdown"])
    link = await share(ada, note["id"])
    url = (await read(reader, link)).json()["pictures"][0]["url"]
    write = {"json": {"content": second["markdown"]}, "headers": {"If-Match": "*"}}
    changed = (await ada.put(f"{NOTES}/{note['id']}", **write)).json()  # type: ignore[arg-type]
    expect_problem(await reader.get(url), 404, "not-found")
    shown = (await read(reader, link)).json()
    assert (shown["content"], shown["updated_at"]) == (changed["content"], changed["updated_at"])
    assert [each["id"] for each in shown["pictures"]] == [second["id"]]
    assert (await reader.get(shown["pictures"][0]["url"])).status_code == 200


async def test_a_link_shows_no_picture_of_somebody_else(
    ada: httpx.AsyncClient, reader: httpx.AsyncClient, open_signed_in: OpenClient
) -> None:
    async with open_signed_in("bob") as bob:
        theirs = await upload(bob)
        note = await publish(ada, theirs["markdown"])
        assert (await read(reader, await share(ada, note["id"]))).json()["pictures"] == []


async def test_only_who_has_the_note_shares_it(ada: httpx.AsyncClient, open_signed_in: OpenClient) -> None:
    note = await publish(ada, "mine")
    link = await share(ada, note["id"])
    async with open_signed_in("bob") as bob:
        for method, path, options in (
            ("POST", f"{NOTES}/{{}}/shares", {"json": {"expires_in_days": None}}),
            ("GET", f"{NOTES}/{{}}/shares", {}),
            ("DELETE", f"{NOTES}/{{}}/shares/{link.id}", {}),
        ):
            refusals = []
            for id_ in (note["id"], ID, "nonsense"):
                answer = await bob.request(method, path.format(id_), **options)  # type: ignore[arg-type]
                refusals.append({**expect_problem(answer, 404, "not-found"), "request_id": ""})
            assert refusals[0] == refusals[1] == refusals[2]
        mine = await publish(bob, "bob's")
        expect_problem(await bob.delete(f"{NOTES}/{mine['id']}/shares/{link.id}"), 404, "not-found")
    assert (await read(ada, link)).status_code == 200


async def test_links_are_listed_without_their_secret_the_newest_first(open_signed_in: OpenClient) -> None:
    moment = Moment()
    async with open_signed_in("ada", clock=moment) as ada:
        note = await publish(ada, "mine")
        first = await share(ada, note["id"], days=3)
        moment.pass_(seconds=1)
        second = await share(ada, note["id"])
        answer = await ada.get(f"{NOTES}/{note['id']}/shares")
        items = answer.json()["items"]
        assert [(set(item), item["id"]) for item in items] == [
            ({"id", "created_at", "expires_at"}, link.id) for link in (second, first)
        ]
        assert items[0]["expires_at"] is None
        assert first.secret not in answer.text


async def test_a_token_that_writes_makes_links_and_one_that_reads_does_not(
    ada: httpx.AsyncClient, reader: httpx.AsyncClient
) -> None:
    note = await publish(ada, "mine")
    for access, status in (("write", 201), ("read", 403)):
        wanted = {"name": "CI", "access": access, "expires_in_days": 1}
        token = (await ada.post("/api/v1/tokens", json=wanted)).json()["token"]
        made = await reader.post(
            f"{NOTES}/{note['id']}/shares", json={"expires_in_days": 1}, headers=bearer(token)
        )
        assert made.status_code == status
        assert (await reader.get(f"{NOTES}/{note['id']}/shares", headers=bearer(token))).status_code == 200


@pytest.mark.parametrize("change", [{"is_disabled": True}, {"deleted_at": utc_now()}, None])
async def test_the_links_of_an_account_that_may_not_be_used_show_nothing(
    ada: httpx.AsyncClient,
    reader: httpx.AsyncClient,
    settings: Settings,
    mongo_admin: Admin,
    change: dict[str, object] | None,
) -> None:
    kept = await upload(ada)
    link = await share(ada, (await publish(ada, kept["markdown"]))["id"])
    url = (await read(reader, link)).json()["pictures"][0]["url"]
    users = mongo_admin[database_of(settings)]["users"]
    if change is None:
        await users.delete_one({})
    else:
        await users.update_one({}, {"$set": change})
    expect_problem(await read(reader, link), 404, "not-found")
    expect_problem(await reader.get(url), 404, "not-found")


async def test_a_note_that_changes_hands_takes_its_links_along(
    client: httpx.AsyncClient,
    ada: httpx.AsyncClient,
    reader: httpx.AsyncClient,
    settings: Settings,
    mongo_admin: Admin,
) -> None:
    kept = await upload(client)
    note = await publish(client, kept["markdown"])
    link = await share(client, note["id"])
    user = (await ada.get("/api/v1/account")).json()["id"]
    for collection in ("pictures", "notes"):
        await mongo_admin[database_of(settings)][collection].update_many({}, {"$set": {"owner": user}})
    shown = await read(reader, link)
    assert (await reader.get(shown.json()["pictures"][0]["url"])).status_code == 200
    assert [item["id"] for item in (await ada.get(f"{NOTES}/{note['id']}/shares")).json()["items"]] == [
        link.id
    ]
    assert (await ada.delete(link.own)).status_code == 204
    expect_problem(await read(reader, link), 404, "not-found")


async def test_only_a_hash_of_the_secret_is_kept(
    ada: httpx.AsyncClient, settings: Settings, mongo_admin: Admin
) -> None:
    link = await share(ada, (await publish(ada, "mine"))["id"])
    (kept,) = [each async for each in mongo_admin[database_of(settings)]["shares"].find()]
    assert link.secret not in repr(kept)


async def test_links_to_notes_that_are_gone_for_good_are_swept(
    ada: httpx.AsyncClient, settings: Settings
) -> None:
    gone, stays = await publish(ada, "gone"), await publish(ada, "stays")
    for note in (gone, gone, stays):
        await share(ada, note["id"])
    await ada.delete(f"{NOTES}/{gone['id']}", headers={"If-Match": "*"})
    assert (await sweep(settings, dry_run=False))["shares_removed"] == 0
    now = settings.model_copy(update={"trash_days": 0})
    await asyncio.sleep(0.01)
    swept = await sweep(now, dry_run=False)
    assert (swept["notes_purged"], swept["shares_removed"]) == (1, 2)
    assert (await sweep(now, dry_run=True))["shares_removed"] == 0
    assert len((await ada.get(f"{NOTES}/{stays['id']}/shares")).json()["items"]) == 1


async def test_there_is_an_end_to_links(ada: httpx.AsyncClient) -> None:
    note = await publish(ada, "mine")
    for _ in range(100):
        link = await share(ada, note["id"])
    body = {"expires_in_days": 1}
    expect_problem(await ada.post(f"{NOTES}/{note['id']}/shares", json=body), 409, "conflict")
    await ada.delete(link.own)
    assert (await ada.post(f"{NOTES}/{note['id']}/shares", json=body)).status_code == 201


async def test_each_act_is_a_line_of_the_audit_log_without_the_secret(
    ada: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    user = (await ada.get("/api/v1/account")).json()["id"]
    note = await publish(ada, "private")
    with audited(caplog) as lines:
        link = await share(ada, note["id"])
        await read(ada, link)
        await ada.delete(link.own)
    common = {"user": user, "by": user, "address": "127.0.0.1", "share": link.id, "note": note["id"]}
    for line, event in zip(lines, ("share_made", "share_revoked"), strict=True):
        assert line.items() >= {"event": event, **common}.items()
    assert link.secret not in repr(lines)
