"""The bucket and its user, and that the API needs no more than that user may do."""

import asyncio
import json
import secrets
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import S3Error
from pydantic import SecretStr

from api.samples import picture
from bootstrap.job import bootstrap
from knote.app import create_app
from knote.local.ports import free_port
from knote.maintenance import fsck, sweep
from knote.settings import Settings
from servers.minio import MinioServer

PICTURES = "/api/v1/pictures"


def client_of(store: dict[str, str], *, is_root: bool = False) -> Minio:
    """A client as the user, or as root."""
    names = (
        ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD") if is_root else ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")
    )
    user, password = (store[name] for name in names)
    address = store["MINIO_HOST"].removeprefix("http://")
    return Minio(address, credentials=StaticProvider(user, password), secure=False, region="us-east-1")


def refusal(call: Any, *arguments: Any, **named: Any) -> str:
    """The code with which the store refuses."""
    with pytest.raises(S3Error) as refused:
        call(*arguments, **named)
    return str(refused.value.code)


@pytest.fixture
def own_settings(settings: Settings, store: dict[str, str]) -> Settings:
    """Settings of an API with the prepared user."""
    return settings.model_copy(
        update={
            "minio_host": store["MINIO_HOST"],
            "minio_access_key": store["MINIO_ACCESS_KEY"],
            "minio_secret_key": SecretStr(store["MINIO_SECRET_KEY"]),
            "minio_bucket": store["MINIO_BUCKET"],
            "picture_grace_days": 0,
        }
    )


async def test_jobs_at_once_prepare_one_bucket_and_one_user(store: dict[str, str]) -> None:
    hidden = (store["MINIO_SECRET_KEY"], store["MINIO_ROOT_PASSWORD"])
    runs = await asyncio.gather(*(bootstrap(store, secrets=hidden) for _ in range(3)))
    assert [run.status for run in runs] == [0, 0, 0], [run.output for run in runs]
    again = await bootstrap(store, secrets=hidden)
    assert again.status == 0
    results = [(line["step"], line["result"]) for line in again.lines]
    assert results == [
        ("replica-set", "skipped"),
        ("bucket", "unchanged"),
        ("policy", "unchanged"),
        ("access-key", "unchanged"),
        ("access-key", "verified"),
    ]


async def test_the_api_does_all_its_work_as_that_user(store: dict[str, str], own_settings: Settings) -> None:
    assert (await bootstrap(store)).status == 0
    async with (
        LifespanManager(create_app(own_settings)) as manager,
        httpx.AsyncClient(transport=httpx.ASGITransport(manager.app), base_url="http://knote") as client,
    ):
        assert (await client.get("/readyz")).json()["status"] == "ok"
        found = (await client.post(PICTURES, files={"file": ("a.png", picture(size=(800, 600)))})).json()
        await expect_bytes(client, found["url"])
    assert (await fsck(own_settings, dry_run=False))["status"] == "clean"
    report = await sweep(own_settings, dry_run=False)
    assert (report["pictures_removed"], report["objects_removed"]) == (1, 2), "the original and its variant"
    objects = list(client_of(store).list_objects(store["MINIO_BUCKET"], recursive=True))
    assert objects == []
    assert (await fsck(own_settings, dry_run=False))["status"] == "clean"


async def expect_bytes(client: httpx.AsyncClient, url: str) -> None:
    """The picture can be read: whole, in part, small, and by its headers alone."""
    assert (await client.get(url)).status_code == 200
    assert (await client.get(url, headers={"Range": "bytes=0-9"})).status_code == 206
    assert (await client.get(url, params={"width": 320})).headers["content-type"] == "image/webp"
    assert (await client.head(url)).status_code == 200


async def test_the_user_may_do_nothing_else(store: dict[str, str]) -> None:
    assert (await bootstrap(store)).status == 0
    user, root = client_of(store), client_of(store, is_root=True)
    other = f"other-{secrets.token_hex(6)}"
    root.make_bucket(bucket_name=other)
    bucket = store["MINIO_BUCKET"]
    assert refusal(user.make_bucket, bucket_name=f"new-{secrets.token_hex(6)}") == "AccessDenied"
    assert refusal(user.remove_bucket, bucket_name=bucket) == "AccessDenied"
    assert refusal(lambda: list(user.list_objects(other))) == "AccessDenied"
    assert refusal(user.get_object, bucket_name=other, object_name="x") == "AccessDenied"
    assert refusal(user.get_bucket_policy, bucket_name=bucket) == "AccessDenied"
    assert refusal(user.delete_bucket_policy, bucket_name=bucket) == "AccessDenied"
    assert [found.name for found in user.list_buckets()] in ([], [bucket])


async def test_a_changed_secret_key_takes_the_place_of_the_old_one(store: dict[str, str]) -> None:
    assert (await bootstrap(store)).status == 0
    changed = {**store, "MINIO_SECRET_KEY": secrets.token_urlsafe(24)}
    run = await bootstrap(changed, secrets=(changed["MINIO_SECRET_KEY"],))
    assert (run.status, run.results["access-key"]) == (0, "verified")
    assert {"step": "access-key", "result": "updated"}.items() <= next(
        line for line in run.lines if line["step"] == "access-key"
    ).items()
    assert client_of(changed).bucket_exists(bucket_name=store["MINIO_BUCKET"])
    assert refusal(lambda: list(client_of(store).list_objects(store["MINIO_BUCKET"]))) == (
        "SignatureDoesNotMatch"
    )


async def test_rights_that_were_added_by_hand_are_taken_back(store: dict[str, str]) -> None:
    assert (await bootstrap(store)).status == 0
    admin = MinioAdmin(
        endpoint=store["MINIO_HOST"].removeprefix("http://"),
        credentials=StaticProvider(store["MINIO_ROOT_USER"], store["MINIO_ROOT_PASSWORD"]),
        secure=False,
    )
    user = store["MINIO_ACCESS_KEY"]
    admin.attach_policy(["readwrite"], user=user)
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
    }
    admin.policy_add(f"knote-{store['MINIO_BUCKET']}", policy=everything)
    run = await bootstrap(store)
    assert run.status == 0
    assert run.results["policy"] == "updated"
    assert json.loads(admin.user_info(user))["policyName"] == f"knote-{store['MINIO_BUCKET']}"
    assert refusal(client_of(store).make_bucket, bucket_name="anything") == "AccessDenied"


async def test_a_store_that_never_comes_or_knows_another_root_ends_the_job_in_time(
    store: dict[str, str], minio: MinioServer
) -> None:
    away = {**store, "MINIO_HOST": f"127.0.0.1:{free_port()}"}
    run = await bootstrap(away, timeout_seconds=2)
    assert (run.status, run.results["object-store"]) == (1, "failed")
    wrong = {**store, "MINIO_ROOT_PASSWORD": "not-the-password"}
    run = await bootstrap(wrong, secrets=("not-the-password",), timeout_seconds=2)
    assert (run.status, run.results["bucket"]) == (1, "failed")
    assert minio.is_running
