"""The shipped scenarios as a test's parameters: a few in the quick suite, all of them in CI."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from simcb.scenario import list_shipped

QUICK = ("flaky-payments", "llm-429", "slow-replica")
"""Those that between them have most of the words."""


def each_shipped() -> list[ParameterSet]:
    """Return every shipped scenario's name; all but a few are marked as slow."""
    return [
        pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
        for name in list_shipped()
    ]
