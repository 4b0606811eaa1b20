"""Finds out who asks: nobody in particular in open mode, else whose session or token it is."""

from fastapi import Request

from knote.asker import SHARED, Asker
from knote.bearer import bearer_in
from knote.cookies import SESSION
from knote.errors import CrossSite, ReadOnly, SignInRequired
from knote.same_origin import SAFE_METHODS, is_from_elsewhere
from knote.sessions.service import SessionService
from knote.settings import Auth
from knote.tokens.service import TokenService


class Authentication:
    """The one place where a request becomes an asker."""

    def __init__(
        self, sessions: SessionService, tokens: TokenService, *, auth: Auth, public_url: str
    ) -> None:
        self.has_accounts = auth == "accounts"
        self._sessions = sessions
        self._tokens = tokens
        self._public_url = public_url

    async def asker(self, request: Request) -> Asker:
        """Who asks, in one command to MongoDB; in open mode without any.

        Raises `SignInRequired`, `CrossSite`, `ReadOnly`.
        """
        if not self.has_accounts:
            return SHARED
        asker = await self._proven(request)
        if asker is None:
            raise SignInRequired
        if asker.access == "read" and request.method not in SAFE_METHODS:
            raise ReadOnly("This token may only read. Make one that may write, and use that.")
        return asker

    async def _proven(self, request: Request) -> Asker | None:
        header = request.headers.get("authorization")
        if header is not None:
            # A browser sends none by itself: what comes with one needs no proof of its origin. A wrong
            # one is not ignored, whatever cookie comes beside it.
            token = bearer_in(header)
            return None if token is None else await self._tokens.asker(token)
        secret = SESSION.secret_in(request)
        if secret is None:
            return None
        self._check_origin(request)
        return await self._sessions.asker(secret)

    def check_stranger(self, request: Request) -> None:
        """Raises `CrossSite` for a sign-in, sign-out or the like that another site had a browser send.

        What carries neither a cookie nor anything of a browser comes from none.
        """
        marks = ("cookie", "origin", "sec-fetch-site")
        if any(mark in request.headers for mark in marks):
            self._check_origin(request)

    def _check_origin(self, request: Request) -> None:
        """Raises `CrossSite` for a write that a page of another site may have had the browser send."""
        if is_from_elsewhere(request.method, request.headers, self._public_url):
            raise CrossSite(
                "Another site had your browser send this: it was not done. Do it from Knote's page."
            )
