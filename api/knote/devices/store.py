"""Known devices in MongoDB: one document each, by the hash of its secret, with who signed in there."""

from datetime import datetime

from knote.mongo import ASCENDING, Collection, Database, IndexModel, database_errors

INDEXES = [
    IndexModel([("users", ASCENDING)], name="users"),
    IndexModel([("expires_at", ASCENDING)], name="expiry", expireAfterSeconds=0),
]


class DeviceStore:
    """The `devices` collection. Every method raises `NotesUnavailable` while MongoDB is away."""

    def __init__(self, database: Database) -> None:
        self._devices: Collection = database["devices"]

    async def ensure_indexes(self) -> None:
        """Creates what is missing; any number of replicas may do so at once."""
        with database_errors():
            await self._devices.create_indexes(INDEXES)

    async def has(self, hashed: str, user_id: str) -> bool:
        """Whether that user has signed in with the device of that secret."""
        with database_errors():
            found = await self._devices.find_one({"_id": hashed, "users": user_id}, {"_id": True})
        return found is not None

    async def add_user(self, hashed: str, user_id: str, expires_at: datetime) -> bool:
        """Notes that the user has signed in with the device. Returns False for one that is not known."""
        change = {"$addToSet": {"users": user_id}, "$set": {"expires_at": expires_at}}
        with database_errors():
            return (await self._devices.update_one({"_id": hashed}, change)).matched_count == 1

    async def insert(self, hashed: str, user_id: str, expires_at: datetime) -> None:
        """Stores a device that somebody has signed in with for the first time."""
        with database_errors():
            await self._devices.insert_one({"_id": hashed, "users": [user_id], "expires_at": expires_at})

    async def remove_all(self, user_id: str) -> None:
        """Forgets where the user has signed in."""
        with database_errors():
            await self._devices.delete_many({"users": [user_id]})
            await self._devices.update_many({"users": user_id}, {"$pull": {"users": user_id}})
