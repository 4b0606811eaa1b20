"""Passwords: which are taken, how they are kept, and that comparing tells nothing by its time."""

import asyncio
import statistics
import time
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from knote.errors import Invalid, TooManyRequests
from knote.users.names import checked_name, name_key
from knote.users.passwords import Passwords, _common, check_password

GOOD = "correct horse battery"


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    with Passwords() as passwords:
        yield passwords


async def test_a_password_is_kept_as_argon2id_and_known_again(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.hash(GOOD) != kept, "each has a salt of its own"
    assert await passwords.verify(kept, GOOD)
    assert not await passwords.verify(kept, GOOD + "!")
    assert not await passwords.verify(None, GOOD)
    assert not await passwords.verify("$argon2id$what$is$this", GOOD)


async def test_a_password_is_the_same_however_a_keyboard_spells_it(passwords: Passwords) -> None:
    assert await passwords.verify(await passwords.hash("Übergrößenträger"), "Übergrößenträger")


async def test_a_password_kept_with_other_parameters_is_outdated(passwords: Passwords) -> None:
    assert not passwords.is_outdated(await passwords.hash(GOOD))
    weaker = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    assert await passwords.verify(weaker, GOOD)
    assert passwords.is_outdated(weaker)


def test_no_account_takes_as_much_work_as_a_wrong_password(passwords: Passwords) -> None:
    kept = passwords._hasher.hash(GOOD)
    times: dict[str, list[float]] = {passwords._dummy: [], kept: []}
    for _ in range(25):
        for each, taken in times.items():
            began = time.thread_time()  # of this thread alone, whatever else the machine does
            assert not passwords._is_same(each, "wrong horse battery")
            taken.append(time.thread_time() - began)
    ratio = statistics.median(times[passwords._dummy]) / statistics.median(times[kept])
    assert 0.8 < ratio < 1.25


async def test_the_event_loop_goes_on_while_passwords_are_compared(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    comparing = asyncio.gather(*(passwords.verify(kept, GOOD) for _ in range(10)))
    turns = 0
    while not comparing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 10
    assert all(await comparing)


async def test_a_crowd_has_a_quarter_of_a_core(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    began, worked = time.monotonic(), time.process_time()
    assert await asyncio.gather(*(passwords.verify(kept, GOOD) for _ in range(20))) == [True] * 20
    # All else that this process does meanwhile counts as work as well.
    assert time.process_time() - worked < 0.5 * (time.monotonic() - began)


async def test_a_crowd_is_told_to_come_again(passwords: Passwords) -> None:
    kept = await passwords.hash(GOOD)
    answers = await asyncio.gather(*(passwords.verify(kept, GOOD) for _ in range(80)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, TooManyRequests)]
    assert len(refused) == 16
    assert all(answer.headers["Retry-After"] == "5" for answer in refused)
    assert [answer for answer in answers if answer is True] == [True] * 64


def test_the_ten_thousand_commonest_passwords_are_known() -> None:
    assert len(_common()) == 10_000


@pytest.mark.parametrize(
    "password",
    [
        *("", "short", "eleven char", "x" * 1001, "qwerty123456", "QWERTY123456", "passwordpassword"),
        *("dragon" * 3, "a" * 12, "ab" * 6, "ada lovelace", "ADA LOVELACE", "ada lovelaceada lovelace"),
    ],
)
def test_a_password_that_others_would_try_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password, name="Ada Lovelace", location=("body", "password"))
    assert password == "" or password not in refused.value.detail


@pytest.mark.parametrize("password", [GOOD, "x1" * 6 + "y", "十二個字的密碼就是這麼長了", "p4 ss" * 200])
def test_other_passwords_are_taken(password: str) -> None:
    check_password(password, name="Ada Lovelace", location=("body", "password"))


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada", "Ada"),
        ("  Ada Lovelace ", "Ada Lovelace"),
        ("ａｄａ", "ada"),
        ("ada@example.org", "ada@example.org"),
        ("王小明", "王小明"),
        ("x" * 64, "x" * 64),
    ],
)
def test_a_name_is_kept_as_it_is_shown(typed: str, kept: str) -> None:
    assert checked_name(typed) == kept


@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\nb", "a\u202eb", "<b>", ".ada", "a\x00b", "\u200b"])
def test_a_name_that_nobody_may_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_name(name)


def test_two_spellings_of_a_name_are_one_account() -> None:
    assert len({name_key(name) for name in ("Straße", " STRASSE ", "strasse", "ｓtrasse")}) == 1
