"""`python -m bench.page [ROW ...]`: measures the page in Chromium."""

import sys

from bench.command import measure
from bench.page.notebook import open_notebook
from bench.page.rows import ROWS
from bench.plots import PAGE

if __name__ == "__main__":
    sys.exit(measure(ROWS, open_notebook, is_ours=lambda row: row.startswith(PAGE)))
