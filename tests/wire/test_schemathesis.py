"""The served OpenAPI says what is served: schemathesis tries to show that it does not."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from api.expect import expect_stored
from api.samples import picture
from knote.maintenance import fsck
from knote.settings import Settings
from servers.process import CHECKOUT
from wire.replica import Replica

CONFIG = Path(__file__).with_name("schemathesis.toml")


async def test_schemathesis_finds_nothing(one: Replica, settings: Settings, tmp_path: Path) -> None:
    async with one.open() as client:
        kept = await client.post("/api/v1/pictures", files={"file": picture("JPEG", (1000, 50))})
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{one.url}/openapi.json", "--checks", "all", "--max-response-time", "20"),
        *("--max-examples", "15", "--generation-deterministic", "--continue-on-failure", "--no-color"),
    ]
    run = await asyncio.to_thread(
        subprocess.run,
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PICTURE_ID": kept.json()["id"]},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    paths = json.loads((CHECKOUT / "api" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    count = sum(len(operations) for operations in paths.values())
    assert f"{count} selected / {count} total" in run.stdout
    assert one.is_alive
    assert not [line for line in one.log if line["level"] in {"ERROR", "CRITICAL"}]
    report = await fsck(settings, dry_run=True)
    await expect_stored(
        settings, notes=report["notes"], pictures=report["pictures"], objects=report["objects"]
    )


async def test_the_committed_openapi_is_the_served_one(one: Replica) -> None:
    run = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "knote", "openapi"],
        capture_output=True,
        text=True,
        check=True,
    )
    committed = (CHECKOUT / "api" / "openapi.json").read_text(encoding="utf-8")
    assert run.stdout == committed, "run `python -m knote openapi > api/openapi.json`"
    async with one.open() as client:
        served = await client.get("/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.text.strip()
    assert served.json() == json.loads(committed)
