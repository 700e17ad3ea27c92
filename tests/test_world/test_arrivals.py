"""Requests arrive as the rate curve says: the integral of the rate counts them."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcb.scenario.arrivals import Constant, Poisson, RatePoint, Replay
from simcb.scenario.faults import Fault, Surge
from simcb.world.arrivals import arrival_times
from simcb.world.conditions import windows_of
from simcb.world.samplers import unit_exponential
from simcb.world.streams import Streams

UNTIL = 20.0


def rate_at(points: list[RatePoint], surges: list[Surge], t: np.ndarray) -> np.ndarray:
    """The rate at each of the moments `t`, straight from the definitions."""
    rate = np.zeros_like(t)
    before = np.zeros_like(t)
    for point in points:
        after = t >= point.at
        before = np.where(after, rate, before)
        grown = np.ones_like(t)
        if point.ramp > 0:
            grown = np.clip((t - point.at) / point.ramp, 0.0, 1.0)
        rate = np.where(after, before + (point.rate - before) * grown, rate)
    for surge in surges:
        at = surge.at.mean_value
        strength = ((t >= at) & (t < surge.until)).astype(float)
        if surge.ramp > 0:
            strength *= np.minimum((t - at) / surge.ramp, (surge.until - t) / surge.ramp)
            strength = np.clip(strength, 0.0, 1.0)
        rate = rate * (1.0 + strength * (surge.times - 1.0))
    return rate


def moments(law: Poisson | Constant | Replay, surges: list[Surge]) -> np.ndarray:
    """The arrivals of a group under its surges."""
    labelled: list[tuple[str, Fault]] = [(str(i), surge) for i, surge in enumerate(surges)]
    windows = windows_of(labelled, UNTIL)
    return np.array(
        [*chain.from_iterable(arrival_times(law, windows, Streams(0, 0), "users", UNTIL))]
    )


@st.composite
def scripts(draw: st.DrawFn) -> list[RatePoint]:
    """Some rate points in order of time, with and without ramps."""
    points, at = [], 0.0
    for _ in range(draw(st.integers(1, 4))):
        span = draw(st.integers(1, 60)) / 10
        ramp = draw(st.sampled_from((0.0, span / 2, span)))
        rate = draw(st.integers(0, 40)) / 2
        points.append(RatePoint(at=at, rate=rate, ramp=ramp))
        at += span
    return points


@st.composite
def surges(draw: st.DrawFn) -> Surge:
    """A surge anywhere, with or without a ramp."""
    lasts = draw(st.integers(1, 100)) / 10
    ramp = draw(st.sampled_from((0.0, lasts / 4, lasts / 2)))
    at, times = draw(st.integers(0, 200)) / 10, draw(st.integers(0, 6)) / 2
    return Surge(on="users", at=at, lasts=lasts, ramp=ramp, times=times)


@settings(max_examples=20)
@given(scripts(), st.lists(surges(), max_size=2))
def test_kth_arrival_comes_when_the_integral_of_the_rate_says(
    points: list[RatePoint], storms: list[Surge]
) -> None:
    """The expected arrivals up to each arrival are those the unit process has had by then."""
    grid = np.linspace(0.0, UNTIL, 200_001)
    rates = rate_at(points, storms, (grid[:-1] + grid[1:]) / 2)
    integral = np.concatenate(([0.0], np.cumsum(rates * np.diff(grid))))
    came = moments(Poisson(rate=tuple(points)), storms)
    gaps = Streams(0, 0).column("clients/users", "arrivals", unit_exponential)
    units = np.cumsum(np.concatenate([gaps.block(block) for block in range(4)]))[: len(came)]
    # Two ramps at once make a curve of the second degree, which is followed in short lines.
    assert np.interp(came, grid, integral) == pytest.approx(units, abs=5e-3, rel=1e-4)
    assert len(came) == pytest.approx(np.searchsorted(units, integral[-1]), abs=1)
    assert np.all(np.diff(came) > 0)
    assert np.all((came >= 0) & (came < UNTIL))


def test_constant_arrivals_are_evenly_spaced_from_the_start() -> None:
    """The k-th of constant arrivals comes at k / rate, exactly."""
    came = moments(Constant(rate=({"at": 0.0, "rate": 4.0},)), [])
    assert came.tolist() == [k / 4 for k in range(80)]


def test_what_is_due_when_a_rate_ends_belongs_to_the_next() -> None:
    """A step, a ramp or a surge down to 0 ends the arrivals; those due then come after it."""
    end = RatePoint(at=10.0, rate=0.0)
    steady, again = RatePoint(at=0.0, rate=100.0), RatePoint(at=12.0, rate=1.0)
    assert len(moments(Constant(rate=(steady, end)), [])) == 1000
    assert moments(Constant(rate=(steady, end, again)), [])[1000:].tolist() == [*range(12, 20)]
    ramp = RatePoint(at=5.0, rate=0.0, ramp=5.0)
    assert len(moments(Constant(rate=(steady, ramp)), [])) == 750
    calm = Surge(on="users", at=10.0, lasts=100.0, times=0.0)
    assert len(moments(Constant(rate=(steady,)), [calm])) == 1000
    assert len(moments(Constant(rate=(RatePoint(at=0.0, rate=0.0),)), [])) == 0


@given(st.fractions(Fraction(1, 60), 20, max_denominator=60), st.integers(1, 200))
def test_rounding_neither_adds_nor_loses_a_constant_arrival(rate: Fraction, tenths: int) -> None:
    """Exactly as many come before a step to 0, or before the end, as the exact product says."""
    span = Fraction(tenths, 10)
    points = (RatePoint(at=0.0, rate=float(rate)), RatePoint(at=float(span), rate=0.0))
    due = ceil(rate * span)
    assert len(moments(Constant(rate=points), [])) == due
    streams, law = Streams(0, 0), Constant(rate=points[:1])
    assert sum(map(len, arrival_times(law, (), streams, "users", float(span)))) == due


def test_stamps_cut_to_seconds_are_spread_over_theirs() -> None:
    """Those of one second come evenly within it, in order; without the word they come at once."""
    stamps = (0.0, 3.0, 3.0, 3.0, 3.0, 7.0, 7.0)
    assert moments(Replay(file="x.csv", moments=stamps), []).tolist() == [*stamps]
    spread = moments(Replay(file="x.csv", moments=stamps, resolution=1.0), [])
    assert spread.tolist() == [0.5, 3.125, 3.375, 3.625, 3.875, 7.25, 7.75]
    tenths = tuple(n // 3 / 10 for n in range(60))
    spread = moments(Replay(file="x.csv", moments=tenths, resolution=0.1), [])
    assert spread == pytest.approx([(n + 0.5) / 30 for n in range(60)])


def test_rate_of_nothing_brings_nobody() -> None:
    """A rate of 0, or one so small that nobody is expected for ages, is no mistake."""
    for rate in (0.0, 1e-310, 1e-12):
        assert len(moments(Poisson(rate=({"at": 0.0, "rate": rate},)), [])) == 0


def test_surge_moves_the_moments_and_not_the_luck() -> None:
    """A surge of two from the start halves every arrival's moment."""
    law = Poisson(rate=({"at": 0.0, "rate": 5.0},))
    usual = moments(law, [])
    surging = moments(law, [Surge(on="users", at=0.0, lasts=100.0, times=2.0)])
    assert surging[: len(usual)] * 2 == pytest.approx(usual[: len(surging)])
