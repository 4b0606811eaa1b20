"""Who may try again, and when: guessing is slow, and a stranger's guesses keep nobody out at home.

An attempt counts before the password is compared, and no more once it was right. From a device that has
signed in to the account before, it counts for that device alone.
"""

import hashlib
from datetime import timedelta
from ipaddress import IPv6Address, ip_address
from math import ceil
from typing import NamedTuple

from knote.attempts.store import AttemptStore
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock
from knote.devices.store import DeviceStore
from knote.errors import TooManyRequests
from knote.mongo import Document
from knote.secret import hash_of
from knote.users.names import name_key
from knote.users.passwords import Passwords


class Limit(NamedTuple):
    """How often, in how long."""

    number: int
    lasting: timedelta


OF_DEVICE = Limit(20, timedelta(minutes=15))
OF_ACCOUNT_AND_ADDRESS = Limit(10, timedelta(minutes=15))
OF_ADDRESS = Limit(100, timedelta(minutes=15))
OF_ACCOUNT = Limit(100, timedelta(hours=1))
OF_SIGN_UPS = Limit(20, timedelta(hours=1))
# Each is kept for a while. Many: behind one address may be a whole company, on a Monday morning.
OF_SIGN_ONS = Limit(300, timedelta(minutes=15))
_NOBODY = "nobody"


class AttemptService:
    """All attempts, on whichever replica. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self, attempts: AttemptStore, devices: DeviceStore, passwords: Passwords, *, clock: Clock
    ) -> None:
        self._attempts = attempts
        self._devices = devices
        self._passwords = passwords
        self._clock = clock

    async def verify(
        self, name: str, user: Document | None, password: str, client: Client, device: str | None
    ) -> bool:
        """Whether it is the password of the user of that name. Raises `TooManyRequests`.

        A name that is nobody's is counted, and takes as long, as any other.
        """
        user_id = user["_id"] if user else _NOBODY
        account, address = name_key(name), _network(client.address)
        if device is not None and await self._devices.has(hash_of(device), user_id):
            limits = {_key("device", account, hash_of(device)): OF_DEVICE}
        else:
            # The narrowest first: what it refuses does not count for the wider ones.
            limits = {
                _key("account and address", account, address): OF_ACCOUNT_AND_ADDRESS,
                _key("address", address): OF_ADDRESS,
                _key("account", account): OF_ACCOUNT,
            }
        await self._count(limits, user["_id"] if user else None, client)
        is_right = await self._passwords.verify(user["password"] if user else None, password)
        if is_right:
            await self._attempts.take_back(list(limits))
        return is_right

    async def count_sign_up(self, client: Client) -> None:
        """Counts somebody who wants to make an account. Raises `TooManyRequests`."""
        await self._count({_key("sign-up", _network(client.address)): OF_SIGN_UPS}, None, client)

    async def count_sign_on(self, client: Client) -> None:
        """Counts somebody who begins a single sign-on. Raises `TooManyRequests`."""
        await self._count({_key("sign-on", _network(client.address)): OF_SIGN_ONS}, None, client)

    async def _count(self, limits: dict[str, Limit], user_id: str | None, client: Client) -> None:
        now = self._clock()
        for key, limit in limits.items():
            count = await self._attempts.add(key, now, limit.lasting)
            if count.number > limit.number:
                audit("attempt_refused", user=user_id, by=None, address=client.address)
                raise _too_many(ceil((count.expires_at - now).total_seconds()))


def _too_many(seconds: int) -> TooManyRequests:
    minutes = ceil(seconds / 60)
    span = "a minute" if minutes == 1 else f"{minutes} minutes"
    return TooManyRequests(
        f"That was too often in too short a time. Try again in {span}.", retry_after_seconds=seconds
    )


def _key(*parts: str) -> str:
    """A name for a count. What somebody typed is not in it: now and then it is a password."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _network(address: str) -> str:
    """The address, or of IPv6 the network that one customer has."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
