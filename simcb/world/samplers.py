"""What blocks of random numbers are drawn by: one sampler for each distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from simcb.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Lognormal,
    Piecewise,
    Uniform,
)
from simcb.scenario.pieces import Piece

Floats = NDArray[np.float64]
Sampler = Callable[[Generator, int], Floats]
"""Draws so many numbers."""


def uniform(generator: Generator, size: int) -> Floats:
    """Draw from [0, 1)."""
    return generator.random(size)


def unit_exponential(generator: Generator, size: int) -> Floats:
    """Draw unit-mean exponentials: the gaps of a Poisson process of rate 1."""
    return steady(generator.standard_exponential(size))


def steady(values: Floats) -> Floats:
    """Return the values to 32 significant bits, a relative error of at most 2.4e-10.

    Logarithms and exponentials differ in their last bit between processors and C libraries; cut
    off here, such a bit changes no run. Adding and subtracting a multiple rounds in plain IEEE
    arithmetic, which is the same everywhere (Veltkamp 1968).
    """
    scaled = values * (2.0**21 + 1.0)
    rounded: Floats = scaled - (scaled - values)
    return rounded


@lru_cache(maxsize=4)
def _zipf_edges(keys: int, exponent: float) -> Floats:
    # Kept, because every attempt of every call has a stream of keys of its own.
    weights = np.arange(1, keys + 1, dtype=float) ** -exponent
    edges: Floats = np.cumsum(weights) / np.sum(weights)
    return edges


def zipf(keys: int, exponent: float) -> Sampler:
    """Return a sampler of key numbers 0 … keys-1, key k with weight (k+1)^-exponent."""
    edges = _zipf_edges(keys, exponent)

    def draw(generator: Generator, size: int) -> Floats:
        rank = np.searchsorted(edges, generator.random(size), side="right")
        return np.minimum(rank, keys - 1).astype(float)

    return draw


def sampler_of(law: Distribution) -> Sampler:
    """Return the sampler of a distribution of the scenario file, in seconds."""
    match law:
        case Constant():
            value = law.value
            return lambda _, size: np.full(size, value)
        case Exponential():
            mean = law.mean
            return lambda generator, size: steady(generator.standard_exponential(size) * mean)
        case Lognormal():
            mu, sigma = law.log_mean, law.log_deviation
            return lambda generator, size: steady(
                np.exp(mu + sigma * generator.standard_normal(size))
            )
        case Gamma():
            shape, scale = law.shape, law.scale
            return lambda generator, size: steady(generator.standard_gamma(shape, size) * scale)
        case Uniform():
            low, span = law.low, law.high - law.low
            return lambda generator, size: low + span * generator.random(size)
        case Empirical():
            return _empirical(law)
        case Piecewise():
            return _piecewise(law.pieces)
    raise TypeError(f"no sampler for {law!r}")


def _empirical(law: Empirical) -> Sampler:
    """Return the sampler of times that were measured, each as likely as its weight."""
    values = np.asarray(law.numbers, dtype=float)
    weights = np.ones(len(values)) if law.weights is None else np.asarray(law.weights)
    edges = np.cumsum(weights) / np.sum(weights)
    last = len(values) - 1

    def draw(generator: Generator, size: int) -> Floats:
        rank = np.searchsorted(edges, generator.random(size), side="right")
        return values[np.minimum(rank, last)]

    return draw


def _piecewise(pieces: Sequence[Piece]) -> Sampler:
    """Return the sampler of times known at some points: by the inverse of their distribution."""
    begins, shares, lows, widths, powers = (
        np.array([getattr(each, name) for each in pieces])
        for name in ("begin", "share", "low", "width", "power")
    )
    tail = pieces[-1]
    rate = tail.rate
    # What grows towards its end is drawn from there.
    grows, steep = rate < 0.0, abs(rate)
    cut = -math.expm1(-steep)

    def draw(generator: Generator, size: int) -> Floats:
        share = generator.random(size)
        place = np.searchsorted(begins, share, side="right") - 1
        part = np.clip((share - begins[place]) / shares[place], 0.0, 1.0 - 2.0**-53)
        found = part ** powers[place]
        if steep > 1e-4:
            long = place == len(pieces) - 1
            share_left = 1.0 - part[long] if grows else part[long]
            fallen = -np.log1p(-share_left * cut) / (1.0 if math.isinf(rate) else steep)
            found[long] = 1.0 - fallen if grows else fallen
        return steady(lows[place] + widths[place] * found)

    return draw


def at_once(_: Generator, size: int) -> Floats:
    """Draw no time at all."""
    return np.zeros(size)
