"""What a study can be asked for, as one value for the command line, Python and the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

Baseline = Literal["none"]

Over = Mapping[str, object] | Sequence[str]
"""What is varied: `{path: values or spec}`, or `PATH=SPEC` each."""

MOST_EVENTS = 200_000_000
"""Events of one run beyond which it has to be allowed explicitly; minutes to an hour of work."""

MOST_ROWS = 30_000_000
"""Requests and attempts of one run beyond which it has to be allowed explicitly: they take up to
2 GB of the disk, and measuring them up to 1 GB of memory."""

MOST_REPLICATES = 10_000
MOST_TRIALS = 10_000
MOST_BATCH = 1_000
DEEPEST = 8


@dataclass(frozen=True)
class Option:
    """How a command line shows a field, and which whole numbers it may be.

    Args:
        help: a sentence or two.
        metavar: what stands for the value.
        names: its flags, if they are not the field's name.
        least: the smallest number.
        most: the largest; None for any.
        several: whether it can be given again and again.
    """

    help: str
    metavar: str = ""
    names: tuple[str, ...] = ()
    least: int | None = None
    most: int | None = None
    several: bool = False


def options_of(kind: type) -> dict[str, tuple[Any, Any]]:
    """Return the type of each field of a dataclass that is an option, and what shows it.

    That is an `Option`, or what the command line alone knows of.
    """
    hints = get_type_hints(kind, include_extras=True)
    return {
        each.name: (hints[each.name].__origin__, hints[each.name].__metadata__[0])
        for each in fields(kind)
        if hasattr(hints[each.name], "__metadata__")
    }


def _within(help_: str, least: int, most: int, *names: str) -> Option:
    return Option(help_, f"{least}..{most}", names, least, most)


SEED = Option("Random seed: the same seed gives the same result.", "N", least=0)


@dataclass(frozen=True)
class RunOptions:
    """What a run can be asked for; see `simcb.studies.run`."""

    seed: Annotated[int, SEED] = 0
    replicates: Annotated[
        int,
        _within(
            "Runs with other random streams, for intervals.",
            1,
            MOST_REPLICATES,
            *("-n", "--replicates"),
        ),
    ] = 1
    baseline: Annotated[
        Baseline | None,
        Option("none: no ordinary day beside it, only the run without any breaker.", "none"),
    ] = None
    ordinary_day: bool = False
    allow_large: Annotated[bool, Option("Run even what is, or is estimated to be, huge.")] = False
    max_events: Annotated[
        int | None,
        Option(
            "Stop a run that is not over after N events (200 million; any with --allow-large).",
            "N",
            least=1,
        ),
    ] = None


@dataclass(frozen=True)
class CompareOptions:
    """What a comparison can be asked for; see `simcb.studies.compare`.

    None is what saved runs among the variants were made with and, where there are none, 10
    replicates and seed 0.
    """

    replicates: Annotated[
        int | None,
        _within(
            "Runs of each variant, 10 if nothing else is said; intervals need at least two.",
            1,
            MOST_REPLICATES,
            *("--replicates", "-n"),
        ),
    ] = None
    seed: Annotated[
        int | None, Option("Random seed, 0 if nothing else is said; all share it.", "N", least=0)
    ] = None


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep can be asked for; None is left to the scenario's `sweep`, or as is usual."""

    over: Annotated[
        Over | None,
        Option(
            "Vary one place: a,b,c or lo:hi:step or lo..hi/N or lo..hi/N@log. Repeatable. "
            "Takes the place of all axes in the scenario's sweep block.",
            "PATH=SPEC",
            several=True,
        ),
    ] = None
    design: Annotated[
        str | None,
        Option(
            "N settings by Latin hypercube sampling; or grid, for every combination.",
            "lhs:N",
            ("--sample",),
        ),
    ] = None
    replicates: Annotated[
        int | None,
        _within(
            "Runs of each setting, 10 if nothing else is said.",
            1,
            MOST_REPLICATES,
            *("--replicates", "-n"),
        ),
    ] = None
    seed: Annotated[int, SEED] = 0
    by: Annotated[
        str | None,
        Option(
            "Rank by this, as in p99{fault}, collapse or max:utilisation{db}. "
            "Without it by goodput, or by what --refine names; success where only the world "
            "(arrivals, work, capacity, faults) is varied, which is shown and not ranked.",
            "METRIC",
        ),
    ] = None
    refine: Annotated[
        str | None,
        Option("Add settings along this border, as in collapse=50%.", "METRIC=VALUE"),
    ] = None
    depth: Annotated[
        int | None,
        _within(
            "How often --refine halves the distances, 3 times if nothing else is said.", 1, DEEPEST
        ),
    ] = None
    alone: Annotated[
        bool, Option("Neither the file's own setting nor no breaker beside the ranking.")
    ] = False


@dataclass(frozen=True)
class TuneSize:
    """How much a tune tries.

    Args:
        trials: settings that are searched at most.
        batch: settings tried at a time.
        replicates: runs of a good setting in each scenario.
        fresh: runs of each contender at the end.
    """

    trials: int
    batch: int
    replicates: int
    fresh: int


@dataclass(frozen=True)
class TuneOptions:
    """What a tune can be asked for; see `simcb.studies.tune.tune`."""

    space: Annotated[
        Over | None,
        Option(
            "Where to look: lo..hi or lo..hi@log with units, or a,b,c. Repeatable.",
            "PATH=SPEC",
            several=True,
        ),
    ] = None
    minimize: Annotated[
        tuple[str, ...],
        Option(
            "Make this small, as in p99{fault}, collapse or amplification. Repeatable.",
            "METRIC",
            several=True,
        ),
    ] = ()
    maximize: Annotated[
        tuple[str, ...],
        Option("Make this large. Repeatable; goodput if nothing is named.", "METRIC", several=True),
    ] = ()
    subject_to: Annotated[
        tuple[str, ...],
        Option(
            "What has to hold in every scenario, as in 'success >= 99%'. Repeatable.",
            "EXPR",
            several=True,
        ),
    ] = ()
    storms: Annotated[
        str,
        Option(
            "What has to be withstood: all, a family made of the scenarios and drawn anew in "
            "each run; some of it, as in day,blip,hung,own; or own, their own faults as they are.",
            "NAMES",
        ),
    ] = "all"
    trials: Annotated[
        int | None,
        _within("Settings that are tried at most: 16, or 60 with --storms own.", 1, MOST_TRIALS),
    ] = None
    batch: Annotated[
        int | None,
        _within(
            "Settings tried at a time, before it learns: 8.",
            1,
            MOST_BATCH,
        ),
    ] = None
    replicates: Annotated[
        int | None,
        _within(
            "Runs of a good setting in each scenario, bad ones get fewer: 4, or 10 with "
            "--storms own.",
            2,
            MOST_REPLICATES,
            *("--replicates", "-n"),
        ),
    ] = None
    fresh: Annotated[
        int | None,
        _within(
            "Runs of the best and of its rivals, on other random streams, at the end: 4, or 20 "
            "with --storms own.",
            2,
            MOST_REPLICATES,
        ),
    ] = None
    tolerance: float = 0.01
    day_budget: float = 0.001
    seed: Annotated[int, SEED] = 0
    libraries: bool = True

    @property
    def own(self) -> bool:
        """Whether only the scenarios' own faults are asked for, as they are."""
        return self.storms.strip() == "own"

    @property
    def size(self) -> TuneSize:
        """How much is tried, with what is usual where that is left open."""
        usual = TuneSize(60, 8, 10, 20) if self.own else TuneSize(16, 8, 4, 4)
        given = {name: getattr(self, name) for name in vars(usual)}
        return replace(usual, **{name: each for name, each in given.items() if each is not None})


@dataclass(frozen=True)
class JobOptions:
    """Who runs a study's cells, and where they are kept; none of it changes a result.

    Args:
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core. With `executor`, how many jobs it runs at once.
        dask: the address of a Dask scheduler, or `local`.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        allow_large: run even what is estimated to be huge.
        executor: somebody's own executor to run the cells instead.
        tags: what the user calls the study, key to value.
    """

    workers: int | None = None
    dask: Annotated[
        str | None, Option("Run on a Dask cluster: tcp://host:port, or local.", "ADDRESS")
    ] = None
    out: Annotated[
        Path | str | None,
        Option("Keep every finished run there, all tables, and a tune's best.yaml.", "DIR"),
    ] = None
    resume: Annotated[bool, Option("Go on with what --out holds.")] = False
    allow_large: Annotated[bool, Option("Run even what is estimated to be huge.")] = False
    executor: Executor | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
