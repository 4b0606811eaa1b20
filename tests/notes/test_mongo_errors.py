"""Which answers of MongoDB mean that it is away for a moment, and which that something is wrong."""

import pytest
from pymongo.errors import OperationFailure

from knote.errors import NotesUnavailable
from knote.mongo import database_errors


@pytest.mark.parametrize("code", [134, 211, 9001, 11600, 13435, 14031])
def test_what_a_replica_set_says_while_it_starts_or_stops_passes_with_time(code: int) -> None:
    with pytest.raises(NotesUnavailable), database_errors():
        raise OperationFailure("not yet", code)


@pytest.mark.parametrize("code", [2, 9, 121, None])
def test_a_command_that_is_wrong_stays_an_error(code: int | None) -> None:
    with pytest.raises(OperationFailure), database_errors():
        raise OperationFailure("no such operator", code)
