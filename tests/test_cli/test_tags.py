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
