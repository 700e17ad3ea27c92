"""Chance: named streams of random numbers that do not depend on who draws first.

A stream is named by the replicate, the entity and what it decides. Its numbers are drawn in
fixed blocks by a counter-based generator keyed with a hash of that name, so the n-th number
is a function of the name and n alone: no draw in one place can move a draw in another, and
two variants of a scenario meet the same luck.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from simcb.scenario.distributions import (
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    Lognormal,
    Uniform,
)

Floats = NDArray[np.float64]
Sampler = Callable[[Generator, int], Floats]

BLOCK_BITS = 9
BLOCK = 1 << BLOCK_BITS
_MASK = BLOCK - 1
_LEAST_KEPT_BLOCKS = 64
_KEPT_ROUNDS = 24
"""How many requests a closed group's fastest user may be ahead of its slowest before numbers
have to be drawn again; a block takes 4 kB."""


class Column:
    """One stream's numbers by index, drawn a block at a time and forgotten when old."""

    __slots__ = ("_blocks", "_kept", "_key", "_sampler")

    def __init__(self, key: int, sampler: Sampler, kept: int) -> None:
        self._key = key
        self._sampler = sampler
        self._kept = kept
        self._blocks: dict[int, array[float]] = {}

    def at(self, index: int) -> float:
        """Return number `index` of the stream, the same whenever it is asked for."""
        try:
            return self._blocks[index >> BLOCK_BITS][index & _MASK]
        except KeyError:
            return self._draw(index >> BLOCK_BITS)[index & _MASK]

    def _draw(self, block: int) -> array[float]:
        if len(self._blocks) >= self._kept:
            del self._blocks[next(iter(self._blocks))]
        values = array("d", self.block(block).tobytes())
        self._blocks[block] = values
        return values

    def block(self, block: int) -> Floats:
        """Return the `BLOCK` numbers of block number `block`, shape (BLOCK,)."""
        generator = Generator(Philox(key=self._key, counter=[0, 0, block, 0]))
        return self._sampler(generator, BLOCK)


class Streams:
    """The streams of one replicate.

    Args:
        seed: the user's seed.
        replicate: which replicate, from 0.
        spread: how far apart the indexes in use at one time may be; a closed group's users
            ask at their own pace, so theirs are as far apart as there are users.
    """

    def __init__(self, seed: int, replicate: int, spread: int = 0) -> None:
        self._prefix = f"{seed}/{replicate}/"
        self._kept = _LEAST_KEPT_BLOCKS + _KEPT_ROUNDS * (spread >> BLOCK_BITS)

    def column(self, path: str, purpose: str, sampler: Sampler) -> Column:
        """Return the stream that decides `purpose` for the entity at `path`."""
        name = f"{self._prefix}{path}#{purpose}".encode()
        key = int.from_bytes(blake2b(name, digest_size=16).digest(), "little")
        return Column(key, sampler, self._kept)


def uniform(generator: Generator, size: int) -> Floats:
    """Draw from [0, 1): a lot."""
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
            values = np.asarray(law.values, dtype=float)
            weights = np.ones(len(values)) if law.weights is None else np.asarray(law.weights)
            edges = np.cumsum(weights) / np.sum(weights)
            last = len(values) - 1

            def draw(generator: Generator, size: int) -> Floats:
                rank = np.searchsorted(edges, generator.random(size), side="right")
                return values[np.minimum(rank, last)]

            return draw
    raise TypeError(f"no sampler for {law!r}")
