"""What is promised of pictures: they are kept byte for byte, and nothing lies about unaccounted for."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from chaos.evidence import Evidence, Note, Span, Violation, is_answered, over_at, references
from chaos.history import Call, Chore, StoredObject, StoredPicture
from chaos.register import NEVER


def pictures_are_kept(evidence: Evidence) -> Iterator[Violation]:
    """5. Every picture that was acknowledged, and is young or referenced, is there byte for byte.

    The answer to an upload names the SHA-256 of what was sent, or where there are accounts another id
    that is the same each time. From then on for the grace time, and for as long as a note names the
    picture and its answer promised it (deleted notes count, and the grace time after the last of them),
    it is never answered as missing, and a note that is written promises it. What is served under one id
    and width is the same bytes every time, of the promised size, and shows the pixels that were sent. At
    the end each row that is ready has an object with its bytes.
    """
    kept = _kept_spans(evidence)
    yield from _uploads(evidence)
    for id_ in {**evidence.uploads, **evidence.fetches}:
        yield from _fetches(evidence, id_, kept.get(id_, []))
    yield from _promises(evidence, kept)
    yield from _at_the_end(evidence, kept)


def _uploads(evidence: Evidence) -> Iterator[Violation]:
    named: dict[tuple[str | None, str], str] = {}
    for call in evidence.history.calls:
        if call.operation != "upload" or call.status not in {200, 201}:
            continue
        file = (call.user, call.key)
        expected = call.key if call.user is None else named.setdefault(file, call.response["id"])
        if call.response["id"] != expected:
            text = f"the upload of {call.key} was answered with another id: {evidence.describe(call.number)}"
            yield Violation(5, text, (call.number,))


def _fetches(evidence: Evidence, id_: str, kept: list[Span]) -> Iterator[Violation]:
    uploads = [call for call in evidence.uploads.get(id_, []) if call.status in {200, 201}]
    served: dict[object, Call] = {}
    for call in evidence.fetches.get(id_, []):
        if call.status == 404 and _covers(kept, call.started, over_at(call)):
            numbers = (call.number, *(upload.number for upload in uploads[:1]))
            yield Violation(
                5, f"a picture that is to be kept is missing: {evidence.describe(*numbers)}", numbers
            )
        if call.status != 200:
            continue
        first = served.setdefault(call.request["width"], call)
        if call.response["sha256"] != first.response["sha256"]:
            numbers = (first.number, call.number)
            text = f"picture {id_} was served with different bytes: {evidence.describe(*numbers)}"
            yield Violation(5, text, numbers)
        if call.request["width"] is None and uploads:
            yield from _bytes_of(evidence, call, uploads[0])


def _bytes_of(evidence: Evidence, fetch: Call, upload: Call) -> Iterator[Violation]:
    """Whether an original is of the promised size and shows the pixels that were sent."""
    numbers = (upload.number, fetch.number)
    if fetch.response["size_bytes"] != upload.response["size_bytes"]:
        yield Violation(5, f"not as many bytes as promised: {evidence.describe(*numbers)}", numbers)
    pixels = fetch.response.get("pixels_sha256")
    if pixels is not None and pixels != upload.request["pixels_sha256"]:
        yield Violation(5, f"not the picture that was sent: {evidence.describe(*numbers)}", numbers)


def _kept_spans(evidence: Evidence) -> dict[str, list[Span]]:
    """For each picture the times during which it must be there, overlapping ones made one."""
    grace = evidence.history.setup.picture_grace_seconds
    spans: dict[str, list[Span]] = defaultdict(list)
    for id_, calls in evidence.uploads.items():
        for call in calls:
            if call.status in {200, 201}:
                spans[id_].append(Span(over_at(call), call.started + grace))
    for note in evidence.notes.values():
        for call in _answers_with_pictures(note):
            until = note.overwritten_from(call.response["version"])
            for id_ in call.response["pictures"]:
                spans[id_].append(Span(over_at(call), until + grace))
    return {id_: _joined(found) for id_, found in spans.items()}


def _answers_with_pictures(note: Note) -> Iterator[Call]:
    for call in [*note.creates, *note.calls]:
        if call.status in {200, 201} and is_answered(call) and call.response.get("pictures"):
            yield call


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        elif span.start < span.end:
            joined.append(span)
    return joined


def _covers(spans: list[Span], start: float, end: float) -> bool:
    return any(span.start < start and end < span.end for span in spans)


def _promises(evidence: Evidence, kept: dict[str, list[Span]]) -> Iterator[Violation]:
    """A write that names a picture which is to be kept promises it."""
    for note in evidence.notes.values():
        for call in [*note.creates, *note.calls]:
            if call.operation not in {"create", "replace"} or call.status not in {200, 201}:
                continue
            if call.operation == "create" and call.response["version"] != 1:
                continue  # The note as it is by now.
            for id_ in references(call.request["content"]) - {*call.response["pictures"]}:
                if _covers(kept.get(id_, []), call.started, over_at(call)):
                    text = f"a note does not show a picture that is there: {evidence.describe(call.number)}"
                    yield Violation(5, text, (call.number,))


def _at_the_end(evidence: Evidence, kept: dict[str, list[Span]]) -> Iterator[Violation]:
    if not evidence.history.is_complete:
        return
    rows = {row.id: row for row in evidence.history.pictures if row.phase == "end"}
    objects = {one.key: one for one in evidence.history.objects if one.phase == "end"}
    lasting = {id_ for id_, spans in kept.items() if spans and spans[-1].end == NEVER}
    promised = {id_ for note in evidence.history.notes for id_ in note.pictures}
    for id_ in sorted(lasting | promised):
        row = rows.get(id_)
        if row is None or row.state != "ready":
            yield Violation(5, f"picture {id_} is named by a note, and has no row that is ready at the end")
    for row in rows.values():
        original = objects.get(f"{row.folder}/original")
        if row.state == "ready" and (original is None or original.sha256 != row.sha256):
            wrong = "is missing" if original is None else "has other bytes than its row says"
            yield Violation(5, f"the object of picture {row.id} {wrong} at the end")


def nothing_is_unaccounted_for(evidence: Evidence) -> Iterator[Violation]:
    """7. fsck is clean after the grace time, and no object is unaccounted for.

    While the run lasts, fsck never calls the notebook broken. After it, fsck says of every object that
    no row accounts for that there it is, and finds none missing. After one more sweep fsck is clean, no
    upload is pending, every object belongs to a row that is ready, and every such row has its objects.
    """
    for chore in evidence.history.chores:
        if chore.command == "fsck" and chore.report is not None:
            yield from _of_fsck(evidence, chore, chore.report)
    done = {chore.phase for chore in evidence.history.chores if chore.report is not None}
    if not done >= {"found", "swept", "clean"}:
        yield Violation(7, "the last fsck, the sweep after it, or the fsck after that was not done")
    rows, objects = _stored(evidence, "end")
    for key in sorted(_strays(rows, objects)):
        yield Violation(7, f"object {key} is accounted for by no row at the end")
    for row in rows:
        if row.state != "ready":
            yield Violation(7, f"picture {row.id} is {row.state} at the end")
    yield from _missing(rows, objects, "at the end")


def _of_fsck(evidence: Evidence, chore: Chore, report: dict[str, Any]) -> Iterator[Violation]:
    if chore.phase == "found":
        yield from _as_found(evidence, report)
    elif chore.phase == "clean" and (chore.status != 0 or report["status"] != "clean"):
        left = report["problems"] or report["pending"]
        yield Violation(7, f"fsck is not clean after the last sweep: {left}")
    elif report["status"] == "broken":
        yield Violation(7, f"fsck at {evidence.at(chore.started)} found {report['problems']}")


def _as_found(evidence: Evidence, report: dict[str, Any]) -> Iterator[Violation]:
    rows, objects = _stored(evidence, "found")
    strays = _strays(rows, objects)
    entries = [*report["problems"], *report["pending"]]
    told = {entry["key"] for entry in entries if entry["kind"] == "stray_object"}
    for key in sorted(strays ^ told):
        text = "does not see" if key in strays else "sees without reason"
        yield Violation(7, f"fsck {text} a stray object: {key}")
    for problem in report["problems"]:
        if problem["kind"] != "stray_object":
            yield Violation(7, f"fsck found after the run: {problem}")
    yield from _missing(rows, objects, "after the run")


def _stored(evidence: Evidence, phase: str) -> tuple[list[StoredPicture], dict[str, StoredObject]]:
    rows = [row for row in evidence.history.pictures if row.phase == phase]
    return rows, {one.key: one for one in evidence.history.objects if one.phase == phase}


def _strays(rows: list[StoredPicture], objects: dict[str, StoredObject]) -> set[str]:
    """Objects in no folder of a row: a row accounts for what its own upload has stored."""
    folders = {row.folder for row in rows}
    return {key for key in objects if key.rpartition("/")[0] not in folders}


def _missing(rows: list[StoredPicture], objects: dict[str, StoredObject], when: str) -> Iterator[Violation]:
    for row in rows:
        for key, size_bytes in row.objects.items():
            found = objects.get(key)
            if row.state == "ready" and (found is None or found.size_bytes != size_bytes):
                has = "is missing" if found is None else f"has {found.size_bytes} bytes"
                yield Violation(7, f"object {key} of {size_bytes} bytes {has} {when}")
