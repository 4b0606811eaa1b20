"""What the files of an export are called."""

import re

import regex

from knote.mongo import Document
from knote.pictures.references import without_references

_SUFFIXES = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
}
_LONGEST_TITLE = 60
_MARKS = re.compile(r"^[#>*+\s-]+")
# Letters and digits of any script: no file system minds them.
_OTHER = regex.compile(r"[^\p{L}\p{M}\p{N} _-]+")


def note_path(note: Document) -> str:
    """The path of a note: its day, the beginning of its text, and enough of its id to be the only one."""
    folder = "trash" if note["is_deleted"] else "notes"
    parts = (note["created_at"].date().isoformat(), _title(note["content"]), note["_id"][:12])
    return f"{folder}/{' '.join(part for part in parts if part)}.md"


def picture_path(picture_id: str, content_type: str) -> str:
    """The path of a picture."""
    return f"pictures/{picture_id}.{_SUFFIXES.get(content_type, 'bin')}"


def _title(content: str) -> str:
    first = next((line for line in content.splitlines() if line.strip()), "")
    plain = _OTHER.sub(" ", without_references(_MARKS.sub("", first)))
    return " ".join(plain.split())[:_LONGEST_TITLE].strip()
