"""A run's numbers in full: as JSON, as tidy CSV, over time, and event by event."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from simcb.metrics import (
    METRICS,
    BreakerEffect,
    Law,
    Summary,
    ThresholdResult,
    phases,
    series,
    state_intervals,
)
from simcb.scenario.thresholds import Comparison
from simcb.studies import Result
from simcb.trace import STATE_NAMES, Trace
from simcb.views.data import csv_lines, number, plain, tagged_rows
from simcb.views.document import JsonValue, Measure, Row

HEADER = ("variant", "metric", "unit", "phase", "of", "mean", "low", "high", "alike")

SCENARIO, BASELINE, DIFFERENCE = "scenario", "baseline", "difference"
DAY, DAY_BASELINE = "ordinary-day", "ordinary-day-baseline"
"""What the variants are called in files; the difference is scenario − baseline."""

Event = dict[str, str | float | int]

_FAULT_BEGINS, _FAULT_ENDS, _CHANGE, _TRANSITION = range(4)


def run_object(
    result: Result,
    fail_if: Sequence[ThresholdResult],
    difference: Summary | None,
    audits: Sequence[Sequence[Law]],
) -> dict[str, JsonValue]:
    """Return a run as plain data."""
    beside = {name: _result(each) for name, each in variants_of(result)}
    return {
        **beside[SCENARIO],
        "baseline": beside.get(BASELINE),
        "ordinary_day": beside.get(DAY),
        "ordinary_day_baseline": beside.get(DAY_BASELINE),
        "effect": _effect(result.effect),
        "difference": metrics_object(difference) if difference else None,
        "fail_if": [_judged(each, good=each.fails) for each in fail_if],
        "audit": [
            [{"law": law.name, **plain(law, "holds", "detail")} for law in audit]
            for audit in audits
        ],
    }


def run_rows(result: Result, difference: Summary | None) -> Iterator[Row]:
    """Yield a line for each variant, metric, phase and service, below a header."""
    yield HEADER
    summaries = {name: each.summary for name, each in variants_of(result)}
    if difference is not None:
        summaries[DIFFERENCE] = difference
    for variant, summary in summaries.items():
        for item in summary:
            found = item.estimate
            words = (variant, item.name, item.unit.value, item.phase, item.of)
            yield (*words, found.mean, found.low, found.high, found.alike)


def run_measures(result: Result) -> Iterator[Measure]:
    """Yield every number measured, of the scenario and of what was run beside it."""
    for variant, each in variants_of(result):
        yield from measures_of(each.summary, result.scenario.name, variant)


def measures_of(summary: Summary, scenario: str, variant: str) -> Iterator[Measure]:
    """Yield every number of a summary, named by what it is of."""
    for item in summary:
        labels = {"scenario": scenario, "variant": variant, "phase": item.phase, "of": item.of}
        found, about = item.estimate, METRICS[item.name].summary
        yield Measure(
            *(item.name, item.unit.value, about, labels, found.mean, found.low, found.high)
        )


def variants_of(result: Result) -> Iterator[tuple[str, Result]]:
    """Yield a result and what was run beside it, as files call them."""
    yield SCENARIO, result
    if result.baseline is not None:
        yield BASELINE, result.baseline
    if result.ordinary_day is not None:
        yield DAY, result.ordinary_day
        if result.ordinary_day.baseline is not None:
            yield DAY_BASELINE, result.ordinary_day.baseline


def _result(result: Result) -> dict[str, JsonValue]:
    return {
        "scenario": result.scenario.name,
        "seed": result.seed,
        "replicates": len(result.runs),
        "duration": result.scenario.duration,
        "verdict": {
            "verdict": result.judgement.verdict.value,
            "reason": result.judgement.reason,
            "counts": {verdict.value: count for verdict, count in result.verdicts.items()},
        },
        "thresholds": [_judged(each, good=each.passed) for each in result.thresholds],
        "phases": [
            {"name": phase.name, "windows": [[start, end] for start, end in phase.windows]}
            for phase in phases(result.trace)
        ],
        "metrics": metrics_object(result.summary),
        "breakers": _breakers(result.trace),
        "digest": result.digest,
    }


def _judged(each: ThresholdResult, *, good: bool) -> dict[str, JsonValue]:
    judged = plain(each, "text", "metric", "phase", "of", "limit", "value", "passed", "note")
    return judged | {"op": Comparison(each.op).value, "good": good}


def metrics_object(summary: Summary) -> dict[str, JsonValue]:
    """Return every number of a summary as plain data."""
    values: dict[str, list[JsonValue]] = {}
    for item in summary:
        numbers = plain(item.estimate, "mean", "low", "high", "never", "alike")
        values.setdefault(item.name, []).append(plain(item, "phase", "of") | numbers)
    return {
        name: {"unit": METRICS[name].unit.value, "values": found} for name, found in values.items()
    }


def _effect(effect: BreakerEffect | None) -> JsonValue:
    """Return what the breaker did, with the shares of requests answered in time; else null."""
    if effect is None:
        return None
    shares: list[JsonValue] = [
        {
            "phase": each.phase,
            "with": number(each.with_it.mean),
            "without": number(each.without_it.mean),
            "difference": number(each.change.mean),
            **plain(each.change, "low", "high"),
            "told_apart": each.told_apart,
        }
        for each in effect.phases
    ]
    words = plain(effect, "sentence", "what")
    return words | {"effect": effect.effect.value, "phases": shares}


def _breakers(trace: Trace) -> list[JsonValue]:
    """Return each breaker's transitions in the first replicate, and its time in each state."""
    moves: list[list[JsonValue]] = [[] for _ in trace.layout.breakers]
    for at, breaker, before, after in trace.transitions.tolist():
        moves[breaker].append([at, STATE_NAMES[before], STATE_NAMES[after]])
    described: list[JsonValue] = []
    states = state_intervals(trace)
    for info, transitions, intervals in zip(trace.layout.breakers, moves, states, strict=True):
        seconds: dict[str, JsonValue] = {
            state: sum((each.end - each.start for each in intervals if each.state == state), 0.0)
            for state in STATE_NAMES
        }
        described.append({"name": info.name, "transitions": transitions, "seconds": seconds})
    return described


def series_lines(
    traces: Iterable[tuple[str, Trace]], step: float = 1.0, tags: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Yield the lines of `series.csv`: a header, then each variant's replicates in turn.

    An empty cell is a value that does not exist, such as a percentile of no requests.

    Args:
        traces: pairs of a variant's name and a trace; all of the same services.
        step: seconds a line.
        tags: what the user calls it, a column each.
    """
    return csv_lines(tagged_rows(_series_rows(traces, step), tags or {}))


def _series_rows(traces: Iterable[tuple[str, Trace]], step: float) -> Iterator[Row]:
    header = False
    for variant, trace in traces:
        names, columns = zip(*series(trace, step).columns(), strict=True)
        if not header:
            yield ("variant", "replicate", *names)
            header = True
        for values in zip(*(column.tolist() for column in columns), strict=True):
            yield (variant, trace.replicate, *map(float, values))


def events(trace: Trace) -> Iterator[Event]:
    """Yield breakers' transitions, faults' begins and ends, changes and crashes, by time.

    Of one moment faults come first, then changes and crashes, then breakers.

    A fault that has not ended when the run does has no end here, and one that begins after
    it none at all.
    """
    found: list[tuple[float, int, int, Event]] = []
    for place, fault in enumerate(trace.layout.faults):
        words = {"fault": fault.name, "kind": fault.kind, "on": fault.on}
        edges = (
            (_FAULT_BEGINS, fault.start, "fault_begins"),
            (_FAULT_ENDS, fault.end, "fault_ends"),
        )
        for rank, at, event in edges:
            if at <= trace.duration:
                found.append((at, rank, place, {"at": at, "event": event, **words}))
    for place, made in enumerate(trace.layout.changes):
        told: Event = {"at": made.at, "event": "change", "change": made.name}
        found.append((made.at, _CHANGE, place, told))
    for index, service in enumerate(trace.layout.services):
        for place, fallen in enumerate(trace.layout.crashes_of(index)):
            told = {
                "at": fallen.at,
                "event": "crash",
                "service": service.name,
                "replica": fallen.replica,
                "until": fallen.until,
                "by": "liveness" if fallen.by_check else "load",
            }
            found.append((fallen.at, _CHANGE, place, told))
    for place, (at, breaker, before, after) in enumerate(trace.transitions.tolist()):
        change = {
            "breaker": trace.layout.breakers[breaker].name,
            "before": STATE_NAMES[before],
            "after": STATE_NAMES[after],
        }
        found.append((at, _TRANSITION, place, {"at": at, "event": "transition", **change}))
    found.sort(key=lambda each: each[:3])
    for *_, described in found:
        yield described


def event_lines(traces: Iterable[tuple[str, Trace]]) -> Iterator[str]:
    """Yield each event as a line of JSON, with the variant and replicate it belongs to."""
    for variant, trace in traces:
        for event in events(trace):
            row = {**event, "variant": variant, "replicate": trace.replicate}
            yield json.dumps(row, sort_keys=True, allow_nan=False) + "\n"
