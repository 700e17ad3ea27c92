"""What a study leaves in its directory.

A run's directory is put in its place in one step: it holds all of an old run, nothing,
or all of the new one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.data_files import DataBacked, with_data_backed
from simcb.studies import Result
from simcb.studies.evaluation.manifest import StoreError
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
    data_file_name,
    replace_file,
    write_text,
)
from simcb.views.run import Answer, run_document
from simcb.views.run_data import SCENARIO as SCENARIO_RUN
from simcb.views.run_data import variants_of

VARIANT = "variant-"
"""What the directories of a comparison's variants begin with; a number from 1 follows."""


def write_run(answer: Answer, directory: str | Path, *, force: bool = False) -> Path:
    """Write everything about a result into `directory`, and return it.

    `summary.json` (what `--format json` prints), `scenario.yaml` (the effective scenario),
    `data-N.csv` for each group that replays recorded arrivals and each recorded distribution,
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

    def write(folder: Path) -> None:
        for number, result in enumerate(answer.comparison.results, start=1):
            inside = folder / f"{VARIANT}{number}"
            inside.mkdir()
            _write_files(Answer(result), inside)

    return write_document(compare_document(answer), directory, write)


def write_document(
    document: Document, directory: str | Path, more: Callable[[Path], object]
) -> Path:
    """Write a study's `summary.json` and its figures into a new or empty directory; return it.

    Args:
        document: what the study says.
        directory: where; its parents are made.
        more: writes what else is kept, into a folder that is then put in its place.

    Raises:
        OutputError: the directory cannot be made or written, or is not empty.
    """
    place = check_directory(directory)

    def write(folder: Path) -> None:
        _write_document(document, lambda name, put: put(folder / name))
        more(folder)

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
        _save_traces(each, folder, stem_of(variant))


def stem_of(variant: str) -> str:
    """Return what the files of a variant's traces are called: `trace`, `baseline-trace`."""
    return TRACE if variant == SCENARIO_RUN else f"{variant}-{TRACE}"


def _write_scenario(scenario: Scenario, folder: Path) -> None:
    """Write the effective scenario, and beside it the numbers that it has from data files.

    Those files get names of ours: none from a scenario's file chooses a path.
    """
    numbers = count()

    def copied(part: DataBacked) -> DataBacked:
        file = data_file_name(next(numbers))
        write_text(folder / file, [part.to_csv()])
        return part.model_copy(update={"file": file})

    effective = with_data_backed(scenario, copied)
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
