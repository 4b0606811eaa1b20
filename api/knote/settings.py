"""The whole configuration, read once from the environment and then frozen."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Auth = Literal["open", "accounts"]
SignUp = Literal["closed", "open"]
PictureDelivery = Literal["stream", "accel", "redirect"]

_S3_ADDRESS = re.compile(r"(https?://)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_safe_address(url: str) -> bool:
    """Whether what comes from this URL is what its owner sent: by TLS, or from this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and not parts.fragment and (parts.scheme == "https" or is_local)


class Settings(BaseSettings):
    """Every setting of Knote. `MONGO_*` and `MINIO_*` keep the names of the tutorial's Knote."""

    model_config = SettingsConfigDict(env_prefix="KNOTE_", frozen=True, extra="ignore", populate_by_name=True)

    mongo_url: SecretStr = Field(
        default=SecretStr("mongodb://localhost:27017/knote"),
        validation_alias="MONGO_URL",
        description="MongoDB connection string; the database is its path (`knote` when it has none).",
    )
    minio_host: str = Field(
        default="localhost:9000",
        min_length=1,
        validation_alias="MINIO_HOST",
        description="The object store: host, host:port (9000 without one) or a URL.",
    )
    minio_access_key: str = Field(
        default="",
        validation_alias="MINIO_ACCESS_KEY",
        description="Access key of the object store.",
    )
    minio_secret_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="MINIO_SECRET_KEY",
        description="Secret key of the object store.",
    )
    minio_bucket: str = Field(
        default="knote",
        min_length=3,
        max_length=63,
        validation_alias="MINIO_BUCKET",
        description="The bucket that holds the pictures.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        description="Addresses or networks, by comma, whose `X-Forwarded-For` is believed; `*` for all.",
    )
    data_dir: Path = Field(default=Path(".knote"), description="Where local mode keeps its servers' data.")
    web_dir: Path | None = Field(
        default=None,
        description="The built page that local mode serves; found by itself when unset.",
    )

    auth: Auth = Field(
        default="open",
        description="One notebook for whoever reaches it (`open`), or one for each account (`accounts`).",
    )
    sign_up: SignUp = Field(
        default="closed",
        description="Who may make an account: who was invited (`closed`), or anybody (`open`).",
    )
    public_url: str = Field(
        default="",
        description="Where browsers reach Knote, a URL; from the request when unset.",
    )
    setup_token: SecretStr = Field(
        default=SecretStr(""),
        description="Lets the page make the first account; `python -m knote user add` does without.",
    )
    session_idle_days: float = Field(
        default=30, gt=0, description="Days without a request after which a sign-in ends."
    )
    session_days: float = Field(default=180, gt=0, description="Days after which every sign-in ends.")
    account_grace_days: float = Field(
        default=30, ge=0, description="Days a deleted account is kept before the sweep removes it."
    )
    oidc_issuer: str = Field(
        default="",
        description="The OpenID Connect provider for single sign-on, its issuer URL; none when unset.",
    )
    oidc_client_id: str = Field(default="", description="What the provider knows this Knote as.")
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="The secret that belongs to it; none for a public client."
    )
    oidc_name: str = Field(
        default="single sign-on",
        min_length=1,
        max_length=60,
        description="What people call the provider: the button says `Continue with ...`.",
    )

    max_stored_bytes: int = Field(
        default=5 * 1024**3,
        ge=0,
        description="With accounts: bytes that one user's pictures may take up; 0 is no limit.",
    )
    requests_per_minute: int = Field(
        default=600, ge=0, description="With accounts: requests of one user in a minute; 0 is no limit."
    )
    uploads_per_hour: int = Field(
        default=600, ge=0, description="With accounts: pictures one user sends in an hour; 0 is no limit."
    )

    max_note_bytes: int = Field(
        default=256 * 1024,
        ge=1,
        le=1024 * 1024,
        description="Largest note, in bytes of UTF-8 (at most 1 MiB).",
    )
    max_picture_bytes: int = Field(
        default=20 * 1024 * 1024, ge=1, description="Largest picture file, in bytes."
    )
    max_picture_pixels: int = Field(default=40_000_000, ge=1, description="Largest picture, width x height.")
    upload_room_bytes: int = Field(
        default=320 * 1024 * 1024,
        ge=1,
        description="Bytes of uploads that one replica takes in at the same time. In its temporary folder "
        "they take up to three times as much.",
    )
    picture_workers: int = Field(
        default=2, ge=1, le=64, description="Pictures decoded at the same time by one replica."
    )
    picture_timeout_seconds: float = Field(
        default=30, gt=0, description="Longest time one picture may take to be decoded."
    )

    trash_days: float = Field(
        default=30, ge=0, description="Days a deleted note is kept before the sweep removes it."
    )
    picture_grace_days: float = Field(
        default=30,
        ge=0,
        description="Days a picture that no note uses is kept before the sweep removes it.",
    )
    pending_grace_seconds: float = Field(
        default=3600,
        ge=0,
        description="Seconds after which an upload that never ended counts as abandoned.",
    )

    picture_delivery: PictureDelivery = Field(
        default="stream",
        description="Who sends a picture's bytes: the API (`stream`), the nginx of web (`accel`), or the "
        "object store itself (`redirect`).",
    )
    s3_public_url: str = Field(
        default="",
        description="For `redirect`: the object store as browsers reach it, a URL; `MINIO_HOST` when unset.",
    )
    s3_region: str = Field(
        default="us-east-1", description="Region used to sign requests to the object store."
    )
    mongo_timeout_seconds: float = Field(
        default=10,
        gt=0,
        description="Longest time one MongoDB operation may take, retries included.",
    )
    s3_timeout_seconds: float = Field(
        default=10, gt=0, description="Longest silence of the object store within one request."
    )
    client_timeout_seconds: float = Field(
        default=30, gt=0, description="Longest silence of a client within one request."
    )
    drain_seconds: float = Field(
        default=0,
        ge=0,
        description="Seconds between not being ready and closing the port, after SIGTERM.",
    )
    shutdown_seconds: int = Field(
        default=25, ge=1, description="Longest time running requests get to finish at shutdown."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="One JSON object a line, or lines for people."
    )

    @field_validator("minio_host")
    @classmethod
    def _minio_host_is_a_host_or_url(cls, value: str) -> str:
        if not _S3_ADDRESS.fullmatch(value):
            raise ValueError("it takes a host, host:port or an http(s) URL")
        return value.rstrip("/")

    @field_validator("s3_public_url", "public_url")
    @classmethod
    def _public_url_is_a_url(cls, value: str) -> str:
        if value and not ("://" in value and _S3_ADDRESS.fullmatch(value)):
            raise ValueError("it takes an http(s) URL without a path")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted_proxies_are_networks(cls, value: str) -> str:
        proxies = [part.strip() for part in value.split(",") if part.strip()]
        if proxies != ["*"]:
            for proxy in proxies:
                ip_network(proxy)  # a ValueError says which one is none
        return ",".join(proxies)

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_is_safe(cls, value: str) -> str:
        if value and not is_safe_address(value):
            raise ValueError("it takes an https URL; plain http for a provider on this machine alone")
        return value

    @property
    def s3_endpoint(self) -> str:
        """`MINIO_HOST` as a URL: plain HTTP and port 9000 unless it says otherwise."""
        if "://" in self.minio_host:
            return self.minio_host
        bracketless = self.minio_host.rpartition("]")[2]
        return f"http://{self.minio_host}" + ("" if ":" in bracketless else ":9000")

    @property
    def s3_public_endpoint(self) -> str:
        """The object store as browsers reach it."""
        return self.s3_public_url or self.s3_endpoint

    @property
    def has_single_sign_on(self) -> bool:
        """Whether there are accounts, and a provider that signs in to them."""
        return self.auth == "accounts" and bool(self.oidc_issuer)

    @property
    def session_idle_time(self) -> timedelta:
        """How long a sign-in lasts without a request."""
        return timedelta(days=self.session_idle_days)

    @property
    def session_time(self) -> timedelta:
        """How long a sign-in lasts at the most."""
        return timedelta(days=self.session_days)

    @property
    def account_grace_time(self) -> timedelta:
        """How long a deleted account is kept."""
        return timedelta(days=self.account_grace_days)

    @property
    def trash_time(self) -> timedelta:
        """How long a deleted note is kept."""
        return timedelta(days=self.trash_days)

    @property
    def picture_grace_time(self) -> timedelta:
        """How long a picture that no note uses is kept."""
        return timedelta(days=self.picture_grace_days)

    @property
    def pending_grace_time(self) -> timedelta:
        """How long an upload may take before it counts as abandoned."""
        return timedelta(seconds=self.pending_grace_seconds)
