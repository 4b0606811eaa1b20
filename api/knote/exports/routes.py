"""The export of the API."""

from typing import Any

from fastapi import Response

from knote.deps import AskedRoute, CurrentAsker, Exports, FromClient
from knote.errors import NotFound
from knote.routing import open_router
from knote.streaming import Stream

router = open_router("/account", tag="accounts", route_class=AskedRoute)

_ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The archive, as it is made",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/export", response_class=Response, responses=_ZIP)
async def export_account(asker: CurrentAsker, exports: Exports, client: FromClient) -> Response:
    """Export all that one's account has, as a ZIP archive.

    Each note is a Markdown file in `notes/` or `trash/` that shows its pictures from `pictures/`;
    `notes.json` has everything to the letter. An archive that breaks off lacks its end, and does not open.
    """
    if asker.owner is None:
        raise NotFound("This notebook is open to everybody who reaches it: there are no accounts.")
    export = await exports.begin(asker.owner, by=asker.owner, address=client.address)
    headers = {
        "Content-Disposition": f'attachment; filename="{export.file_name}"',
        "Cache-Control": "no-store",
    }
    return Stream(export.chunks, headers=headers, media_type="application/zip")
