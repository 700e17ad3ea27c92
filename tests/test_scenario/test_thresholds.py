"""Thresholds: one line to a metric, where, a comparison and a limit."""

from __future__ import annotations

import math

import pytest

from simcb.scenario import parse_threshold
from simcb.scenario.refusal import Refused
from simcb.scenario.thresholds import Comparison, LimitUnit


@pytest.mark.parametrize(
    ("text", "metric", "qualifiers", "op", "limit", "unit"),
    [
        ("success{healthy} >= 99.9%", "success", ("healthy",), ">=", 0.999, LimitUnit.SHARE),
        ("p99{fault} < 1s", "p99", ("fault",), "<", 1.0, LimitUnit.DURATION),
        ("p50{ fault:out-1 , db }<=250ms", "p50", ("fault:out-1", "db"), "<=", 0.25, "duration"),
        ("flaps == 0", "flaps", (), "==", 0.0, LimitUnit.NUMBER),
        ("goodput > 30/m", "goodput", (), ">", 0.5, LimitUnit.RATE),
        ("time_to_trip == never", "time_to_trip", (), "==", math.inf, LimitUnit.NEVER),
        ("flaps{fault:hang:db#2} < 2", "flaps", ("fault:hang:db#2",), "<", 2.0, "number"),
    ],
)
def test_a_threshold_is_read(
    text: str, metric: str, qualifiers: tuple[str, ...], op: str, limit: float, unit: str
) -> None:
    """Metric, qualifiers, comparison and limit are told apart, units turned into numbers."""
    threshold = parse_threshold(text)
    assert (threshold.metric, threshold.qualifiers) == (metric, qualifiers)
    assert threshold.op is Comparison(op)
    assert (threshold.limit, threshold.unit) == (limit, unit)
    assert parse_threshold(threshold.text) == threshold


@pytest.mark.parametrize(
    "text",
    [
        "", "p99", "p99 <", "< 3", "p99 = 3", "p99{ < 3", "p99{} < 3", "p99{a b} < 3",
        "p99 < -3s", "p99 < 3 s", "p99 < soon", "p99 < 101%", "p99 < nan", "9p < 3",
        "p99 < 1e999", "p99 < 3s or", "p" * 500 + " < 3",
    ],
)  # fmt: skip
def test_what_is_no_threshold_is_refused(text: str) -> None:
    """Anything else is refused with what to write."""
    with pytest.raises(Refused) as caught:
        parse_threshold(text)
    assert caught.value.remedy
