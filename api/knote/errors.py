"""What can go wrong in Knote, as types that carry their HTTP status; nothing here knows the web.

KnoteError
├── NotFound                     404  no such note or picture, or it was deleted
├── Malformed                    400  a header that cannot be read
├── Invalid                      422  a value that can be read and is not allowed
│   └── IdempotencyKeyReused     422  the same key came with another body
├── Conflict                     409  the key's note has since been deleted
├── PreconditionFailed           412  somebody else wrote first; carries the current note
├── ContentTooLarge              413  a body, a note or a picture over its limit
├── UnsupportedPicture           415  not a format Knote keeps
├── RangeNotSatisfiable          416  a range outside the picture; carries its size
├── PreconditionRequired         428  a write without If-Match
├── StoreUnavailable             503  a store does not answer; try again
│   ├── NotesUnavailable              MongoDB
│   └── PicturesUnavailable           the object store
└── Misconfigured                     a setting that cannot be used: no process starts with it
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class KnoteError(Exception):
    """The root of all expected errors. `detail` is a sentence for people: what happened, what to do.

    `extra` holds further members of the problem document, `headers` further response headers.
    """

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class NotFound(KnoteError):
    """The thing named by the path does not exist."""

    status = 404
    slug = "not-found"
    title = "Not found"


class Malformed(KnoteError):
    """A header does not follow its grammar."""

    status = 400
    slug = "malformed"
    title = "Malformed request"


class Invalid(KnoteError):
    """A value is well formed and not allowed. `location` is its path, as `["body", "content"]`."""

    status = 422
    slug = "invalid"
    title = "Invalid request"

    def __init__(self, detail: str, *, location: tuple[str | int, ...]) -> None:
        errors = [{"location": list(location), "message": detail}]
        super().__init__(detail, extra={"errors": errors})


class IdempotencyKeyReused(Invalid):
    """An idempotency key came back with another body."""

    slug = "idempotency-key-reused"
    title = "Idempotency key reused"


class Conflict(KnoteError):
    """The request contradicts the present state."""

    status = 409
    slug = "conflict"
    title = "Conflict"


class PreconditionFailed(KnoteError):
    """`If-Match` names a version that is no longer current."""

    status = 412
    slug = "precondition-failed"
    title = "Changed meanwhile"


class PreconditionRequired(KnoteError):
    """A write came without `If-Match`."""

    status = 428
    slug = "precondition-required"
    title = "If-Match required"


class ContentTooLarge(KnoteError):
    """A body, note or picture is over its limit in bytes."""

    status = 413
    slug = "content-too-large"
    title = "Too large"


class UnsupportedPicture(KnoteError):
    """The bytes are not a picture in a format that Knote keeps."""

    status = 415
    slug = "unsupported-picture"
    title = "Unsupported picture"


class RangeNotSatisfiable(KnoteError):
    """The asked range lies outside the picture."""

    status = 416
    slug = "range-not-satisfiable"
    title = "Range not satisfiable"


class StoreUnavailable(KnoteError):
    """A store does not answer. Nothing was lost; the same request is safe to repeat."""

    status = 503
    slug = "store-unavailable"
    title = "Temporarily unavailable"
    retry_after_seconds: ClassVar[int] = 2

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": str(self.retry_after_seconds)})


class NotesUnavailable(StoreUnavailable):
    """MongoDB does not answer."""

    slug = "notes-unavailable"


class PicturesUnavailable(StoreUnavailable):
    """The object store does not answer."""

    slug = "pictures-unavailable"


class Misconfigured(KnoteError):
    """A setting that cannot be used. The detail names the setting and never its value."""

    slug = "misconfigured"
    title = "Misconfigured"
