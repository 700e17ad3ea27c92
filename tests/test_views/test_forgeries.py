"""A trace that is an archive and no trace is told from one, whatever is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from test_cli.commands import simcb as command
from test_views.forgeries import forged
from test_views.small_runs import GUARDED, answer

import simcb
from simcb import SimcbError
from simcb.trace import TraceFileError
from simcb.views import plots
from simcb.views.study_files import write_run

CALM = GUARDED.replace("rate: 20/s", "rate: 10/s")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run with a baseline; a test that changes it copies it."""
    return write_run(answer(CALM, baseline=True), tmp_path_factory.mktemp("runs") / "out")


def opened(path: Path) -> bool:
    """Open a trace and look at it; return false if it was refused by its name."""
    try:
        view = simcb.open(path)
    except SimcbError as error:
        if str(path) not in str(error):
            raise
        return False
    return bool(repr(view))


def possible_ones(written: Path, folder: Path, numbers: range, *, draw: bool) -> list[str]:
    """Return what was done to those of many forgeries that can be opened."""
    file = folder / "forged.npz"
    possible = []
    for number in numbers:
        change = forged(written / "trace.npz", file, number)
        if opened(file):
            possible.append(change)
            if draw:
                plots.timeline(simcb.open(file).result)  # type: ignore[union-attr]
    return possible


def test_no_forgery_raises_anything_but_a_clear_error(written: Path, tmp_path: Path) -> None:
    """Most of sixty are refused; what opens is a possible record."""
    assert 0 < len(possible_ones(written, tmp_path, range(60), draw=False)) < 30


@pytest.mark.slow
def test_no_forgery_of_many_raises(written: Path, tmp_path: Path) -> None:
    """The same for a few hundred others, drawn as well."""
    assert 0 < len(possible_ones(written, tmp_path, range(60, 400), draw=True)) < 170


def test_the_command_says_what_is_wrong(written: Path, tmp_path: Path) -> None:
    """`simcb plot` has the error, its place, and the code of wrong input."""
    file = tmp_path / "trace.npz"
    with np.load(written / "trace.npz") as data:
        arrays = {name: data[name].copy() for name in data.files}
    arrays["attempts"]["call"][0] = 9
    np.savez_compressed(file, **arrays)
    done = command("plot", str(file))
    assert done.exit_code == 2
    assert done.stdout == ""
    expected = "not a readable trace: a row of attempts has a call that does not exist\n"
    assert done.stderr == f"{file}: {expected}"


@pytest.mark.parametrize("name", ["trace.npz", "baseline-trace.npz"])
def test_a_trace_is_held_against_the_digest_in_the_summary(
    written: Path, tmp_path: Path, name: str
) -> None:
    """One number that is possible but not what happened is found beside the summary."""
    folder = tmp_path / "out"
    folder.mkdir()
    for file in ("summary.json", "trace.npz", "baseline-trace.npz"):
        (folder / file).write_bytes((written / file).read_bytes())
    assert opened(folder)
    with np.load(folder / name) as data:
        arrays = {each: data[each].copy() for each in data.files}
    arrays["requests"]["presses"][0] = 2
    np.savez_compressed(folder / name, **arrays)
    with pytest.raises(TraceFileError, match=rf"{name}.*its digest differs"):
        simcb.open(folder)
    (folder / "summary.json").unlink()
    assert opened(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"digest": 3}', "[" * 100_000])
def test_a_damaged_summary_is_named(written: Path, tmp_path: Path, text: str) -> None:
    """Traces beside it cannot be held against it, and the message says so."""
    (tmp_path / "trace.npz").write_bytes((written / "trace.npz").read_bytes())
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(TraceFileError, match=r"summary\.json.*damaged"):
        simcb.open(tmp_path)


def test_a_summary_of_more_traces_is_told(tmp_path: Path) -> None:
    """A directory that lost a replicate is not passed off as whole."""
    folder = write_run(answer(CALM, replicates=2), tmp_path / "out")
    (folder / "trace-1.npz").unlink()
    with pytest.raises(TraceFileError, match="tells of 2 traces, and 1 are here"):
        simcb.open(folder)
    assert len(json.loads((folder / "summary.json").read_text())["digest"].split("-")) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["trace.npz", "summary.json"])
def test_a_pipe_or_a_device_is_not_waited_for(written: Path, tmp_path: Path, name: str) -> None:
    """What is no regular file is refused at once, where a plain open would wait for ever."""
    (tmp_path / "trace.npz").write_bytes((written / "trace.npz").read_bytes())
    for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
        (tmp_path / name).unlink(missing_ok=True)
        make(tmp_path / name)
        with pytest.raises(TraceFileError, match="is not a regular file"):
            simcb.open(tmp_path / name if name == "trace.npz" else tmp_path)


def test_an_archive_that_unpacks_to_far_more_than_a_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says it unpacks to is looked at before it is unpacked."""
    monkeypatch.setattr("simcb.trace.trace.MOST_UNPACKED", 2**20)
    np.savez_compressed(tmp_path / "trace.npz", meta=np.zeros(2**22, dtype=np.uint8))
    with pytest.raises(TraceFileError, match="it unpacks to 4 MiB"):
        simcb.open(tmp_path / "trace.npz")
