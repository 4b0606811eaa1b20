"""Breaks one thing, then runs Knote's command line."""

import sys

from chaos.planted.bugs import BUGS
from knote.__main__ import main

if __name__ == "__main__":
    BUGS[sys.argv.pop(1)]()
    sys.exit(main())
