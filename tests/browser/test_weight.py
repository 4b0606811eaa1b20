"""How much the page weighs."""

import gzip
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import expect

from browser.notebook import Notebook

BUDGET_BYTES = 45_000
DIST = Path(__file__).resolve().parents[2] / "frontend/dist"


async def test_first_use_costs_at_most_45_kb_of_javascript(notebook: Notebook) -> None:
    asked: set[str] = set()
    notebook.page.on("request", lambda request: asked.add(urlsplit(request.url).path))
    await notebook.page.reload()
    await notebook.publish("# A first note")
    await expect(notebook.notes.first.locator("h1")).to_be_visible()
    scripts = {path for path in asked if path.endswith(".js")}
    # A worker's script is not reported by the page: it counts all the same.
    scripts |= {f"/assets/{worker.name}" for worker in (DIST / "assets").glob("main-*.js")}
    sizes = {path: len(gzip.compress((DIST / path[1:]).read_bytes(), 9)) for path in scripts}
    assert len(sizes) == 3
    assert sum(sizes.values()) <= BUDGET_BYTES, sizes
