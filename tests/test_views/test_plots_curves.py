"""Curves are the metrics' series, laid over each other and nothing else."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from test_views.plot_cases import MANY_BREAKERS, UNGUARDED, outage, result_of

from simcb.metrics import series, state_intervals
from simcb.trace import FaultInfo
from simcb.views.plots import curves_of
from simcb.views.plots.curves import MOST_BINS, band, readable_step
from simcb.views.plots.timeline import MOST_FAULT_ROWS, fault_rows


def test_one_replicate_is_drawn_as_it_is() -> None:
    """The curves of a single run are its series, bin for bin."""
    result = outage()
    shown = curves_of(result, 1.0)
    one = series(result.trace, 1.0)
    assert np.array_equal(shown.main.latency["p99"].middle, one.success_p99, equal_nan=True)
    assert np.array_equal(shown.main.offered.middle, one.offered)
    assert np.array_equal(shown.main.services[0].sent.middle, one.services[0].sent)
    assert np.array_equal(shown.edges, np.arange(41.0))


def test_outcomes_add_up_to_the_offered_load() -> None:
    """Means of replicates are stacked because only they keep this sum."""
    main = curves_of(outage(replicates=3)).main
    total = sum(each.mean for each in main.outcomes.values())
    assert np.allclose(total, main.offered.mean)


def test_the_capacity_is_workers_over_mean_work() -> None:
    """Eight workers that need 40 ms each serve 200 a second."""
    (load,) = curves_of(outage()).main.services
    assert set(load.capacity.middle) == {200.0}
    assert load.guarded


def test_a_part_of_a_worker_is_that_part_of_the_capacity() -> None:
    """A fifth of one worker that needs 100 ms serves two a second, and is drawn so."""
    text = """
name: part
duration: 60s
clients: {c: {arrivals: {kind: constant, rate: 8/s}, calls: {s: {timeout: 1s}}}}
services: {s: {workers: 1, work: 100ms}}
faults: [{kind: capacity, on: s, times: 0.2, at: 20s, for: 20s}]
"""
    (load,) = curves_of(result_of(text), 1.0).main.services
    assert load.capacity.middle[:20] == pytest.approx(10.0)
    assert load.capacity.middle[21:40] == pytest.approx(2.0)
    assert load.capacity.middle[41:] == pytest.approx(10.0)


def test_breakers_of_all_replicates_are_laid_over_each_other() -> None:
    """Each replicate asks other instances' breakers; one it did not ask was closed in it."""
    text = """
name: sparse
duration: 10s
clients:
  c:
    instances: 1000
    arrivals: {kind: constant, rate: 2/s}
    calls: {s: {timeout: 1s, breaker: {failure_threshold: 1}}}
services: {s: {workers: 1, work: 100ms, errors: 100%}}
"""
    result = result_of(text, replicates=3)
    main = curves_of(result, 1.0).main
    asked = [{each.name for each in run.trace.layout.breakers} for run in result.runs]
    assert {each.name for each in main.breakers} == set.union(*asked)
    assert len(main.breakers) > max(map(len, asked))
    assert main.breaker_count == 1000
    for breaker in main.breakers:
        seen = sum(breaker.name in names for names in asked)
        assert 0.0 < breaker.shares["open"][-1] <= seen / 3 + 1e-9
        assert sum(breaker.shares.values()) == pytest.approx(1.0)


def test_unguarded_services_are_told_apart() -> None:
    services = curves_of(result_of(UNGUARDED)).main.services
    assert [(each.name, each.guarded) for each in services] == [
        ("payments", False),
        ("spare", False),
    ]
    assert services[0].pressure == pytest.approx(0.5, abs=0.05)


def test_shares_of_states_are_exact_and_whole() -> None:
    """In every bin the states' shares add up to one, and over the run to the time in the state."""
    shown = curves_of(outage(replicates=3))
    (breaker,) = shown.main.breakers
    widths = np.diff(shown.edges)
    assert np.allclose(sum(breaker.shares.values()), 1.0)
    opened = [
        sum(end - start for start, end, state in state_intervals(run.trace)[0] if state == "open")
        for run in outage(replicates=3).runs
    ]
    assert float(breaker.shares["open"] @ widths) == pytest.approx(math.fsum(opened) / 3)


def test_every_breaker_has_a_course() -> None:
    breakers = curves_of(result_of(MANY_BREAKERS)).main.breakers
    assert len(breakers) == 8
    opened = [each.name for each in breakers if each.shares["open"].any()]
    assert len(opened) == 4
    assert all(name.endswith("db.0") for name in opened)


def test_only_thresholds_on_what_is_drawn_are_heights_in_the_plot() -> None:
    """The panel draws ok requests: a limit on all requests, rejections included, is not of it."""
    limits = curves_of(outage()).limits
    assert [(each.text, each.seconds, each.windows) for each in limits] == [
        ("success_p50 < 1ms", 0.001, ((0.0, 40.0),)),
    ]
    assert [each.passed for each in limits] == [False]


def test_the_baseline_shares_the_bins() -> None:
    shown = curves_of(outage(baseline=True))
    assert shown.baseline is not None
    assert len(shown.baseline.offered.middle) == len(shown.main.offered.middle)
    assert shown.baseline.breakers == ()
    # The same luck: what users want does not depend on the breaker.
    assert np.array_equal(shown.baseline.offered.middle, shown.main.offered.middle)


def test_a_timeline_has_bins_that_are_short_but_not_empty() -> None:
    trace = outage().trace
    step = readable_step(trace)
    assert trace.duration / step <= MOST_BINS
    assert len(trace.requests) / (trace.duration / step) >= 10
    assert step in (0.5, 1.0)


def test_a_bin_is_unknown_where_most_replicates_have_no_value() -> None:
    """One lucky replicate of three does not speak for all."""
    nan = np.nan
    laid = band([np.array([1.0, 1.0, nan]), np.array([3.0, nan, nan]), np.array([nan, nan, nan])])
    assert np.array_equal(laid.middle, [2.0, nan, nan], equal_nan=True)
    assert laid.known


@given(arrays(float, (5, 8), elements=st.one_of(st.just(math.nan), st.floats(0, 1e6))))
def test_a_band_holds_its_median_and_never_warns(rows: np.ndarray) -> None:
    """Low ≤ median ≤ high wherever there is a value, for any pattern of gaps."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        laid = band(list(rows))
    known = np.isfinite(laid.middle)
    assert np.array_equal(known, np.isfinite(rows).sum(axis=0) >= 3)
    assert np.all(laid.low[known] <= laid.middle[known] * (1 + 1e-12))
    assert np.all(laid.middle[known] <= laid.high[known] * (1 + 1e-12))


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0.1, 50)), max_size=12))
def test_faults_of_a_row_do_not_overlap_while_there_are_rows(
    spans: list[tuple[float, float]],
) -> None:
    """Every fault is dealt out once; only the last row may be crowded."""
    faults = [FaultInfo(f"f{i}", "hang", "x", at, at + w) for i, (at, w) in enumerate(spans)]
    rows = fault_rows(faults)
    assert sorted(f.name for row in rows for f in row) == sorted(f.name for f in faults)
    assert len(rows) <= MOST_FAULT_ROWS
    for row in rows[: MOST_FAULT_ROWS - 1]:
        assert all(a.end <= b.start for a, b in itertools.pairwise(row))
