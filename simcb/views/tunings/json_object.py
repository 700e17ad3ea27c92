"""A tune as one JSON object, for programs.

Keys are sorted and floats are exact, so equal tunes are equal bytes; how much of the work had
been done before is no part of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from simcb import __version__
from simcb.metrics import Estimate
from simcb.studies.tune import Contender, InStorm, Reach, Trial
from simcb.views.formats.json_object import SCHEMA_VERSION, Value, number
from simcb.views.sweeps.json_object import estimate_object, objective_object
from simcb.views.tunings.answer import TuneAnswer


def as_json(answer: TuneAnswer, indent: int | None = None) -> str:
    """Return the answer as JSON text in ASCII, on one line unless `indent` is given."""
    return json.dumps(
        as_object(answer), sort_keys=True, indent=indent, allow_nan=False, ensure_ascii=True
    )


def as_object(answer: TuneAnswer) -> dict[str, Value]:
    """Return the answer as plain data."""
    result = answer.result
    check = result.check
    return {
        "schema_version": SCHEMA_VERSION,
        "simcb": __version__,
        "scenarios": [storm.name for storm in result.storms],
        "seed": result.seed,
        "replicates": result.replicates,
        "batch": result.batch,
        "tolerance": result.tolerance,
        "space": [axis.path for axis in result.axes],
        "aims": [objective_object(aim) for aim in result.aims],
        "limits": [limit.text for limit in result.storms[0].limits],
        "complete": result.complete,
        "best": {**result.best},
        "feasible": result.feasible,
        "winner": result.winner,
        "front": [*result.front],
        "searched": result.searched,
        "trials": [_trial(trial) for trial in result.trials],
        "reach": [_reach(reach) for reach in result.reach],
        "importance": {
            axis.path: number(share)
            for axis, share in zip(result.axes, result.importance, strict=True)
        },
        "check": None
        if check is None
        else {
            "seed": check.seed,
            "replicates": check.replicates,
            "contenders": [_contender(answer, each) for each in check.contenders],
        },
        "filled": [
            {
                "scenario": result.storms[each.storm].name,
                "aim": str(result.aims[each.aim]),
                "never": each.never,
                "undefined": each.undefined,
                "runs": each.runs,
            }
            for each in result.filled
        ],
        "lost": [
            {
                "setting": each.cell.setting,
                "scenario": result.storms[each.cell.scenario].name,
                "replicate": each.cell.replicate,
                "reason": each.reason,
            }
            for each in result.lost
        ],
        "repeat": answer.repeat,
    }


def _trial(trial: Trial) -> dict[str, Value]:
    return {
        "number": trial.number,
        "values": [*trial.setting.values],
        "replicates": trial.replicates,
        "worst_regret": [number(each) for each in trial.worst],
        "violation": trial.violation,
        "refused": trial.refused or None,
    }


def _reach(reach: Reach) -> dict[str, Value]:
    return {
        "path": reach.axis.path,
        "best": reach.value,
        "low": reach.low,
        "high": reach.high,
        "lowest": reach.lowest,
        "highest": reach.highest,
        "beyond": reach.beyond,
        "at_stake": number(reach.at_stake),
        "stakes": [number(each) for each in reach.stakes],
        "steps": [
            {
                "value": step.value,
                "excess": _estimates(step.excess),
                "replicates": step.replicates,
                "as_good": step.as_good,
                "not_worse": step.not_worse,
                "feasible": step.feasible,
            }
            for step in reach.steps
        ],
    }


def _contender(answer: TuneAnswer, contender: Contender) -> dict[str, Value]:
    storms = zip(answer.result.storms, contender.storms, strict=True)
    return {
        "name": contender.name or "best",
        "differs": contender.differs or None,
        "feasible": contender.feasible,
        "worst_regret": _estimates(contender.worst),
        "behind": None if contender.behind is None else _estimates(contender.behind),
        "scenarios": {storm.name: _in_storm(found) for storm, found in storms},
    }


def _in_storm(found: InStorm) -> dict[str, Value]:
    return {
        "aims": _estimates(found.aims),
        "regret": _estimates(found.regret),
        "behind": None if found.behind is None else _estimates(found.behind),
        "verdicts": {verdict.value: count for verdict, count in found.verdicts.items()},
        "thresholds": [
            {"text": judged.text, "value": number(judged.value), "passed": judged.passed}
            for judged in (*found.thresholds, *found.limits)
        ],
    }


def _estimates(found: Iterable[Estimate]) -> list[Value]:
    return [estimate_object(each) for each in found]
