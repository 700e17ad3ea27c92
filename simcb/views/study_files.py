"""What a study leaves in its directory; and a saved run back as a result.

A run's directory is put in its place in one step: it holds all of an old run, nothing,
or all of the new one. A trace holds all that happened, so every number of a saved run is
measured again; all that is read of its summary is by what digest the run knew its traces.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from simcb.plain_files import read_plain
from simcb.scenario import Scenario, list_shipped
from simcb.scenario.arrivals import Replay
from simcb.scenario.fields import Named
from simcb.scenario.refusal import quoted
from simcb.studies import Result, StudyError, measured, read_kept, result_of
from simcb.studies.evaluation.manifest import StoreError
from simcb.studies.sweep import is_sweep
from simcb.studies.tune import is_tune
from simcb.trace import Trace, TraceFileError
from simcb.views.compare import Answer as Compared
from simcb.views.compare import compare_document
from simcb.views.data import as_json
from simcb.views.document import Document
from simcb.views.files import (
    SCENARIO,
    SUMMARY,
    TRACE,
    OutputError,
    check_directory,
    recorded_arrivals,
    replace_file,
    write_text,
)
from simcb.views.run import Answer, answer_of, conditions_of, run_document
from simcb.views.run_data import BASELINE, DAY, DAY_BASELINE, variants_of
from simcb.views.run_data import SCENARIO as SCENARIO_RUN


def write_run(answer: Answer, directory: str | Path, *, force: bool = False) -> Path:
    """Write everything about a result into `directory`, and return it.

    `summary.json` (what `--format json` prints), `scenario.yaml` (the effective scenario),
    `arrivals-N.csv` for each group that replays recorded arrivals,
    `series.csv`, `events.jsonl`, `timeline.png`, and `trace.npz`, or `trace-0.npz` … for
    several replicates; a baseline's traces are `baseline-trace….npz`, those of an ordinary day
    `ordinary-day-trace….npz`.

    Args:
        answer: the result, and the command that repeats it.
        directory: where; its parents are made.
        force: replace the files of an earlier run.

    Raises:
        OutputError: the directory cannot be made or written, or holds something else.
    """
    place = check_directory(directory, force=force)
    _fill(place, str(directory), lambda folder: _write_files(answer, folder))
    return place


def write_comparison(answer: Compared, directory: str | Path) -> Path:
    """Write a comparison into a new or empty directory, and return it.

    `summary.json`, `compare.png`, and for each variant a directory `variant-1`, `variant-2` …
    as `simcb run --out` writes one, so that it can be opened, drawn and compared again. No
    variant's name chooses a path.

    Raises:
        OutputError: the directory cannot be made or written, or is not empty.
    """
    place = check_directory(directory)

    def write(folder: Path) -> None:
        _write_document(compare_document(answer), lambda name, put: put(folder / name))
        for number, result in enumerate(answer.comparison.results, start=1):
            inside = folder / f"variant-{number}"
            inside.mkdir()
            _write_files(Answer(result), inside)

    _fill(place, str(directory), write)
    return place


def _fill(place: Path, shown: str, write: Callable[[Path], None]) -> None:
    """Put a directory in its place in one step, once all of it is written."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            write(made)
            _open_up(made)
            _put(made, place)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        remedy = "make room, or name another directory"
        raise OutputError(shown, f"cannot be written ({reason})", remedy) from None


def _write_files(answer: Answer, folder: Path) -> None:
    result, document = answer.result, run_document(answer)
    _write_document(document, lambda name, write: write(folder / name))
    _write_scenario(result.scenario, folder)
    for variant, each in variants_of(result):
        _save_traces(each, folder, _stem(variant))


def _stem(variant: str) -> str:
    """Return what the files of a variant's traces are called: `trace`, `baseline-trace`."""
    return TRACE if variant == SCENARIO_RUN else f"{variant}-{TRACE}"


def _write_scenario(scenario: Scenario, folder: Path) -> None:
    """Write the effective scenario, and beside it what its replayed groups replay.

    Recorded arrivals get a name of ours: none from a scenario's file chooses a path.
    """
    clients = dict(scenario.clients)
    for number, (name, group) in enumerate(sorted(clients.items())):
        if isinstance(group.arrivals, Replay):
            file = recorded_arrivals(number)
            write_text(folder / file, [group.arrivals.to_csv()])
            renamed = group.arrivals.model_copy(update={"file": file})
            clients[name] = group.model_copy(update={"arrivals": renamed})
    effective = scenario.model_copy(update={"clients": Named(clients)})
    write_text(folder / SCENARIO, [effective.to_yaml()])


def _save_traces(result: Result, folder: Path, stem: str) -> None:
    if len(result.runs) == 1:
        result.trace.save(folder / f"{stem}.npz")
        return
    for run in result.runs:
        run.trace.save(folder / f"{stem}-{run.replicate}.npz")


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
    for path in (folder, *folder.rglob("*")):
        path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _umask() -> int:
    # The mask can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_study(document: Document, directory: str | Path) -> None:
    """Write what a sweep or a tune came to beside its log, replacing what an earlier end left.

    Raises:
        StoreError: the directory cannot be written; the log is as it was.
        MissingExtraError: Parquet is asked for and pyarrow is not installed.
    """
    folder = Path(directory)
    try:
        _write_document(document, lambda name, write: replace_file(folder / name, write))
    except OSError as error:
        why = f"cannot be written ({error.strerror or type(error).__name__})"
        remedy = "make room, and resume: every run is kept"
        raise StoreError(str(directory), why, remedy) from None


def _write_document(
    document: Document, put: Callable[[str, Callable[[Path], object]], object]
) -> None:
    """Write a document's summary, its files and its figures, each by its name."""
    put(SUMMARY, lambda path: write_text(path, [as_json(document, indent=2), "\n"]))
    for name, write in document.files.items():
        put(name, write)
    for figure in document.figures:
        # matplotlib is slow to load, and only a figure needs it.
        from simcb.views.plots import save

        put(f"{figure.name}.png", partial(save, figure.draw()))


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
    found = {each: _numbered(path, _stem(each)) for each in variants}
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
    except (TypeError, KeyError):
        raise TraceFileError(str(path / SUMMARY), _DAMAGED) from None
    return answer_of(
        result,
        conditions_of(texts, result.scenario),
        laws=bool(said.get("audit")),
        repeat=repeat_of(path),
        source=shlex.quote(str(path / SCENARIO)) if path.is_dir() else "",
    )


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
        if is_sweep(source):
            what = f"{quoted(source)} holds a {'tune' if is_tune(source) else 'sweep'}, not a run"
            raise StudyError(what, "name a directory that `simcb run --out DIR` wrote")
        if (path / "variant-1").is_dir():
            what = f"{quoted(source)} holds a comparison, not a run"
            raise StudyError(what, f"name runs in it, such as {source.rstrip('/')}/variant-1")
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
    calls = {(name, service) for name, each in scenario.clients.items() for service in each.calls}
    calls |= {(name, service) for name, each in scenario.services.items() for service in each.calls}
    return (
        trace.duration == scenario.duration
        and {*layout.groups} == {*scenario.clients}
        and {(each.name, each.replicas, each.workers) for each in layout.services}
        == {(name, each.replicas, each.workers) for name, each in scenario.services.items()}
        and {(each.caller, each.service) for each in layout.calls} == calls
    )
