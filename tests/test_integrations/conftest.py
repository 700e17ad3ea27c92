"""Fixtures of the integrations' tests."""

from __future__ import annotations

import pytest
from test_integrations.http_clients import KITS, Kit


@pytest.fixture(params=sorted(KITS))
def kit(request: pytest.FixtureRequest) -> Kit:
    return Kit(*KITS[request.param])
