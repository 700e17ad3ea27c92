"""A saved run back as a result, measured again from its traces.

A trace holds all that happened, so every number comes from the traces: a summary written by an
older version cannot contradict what this one measures. All that is read of it is by what digest
the run knew its traces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simcb.plain_files import read_plain
from simcb.scenario import Scenario
from simcb.studies import Result, measured, result_of
from simcb.studies.reading import read_kept
from simcb.trace import Trace, TraceFileError
from simcb.views.files.outputs import BASELINE_TRACE, SUMMARY, TRACE

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
    traces = _numbered(path, TRACE)
    if not traces:
        why = f"there is no {TRACE}.npz in it; name a directory that `simcb run --out` wrote"
        raise TraceFileError(str(path), why)
    baselines = _numbered(path, BASELINE_TRACE)
    if baselines and len(baselines) != len(traces):
        why = f"it has {len(traces)} traces and {len(baselines)} of the baseline"
        raise TraceFileError(str(path), why)
    digests = _digests(path, len(traces), len(baselines))
    result = _result(traces, digests[: len(traces)])
    if not baselines:
        return result
    return replace(result, baseline=_result(baselines, digests[len(traces) :]))


def _numbered(folder: Path, stem: str) -> list[Path]:
    """Return the stem's trace files in the order of their replicates."""
    single = folder / f"{stem}.npz"
    if single.is_file():
        return [single]
    pattern = re.compile(rf"{stem}-(\d+)\.npz", re.ASCII)
    found = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def _digests(folder: Path, traces: int, baselines: int) -> Sequence[str | None]:
    """Return what a run's summary says its traces are identified by, the baseline's last.

    Traces that lie there without a summary are taken as they are.
    """
    file = folder / SUMMARY
    if not file.exists():
        return [None] * (traces + baselines)
    try:
        said = json.loads(read_plain(file, MOST_SUMMARY))
        digests: list[str] = said["digest"].split("-")
        if said["baseline"] is not None:
            digests += said["baseline"]["digest"].split("-")
    except OSError as error:
        raise TraceFileError(str(file), str(error.strerror or error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise TraceFileError(
            str(file), "it is damaged, so the traces beside it cannot be held against it"
        ) from None
    if len(digests) != traces + baselines:
        what = f"it tells of {len(digests)} traces, and {traces + baselines} are here"
        raise TraceFileError(str(file), what)
    return digests


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
    calls = {(name, service) for name, each in scenario.clients.items() for service in each.calls}
    calls |= {(name, service) for name, each in scenario.services.items() for service in each.calls}
    return (
        trace.duration == scenario.duration
        and {*layout.groups} == {*scenario.clients}
        and {(each.name, each.replicas, each.workers) for each in layout.services}
        == {(name, each.replicas, each.workers) for name, each in scenario.services.items()}
        and {(each.caller, each.service) for each in layout.calls} == calls
    )
