"""A run over time: counts, percentiles and states by bin."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_metrics.building import TraceBuilder

from simcb.metrics import StepError, measure, series


def test_requests_count_in_the_bin_they_arrived_in() -> None:
    """Bins of 2 s of a run of 5 s; the last is shorter, and rates know it."""
    build = TraceBuilder(5.0)
    build.request(0.0, 3.0)
    build.request(1.9, 0.1, "degraded")
    build.request(2.0, 0.1, "failed")
    build.request(4.5, None)
    found = series(build.trace(), 2.0)
    assert found.t.tolist() == [0.0, 2.0, 4.0]
    assert found.width.tolist() == [2.0, 2.0, 1.0]
    assert found.offered.tolist() == [1.0, 0.5, 1.0]
    assert found.ok.tolist() == [0.5, 0.0, 0.0]
    assert found.degraded.tolist() == [0.5, 0.0, 0.0]
    assert found.failed.tolist() == [0.0, 0.5, 0.0]
    assert found.unfinished.tolist() == [0.0, 0.0, 1.0]


def test_percentiles_have_gaps_where_nothing_was_answered() -> None:
    """The plain one is there wherever a request finished, the success-only one is nan."""
    build = TraceBuilder(3.0)
    for latency in (0.1, 0.2, 0.3):
        build.request(0.5, latency)
    build.request(1.5, 0.7, "failed")
    found = series(build.trace())
    assert found.success_p50[0] == pytest.approx(0.2)
    assert found.p95[0] == pytest.approx(0.29)
    assert math.isnan(found.success_p50[1])
    assert found.p50[1] == pytest.approx(0.7)
    assert math.isnan(found.p50[2])


def test_states_are_integrals_not_samples() -> None:
    """Two breakers; one is open for a quarter of a second: an eighth of the breakers' time."""
    build = TraceBuilder(2.0, breakers=[(0, -1), (0, -1)])
    build.transition(0.5, "closed", "open")
    build.transition(0.75, "open", "half_open")
    build.transition(1.5, "half_open", "closed")
    found = series(build.trace())
    assert found.breakers_open.tolist() == pytest.approx([0.125, 0.0])
    assert found.breakers_half_open.tolist() == pytest.approx([0.125, 0.25])


def test_without_breakers_there_is_no_share_of_them() -> None:
    """Nan, which draws nothing, instead of a zero that would look closed."""
    assert np.isnan(series(TraceBuilder(3.0).trace()).breakers_open).all()


def test_samples_are_summed_over_replicas() -> None:
    """Two replicas sampled twice a second: means over the moments, sums over the replicas."""
    build = TraceBuilder(3.0, services=[("db", 2, 4), ("other", 1, 1)])
    for at, queued, busy in ((1.0, 2, 4), (1.5, 4, 2)):
        build.sample(at, queued, busy, 4, replica=0)
        build.sample(at, 0, 1, 2, replica=1)
    database, other = series(build.trace()).services
    assert database.name == "db"
    assert math.isnan(database.queue[0])
    assert database.queue[1:].tolist() == [3.0, 3.0]
    assert database.busy[1:].tolist() == [4.0, 4.0]
    assert database.capacity[1:].tolist() == [6.0, 6.0]
    assert np.isnan(other.queue).all()


def test_attempts_count_where_they_were_made() -> None:
    """Sent attempts by service, the clients' own, and those a breaker turned away."""
    build = TraceBuilder(
        2.0,
        services=[("front", 1, 1), ("back", 1, 1)],
        calls=[("shop", "front", None), ("front", "back", None)],
        breakers=[(1, -1)],
    )
    build.request(0.0, 1.5)
    top = build.attempt(0.0, 1.5, begin=0.0, freed=1.5)
    build.attempt(0.5, 1.5, call=1, parent=top, begin=0.5, freed=1.5)
    build.attempt(1.2, call=1, parent=top, outcome="rejected", breaker=0)
    found = series(build.trace())
    front, back = found.services
    assert found.client_attempts.tolist() == [1.0, 0.0]
    assert front.sent.tolist() == [1.0, 0.0]
    assert back.sent.tolist() == [1.0, 0.0]
    assert found.rejected.tolist() == [0.0, 1.0]


def test_every_column_has_one_value_a_bin() -> None:
    """Columns for a file: unique names, equal lengths, services in braces."""
    columns = dict(series(TraceBuilder(10.0).trace(), 3.0).columns())
    assert {len(column) for column in columns.values()} == {4}
    assert {"t", "offered", "success_p99", "breakers_open", "queue{db}"} <= set(columns)


@pytest.mark.parametrize("step", [0.0, -1.0, math.nan, math.inf, 1e-9])
def test_a_step_that_makes_no_bins_is_refused(step: float) -> None:
    """The message says what a step may be."""
    with pytest.raises(StepError, match="write a finite number of seconds"):
        series(TraceBuilder().trace(), step)


def test_a_step_that_divides_the_run_leaves_no_sliver() -> None:
    """0.1 s into 0.3 s: three bins, although 0.3/0.1 is a little less than 3."""
    assert len(series(TraceBuilder(0.3).trace(), 0.1).t) == 3
    assert len(series(TraceBuilder(0.7).trace(), 0.1).t) == 7


@given(
    st.lists(
        st.tuples(
            st.floats(0.0, 100.0, allow_nan=False),
            st.sampled_from(["ok", "degraded", "failed", "unfinished"]),
        ),
        max_size=40,
    ),
    st.floats(0.3, 150.0, allow_nan=False),
)
def test_any_step_counts_every_request_once(drawn: list[tuple[float, str]], step: float) -> None:
    """Rates times widths add up to the requests, and outcomes to the offered ones."""
    build = TraceBuilder()
    for arrival, outcome in drawn:
        build.request(arrival, None if outcome == "unfinished" else 0.0, outcome)
    trace = build.trace()
    found = series(trace, step)
    assert float(np.sum(found.offered * found.width)) == pytest.approx(len(drawn))
    outcomes = found.ok + found.degraded + found.failed + found.unfinished
    assert outcomes.tolist() == pytest.approx(found.offered.tolist())
    measures = measure(trace)
    # What is too young to be judged is in the series and not in goodput.
    known = 1.0 - (measures.value("unfinished") or 0.0)
    goodput = (measures.value("goodput") or 0.0) * known
    assert float(np.sum(found.ok * found.width)) == pytest.approx(goodput * 100.0)
