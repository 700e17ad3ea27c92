"""A cell: one setting with one replicate's luck, run in a worker; only its numbers come back.

What is sent to a worker is self-contained, so any executor will do: threads, processes, a
cluster. This module must not know where it runs.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from simcb.metrics import Verdict
from simcb.scenario import Scenario
from simcb.studies import run_once
from simcb.studies.sweep.columns import Column, packed
from simcb.studies.sweep.plan import applied


@dataclass(frozen=True, order=True)
class Cell:
    """One run of a sweep: a setting, by its number, and a replicate."""

    setting: int
    replicate: int


@dataclass(frozen=True)
class Base:
    """What all cells of a sweep have in common.

    Args:
        content: the pickled scenario and columns, the same bytes for every chunk, so that a
            worker reads them once.
        seed: names the luck, of every setting alike.
    """

    content: bytes
    seed: int

    @classmethod
    def of(cls, scenario: Scenario, columns: tuple[Column, ...], seed: int) -> Base:
        """Return the base of a scenario's cells."""
        return cls(pickle.dumps((scenario, columns), protocol=5), seed)


@dataclass(frozen=True)
class Order:
    """A cell to be run: its changes to the base's scenario."""

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
    scenario, columns = _opened(base.content)
    done: list[Done] = []
    changes: Mapping[str, object] | None = None
    variant: Scenario | None = None
    for order in orders:
        begin = time.perf_counter()
        try:
            if variant is None or order.changes != changes:
                variant, changes = applied(scenario, order.changes), order.changes
            run = run_once(variant, base.seed, order.cell.replicate)
            row, verdict, error = packed(run.measures, columns), run.judgement.verdict, ""
        except Exception as problem:
            # Whatever it is, it is the cell's own; it is reported with the cell.
            row, verdict, error = b"", None, f"{type(problem).__name__}: {problem}"
        done.append(Done(order.cell, verdict, row, time.perf_counter() - begin, error))
    return tuple(done)


@lru_cache(maxsize=2)
def _opened(content: bytes) -> tuple[Scenario, tuple[Column, ...]]:
    scenario, columns = pickle.loads(content)
    if not isinstance(scenario, Scenario):
        raise TypeError("a sweep's base holds a scenario")
    return scenario, columns
