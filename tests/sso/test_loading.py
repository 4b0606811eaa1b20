"""What is loaded of single sign-on, and when."""

import subprocess
import sys

_LOADED = """
import sys
import knote.app
from knote.settings import Settings

knote.app.create_app(Settings())
print(*sorted({"authlib", "joserfc", "httpx2", "knote.sso.provider"} & set(sys.modules)))
"""


def test_a_replica_without_single_sign_on_loads_nothing_that_speaks_with_a_provider() -> None:
    run = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
