"""What a league leaves in its directory, and back as a league: numbers and openings, no requests.

Its runs are many, so only what its page needs is kept of each: its numbers, its verdict, and a
trace with the breakers' transitions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from simcb.adapters import adapter, names
from simcb.metrics import METRICS, Judgement, Measure, Measures, Verdict, entities_of
from simcb.metrics.health import LatencyLimits
from simcb.metrics.phase import phase_names
from simcb.plain_files import read_plain
from simcb.scenario.refusal import shown
from simcb.studies import StudyError, read_kept, result_of
from simcb.studies.comparison import Comparison, comparison_of
from simcb.studies.league import SHIPPED, Contender, League
from simcb.studies.run import Run
from simcb.studies.variants import Variant
from simcb.trace import Trace, TraceFileError
from simcb.views.data import plain
from simcb.views.files import write_text
from simcb.views.league import Answer, league_document
from simcb.views.study_files import write_document

LEAGUE = "league.json"
MOST = 2**30
"""Bytes of what is kept of all runs, and more than any league has."""

_REMEDY = "name what `simcb league --out DIR` wrote, or run it again"


def write_league(answer: Answer, directory: str | Path) -> Path:
    """Write a league into a new or empty directory, and return it.

    `summary.json`, `league.png`, and for `open_league` `league.json` with the numbers of every run
    and a trace of the transitions of each.

    Raises:
        OutputError: the directory cannot be made or written, or is not empty.
    """
    league = answer.league

    def write(folder: Path) -> None:
        for place, comparison in enumerate(league.comparisons):
            for variant, result in enumerate(comparison.results):
                for run in result.runs:
                    run.trace.save(folder / _file(place, variant, run.replicate))
        text = json.dumps(_told(league), allow_nan=False)
        write_text(folder / LEAGUE, [text, "\n"])

    return write_document(league_document(answer), directory, write)


def open_league(directory: str | Path) -> League:
    """Read what a league wrote.

    Raises:
        StudyError: it is damaged.
        TraceFileError: a trace of it is.
        ScenarioError: a trace's scenario has words this version does not know.
    """
    path = Path(directory)
    try:
        said = json.loads(read_plain(path / LEAGUE, MOST))
        comparisons = tuple(
            _comparison(path, place, each) for place, each in enumerate(said["scenarios"])
        )
        variants = range(len(comparisons[0].variants))
        contenders = tuple(_contender(each, variants) for each in said["contenders"])
        first = said["scenarios"]
        return League(
            comparisons,
            contenders,
            tuple(str(each) for each in said["missing"]),
            tuple(int(each["threshold"]) for each in first),
            tuple(float(each["timeout"]) for each in first),
        )
    except TraceFileError:
        raise
    except (OSError, LookupError, TypeError, ValueError, RecursionError):
        raise StudyError(f"{shown(str(path / LEAGUE))} is missing or damaged", _REMEDY) from None


def _file(scenario: int, variant: int, replicate: int) -> str:
    """Return the name of a trace, which nobody's words choose."""
    return f"trace-{scenario}-{variant}-{replicate}.npz"


def _told(league: League) -> dict[str, Any]:
    pairs = zip(league.comparisons, league.threshold, league.timeout, strict=True)
    return {
        "scenarios": [
            {
                "threshold": threshold,
                "timeout": timeout,
                "variants": [
                    {
                        **plain(variant, "name", "differs"),
                        "runs": [_run(each) for each in result.runs],
                    }
                    for variant, result in zip(comparison.variants, comparison.results, strict=True)
                ],
            }
            for comparison, threshold, timeout in pairs
        ],
        "contenders": [plain(each, "name", "alike", "usual") for each in league.contenders],
        "missing": [*league.missing],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "replicate": run.replicate,
        "verdict": run.judgement.verdict.value,
        "reason": run.judgement.reason,
        "digest": run.trace.digest(),
        "in_time": {
            each: [_said(seconds) for seconds in getattr(run.limits, each).tolist()]
            for each in _LIMITS
        },
        "phases": [*run.measures.phases],
        "numbers": [[each.name, each.phase, each.of, _said(each.value)] for each in run.measures],
    }


def _comparison(path: Path, place: int, said: dict[str, Any]) -> Comparison:
    variants, results = [], []
    for number, told in enumerate(said["variants"]):
        runs = tuple(_runs(path, place, number, told["runs"]))
        variants.append(Variant(str(told["name"]), runs[0].scenario, str(told["differs"])))
        results.append(result_of(runs))
    return comparison_of(variants, results)


def _runs(path: Path, place: int, number: int, told: list[dict[str, Any]]) -> Iterator[Run]:
    for each in told:
        file = path / _file(place, number, int(each["replicate"]))
        trace = Trace.load(file, str(each["digest"]))
        scenario = read_kept(trace.scenario, f"{file}, its scenario")
        items = tuple(
            Measure(name, METRICS[name].unit, str(phase), str(of), _value(value))
            for name, phase, of, value in each["numbers"]
        )
        phases = tuple(str(name) for name in each["phases"])
        measures = Measures(items, phases, entities_of(scenario), phase_names(scenario))
        judgement = Judgement(Verdict(each["verdict"]), str(each["reason"]))
        seconds, overdue = (
            np.array([_value(one) for one in each["in_time"][name]], np.float64) for name in _LIMITS
        )
        limits = LatencyLimits(seconds, overdue)
        yield Run(scenario, trace.seed, trace.replicate, trace, measures, judgement, limits)


_LIMITS = ("seconds", "overdue")


def _said(value: float | None) -> object:
    return "never" if value == math.inf else value


def _value(said: object) -> float | None:
    if said is None:
        return None
    return math.inf if said == "never" else float(said)  # type: ignore[arg-type]


def _contender(said: dict[str, Any], variants: range) -> Contender:
    name, alike, usual = str(said["name"]), said["alike"], int(said["usual"])
    places = (usual,) if alike is None else (int(alike), usual)
    if any(place not in variants for place in places):
        raise ValueError(places)
    known = adapter(name) if name in names() and name != SHIPPED else None
    return Contender(name, known, None if alike is None else int(alike), usual)
