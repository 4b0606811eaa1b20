"""A run that tells secrets, started by test_secrecy.py alone: its tests pass, and its end must not."""

import logging
import os
import secrets
from pathlib import Path

import httpx

from secrecy.overheard import OVERHEARD

PASSWORD = "correct horse battery"
IS_TOLD = os.environ.get("PLANTED") == "yes"
logger = logging.getLogger("knote.planted")


async def answered(status: int, text: str, path: str = "/") -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    async with httpx.AsyncClient(transport=transport, base_url="http://knote") as client:
        await client.post(path, json={"name": "ada", "password": PASSWORD})


def of_ours(text: str) -> str:
    return text if IS_TOLD else "nothing"


async def test_what_was_sent_in_a_line_of_the_log() -> None:
    await answered(200, "signed in")
    logger.info("request", extra={"path": f"/api/v1/notes?q={of_ours(PASSWORD)}"})


def test_what_was_sent_in_the_words_of_an_error() -> None:
    try:
        raise OSError(of_ours(PASSWORD))
    except OSError:
        logger.exception("it failed")


async def test_what_was_sent_in_an_answer() -> None:
    await answered(422, f"This password is too weak: {of_ours(PASSWORD)}.")


async def test_what_was_sent_in_the_figures() -> None:
    await answered(200, f'requests{{path="{of_ours(PASSWORD)}"}} 1', "/metrics")


def test_what_a_process_was_given_in_its_output(tmp_path: Path) -> None:
    OVERHEARD.hold_settings({"MONGO_URL": "mongodb://knote:of-the-database@h/knote"})
    (tmp_path / "replica-1.log").write_text(f"refused: {of_ours('of-the-database')}", encoding="utf-8")


def test_what_nobody_knows_by_its_form() -> None:
    logger.info("a session began with %s", of_ours(secrets.token_urlsafe(32)))
