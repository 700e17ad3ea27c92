"""One run, or many replicates of it, with and without the breaker.

A study returns values and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simcb.adapters import adapter
from simcb.errors import SimcbError
from simcb.metrics import (
    BreakerEffect,
    Facts,
    Judgement,
    Measures,
    Summary,
    ThresholdResult,
    Verdict,
    check_thresholds,
    effect_of,
    has_opened,
    judge,
    measure,
    refusal_of,
    summarise,
    verdict,
)
from simcb.options import MOST_EVENTS, MOST_ROWS, Baseline, RunOptions, options_of
from simcb.scenario import Scenario, ScenarioError, parse_scenario, read_scenario
from simcb.studies.imports import told_of_imports
from simcb.studies.limits import check_size, estimate_size
from simcb.trace import Trace

if TYPE_CHECKING:
    from simcb.metrics.health import LatencyLimits
    from simcb.world.code.notes import Note

Clients = Mapping[str, str | Callable[..., object]]
"""The code of client groups: `module:function`, or the function."""


class StudyError(SimcbError):
    """A study cannot be made as asked.

    Args:
        what: the parameter and its value.
        remedy: what to give instead.
    """

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.what = what
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.what}; {self.remedy}"


def check_ranges(options: object, *names: str) -> None:
    """Check that numbers are within the ranges of their options.

    Raises:
        StudyError: one of them is not.
    """
    known = options_of(type(options))
    for name in names:
        value, option = getattr(options, name), known[name][1]
        least, most = option.least or 0, option.most
        if value is not None and (value < least or (most is not None and value > most)):
            bounds = f"{least} or more" if most is None else f"{least} to {most}"
            raise StudyError(f"{name} is {value}", f"give {bounds}")


@dataclass(frozen=True)
class Run:
    """One scenario with one seed: what happened, in rows and in numbers."""

    scenario: Scenario
    seed: int
    replicate: int
    trace: Trace
    measures: Measures
    judgement: Judgement
    limits: LatencyLimits = field(compare=False, repr=False)
    """What was in time for its numbers."""
    notes: tuple[Note, ...] = ()
    """What is worth telling of how clients' own code ran."""


@dataclass(frozen=True)
class Result:
    """The replicates of one scenario and what they say together.

    Args:
        scenario: what was run.
        seed: random seed; replicate i has streams of its own.
        runs: one for each replicate, in order.
        summary: every metric's mean over the replicates with its 95 % interval.
        thresholds: the scenario's thresholds, held against those means.
        baseline: the same scenario on the same random streams without any breaker, if asked for.
        ordinary_day: the same scenario on the same random streams without its faults, if asked
            for. It has no baseline of its own where none of our breakers opened: that would be
            the same.
    """

    scenario: Scenario
    seed: int
    runs: tuple[Run, ...]
    summary: Summary
    thresholds: tuple[ThresholdResult, ...]
    baseline: Result | None = None
    ordinary_day: Result | None = None

    @property
    def trace(self) -> Trace:
        """The first replicate's trace."""
        return self.runs[0].trace

    @property
    def measures(self) -> Measures:
        """The first replicate's measures."""
        return self.runs[0].measures

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many replicates ended in each verdict, the commonest first, ties to the worse."""
        order = list(Verdict)
        counts = Counter(run.judgement.verdict for run in self.runs)
        ranked = sorted(counts, key=lambda v: (-counts[v], -order.index(v)))
        return {verdict: counts[verdict] for verdict in ranked}

    @property
    def judgement(self) -> Judgement:
        """The commonest verdict, with the reason of the first replicate that had it."""
        commonest = next(iter(self.verdicts))
        return next(run.judgement for run in self.runs if run.judgement.verdict is commonest)

    @cached_property
    def effect(self) -> BreakerEffect | None:
        """What the breaker did; None without a baseline to compare with, or without a breaker."""
        return effect_of(self.runs, self.baseline.runs) if self.baseline else None

    @property
    def opened(self) -> bool:
        """True if any breaker opened in any replicate."""
        return any(has_opened(run.trace) for run in self.runs)

    @property
    def passed(self) -> bool:
        """True if every threshold holds."""
        return all(threshold.passed for threshold in self.thresholds)

    @property
    def digest(self) -> str:
        """The traces' digests, one after the other for several replicates."""
        return "-".join(run.trace.digest() for run in self.runs)


def read(
    source: str | Path, *, overlays: Sequence[str | Path] = (), sets: Sequence[str] = ()
) -> Scenario:
    """Read a scenario as its room does, with its thresholds checked as well.

    Raises:
        ScenarioError: with every problem in it, those of its thresholds included.
        MissingExtraError: it names a breaker whose package is not installed.
    """
    try:
        scenario = read_scenario(source, overlays=overlays, sets=sets, check_threshold=refusal_of)
    except ScenarioError as error:
        raise told_of_imports(error, source, overlays) from None
    for *_, call in scenario.guarded_calls:
        if call.breaker is not None and call.breaker.use is not None:
            adapter(call.breaker.use).parameters()
    return scenario


def read_kept(text: str, file: str) -> Scenario:
    """Read a scenario that a saved run, sweep or tune holds, to be shown and not to be run.

    Raises:
        ScenarioError: with every problem in it, under the name `file`.
    """
    return parse_scenario(text, file, replays=False, check_threshold=refusal_of)


def checked_seed(seed: object) -> int:
    """Return a seed as a plain whole number; those of numpy are welcome.

    Raises:
        StudyError: it is no whole number of 0 or more.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or int(seed) < 0:
        raise StudyError(f"seed is {seed!r}", "give a whole number of 0 or more")
    return int(seed)


def _has_others(scenario: Scenario) -> bool:
    """Tell whether a breaker of another package is in it, which may matter even while closed."""
    guards = (call.breaker for *_, call in scenario.guarded_calls)
    return any(each is not None and each.use is not None for each in guards)


def measured(
    scenario: Scenario,
    trace: Trace,
    notes: Sequence[Note] = (),
    limits: LatencyLimits | None = None,
) -> Run:
    """Measure and judge what happened in one run of `scenario`.

    Args:
        scenario: what was run.
        trace: what happened.
        notes: what is worth telling of clients' own code.
        limits: what is in time; by what is usual in this run if None.
    """
    facts = Facts(trace, limits=limits)
    measures, judgement, used = measure(facts), verdict(facts), facts.latency_limits
    return Run(
        scenario, trace.seed, trace.replicate, trace, measures, judgement, used, tuple(notes)
    )


def measured_by(limits: LatencyLimits, run: Run) -> Run:
    """Return a run measured by other limits of what is in time; itself if they are the same."""
    if np.array_equal(limits.seconds, run.limits.seconds):
        return run
    return measured(run.scenario, run.trace, run.notes, limits)


def result_of(runs: Sequence[Run]) -> Result:
    """Put the replicates of one scenario and one seed together; there is at least one."""
    scenario = runs[0].scenario
    summary = summarise([one.measures for one in runs])
    judged = judge(scenario.thresholds, summary)
    return Result(scenario, runs[0].seed, tuple(runs), summary, judged)


def run_once(
    scenario: Scenario,
    seed: int,
    replicate: int,
    progress: Callable[[float], None] | None = None,
    *,
    max_events: int | None = MOST_EVENTS,
    max_rows: int | None = MOST_ROWS,
    clients: Clients | None = None,
) -> Run:
    """Simulate one replicate, of at most so many events and rows, and measure it."""
    from simcb.world import simulate

    notes: list[Note] = []
    trace = simulate(
        scenario,
        seed,
        replicate,
        progress,
        max_events=max_events,
        max_rows=max_rows,
        clients=clients,
        notes=notes,
    )
    return measured(scenario, trace, notes)


def coded(scenario: Scenario, clients: Clients | None) -> Scenario:
    """Return the scenario as it is run with code in the place of some groups' calls.

    Raises:
        StudyError: it has no such client group, or one that calls nobody.
    """
    if not clients:
        return scenario
    for group in clients:
        if group not in scenario.clients:
            known = ", ".join(scenario.clients)
            raise StudyError(f"client group {group!r} is unknown", f"there are: {known}")
        if not scenario.clients[group].calls:
            remedy = "name the services that its code reaches among its `calls`"
            raise StudyError(f"client group {group!r} calls nobody", remedy)
    return scenario.without_policies_of(clients.keys())


def passes_of(scenario: Scenario, options: RunOptions) -> int:
    """Return how often each replicate is run at most: the baseline and the ordinary day count."""
    variants = 1 if options.baseline is None else 2
    return variants * (2 if options.ordinary_day and scenario.faults else 1)


def run(
    scenario: Scenario,
    *,
    seed: int = 0,
    replicates: int = 1,
    baseline: Baseline | None = None,
    ordinary_day: bool = False,
    progress: Callable[[float], None] | None = None,
    allow_large: bool = False,
    max_events: int | None = None,
    clients: Clients | None = None,
) -> Result:
    """Run a scenario and measure it.

    Args:
        scenario: what to simulate.
        seed: random seed.
        replicates: how many runs with other random streams; intervals need at least two.
        baseline: "none" also runs the scenario without any breaker on the same random streams.
        ordinary_day: also runs the scenario without its faults, if it has any.
        progress: called with the share of all work that is done, from 0 to 1.
        allow_large: run even what is estimated to be huge, or turns out to be.
        max_events: events each run may have; if None 200 million, and any number with
            `allow_large`.
        clients: the code that the requests of a client group run in place of its calls: a
            coroutine function of no argument or of the `simcb.client.Request`, a function that
            makes one for each run, or the `module:function` of either, loaded anew for each run.

    Raises:
        StudyError: a parameter makes no sense.
        ClientError: code cannot be loaded, or does what virtual time has no room for.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
        EventBudgetError: a run is not over after `max_events`.
        RowBudgetError: a run is not over after 30 million requests and attempts.
        ThresholdError: a threshold names a metric, phase or service that does not exist.
    """
    options = RunOptions(seed, replicates, baseline, ordinary_day, allow_large, max_events)
    check_ranges(options, "replicates", "max_events")
    seed = checked_seed(seed)
    if baseline not in (None, "none"):
        raise StudyError(f"baseline is {baseline!r}", 'the one there is is "none": no breakers')
    scenario = coded(scenario, clients)
    check_thresholds(scenario.thresholds, scenario)
    passes = passes_of(scenario, options)
    if not allow_large:
        check_size(estimate_size(scenario, runs=passes * replicates))
    rows = None if allow_large else MOST_ROWS
    budget = MOST_EVENTS if max_events is None and not allow_large else max_events
    total = passes * replicates * scenario.duration
    done = 0.0

    def report(now: float) -> None:
        if progress is not None:
            progress((done + now) / total)

    def replicated(variant: Scenario) -> Result:
        nonlocal done
        runs = []
        for replicate in range(replicates):
            one = run_once(
                variant,
                seed,
                replicate,
                report,
                max_events=budget,
                max_rows=rows,
                clients=clients,
            )
            runs.append(one)
            done += scenario.duration
        return result_of(runs)

    result = replicated(scenario)
    if baseline is not None:
        result = replace(result, baseline=replicated(scenario.without_breakers()))
    if ordinary_day and scenario.faults:
        day = replicated(scenario.without_faults())
        if baseline is not None and (day.opened or _has_others(scenario)):
            day = replace(day, baseline=replicated(day.scenario.without_breakers()))
        result = replace(result, ordinary_day=day)
    if progress is not None:
        progress(1.0)
    return result
