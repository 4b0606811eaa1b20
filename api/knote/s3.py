"""The only module that knows aioboto3: how the object store is opened, four verbs, its errors."""

import asyncio
import logging
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aioboto3
from aiobotocore.config import AioConfig
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from knote.errors import PicturesUnavailable
from knote.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import GetObjectOutputTypeDef

logger = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
# A signed URL is handed out again while at least two thirds of its life are left: signing costs 0.5 ms.
SIGNED_SECONDS = 900
_REUSE_SECONDS = SIGNED_SECONDS / 3
_MOST_SIGNED = 4096
_SLOWEST_UPLOAD_BYTES_PER_SECOND = 1024 * 1024
_MISSING_CODES = frozenset({"NoSuchKey", "404", "NotFound"})
# Answers that say "not in order", not "no such object": keys not set up yet, no bucket yet, full disk.
_UNAVAILABLE_CODES = frozenset(
    {
        "AccessDenied",
        "InternalError",
        "InvalidAccessKeyId",
        "NoSuchBucket",
        "RequestTimeout",
        "RequestTimeTooSkewed",
        "ServiceUnavailable",
        "SignatureDoesNotMatch",
        "SlowDown",
        "XMinioServerNotInitialized",
        "XMinioStorageFull",
    }
)


class ObjectMissing(Exception):
    """The bucket holds no object under this key."""


class StoredObject(NamedTuple):
    """One object as the bucket lists it."""

    key: str
    size_bytes: int
    stored_at: datetime


class Bucket:
    """One bucket of an S3 store, over one long-lived client."""

    def __init__(
        self, client: "S3Client", name: str, *, timeout_seconds: float, signer: "S3Client | None" = None
    ) -> None:
        """`signer` signs URLs where they are to name another address than the client's."""
        self._client = client
        self._signer = signer or client
        self._signed: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self.name = name
        self._timeout_seconds = timeout_seconds

    async def check(self) -> None:
        """One cheap request that fails with `PicturesUnavailable` when the bucket is out of reach."""
        try:
            with bucket_errors():
                await self._client.head_bucket(Bucket=self.name)
        except ObjectMissing as error:
            raise _unavailable() from error

    async def ensure(self) -> None:
        """Makes the bucket if it is not there. In a cluster its bootstrap does: no replica may."""
        try:
            with bucket_errors():
                await self._client.head_bucket(Bucket=self.name)
        except ObjectMissing:
            with bucket_errors():
                await self._client.create_bucket(Bucket=self.name)

    async def put(self, key: str, path: Path, *, content_type: str) -> None:
        """Stores the file at `path`; returns when the store has acknowledged it."""
        with bucket_errors(), path.open("rb") as body:
            # The driver's own timeout begins with the last byte sent: a store that takes none has no end.
            size_bytes = os.fstat(body.fileno()).st_size
            seconds = self._timeout_seconds + size_bytes / _SLOWEST_UPLOAD_BYTES_PER_SECOND
            async with asyncio.timeout(seconds):
                await self._client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)

    async def get(self, key: str, *, first: int = 0, last: int | None = None) -> AsyncIterator[bytes]:
        """The bytes `first` to `last`, both included, in chunks. Raises `ObjectMissing`.

        The request is made before this returns, so that an error still has a status to be told with.
        """
        with bucket_errors():
            if first == 0 and last is None:
                answer = await self._client.get_object(Bucket=self.name, Key=key)
            else:
                span = f"bytes={first}-{'' if last is None else last}"
                answer = await self._client.get_object(Bucket=self.name, Key=key, Range=span)
        return self._chunks(answer)

    async def _chunks(self, answer: "GetObjectOutputTypeDef") -> AsyncIterator[bytes]:
        with bucket_errors():
            async with answer["Body"]:
                async for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    yield chunk

    async def size_bytes(self, key: str) -> int:
        """The size of one object. Raises `ObjectMissing`."""
        with bucket_errors():
            return (await self._client.head_object(Bucket=self.name, Key=key))["ContentLength"]

    async def sign(self, key: str) -> str:
        """A URL that lets anybody read one object, for 10 to 15 minutes from now. It asks no store."""
        now = time.monotonic()
        signed_at, url = self._signed.get(key, (float("-inf"), ""))
        if now - signed_at > _REUSE_SECONDS:
            url = await self._signer.generate_presigned_url(
                "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=SIGNED_SECONDS
            )
            self._signed[key] = (now, url)
        self._signed.move_to_end(key)
        if len(self._signed) > _MOST_SIGNED:
            self._signed.popitem(last=False)
        return url

    async def delete(self, keys: list[str]) -> None:
        """Removes the objects; one that is not there is no error."""
        with bucket_errors():
            for key in keys:
                await self._client.delete_object(Bucket=self.name, Key=key)

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object whose key starts with `prefix`, in the order of the keys."""
        with bucket_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            async for page in pages:
                for item in page.get("Contents", []):
                    yield StoredObject(item["Key"], item["Size"], item["LastModified"])


@asynccontextmanager
async def open_bucket(settings: Settings) -> AsyncIterator[Bucket]:
    """The bucket of the settings. Opening connects to nothing; each request does."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # Other S3 servers than Amazon's refuse the checksum headers that botocore sends by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=2,
        read_timeout=settings.s3_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=64,
    )
    session = aioboto3.Session()

    async def client_of(endpoint: str) -> "S3Client":
        opening = session.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=settings.minio_access_key,
            aws_secret_access_key=settings.minio_secret_key.get_secret_value(),
            region_name=settings.s3_region,
            config=config,
        )
        return await stack.enter_async_context(opening)

    async with AsyncExitStack() as stack:
        client = signer = await client_of(settings.s3_endpoint)
        if settings.picture_delivery == "redirect" and settings.s3_public_endpoint != settings.s3_endpoint:
            signer = await client_of(settings.s3_public_endpoint)
        yield Bucket(
            client, settings.minio_bucket, timeout_seconds=settings.s3_timeout_seconds, signer=signer
        )


@contextmanager
def bucket_errors() -> Iterator[None]:
    """Turns the driver's errors into `ObjectMissing` or `PicturesUnavailable`; the rest passes."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in _MISSING_CODES:
            raise ObjectMissing(code) from error
        if code in _UNAVAILABLE_CODES or status in {401, 403} or status >= 500:
            logger.warning("the object store refused a request", extra={"s3_code": code})
            raise _unavailable() from error
        raise
    except (BotoCoreError, HTTPClientError, OSError, TimeoutError) as error:
        raise _unavailable() from error


def _unavailable() -> PicturesUnavailable:
    return PicturesUnavailable(
        "Pictures cannot be reached right now. Your notes are safe: try again in a moment."
    )
