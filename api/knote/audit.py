"""The log of what was done to accounts: one line for each act, and never a secret in it."""

import logging
from typing import Literal

logger = logging.getLogger("knote.audit")

Event = Literal[
    "sign_in",
    "sign_in_failed",
    "sign_out",
    "sign_out_everywhere",
    "session_revoked",
    "password_changed",
    "setup",
    "setup_refused",
    "user_added",
    "signed_up",
    "identity_linked",
    "identity_unlinked",
    "attempt_refused",
    "user_disabled",
    "user_enabled",
    "user_made_admin",
    "user_no_longer_admin",
    "user_deleted",
    "user_restored",
    "user_removed",
    "invite_made",
    "invite_revoked",
    "account_exported",
    "notebook_adopted",
    "token_made",
    "token_revoked",
    "share_made",
    "share_revoked",
]


def audit(
    event: Event, *, user: str | None, by: str | None, address: str | None, **details: str | bool | None
) -> None:
    """Writes the line: what happened to which account, by whose act, from which address.

    `user` and `by` are ids of accounts; `by` is `command` where somebody at the machine did it. A name
    that somebody typed does not belong here: now and then it is a password.
    """
    logger.info(event, extra={"event": event, "user": user, "by": by, "address": address, **details})
