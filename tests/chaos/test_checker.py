"""The checker itself: it accuses where a promise was broken, and nowhere else."""

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.checker import check
from chaos.evidence import Evidence
from chaos.figures import figures
from chaos.history import (
    Call,
    Chore,
    Fault,
    History,
    Process,
    Record,
    Setup,
    StoredNote,
    StoredObject,
    StoredPicture,
    digest,
    read_history,
    write_history,
)
from chaos.judge_service import growths

SETUP = Setup(seed=1, minutes=1, workers=4, replicas=3, members=3, s3="weed", picture_grace_seconds=30)
CREATED_AT = "2026-01-01T00:00:00Z"
CAT, DOG = "ca" * 32, "d0" * 32
MEBIBYTE = 1024 * 1024


class Story:
    """A history that is told call by call; each takes from its start to its end, in seconds."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def tell(self, start: float, end: float, operation: str, key: str, **more: Any) -> Call:
        """One more call. Without a status it was never answered."""
        status = more.pop("status", None)
        fields: dict[str, Any] = {
            "number": len(self.calls) + 1,
            "worker": 0,
            "operation": operation,
            "key": key,
            "attempt": 0,
            "started": start,
            "ended": end if status is not None else None,
            "replica": "api-0",
            "request": {},
            "status": status,
            "response": None,
            "headers": {"retry-after": "2"} if status == 503 else {},
            "error": None if status is not None else "ReadError: cut",
            "lost": None if status is not None else end,
            **more,
        }
        self.calls.append(Call(**fields))
        return self.calls[-1]

    def create(self, start: float, end: float, id_: str | None, *, version: int = 1, **more: Any) -> None:
        """A create with the key and text of this note; without an id it was never answered."""
        key = more.pop("key", f"key-{id_}")
        text = more.pop("text", f"{key} one")
        shown = more.pop("shown", text)
        pictures = more.pop("pictures", [])
        answer: dict[str, Any] = {}
        if id_ is not None:
            answer = {"status": 201, "response": note(id_, version, shown, pictures=pictures)}
        self.tell(start, end, "create", key, request={"content": text}, **answer, **more)

    def read(
        self, start: float, end: float, id_: str, version: int | None, text: str = "", **more: Any
    ) -> None:
        """A read; without a version it is answered 404."""
        if version is None:
            self.tell(start, end, "read", id_, status=404, response=problem("not-found"), **more)
        else:
            self.tell(start, end, "read", id_, status=200, response=note(id_, version, text), **more)

    def replace(
        self, start: float, end: float, id_: str, version: int, text: str, status: int | None
    ) -> None:
        """A write that names the version. 412 shows version + 1 with the text."""
        answer: dict[str, Any] = {"status": status}
        if status == 200:
            answer["response"] = note(id_, version + 1, text)
        if status == 412:
            answer["response"] = {
                **problem("precondition-failed"),
                "current": note(id_, version + 1, "other"),
            }
        request = {"content": text, "if_match": f'"{version}"'}
        self.tell(start, end, "replace", id_, request=request, **answer)

    def delete(self, start: float, end: float, id_: str, version: int, status: int | None = 204) -> None:
        """A delete that names the version."""
        self.tell(start, end, "delete", id_, request={"if_match": f'"{version}"'}, status=status)

    def restore(self, start: float, end: float, id_: str, version: int | None, text: str = "") -> None:
        """A restore; without a version it was never answered."""
        answer = {"status": 200, "response": note(id_, version, text)} if version else {}
        self.tell(start, end, "restore", id_, **answer)

    def walk(self, start: float, end: float, key: str, *pages: list[list[Any]], **request: Any) -> None:
        """A walk through all pages, each as long as the next."""
        seconds = (end - start) / len(pages)
        for number, items in enumerate(pages):
            at = start + number * seconds
            following = "more" if number + 1 < len(pages) else None
            operation = "search" if "q" in request else "list"
            response = {"items": items, "next": following}
            page = {"page": number, **request}
            self.tell(at, at + seconds, operation, key, request=page, status=200, response=response)

    def upload(self, start: float, end: float, id_: str, **more: Any) -> None:
        """An upload that was acknowledged."""
        fields: dict[str, Any] = {
            "request": {"sha256": id_, "size_bytes": 9, "pixels_sha256": f"pixels of {id_}"},
            "status": 201,
            "response": {"id": id_, "size_bytes": 9},
            **more,
        }
        self.tell(start, end, "upload", id_, **fields)

    def fetch(self, start: float, end: float, id_: str, **more: Any) -> None:
        """A picture's bytes as they are promised."""
        response = {"sha256": f"bytes of {id_}", "size_bytes": 9, "pixels_sha256": f"pixels of {id_}"}
        fields: dict[str, Any] = {"request": {"width": None}, "status": 200, "response": response, **more}
        self.tell(start, end, "fetch", id_, **fields)

    def sign_in(
        self, start: float, end: float, user: str, *, password: int = 0, status: int | None = 201, gives: str
    ) -> None:
        """A sign-in, whose session is called `gives` if it is one."""
        answer = problem("sign-in-failed")
        if status == 201:
            answer = {"user": {"id": f"id-of-{user}", "name": user}}
        request = {"password": password, "gives": gives}
        more = {"status": status, "response": None if status is None else answer}
        self.tell(start, end, "sign-in", user, request=request, user=user, **more)

    def ask(
        self, start: float, end: float, operation: str, proof: str, *, status: int | None = 200, **more: Any
    ) -> None:
        """One's account by default, or anything else, with a session such as `ada 1`."""
        user = proof.partition(" ")[0]
        response = {"name": user} if operation == "account" and status == 200 else more.pop("response", None)
        fields = {"user": user, "proof": proof, "status": status, "response": response, **more}
        self.tell(start, end, operation, user, **fields)

    def accusations(self, *more: Record) -> set[int]:
        """The promises that the checker calls broken; that nobody has looked at the end is no matter here."""
        found = check(History.of([SETUP, *self.calls, *more]))
        return {violation.invariant for violation in found if "was not done" not in violation.text}


def note(id_: str, version: int, text: str, *, pictures: list[str] | None = None) -> dict[str, Any]:
    """A note in an answer."""
    return {
        "id": id_,
        "version": version,
        "content": digest(text),
        "created_at": CREATED_AT,
        "pictures": pictures or [],
    }


def item(id_: str, version: int, text: str, created_at: str = CREATED_AT) -> list[Any]:
    """A note in a list."""
    return [id_, version, digest(text), created_at]


def problem(slug: str) -> dict[str, Any]:
    """A problem document."""
    return {"type": f"urn:knote:problem:{slug}"}


def stored(id_: str, version: int, text: str, **more: Any) -> StoredNote:
    """A note in MongoDB."""
    fields: dict[str, Any] = {"is_deleted": False, "idempotency_key": f"key-{id_}", "pictures": [], **more}
    return StoredNote(id=id_, version=version, content=digest(text), **fields)


def chore(phase: str, *, command: str = "fsck", status: int = 0, **report: Any) -> Chore:
    """A sweep or a check."""
    full = {"status": "clean", "problems": [], "pending": [], **report}
    return Chore(command, phase, 50, 51, status, full)


END = (chore("found"), chore("swept", command="sweep"), chore("clean"))


@pytest.fixture
def story() -> Story:
    """An empty history."""
    return Story()


def fault(name: str, start: float, end: float, settled: float | None = None) -> Fault:
    """A fault after which all is well at once, unless it says otherwise."""
    return Fault(name, start, end, end if settled is None else settled)


# 1: acknowledged creates


def test_a_repeated_create_is_one_note(story: Story) -> None:
    story.tell(0, 1, "create", "key-a", request={"content": "key-a one"})
    story.create(1, 2, "a")
    story.create(2, 3, "a")
    story.read(3, 4, "a", 1, "key-a one")
    assert story.accusations(stored("a", 1, "key-a one"), fault("api-kill", 0, 1), *END) == set()


def test_one_key_with_two_notes_is_seen(story: Story) -> None:
    story.create(0, 1, "a", key="key-a")
    story.create(2, 3, "b", key="key-a")
    assert story.accusations() == {1}


def test_a_second_note_that_only_a_list_shows_is_seen(story: Story) -> None:
    story.create(0, 1, "a", key="key-a")
    story.walk(2, 3, "walk", [item("b", 1, "key-a one"), item("a", 1, "key-a one")])
    assert 1 in story.accusations()


def test_two_notes_of_one_key_in_mongodb_are_seen(story: Story) -> None:
    story.create(0, 1, "a")
    twice = (stored("a", 1, "key-a one"), stored("b", 1, "key-a one", idempotency_key="key-a"))
    assert story.accusations(*twice, *END) == {1}


def test_an_acknowledged_note_that_mongodb_lacks_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    assert story.accusations(*END) == {1}


def test_a_note_in_mongodb_that_nobody_sent_is_seen(story: Story) -> None:
    assert story.accusations(stored("a", 1, "x"), *END) == {1}


def test_an_acknowledged_note_that_is_gone_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(2, 3, "a", None)
    assert story.accusations() == {1}


def test_a_create_without_answer_may_be_there_or_not(story: Story) -> None:
    story.create(0, 1, None, key="key-a")
    story.create(0, 1, None, key="key-b")
    excuse = fault("api-kill", 0, 1)
    assert story.accusations(stored("a", 1, "key-a one"), excuse, *END) == set()


# 2: versions


def test_a_chain_of_writes_is_in_order(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    story.replace(2, 3, "a", 2, "three", 200)
    story.read(3, 4, "a", 3, "three")
    assert story.accusations(stored("a", 3, "three"), *END) == set()


def test_two_writes_from_one_version_are_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 3, "a", 1, "two", 200)
    story.replace(2, 4, "a", 1, "zwei", 200)
    assert story.accusations() == {2}


def test_a_write_that_was_lost_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    story.read(3, 4, "a", 1, "key-a one")
    assert story.accusations() == {2}


def test_a_write_that_only_mongodb_has_lost_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    assert story.accusations(stored("a", 1, "key-a one"), *END) == {2}


def test_a_version_with_two_texts_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    story.replace(1, 9, "a", 1, "zwei", None)
    story.read(9, 10, "a", 2, "zwei")
    assert story.accusations(fault("api-kill", 0, 9)) == {2}


def test_a_text_that_nobody_wrote_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(1, 2, "a", 1, "something else")
    assert 2 in story.accusations()


def test_a_version_that_nobody_wrote_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(1, 2, "a", 2, "key-a one")
    assert story.accusations() == {2}


def test_an_etag_of_another_version_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(1, 2, "a", 1, "key-a one", headers={"etag": '"2"'})
    assert story.accusations() == {2}


def test_a_write_without_answer_may_have_been_done(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", None)
    story.replace(3, 4, "a", 1, "two", 412)
    story.calls[-1].response["current"]["content"] = digest("two")
    story.read(5, 6, "a", 2, "two")
    assert story.accusations(fault("api-kill", 0, 2)) == set()


def test_a_write_without_answer_may_be_done_late_and_only_once(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", None)
    story.read(3, 4, "a", 1, "key-a one")
    story.read(5, 6, "a", 2, "two")
    excuse = fault("api-kill", 0, 2)
    assert story.accusations(excuse) == set()
    story.read(7, 8, "a", 1, "key-a one")
    assert story.accusations(excuse) == {2}


# 3: reads


def test_a_read_beside_a_write_may_show_either(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(2, 6, "a", 1, "two", 200)
    story.read(3, 4, "a", 2, "two")
    story.read(3, 5, "a", 1, "key-a one")
    assert story.accusations() == set()


def test_a_stale_read_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    story.read(3, 4, "a", 1, "key-a one")
    story.read(5, 6, "a", 2, "two")
    assert story.accusations() == {3}


def test_a_stale_page_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(1, 2, "a", 1, "two", 200)
    story.walk(3, 4, "walk", [item("a", 1, "key-a one")])
    story.read(5, 6, "a", 2, "two")
    assert story.accusations() == {3}


def test_a_read_older_than_another_read_before_it_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.replace(2, 9, "a", 1, "two", 200)
    story.read(3, 4, "a", 2, "two")
    story.read(5, 6, "a", 1, "key-a one")
    story.read(7, 8, "a", 2, "two")
    assert story.accusations() == {3}


def test_a_note_that_one_replica_does_not_see_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(2, 3, "a", None)
    story.read(4, 5, "a", 1, "key-a one")
    assert story.accusations() == {3}


# 4: lists


def test_a_walk_may_show_what_comes_and_goes_and_must_show_the_rest(story: Story) -> None:
    for number, id_ in enumerate("abc"):
        story.create(0, 1, id_, key=f"key-{id_}")
        story.calls[number].response["created_at"] = f"2026-01-01T00:00:0{number}Z"
    story.delete(3, 6, "b", 1)
    c, a = (
        item("c", 1, "key-c one", "2026-01-01T00:00:02Z"),
        item("a", 1, "key-a one", "2026-01-01T00:00:00Z"),
    )
    story.walk(2, 8, "walk", [c], [a])
    assert story.accusations() == set()


def test_a_note_that_a_walk_skips_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.create(0, 1, "b")
    story.walk(2, 3, "walk", [item("b", 1, "key-b one")])
    assert story.accusations() == {4}


def test_a_note_that_a_walk_doubles_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.walk(2, 3, "walk", [item("a", 1, "key-a one")], [item("a", 1, "key-a one")])
    assert story.accusations() == {4}


def test_a_walk_that_did_not_get_to_the_end_may_lack_notes(story: Story) -> None:
    story.create(0, 1, "a")
    story.walk(2, 3, "walk", [])
    story.calls[-1].response["next"] = "more"
    assert story.accusations() == set()


def test_a_list_of_what_nobody_made_is_seen(story: Story) -> None:
    story.walk(2, 3, "walk", [item("a", 2, "out of nowhere")])
    assert story.accusations() >= {1, 4}


def test_a_list_that_is_not_newest_first_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.create(0, 1, "b")
    story.calls[1].response["created_at"] = "2026-01-01T00:00:00.5Z"
    items = [item("a", 1, "key-a one"), item("b", 1, "key-b one", "2026-01-01T00:00:00.5Z")]
    story.walk(2, 3, "walk", items)
    assert story.accusations() == {4}


def test_a_note_that_was_restored_is_missed_again(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.walk(4, 5, "walk-1", [])
    story.restore(6, 7, "a", 1, "key-a one")
    assert story.accusations() == set()
    story.walk(8, 9, "walk-2", [])
    assert story.accusations() == {4}


def test_a_search_shows_what_has_its_words(story: Story) -> None:
    story.create(0, 1, "a", text="the quick fox")
    story.create(0, 1, "b", text="the lazy dog")
    story.walk(2, 3, "walk-1", [item("a", 1, "the quick fox")], q="the qui")
    assert story.accusations() == set()
    story.walk(2, 3, "walk-2", [], q="quick")
    assert story.accusations() == {4}


def test_a_search_that_shows_another_text_is_seen(story: Story) -> None:
    story.create(0, 1, "a", text="the lazy dog")
    story.walk(2, 3, "walk", [item("a", 1, "the lazy dog")], q="fox")
    assert story.accusations() == {4}


# 5: pictures


def referring(id_: str) -> str:
    """A text that shows a picture."""
    return f"![](/api/v1/pictures/{id_})"


def test_pictures_that_are_kept_are_in_order(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.create(1, 2, "a", text=referring(CAT), pictures=[CAT])
    story.fetch(3, 4, CAT)
    story.fetch(500, 501, CAT)
    assert story.accusations(*stored_picture(CAT)) == set()


def stored_picture(id_: str, **more: Any) -> tuple[Record, ...]:
    """A note that shows the picture, its row, its object, and that fsck has nothing to say."""
    folder = f"pictures/{id_}/up"
    row = {"id": id_, "state": "ready", "sha256": "x", "folder": folder, "objects": {f"{folder}/original": 9}}
    return (
        stored("a", 1, referring(id_), pictures=[id_]),
        *(StoredPicture(**{**row, **more}, phase=phase) for phase in ("found", "end")),
        *(StoredObject(f"{folder}/original", 9, "x", phase) for phase in ("found", "end")),
        *END,
    )


def test_a_picture_that_nobody_names_may_go_after_its_grace_time(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.fetch(40, 41, CAT, status=404, response=problem("not-found"))
    assert story.accusations() == set()


def test_a_young_picture_that_is_missing_is_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.fetch(20, 21, CAT, status=404, response=problem("not-found"))
    assert story.accusations() == {5}


def test_a_picture_that_is_missing_and_named_is_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.create(1, 2, "a", text=referring(CAT), pictures=[CAT])
    story.fetch(500, 501, CAT, status=404, response=problem("not-found"))
    assert story.accusations() == {5}


def test_a_picture_may_go_when_its_note_says_something_else(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.create(1, 2, "a", text=referring(CAT), pictures=[CAT])
    story.replace(3, 4, "a", 1, "nothing to see", 200)
    story.fetch(100, 101, CAT, status=404, response=problem("not-found"))
    assert story.accusations() == set()


def test_pictures_that_are_mixed_up_are_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.fetch(2, 3, CAT, response={"sha256": "d", "size_bytes": 9, "pixels_sha256": f"pixels of {DOG}"})
    assert story.accusations() == {5}


def test_bytes_that_change_are_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.fetch(2, 3, CAT)
    story.fetch(2, 3, CAT, response={"sha256": "other bytes", "size_bytes": 9})
    assert story.accusations() == {5}


def test_a_picture_that_is_cut_short_is_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.fetch(2, 3, CAT, response={"sha256": "half", "size_bytes": 4})
    assert story.accusations() == {5}


def test_a_note_that_does_not_show_its_picture_is_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.create(1.5, 2, "a", text=referring(CAT))
    assert story.accusations() == {5}


def test_a_picture_that_a_note_names_and_no_row_has_is_seen(story: Story) -> None:
    story.create(1, 2, "a", text=referring(CAT), pictures=[CAT])
    assert story.accusations(stored("a", 1, referring(CAT), pictures=[CAT]), *END) == {5}


def test_an_object_with_other_bytes_than_its_row_says_is_seen(story: Story) -> None:
    story.upload(0, 1, CAT)
    story.create(1, 2, "a", text=referring(CAT), pictures=[CAT])
    assert story.accusations(*stored_picture(CAT, sha256="y")) == {5}


# 6: deleted notes


def test_a_deleted_note_is_gone_until_it_is_restored(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 4, "a", 1)
    story.read(3, 5, "a", 1, "key-a one")
    story.read(5, 6, "a", None)
    story.restore(7, 9, "a", 1, "key-a one")
    story.read(8, 10, "a", 1, "key-a one")
    story.read(8, 10, "a", None)
    assert story.accusations(stored("a", 1, "key-a one"), *END) == set()


def test_a_deleted_note_that_comes_back_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.read(4, 5, "a", 1, "key-a one")
    assert story.accusations() == {6}


def test_a_deleted_note_in_a_list_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.walk(4, 5, "walk", [item("a", 1, "key-a one")])
    assert story.accusations() == {6}


def test_a_deleted_note_that_comes_back_with_its_key_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.create(4, 5, "a")
    assert story.accusations() == {6}


def test_a_write_into_the_trash_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.replace(4, 5, "a", 1, "two", 200)
    assert story.accusations() == {6}


def test_a_restore_without_answer_brings_a_note_back_once(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    story.restore(4, 5, "a", None)
    story.read(6, 7, "a", 1, "key-a one")
    excuse = fault("api-kill", 4, 5)
    assert story.accusations(excuse) == set()
    story.delete(8, 9, "a", 1)
    story.read(10, 11, "a", 1, "key-a one")
    assert story.accusations(excuse) == {6}


def test_a_deleted_note_that_mongodb_shows_is_seen(story: Story) -> None:
    story.create(0, 1, "a")
    story.delete(2, 3, "a", 1)
    assert story.accusations(stored("a", 1, "key-a one"), *END) == {6}
    assert story.accusations(stored("a", 1, "key-a one", is_deleted=True), *END) == set()


# 7: fsck and objects


def test_a_stray_object_that_fsck_sees_and_the_sweep_removes_is_in_order(story: Story) -> None:
    key = f"pictures/{CAT}/stray/original"
    found = chore("found", status=1, problems=[{"kind": "stray_object", "key": key}])
    assert story.accusations(StoredObject(key, 9, "", "found"), found, *END[1:]) == set()


def test_a_stray_object_that_fsck_does_not_see_is_seen(story: Story) -> None:
    assert story.accusations(StoredObject("pictures/x/stray/original", 9, "", "found"), *END) == {7}


def test_an_object_that_the_last_sweep_leaves_is_seen(story: Story) -> None:
    assert story.accusations(StoredObject("pictures/x/stray/original", 9, "", "end"), *END) == {7}


def test_an_object_that_is_missing_is_seen(story: Story) -> None:
    row = StoredPicture(CAT, "ready", "x", "pictures/c/up", {"pictures/c/up/original": 9})
    assert story.accusations(row, *END) == {5, 7}


def test_an_upload_that_stays_pending_is_seen(story: Story) -> None:
    assert story.accusations(StoredPicture(CAT, "pending", None, "pictures/c/up", {}), *END) == {7}


@pytest.mark.parametrize("phase", ["during", "found", "clean"])
def test_a_broken_notebook_is_seen_whenever_fsck_says_so(story: Story, phase: str) -> None:
    lost = {"kind": "picture_lost", "note": "a", "picture": CAT}
    others = [one for one in END if one.phase != phase]
    assert story.accusations(chore(phase, status=1, report_status="", problems=[lost]), *others) <= {7}
    broken = chore(phase, status=1, problems=[lost])
    assert broken.report is not None
    broken.report["status"] = "broken"
    assert story.accusations(broken, *others) == {7}


def test_a_history_without_its_end_is_not_called_good() -> None:
    assert {violation.invariant for violation in check(History(SETUP))} == {7}


# 8: errors


def test_an_error_during_a_fault_is_excused(story: Story) -> None:
    story.tell(4, 14, "list", "walk", status=503)
    story.tell(4, 14, "list", "walk")
    assert story.accusations(fault("mongo-kill-primary", 5, 6)) == set()


@pytest.mark.parametrize("status", [502, 503, 504, None])
def test_an_error_without_a_fault_is_seen(story: Story, status: int | None) -> None:
    story.tell(30, 31, "list", "walk", status=status)
    assert story.accusations(fault("mongo-kill-primary", 5, 6)) == {8}


@pytest.mark.parametrize("name", ["api-term", "api-rolling-restart", "sweep-and-fsck"])
def test_an_error_during_what_nobody_may_notice_is_seen(story: Story, name: str) -> None:
    story.tell(4, 5, "list", "walk")
    assert story.accusations(fault(name, 4, 6)) == {8}


def test_a_reload_of_nginx_excuses_a_lost_connection_and_no_answer(story: Story) -> None:
    story.tell(4, 5, "list", "walk")
    assert story.accusations(fault("nginx-reload", 4, 6)) == set()
    story.tell(4, 5, "list", "walk", status=503)
    assert story.accusations(fault("nginx-reload", 4, 6)) == {8}


def test_a_fault_of_the_object_store_excuses_no_error_of_notes(story: Story) -> None:
    story.tell(4, 5, "fetch", CAT, request={"width": None}, status=503)
    assert story.accusations(fault("s3-kill", 4, 6)) == set()
    story.tell(4, 5, "list", "walk", status=503)
    assert story.accusations(fault("s3-kill", 4, 6)) == {8}


@pytest.mark.parametrize(
    ("operation", "status"), [("list", 500), ("list", 404), ("upload", 422), ("create", 412)]
)
def test_an_answer_that_must_not_be_is_seen_even_during_a_fault(
    story: Story, operation: str, status: int
) -> None:
    request = {"content": "x"} if operation == "create" else {}
    story.tell(4, 5, operation, "key", request=request, status=status)
    assert story.accusations(fault("mongo-kill-all", 4, 6)) == {8}


def test_a_503_without_retry_after_is_seen(story: Story) -> None:
    story.tell(4, 5, "list", "walk", status=503, headers={})
    assert story.accusations(fault("mongo-kill-all", 4, 6)) == {8}


def test_a_client_that_gives_up_accuses_nobody(story: Story) -> None:
    story.tell(4, 5, "list", "walk", error="given up")
    assert story.accusations() == set()


# 9: recovery


def test_recovery_in_time_is_in_order(story: Story) -> None:
    assert story.accusations(fault("mongo-kill-all", 0, 5, 14)) == set()


def test_recovery_that_takes_too_long_is_seen(story: Story) -> None:
    assert story.accusations(fault("mongo-kill-all", 0, 5, 16)) == {9}


def test_recovery_that_never_comes_is_seen(story: Story) -> None:
    assert story.accusations(Fault("mongo-kill-all", 0, 5, None)) == {9}


def test_recovery_counts_from_the_last_of_overlapping_faults(story: Story) -> None:
    assert story.accusations(fault("mongo-kill-all", 0, 5, 16), fault("api-stop", 4, 7, 16)) == set()


def process(name: str, pid: int, at: float, **more: int) -> Process:
    """One sample."""
    fields = {
        "memory_bytes": 100 * MEBIBYTE,
        "file_descriptors": 50,
        "connections": 20,
        "threads": 12,
        **more,
    }
    return Process(name, pid, at, **fields)


def test_a_process_that_was_killed_may_start_anew(story: Story) -> None:
    samples = (process("api-1", 10, 4), process("api-1", 11, 8))
    assert story.accusations(*samples, fault("api-kill", 5, 6)) == set()


def test_a_process_that_died_by_itself_is_seen(story: Story) -> None:
    samples = (process("api-1", 10, 4), process("api-1", 11, 8))
    assert story.accusations(*samples, fault("mongo-kill-all", 5, 6)) == {9}


# 10: resources


def growing(per_second: float, what: str, start: float = 100) -> list[Process]:
    """A process over a minute."""
    return [process("api-1", 10, at, **{what: int(start + per_second * at)}) for at in range(0, 60, 2)]


def test_a_process_that_warms_up_and_stays_is_in_order(story: Story) -> None:
    samples = [process("api-1", 10, at, connections=2 if at < 3 else 30) for at in range(60)]
    assert story.accusations(*samples) == set()


def test_a_process_that_is_slow_to_start_is_in_order(story: Story) -> None:
    starting = [process("api-1", 10, at, connections=0, memory_bytes=10 * MEBIBYTE) for at in range(20)]
    samples = [process("api-1", 10, at) for at in range(20, 60)]
    assert story.accusations(*starting, *samples) == set()


@pytest.mark.parametrize("what", ["file_descriptors", "connections", "threads"])
def test_a_leak_is_seen(story: Story, what: str) -> None:
    assert story.accusations(*growing(1, what)) == {10}


def test_a_leak_of_memory_is_seen(story: Story) -> None:
    assert story.accusations(*growing(2 * MEBIBYTE, "memory_bytes", 100 * MEBIBYTE)) == {10}


def test_the_slope_of_a_leak_is_told() -> None:
    found = growths(Evidence(History.of([SETUP, *growing(1, "connections")])))
    assert {round(one.per_minute) for one in found if one.what == "connections"} == {60}


def test_the_figures_tell_requests_faults_growth_and_what_was_broken(story: Story) -> None:
    story.create(0, 1, "a")
    story.read(2, 3, "a", None)
    story.tell(4, 5, "list", "walk", status=503)
    faults = (Fault("mongo-kill-all", 4, 6, None), fault("s3-kill", 90, 91, 93))
    text = figures(History.of([SETUP, *story.calls, *faults, *growing(1, "connections"), *END]))
    assert "None was broken" not in text
    assert "| create | 1 | 1000 ms | 1.0 s | 0 | 0 |" in text
    assert "| list | 0 | - | - | 1 | 0 |" in text
    assert "| mongo-kill-all | 1 | over a minute | over a minute |" in text
    assert "| s3-kill | 1 | 2.0 s | 2.0 s |" in text
    assert "| api-1 | 100 to 100 (+0) | 50 to 50 (+0) | 106 to 156 (+60) | 12 to 12 (+0) |" in text


# 11: whose is what

ADA: dict[str, Any] = {"user": "ada", "proof": "ada 1"}
BEN: dict[str, Any] = {"user": "ben", "proof": "ben 1"}


@pytest.fixture
def both(story: Story) -> Story:
    """Two users are signed in, and each has made a note with the same key."""
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.sign_in(0, 1, "ben", gives="ben 1")
    story.create(1, 2, "a", key="key", text="ada's", **ADA)
    story.create(1, 2, "b", key="key", text="ben's", **BEN)
    return story


def test_users_who_see_their_own_are_in_order(both: Story) -> None:
    both.read(3, 4, "a", 1, "ada's", **ADA)
    both.walk(3, 4, "walk", [item("b", 1, "ben's")])
    both.calls[-1] = dataclasses.replace(both.calls[-1], **BEN)
    both.tell(3, 4, "trespass", "a", request=trespass("a"), status=404, **BEN)
    both.tell(3, 4, "trespass", "a", request=trespass("a"), status=401)
    both.ask(3, 4, "sessions", "ada 1", response={"items": [["1", True]], "next": None})
    both.ask(3, 4, "account", "ada 1")
    kept = [
        stored("a", 1, "ada's", idempotency_key="key", owner="id-of-ada"),
        stored("b", 1, "ben's", idempotency_key="key", owner="id-of-ben"),
    ]
    assert both.accusations(*kept, *END) == set()


def trespass(id_: str) -> dict[str, str]:
    """What is asked for of ada's."""
    return {"method": "GET", "path": f"/api/v1/notes/{id_}", "of": "ada"}


def test_a_list_that_shows_what_is_anothers_is_seen(both: Story) -> None:
    both.walk(3, 4, "walk", [item("b", 1, "ben's"), item("a", 1, "ada's")])
    both.calls[-1] = dataclasses.replace(both.calls[-1], **BEN)
    assert both.accusations() == {11}


def test_a_list_that_lacks_one_s_own_is_seen(both: Story) -> None:
    both.walk(3, 4, "walk", [])
    both.calls[-1] = dataclasses.replace(both.calls[-1], **BEN)
    assert both.accusations() == {4}


@pytest.mark.parametrize("status", [200, 304, 403, 412])
def test_a_foreign_id_that_is_answered_otherwise_than_404_is_seen(both: Story, status: int) -> None:
    both.tell(3, 4, "trespass", "a", request=trespass("a"), status=status, **BEN)
    assert both.accusations() == {11}


def test_a_404_for_who_is_not_signed_in_is_seen(both: Story) -> None:
    both.tell(3, 4, "trespass", "a", request=trespass("a"), status=404)
    assert both.accusations() == {11}


def test_one_picture_of_two_users_is_seen(both: Story) -> None:
    both.upload(2, 3, CAT, **ADA)
    both.upload(3, 4, CAT, **ADA)
    both.upload(2, 3, DOG, response={"id": "e" * 64, "size_bytes": 9}, **BEN)
    assert both.accusations() == set()
    both.upload(3, 4, DOG, response={"id": CAT, "size_bytes": 9}, **BEN)
    assert both.accusations() == {5, 11}


def test_a_note_that_shows_the_picture_of_another_is_seen(both: Story) -> None:
    both.upload(2, 3, CAT, **ADA)
    both.create(3, 4, "c", text=referring(CAT), **BEN)
    assert both.accusations() == set()
    both.create(3, 4, "d", text=f"again {referring(CAT)}", pictures=[CAT], **BEN)
    assert both.accusations() == {11}


def test_the_session_of_another_in_the_list_is_seen(both: Story) -> None:
    both.ask(3, 4, "sessions", "ada 1", response={"items": [["1", True]], "next": None})
    both.ask(3, 4, "sessions", "ben 1", response={"items": [["2", True], ["1", False]], "next": None})
    assert both.accusations() == {11}


def test_a_user_who_is_taken_for_another_is_seen(both: Story) -> None:
    both.ask(3, 4, "account", "ben 1")
    both.calls[-1] = dataclasses.replace(both.calls[-1], response={"name": "ada"})
    assert both.accusations() == {11}


def test_a_note_that_is_anothers_in_mongodb_is_seen(both: Story) -> None:
    kept = [
        stored("a", 1, "ada's", idempotency_key="key", owner="id-of-ada"),
        stored("b", 1, "ben's", idempotency_key=None, owner="id-of-ada"),
    ]
    assert 11 in both.accusations(*kept, *END)


# 12: what is over


ENDS: dict[str, dict[str, Any]] = {
    "sign-out": {"request": {"ends": "ada 1"}, "status": 204},
    "sign-out-everywhere": {"status": 204},
    "change-password": {"request": {"password": 0, "new_password": 1, "gives": "ada 3"}, "status": 204},
}
every_end = pytest.mark.parametrize("end", ENDS)


@every_end
def test_a_session_that_is_over_and_refused_is_in_order(story: Story, end: str) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 4, end, "ada 1", **ENDS[end])
    story.ask(3, 5, "account", "ada 1")
    story.ask(3, 5, "account", "ada 1", status=401)
    story.ask(5, 6, "account", "ada 1", status=401)
    assert story.accusations() == set()


@every_end
def test_a_session_that_is_over_and_goes_on_is_seen(story: Story, end: str) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 4, end, "ada 1", **ENDS[end])
    story.ask(5, 6, "list", "ada 1", request={"page": 0}, response={"items": [], "next": None})
    assert story.accusations() == {12}


@pytest.mark.parametrize("status", [204, 404])
def test_a_revoked_session_that_goes_on_is_seen(story: Story, status: int) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.sign_in(0, 1, "ada", gives="ada 2")
    story.ask(2, 3, "revoke", "ada 1", request={"ends": "ada 2"}, status=status)
    story.ask(4, 5, "account", "ada 1")
    story.ask(4, 5, "account", "ada 2", status=401)
    assert story.accusations() == set()
    story.ask(6, 7, "account", "ada 2")
    assert story.accusations() == {12}


def test_a_revoked_token_that_goes_on_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(1, 2, "make-token", "ada 1", request={"gives": "ada 2"}, status=201)
    story.ask(2, 3, "sign-out-everywhere", "ada 1", status=204)
    # It is none of the sessions.
    story.ask(4, 5, "account", "ada 2")
    story.sign_in(4, 5, "ada", gives="ada 3")
    story.ask(6, 7, "revoke-token", "ada 3", request={"ends": "ada 2"}, status=204)
    story.ask(7, 8, "account", "ada 2", status=401)
    assert story.accusations() == set()
    story.ask(8, 9, "account", "ada 2")
    assert story.accusations() == {12}


def test_a_token_that_ends_with_the_sessions_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(1, 2, "make-token", "ada 1", request={"gives": "ada 2"}, status=201)
    story.ask(2, 3, "sign-out-everywhere", "ada 1", status=204)
    story.ask(4, 5, "account", "ada 2", status=401)
    assert story.accusations() == {12}


@pytest.mark.parametrize("end", ["sign-out-everywhere", "change-password"])
def test_what_ends_all_sessions_ends_those_of_before_and_of_one_user(story: Story, end: str) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.sign_in(0, 1, "ada", gives="ada 2")
    story.sign_in(0, 1, "ben", gives="ben 1")
    story.ask(2, 4, end, "ada 1", **ENDS[end])
    story.sign_in(3, 5, "ada", password=int(end == "change-password"), gives="ada 4")
    story.ask(6, 7, "account", "ben 1")
    # It began beside the end of all: it may have been there for it, or not.
    story.ask(6, 7, "account", "ada 4")
    story.ask(8, 9, "account", "ada 4", status=401)
    assert story.accusations() == set()
    story.ask(6, 7, "account", "ada 2")
    assert story.accusations() == {12}


def test_the_session_that_a_new_password_gives_is_a_good_one(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 3, "change-password", "ada 1", **ENDS["change-password"])
    story.ask(4, 5, "account", "ada 3")
    assert story.accusations() == set()
    story.ask(6, 7, "account", "ada 3", status=401)
    assert story.accusations() == {12}


@every_end
def test_an_end_without_an_answer_may_be_one_or_not(story: Story, end: str) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 4, end, "ada 1", **{**ENDS[end], "status": None})
    story.ask(5, 6, "account", "ada 1")
    story.ask(7, 8, "account", "ada 1", status=401)
    assert story.accusations(fault("api-kill", 2, 4)) == set()


def test_who_is_signed_out_by_a_fault_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.sign_in(0, 1, "ben", gives="ben 1")
    story.ask(2, 3, "sign-out-everywhere", "ben 1", status=204)
    story.ask(4, 5, "account", "ada 1", status=503)
    assert story.accusations(fault("mongo-kill-all", 2, 6)) == set()
    story.ask(4, 5, "account", "ada 1", status=401)
    assert story.accusations(fault("mongo-kill-all", 2, 6)) == {12}


def test_a_session_that_begins_after_all_were_ended_is_not_ended_by_that(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 3, "sign-out-everywhere", "ada 1", status=204)
    story.sign_in(4, 5, "ada", gives="ada 2")
    story.ask(6, 7, "account", "ada 2")
    assert story.accusations() == set()
    story.ask(8, 9, "account", "ada 2", status=401)
    assert story.accusations() == {12}


def test_the_old_password_that_lets_in_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 4, "change-password", "ada 1", **ENDS["change-password"])
    story.sign_in(3, 5, "ada", gives="ada 4")
    story.sign_in(5, 6, "ada", status=401, gives="ada 5")
    assert story.accusations() == set()
    story.sign_in(5, 6, "ada", gives="ada 6")
    assert story.accusations() == {12}


def test_the_present_password_that_does_not_let_in_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.sign_in(1, 2, "ada", password=1, status=401, gives="ada 2")
    assert story.accusations() == set()
    story.sign_in(1, 2, "ada", status=401, gives="ada 3")
    assert story.accusations() == {12}


def test_a_new_password_that_does_not_let_in_is_seen(story: Story) -> None:
    story.sign_in(0, 1, "ada", gives="ada 1")
    story.ask(2, 4, "change-password", "ada 1", **ENDS["change-password"])
    story.sign_in(3, 5, "ada", password=1, status=401, gives="ada 4")
    assert story.accusations() == set()
    story.sign_in(5, 6, "ada", password=1, status=401, gives="ada 5")
    assert story.accusations() == {12}


# Histories of a notebook that works.


@dataclasses.dataclass
class Model:
    """A notebook that does one thing at a time, as its clients see it."""

    draw: random.Random
    story: Story = dataclasses.field(default_factory=Story)
    # Each note's version, text and whether it is shown, by its number; and those keys that made none.
    notes: dict[str, tuple[int, str, bool]] = dataclasses.field(default_factory=dict)
    seen: dict[str, int] = dataclasses.field(default_factory=dict)
    walks: dict[str, list[list[Any]]] = dataclasses.field(default_factory=dict)

    def act(self, at: float) -> None:
        """One request has its effect at this time; it began before, and is answered later, or never."""
        start, end = at - self.draw.random() * 3, at + self.draw.random() * 3
        operations: list[Callable[[float, float, bool], None]] = [
            self._create,
            self._read,
            self._read,
            self._list,
            self._replace,
            self._replace,
            self._delete,
            self._restore,
        ]
        self.draw.choice(operations)(start, end, self.draw.random() < 0.2)

    def _some(self) -> str:
        return self.draw.choice(sorted(self.notes) or ["n0"])

    def _create(self, start: float, end: float, is_lost: bool) -> None:
        id_ = f"n{len(self.notes)}"
        if self.notes and self.draw.random() < 0.3:
            id_ = self._some()
        version, text, is_shown = self.notes.setdefault(id_, (1, f"key-{id_} one", True))
        if is_lost:
            self.story.create(start, end, None, key=f"key-{id_}")
        elif is_shown:
            self.story.create(start, end, id_, version=version, shown=text)
            self.seen[id_] = version
        else:
            request = {"content": f"key-{id_} one"}
            self.story.tell(start, end, "create", f"key-{id_}", request=request, status=409)

    def _read(self, start: float, end: float, is_lost: bool) -> None:
        id_ = self._some()
        version, text, is_shown = self.notes.get(id_, (0, "", False))
        if is_lost:
            self.story.tell(start, end, "read", id_)
        else:
            self.story.read(start, end, id_, version if is_shown else None, text)

    def _list(self, start: float, end: float, is_lost: bool) -> None:
        shown = [
            item(id_, version, text) for id_, (version, text, is_shown) in self.notes.items() if is_shown
        ]
        key = f"walk-{len(self.story.calls)}"
        if is_lost:
            self.story.tell(start, end, "list", key, request={"page": 0})
        else:
            self.story.walk(start, end, key, sorted(shown, reverse=True))

    def _replace(self, start: float, end: float, is_lost: bool) -> None:
        id_ = self._some()
        version, text, is_shown = self.notes.get(id_, (0, "", False))
        named = self.seen.get(id_, 1)
        new = f"{id_} {len(self.story.calls)}"
        is_done = is_shown and version == named
        if is_done:
            if is_lost and self.draw.random() < 0.5:
                self.story.replace(start, end, id_, named, new, None)
                return
            self.notes[id_] = (version + 1, new, True)
        status = 200 if is_done else 412 if is_shown else 404
        self.story.replace(start, end, id_, named, new, None if is_lost else status)
        if status == 412 and not is_lost:
            self.story.calls[-1].response["current"] = note(id_, version, text)
        if not is_lost and is_shown:
            self.seen[id_] = self.notes[id_][0]

    def _delete(self, start: float, end: float, is_lost: bool) -> None:
        id_ = self._some()
        version, text, is_shown = self.notes.get(id_, (0, "", False))
        named = self.seen.get(id_, 1)
        is_done = is_shown and version == named
        if is_done:
            self.notes[id_] = (version, text, False)
        status = 204 if is_done else 412 if is_shown else 404
        self.story.delete(start, end, id_, named, None if is_lost else status)
        if status == 412 and not is_lost:
            current = {**problem("precondition-failed"), "current": note(id_, version, text)}
            self.story.calls[-1] = dataclasses.replace(self.story.calls[-1], response=current)

    def _restore(self, start: float, end: float, is_lost: bool) -> None:
        id_ = self._some()
        version, text, _ = self.notes.get(id_, (0, "", False))
        if version:
            self.notes[id_] = (version, text, True)
        if is_lost or version:
            self.story.restore(start, end, id_, None if is_lost else version, text)
        else:
            self.story.tell(start, end, "restore", id_, status=404)

    def stored(self) -> Iterator[StoredNote]:
        """What MongoDB holds."""
        for id_, (version, text, is_shown) in self.notes.items():
            yield stored(id_, version, text, is_deleted=not is_shown)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(5, 120), st.floats(0.1, 3))
def test_no_history_of_a_notebook_that_works_is_accused(seed: int, count: int, pause: float) -> None:
    draw = random.Random(seed)
    model = Model(draw)
    for number in range(count):
        model.act(10 + number * pause)
    shuffled = [*model.story.calls]
    draw.shuffle(shuffled)
    records: list[Record] = [SETUP, *shuffled, *model.stored(), fault("api-kill", 0, 10_000), *END]
    assert [str(violation) for violation in check(History.of(records))] == []


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 80))
def test_a_read_of_a_version_that_has_passed_is_accused(seed: int, count: int) -> None:
    model = Model(random.Random(seed))
    for number in range(count):
        model.act(10 + number)
    story = model.story
    over = 20.0 + count
    known = {call.key.removeprefix("key-") for call in story.calls if call.status == 201}
    shown = [id_ for id_, (_, _, is_shown) in model.notes.items() if is_shown and id_ in known]
    for id_ in shown:
        version, text, _ = model.notes[id_]
        story.replace(over, over + 1, id_, version, f"{id_} last", 200)
        story.read(over + 2, over + 3, id_, version, text)
    accused = check(History.of([SETUP, *story.calls, fault("api-kill", 0, 10_000), *END]))
    for id_ in shown:
        assert any(id_ in violation.text and violation.invariant in {2, 3} for violation in accused)


def test_a_history_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    story = Story()
    story.create(0, 1, "a")
    story.tell(1, 2, "read", "a")
    records: list[Record] = [
        SETUP,
        *story.calls,
        fault("s3-kill", 1, 2),
        process("api-1", 10, 1),
        *stored_picture(CAT),
    ]
    write_history(tmp_path / "history", records)
    assert read_history(tmp_path / "history") == History.of(records)
