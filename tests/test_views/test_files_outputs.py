import os
from pathlib import Path

import pytest

from simcb.views.files import (
    OutputError,
    check_directory,
    check_new_file,
    write_new_file,
    written_by_a_run,
)


def test_a_new_directory_may_be_made_several_levels_deep(tmp_path: Path) -> None:
    """Nothing is made by the check itself."""
    assert check_directory(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_directory_is_as_good_as_none(tmp_path: Path) -> None:
    """An empty directory needs no force."""
    assert check_directory(tmp_path) == tmp_path


def test_a_full_directory_is_refused_with_the_remedy(tmp_path: Path) -> None:
    """The message names the flag that replaces a run's files."""
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(OutputError, match=r"not empty.*--force"):
        check_directory(tmp_path)
    assert check_directory(tmp_path, force=True) == tmp_path


@pytest.mark.parametrize(
    "names",
    [["thesis.tex"], ["summary.json", "thesis.tex"], ["trace.npz"], [".git", "summary.json"]],
)
def test_force_replaces_nothing_that_a_run_did_not_write(tmp_path: Path, names: list[str]) -> None:
    """A directory with anybody else's files, or without a summary, is left alone."""
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match="--force replaces nothing but"):
        check_directory(tmp_path, force=True)


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A file in the place of the directory, or of one of its parents, is named."""
    file = tmp_path / "file"
    file.write_text("")
    for place in (file, file / "out"):
        with pytest.raises(OutputError, match=r"is not a directory|cannot be written"):
            check_directory(place)


def test_a_link_is_followed_to_where_it_points(tmp_path: Path) -> None:
    """A link to a directory stands for that directory; a circle of links is an error."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert check_directory(tmp_path / "link") == tmp_path / "real"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OutputError):
        check_directory(tmp_path / "circle")


@pytest.mark.parametrize("place", ["bad\0name", "/proc/nowhere/out"])
def test_an_impossible_place_is_an_error_with_its_reason(place: str) -> None:
    """What the system refuses is refused with what the system says."""
    with pytest.raises(OutputError, match="cannot be written"):
        check_directory(place)
    with pytest.raises(OutputError):
        check_new_file(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_directory_without_permission_is_refused(tmp_path: Path) -> None:
    """Whether something can be written is tried before a run."""
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        check_directory(tmp_path / "out")


def test_a_new_file_overwrites_nothing(tmp_path: Path) -> None:
    """What exists stays, also if it is a link that points nowhere."""
    file = write_new_file(tmp_path / "new.yaml", "name: é\n")
    assert file.read_bytes() == "name: é\n".encode()
    (tmp_path / "dangling").symlink_to("nowhere")
    for place in (file, tmp_path / "dangling", tmp_path):
        with pytest.raises(OutputError, match="exists already"):
            write_new_file(place, "")
    with pytest.raises(OutputError, match="no directory"):
        write_new_file(tmp_path / "missing" / "new.yaml", "")


@pytest.mark.parametrize(
    "name", ["trace.npz", "trace-0.npz", "baseline-trace-12.npz", "events.jsonl"]
)
def test_files_of_a_run_are_known(name: str) -> None:
    """A run's own files may be replaced."""
    assert written_by_a_run(name)


@pytest.mark.parametrize("name", ["trace-01.npz", "trace-.npz", "my-trace.npz", "trace.npz\n", ""])
def test_names_that_only_resemble_them_are_not(name: str) -> None:
    """Whatever else lies there belongs to somebody."""
    assert not written_by_a_run(name)
