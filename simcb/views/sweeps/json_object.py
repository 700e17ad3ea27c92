"""A sweep as one JSON object, for programs.

Keys are sorted and floats are exact, so equal sweeps are equal bytes; how much of the work had
been done before is no part of it.
"""

from __future__ import annotations

import json

from simcb import __version__
from simcb.metrics import Estimate
from simcb.studies.sweep import Objective, Ranked, SweepResult
from simcb.views.formats.json_object import SCHEMA_VERSION, Value, number
from simcb.views.sweeps.answer import SweepAnswer, asked_next, thresholds_of
from simcb.views.sweeps.findings import findings


def as_json(answer: SweepAnswer, indent: int | None = None) -> str:
    """Return the answer as JSON text in ASCII, on one line unless `indent` is given."""
    return json.dumps(
        as_object(answer), sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=True
    )


def as_object(answer: SweepAnswer) -> dict[str, Value]:
    """Return the answer as plain data."""
    result = answer.result
    return {
        "schema_version": SCHEMA_VERSION,
        "simcb": __version__,
        "scenario": result.scenario.name,
        "seed": result.seed,
        "replicates": result.replicates,
        "design": str(result.design),
        "axes": [
            {"path": axis.path, "values": [*axis.values], "policy": policy}
            for axis, policy in zip(result.axes, result.policies, strict=True)
        ],
        "objective": objective_object(result.objective),
        "refined": str(result.border) if result.border else None,
        "complete": result.complete,
        "best": result.best.setting if result.best is not None else None,
        "bests": [
            {"setting": each.setting, "world": _world(result, each.setting)}
            for each in result.bests
        ],
        "no_best": None if result.bests else findings(result)[0],
        "settings": [_setting(answer, each) for each in result.ranking],
        "lost": [
            {
                "setting": each.cell.setting,
                "replicate": each.cell.replicate,
                "reason": each.reason,
            }
            for each in result.lost
        ],
        "repeat": answer.repeat,
    }


def _world(result: SweepResult, setting: int) -> dict[str, Value]:
    """Return what a setting meets: its values by the paths of the axes that are no policy."""
    pairs = zip(result.values_of(setting).items(), result.policies, strict=True)
    return {path: value for (path, value), policy in pairs if not policy}


def _setting(answer: SweepAnswer, each: Ranked) -> dict[str, Value]:
    result = answer.result
    outcome = result.outcome(each.setting)
    return {
        "rank": each.rank,
        "setting": each.setting,
        "values": {**result.values_of(each.setting)},
        "tied": each.tied if each.rank else None,
        "failure": outcome.failure.value if outcome.failure else None,
        "objective": {**estimate_object(each.estimate), "finite": number(each.estimate.finite)},
        "behind": estimate_object(each.behind) if each.behind else None,
        "collapse": estimate_object(outcome.collapse) if outcome.collapse else None,
        "verdicts": {verdict.value: count for verdict, count in outcome.verdicts.items()},
        "metrics": {
            str(column): number(outcome.value(column.metric, column.phase))
            for column in asked_next(result)
        },
        "thresholds": [
            {"text": judged.text, "value": number(judged.value), "passed": judged.passed}
            for judged in thresholds_of(result, each.setting)
        ],
    }


def objective_object(objective: Objective) -> dict[str, Value]:
    """Return what settings are judged by as plain data."""
    return {
        "metric": objective.column.metric,
        "phase": objective.column.phase,
        "of": objective.column.of,
        "unit": objective.unit.value,
        "better": objective.better.value,
    }


def estimate_object(found: Estimate) -> dict[str, Value]:
    """Return a mean and its interval as plain data."""
    return {
        "mean": number(found.mean),
        "low": number(found.low),
        "high": number(found.high),
        "n": found.n,
        "never": found.never,
        "alike": found.alike,
    }
