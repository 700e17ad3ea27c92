"""A sweep's directory that somebody changed: what is wrong is named; nothing waits or raises."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from test_studies.forged_manifests import forge
from test_studies.sweep_cases import after, kept, swept

import simcb
from simcb import SimcbError
from simcb.studies.evaluation.manifest import StoreError
from simcb.studies.sweep import open_sweep
from simcb.views.plots.sweep import sweep_figure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the directory of a sweep that was stopped."""
    kept(tmp_path / "s", stop=after(3))
    return tmp_path / "s"


def segment(folder: Path) -> Path:
    """Return the one segment of a log."""
    (found,) = (folder / "log").iterdir()
    return found


def make_pipe(path: Path) -> None:
    """Make a named pipe that nobody writes to."""
    os.mkfifo(path)


def link_to_zeros(path: Path) -> None:
    """Make a link to a device that never ends."""
    path.symlink_to("/dev/zero")


no_regular_files = pytest.mark.parametrize("make", [make_pipe, link_to_zeros])
posix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@posix
@no_regular_files
def test_a_log_that_never_ends_is_not_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    """What is no regular file is refused by its name, when resumed and when shown."""
    odd = folder / "log" / "odd.jsonl"
    make(odd)
    for use in (lambda: kept(folder, resume=True), lambda: open_sweep(folder)):
        with pytest.raises(StoreError, match=r"odd\.jsonl: .*is not a regular file.*move it out"):
            use()
    odd.unlink()
    assert kept(folder, resume=True).table.values.tobytes() == swept().table.values.tobytes()


@posix
@no_regular_files
def test_a_manifest_that_never_ends_is_not_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    """It is refused as what it is."""
    (folder / "manifest.json").unlink()
    make(folder / "manifest.json")
    with pytest.raises(StoreError, match=r"manifest\.json: .*is not a regular file"):
        kept(folder, resume=True)


def test_a_huge_file_without_lines_is_no_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after what no record comes near, not read to its end."""
    limit = 4 * len(segment(folder).read_bytes().splitlines()[0])
    monkeypatch.setattr("simcb.studies.evaluation.store.MOST_LINE", limit)
    assert open_sweep(folder).tally.damaged == 0
    hole = folder / "log" / "hole.jsonl"
    hole.touch()
    os.truncate(hole, 2**40)
    with pytest.raises(StoreError, match=r"hole\.jsonl: is no segment of a log; move it out"):
        open_sweep(folder)


def test_a_huge_manifest_is_not_read(folder: Path) -> None:
    """Its size is looked at first."""
    os.truncate(folder / "manifest.json", 2**40)
    with pytest.raises(StoreError, match=r"manifest\.json: cannot be read \(is larger than"):
        open_sweep(folder)


@pytest.mark.parametrize("text", ["[", '{"format": 1, "sweep": ', '{"a":'])
def test_a_manifest_nested_too_deep_is_a_damaged_one(folder: Path, text: str) -> None:
    """However deep it goes."""
    (folder / "manifest.json").write_text(text * 100_000)
    with pytest.raises(StoreError, match="is damaged: it is no manifest"):
        kept(folder, resume=True)


def test_a_log_that_is_gone_is_named_or_made(folder: Path) -> None:
    """To be shown it has to be there; a sweep that goes on makes it, and all runs, anew."""
    shutil.rmtree(folder / "log")
    with pytest.raises(StoreError, match=r"log: is not there, and the finished runs with it"):
        open_sweep(folder)
    again = kept(folder, resume=True)
    assert (again.tally.ran, again.tally.reused) == (36, 0)
    assert open_sweep(folder).complete


def test_a_log_that_is_a_file_is_named(folder: Path) -> None:
    """By its own name, not by the directory's."""
    shutil.rmtree(folder / "log")
    (folder / "log").touch()
    with pytest.raises(StoreError, match=r"s/log: cannot be written \(File exists\)"):
        kept(folder, resume=True)


def refusals(folder: Path, numbers: range, *, draw: bool) -> int:
    """Return how many of many forged manifests are refused; the others can be shown."""
    content = (folder / "manifest.json").read_bytes()
    refused = 0
    for number in numbers:
        (folder / "manifest.json").write_bytes(content)
        forge(folder / "manifest.json", number)
        try:
            view = simcb.open(folder)
        except SimcbError:
            refused += 1
        else:
            assert repr(view)
            if draw:
                sweep_figure(view.result)  # type: ignore[union-attr]
    return refused


def test_no_forged_manifest_raises_anything_but_a_clear_error(folder: Path) -> None:
    """With a right checksum and one place changed, it is refused or can be shown."""
    assert 40 < refusals(folder, range(60), draw=False) < 60


@pytest.mark.slow
def test_no_forged_manifest_of_many_raises(folder: Path) -> None:
    """The same for a few hundred others, drawn as well."""
    assert 200 < refusals(folder, range(60, 400), draw=True) < 340
