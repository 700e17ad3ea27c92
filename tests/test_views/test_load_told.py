"""Whose load a comparison tells: that of the service a fault is on, as a run does."""

from __future__ import annotations

from functools import cache

import pytest

import simcb
from simcb.scenario import parse_scenario
from simcb.studies.comparison import Comparison
from simcb.views.compare import Answer, compare_document
from simcb.views.compare_findings import sentence
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.plots.compare import load

TWO = """
name: two
duration: 30s
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls:
      api: {timeout: 5s, retry: {max_retries: 4, backoff: {kind: fixed, delay: 50ms}}}
services:
  api:
    workers: 50
    work: 1ms
    calls:
      db: {timeout: 300ms, breaker: {failure_threshold: 3, recovery_timeout: 20s}}
  db: {workers: 50, work: 2ms}
faults:
  - {kind: errors, on: db, rate: 100%, at: 8s, for: 15s}
"""
EVERYWHERE = TWO + "  - {kind: errors, on: api, rate: 1%, at: 8s, for: 15s}\n"
UNGUARDED = EVERYWHERE.replace(", breaker: {failure_threshold: 3, recovery_timeout: 20s}", "")


@cache
def compared(text: str, change: str = "") -> Comparison:
    base = parse_scenario(text)
    other = base.with_({change: 0}) if change else base.without_breakers()
    return simcb.compare({"now": base, "other": other}, replicates=1, workers=0).comparison


def shown(comparison: Comparison) -> str:
    return render(compare_document(Answer(comparison)), Format.TABLE, Page())


def test_load_is_that_of_the_service_a_fault_is_on() -> None:
    """Retries of callers that the breaker turns away reach only the service before it."""
    found = compared(TWO)
    change = found.change(1, "downstream_rate", "fault", of="db")
    assert change is not None
    assert change.more
    assert "times as many calls reach db under the fault" in sentence(found, 1)
    assert "downstream_rate{fault,db}" in shown(found)
    panel = load(found)
    assert panel.get_ylabel() == "calls to db / s"
    now = next(line for line in panel.lines if line.get_label() == "now")
    assert min(now.get_ydata()) < 1.0


def test_load_is_that_of_the_guarded_service_where_several_are_hit() -> None:
    assert "calls reach db under the fault" in sentence(compared(EVERYWHERE), 1)


def test_load_of_all_services_says_so() -> None:
    found = compared(UNGUARDED, "clients.shop.calls.api.retry.max_retries")
    assert "fewer calls sent over all services under the fault" in sentence(found, 1)
    assert "downstream_rate: over all services" in shown(found)
    assert load(found).get_ylabel() == "calls to all services / s"


@pytest.mark.parametrize(("ratio", "words"), [(5.63, "5.6"), (3.0, "3"), (170.4, "170")])
def test_a_ratio_is_a_plain_number(ratio: float, words: str) -> None:
    from simcb.views.compare_findings import _times

    assert _times(ratio) == words
