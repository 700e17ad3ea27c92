"""Intervals of what happens in few replicates: they claim no more than those tell."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from simcb.metrics import Estimate, Unit, bounds_of, difference, estimate
from simcb.metrics.student import two_sided_t
from simcb.scenario import parse_scenario
from simcb.studies import run

SHARE = bounds_of(Unit.SHARE)

SIZES: dict[str, Callable[[random.Random], float]] = {
    "all of one size": lambda luck: 1.0,
    "even": lambda luck: luck.uniform(0.0, 2.0),
    "exponential": lambda luck: luck.expovariate(1.0),
    "lognormal": lambda luck: luck.lognormvariate(-0.5, 1.0),
    "once or more": lambda luck: math.ceil(math.log(1.0 - luck.random()) / math.log(0.5)) / 2.0,
}
"""How much differs where something does; each has mean 1."""


def sample(luck: random.Random, name: str, share: float, n: int) -> list[float]:
    """Return replicates of which a share differs from 0, on average."""
    return [SIZES[name](luck) if luck.random() < share else 0.0 for _ in range(n)]


def says_the_truth(found: Estimate, truth: float) -> bool:
    """Return whether an interval holds the truth, or is marked as knowing nothing of it."""
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high or found.alike == found.n


def plain_t(values: list[float]) -> tuple[float, float]:
    """Return the interval that takes the few which differ for all there is."""
    n, mean = len(values), math.fsum(values) / len(values)
    spread = math.sqrt(sum((each - mean) ** 2 for each in values) / (n - 1) / n)
    return mean - two_sided_t(0.95, n - 1) * spread, mean + two_sided_t(0.95, n - 1) * spread


def test_replicates_all_alike_are_marked() -> None:
    """Ten of ten alike: up to 1 - 0.05^(1/10) = 25.9 % of runs may differ."""
    found = estimate([0.25] * 10)
    assert (found.mean, found.low, found.high, found.alike) == (0.25, 0.25, 0.25, 10)
    assert found.unseen == pytest.approx(0.2589, abs=1e-4)
    assert estimate([0.25] * 9 + [0.5]).unseen is None
    assert estimate([0.25]).unseen is None
    # Sums of floats differ in their last digits, and are alike all the same.
    assert difference([0.1] * 5, [0.3, 0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2]).alike == 5


def test_one_of_ten_that_differs_may_be_few_or_many() -> None:
    """Wilson's upper end for 1 of 10 is 0.404; the size seen once may be half the largest."""
    found = estimate([0.0] * 9 + [1.0])
    assert found.mean == pytest.approx(0.1)
    assert found.alike == 9
    assert found.high == pytest.approx(2 * 0.40415, abs=1e-4)
    low, _ = plain_t([0.0] * 9 + [1.0])
    assert found.low == pytest.approx(low)


def test_differences_to_both_sides_widen_both() -> None:
    """Two of eight differ, one up and one down: Wilson's upper end for 2 of 8 is 0.5907."""
    found = difference([0.0] * 8, [0.0] * 6 + [0.2, -0.1], SHARE)
    assert found.high == pytest.approx(0.5907 * 1.5 * 0.2, abs=1e-4)
    assert found.low == pytest.approx(-0.5907 * 1.5 * 0.1, abs=1e-4)


def test_shares_stay_between_0_and_1_and_their_differences_within_1() -> None:
    """What no run can come to is in no interval."""
    few = estimate([0.0, 0.0, 0.0, 0.02], SHARE)
    assert few.low == 0.0
    assert estimate([1.0, 1.0, 0.5], SHARE).high == 1.0
    assert estimate([0.0, 0.0, 0.02]).low < 0.0  # type: ignore[operator]
    apart = difference([0.0, 0.1, 0.0], [1.0, 0.7, 0.9], SHARE)
    assert apart.high == 1.0


def test_what_is_not_rare_keeps_the_t_interval() -> None:
    """Where no value is that of more than half, nothing is widened."""
    values = [0.0, 0.0, 0.0, 0.1, 0.2, 0.3]
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx(plain_t(values))
    assert found.alike == 0


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.3, 0.4])
def test_a_rare_event_of_one_size_is_covered(share: float) -> None:
    """Exactly, over the binomial distribution of how often it is seen in ten replicates."""
    held = 0.0
    for k in range(11):
        chance = math.comb(10, k) * share**k * (1.0 - share) ** (10 - k)
        held += chance * says_the_truth(estimate([1.0] * k + [0.0] * (10 - k)), share)
    assert held >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 20])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.2, 0.3, 0.4])
@pytest.mark.parametrize("name", list(SIZES))
def test_nine_in_ten_intervals_of_the_rare_say_the_truth(name: str, share: float, n: int) -> None:
    """However its size is distributed, of means and of paired differences; others are marked."""
    luck = random.Random(f"{name}/{share}/{n}")
    means = differences = 0
    for _ in range(1500):
        values = sample(luck, name, share, n)
        means += says_the_truth(estimate(values), share)
        base = [luck.gauss(10.0, 3.0) for _ in range(n)]
        moved = [one + two for one, two in zip(base, values, strict=True)]
        differences += says_the_truth(difference(base, moved), share)
    assert means / 1500 >= 0.9
    assert differences / 1500 >= 0.9


@pytest.mark.slow
def test_rare_openings_of_a_breaker_are_covered() -> None:
    """Of 100 times ten replicates, where the plain interval misses more than one in seven."""
    scenario = parse_scenario("""
name: rare
duration: 20s
clients:
  shop:
    arrivals: {kind: poisson, rate: 10/s}
    calls: {store: {timeout: 1s, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
services:
  store: {workers: 20, work: {kind: exponential, mean: 20ms}, errors: 9%}
""")
    runs = run(scenario, replicates=1000).runs
    for metric in ("open_fraction", "unneeded_rejections"):
        values = [each.measures.value(metric) or 0.0 for each in runs]
        truth = math.fsum(values) / len(values)
        groups = [values[start : start + 10] for start in range(0, len(values), 10)]
        plain = [low <= truth <= high for low, high in map(plain_t, groups)]
        ours = [says_the_truth(estimate(group), truth) for group in groups]
        assert sum(plain) < 85
        assert sum(ours) >= 90
