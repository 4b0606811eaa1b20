"""The only module that knows aioboto3: how the object store is opened, four verbs, its errors."""

import asyncio
import logging
import os
import re
import ssl
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import aioboto3
import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.utils import get_environ_proxies
from yarl import URL

from knote.errors import PicturesUnavailable
from knote.settings import Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

logger = logging.getLogger(__name__)

CHUNK_BYTES = 256 * 1024
_CONNECT_SECONDS = 2
_MOST_CONNECTIONS = 64
# A signed URL is handed out again while at least two thirds of its life are left: signing costs 0.5 ms.
SIGNED_SECONDS = 900
_REUSE_SECONDS = SIGNED_SECONDS / 3
_MOST_SIGNED = 4096
_SLOWEST_UPLOAD_BYTES_PER_SECOND = 1024 * 1024
_ERROR_CODE = re.compile(r"<Code>([A-Za-z0-9]+)</Code>")
_ERROR_BYTES = 16 * 1024
_MISSING_CODES = frozenset({"NoSuchKey", "404", "NotFound"})
# A MinIO that has been told to end takes its own hurry for the client's, and says so to whoever still waits.
_ENDING = 499
# Answers that say "not in order", not "no such object": keys not set up yet, no bucket yet, full disk.
_AWAY = frozenset({401, 403, _ENDING})
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
        self,
        client: "S3Client",
        reader: "Reader",
        name: str,
        *,
        timeout_seconds: float,
        signer: "S3Client | None" = None,
    ) -> None:
        """`signer` signs URLs where they are to name another address than the client's."""
        self._client = client
        self._reader = reader
        self._signer = signer or client
        self._signed: OrderedDict[tuple[S3Client, str], tuple[float, str]] = OrderedDict()
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

    async def get(self, key: str, *, first: int = 0, last: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes `first` to `last`, both included, in chunks. Raises `ObjectMissing`.

        The request is made before this returns, so that an error still has a status to be told with.
        """
        span = None if first == 0 and last is None else f"bytes={first}-{'' if last is None else last}"
        with bucket_errors():
            return await self._reader.open(await self._sign(self._client, key), span)

    async def size_bytes(self, key: str) -> int:
        """The size of one object. Raises `ObjectMissing`."""
        with bucket_errors():
            return (await self._client.head_object(Bucket=self.name, Key=key))["ContentLength"]

    async def sign(self, key: str) -> str:
        """A URL that lets anybody read one object, for 10 to 15 minutes from now. It asks no store."""
        return await self._sign(self._signer, key)

    async def _sign(self, signer: "S3Client", key: str) -> str:
        now = time.monotonic()
        signed_at, url = self._signed.get((signer, key), (float("-inf"), ""))
        if now - signed_at > _REUSE_SECONDS:
            url = await signer.generate_presigned_url(
                "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=SIGNED_SECONDS
            )
            self._signed[signer, key] = (now, url)
        self._signed.move_to_end((signer, key))
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


class Reader:
    """Reads objects from signed URLs, over the HTTP client that aioboto3 itself uses.

    What aioboto3 does around each read costs nine times as much as the read of a small picture.
    """

    def __init__(self, session: aiohttp.ClientSession, *, proxy: str | None) -> None:
        self._session = session
        self._proxy = proxy

    async def open(self, url: str, span: str | None) -> AsyncGenerator[bytes, None]:
        """The bytes in chunks, all or those of the HTTP range `span`. Tries twice, as aioboto3 does."""
        try:
            answer = await self._get(url, span)
            if answer.status >= 500 or answer.status == _ENDING:
                answer.close()
                answer = await self._get(url, span)
        except aiohttp.ClientConnectionError:
            answer = await self._get(url, span)
        if answer.status not in {200, 206}:
            async with answer:
                text = (await answer.content.read(_ERROR_BYTES)).decode("utf-8", "replace")
            code = found[1] if (found := _ERROR_CODE.search(text)) else str(answer.status)
            metadata = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": answer.status}}
            raise ClientError(metadata, "GetObject")  # type: ignore[arg-type]
        return self._chunks(answer)

    async def _get(self, url: str, span: str | None) -> aiohttp.ClientResponse:
        headers = {"Accept-Encoding": "identity", **({"Range": span} if span else {})}
        return await self._session.get(
            URL(url, encoded=True), headers=headers, proxy=self._proxy, allow_redirects=False
        )

    async def _chunks(self, answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        with bucket_errors():
            async with answer:
                async for chunk in answer.content.iter_any():
                    yield chunk


@asynccontextmanager
async def _open_reader(settings: Settings) -> AsyncIterator[Reader]:
    endpoint = settings.s3_endpoint
    trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS, ssl=trusted),
        timeout=aiohttp.ClientTimeout(
            total=None, sock_connect=_CONNECT_SECONDS, sock_read=settings.s3_timeout_seconds
        ),
        read_bufsize=CHUNK_BYTES,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        proxies: dict[str, str] = get_environ_proxies(endpoint)
        yield Reader(session, proxy=proxies.get(endpoint.partition("://")[0]))


class _Session(AIOHTTPSession):
    """aiobotocore's own session, which would go wherever an answer of the store leads to.

    Such an answer is a failed connection: botocore itself would ask for the bucket's region over and over.
    """

    async def _get_session(self, proxy_url: str | None) -> SimpleNamespace:
        session = await super()._get_session(proxy_url)  # type: ignore[misc]

        async def request(*values: object, **options: object) -> aiohttp.ClientResponse:
            answer: aiohttp.ClientResponse = await session.request(*values, allow_redirects=False, **options)
            if 300 <= answer.status < 400:
                answer.close()
                raise aiohttp.ClientConnectionError(f"status {answer.status}")
            return answer

        return SimpleNamespace(request=request)


@asynccontextmanager
async def open_bucket(settings: Settings) -> AsyncIterator[Bucket]:
    """The bucket of the settings. Opening connects to nothing; each request does."""
    config = AioConfig(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        # Other S3 servers than Amazon's refuse the checksum headers that botocore sends by default.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=settings.s3_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=_MOST_CONNECTIONS,
        http_session_cls=_Session,
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
            client,
            await stack.enter_async_context(_open_reader(settings)),
            settings.minio_bucket,
            timeout_seconds=settings.s3_timeout_seconds,
            signer=signer,
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
        if code in _UNAVAILABLE_CODES or status in _AWAY or 300 <= status < 400 or status >= 500:
            logger.warning("the object store refused a request", extra={"s3_code": code})
            raise _unavailable() from error
        raise
    except (BotoCoreError, HTTPClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise _unavailable() from error


def _unavailable() -> PicturesUnavailable:
    return PicturesUnavailable(
        "Pictures cannot be reached right now. Your notes are safe: try again in a moment."
    )
