"""Fixtures of the breaker's tests."""

from __future__ import annotations

from types import ModuleType

import pytest
from test_breaker.stage import Clock

import simcb.breaker


@pytest.fixture
def room() -> ModuleType:
    """The room under test; `test_broken` hands the same tests rooms that are broken."""
    return simcb.breaker


@pytest.fixture
def clock() -> Clock:
    return Clock()
