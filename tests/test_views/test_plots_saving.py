"""Plots become files: by their ending, in one step, with the same bytes every time."""

from __future__ import annotations

import io
import os
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from test_views.plot_cases import outage

from simcb.errors import SimcbError
from simcb.views.plots import (
    FORMATS,
    SUFFIXES,
    Picture,
    PlotFileError,
    check_plot_path,
    curves_of,
    drawn,
    latency,
    save,
    timeline,
)


@pytest.fixture(scope="module")
def picture() -> Picture:
    """A timeline that the tests of files share."""
    return timeline(outage(baseline=True))


MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("form", FORMATS)
def test_a_plot_is_written_in_the_format_of_its_ending(
    form: str, picture: Picture, tmp_path: Path
) -> None:
    path = save(picture, tmp_path / f"plot.{form.upper()}")
    assert path.read_bytes().startswith(MAGIC[form])
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "form",
    [each if each == "png" else pytest.param(each, marks=pytest.mark.slow) for each in FORMATS],
)
def test_the_same_result_gives_the_same_bytes(form: str, picture: Picture) -> None:
    """Neither the date nor chance, nor how often or as what it was drawn, is in the file."""
    assert drawn(picture, form) == drawn(timeline(outage(baseline=True)), form)


def test_drawing_a_panel_twice_gives_the_same_bytes() -> None:
    panel = latency(curves_of(outage())).figure
    assert drawn(panel, "png") == drawn(panel, "png")


def test_a_plot_looks_the_same_whatever_the_users_settings_are() -> None:
    """Nothing is taken from matplotlib's global settings, and nothing is left in them."""
    shown = curves_of(outage())
    plain = drawn(latency(shown).figure, "png")
    with mpl.rc_context({"font.family": "serif", "text.color": "red", "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        assert drawn(latency(shown).figure, "png") == plain
        assert dict(mpl.rcParams) == before


def test_a_png_has_the_size_of_the_figure(picture: Picture) -> None:
    image = imread(io.BytesIO(drawn(picture, "png")))
    assert image.shape[:2] == (930, 1350)


def test_references_inside_an_svg_are_whole(picture: Picture) -> None:
    """Whatever is referred to by id is defined, once."""
    svg = drawn(picture, "svg").decode()
    ids = [part.split('"')[0] for part in svg.split(' id="')[1:]]
    mentioned = {part.split('"')[0] for part in svg.split('xlink:href="#')[1:]}
    mentioned |= {part.split(")")[0] for part in svg.split("url(#")[1:]}
    assert len(ids) == len(set(ids))
    assert mentioned
    assert mentioned <= set(ids)


@pytest.mark.parametrize("name", ["plot.jpg", "plot", "plot.png.txt", ".png"])
def test_an_unknown_ending_is_refused_with_those_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlotFileError) as caught:
        check_plot_path(tmp_path / name)
    assert all(suffix in str(caught.value) for suffix in SUFFIXES)
    assert isinstance(caught.value, SimcbError)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlotFileError, match=r"there is no directory '.*nowhere'"):
        check_plot_path(tmp_path / "nowhere" / "plot.png")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "plot.png").mkdir()
    with pytest.raises(PlotFileError, match="is a directory"):
        check_plot_path(tmp_path / "plot.png")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user who may not write all"
)
def test_a_directory_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PlotFileError, match="cannot be written to"):
            check_plot_path(tmp_path / "plot.png")
    finally:
        tmp_path.chmod(0o700)


def test_a_check_makes_no_file(tmp_path: Path) -> None:
    assert check_plot_path(str(tmp_path / "plot.svg")) == tmp_path / "plot.svg"
    assert list(tmp_path.iterdir()) == []


def test_a_failed_drawing_leaves_an_older_file_alone(tmp_path: Path) -> None:
    """A file is replaced whole or not at all, and nothing else is left behind."""
    path = tmp_path / "plot.png"
    path.write_bytes(b"older")

    class Broken(Figure):
        def savefig(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("out of ink")

    with pytest.raises(RuntimeError):
        save(Broken(), path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]
    save(Figure(), path)
    assert path.read_bytes().startswith(MAGIC["png"])


def test_a_new_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    path = save(Figure(), tmp_path / "plot.png")
    assert path.stat().st_mode == usual.stat().st_mode


def test_the_error_survives_being_rebuilt_from_its_arguments() -> None:
    error = PlotFileError("a.jpg", "is wrong", "write a.png")
    assert str(type(error)(*error.args)) == str(error) == "a.jpg: is wrong; write a.png"
