"""The alerts ask for figures that the API has."""

import re
from pathlib import Path

import pytest

from knote.app import create_app
from knote.routing import PlannedRoute
from knote.settings import Settings

ALERTS = Path(__file__).resolve().parents[2] / "deploy/components/monitoring/alerts.yaml"
ASKED = sorted(set(re.findall(r'route=~"([^"]+)"', ALERTS.read_text())))


@pytest.mark.parametrize("pattern", ASKED)
def test_an_alert_on_routes_is_about_routes_that_are_counted(pattern: str) -> None:
    paths = [route.path for route in create_app(Settings()).routes if isinstance(route, PlannedRoute)]
    about = [path for path in paths if re.fullmatch(pattern, path)]
    assert about
    assert not {"/livez", "/readyz", "/metrics"} & set(about)
