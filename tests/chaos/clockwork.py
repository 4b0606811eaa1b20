"""`python -m chaos.clockwork serve`: the API with a clock that can be put wrong while it runs.

Knote takes its clock as an argument; the driver of the object store signs by its own, which is put wrong
too. `CHAOS_CLOCK_FILE` holds by how many seconds.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

import botocore.auth
from botocore.compat import get_current_datetime

from knote.app import create_app
from knote.clock import utc_now
from knote.logs import configure_logging
from knote.server import Server
from knote.settings import Settings

_FILE = Path(os.environ["CHAOS_CLOCK_FILE"])


def _wrong_by() -> timedelta:
    return timedelta(seconds=float(_FILE.read_text(encoding="ascii")))


def _wrong_now() -> datetime:
    return utc_now() + _wrong_by()


def _wrong_signing_time(remove_tzinfo: bool = True) -> datetime:
    found: datetime = get_current_datetime(remove_tzinfo=remove_tzinfo)
    return found + _wrong_by()


if __name__ == "__main__":
    settings = Settings()
    configure_logging(settings)
    vars(botocore.auth)["get_current_datetime"] = _wrong_signing_time
    Server(create_app(settings, clock=_wrong_now), settings).run()
