"""A saved run back as a result, measured again from its traces.

A trace holds all that happened, so nothing but the traces is read: a summary written by an
older version cannot contradict what this one measures.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from simcb.scenario import parse_scenario
from simcb.studies import Result, measured, result_of
from simcb.trace import Trace, TraceFileError
from simcb.views.files.outputs import BASELINE_TRACE, TRACE


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
        return _result([path])
    traces = _numbered(path, TRACE)
    if not traces:
        why = f"there is no {TRACE}.npz in it; name a directory that `simcb run --out` wrote"
        raise TraceFileError(str(path), why)
    result = _result(traces)
    baselines = _numbered(path, BASELINE_TRACE)
    if not baselines:
        return result
    if len(baselines) != len(traces):
        why = f"it has {len(traces)} traces and {len(baselines)} of the baseline"
        raise TraceFileError(str(path), why)
    return replace(result, baseline=_result(baselines))


def _numbered(folder: Path, stem: str) -> list[Path]:
    """Return the stem's trace files in the order of their replicates."""
    single = folder / f"{stem}.npz"
    if single.is_file():
        return [single]
    pattern = re.compile(rf"{stem}-(\d+)\.npz", re.ASCII)
    found = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def _result(paths: list[Path]) -> Result:
    traces = [Trace.load(path) for path in paths]
    first = traces[0]
    for trace, path in zip(traces, paths, strict=True):
        if (trace.scenario, trace.seed) != (first.scenario, first.seed):
            why = f"it is from another run than {paths[0].name}"
            raise TraceFileError(str(path), why)
    scenario = parse_scenario(first.scenario, f"{paths[0]}, its scenario", replays=False)
    return result_of([measured(scenario, trace) for trace in traces])
