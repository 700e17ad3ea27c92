"""A cell: one replicate of one setting, run in a worker; only its numbers come back.

What is sent to a worker is self-contained, so any executor will do: threads, processes, a
cluster. What comes back is a row: which column holds which metric of which phase. Rows travel
and lie in the log as bytes: 64-bit floats, least byte first, nan where a value is undefined,
infinity for a time that never came. So they are exact, small, and quick to read.

Cells are equal, and their rows too, if their keys are: the scenario, the seed, the replicate and
the versions that they are run with.
"""

from __future__ import annotations

import hashlib
import math
import pickle
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simcb.client.answers import ClientError
from simcb.metrics import METRICS, Measures, Verdict, entities_of
from simcb.metrics.phase import WHOLE, phase_names
from simcb.scenario import Scenario
from simcb.scenario.data_files import data_backed
from simcb.scenario.writer import to_yaml
from simcb.studies import run_once
from simcb.studies.clients import with_code
from simcb.studies.evaluation.settings import applied
from simcb.trace.trace import FORMAT_VERSION
from simcb.version import __version__

if TYPE_CHECKING:
    from simcb.world.code.notes import Note

Floats = NDArray[np.float64]

ROW = np.dtype("<f8")


@dataclass(frozen=True)
class Column:
    """One metric, in one phase, of one service, one client group or ("") of the run."""

    metric: str
    phase: str
    of: str

    def __str__(self) -> str:
        inside = [each for each in (self.phase, self.of) if each not in (WHOLE, "")]
        return f"{self.metric}{{{','.join(inside)}}}" if inside else self.metric


def columns_of(scenario: Scenario) -> tuple[Column, ...]:
    """Return every number that a run of a scenario can have, in the order of reports.

    Some settings lack a phase (the fault lasts until the end); theirs is undefined.
    """
    entities = entities_of(scenario)
    return tuple(
        Column(metric.name, phase, entity.name)
        for phase in phase_names(scenario).measured
        for metric in METRICS.values()
        if metric.phased or phase == WHOLE
        for entity in entities.having(metric.per)
    )


def packed(measures: Measures, columns: Iterable[Column]) -> bytes:
    """Return a run's measures as a row; a column that this run does not know is undefined.

    A setting may rename a fault or a change, and with it the phase of its own.
    """
    known = {(each.name, each.phase, each.of): each.value for each in measures}
    values = (known.get((each.metric, each.phase, each.of)) for each in columns)
    return np.array([math.nan if v is None else v for v in values], ROW).tobytes()


def unpacked(row: bytes) -> Floats:
    """Return the numbers of a row."""
    return np.frombuffer(row, ROW)


def value_of(number: float) -> float | None:
    """Return a column's number as a measure: None where it is undefined."""
    return None if math.isnan(number) else float(number)


_DIGEST = 16


@dataclass(frozen=True)
class Engine:
    """The versions that decide what a run of a given scenario and seed gives.

    numpy draws the chance and sums the numbers, SimPy orders the events; both keep to what
    they do within a minor version. Python, the machine and the number of workers change
    nothing.

    Args:
        simcb: the version of simcb.
        trace: the version of the record of a run.
        numpy: major and minor version.
        simpy: major and minor version.
    """

    simcb: str
    trace: str
    numpy: str
    simpy: str

    @property
    def items(self) -> dict[str, str]:
        """The versions by name."""
        return {
            "simcb": self.simcb,
            "trace": self.trace,
            "numpy": self.numpy,
            "simpy": self.simpy,
        }


def this_engine() -> Engine:
    """Return the engine of this process."""
    return Engine(
        __version__, str(FORMAT_VERSION), _minor(np.__version__), _minor(version("simpy"))
    )


def _minor(text: str) -> str:
    return ".".join(text.split(".")[:2])


def scenario_digest(scenario: Scenario) -> str:
    """Return what identifies an effective scenario: its file's text and the data it replays.

    What is swept over it decides nothing about a run, so a `sweep` in the file is left out.
    """
    return digest_of(scenario, scenario.without_sweep().to_data())


def digest_of(scenario: Scenario, data: Mapping[str, object]) -> str:
    """Return what identifies some of a scenario, its words, and all the data it replays."""
    digest = hashlib.blake2b(to_yaml(data).encode(), digest_size=_DIGEST)
    for path, each in data_backed(scenario):
        digest.update(path.encode())
        digest.update(np.array(each.numbers, "<f8").tobytes())
    return digest.hexdigest()


def effective_digest(
    scenario: Scenario, changes: Mapping[str, object], clients: Mapping[str, str]
) -> str:
    """Return what identifies a scenario, and the code of its groups, after changes.

    Code that is not changed is not in it: it is the same in all of a study.

    Raises:
        StudyError: the scenario, or the code, refuses the changes.
    """
    found = scenario_digest(applied(scenario, changes))
    code = with_code(clients, changes)
    if code == clients:
        return found
    words = (found, *(f"{group}={code[group]}" for group in sorted(code)))
    return hashlib.blake2b("\n".join(words).encode(), digest_size=_DIGEST).hexdigest()


def cell_key(scenario: str, replicate: int, seed: int, engine: Engine) -> str:
    """Return the key of a cell: equal keys, equal numbers.

    Args:
        scenario: the digest of the effective scenario.
        replicate: which replicate.
        seed: random seed.
        engine: the versions it is run with.
    """
    words = (scenario, str(replicate), str(seed), *engine.items.values())
    return hashlib.blake2b("\n".join(words).encode(), digest_size=_DIGEST).hexdigest()


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
        clients: the code of client groups, `module:function` each.
    """

    content: bytes
    seed: int
    clients: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, scenarios: Sequence[Measured], seed: int, clients: Mapping[str, str] | None = None
    ) -> Base:
        """Return the base of the cells of one or many scenarios."""
        return cls(pickle.dumps(tuple(scenarios), protocol=5), seed, dict(clients or {}))


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
        asked: whether that is the user's to mend, as wrong code is, and no bug.
        notes: what is worth telling of how clients' code ran.
    """

    cell: Cell
    verdict: Verdict | None
    row: bytes
    seconds: float
    error: str = ""
    asked: bool = False
    notes: tuple[Note, ...] = ()


def run_cells(base: Base, orders: tuple[Order, ...]) -> tuple[Done, ...]:
    """Run cells one after the other; one that fails does not keep the others from running."""
    scenarios, variants = _opened(base.content), _variants(base.content)
    done: list[Done] = []
    for order in orders:
        begin = time.perf_counter()
        scenario, columns = scenarios[order.cell.scenario]
        try:
            wanted = order.cell.scenario, pickle.dumps(order.changes, protocol=5)
            variant = variants.get(wanted)
            if variant is None:
                if len(variants) >= _MOST_VARIANTS:
                    variants.clear()
                variant = variants[wanted] = applied(scenario, order.changes)
            clients = with_code(base.clients, order.changes)
            run = run_once(variant, base.seed, order.cell.replicate, clients=clients)
            row, verdict = packed(run.measures, columns), run.judgement.verdict
            done.append(
                Done(order.cell, verdict, row, time.perf_counter() - begin, notes=run.notes)
            )
        except Exception as problem:
            # Whatever it is, it is the cell's own; it is reported with the cell.
            asked = isinstance(problem, ClientError)
            error = str(problem) if asked else f"{type(problem).__name__}: {problem}"
            seconds = time.perf_counter() - begin
            done.append(Done(order.cell, None, b"", seconds, error, asked))
    return tuple(done)


_MOST_VARIANTS = 256


@lru_cache(maxsize=2)
def _variants(content: bytes) -> dict[tuple[int, bytes], Scenario]:
    """Return the scenarios of a base with changes, of which more replicates may be asked for."""
    return {}


@lru_cache(maxsize=2)
def _opened(content: bytes) -> tuple[Measured, ...]:
    scenarios: tuple[Measured, ...] = pickle.loads(content)
    return scenarios
