"""The replica set and the application's user, over a connection as a member has it.

Members share a key, and whoever has it may sign in as `__system`: so no administrator has to be made,
and none is left behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, InvalidName, OperationFailure, PyMongoError
from pymongo.uri_parser import parse_uri

from knote.bootstrap.settings import BootstrapSettings
from knote.bootstrap.waiting import NotYet, Patience, tell
from knote.errors import Misconfigured

Client = MongoClient[dict[str, Any]]
Config = dict[str, Any]

_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_ALREADY_INITIALIZED = 23
_NOT_YET_INITIALIZED = 94
_USER_EXISTS = 51003
_STATE_PRIMARY, _STATE_SECONDARY = 1, 2
# Half of MongoDB's default: nobody can write until a primary that died has a successor.
_ELECTION_MILLISECONDS = 5000


class ReplicaSet:
    """The members named in the settings, each asked directly."""

    def __init__(self, settings: BootstrapSettings, patience: Patience) -> None:
        """Raises `Misconfigured`."""
        assert settings.mongo_keyfile is not None  # noqa: S101 - the settings have checked it
        self._name = settings.mongo_replica_set
        self._members = settings.members
        self._keys = _keys(settings.mongo_keyfile)
        self._user = _User(settings.mongo_url.get_secret_value())
        self._patience = patience

    def prepare(self) -> None:
        """Brings set and user to what the settings say. Raises `BootstrapFailed`."""
        result = self._patience.until_done("replica-set", self._initiate)
        tell("replica-set", result, name=self._name, members=self._members)
        for member in self._members:
            if self._patience.until_done("member", partial(self._add, member)):
                # Added one by one, and each in step before the next, so that there is always a majority.
                self._patience.until_done("member", partial(self._expect_in_step, member))
                tell("member", "added", member=member)
        result = self._patience.until_done("user", self._let_user_in)
        tell("user", result, user=self._user.name, database=self._user.database)

    def _initiate(self) -> str:
        """Makes the set, unless one of the members belongs to one already."""
        configs = {member: self._config_of(member) for member in self._members}
        # A member that cannot be asked may be the one that knows the set: no second one is made.
        known = [config for config in configs.values() if isinstance(config, dict)]
        if known:
            if known[0]["_id"] != self._name:
                raise Misconfigured(
                    f"The replica set's name is {known[0]['_id']}; KNOTE_MONGO_REPLICA_SET says {self._name}."
                )
            return "unchanged"
        for answer in configs.values():
            if isinstance(answer, NotYet):
                raise answer
        members = [{"_id": number, "host": host} for number, host in enumerate(self._members)]
        try:
            with self._open(self._members[0]) as client:
                settings = {"electionTimeoutMillis": _ELECTION_MILLISECONDS}
                client.admin.command(
                    "replSetInitiate", {"_id": self._name, "members": members, "settings": settings}
                )
        except OperationFailure as error:
            if error.code == _ALREADY_INITIALIZED:
                return "unchanged"
            raise NotYet(_named(error)) from error
        return "initiated"

    def _config_of(self, member: str) -> Config | NotYet | None:
        """What a member knows of the set: its configuration, None for nothing; or why it cannot say."""
        try:
            with self._open(member) as client:
                config: Config = client.admin.command("replSetGetConfig")["config"]
                return config
        except NotYet as reason:
            return reason
        except OperationFailure as error:
            return None if error.code == _NOT_YET_INITIALIZED else NotYet(f"{member}: {_named(error)}")

    def _add(self, member: str) -> bool:
        """Adds one member to the set. Returns whether it was missing."""
        with self._primary() as client, _passing_errors():
            config: Config = client.admin.command("replSetGetConfig")["config"]
            if member in [known["host"] for known in config["members"]]:
                return False
            with self._open(member):
                pass  # it answers: one that does not would cost the set a vote
            number = max(known["_id"] for known in config["members"]) + 1
            config["members"].append({"_id": number, "host": member})
            config["version"] += 1
            client.admin.command("replSetReconfig", config)
        return True

    def _expect_in_step(self, member: str) -> None:
        """Returns when the member has what the others have."""
        with self._primary() as client, _passing_errors():
            status = client.admin.command("replSetGetStatus")
        states = {known["name"]: known["state"] for known in status["members"]}
        if states.get(member) not in {_STATE_PRIMARY, _STATE_SECONDARY}:
            raise NotYet(f"{member} is not in step yet")

    def _let_user_in(self) -> str:
        """The user exists, with the password of `MONGO_URL`, and may use its database and no other."""
        user = self._user
        with self._primary() as client, _passing_errors():
            accounts = client[user.source]
            known = accounts.command("usersInfo", user.name)["users"]
            if known and known[0]["roles"] == user.roles and self._signs_in(client):
                return "unchanged"
            try:
                accounts.command(
                    "updateUser" if known else "createUser",
                    user.name,
                    pwd=user.password,
                    roles=user.roles,
                    writeConcern={"w": "majority", "j": True},
                )
            except OperationFailure as error:
                if error.code != _USER_EXISTS:
                    raise
                raise NotYet("somebody else has just made the user") from error
            return "updated" if known else "created"

    def _signs_in(self, client: Client) -> bool:
        """Whether the user's password is the one of `MONGO_URL` already."""
        assert client.address is not None  # noqa: S101 - it has just answered
        host, port = client.address
        try:
            with _client(host, port, self._user.name, self._user.password, self._user.source) as own:
                own[self._user.database].command("ping")
        except OperationFailure as error:
            if error.code in {_AUTHENTICATION_FAILED, _UNAUTHORIZED}:
                return False
            raise
        return True

    @contextmanager
    def _primary(self) -> Iterator[Client]:
        """A connection to the member that takes writes. Raises `NotYet`."""
        with self._open(self._find_primary()) as client:
            yield client

    def _find_primary(self) -> str:
        """The member that takes writes; it may be one that the settings do not name."""
        for member in self._members:
            try:
                with self._open(member) as client:
                    found = client.admin.command("hello")
            except NotYet:
                continue
            if primary := found.get("primary"):
                return str(primary)
        raise NotYet("the replica set has no primary yet")

    @contextmanager
    def _open(self, member: str) -> Iterator[Client]:
        """A connection to one member, which answers. Raises `NotYet`."""
        host, _, port = member.rpartition(":")
        for key in self._keys:
            with _client(host.strip("[]"), int(port), "__system", key, "local") as client:
                try:
                    client.admin.command("hello")
                except OperationFailure as error:
                    if error.code == _AUTHENTICATION_FAILED:
                        continue
                    raise NotYet(f"{member}: {_named(error)}") from error
                except PyMongoError as error:
                    raise NotYet(f"{member} does not answer ({type(error).__name__})") from error
                yield client
                return
        raise NotYet(f"{member} does not take the key of KNOTE_MONGO_KEYFILE")


class _User:
    """Who `MONGO_URL` signs in as, and where."""

    def __init__(self, url: str) -> None:
        try:
            parsed = parse_uri(url)
        except (ConfigurationError, InvalidName, ValueError) as error:
            raise Misconfigured("MONGO_URL is no connection string that can be used.") from error
        self.name: str = parsed["username"] or ""
        self.password: str = parsed["password"] or ""
        self.database: str = parsed["database"] or "knote"
        self.source: str = parsed["options"].get("authSource") or parsed["database"] or "admin"
        if not (self.name and self.password):
            raise Misconfigured("MONGO_URL names no user and password: the API signs in with those.")
        self.roles = [{"role": "readWrite", "db": self.database}]


def _client(host: str, port: int, user: str, password: str, source: str) -> Client:
    return MongoClient(
        host,
        port,
        username=user,
        password=password,
        authSource=source,
        directConnection=True,
        appname="knote-bootstrap",
        serverSelectionTimeoutMS=3000,
        connectTimeoutMS=2000,
        socketTimeoutMS=30_000,
    )


def _keys(keyfile: Path) -> list[str]:
    """The keys in a keyfile: one text, or a YAML list of them while the key is being changed."""
    try:
        text = keyfile.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"KNOTE_MONGO_KEYFILE cannot be read: {error.strerror}.") from error
    listed = [line.strip()[2:].strip(" '\"") for line in text.splitlines() if line.strip().startswith("- ")]
    keys = listed or ["".join(text.split())]
    if not all(keys):
        raise Misconfigured("KNOTE_MONGO_KEYFILE is empty.")
    return keys


@contextmanager
def _passing_errors() -> Iterator[None]:
    """Turns what a set says while it is settling into `NotYet`: all of it is looked at again."""
    try:
        yield
    except PyMongoError as error:
        raise NotYet(_named(error)) from error


def _named(error: PyMongoError) -> str:
    """An error by its name: its text may hold what the command held."""
    details = getattr(error, "details", None) or {}
    return f"MongoDB says {details.get('codeName') or type(error).__name__}"
