"""Chance: named streams of random numbers that do not depend on who draws first.

A stream is named by the replicate, the entity and what it decides. Its numbers are drawn in
fixed blocks by a counter-based generator keyed with a hash of that name, so the n-th number
is a function of the name and n alone: no draw in one place can move a draw in another, and
two variants of a scenario meet the same luck.
"""

from __future__ import annotations

from collections.abc import Callable
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
_KEPT_BLOCKS = 64


class Column:
    """One stream's numbers by index, drawn a block at a time and forgotten when old."""

    __slots__ = ("_blocks", "_key", "_sampler")

    def __init__(self, key: int, sampler: Sampler) -> None:
        self._key = key
        self._sampler = sampler
        self._blocks: dict[int, list[float]] = {}

    def at(self, index: int) -> float:
        """Return number `index` of the stream, the same whenever it is asked for."""
        try:
            return self._blocks[index >> BLOCK_BITS][index & _MASK]
        except KeyError:
            return self._draw(index >> BLOCK_BITS)[index & _MASK]

    def _draw(self, block: int) -> list[float]:
        if len(self._blocks) >= _KEPT_BLOCKS:
            del self._blocks[next(iter(self._blocks))]
        values: list[float] = self.block(block).tolist()
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
    """

    def __init__(self, seed: int, replicate: int) -> None:
        self._prefix = f"{seed}/{replicate}/"

    def column(self, path: str, purpose: str, sampler: Sampler) -> Column:
        """Return the stream that decides `purpose` for the entity at `path`."""
        name = f"{self._prefix}{path}#{purpose}".encode()
        return Column(int.from_bytes(blake2b(name, digest_size=16).digest(), "little"), sampler)


def uniform(generator: Generator, size: int) -> Floats:
    """Draw from [0, 1): a lot."""
    return generator.random(size)


def unit_exponential(generator: Generator, size: int) -> Floats:
    """Draw unit-mean exponentials: the gaps of a Poisson process of rate 1."""
    return generator.standard_exponential(size)


def sampler_of(law: Distribution) -> Sampler:
    """Return the sampler of a distribution of the scenario file, in seconds."""
    match law:
        case Constant():
            value = law.value
            return lambda _, size: np.full(size, value)
        case Exponential():
            mean = law.mean
            return lambda generator, size: generator.standard_exponential(size) * mean
        case Lognormal():
            mu, sigma = law.log_mean, law.log_deviation
            return lambda generator, size: np.exp(mu + sigma * generator.standard_normal(size))
        case Gamma():
            shape, scale = law.shape, law.scale
            return lambda generator, size: generator.standard_gamma(shape, size) * scale
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
