"""Every metric on traces small enough to know the right number by looking."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_metrics.building import TraceBuilder

from simcb.metrics import (
    METRICS,
    Measures,
    Metric,
    ObjectiveError,
    Per,
    UndefinedValueError,
    Unit,
    judge,
    measure,
    metric_named,
)
from simcb.scenario import parse_threshold
from simcb.scenario.refusal import Refused
from simcb.trace import CacheInfo, Flag


def rich_trace() -> TraceBuilder:
    """A run of 100 s with a fault from 20 to 60 in which every metric has a value."""
    build = TraceBuilder(
        calls=[("shop", "db", 2.0)], breakers=[(0, -1)], faults=[("hang", 20.0, 60.0)]
    )
    build.layout = replace(build.layout, caches=(CacheInfo(0, hits=3, joined=1, misses=6),))
    for second in range(100):
        if 20 <= second < 30:
            row = build.request(second, 2.0, "failed")
            build.attempt(
                second,
                second + 2.0,
                request=row,
                begin=second,
                freed=second + 4.0,
                outcome="timeout",
                breaker=0,
            )
        elif 30 <= second < 60:
            row = build.request(second, 0.0, "failed")
            build.attempt(second, request=row, outcome="rejected", breaker=0)
        else:
            build.served(float(second), 0.5, breaker=0)
    build.transition(30.0, "closed", "open")
    build.transition(60.0, "open", "half_open")
    build.transition(60.5, "half_open", "closed")
    return build


@cache
def crowded_measures() -> Measures:
    """The measures of that run, with requests enough for any percentile, pulled from a queue."""
    build = rich_trace()
    for _ in range(10_000):
        build.request(5.0, 0.1)
    trace = build.trace()
    pulled = replace(trace.layout, consumers=(5,) * len(trace.layout.groups))
    return measure(replace(trace, layout=pulled))


@pytest.mark.parametrize("metric", METRICS.values(), ids=list(METRICS))
def test_every_metric_is_defined_and_computed(metric: object) -> None:
    """Each line of the table has a definition, a unit, and a value on a run that has it all."""
    found = next(each for each in METRICS.values() if each is metric)
    assert METRICS[found.name] is found
    assert found.summary.endswith(".")
    assert isinstance(found.unit, Unit)
    assert found.undefined
    measures = crowded_measures()
    of = "" if Per.RUN in found.per else "db"
    value = measures.value(found.name, of=of)
    assert value is not None
    assert value >= 0.0
    assert (measures.value(found.name, of="db") is not None) == (Per.SERVICE in found.per)
    by_phase = {each.phase for each in measures if each.name == found.name}
    assert by_phase == ({"whole", "healthy", "fault", "recovery"} if found.phased else {"whole"})


def test_hits_are_a_share_of_all_lookups() -> None:
    """Who waits for an answer that is under way has asked, too, and was not answered by a cache."""
    assert crowded_measures().value("hit_ratio") == 0.3


def test_the_order_of_measures_is_the_order_of_the_table() -> None:
    """Names come in the table's order, so every report has the same."""
    assert measure(rich_trace().trace()).names == tuple(METRICS)


def test_measuring_twice_gives_the_same() -> None:
    """The same trace gives equal measures, to the last bit."""
    trace = rich_trace().trace()
    assert measure(trace) == measure(trace)


def test_measures_travel_between_processes() -> None:
    """Workers send measures back: they survive pickling and still answer."""
    measures = measure(rich_trace().trace())
    sent = pickle.loads(pickle.dumps(measures))
    assert sent == measures
    assert sent.value("goodput", "recovery") == measures.value("goodput", "recovery")


def test_a_metric_that_says_nan_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undefined is None; a metric of somebody's own that returns nan is named in the error."""

    def odd(scope: object) -> float | None:
        """Say nothing in the wrong way."""
        return math.nan

    monkeypatch.setitem(METRICS, "odd", Metric(odd, Unit.COUNT, "never"))
    with pytest.raises(UndefinedValueError, match="odd is nan in whole"):
        measure(TraceBuilder().trace())


def test_rows_in_any_order_of_time_give_the_same_shares() -> None:
    """Rows need not stand in order of time."""
    forward, backward = (
        TraceBuilder(faults=[("x", 50.0, 60.0)]),
        TraceBuilder(faults=[("x", 50.0, 60.0)]),
    )
    for second in range(100):
        forward.served(float(second), 0.25 + second / 1000)
    for second in reversed(range(100)):
        backward.served(float(second), 0.25 + second / 1000)
    assert measure(forward.trace()) == measure(backward.trace())


def test_rates_divide_by_the_phase() -> None:
    """Offered, attempted and downstream rates are per second of the phase they are in."""
    build = TraceBuilder(10.0, breakers=[(0, -1)], faults=[("x", 5.0, 10.0)])
    for second in range(10):
        row = build.request(second, 0.1)
        build.attempt(second, second + 0.1, request=row, begin=second, freed=second + 0.1)
        if second >= 5:
            build.attempt(second, request=row, outcome="rejected", breaker=0)
            build.attempt(second, request=row, outcome="refused")
    measures = measure(build.trace())
    assert measures.value("offered_rate") == 1.0
    assert measures.value("attempt_rate") == 2.0
    assert measures.value("attempt_rate", "fault") == 3.0
    assert measures.value("downstream_rate") == 1.5
    assert measures.value("downstream_rate", "fault", "db") == 2.0
    assert measures.value("rejected", "fault") == pytest.approx(1 / 3)
    assert measures.value("rejected", "healthy") == 0.0


def test_amplification_is_load_per_want() -> None:
    """Four requests cause seven attempts that are sent: 7/4, and 3 in the worst second."""
    build = TraceBuilder(10.0)
    for second, tries in ((0.1, 1), (1.1, 3), (5.0, 2), (5.5, 1)):
        row = build.request(second, 0.5)
        for number in range(tries):
            build.attempt(second + number / 10, second + 0.5, request=row, retry=number)
    build.attempt(5.6, request=3, outcome="rejected")
    measures = measure(build.trace())
    assert measures.value("amplification") == 7 / 4
    assert measures.value("amplification", of="db") == 7 / 4
    assert measures.value("amplification_worst") == 3.0


def test_retries_without_new_requests_show_as_the_worst_second() -> None:
    """A second with nothing but retries counts as if one request had asked."""
    build = TraceBuilder(10.0)
    row = build.request(0.0, 6.0)
    build.attempt(0.0, 0.1, request=row)
    for number in range(5):
        build.attempt(4.0 + number / 10, 6.0, request=row, retry=number + 1)
    assert measure(build.trace()).value("amplification_worst") == 5.0


def layered() -> TraceBuilder:
    """A front that calls a back: one request, two attempts at the back while a worker waits."""
    build = TraceBuilder(
        10.0,
        services=[("front", 1, 1), ("back", 1, 1)],
        calls=[("shop", "front", 3.0), ("front", "back", 2.0)],
    )
    row = build.request(1.0, 3.0, "failed")
    top = build.attempt(1.0, 4.0, request=row, begin=1.0, freed=6.0, outcome="timeout")
    build.attempt(
        2.0, 4.0, request=row, parent=top, call=1, begin=2.0, freed=3.0, outcome="timeout"
    )
    build.attempt(
        4.0, 6.0, request=row, parent=top, call=1, begin=4.0, freed=6.0, outcome="timeout"
    )
    build.request(8.0, 0.5)
    return build


def test_amplification_of_a_service_counts_those_who_need_it() -> None:
    """Of two requests only one needs the back, twice: 2 for it, 1/2 for the client's own."""
    measures = measure(layered().trace())
    assert measures.value("amplification", of="back") == 2.0
    assert measures.value("amplification", of="front") == 1.0
    assert measures.value("amplification") == 0.5


def test_shares_count_overdue_requests_in_the_denominator() -> None:
    """Five requests, each end once and ok twice: success 2/5, availability 3/5.

    The unfinished one is 96 s old, too old to be waited for: two of five burn the budget.
    """
    build = TraceBuilder()
    for second, (latency, outcome) in enumerate(
        [(0.1, "ok"), (0.1, "ok"), (0.1, "degraded"), (0.1, "failed"), (None, "unfinished")]
    ):
        build.request(second, latency, outcome)
    measures = measure(build.trace(), slo=0.9)
    assert measures.value("success") == 2 / 5
    assert measures.value("degraded") == 1 / 5
    assert measures.value("availability") == 3 / 5
    assert measures.value("goodput") == 2 / 100
    assert measures.value("burn") == pytest.approx((2 / 5) / 0.1)
    assert measures.value("budget_used") == pytest.approx((2 / 5) / 0.1)


def test_only_what_comes_in_time_is_answered() -> None:
    """Healthy answers take 0.3 s: after 3 s an ok one or a fallback's is late, and counts no more.

    Of ten requests under the fault four are ok in time, one from a fallback in time, two ok and
    one from a fallback too late, one fails and one never ends.
    """
    build = TraceBuilder(faults=[("x", 40.0, 50.0)])
    fates = [(0.3, "ok")] * 4 + [(3.1, "ok")] * 2 + [(0.1, "degraded"), (3.1, "degraded")]
    fates += [(0.1, "failed"), (None, "unfinished")]
    for second in range(100):
        build.request(float(second), *(fates[second - 40] if 40 <= second < 50 else (0.3, "ok")))
    measures = measure(build.trace())
    assert measures.value("answered", "healthy") == 1.0
    assert measures.value("answered", "fault") == 5 / 10
    assert measures.value("availability", "fault") == 8 / 10
    assert measures.value("answered", "recovery") == 1.0
    assert measures.value("answered") == 95 / 100


def test_requests_that_never_end_burn_the_budget_once_they_are_too_old() -> None:
    """Ten seconds of hanging in the middle of a run, and one at its end, which may be nothing.

    Before the fault all is answered in 0.3 s, so after 3 s nobody waits any more.
    """
    build = TraceBuilder(faults=[("x", 40.0, 50.0)])
    for tenth in range(1000):
        at = tenth / 10
        build.request(at, None if 40 <= at < 50 or at >= 99 else 0.3)
    measures = measure(build.trace(), slo=0.9)
    assert measures.value("burn", "healthy") == 0.0
    assert measures.value("burn", "fault") == pytest.approx(10.0)
    assert measures.value("burn", "recovery") == 0.0
    assert measures.value("budget_used") == pytest.approx(100 / 990 / 0.1)


def test_what_is_too_young_at_the_end_counts_neither_way() -> None:
    """Every answer takes 2 s, so a tenth of the requests of 20 s has none at the end.

    Nothing fails: all that is known is ok, and as much is answered as is asked for.
    """
    build = TraceBuilder(20.0)
    for tenth in range(200):
        build.request(tenth / 10, 2.0 if tenth < 180 else None)
    measures = measure(build.trace())
    assert measures.value("success") == 1.0
    assert measures.value("availability") == 1.0
    assert measures.value("degraded") == 0.0
    assert measures.value("goodput") == 10.0
    assert measures.value("unfinished") == 0.1
    assert measures.value("burn") == 0.0


def test_overdue_requests_are_not_too_young() -> None:
    """Healthy answers take 0.3 s, so after 3 s without one a request counts as not answered.

    From 90 s on nobody is answered: those of the last 3 s may be yet, the 70 before them are lost.
    """
    build = TraceBuilder(faults=[("x", 40.0, 50.0)])
    for tenth in range(1000):
        build.request(tenth / 10, None if tenth >= 900 else 0.3)
    measures = measure(build.trace())
    young = 30 / 500
    assert measures.value("unfinished", "recovery") == pytest.approx(young, abs=0.003)
    assert measures.value("success", "recovery") == pytest.approx(400 / 470, abs=0.003)
    assert measures.value("goodput", "recovery") == pytest.approx(10 * 400 / 470, abs=0.03)


def test_where_every_request_is_too_young_nothing_is_known() -> None:
    """No answer takes less than the phase lasts: shares are undefined there, not zero."""
    build = TraceBuilder(faults=[("x", 40.0, 99.5)])
    for second in range(100):
        build.request(second + 0.6, 0.3 if second < 99 else None)
    measures = measure(build.trace())
    assert measures.value("unfinished", "recovery") == 1.0
    for name in ("success", "degraded", "availability", "goodput", "burn"):
        assert measures.value(name, "recovery") is None, name
    assert measures.value("budget_used", "recovery") == 0.0


def test_the_budget_used_adds_up_over_phases() -> None:
    """Burn is a speed, the budget used a share of the run's: phases add up to the whole."""
    measures = measure(rich_trace().trace())
    parts = [measures.value("budget_used", phase) for phase in ("healthy", "fault", "recovery")]
    assert math.fsum(part or 0.0 for part in parts) == pytest.approx(
        measures.value("budget_used") or math.nan
    )
    assert measures.value("burn", "fault") == pytest.approx(1000.0)
    assert measures.value("burn", "recovery") == 0.0


@pytest.mark.parametrize("slo", [1.0, 1.5, -0.1, math.nan])
def test_an_objective_without_a_budget_is_refused(slo: float) -> None:
    """An objective of 100 % leaves nothing to burn, and the message says what to write."""
    with pytest.raises(ObjectiveError, match="write a share"):
        measure(TraceBuilder().trace(), slo=slo)


def test_percentiles_interpolate_between_the_nearest() -> None:
    """Of 0, 1, …, 10 s the 95th percentile lies half way from the 9 to the 10."""
    build = TraceBuilder()
    for latency in range(11):
        build.request(latency, float(latency))
    build.request(20.0, None)
    measures = measure(build.trace())
    assert measures.value("p50") == 5.0
    assert measures.value("p90") == 9.0
    assert measures.value("p95") == 9.5
    assert measures.value("p99") == pytest.approx(9.9)
    assert measures.value("p999") == pytest.approx(9.99)
    assert measures.value("mean") == 5.0
    assert measures.value("max_latency") == measures.value("success_max_latency") == 10.0
    assert measures.value("success_p90") == 9.0


def test_one_request_in_ten_thousand_takes_ten_thousand_to_see() -> None:
    """Of 0, 1, …, 10,000 ms the 99.99th percentile is 9.999 s; of fewer it is undefined."""
    few, enough = TraceBuilder(), TraceBuilder()
    for build, most in ((few, 9_999), (enough, 10_001)):
        for latency in range(most):
            build.request(1.0, latency / 1000, "ok" if latency else "failed")
    measures = measure(few.trace())
    assert measures.value("p9999") is measures.value("success_p9999") is None
    assert measures.value("max_latency") == pytest.approx(9.998)
    assert "10,000" in METRICS["p9999"].undefined
    measures = measure(enough.trace())
    assert measures.value("p9999") == pytest.approx(9.999)
    assert measures.value("success_p9999") == pytest.approx(9.9990001, rel=1e-9)
    assert measures.value("max_latency") == 10.0


def test_a_percentile_may_be_written_with_its_point() -> None:
    """`p99.9` is `p999`, in thresholds as in the list of metrics; the text stays as written."""
    build = TraceBuilder()
    for latency in range(11):
        build.request(latency, float(latency))
    lines = ("p99.9 < 9.991s", "success_p99.9 < 1s", "max_latency <= 10s", "p99.99 < 1h")
    found = judge([parse_threshold(line) for line in lines], measure(build.trace()))
    assert [each.metric for each in found] == ["p999", "success_p999", "max_latency", "p9999"]
    assert [each.passed for each in found] == [True, False, True, False]
    assert found[0].text == lines[0]
    assert "fewer than 10,000" in found[3].note
    assert metric_named("p99.99") is METRICS["p9999"]
    with pytest.raises(Refused, match=r"p95\.5"):
        parse_threshold("p95.5 < 1s")


def test_fast_rejections_flatter_the_plain_percentile_only() -> None:
    """Nine instant failures and one slow success: the median is 0, that of successes 3 s."""
    build = TraceBuilder()
    for second in range(9):
        build.request(second, 0.0, "failed")
    build.request(9.0, 3.0)
    measures = measure(build.trace())
    assert measures.value("p50") == 0.0
    for name in ("success_mean", "success_p50", "success_p95", "success_p99", "success_p999"):
        assert measures.value(name) == pytest.approx(3.0)


@given(st.lists(st.floats(0.0, 50.0, allow_nan=False), min_size=1, max_size=40))
def test_percentiles_are_those_of_numpy(latencies: list[float]) -> None:
    """The definition is numpy's default on any sample."""
    build = TraceBuilder()
    for place, latency in enumerate(latencies):
        build.request(place / 2, latency)
    measures = measure(build.trace())
    rows = build.trace().requests
    expected = np.quantile(rows["end"] - rows["arrival"], [0.5, 0.95, 0.99, 0.999])
    got = [measures.value(name) for name in ("p50", "p95", "p99", "p999")]
    assert got == pytest.approx(list(expected))


def test_time_open_is_shared_by_all_breakers() -> None:
    """One of two breakers open for 30 of 100 s, and half-open after: 15 %."""
    build = TraceBuilder(breakers=[(0, -1), (0, -1)], faults=[("x", 10.0, 30.0)])
    build.transition(20.0, "closed", "open")
    build.transition(50.0, "open", "half_open")
    build.transition(60.0, "half_open", "closed")
    measures = measure(build.trace())
    assert measures.value("open_fraction") == pytest.approx(0.15)
    assert measures.value("open_fraction", "fault") == pytest.approx(10 / 40)
    assert measures.value("open_fraction", "recovery") == pytest.approx(20 / 140)


def test_rejections_the_service_would_have_answered_are_counted() -> None:
    """Only rejected attempts that carry the flag count."""
    build = TraceBuilder()
    row = build.request(0.0)
    build.attempt(0.0, request=row, outcome="rejected", flags=int(Flag.UNNEEDED))
    build.attempt(1.0, request=row, outcome="rejected")
    build.attempt(2.0, 3.0, request=row, flags=int(Flag.DEGRADED))
    assert measure(build.trace()).value("unneeded_rejections") == 1.0


def test_use_and_queue_of_a_service() -> None:
    """One of two workers for 10 of 20 s and a wait of 4 s for another attempt."""
    build = TraceBuilder(20.0, faults=[("x", 10.0, 20.0)])
    build.served(0.0, 10.0)
    build.served(2.0, 8.0)
    build.served(8.0, 3.0, wait=2.0)
    build.served(9.0, 3.0, wait=2.0)
    measures = measure(build.trace())
    assert measures.value("utilisation", of="db") == pytest.approx(24 / 40)
    assert measures.value("utilisation", "fault", "db") == pytest.approx(6 / 20)
    assert measures.value("mean_queue", of="db") == pytest.approx(4 / 20)
    assert measures.value("mean_queue", "healthy", "db") == pytest.approx(3 / 10)
    assert measures.value("queue_peak", of="db") == 2.0
    assert measures.value("queue_peak", "fault", "db") == 1.0


def test_those_served_at_once_never_queue() -> None:
    """An attempt begun when it arrives, and one refused, are never in the queue."""
    build = TraceBuilder()
    build.served(1.0, 1.0)
    build.attempt(1.0, request=0, outcome="refused")
    assert measure(build.trace()).value("queue_peak", of="db") == 0.0


def test_those_still_waiting_at_the_end_are_in_the_queue() -> None:
    """An attempt that never begins waits until the run is over."""
    build = TraceBuilder(10.0)
    build.request(4.0, None)
    build.attempt(4.0, request=0, outcome="in_flight")
    measures = measure(build.trace())
    assert measures.value("queue_peak", of="db") == 1.0
    assert measures.value("mean_queue", of="db") == pytest.approx(0.6)


def test_work_after_the_caller_left_is_wasted() -> None:
    """Of 8 s of work the last 3 were for a caller that had timed out."""
    build = TraceBuilder(calls=[("shop", "db", 5.0)])
    row = build.request(0.0, 5.0, "failed")
    build.attempt(0.0, 5.0, request=row, begin=0.0, freed=8.0, outcome="timeout")
    assert measure(build.trace()).value("wasted_work") == pytest.approx(3 / 8)


def test_work_begun_after_the_caller_left_is_all_wasted() -> None:
    """A worker that takes an attempt nobody waits for any more wastes every second."""
    build = TraceBuilder(calls=[("shop", "db", 1.0)])
    row = build.request(0.0, 1.0, "failed")
    build.attempt(0.0, 1.0, request=row, begin=4.0, freed=6.0, outcome="timeout")
    assert measure(build.trace()).value("wasted_work", of="db") == 1.0


def test_waste_is_inherited_from_whoever_asked() -> None:
    """The back works for a front whose own caller left at 4 s: 2 of its 3 s are wasted."""
    measures = measure(layered().trace())
    assert measures.value("wasted_work", of="back") == pytest.approx(2 / 3)
    assert measures.value("wasted_work", of="front") == pytest.approx(2 / 5)
    assert measures.value("wasted_work") == pytest.approx(4 / 8)


def test_waiting_threads_are_counted_where_they_wait() -> None:
    """The front's worker waits 4 s for the back, the client 3 s for the front."""
    measures = measure(layered().trace())
    assert measures.value("worker_seconds_waiting", of="front") == pytest.approx(4.0)
    assert measures.value("worker_seconds_waiting", of="back") == 0.0
    assert measures.value("worker_seconds_waiting") == pytest.approx(7.0)


def test_what_did_not_happen_is_undefined_and_never_nan() -> None:
    """A run without requests, breakers and faults has rates of zero and no shares at all."""
    measures = measure(TraceBuilder().trace())
    assert measures.value("offered_rate") == 0.0
    assert measures.value("queue_peak", of="db") == 0.0
    undefined = {each.name for each in measures if each.value is None}
    assert {"success", "p99", "amplification", "rejected", "open_fraction", "burn"} <= undefined
    assert {"time_to_trip", "time_to_recover", "missed_trips", "wasted_work"} <= undefined
    assert not any(each.value is not None and math.isnan(each.value) for each in measures)


def test_asking_where_nothing_was_measured_gives_nothing() -> None:
    """A phase the run does not have is undefined, not an error."""
    assert measure(TraceBuilder().trace()).value("success", "fault") is None


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 99.0, allow_nan=False),
            st.floats(0.0, 5.0, allow_nan=False),
            st.sampled_from(["ok", "degraded", "failed"]),
        ),
        max_size=30,
    ),
    st.floats(1.0, 50.0, allow_nan=False),
    st.floats(51.0, 99.0, allow_nan=False),
)
def test_phases_share_out_the_whole(
    drawn: list[tuple[float, float, str]], start: float, end: float
) -> None:
    """Healthy, fault and recovery together hold every request and every second of work once."""
    build = TraceBuilder(faults=[("x", start, end)])
    for arrival, latency, outcome in drawn:
        row = build.request(arrival, min(latency, 100.0 - arrival), outcome)
        freed = min(arrival + latency, 100.0)
        build.attempt(arrival, freed, request=row, begin=arrival, freed=freed)
    measures = measure(build.trace())
    lengths = {"healthy": start, "fault": end - start, "recovery": 100.0 - end, "whole": 100.0}
    for name, of in (("offered_rate", ""), ("goodput", ""), ("utilisation", "db")):
        sums = {
            phase: (measures.value(name, phase, of) or 0.0) * length
            for phase, length in lengths.items()
        }
        whole = sums.pop("whole")
        assert math.fsum(sums.values()) == pytest.approx(whole, abs=1e-9)
