"""How somebody gets in who has just shown who they are, whichever way that was."""

from fastapi import Request, Response

from knote.client import client_of
from knote.cookies import DEVICE, SESSION
from knote.devices.service import LASTING, DeviceService
from knote.mongo import Document
from knote.sessions.schemas import CurrentSession
from knote.sessions.service import SessionService


class Entry:
    """Signs in the browser that a request comes from."""

    def __init__(self, sessions: SessionService, devices: DeviceService, request: Request) -> None:
        self._sessions = sessions
        self._devices = devices
        self._request = request

    async def let_in(self, user: Document, response: Response) -> CurrentSession:
        """Begins a session of the user in place of the one that the browser had, and knows it from now on.

        Raises `NotesUnavailable`.
        """
        secret = await self._sessions.begin(
            user, client_of(self._request), instead_of=SESSION.secret_in(self._request)
        )
        SESSION.give(response, secret, self._sessions.session_time)
        device = await self._devices.remember(DEVICE.secret_in(self._request), user["_id"])
        DEVICE.give(response, device, LASTING)
        return self._sessions.state_of(user)
