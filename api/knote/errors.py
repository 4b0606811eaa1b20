"""What can go wrong in Knote, as types that carry their HTTP status; nothing here knows the web.

KnoteError
├── NotFound                     404  no such note or picture, or it was deleted
├── Malformed                    400  a header that cannot be read
├── SignInRequired               401  who asks is not known
├── SignInFailed                 401  no account has this name and password
├── Forbidden                    403  who asks is known, and may not
│   ├── ReadOnly                 403  a token that may only read
│   ├── CrossSite                403  another site had the browser send this
│   ├── StaleSignIn              403  one without a password signed in too long ago for this
│   └── SignOnRefused            403  single sign-on led to no account; says why
├── Invalid                      422  a value that can be read and is not allowed
│   └── IdempotencyKeyReused     422  the same key came with another body
├── Conflict                     409  the key's note has since been deleted
├── PreconditionFailed           412  somebody else wrote first; carries the current note
├── ContentTooLarge              413  a body, a note or a picture over its limit
│   └── StorageFull              413  no room left for one more picture of this user
├── UnsupportedPicture           415  not a format Knote keeps
├── RangeNotSatisfiable          416  a range outside the picture; carries its size
├── PreconditionRequired         428  a write without If-Match
├── TooManyRequests              429  more than may be done in a time
├── StoreUnavailable             503  a store does not answer; try again
│   ├── NotesUnavailable              MongoDB
│   ├── PicturesUnavailable           the object store
│   └── SignOnUnavailable             the provider of single sign-on
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


class SignInRequired(KnoteError):
    """Nobody is signed in, and no valid token came with the request."""

    status = 401
    slug = "sign-in-required"
    title = "Sign in first"

    def __init__(
        self, detail: str = "Sign in first, or send an API token. A sign-in ends with time."
    ) -> None:
        # Never `Basic`: a browser would ask for a password in a window of its own.
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class SignInFailed(KnoteError):
    """No account has this name and this password; which of the two is wrong is not said."""

    status = 401
    slug = "sign-in-failed"
    title = "Sign-in failed"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer"})


class Forbidden(KnoteError):
    """Who asks is known, and may not do this."""

    status = 403
    slug = "forbidden"
    title = "Not allowed"


class ReadOnly(Forbidden):
    """A token that may only read was sent with a write."""

    slug = "read-only"
    title = "Read-only token"


class CrossSite(Forbidden):
    """A write with a cookie that a page of another site may have caused."""

    slug = "cross-site"
    title = "Sent by another site"


class StaleSignIn(Forbidden):
    """What the password is asked for, and there is none: a sign-in of just now takes its place."""

    slug = "stale-sign-in"
    title = "Sign in once more"


class SignOnRefused(Forbidden):
    """Single sign-on did not lead to an account. `reason` is a word that the page makes a sentence of."""

    slug = "sign-on-refused"
    title = "Single sign-on refused"

    def __init__(self, detail: str, *, reason: str) -> None:
        super().__init__(detail, extra={"reason": reason})
        self.reason = reason


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


class StorageFull(ContentTooLarge):
    """A user's pictures would take up more than they may. Room comes back with the sweep, once a day."""

    slug = "storage-full"
    title = "No room left"

    def __init__(self, detail: str, *, extra: Mapping[str, Any]) -> None:
        super().__init__(detail, extra=extra, headers={"Retry-After": "86400"})


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


class TooManyRequests(KnoteError):
    """More was asked than may be in a time. The answer says when to try again."""

    status = 429
    slug = "too-many-requests"
    title = "Too many requests"

    def __init__(
        self, detail: str, *, retry_after_seconds: int, extra: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(detail, extra=extra, headers={"Retry-After": str(retry_after_seconds)})


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


class SignOnUnavailable(StoreUnavailable):
    """The provider of single sign-on does not answer."""

    slug = "sign-on-unavailable"


class Misconfigured(KnoteError):
    """A setting that cannot be used. The detail names the setting and never its value."""

    slug = "misconfigured"
    title = "Misconfigured"
