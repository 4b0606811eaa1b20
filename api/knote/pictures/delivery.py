"""Who sends a picture's bytes, once the API has said that they may be seen: it, nginx, or the store."""

from collections.abc import AsyncGenerator, Mapping
from urllib.parse import urlsplit

from fastapi import Response

from knote.streaming import Stream

# The location of web's nginx that fetches from the object store; nobody can ask for it from outside.
INTERNAL_PREFIX = "/_s3"
# What nginx would judge by what it knows of the object, which is less than the API does.
_JUDGED_BY_API = ("if-match", "if-unmodified-since", "if-modified-since")

# Up to here an answer is held in memory as a whole: it costs less, and a store that fails midway is told.
WHOLE_BYTES = 128 * 1024

_SAID_BY_NGINX = frozenset({"Accept-Ranges", "Cache-Control"})


def may_hand_over(headers: Mapping[str, str], *, is_range_used: bool) -> bool:
    """Whether others would answer a request with these headers as the API does.

    They would not where its `Range` is one that the API ignores.
    """
    if "range" in headers and not is_range_used:
        return False
    return not any(name in headers for name in _JUDGED_BY_API)


async def by_api(
    chunks: AsyncGenerator[bytes, None],
    size_bytes: int,
    headers: Mapping[str, str],
    content_type: str,
    *,
    status: int = 200,
) -> Response:
    """An answer of the bytes themselves, which are `size_bytes` in all."""
    told = {**headers, "Content-Length": str(size_bytes)}
    if size_bytes > WHOLE_BYTES:
        return Stream(chunks, status, told, content_type)
    return Response(b"".join([chunk async for chunk in chunks]), status, told, content_type)


def by_nginx(url: str, headers: Mapping[str, str], content_type: str) -> Response:
    """An answer that the nginx in front replaces by the object, under these headers."""
    signed = urlsplit(url)
    told = {
        **{name: value for name, value in headers.items() if name not in _SAID_BY_NGINX},
        # Under another name, since nginx would send it with the store's errors too.
        "X-Accel-Cache-Control": headers["Cache-Control"],
        "X-Accel-Redirect": f"{INTERNAL_PREFIX}{signed.path}?{signed.query}",
    }
    return Response(headers=told, media_type=content_type)


def by_store(url: str, headers: Mapping[str, str]) -> Response:
    """An answer that sends the client to the object store. The URL is short-lived: nobody may keep it."""
    return Response(status_code=302, headers={**headers, "Location": url, "Cache-Control": "no-store"})
