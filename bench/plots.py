"""The plots of docs/performance.md, as SVG that is read in light and in dark."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
.track { fill: #d1d9e0 }
.reached { fill: #1a7f37 }
.missed { fill: #9a6700 }
.target { stroke: #1f2328; stroke-width: 2 }
.spread { stroke: #59636e; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc }
  .quiet { fill: #9198a1 }
  .track { fill: #3d444d }
  .reached { fill: #3fb950 }
  .missed { fill: #d29922 }
  .target { stroke: #f0f6fc }
  .spread { stroke: #9198a1 }
}
"""
# How the names of the page's rows begin.
PAGE = "page"
_WIDTH, _NAMES, _BAR, _LINE = 880, 420, 380, 26


def draw(rows: Sequence[Mapping[str, Any]]) -> None:
    """Draws the rows: how the notebook behaves as it grows, the page, and all others beside their limits."""
    grown = [row for row in rows if row["row"].startswith("grown")]
    page = [row for row in rows if row["row"].startswith(PAGE)]
    others = [row for row in rows if row not in grown and row not in page]
    for name, title, chosen in (
        ("performance-ratios", "Knote as a part of its target (the line is the target)", others),
        ("performance-grown", "Pages of a notebook that grows, beside its first 20 notes", grown),
        ("performance-page", "The page in Chromium, as a part of its target", page),
    ):
        if chosen:
            (IMAGES / f"{name}.svg").write_text(_plot(title, chosen), encoding="utf-8")


def _plot(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    height = _LINE * (len(rows) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text x="8" y="{_LINE - 8}" font-weight="600">{escape(title)}</text>',
        *(_bar(row, _LINE * (number + 1.5)) for number, row in enumerate(rows)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(row: Mapping[str, Any], y: float) -> str:
    """One row: as long as what was reached of the target, three halves of it at the most."""
    ratio, target = row["ratio"], row["target"]
    reached = ratio / target if row["better"] == "higher" else target / max(ratio, 0.001)
    spread = (
        row["spread"] / target if row["better"] == "higher" else reached * row["spread"] / max(ratio, 0.001)
    )
    scale = _BAR / 1.5

    def place(value: float) -> float:
        return round(_NAMES + scale * min(1.5, max(0.0, value)), 1)

    length = place(reached) - _NAMES
    kind = "reached" if reached >= 1 else "missed"
    sign = "≥" if row["better"] == "higher" else "≤"
    middle = y + 8
    return (
        f'<text x="8" y="{y + 13}">{escape(row["row"])}</text>'
        f'<rect class="track" x="{_NAMES}" y="{y + 3}" width="{_BAR}" height="10" rx="3" opacity="0.5"/>'
        f'<rect class="{kind}" x="{_NAMES}" y="{y + 3}" width="{length:.1f}" height="10" rx="3"/>'
        f'<line class="spread" x1="{place(reached - spread / 2)}" x2="{place(reached + spread / 2)}" '
        f'y1="{middle}" y2="{middle}"/>'
        f'<line class="target" x1="{place(1)}" x2="{place(1)}" y1="{y}" y2="{y + 16}"/>'
        f'<text class="quiet" x="{_NAMES + _BAR + 8}" y="{y + 13}">{ratio:.2f} {sign} {target:g}</text>'
    )
