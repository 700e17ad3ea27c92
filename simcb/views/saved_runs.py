"""A saved run, or a saved comparison, back as a result.

A trace holds all that happened, so every number is measured again. A summary is read only for
what no trace knows: the digests of the traces, conditions, names, and the command.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from simcb.metrics import ThresholdError
from simcb.plain_files import read_plain
from simcb.scenario import Scenario, list_shipped
from simcb.scenario.refusal import quoted, shown
from simcb.studies import Result, StudyError, measured, read_kept, result_of
from simcb.studies.comparison import comparison_of
from simcb.studies.conditions import conditions_on
from simcb.studies.sweep import is_sweep
from simcb.studies.tags import checked_tags
from simcb.studies.tune import is_tune
from simcb.studies.variants import Variant, check_variants
from simcb.trace import Trace, TraceFileError
from simcb.views.compare import Answer as Compared
from simcb.views.compare import answer_of as compared_again
from simcb.views.files import SCENARIO, SUMMARY, TRACE
from simcb.views.league_files import LEAGUE
from simcb.views.run import Answer, answer_of, conditions_of
from simcb.views.run_data import BASELINE, DAY, DAY_BASELINE
from simcb.views.run_data import SCENARIO as SCENARIO_RUN
from simcb.views.study_files import VARIANT, stem_of

_DAMAGED = "it is damaged; without it, the traces alone can be read"

MOST_SUMMARY = 2**30
"""Bytes of a summary, and more than any has."""


def open_run(source: str | Path) -> Result:
    """Read what a run wrote: a directory with all replicates and the baseline, or one trace.

    Raises:
        TraceFileError: there is nothing of the kind, or it is damaged.
        ScenarioError: a trace's scenario has words this version does not know.
    """
    path = Path(source)
    if not path.exists():
        raise TraceFileError(str(path), "there is no such file or directory")
    if not path.is_dir():
        return _result([path], [None])
    variants = (SCENARIO_RUN, BASELINE, DAY, DAY_BASELINE)
    found = {each: _numbered(path, stem_of(each)) for each in variants}
    count = len(found[SCENARIO_RUN])
    if not count:
        why = f"there is no {TRACE}.npz in it; name a directory that `simcb run --out` wrote"
        raise TraceFileError(str(path), why)
    for name, traces in found.items():
        if traces and len(traces) != count:
            why = f"it has {count} traces and {len(traces)} of the {name}"
            raise TraceFileError(str(path), why)
    held = {each: traces for each, traces in found.items() if traces}
    digests = _digests(path, held)
    results = {each: _result(traces, digests[each]) for each, traces in held.items()}
    day = results.get(DAY)
    if day is not None:
        day = replace(day, baseline=results.get(DAY_BASELINE))
    return replace(results[SCENARIO_RUN], baseline=results.get(BASELINE), ordinary_day=day)


def open_answer(source: str | Path) -> Answer:
    """Read what a run wrote, judged again as it was, with the command that repeats it.

    Raises:
        TraceFileError: there is nothing of the kind, or it is damaged.
        ThresholdError: a condition is about what does not exist.
    """
    result, path = open_run(source), Path(source)
    said = _said(path / SUMMARY)
    try:
        texts = [str(each["text"]) for each in said.get("fail_if", ())]
        tags = checked_tags(said.get("tags"))
    except (TypeError, ValueError, KeyError, StudyError):
        raise TraceFileError(str(path / SUMMARY), _DAMAGED) from None
    return answer_of(
        result,
        conditions_of(texts, result.scenario),
        laws=bool(said.get("audit")),
        repeat=repeat_of(path),
        source=shlex.quote(str(path / SCENARIO)) if path.is_dir() else "",
        tags=tags,
    )


class Kind(StrEnum):
    """What a directory holds."""

    RUN = "run"
    COMPARISON = "comparison"
    SWEEP = "sweep"
    TUNE = "tune"
    LEAGUE = "league"


def kind_of(source: str | Path) -> Kind:
    """Return what study has left a directory, or a trace.

    Raises:
        StoreError: it has a manifest that is damaged.
    """
    if is_sweep(source):
        return Kind.TUNE if is_tune(source) else Kind.SWEEP
    path = Path(source)
    if (path / f"{VARIANT}1").is_dir():
        return Kind.COMPARISON
    return Kind.LEAGUE if (path / LEAGUE).exists() else Kind.RUN


def open_comparison(source: str | Path) -> Compared:
    """Read what a comparison wrote, its conditions held again, with the command that repeats it.

    Raises:
        StudyError: its summary is damaged, or is not that of these variants.
        TraceFileError: a variant's run is damaged.
        ScenarioError: a trace's scenario has words this version does not know.
    """
    path = Path(source)
    file = path / SUMMARY
    told, texts = _told(file)
    here = [each for each in path.iterdir() if each.name.startswith(VARIANT)]
    places = [path / f"{VARIANT}{number}" for number in range(1, len(told) + 1)]
    if {*here} != {*places}:
        what = f"{shown(str(file))} tells of {len(told)} variants, and {len(here)} are here"
        raise StudyError(what, _REMEDY)
    results, variants = [], []
    for (name, differs, saved, digest), place in zip(told, places, strict=True):
        result = open_run(place)
        if result.digest != digest:
            raise StudyError(f"{shown(str(place))} is not the run that was compared", _REMEDY)
        results.append(result)
        variants.append(Variant(name, result.scenario, differs, result if saved else None))
    try:
        check_variants(variants)
        conditions = conditions_on(texts, variants)
    except (StudyError, ThresholdError) as error:
        raise StudyError(f"{shown(str(file))} is damaged ({error})", _REMEDY) from None
    return compared_again(comparison_of(variants, results), conditions, repeat_of(path))


_REMEDY = f"compare the runs beside it, such as {VARIANT}1, again"


def _told(file: Path) -> tuple[list[tuple[str, str, bool, str]], list[str]]:
    """Return a comparison's name, difference, whether saved and digest by variant; conditions."""
    try:
        said = _said(file)
        variants = [
            (
                *(_text(each["name"]), _text(each["differs"] or "")),
                *(bool(each["saved"]), _text(each["digest"])),
            )
            for each in said["variants"]
        ]
        texts = dict.fromkeys(_text(each["text"]) for each in said["fail_if"])
    except (TypeError, KeyError, TraceFileError):
        raise StudyError(f"{shown(str(file))} is missing or damaged", _REMEDY) from None
    return variants, list(texts)


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found


def repeat_of(folder: str | Path) -> str:
    """Return the command that a study's summary says gives the same again, or ""."""
    found = _said(Path(folder) / SUMMARY).get("repeat")
    return found if isinstance(found, str) else ""


def _said(file: Path) -> dict[str, Any]:
    """Return what is in a summary; nothing if there is none."""
    try:
        said = json.loads(read_plain(file, MOST_SUMMARY))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise TraceFileError(str(file), str(error.strerror or error)) from None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise TraceFileError(str(file), _DAMAGED)
    return said


def kept_runs(sources: Sequence[str]) -> dict[str, Result]:
    """Return the saved runs among what is to be compared.

    Raises:
        StudyError: a directory holds a sweep, a tune or a comparison.
        TraceFileError: a directory holds no run, or it is damaged.
    """
    kept = {}
    for source in dict.fromkeys(sources):
        path = Path(source)
        if source in list_shipped() or not (path.is_dir() or path.suffix == ".npz"):
            continue
        kind = kind_of(source)
        if kind is not Kind.RUN:
            remedy = "name a directory that `simcb run --out DIR` wrote"
            if kind is Kind.COMPARISON:
                remedy = f"name runs in it, such as {source.rstrip('/')}/{VARIANT}1"
            raise StudyError(f"{quoted(source)} holds a {kind}, not a run", remedy)
        found = open_run(source)
        kept[source] = replace(found, baseline=None, ordinary_day=None)
    return kept


def _numbered(folder: Path, stem: str) -> list[Path]:
    """Return the stem's trace files in the order of their replicates."""
    single = folder / f"{stem}.npz"
    if single.is_file():
        return [single]
    pattern = re.compile(rf"{stem}-(\d+)\.npz", re.ASCII)
    found = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def _digests(
    folder: Path, held: Mapping[str, Sequence[Path]]
) -> Mapping[str, Sequence[str | None]]:
    """Return what a run's summary says each variant's traces are identified by.

    Traces that lie there without a summary are taken as they are.
    """
    file = folder / SUMMARY
    if not file.exists():
        return {name: [None] * len(traces) for name, traces in held.items()}
    found: dict[str, list[str]] = {}
    try:
        said = json.loads(read_plain(file, MOST_SUMMARY))
        for name in (SCENARIO_RUN, BASELINE, DAY, DAY_BASELINE):
            part = said if name == SCENARIO_RUN else said.get(name.replace("-", "_"))
            if part is not None:
                found[name] = part["digest"].split("-")
    except OSError as error:
        raise TraceFileError(str(file), str(error.strerror or error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TraceFileError(
            str(file), "it is damaged, so the traces beside it cannot be held against it"
        ) from None
    told, here = (sum(map(len, each.values())) for each in (found, held))
    if {name: len(each) for name, each in found.items()} != {n: len(t) for n, t in held.items()}:
        raise TraceFileError(str(file), f"it tells of {told} traces, and {here} are here")
    return found


def _result(paths: Sequence[Path], digests: Sequence[str | None]) -> Result:
    traces = [Trace.load(path, digest) for path, digest in zip(paths, digests, strict=True)]
    first = traces[0]
    for trace, path in zip(traces, paths, strict=True):
        if (trace.scenario, trace.seed) != (first.scenario, first.seed):
            why = f"it is from another run than {paths[0].name}"
            raise TraceFileError(str(path), why)
    scenario = read_kept(first.scenario, f"{paths[0]}, its scenario")
    for trace, path in zip(traces, paths, strict=True):
        if not _is_of(trace, scenario):
            raise TraceFileError(str(path), "it is no run of the scenario that it holds")
    return result_of([measured(scenario, trace) for trace in traces])


def _is_of(trace: Trace, scenario: Scenario) -> bool:
    """Tell whether a trace has the names and the length that a scenario's runs have."""
    layout = trace.layout
    calls = {(name, called) for name, each in scenario.clients.items() for called in each.calls}
    calls |= {(name, called) for name, each in scenario.services.items() for called in each.calls}
    return (
        trace.duration == scenario.duration
        and {*layout.groups} == {*scenario.clients}
        and {(each.name, each.replicas, each.workers) for each in layout.services}
        == {(name, *_most(scenario, name)) for name in scenario.services}
        and {(each.caller, each.label or each.service) for each in layout.calls} == calls
    )


def _most(scenario: Scenario, service: str) -> tuple[int, int]:
    """Return the most replicas and workers that a service has in a run."""
    every = [stage.services[service] for _, stage in scenario.stages]
    return max(each.most_replicas for each in every), max(each.workers for each in every)
