"""Tags: what the user calls a study, in every output, and in the command that repeats it."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest
from test_cli.commands import simcb
from test_studies.sweep_cases import SMALL, swept
from test_studies.tune_cases import briefly
from test_views.small_runs import answer

from simcb.scenario import parse_scenario
from simcb.studies import StudyError
from simcb.studies.sweep import open_sweep
from simcb.studies.tune import open_tune
from simcb.views import notebook, notebook_studies
from simcb.views.document import Document, Page
from simcb.views.formats import Format, render
from simcb.views.html import card
from simcb.views.run import run_document
from simcb.views.sweep import sweep_document
from simcb.views.tune import tune_document

TAGS = {"env": "prod", "why": "=1+1|<i>\x1b[31m"}


@pytest.fixture
def small(tmp_path: Path) -> str:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    return str(file)


def test_a_run_keeps_its_tags_in_what_it_writes_and_in_what_repeats_it(
    small: str, tmp_path: Path
) -> None:
    """The command that repeats it gives the same bytes."""
    words = ["run", small, "--quiet", "--tag", "env=prod", "--tag", "who=a b", "--format", "json"]
    done = simcb(*words, "--out", str(tmp_path / "out"))
    said = json.loads(done.stdout)
    assert said["tags"] == {"env": "prod", "who": "a b"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["tags"] == said["tags"]
    again = simcb(*shlex.split(said["repeat"])[1:], "--quiet", "--format", "json")
    assert again.stdout == done.stdout


def test_without_tags_nothing_is_said_of_them(small: str) -> None:
    """Neither a key nor a column."""
    assert "tags" not in json.loads(simcb("run", small, "-q", "--format", "json").stdout)
    assert "tag" not in simcb("run", small, "-q", "--format", "csv").stdout.splitlines()[0]


def test_a_runs_series_have_the_tags(small: str, tmp_path: Path) -> None:
    """A column each, at the end of every line."""
    simcb("run", small, "-q", "--alone", "--tag", "env==prod", "--out", str(tmp_path / "out"))
    with (tmp_path / "out" / "series.csv").open() as file:
        first, *rows = csv.reader(file)
    assert first[-1] == "tag env"
    assert {row[-1] for row in rows} == {"'=prod"}
    opened = notebook.open(tmp_path / "out")
    assert "[env==prod]" in opened._repr_html_()


def test_a_sweep_keeps_its_tags_in_its_directory(small: str, tmp_path: Path) -> None:
    """In the manifest and every table; they decide nothing, so it goes on with others."""
    out = tmp_path / "s"
    words = ["sweep", small, "-q", "--over", "store.workers=4,8", "-n", "2", "--out", str(out)]
    assert simcb(*words, "--workers", "0", "--tag", "env=prod").exit_code == 0
    assert open_sweep(out).tags == {"env": "prod"}
    assert json.loads((out / "manifest.json").read_text())["study"]["tags"] == {"env": "prod"}
    for name in ("ranking.csv", "cells.csv"):
        with (out / name).open() as file:
            first, *rows = csv.reader(file)
        assert first[-1] == "tag env"
        assert {row[-1] for row in rows} == {"prod"}
    assert simcb("report", str(out)).exit_code == 0
    assert "[env=prod]" in (out / "report.html").read_text()
    assert simcb(*words, "--workers", "0", "--tag", "env=test", "--resume").exit_code == 0
    assert json.loads((out / "summary.json").read_text())["tags"] == {"env": "test"}


def test_a_tune_keeps_its_tags_in_its_directory(small: str, tmp_path: Path) -> None:
    """In the manifest, and in what is made of it later."""
    out = tmp_path / "t"
    few = ["--trials", "2", "--batch", "2", "-n", "2", "--fresh", "2", "--storms", "own"]
    words = ["tune", small, "-q", "--space", "store.queue.limit=1,9", *few, "--out", str(out)]
    assert simcb(*words, "--workers", "0", "--tag", "env=prod").exit_code == 0
    assert json.loads((out / "manifest.json").read_text())["study"]["tags"] == {"env": "prod"}
    assert open_tune(out).tags == {"env": "prod"}
    assert "[env=prod]" in notebook.open(out)._repr_html_()


def test_python_takes_tags_too() -> None:
    """The card of a run and of a sweep has them, and one that is none is refused."""
    base = parse_scenario(SMALL)
    ran = notebook.run(base, tags=TAGS)
    made = notebook_studies.sweep(
        base, {"store.workers": [4, 8]}, replicates=2, workers=0, tags=TAGS
    )
    for view in (ran, made):
        assert "env=prod" in view._repr_html_()
    with pytest.raises(StudyError, match="the tag `a b` is not KEY=VALUE"):
        notebook.run(base, tags={"a b": "c"})
    with pytest.raises(StudyError, match="is no text"):
        notebook.run(base, tags={"a": 1})  # type: ignore[dict-item]


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "run": lambda: run_document(answer()),
    "sweep": lambda: sweep_document(swept()),
    "tune": lambda: tune_document(briefly()),
}


@pytest.mark.parametrize("study", DOCUMENTS)
def test_every_output_has_the_tags_and_none_raw(study: str) -> None:
    """A heading, a key, columns and properties; nothing in them means anything."""
    tagged = DOCUMENTS[study]().tagged(TAGS)
    for form in Format:
        written = render(tagged, form, Page(200)).plain
        assert "prod" in written
        assert all(each.isprintable() or each == "\n" for each in written)
    assert "<i>" not in card(tagged)
    first, *rows = csv.reader(io.StringIO(render(tagged, Format.CSV, Page()).plain))
    assert first[-2:] == ["tag env", "tag why"]
    assert {tuple(row[-2:]) for row in rows} == {("prod", "'=1+1|<i>\\x1b[31m")}
    assert len({len(row) for row in [first, *rows]}) == 1
    report = fromstring(render(tagged, Format.JUNIT, Page()).plain)
    found = {each.attrib["name"]: each.attrib["value"] for each in report.iter("property")}
    assert found["tag env"] == "prod"
    assert found["tag why"] == "=1+1|<i>\\x1b[31m"


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (["prod"], "is not KEY=VALUE"),
        (["=prod"], "is not KEY=VALUE"),
        (["a b=prod"], "is not KEY=VALUE"),
        (["é=prod"], "is not KEY=VALUE"),
        (["env=" + "x" * 201], "is longer than 200"),
        (["env=a", "env=b"], "is given twice"),
        ([f"k{each}=v" for each in range(33)], "more than 32"),
    ],
)
def test_a_tag_that_is_none_is_2_and_told(small: str, tags: list[str], said: str) -> None:
    """Before anything is run."""
    done = simcb("run", small, *(word for tag in tags for word in ("--tag", tag)))
    assert done.exit_code == 2
    assert said in done.stderr
