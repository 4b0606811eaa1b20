"""`python -m bench [ROW ...]`: measures Knote beside what its parts can do."""

import sys

from bench.command import measure
from bench.plots import PAGE
from bench.rows import ROWS
from bench.stage import open_stage

if __name__ == "__main__":
    sys.exit(measure(ROWS, open_stage, is_ours=lambda row: not row.startswith(PAGE)))
