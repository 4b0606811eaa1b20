"""The cookies of Knote: each holds a secret, of which only a hash is kept here."""

from datetime import timedelta

from fastapi import Request, Response

from knote.secret import has_form_of_secret


class SecretCookie:
    """A cookie of one name, for every path, that no script reads.

    The prefix `__Host-` of a name has browsers refuse it from a subdomain, for another path, or without TLS.
    It comes with whoever follows a link to here, as back from a provider's page, and with no other request
    of another site.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def secret_in(self, request: Request) -> str | None:
        """The secret that came with the request, if it has the form of one."""
        value = request.cookies.get(self.name)
        return value if value is not None and has_form_of_secret(value) else None

    def give(self, response: Response, secret: str, lasting: timedelta) -> None:
        """Gives the secret to the browser."""
        response.set_cookie(
            self.name,
            secret,
            max_age=int(lasting.total_seconds()),
            path="/",
            secure=True,
            httponly=True,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Has the browser forget it."""
        response.delete_cookie(self.name, path="/", secure=True, httponly=True, samesite="lax")


SESSION = SecretCookie("__Host-knote")
# By it a browser is known that somebody has signed in with; it opens nothing.
DEVICE = SecretCookie("__Host-knote-device")
# By it a browser proves that it began the single sign-on that it ends.
SIGN_ON = SecretCookie("__Host-knote-sign-on")
