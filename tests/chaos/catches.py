"""Bugs that break a promise each, in the real API, are caught; the same without the bug is not accused."""

import dataclasses
import re
from collections.abc import AsyncIterator

import pytest

from chaos.checker import INVARIANTS, check
from chaos.figures import PAGE
from chaos.members import OF_ACCOUNTS
from chaos.planted import trial as recipes
from chaos.planted.bugs import BUGS
from chaos.planted.trial import Recipe, Trial, running_trials

# A bug that needs two requests to meet may take more than a few seconds to show.
_ATTEMPTS = 3
_WRITES = {"create": 30, "read": 30, "list": 4, "replace": 40, "delete": 10, "restore": 2}
# Many who walk through the pages while notes come and go.
_LISTS = {**_WRITES, "list": 40}
# Whoever uploads waits for long enough to be cut off.
_PICTURES = {"create": 20, "read": 10, "upload": 40, "fetch": 30}
_MIXED = {**_WRITES, "upload": 10, "fetch": 20}
_ACCOUNTS = {**_MIXED, "search": 5, **OF_ACCOUNTS, "sign_out": 6, "revoke": 6}

PLAIN = Recipe(recipes.quietly(250), _MIXED)
RECIPES = {
    "plain": Recipe(recipes.quietly(250, 15), _MIXED, after=recipes.stray_object),
    "rivals": Recipe(recipes.rivals, _WRITES),
    "mongo untold": Recipe(recipes.mongo_untold, _WRITES),
    "mongo down": Recipe(recipes.mongo_down, _WRITES),
    "secondary behind": Recipe(recipes.secondary_behind, _WRITES),
    "another is elected": Recipe(recipes.another_is_elected, _WRITES),
    "primary alone and killed": Recipe(recipes.primary_alone_and_killed, _WRITES),
    "s3 refuses": Recipe(recipes.s3_refuses, _PICTURES),
    "terminated": Recipe(recipes.one_is_terminated, _PICTURES, workers=24),
}
ACCOUNTS = Recipe(recipes.in_turn(PLAIN, RECIPES["mongo down"]), _ACCOUNTS, auth="accounts")
SWEPT = Recipe(recipes.pictures_swept_and_named, _WRITES, grace_seconds=2, workers=2)
CLEAN = {
    "all in turn": Recipe(recipes.in_turn(*RECIPES.values()), _MIXED, after=recipes.stray_object),
    "swept and named": SWEPT,
    "accounts": ACCOUNTS,
}


@dataclasses.dataclass(frozen=True)
class Plant:
    """A bug, what brings it to light, which promise it breaks, and whether the end has to be looked at."""

    bug: str
    recipe: Recipe
    promises: frozenset[int]
    is_whole: bool = False


def _plant(bug: str, recipe: str | Recipe, *promises: int, is_whole: bool = False) -> Plant:
    chosen = RECIPES[recipe] if isinstance(recipe, str) else recipe
    return Plant(bug, chosen, frozenset(promises), is_whole)


PLANTS = [
    _plant("no_idempotency_index", "mongo untold", 1),
    _plant("unconditional_replace", "rivals", 2),
    _plant("reads_from_secondaries", "secondary behind", 3, is_whole=True),
    _plant("primary_at_once", "another is elected", 3, is_whole=True),
    _plant("shared_too_long", Recipe(recipes.quietly(500), _LISTS), 3),
    _plant("majority_off", "primary alone and killed", 1),
    _plant("offset_paging", Recipe(recipes.quietly(1000), _LISTS), 4),
    _plant("early_ack", "s3 refuses", 5, is_whole=True),
    _plant("sweep_without_recheck", SWEPT, 5, is_whole=True),
    _plant("colliding_keys", PLAIN, 5),
    _plant("undeleting_replace", PLAIN, 6),
    _plant("blind_fsck", Recipe(recipes.quietly(20), after=recipes.stray_object), 7, is_whole=True),
    _plant("missing_when_down", "mongo down", 3, is_whole=True),
    _plant("untold_errors", "mongo down", 8),
    _plant("end_at_once", "terminated", 8),
    _plant("crash_when_down", "mongo down", 9),
    _plant("leak", RECIPES["plain"], 10),
    _plant("forgetful_stores", Recipe(recipes.quietly(250), _ACCOUNTS, auth="accounts"), 11),
    _plant("remembered_sessions", Recipe(recipes.quietly(250), _ACCOUNTS, auth="accounts"), 12),
    _plant("signed_out_when_down", Recipe(recipes.mongo_down, _ACCOUNTS, auth="accounts"), 12),
]


@pytest.fixture(scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    """One system for all of them."""
    async with running_trials(tmp_path_factory.mktemp("planted")) as trial:
        yield trial


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.bug)
async def test_a_planted_bug_is_caught(trial: Trial, plant: Plant) -> None:
    for _ in range(_ATTEMPTS):
        history = await trial.run(plant.recipe, ("chaos.planted", plant.bug), is_whole=plant.is_whole)
        accused = check(history)
        if plant.promises <= {violation.invariant for violation in accused}:
            return
    pytest.fail(f"{plant.bug} is not caught: {[str(one) for one in accused]}")


@pytest.mark.parametrize("name", CLEAN)
async def test_the_same_without_a_bug_is_not_accused(trial: Trial, name: str) -> None:
    history = await trial.run(CLEAN[name], ("knote",), is_whole=True)
    assert [str(violation) for violation in check(history)] == []


def test_the_page_about_reliability_has_a_line_for_every_bug() -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("| planted bug | breaks promise |\n")
    told = re.findall(r"^\| .* \| (\d+) \|$", rest.partition("\n\n")[0], re.MULTILINE)
    broken = [promise for plant in PLANTS for promise in plant.promises]
    assert sorted(map(int, told)) == sorted(broken)


def test_every_promise_has_a_bug_that_breaks_it() -> None:
    assert {promise for plant in PLANTS for promise in plant.promises} == {*INVARIANTS}
    assert {plant.bug for plant in PLANTS} == {*BUGS}
