"""Entity tags and conditional requests, RFC 9110 section 13."""

import re
from typing import NamedTuple

from knote.errors import Malformed, PreconditionRequired

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
# Possessive (`*+`): what separates tags is matched in one way only, however many separators come.
_TAGS = re.compile(rf"[\s,]*+{_TAG}(?:\s*+,[\s,]*+{_TAG})*+[\s,]*+")


class EntityTags(NamedTuple):
    """The tags of one conditional header; `is_any` stands for `*`."""

    tags: frozenset[str]
    is_any: bool = False

    def match_strongly(self, etag: str) -> bool:
        """Whether `If-Match` with these tags lets the write go on: a weak tag never does."""
        return self.is_any or etag in self.tags

    def match_weakly(self, etag: str) -> bool:
        """Whether `If-None-Match` with these tags says that the client has this version."""
        return self.is_any or etag in {tag.removeprefix("W/") for tag in self.tags}


def parse_entity_tags(value: str, *, header: str) -> EntityTags:
    """The tags in a header. Raises `Malformed` when it is neither `*` nor a list of quoted tags."""
    if value.strip() == "*":
        return EntityTags(frozenset(), is_any=True)
    if not _TAGS.fullmatch(value):
        raise Malformed(
            f'{header} takes a quoted ETag, as in {header}: "3", or *. '
            "Send the ETag of the last read back as it was."
        )
    return EntityTags(frozenset(re.findall(_TAG, value)))


def require_if_match(value: str | None) -> EntityTags:
    """The tags of `If-Match`. Raises `PreconditionRequired` without one, `Malformed` with a bad one."""
    if value is None:
        raise PreconditionRequired(
            "This write needs an If-Match header with the ETag of the note as you last read it, "
            "so that nobody else's change is overwritten unseen."
        )
    return parse_entity_tags(value, header="If-Match")


def is_not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether a read may be answered with 304. A malformed header is no condition."""
    if if_none_match is None:
        return False
    try:
        return parse_entity_tags(if_none_match, header="If-None-Match").match_weakly(etag)
    except Malformed:
        return False
