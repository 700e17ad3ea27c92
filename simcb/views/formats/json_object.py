"""An answer as one JSON object, for programs.

Keys are sorted and floats are written so that they read back to the same bits, so equal
results are equal bytes. What is undefined is null, a time that never came is "never"; there
is no NaN and no Infinity.
"""

from __future__ import annotations

import json
import math

from simcb import __version__
from simcb.metrics import METRICS, BreakerEffect, Summary, ThresholdResult, phases, state_intervals
from simcb.scenario.thresholds import Comparison
from simcb.studies import Result
from simcb.trace import STATE_NAMES, Trace
from simcb.views.answer import Answer

SCHEMA_VERSION = 1

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]
"""What JSON can say."""


def as_json(answer: Answer, indent: int | None = None) -> str:
    """Return the answer as JSON text in ASCII, on one line unless `indent` is given."""
    return json.dumps(
        as_object(answer), sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=True
    )


def as_object(answer: Answer) -> dict[str, Value]:
    """Return the answer as the plain data that `as_json` writes."""
    baseline = answer.result.baseline
    return {
        "schema_version": SCHEMA_VERSION,
        "simcb": __version__,
        **_result(answer.result),
        "baseline": _result(baseline) if baseline is not None else None,
        "effect": _effect(answer.result.effect),
        "difference": _metrics(answer.difference) if answer.difference else None,
        "fail_if": [_judged(each, good=each.fails) for each in answer.fail_if],
        "passed": answer.good,
        "repeat": answer.repeat,
        "audit": [
            [{"law": law.name, "holds": law.holds, "detail": law.detail} for law in audit]
            for audit in answer.audits
        ],
    }


def number(value: float | None) -> float | str | None:
    """Return a measured value as JSON has it: null if undefined, "never" if it never came.

    Of a difference, "-never" is a time that came only because of the breaker.
    """
    if value is None:
        return None
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return float(value)


def _result(result: Result) -> dict[str, Value]:
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
        "metrics": _metrics(result.summary),
        "breakers": _breakers(result.trace),
        "digest": result.digest,
    }


def _judged(each: ThresholdResult, *, good: bool) -> dict[str, Value]:
    return {
        "text": each.text,
        "metric": each.metric,
        "phase": each.phase,
        "of": each.of,
        "op": Comparison(each.op).value,
        "limit": number(each.limit),
        "value": number(each.value),
        "passed": each.passed,
        "good": good,
        "note": each.note,
    }


def _metrics(summary: Summary) -> dict[str, Value]:
    values: dict[str, list[Value]] = {}
    for item in summary:
        found = item.estimate
        values.setdefault(item.name, []).append(
            {
                "phase": item.phase,
                "of": item.of,
                "mean": number(found.mean),
                "low": number(found.low),
                "high": number(found.high),
                "never": found.never,
                "alike": found.alike,
            }
        )
    return {
        name: {"unit": METRICS[name].unit.value, "values": found} for name, found in values.items()
    }


def _effect(effect: BreakerEffect | None) -> Value:
    """Return what the breaker did, with the shares of requests answered in time; else null."""
    if effect is None:
        return None
    return {
        "effect": effect.effect.value,
        "sentence": effect.sentence,
        "what": effect.what,
        "phases": [
            {
                "phase": each.phase,
                "with": number(each.with_it.mean),
                "without": number(each.without_it.mean),
                "difference": number(each.change.mean),
                "low": number(each.change.low),
                "high": number(each.change.high),
                "told_apart": each.told_apart,
            }
            for each in effect.phases
        ],
    }


def _breakers(trace: Trace) -> list[Value]:
    """Return each breaker's transitions in the first replicate, and its time in each state."""
    moves: list[list[Value]] = [[] for _ in trace.layout.breakers]
    for row in trace.transitions.tolist():
        at, breaker, before, after = row
        moves[breaker].append([at, STATE_NAMES[before], STATE_NAMES[after]])
    described: list[Value] = []
    states = state_intervals(trace)
    for info, transitions, intervals in zip(trace.layout.breakers, moves, states, strict=True):
        seconds = dict.fromkeys(STATE_NAMES, 0.0)
        for interval in intervals:
            seconds[interval.state] += interval.end - interval.start
        described.append(
            {"name": info.name, "transitions": transitions, "seconds": {**seconds}},
        )
    return described
