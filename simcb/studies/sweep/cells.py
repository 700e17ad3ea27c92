"""A cell: one replicate of one setting, run in a worker; only its numbers come back.

What is sent to a worker is self-contained, so any executor will do: threads, processes, a
cluster.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from simcb.metrics import Verdict
from simcb.scenario import Scenario
from simcb.studies import run_once
from simcb.studies.sweep.columns import Column, packed
from simcb.studies.sweep.plan import applied


@dataclass(frozen=True, order=True)
class Cell:
    """One run: a setting and one of the base's scenarios, by their numbers, and a replicate."""

    setting: int
    replicate: int
    scenario: int = 0


Measured = tuple[Scenario, tuple[Column, ...]]
"""A scenario, and what is measured in each of its runs."""


@dataclass(frozen=True)
class Base:
    """What all cells of a study have in common.

    Args:
        content: the pickled scenarios, each with its columns, the same bytes for every chunk,
            so that a worker reads them once.
        seed: random seed, of every setting alike.
    """

    content: bytes
    seed: int

    @classmethod
    def of(cls, scenarios: Sequence[Measured], seed: int) -> Base:
        """Return the base of the cells of one or many scenarios."""
        return cls(pickle.dumps(tuple(scenarios), protocol=5), seed)


@dataclass(frozen=True)
class Order:
    """A cell to be run: its changes to its scenario of the base."""

    cell: Cell
    changes: Mapping[str, object]


@dataclass(frozen=True)
class Done:
    """What came of a cell.

    Args:
        cell: which.
        verdict: how the run took its faults; None if it could not be run.
        row: its numbers, as `packed` writes them.
        seconds: how long it took.
        error: why it could not be run, or "".
    """

    cell: Cell
    verdict: Verdict | None
    row: bytes
    seconds: float
    error: str = ""


def run_cells(base: Base, orders: tuple[Order, ...]) -> tuple[Done, ...]:
    """Run cells one after the other; one that fails does not keep the others from running."""
    scenarios = _opened(base.content)
    done: list[Done] = []
    made: tuple[int, Mapping[str, object]] | None = None
    variant: Scenario | None = None
    for order in orders:
        begin = time.perf_counter()
        scenario, columns = scenarios[order.cell.scenario]
        try:
            if variant is None or made != (order.cell.scenario, order.changes):
                variant = applied(scenario, order.changes)
                made = order.cell.scenario, order.changes
            run = run_once(variant, base.seed, order.cell.replicate)
            row, verdict, error = packed(run.measures, columns), run.judgement.verdict, ""
        except Exception as problem:
            # Whatever it is, it is the cell's own; it is reported with the cell.
            row, verdict, error = b"", None, f"{type(problem).__name__}: {problem}"
        done.append(Done(order.cell, verdict, row, time.perf_counter() - begin, error))
    return tuple(done)


@lru_cache(maxsize=2)
def _opened(content: bytes) -> tuple[Measured, ...]:
    scenarios: tuple[Measured, ...] = pickle.loads(content)
    return scenarios
