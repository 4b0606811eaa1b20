"""How Markdown names a picture: the path under which the picture is served."""

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"/api/v1/pictures/([0-9a-f]{64})(?![0-9a-zA-Z])")


def picture_ids(content: str) -> list[str]:
    """The ids of the pictures that `content` names, each once, in the order of their first naming."""
    return list(dict.fromkeys(_REFERENCE.findall(content)))


def without_references(content: str) -> str:
    """`content` with the picture URLs blanked: they are no words that anybody searches for."""
    return _REFERENCE.sub(" ", content)


def with_paths(content: str, paths: Mapping[str, str]) -> str:
    """`content` with a path in place of the URL of each picture that has one."""
    return _REFERENCE.sub(lambda found: paths.get(found[1], found[0]), content)


def picture_url(picture_id: str) -> str:
    """The path under which a picture is served, and by which Markdown names it."""
    return f"/api/v1/pictures/{picture_id}"
