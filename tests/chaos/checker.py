"""Judges a history: every promise of the notebook as a function that looks for where it was broken.

`python -m chaos.checker FILE` judges a history that was kept. Nothing here knows Knote's code.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from chaos.evidence import Evidence, Violation
from chaos.history import History, read_history
from chaos.judge_accounts import nobody_sees_what_is_anothers, what_is_over_stays_over
from chaos.judge_notes import (
    acknowledged_notes_are_kept,
    deleted_notes_stay_deleted,
    lists_are_whole,
    reads_are_never_stale,
    versions_form_a_chain,
)
from chaos.judge_pictures import nothing_is_unaccounted_for, pictures_are_kept
from chaos.judge_service import errors_are_excused, recovery_is_prompt, resources_do_not_grow

Invariant = Callable[[Evidence], Iterator[Violation]]

INVARIANTS: dict[int, Invariant] = {
    1: acknowledged_notes_are_kept,
    2: versions_form_a_chain,
    3: reads_are_never_stale,
    4: lists_are_whole,
    5: pictures_are_kept,
    6: deleted_notes_stay_deleted,
    7: nothing_is_unaccounted_for,
    8: errors_are_excused,
    9: recovery_is_prompt,
    10: resources_do_not_grow,
    11: nobody_sees_what_is_anothers,
    12: what_is_over_stays_over,
}
_OF_ACCOUNTS = frozenset({11, 12})


def check(history: History) -> list[Violation]:
    """Every broken promise that the history shows."""
    evidence = Evidence(history)
    return [violation for invariant in INVARIANTS.values() for violation in invariant(evidence)]


def promised(history: History) -> list[int]:
    """The promises that a run can show to hold: an open notebook keeps nobody apart."""
    return [number for number in INVARIANTS if history.setup.auth == "accounts" or number not in _OF_ACCOUNTS]


def main() -> int:
    """Prints the violations. Returns the exit status."""
    violations = check(read_history(Path(sys.argv[1])))
    for violation in violations:
        print(violation)
    print(f"{len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
