"""Which devices are known, and to whom."""

from datetime import timedelta

from knote.clock import Clock
from knote.devices.store import DeviceStore
from knote.secret import hash_of, new_secret

# As long as browsers keep any cookie.
LASTING = timedelta(days=400)


class DeviceService:
    """The devices of each account. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(self, devices: DeviceStore, *, clock: Clock) -> None:
        self._devices = devices
        self._clock = clock

    async def remember(self, secret: str | None, user_id: str) -> str:
        """Notes that the user has signed in with this device. Returns the device's secret from now on.

        A secret that was not made here is not taken over.
        """
        expires_at = self._clock() + LASTING
        if secret is not None and await self._devices.add_user(hash_of(secret), user_id, expires_at):
            return secret
        secret = new_secret()
        await self._devices.insert(hash_of(secret), user_id, expires_at)
        return secret
