"""Chance depends on names and numbers alone."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Histogram,
    Lognormal,
    Quantiles,
    Uniform,
)
from simcb.world.samplers import sampler_of, steady, uniform
from simcb.world.streams import BLOCK, Streams

LAWS: list[tuple[Distribution, float, float]] = [
    (Constant(value=0.2), 0.2, 0.0),
    (Exponential(mean=0.2), 0.2, 0.2),
    (Lognormal(mean=0.2, cv=0.5), 0.2, 0.1),
    (Gamma(mean=0.2, cv=1.5), 0.2, 0.3),
    (Uniform(low=0.1, high=0.4), 0.25, 0.3 / 12**0.5),
    (Empirical(values=(0.1, 0.4), weights=(2, 1)), 0.2, 0.02**0.5),
    (Empirical(file="times.csv", times=(0.1, 0.1, 0.4)), 0.2, 0.02**0.5),
    (Quantiles(min=0.1, p50=0.1, max=0.4, mean=0.175), 0.175, (0.04 - 0.175**2) ** 0.5),
    (Quantiles(p50=0.064, p99=0.30277602434), 0.08, 0.067555),
    (Histogram(buckets=[{"to": 0.1, "count": 0}, {"to": 0.3, "count": 5}]), 0.2, 0.2 / 12**0.5),
]


def numbers(law: Distribution, blocks: int = 200) -> np.ndarray:
    """Draw many numbers of a distribution."""
    column = Streams(0, 0).column("somewhere", "work", sampler_of(law))
    return np.concatenate([column.block(block) for block in range(blocks)])


@pytest.mark.parametrize(
    ("law", "mean", "deviation"), LAWS, ids=lambda law: getattr(law, "kind", "")
)
def test_distribution_has_its_moments(law: Distribution, mean: float, deviation: float) -> None:
    """Every distribution has the mean and the deviation that its parameters say."""
    drawn = numbers(law)
    error = deviation / len(drawn) ** 0.5
    assert drawn.mean() == pytest.approx(mean, abs=max(4 * error, 1e-12))
    assert drawn.mean() == pytest.approx(law.mean_value, abs=max(4 * error, 1e-12))
    assert drawn.std() == pytest.approx(deviation, rel=0.05, abs=1e-12)
    assert drawn.min() >= 0


def test_lognormal_has_its_percentiles() -> None:
    """A lognormal given by p50 and p99 has them."""
    drawn = numbers(Lognormal(p50=0.08, p99=0.6))
    assert np.quantile(drawn, 0.5) == pytest.approx(0.08, rel=0.02)
    assert np.quantile(drawn, 0.99) == pytest.approx(0.6, rel=0.05)


def test_number_does_not_depend_on_the_order_of_asking() -> None:
    """The n-th number of a stream is the same whenever and however often it is asked for."""
    forward = Streams(1, 2).column("a/b", "work", uniform)
    backward = Streams(1, 2).column("a/b", "work", uniform)
    places = range(0, 100 * BLOCK, 37)
    ahead = [forward.at(place) for place in places]
    assert ahead == [backward.at(place) for place in reversed(places)][::-1]
    assert ahead == [forward.at(place) for place in places]


def test_streams_of_other_names_seeds_and_replicates_are_unrelated() -> None:
    """Seed, replicate, entity and purpose each lead to other numbers, without correlation."""
    columns = [
        Streams(1, 0).column("a", "work", uniform),
        Streams(2, 0).column("a", "work", uniform),
        Streams(1, 1).column("a", "work", uniform),
        Streams(1, 0).column("b", "work", uniform),
        Streams(1, 0).column("a", "errors", uniform),
    ]
    drawn = np.array([np.concatenate([c.block(i) for i in range(20)]) for c in columns])
    correlation = np.corrcoef(drawn) - np.eye(len(columns))
    assert np.abs(correlation).max() < 4 / drawn.shape[1] ** 0.5


def test_neighbouring_blocks_do_not_repeat() -> None:
    """A stream goes on with new numbers from block to block."""
    column = Streams(0, 0).column("a", "work", uniform)
    drawn = [column.at(place) for place in range(4 * BLOCK)]
    assert len(set(drawn)) == len(drawn)


def test_a_last_bit_of_a_library_changes_no_draw() -> None:
    """Whose logarithm is one bit off draws the same; what is lost is beyond all measuring."""
    drawn = np.random.default_rng(3).lognormal(-2.0, 1.0, 200_000)
    kept = steady(drawn)
    for beside in (np.nextafter(drawn, 0.0), np.nextafter(drawn, np.inf)):
        assert np.mean(steady(beside) != kept) < 1e-5
    assert np.max(np.abs(kept / drawn - 1.0)) <= 2.0**-32
    assert steady(np.array([0.0, 0.25, 3.0])).tolist() == [0.0, 0.25, 3.0]
