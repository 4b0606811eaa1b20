"""What the bootstrap is told: the application's own settings, and the keys that only it holds."""

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from knote.settings import Settings


class BootstrapSettings(BaseSettings):
    """The settings of the bootstrap. A half without its own settings is somebody else's, and is skipped."""

    model_config = SettingsConfigDict(env_prefix="KNOTE_", frozen=True, extra="ignore", populate_by_name=True)

    mongo_members: str = Field(
        default="",
        description="Members of the replica set, `host:port` by comma; MongoDB is left alone when unset.",
    )
    mongo_replica_set: str = Field(default="rs0", min_length=1, description="Name of the replica set.")
    mongo_keyfile: Path | None = Field(
        default=None, description="File with the key that the members share (mongod's `keyFile`)."
    )
    minio_root_user: str = Field(
        default="",
        validation_alias="MINIO_ROOT_USER",
        description="MinIO's root user; the object store is left alone when unset.",
    )
    minio_root_password: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="MINIO_ROOT_PASSWORD",
        description="MinIO's root password.",
    )
    bootstrap_timeout_seconds: float = Field(
        default=300, gt=0, description="Longest time the stores get to answer and to come into order."
    )

    # Those of the API: the user, the bucket and the keys that it is going to use.
    mongo_url: SecretStr = Field(default=SecretStr(""), validation_alias="MONGO_URL")
    minio_host: str = Field(default="", validation_alias="MINIO_HOST")
    minio_access_key: str = Field(default="", validation_alias="MINIO_ACCESS_KEY")
    minio_secret_key: SecretStr = Field(default=SecretStr(""), validation_alias="MINIO_SECRET_KEY")
    minio_bucket: str = Field(default="knote", min_length=3, max_length=63, validation_alias="MINIO_BUCKET")
    s3_region: str = Field(default="us-east-1")

    @property
    def members(self) -> list[str]:
        """The members of the replica set, as `host:port`."""
        names = [name.strip() for name in self.mongo_members.split(",")]
        return [name if ":" in name else f"{name}:27017" for name in names if name]

    @property
    def s3_endpoint(self) -> str:
        """`MINIO_HOST` as a URL, as the API reads it."""
        return Settings(MINIO_HOST=self.minio_host).s3_endpoint

    @model_validator(mode="after")
    def _each_half_is_whole(self) -> Self:
        if self.members:
            _expect(
                "KNOTE_MONGO_MEMBERS",
                KNOTE_MONGO_KEYFILE=self.mongo_keyfile,
                MONGO_URL=self.mongo_url.get_secret_value(),
            )
        if self.minio_root_user:
            _expect(
                "MINIO_ROOT_USER",
                MINIO_ROOT_PASSWORD=self.minio_root_password.get_secret_value(),
                MINIO_HOST=self.minio_host,
                MINIO_ACCESS_KEY=self.minio_access_key,
                MINIO_SECRET_KEY=self.minio_secret_key.get_secret_value(),
            )
        if self.minio_root_user and self.minio_access_key == self.minio_root_user:
            raise ValueError("MINIO_ACCESS_KEY is the root user: the API gets a user of its own")
        return self


def _expect(asked: str, **needed: object) -> None:
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise ValueError(f"with {asked} it takes {' and '.join(missing)} too")
