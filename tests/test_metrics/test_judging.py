"""Thresholds held against measures, and what is said of those that cannot be."""

from __future__ import annotations

import math
import pickle

import pytest
from test_metrics.building import TraceBuilder

from simcb.metrics import (
    Measures,
    ThresholdError,
    ThresholdResult,
    check_thresholds,
    judge,
    measure,
    summarise,
)
from simcb.scenario import parse_scenario
from simcb.scenario.thresholds import parse_threshold

SCENARIO = """
name: two-faults
duration: 100s
clients:
  shop: {arrivals: {kind: poisson, rate: 1/s}, calls: {db: {timeout: 5s}}}
services:
  db: {workers: 2, work: 10ms}
faults:
  - {kind: hang, on: db, at: 20s, for: 20s, name: first}
  - {kind: refuse, on: db, at: 60s, for: 20s}
"""


def measures(*faults: tuple[str, float, float]) -> Measures:
    """Measure a run of one request a second that is ok but under a fault."""
    build = TraceBuilder(faults=faults)
    for second in range(100):
        harmed = any(start <= second < end for _, start, end in faults)
        build.request(float(second), 0.5, "failed" if harmed else "ok")
    return measure(build.trace())


def held(text: str, *faults: tuple[str, float, float]) -> ThresholdResult:
    """Judge one threshold."""
    (result,) = judge([parse_threshold(text)], measures(*faults))
    return result


def test_a_threshold_is_compared_with_its_measure() -> None:
    """Phase, value and verdict come back with the text."""
    result = held("success{fault} >= 99%", ("x", 20.0, 40.0))
    assert result == ThresholdResult(
        "success{fault} >= 99%", "success", "fault", "", result.op, 0.99, 0.0, False, ""
    )
    assert held("success{healthy} >= 99%", ("x", 20.0, 40.0)).passed
    assert held("success == 80%", ("x", 20.0, 40.0)).passed
    assert held("p99 <= 500ms").passed
    assert not held("p99 < 500ms").passed
    assert held("offered_rate > 30/m").passed
    assert held("queue_peak{db} <= 0").passed


def test_never_compares_as_infinity() -> None:
    """A recovery that never comes is no less than a limit, and equals never."""
    build = TraceBuilder(faults=[("x", 20.0, 40.0)])
    for second in range(100):
        build.request(float(second), 0.5, "failed" if second >= 20 else "ok")
    texts = ("time_to_recover < 40s", "time_to_recover < never", "time_to_recover == never")
    results = judge([parse_threshold(text) for text in texts], measure(build.trace()))
    assert [result.passed for result in results] == [False, False, True]
    assert results[0].value == math.inf


def test_an_undefined_value_fails_and_says_why() -> None:
    """What cannot be measured has not been shown to hold."""
    result = held("open_fraction < 50%")
    assert (result.value, result.passed) == (None, False)
    assert "there is no breaker" in result.note


def test_a_phase_the_run_lacks_fails_and_says_so() -> None:
    """No fault, no recovery; but a run without a fault is healthy from end to end."""
    assert held("success{recovery} > 90%").note == "the run has no recovery"
    assert not held("success{fault} > 90%").passed
    healthy = held("success{healthy} > 90%")
    assert healthy.passed
    assert "whole run" in healthy.note


def test_the_only_fault_may_be_named() -> None:
    """A single fault has no phase of its own name; naming it means the fault phase."""
    assert held("success{fault:x} < 1%", ("x", 20.0, 40.0)).phase == "fault"
    two = (("x", 20.0, 40.0), ("y", 60.0, 80.0))
    assert held("success{fault:y} < 1%", *two).phase == "fault:y"
    assert held("success{fault:z} < 1%", *two).note == "the run has no fault:z"


def test_a_summary_is_judged_by_its_means() -> None:
    """Thresholds take the mean over replicates as they take a single run's value."""
    both = [measures(("x", 20.0, 40.0)), measures(("x", 20.0, 60.0))]
    (result,) = judge([parse_threshold("success == 70%")], summarise(both))
    assert result.passed


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("sucess > 90%", "no metric `sucess`", "did you mean `success`?"),
        (
            "success{helthy} > 90%",
            "neither a phase, a service nor a client group",
            "did you mean `healthy`?",
        ),
        ("success{fault:frist} > 90%", "no fault `frist`", "did you mean `first`?"),
        ("utilisation{shop} < 90%", "for the services, not for a client group", "leave out `shop`"),
        ("success{db} < 90%", "for the whole system and the client groups", "leave out `db`"),
        ("flaps{shop} < 9", "for the whole system, not for a client group", "leave out `shop`"),
        ("p99{db} < 1s", "for the whole system", "leave out `db`"),
        ("time_to_recover{fault} < 1s", "once in a run", "leave out `fault`"),
        ("success{fault,healthy} > 1%", "names 2 phases", "one threshold for each"),
        ("p99 < 1", "written as a number", "a duration such as `250ms`"),
        ("goodput > 40", "written as a number", "a rate such as `40/s`"),
        ("flaps < never", "written as a never", "a number"),
        ("success > 1s", "written as a duration", "a share such as `99.9%`"),
        ("success > 99.9", "`99.9` is more than the whole", "write `99.9%` for a percentage"),
        ("rejected{db} < 5", "`5` is more than the whole", "write `5%` for a percentage"),
        ("open_fraction{fault} <= 101", "`101` is more than the whole", "from 0% to 100%"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused_with_a_remedy(
    text: str, what: str, remedy: str
) -> None:
    """The message has the threshold, what is wrong with it, and what to write."""
    scenario = parse_scenario(SCENARIO)
    with pytest.raises(ThresholdError) as caught:
        check_thresholds([parse_threshold(text)], scenario)
    message = str(caught.value)
    assert what in message
    assert remedy in message
    assert text.split()[0] in message


def test_all_bad_thresholds_are_told_at_once() -> None:
    """One error has every problem, and survives the way through a process pool."""
    wrong = [parse_threshold("sucess > 90%"), parse_threshold("p98 < 1s")]
    with pytest.raises(ThresholdError) as caught:
        judge(wrong, measures())
    assert len(caught.value.problems) == 2
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_good_thresholds_pass_the_check_before_the_run() -> None:
    """Everything a run can measure may be demanded."""
    texts = (
        *("p99{fault:first} < 1s", "queue_peak{db,fault} < 10", "success{fault:refuse:db} > 1%"),
        *("success >= 1", "rejected < 0.05", "budget_used < 1.5", "budget_used < 50%", "burn < 14"),
    )
    check_thresholds([parse_threshold(text) for text in texts], parse_scenario(SCENARIO))


def layered() -> Measures:
    """Measure a run whose attempts double at the edge and again below it."""
    build = TraceBuilder(
        services=(("bottom", 1, 9), ("edge", 1, 9)),
        calls=(("shop", "edge", None), ("edge", "bottom", None)),
    )
    for second in range(50):
        row = build.request(float(second), 0.5)
        for _ in range(2):
            at = build.attempt(float(second), second + 0.1, request=row, call=0)
            for _ in range(2):
                build.attempt(float(second), second + 0.1, request=row, call=1, parent=at)
    return measure(build.trace())


def test_a_condition_without_a_service_means_the_worst_and_names_it() -> None:
    """What is measured for services is judged where it is worst, be it below or for the run."""
    numbers = layered()
    assert numbers.value("amplification") == 2.0

    def found(text: str) -> ThresholdResult:
        return judge([parse_threshold(text)], numbers)[0]

    worst = found("amplification > 3")
    assert (worst.value, worst.of, worst.note) == (4.0, "bottom", "at bottom, the worst service")
    assert found("amplification{edge} > 3").value == 2.0
    total = found("attempt_rate > 2/s")
    assert (total.of, total.value, total.note) == ("", 3.0, "")


def test_a_percentile_that_fast_failures_flatter_says_so() -> None:
    """It holds, and beside it stands what those who got an answer had to wait."""
    build = TraceBuilder()
    for second in range(100):
        rejected = second % 4
        build.request(float(second), 0.0 if rejected else 2.0, "failed" if rejected else "ok")
    numbers = measure(build.trace())
    (flattered, fair) = judge(
        [parse_threshold(text) for text in ("p50 < 1s", "success_p50 < 1s")], numbers
    )
    assert flattered.passed
    assert flattered.note == "flattered: 25.0% ok, success_p50 2 s"
    assert not fair.passed
    assert fair.note == ""


@pytest.mark.parametrize(
    ("fault_end", "last", "told"),
    [
        (60.0, 50, "undefined: no request arrived after the last fault"),
        (95.0, 100, "undefined: the run ends too soon after the last fault"),
        (100.0, 100, "undefined: no fault ends, or the run or its requests do too soon after it"),
    ],
)
def test_an_undefined_recovery_says_why(fault_end: float, last: int, told: str) -> None:
    """Nobody asks after the fault, the run ends just after it, or the fault is not over."""
    build = TraceBuilder(faults=(("x", 40.0, fault_end),))
    for second in range(last):
        build.request(float(second), 0.1, "failed" if second >= 40 else "ok")
    (found,) = judge([parse_threshold("time_to_recover < 30s")], measure(build.trace()))
    assert (found.passed, found.value, found.note) == (False, None, told)


def test_a_percentile_of_failures_alone_says_so() -> None:
    """Where nobody got an answer a short wait is no speed."""
    build = TraceBuilder()
    build.request(1.0, 0.0, "failed")
    (found,) = judge([parse_threshold("p99 < 1s")], measure(build.trace()))
    assert found.note == "flattered: no request ended ok"


def test_slow_failures_flatter_nobody() -> None:
    """A percentile that failures raise is worse than what the others waited, and stands alone."""
    build = TraceBuilder()
    for second in range(100):
        build.request(float(second), 5.0 if second % 2 else 1.0, "failed" if second % 2 else "ok")
    (found,) = judge([parse_threshold("p99 < 9s")], measure(build.trace()))
    assert found.note == ""


def test_what_is_undefined_neither_holds_nor_fails() -> None:
    """Who wants a condition to hold, or wants it not to, has been shown neither."""
    found = held("open_fraction < 50%")
    assert (found.passed, found.fails) == (False, False)
    shown = held("success > 99%", ("x", 20.0, 40.0))
    assert (shown.passed, shown.fails) == (False, True)
