"""Who asks: known before anything of a request is read, and passed on as the owner of what it may touch."""

from typing import Any, Literal, NamedTuple

# The account that a note or picture belongs to; None is the shared notebook of open mode.
Owner = str | None
Access = Literal["read", "write"]
Proof = Literal["open", "session", "token"]


class Asker(NamedTuple):
    """Who a request comes from, what it may do, and how that was proven.

    `session` is the public id of the session that proved it, where one did. `is_fresh` says that it began
    a few minutes ago at the most.
    """

    owner: Owner
    access: Access
    is_admin: bool
    proof: Proof
    session: str | None = None
    is_fresh: bool = False


SHARED = Asker(owner=None, access="write", is_admin=False, proof="open")


def owned_by(owner: Owner) -> dict[str, Any]:
    """The condition that a document is this owner's. One of the shared notebook has no `owner` at all.

    That is what a version of Knote without accounts writes; and asked so, it is one interval of an
    index, whose order then serves the sort. `None` would be two.
    """
    return {"owner": {"$exists": False} if owner is None else owner}


def owner_field(owner: Owner) -> dict[str, str]:
    """What a new document of this owner says of it."""
    return {} if owner is None else {"owner": owner}
