"""Administrators over accounts: who is out at once, who is back, and that one of them is always left."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import pytest

from api.conftest import PASSWORD, OpenClient
from api.expect import expect_problem
from api.samples import picture

USERS, ACCOUNT, SESSION, NOTES = "/api/v1/users", "/api/v1/account", "/api/v1/session", "/api/v1/notes"
NEVER = f"{USERS}/{'a' * 24}"


class Three(NamedTuple):
    """An administrator and two others, each on a replica of its own."""

    root: httpx.AsyncClient
    ada: httpx.AsyncClient
    bob: httpx.AsyncClient


@pytest.fixture
async def three(open_signed_in: OpenClient) -> AsyncIterator[Three]:
    async with (
        open_signed_in("root", is_admin=True) as root,
        open_signed_in("ada") as ada,
        open_signed_in("bob") as bob,
    ):
        yield Three(root, ada, bob)


async def path_of(client: httpx.AsyncClient) -> str:
    return f"{USERS}/{(await client.get(ACCOUNT)).json()['id']}"


async def sign_in(client: httpx.AsyncClient, name: str) -> httpx.Response:
    return await client.post(SESSION, json={"name": name, "password": PASSWORD})


async def test_accounts_are_listed_in_pages_the_newest_first(three: Three) -> None:
    kept = (await three.ada.post("/api/v1/pictures", files={"file": ("image.png", picture())})).json()
    first = (await three.root.get(USERS, params={"limit": 2})).json()
    rest = (await three.root.get(USERS, params={"limit": 2, "cursor": first["next"]})).json()
    assert [user["name"] for user in first["items"] + rest["items"]] == ["bob", "ada", "root"]
    assert rest["next"] is None
    ada = first["items"][1]
    assert set(ada) == {
        *("id", "name", "is_admin", "is_disabled", "created_at", "last_seen_at", "deleted_at"),
        "stored_bytes",
    }
    assert ada["stored_bytes"] == kept["size_bytes"]
    assert ada["last_seen_at"] >= ada["created_at"]
    assert [user["is_admin"] for user in rest["items"]] == [True]
    expect_problem(await three.root.get(USERS, params={"cursor": "bm90LW9uZQ"}), 422, "invalid")


async def test_only_an_administrator_looks_after_accounts(three: Three, client: httpx.AsyncClient) -> None:
    path = await path_of(three.bob)
    for method, where, body in (
        ("GET", USERS, None),
        ("PATCH", path, {"is_admin": True}),
        ("PATCH", await path_of(three.ada), {"is_admin": True}),
        ("DELETE", path, None),
        ("POST", f"{path}/restore", None),
    ):
        expect_problem(await three.ada.request(method, where, json=body), 403, "forbidden")
        expect_problem(await client.request(method, where, json=body), 404, "not-found")
    assert (await three.bob.get(NOTES)).status_code == 200


async def test_who_is_disabled_is_out_at_once_everywhere_and_for_good(
    three: Three, open_signed_in: OpenClient
) -> None:
    async with open_signed_in("ada") as phone:
        path = await path_of(three.ada)
        wanted = {"name": "ci", "access": "write", "expires_in_days": None}
        token = (await phone.post("/api/v1/tokens", json=wanted)).json()["token"]
        answer = await three.root.patch(path, json={"is_disabled": True})
        assert answer.status_code == 200
        with_token = {"headers": {"Authorization": f"Bearer {token}"}}
        expect_problem(await three.bob.get(NOTES, **with_token), 401, "sign-in-required")  # type: ignore[arg-type]
        assert answer.json()["is_disabled"] is True
        for client in (three.ada, phone):
            expect_problem(await client.get(NOTES), 401, "sign-in-required")
            expect_problem(await sign_in(client, "ada"), 401, "sign-in-failed")
        assert (await three.bob.get(NOTES)).status_code == 200
        assert (await three.root.patch(path, json={"is_disabled": False})).json()["is_disabled"] is False
        expect_problem(await phone.get(NOTES), 401, "sign-in-required")
        assert (await sign_in(phone, "ada")).status_code == 201
        assert (await phone.get(NOTES)).status_code == 200


async def test_a_new_administrator_is_one_at_once_and_no_longer_when_told(three: Three) -> None:
    path = await path_of(three.ada)
    assert (await three.root.patch(path, json={"is_admin": True})).json()["is_admin"] is True
    assert (await three.ada.get(USERS)).status_code == 200
    assert (await three.root.patch(path, json={"is_admin": False})).json()["is_admin"] is False
    expect_problem(await three.ada.get(USERS), 403, "forbidden")
    assert (await three.ada.get(NOTES)).status_code == 200


async def test_a_deleted_account_is_out_and_comes_back_with_all_that_was_its(three: Three) -> None:
    path = await path_of(three.ada)
    note = (await three.ada.post(NOTES, json={"content": "mine"})).json()
    for _ in range(2):
        assert (await three.root.delete(path)).status_code == 204
    expect_problem(await three.ada.get(NOTES), 401, "sign-in-required")
    expect_problem(await sign_in(three.ada, "ada"), 401, "sign-in-failed")
    expect_problem(await three.root.patch(path, json={"is_disabled": False}), 409, "conflict")
    listed = (await three.root.get(USERS)).json()["items"]
    assert [user["deleted_at"] is not None for user in listed] == [False, True, False]
    for _ in range(2):
        restored = await three.root.post(f"{path}/restore")
        assert restored.status_code == 200
        assert restored.json()["deleted_at"] is None
    expect_problem(await three.ada.get(NOTES), 401, "sign-in-required")
    assert (await sign_in(three.ada, "ada")).status_code == 201
    assert (await three.ada.get(NOTES)).json()["items"] == [note]


async def test_one_deletes_ones_own_account_with_the_password(three: Three) -> None:
    path = await path_of(three.ada)
    wrong = await three.ada.request("DELETE", ACCOUNT, json={"password": "wrong horse battery"})
    expect_problem(wrong, 401, "sign-in-failed")
    expect_problem(await three.ada.request("DELETE", ACCOUNT, json={}), 401, "sign-in-failed")
    assert (await three.ada.get(NOTES)).status_code == 200
    gone = await three.ada.request("DELETE", ACCOUNT, json={"password": PASSWORD})
    assert gone.status_code == 204
    assert "__Host-knote" not in three.ada.cookies
    expect_problem(await sign_in(three.ada, "ada"), 401, "sign-in-failed")
    assert (await three.root.post(f"{path}/restore")).status_code == 200


async def test_the_last_administrator_stays(three: Three) -> None:
    path = await path_of(three.root)
    for answer in (
        await three.root.patch(path, json={"is_disabled": True}),
        await three.root.patch(path, json={"is_admin": False}),
        await three.root.delete(path),
        await three.root.request("DELETE", ACCOUNT, json={"password": PASSWORD}),
    ):
        expect_problem(answer, 409, "conflict")
    await three.root.patch(await path_of(three.ada), json={"is_admin": True})
    await three.root.patch(await path_of(three.ada), json={"is_disabled": True})
    expect_problem(await three.root.delete(path), 409, "conflict")
    assert (await three.root.get(USERS)).status_code == 200
    await three.root.patch(await path_of(three.bob), json={"is_admin": True})
    assert (await three.root.delete(path)).status_code == 204


@pytest.mark.parametrize("act", ["disable", "demote", "delete", "leave"])
async def test_of_administrators_that_go_at_the_same_time_one_is_left(
    open_signed_in: OpenClient, act: str
) -> None:
    """Each asks another replica, for another account, at the same moment; and the other way round."""
    async with (
        open_signed_in("eve", is_admin=True) as eve,
        open_signed_in("mia", is_admin=True) as mia,
        open_signed_in("zoe", is_admin=True) as zoe,
    ):
        clients = [eve, mia, zoe]
        paths = [await path_of(client) for client in clients]

        async def go(number: int) -> httpx.Response:
            client, other = clients[number], paths[(number + 1) % 3]
            if act == "leave":
                return await client.request("DELETE", ACCOUNT, json={"password": PASSWORD})
            if act == "delete":
                return await client.delete(other)
            change = {"is_disabled": True} if act == "disable" else {"is_admin": False}
            return await client.patch(other, json=change)

        answers = await asyncio.gather(*(go(number) for number in range(3)))
        *done, refused = sorted(answer.status_code for answer in answers)
        assert done in ([200, 200], [204, 204]), done
        # The last administrator stays; or who was to go first had no say any more when it asked.
        assert refused in (401, 403, 409), refused
        still = [client for client in clients if (await client.get(USERS)).status_code == 200]
        assert len(still) == 1


async def test_what_is_no_account_is_told_so(three: Three) -> None:
    for method, path, body in (
        ("PATCH", NEVER, {"is_disabled": True}),
        ("PATCH", NEVER, {}),
        ("PATCH", NEVER, {"is_admin": True}),
        ("DELETE", NEVER, None),
        ("POST", f"{NEVER}/restore", None),
    ):
        expect_problem(await three.root.request(method, path, json=body), 404, "not-found")
    expect_problem(await three.root.patch(await path_of(three.ada), json={"name": "eve"}), 422, "invalid")
    nothing = await three.root.patch(await path_of(three.ada), json={})
    assert nothing.json()["name"] == "ada"


async def test_each_act_of_an_administrator_is_a_line_of_the_audit_log(
    three: Three, caplog: pytest.LogCaptureFixture
) -> None:
    path, by = await path_of(three.ada), (await path_of(three.root)).removeprefix(f"{USERS}/")
    with caplog.at_level(logging.INFO, logger="knote.audit"):
        await three.root.patch(path, json={"is_admin": True})
        await three.root.patch(path, json={"is_admin": False, "is_disabled": True})
        await three.root.patch(path, json={"is_disabled": False})
        await three.root.delete(path)
        await three.root.post(f"{path}/restore")
        await three.root.post(f"{path}/restore")
    lines: list[dict[str, Any]] = [vars(record) for record in caplog.records if record.name == "knote.audit"]
    assert [line["event"] for line in lines] == [
        *("user_made_admin", "user_disabled", "user_no_longer_admin", "user_enabled"),
        *("user_deleted", "user_restored"),
    ]
    assert {(line["user"], line["by"]) for line in lines} == {(path.removeprefix(f"{USERS}/"), by)}
    assert all(line["address"] == "127.0.0.1" for line in lines)
