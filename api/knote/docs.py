"""The API's documentation page, served whole from here: nothing is loaded from anywhere else."""

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Knote API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<link rel="icon" href="data:,">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_SCRIPT = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, tryItOutEnabled: true,
});
"""
# Swagger UI sets style attributes; it needs no other liberty.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """The page that shows and tries every call."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def docs_script() -> Response:
    """What the page starts with."""
    return Response(_SCRIPT, media_type="text/javascript")


def mount_docs(app: FastAPI) -> None:
    """Adds the page and its files to the app."""
    app.include_router(router)
    files = StaticFiles(packages=[("fastapi_swagger", "resources")])
    app.mount("/docs/assets", files, name="docs-assets")
