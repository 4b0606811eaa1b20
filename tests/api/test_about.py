"""What the API tells about itself: documentation, figures, probes, headers."""

import re

import httpx

from api.conftest import OpenClient
from api.samples import picture

NOTES = "/api/v1/notes"


async def test_the_documentation_loads_nothing_from_other_hosts(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "http" not in page.text
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 4
    for path in named:
        if path.startswith("data:"):
            continue
        asset = await client.get(path)
        assert asset.status_code == 200
        assert len(asset.content) > 50
        assert asset.headers["x-content-type-options"] == "nosniff"
        assert re.match(r"text/(css|javascript)", asset.headers["content-type"])
    assert "/openapi.json" in (await client.get("/docs/start.js")).text


async def test_every_operation_is_documented_with_its_problems(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operations = {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }
    assert set(operations) == {
        *("create_note", "list_notes", "read_note", "replace_note", "delete_note", "restore_note"),
        *("create_picture", "read_picture", "head_picture", "livez", "readyz"),
        *("read_session", "sign_in", "sign_out", "list_sessions", "sign_out_everywhere", "revoke_session"),
        *("set_up", "read_account", "change_password", "delete_account", "export_account"),
        *("list_users", "change_user", "delete_user", "restore_user", "sign_up"),
        *("create_invite", "list_invites", "revoke_invite"),
        *("create_token", "list_tokens", "revoke_token"),
        *("start_sign_on", "finish_sign_on", "begin_sign_on", "begin_link", "unlink_identity"),
        *("create_share", "list_shares", "revoke_share"),
        *("read_shared_note", "read_shared_picture", "head_shared_picture"),
    }
    for name, operation in operations.items():
        assert operation["summary"], name
        assert operation["description"], name
        assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]
        for response in operation["responses"].values():
            assert response["description"], name


async def test_requests_are_counted_by_route_and_status(client: httpx.AsyncClient) -> None:
    note = (await client.post(NOTES, json={"content": "x"})).json()
    for _ in range(3):
        await client.get(f"{NOTES}/{note['id']}")
    await client.get(f"{NOTES}/aaaaaaaaaaaaaaaaaaaaaaaa")
    await client.get("/nowhere/at/all")
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    route = 'route="/api/v1/notes/{note_id}"'
    assert f'knote_http_requests_total{{method="GET",{route},status="200"}} 3.0' in answer.text
    assert f'knote_http_requests_total{{method="GET",{route},status="404"}} 1.0' in answer.text
    assert 'knote_http_requests_total{method="POST",route="/api/v1/notes",status="201"} 1.0' in answer.text
    assert 'route="other",status="404"} 1.0' in answer.text
    assert f'knote_http_request_duration_seconds_count{{method="GET",{route}}} 4.0' in answer.text
    assert note["id"] not in answer.text


async def test_answers_are_safe_to_open_wherever_they_end_up(client: httpx.AsyncClient) -> None:
    kept = (await client.post("/api/v1/pictures", files={"file": picture()})).json()
    for path in (NOTES, kept["url"], "/docs", "/livez", "/readyz", "/metrics", "/openapi.json", "/nowhere"):
        answer = await client.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"]
        assert answer.headers["x-request-id"]
        assert "server" not in answer.headers


async def test_probes_say_what_is_there(client: httpx.AsyncClient) -> None:
    live, ready = await client.get("/livez"), await client.get("/readyz")
    assert (live.status_code, live.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ok", "mongo": "ok", "pictures": "ok"})
    assert ready.headers["cache-control"] == "no-store"


async def test_browsers_are_told_to_stay_with_tls_where_it_is_used(open_client: OpenClient) -> None:
    for url, told in (
        ("https://notes.example", "max-age=31536000"),
        ("http://notes.example", None),
        ("", None),
    ):
        async with open_client(public_url=url) as client:
            for path in ("/api/v1/session", "/api/v1/notes/none", "/livez"):
                answer = await client.get(path)
                assert answer.headers.get("strict-transport-security") == told
