"""Pictures come from MinIO through nginx, once, and the API is asked each time."""

import asyncio
import json

import httpx

from api.samples import noise_png
from compose.system import Compose


async def test_many_reloads_read_the_store_once(client: httpx.AsyncClient, compose: Compose) -> None:
    data = noise_png(300, seed=7)
    kept = await client.post("/api/v1/pictures", files={"file": ("noise.png", data)})
    assert kept.status_code == 201, kept.text
    url = kept.headers["location"]
    answers = [await client.get(url) for _ in range(10)]
    answers += await asyncio.gather(*(client.get(url) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].headers["content-type"] == "image/png"
    assert not [name for name in answers[0].headers if name.startswith(("x-amz", "x-minio", "x-accel"))]

    logged = [line["cache"] for line in compose.requests_of_web(url)]
    assert sorted(logged) == ["HIT"] * 19 + ["MISS"]
    lines = compose.run("logs", "--no-log-prefix", "api").splitlines()
    asked = [line for line in lines if line.startswith("{") and json.loads(line).get("path") == url]
    assert len(asked) == 20


async def test_ranges_conditions_and_copies_are_right(client: httpx.AsyncClient) -> None:
    kept = await client.post("/api/v1/pictures", files={"file": ("noise.png", noise_png(400, seed=8))})
    url = kept.headers["location"]
    part = await client.get(url, headers={"Range": "bytes=100-199"})
    whole = await client.get(url)
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    same = await client.get(url, headers={"If-None-Match": whole.headers["etag"]})
    assert same.status_code == 304
    head = await client.head(url)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(whole.content)))
    small = await client.get(url, params={"width": 320})
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")


async def test_the_largest_upload_passes_and_a_larger_one_is_refused_as_a_problem(
    client: httpx.AsyncClient,
) -> None:
    large = await client.post("/api/v1/pictures", files={"file": ("big.png", noise_png(2600, seed=9))})
    assert large.status_code == 201, large.text
    refused = await client.post("/api/v1/pictures", files={"file": ("big.png", b"\0" * 22_000_000)})
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"


async def test_the_inner_location_and_the_probes_are_closed(client: httpx.AsyncClient) -> None:
    for path in ("/_s3/knote/anything", "/metrics", "/readyz", "/livez"):
        assert (await client.get(path)).status_code == 404, path
