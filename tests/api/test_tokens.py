"""API tokens: what they open, what they do not, and that they end everywhere at once."""

import base64
import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from api.acts import Moment, audited, bearer, database_of
from api.conftest import PASSWORD, OpenClient
from api.expect import expect_problem
from api.samples import picture
from knote.clock import utc_now
from knote.settings import Settings

TOKENS, NOTES, PICTURES = "/api/v1/tokens", "/api/v1/notes", "/api/v1/pictures"
ID = "a" * 24
Admin = AsyncMongoClient[dict[str, object]]


async def make(client: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """A new token of who is signed in there."""
    body = {"name": "CI", "access": "write", "expires_in_days": None, **wanted}
    answer = await client.post(TOKENS, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    made: dict[str, Any] = answer.json()
    return made


async def test_a_token_writes_and_reads_what_its_user_does(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with open_signed_in("ada") as ada, open_client(auth="accounts") as program:
        program.headers.update(bearer((await make(ada))["token"]))
        made = await program.post(NOTES, json={"content": "by a program"})
        assert made.status_code == 201
        path = made.headers["location"]
        assert (await ada.get(path)).json() == made.json()
        uploaded = await program.post(PICTURES, files={"file": picture()})
        assert uploaded.status_code == 201
        assert (await program.get(uploaded.json()["url"])).status_code == 200
        write = {"json": {"content": "again"}, "headers": {"If-Match": '"1"'}}
        assert (await program.put(path, **write)).status_code == 200  # type: ignore[arg-type]
        assert (await program.delete(path, headers={"If-Match": "*"})).status_code == 204
        assert (await program.post(f"{path}/restore")).status_code == 200
        assert (await program.get("/api/v1/account")).json()["name"] == "ada"


async def test_a_token_to_read_writes_nothing(open_signed_in: OpenClient, open_client: OpenClient) -> None:
    async with open_signed_in("ada") as ada, open_client(auth="accounts") as program:
        note = (await ada.post(NOTES, json={"content": "mine"})).json()
        program.headers.update(bearer((await make(ada, access="read"))["token"]))
        path = f"{NOTES}/{note['id']}"
        assert (await program.get(path)).json() == note
        assert len((await program.get(NOTES)).json()["items"]) == 1
        for method, target, options in (
            ("POST", NOTES, {"json": {"content": "x"}}),
            ("POST", NOTES, {"json": {"nothing": "right"}}),
            ("PUT", path, {"json": {"content": "x"}, "headers": {"If-Match": "*"}}),
            ("DELETE", path, {"headers": {"If-Match": "*"}}),
            ("POST", f"{path}/restore", {}),
            ("POST", PICTURES, {"files": {"file": picture()}}),
            ("PUT", "/api/v1/account/password", {"json": {}}),
            ("POST", TOKENS, {"json": {}}),
            ("DELETE", f"{TOKENS}/{ID}", {}),
            ("DELETE", "/api/v1/sessions", {}),
        ):
            expect_problem(await program.request(method, target, **options), 403, "read-only")
        assert (await ada.get(path)).json() == note


async def test_no_token_reaches_tokens_sessions_or_the_account(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with open_signed_in("ada", is_admin=True) as ada, open_client(auth="accounts") as program:
        token = await make(ada)
        program.headers.update(bearer(token["token"]))
        new = {"name": "more", "access": "write", "expires_in_days": None}
        passwords = {"current_password": PASSWORD, "new_password": "another horse battery"}
        for method, target, options in (
            ("GET", TOKENS, {}),
            ("POST", TOKENS, {"json": new}),
            ("DELETE", f"{TOKENS}/{token['id']}", {}),
            ("GET", "/api/v1/sessions", {}),
            ("DELETE", "/api/v1/sessions", {}),
            ("DELETE", f"/api/v1/sessions/{ID}", {}),
            ("PUT", "/api/v1/account/password", {"json": passwords}),
        ):
            expect_problem(await program.request(method, target, **options), 403, "forbidden")
        assert (await program.get(NOTES)).status_code == 200
        # A token is sent on purpose, and counts: the cookie beside it opens nothing more.
        expect_problem(await ada.get(TOKENS, headers=bearer(token["token"])), 403, "forbidden")


async def test_a_token_that_is_revoked_ends_on_all_replicas_at_once(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with (
        open_signed_in("ada") as ada,
        open_client(auth="accounts") as one,
        open_client(auth="accounts") as other,
    ):
        kept, gone = await make(ada, name="kept"), await make(ada, name="gone")
        for replica in (one, other):
            assert (await replica.get(NOTES, headers=bearer(gone["token"]))).status_code == 200
        assert (await ada.delete(f"{TOKENS}/{gone['id']}")).status_code == 204
        for replica in (one, other, ada):
            answer = await replica.get(NOTES, headers=bearer(gone["token"]))
            expect_problem(answer, 401, "sign-in-required", without=gone["token"])
            assert answer.headers["www-authenticate"] == "Bearer"
            assert (await replica.get(NOTES, headers=bearer(kept["token"]))).status_code == 200
        expect_problem(await ada.delete(f"{TOKENS}/{gone['id']}"), 404, "not-found")


async def test_a_token_expires(open_signed_in: OpenClient) -> None:
    moment = Moment()
    async with open_signed_in("ada", clock=moment) as ada:
        token = await make(ada, expires_in_days=2.0)
        assert token["expires_at"] == (moment.now + timedelta(days=2)).isoformat().replace("+00:00", "Z")
        moment.pass_(days=2, milliseconds=-1)
        assert (await ada.get(NOTES, headers=bearer(token["token"]))).status_code == 200
        moment.pass_(milliseconds=1)
        expect_problem(await ada.get(NOTES, headers=bearer(token["token"])), 401, "sign-in-required")
        (listed,) = (await ada.get(TOKENS)).json()["items"]
        assert listed["id"] == token["id"], "it says why the program is refused"


@pytest.mark.parametrize("change", [{"is_disabled": True}, {"deleted_at": utc_now()}, None])
async def test_the_tokens_of_an_account_that_may_not_be_used_do_nothing(
    open_signed_in: OpenClient, settings: Settings, mongo_admin: Admin, change: dict[str, object] | None
) -> None:
    users = mongo_admin[database_of(settings)]["users"]
    async with open_signed_in("ada") as ada:
        token = await make(ada)
        if change is None:
            await users.delete_one({})
        else:
            await users.update_one({}, {"$set": change})
        expect_problem(await ada.get(NOTES, headers=bearer(token["token"])), 401, "sign-in-required")


async def test_tokens_are_listed_without_their_secret_the_newest_first(open_signed_in: OpenClient) -> None:
    moment = Moment()
    async with open_signed_in("ada", clock=moment) as ada, open_signed_in("bob") as bob:
        first = await make(ada, name=" backup ", access="read", expires_in_days=90)
        moment.pass_(seconds=1)
        second = await make(ada, name="CI")
        answer = await ada.get(TOKENS)
        assert answer.json() == {
            "items": [
                {name: value for name, value in each.items() if name != "token"} for each in (second, first)
            ],
            "next": None,
        }
        assert (first["name"], first["access"], first["last_used_at"]) == ("backup", "read", None)
        assert first["token"] not in answer.text
        assert (await bob.get(TOKENS)).json()["items"] == []
        expect_problem(await bob.delete(f"{TOKENS}/{first['id']}"), 404, "not-found")
        assert (await ada.get(NOTES, headers=bearer(first["token"]))).status_code == 200


async def test_when_a_token_was_used_is_true_to_a_few_minutes(open_signed_in: OpenClient) -> None:
    moment = Moment()
    async with open_signed_in("ada", clock=moment) as ada:
        token = await make(ada)
        used = []
        for minutes in (1, 4, 2):
            moment.pass_(minutes=minutes)
            await ada.get(NOTES, headers=bearer(token["token"]))
            (listed,) = (await ada.get(TOKENS)).json()["items"]
            used.append(datetime.fromisoformat(listed["last_used_at"]))
        start = used[0]
        assert used == [start, start, start + timedelta(minutes=6)]
        assert used[-1] == moment.now


async def test_only_a_hash_of_a_token_is_kept(
    open_signed_in: OpenClient, settings: Settings, mongo_admin: Admin
) -> None:
    async with open_signed_in("ada") as ada:
        token = (await make(ada))["token"]
        (kept,) = [each async for each in mongo_admin[database_of(settings)]["tokens"].find()]
    assert token not in repr(kept)
    assert token.removeprefix("knote_") not in repr(kept)


async def test_a_token_is_recognised_and_a_mistyped_one_is_told(open_signed_in: OpenClient) -> None:
    async with open_signed_in("ada") as ada:
        tokens = {(await make(ada))["token"] for _ in range(10)}
        assert len(tokens) == 10
        token = tokens.pop()
        assert re.fullmatch(r"knote_[a-z2-7]{58}", token)
        assert len(base64.b32decode(token[6:].upper() + "======")) == 36
        other = "b" if token[20] == "a" else "a"
        for wrong in (token[:-1], token + "a", token[:20] + other + token[21:], "knote_" + "!" * 58):
            answer = await ada.get(NOTES, headers=bearer(wrong))
            problem = expect_problem(answer, 401, "sign-in-required", without=wrong)
            assert "mistyped" in problem["detail"] or "!" in wrong
        for odd in ("", "Bearer", "Bearer ", f"Basic {token}", f"{token}", f"Bearer {token} {token}"):
            expect_problem(await ada.get(NOTES, headers={"Authorization": odd}), 401, "sign-in-required")
        assert (await ada.get(NOTES, headers={"Authorization": f"bearer  {token}"})).status_code == 200


async def test_a_token_needs_no_proof_of_its_origin(
    open_signed_in: OpenClient, open_client: OpenClient
) -> None:
    async with open_signed_in("ada") as ada, open_client(auth="accounts") as program:
        headers = {**bearer((await make(ada))["token"]), "Origin": "https://elsewhere.example"}
        assert (await program.post(NOTES, json={"content": "x"}, headers=headers)).status_code == 201


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "  "},
        {"name": "x" * 101},
        {"access": "admin"},
        {"expires_in_days": 0},
        {"expires_in_days": 4000},
        {"expires_in_days": "7"},
        {"expires_in_days": 1.5},
        {"expires_in_days": True},
        {"more": 1},
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(
    open_signed_in: OpenClient, change: dict[str, object]
) -> None:
    body = {"name": "CI", "access": "write", "expires_in_days": None, **change}
    async with open_signed_in("ada") as ada:
        expect_problem(await ada.post(TOKENS, json=body), 422, "invalid")
        assert (await ada.get(TOKENS)).json()["items"] == []


async def test_there_is_an_end_to_tokens(open_signed_in: OpenClient) -> None:
    async with open_signed_in("ada") as ada:
        for number in range(100):
            token = await make(ada, name=str(number))
        body = {"name": "one more", "access": "read", "expires_in_days": 1}
        expect_problem(await ada.post(TOKENS, json=body), 409, "conflict")
        await ada.delete(f"{TOKENS}/{token['id']}")
        assert (await ada.post(TOKENS, json=body)).status_code == 201


async def test_an_open_notebook_has_no_tokens_and_minds_none(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", TOKENS), ("DELETE", f"{TOKENS}/{ID}")):
        expect_problem(await client.request(method, path), 404, "not-found")
    body = {"name": "CI", "access": "read", "expires_in_days": None}
    expect_problem(await client.post(TOKENS, json=body), 404, "not-found")
    for header in ("Bearer ", bearer("knote_nonsense")["Authorization"]):
        answer = await client.post(NOTES, json={"content": "x"}, headers={"Authorization": header})
        assert answer.status_code == 201


async def test_each_act_is_a_line_of_the_audit_log_without_the_secret(
    open_signed_in: OpenClient, caplog: pytest.LogCaptureFixture
) -> None:
    with audited(caplog) as lines:
        async with open_signed_in("ada") as ada:
            user = (await ada.get("/api/v1/account")).json()["id"]
            token = await make(ada, name="a private name", access="read")
            await ada.get(NOTES, headers=bearer(token["token"]))
            await ada.delete(f"{TOKENS}/{token['id']}")
    made, revoked = lines[-2:]
    common = {"user": user, "by": user, "address": "127.0.0.1", "token": token["id"]}
    assert made.items() >= {"event": "token_made", "access": "read", **common}.items()
    assert revoked.items() >= {"event": "token_revoked", **common}.items()
    assert token["token"] not in repr(lines)
    assert "private" not in repr(lines)
