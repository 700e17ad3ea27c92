"""Means over replicates, their intervals, and paired differences."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_metrics.building import TraceBuilder

from simcb.metrics import (
    Measures,
    ReplicatesError,
    difference,
    estimate,
    jackknife,
    measure,
    probability,
    summarise,
    summarise_difference,
)
from simcb.metrics.student import QuantileError, two_sided_t

finite = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("confidence", "freedom", "expected"),
    [
        (0.95, 1, 12.7062047361747),
        (0.95, 2, 4.30265272974946),
        (0.95, 3, 3.18244630528371),
        (0.95, 9, 2.26215716279820),
        (0.95, 29, 2.04522964213270),
        (0.95, 100, 1.98397151852355),
        (0.99, 3, 5.84090930973336),
        (0.999, 1, 636.619248768718),
        (0.95, 1000, 1.96233908082641),
    ],
)
def test_t_quantiles_are_those_of_the_tables(
    confidence: float, freedom: int, expected: float
) -> None:
    """The quantiles agree with published ones to nine digits."""
    assert two_sided_t(confidence, freedom) == pytest.approx(expected, rel=1e-9)


def test_t_quantiles_fall_towards_the_normal_one_without_a_step() -> None:
    """More freedom, narrower: also where the series gives way to the expansion."""
    values = [two_sided_t(0.95, freedom) for freedom in range(1, 400)]
    steps = [before - after for before, after in pairwise(values)]
    assert all(step > 0.0 for step in steps)
    assert steps == sorted(steps, reverse=True)
    assert two_sided_t(0.95, 10**9) == pytest.approx(1.959963984540054, abs=1e-8)


@pytest.mark.parametrize(("confidence", "freedom"), [(0.0, 3), (1.0, 3), (math.nan, 3), (0.95, 0)])
def test_quantiles_that_do_not_exist_are_refused(confidence: float, freedom: int) -> None:
    """The message says what range there is."""
    with pytest.raises(QuantileError, match="0 < confidence < 1"):
        two_sided_t(confidence, freedom)


def test_the_interval_of_a_textbook_sample() -> None:
    """1, 2, 3, 4, 5: mean 3, s² = 2.5, t(4) = 2.776445: ±1.963243."""
    found = estimate([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found.mean == 3.0
    assert found.low == pytest.approx(3.0 - 1.9632432, abs=1e-6)
    assert found.high == pytest.approx(3.0 + 1.9632432, abs=1e-6)
    assert (found.n, found.never, found.finite) == (5, 0, 3.0)


def test_one_replicate_has_no_interval() -> None:
    """A single value says nothing of its own spread."""
    found = estimate([7.0])
    assert (found.mean, found.low, found.high, found.n) == (7.0, None, None, 1)


def test_undefined_replicates_are_left_out() -> None:
    """The mean is over those that have a value, and n says how many."""
    found = estimate([None, 2.0, None, 4.0])
    assert (found.mean, found.n) == (3.0, 2)
    nothing = estimate([None, None])
    assert (nothing.mean, nothing.low, nothing.n, nothing.finite) == (None, None, 0, None)


def test_a_single_never_makes_the_mean_never() -> None:
    """One of three never recovered: the mean is infinite, the finite mean is kept beside."""
    found = estimate([10.0, math.inf, 14.0])
    assert found.mean == math.inf
    assert (found.low, found.high, found.n, found.never, found.finite) == (None, None, 3, 1, 12.0)


def test_the_interval_of_the_difference_is_that_of_the_pairs() -> None:
    """Large common luck cancels: the pairs differ by 1 and 2 and 3."""
    found = difference([100.0, 500.0, 900.0], [101.0, 502.0, 903.0])
    assert found.mean == 2.0
    assert found.low == pytest.approx(2.0 - 4.302652729749 / math.sqrt(3))


def test_pairs_of_two_nevers_have_no_difference() -> None:
    """Never against never is left out, against a time it is infinite, opposite ones undecided."""
    never = math.inf
    assert difference([never, 1.0], [never, 3.0]).mean == 2.0
    assert difference([1.0, 1.0], [never, 3.0]).mean == never
    assert difference([never, 1.0], [1.0, never]).mean is None
    assert difference([None, 1.0], [1.0, 3.0]).n == 1


def test_unequal_numbers_of_replicates_cannot_be_paired() -> None:
    """The message says how many there are of each."""
    with pytest.raises(ReplicatesError, match="2 replicates cannot be paired with 1"):
        difference([1.0, 2.0], [1.0])


def test_the_probability_of_an_outcome_has_an_interval_even_if_it_never_happens() -> None:
    """0 of 10: Wilson's upper end is z²/(n + z²) = 0.2775."""
    none = probability(0, 10)
    assert (none.mean, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.27754, abs=1e-5)
    every = probability(10, 10)
    assert (every.mean, every.high) == (1.0, 1.0)
    half = probability(5, 10)
    assert half.low == pytest.approx(0.23659, abs=1e-5)
    with pytest.raises(ReplicatesError):
        probability(1, 0)


@given(st.lists(finite, min_size=2, max_size=12), st.randoms())
def test_the_order_of_replicates_does_not_matter(values: list[float], lots: object) -> None:
    """Any permutation gives the same estimate to the last bit."""
    shuffled = list(values)
    lots.shuffle(shuffled)  # type: ignore[attr-defined]
    assert estimate(shuffled) == estimate(values)


@given(st.lists(finite, min_size=2, max_size=12))
def test_the_mean_lies_in_its_interval(values: list[float]) -> None:
    """Low, mean and high are in order."""
    found = estimate(values)
    assert found.mean is not None
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.mean <= found.high


def run_with(latency: float, services: int = 1) -> Measures:
    """Measure a run in which each of ten requests takes `latency`."""
    names = [(f"db{number}" if number else "db", 1, 1) for number in range(services)]
    build = TraceBuilder(services=names)
    for second in range(10):
        build.request(float(second), latency)
    return measure(build.trace())


def test_a_summary_has_every_metric_of_the_replicates() -> None:
    """Mean latencies of 1, 2 and 3 s make 2 s; names, phases and order stay."""
    runs = [run_with(1.0), run_with(2.0), run_with(3.0)]
    summary = summarise(runs)
    assert summary.value("mean") == pytest.approx(2.0)
    assert summary.names == runs[0].names
    assert summary.phases == ("whole",)
    assert len(summary) == len(runs[0])
    found = summary.estimate("mean")
    assert found is not None
    assert found.n == summary.replicates == 3


def test_a_difference_of_summaries_is_paired() -> None:
    """Each replicate is 0.5 s slower than its twin: the interval has no width."""
    before = [run_with(latency) for latency in (1.0, 2.0, 3.0)]
    after = [run_with(latency) for latency in (1.5, 2.5, 3.5)]
    found = summarise_difference(before, after).estimate("mean")
    assert found is not None
    assert found.low == pytest.approx(0.5)
    assert found.high == pytest.approx(0.5)


def test_replicates_of_different_kinds_are_refused() -> None:
    """Runs of different scenarios cannot be summarised; nor can none."""
    with pytest.raises(ReplicatesError, match="different phases or services"):
        summarise([run_with(1.0), run_with(1.0, services=2)])
    with pytest.raises(ReplicatesError, match="no replicates"):
        summarise([])


@given(st.lists(finite, min_size=2, max_size=20))
def test_the_jackknife_of_a_mean_is_the_t_interval(values: list[float]) -> None:
    """Leaving out each replicate in turn tells of a mean what its own interval tells."""
    total, n = math.fsum(values), len(values)
    found = jackknife(total / n, [(total - value) / (n - 1) for value in values])
    usual = estimate(values)
    assert found.mean == pytest.approx(usual.mean, abs=1e-9)
    assert found.low == pytest.approx(usual.low, rel=1e-6, abs=1e-3)
    assert found.high == pytest.approx(usual.high, rel=1e-6, abs=1e-3)


def test_a_jackknife_of_too_little_has_no_interval() -> None:
    """One replicate tells nothing of how sure it is, and never is no number to spread around."""
    assert jackknife(3.0, []).low is None
    assert jackknife(math.inf, [1.0, math.inf]).high is None


def test_the_interval_of_a_largest_mean_holds_the_truth_as_often_as_it_says() -> None:
    """The larger of two means: true 1.0 lies inside in about 95 of 100 samples."""
    luck = random.Random(5)
    inside = 0
    for _ in range(400):
        one = [luck.gauss(1.0, 1.0) for _ in range(12)]
        two = [luck.gauss(-1.0, 1.0) for _ in range(12)]

        def largest(left_out: int | None, one: list[float] = one, two: list[float] = two) -> float:
            kept = [i for i in range(12) if i != left_out]
            return max(sum(values[i] for i in kept) / len(kept) for values in (one, two))

        found = jackknife(largest(None), [largest(i) for i in range(12)])
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 1.0 <= found.high
    assert 0.92 <= inside / 400 <= 0.98
