"""A result's files, written beside their place and put there in one step.

Whoever looks at the directory sees all of an old run, nothing, or all of the new one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.arrivals import Replay
from simcb.scenario.part import Named
from simcb.studies import Result
from simcb.trace import Trace
from simcb.views.answer import Answer
from simcb.views.files.events import event_lines
from simcb.views.files.outputs import (
    BASELINE_TRACE,
    EVENTS,
    SCENARIO,
    SERIES,
    SUMMARY,
    TIMELINE,
    TRACE,
    OutputError,
    check_directory,
    recorded_arrivals,
)
from simcb.views.files.series_table import series_lines
from simcb.views.formats.json_object import as_json
from simcb.views.formats.tidy import BASELINE as BASELINE_VARIANT
from simcb.views.formats.tidy import SCENARIO as SCENARIO_VARIANT


def write_run(answer: Answer, directory: str | Path, *, force: bool = False) -> Path:
    """Write everything about a result into `directory`, and return it.

    `summary.json` (what `--format json` prints), `scenario.yaml` (the effective scenario),
    `arrivals-N.csv` for each group that replays recorded arrivals,
    `series.csv`, `events.jsonl`, `timeline.png`, and `trace.npz`, or `trace-0.npz` … for
    several replicates; a baseline's traces are `baseline-trace….npz`.

    Args:
        answer: the result, and the command that repeats it.
        directory: where; its parents are made.
        force: replace the files of an earlier run.

    Raises:
        OutputError: the directory cannot be made or written, or holds something else.
    """
    place = check_directory(directory, force=force)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            _write_files(answer, made)
            _open_up(made)
            _put(made, place)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        remedy = "make room, or name another directory"
        raise OutputError(str(directory), f"cannot be written ({reason})", remedy) from None
    return place


def _write_files(answer: Answer, folder: Path) -> None:
    # The plots are the only thing here that needs matplotlib, which is slow to load.
    from simcb.views import plots

    result = answer.result
    _write_text(folder / SUMMARY, [as_json(answer, indent=2), "\n"])
    _write_scenario(result.scenario, folder)
    _write_text(folder / SERIES, series_lines(_traces(result)))
    lines = (line for variant, trace in _traces(result) for line in event_lines(trace, variant))
    _write_text(folder / EVENTS, lines)
    _save_traces(result, folder, TRACE)
    if result.baseline is not None:
        _save_traces(result.baseline, folder, BASELINE_TRACE)
    plots.save(plots.timeline(result), folder / TIMELINE)


def _write_scenario(scenario: Scenario, folder: Path) -> None:
    """Write the effective scenario, and beside it what its replayed groups replay.

    Recorded arrivals get a name of ours: none from a scenario's file chooses a path.
    """
    clients = dict(scenario.clients)
    for number, (name, group) in enumerate(sorted(clients.items())):
        if isinstance(group.arrivals, Replay):
            file = recorded_arrivals(number)
            _write_text(folder / file, [group.arrivals.to_csv()])
            renamed = group.arrivals.model_copy(update={"file": file})
            clients[name] = group.model_copy(update={"arrivals": renamed})
    effective = scenario.model_copy(update={"clients": Named(clients)})
    _write_text(folder / SCENARIO, [effective.to_yaml()])


def _traces(result: Result) -> Iterator[tuple[str, Trace]]:
    for variant, each in ((SCENARIO_VARIANT, result), (BASELINE_VARIANT, result.baseline)):
        if each is not None:
            yield from ((variant, run.trace) for run in each.runs)


def _save_traces(result: Result, folder: Path, stem: str) -> None:
    if len(result.runs) == 1:
        result.trace.save(folder / f"{stem}.npz")
        return
    for run in result.runs:
        run.trace.save(folder / f"{stem}-{run.replicate}.npz")


def _write_text(path: Path, pieces: Iterator[str] | list[str]) -> None:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)


def _put(made: Path, place: Path) -> None:
    """Put a finished directory in its place; if that fails, what was there stays."""
    if not place.exists():
        os.rename(made, place)
        return
    old = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.old."))
    os.rename(place, old / "run")
    try:
        os.rename(made, place)
    except BaseException:
        os.rename(old / "run", place)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """Give a finished directory and its files the permissions that new ones usually have."""
    mask = _umask()
    for path in folder.iterdir():
        path.chmod(0o666 & ~mask)
    folder.chmod(0o777 & ~mask)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
