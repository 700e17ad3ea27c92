"""`simcb explain` says from formulas what a scenario comes to, and answers questions."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from shipped import each_shipped
from test_cli.commands import simcb

import simcb as package
from simcb.metrics import METRICS
from simcb.predictions import TOPICS, predict
from simcb.scenario import read_scenario
from simcb.views.document import Page
from simcb.views.explain import explain_document
from simcb.views.screen import as_screen

HOSTILE = """
name: "[red]<b>\\e[31m=1+1"
duration: 60s
clients:
  shop: {arrivals: {kind: poisson, rate: 5/s}, calls: {store: {timeout: 1s, breaker: {}}}}
services: {store: {workers: 8, work: 50ms}}
"""


@pytest.mark.parametrize("name", each_shipped())
def test_a_first_screen_fits(name: str) -> None:
    """A hundred columns for the tables, and about a screen of lines."""
    document = explain_document(predict(read_scenario(name)), source=name)
    assert document.brief is not None
    lines = as_screen(document.brief, Page(100)).plain.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_payment_call_is_told_that_its_breaker_can_never_judge() -> None:
    """The gravest first, the warnings below, the next command at the end."""
    done = simcb("explain", "low-traffic")
    assert done.exit_code == 0
    assert "100 needed" in done.stdout.splitlines()[0]
    assert "next: simcb explain low-traffic" in done.stdout


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_is_answered(topic: str) -> None:
    """With what formulas cannot know, and the command that shows it."""
    done = simcb("explain", "flaky-payments", topic)
    assert done.exit_code == 0
    assert done.stdout.startswith(TOPICS[topic])
    assert "formulas cannot know" in done.stdout
    assert "next: simcb " in done.stdout
    assert topic in simcb("explain", "--topics").stdout


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_explained_for_the_scenario(metric: str) -> None:
    """Its definition, what foretells it, and the lines behind it."""
    done = simcb("explain", "flaky-payments", "--metric", metric)
    assert done.exit_code == 0
    assert done.stdout.startswith(f"{metric}: ")
    assert "lines of the file" in done.stdout


def test_json_and_csv_have_every_number_with_its_formula() -> None:
    """For programs, and nothing is left out."""
    found = predict(read_scenario("flaky-payments"))
    told = json.loads(simcb("explain", "flaky-payments", "--format", "json").stdout)
    assert [each["name"] for each in told["predictions"]] == [each.name for each in found.items]
    assert all(
        {"formula", "numbers", "sureness", "valid"} <= each.keys() for each in told["predictions"]
    )
    rows = list(
        csv.reader(io.StringIO(simcb("explain", "flaky-payments", "--format", "csv").stdout))
    )
    assert len(rows) == 1 + len(found.items)


def test_wrong_words_are_answered_with_the_nearest() -> None:
    """A topic, a metric, both at once, or no scenario."""
    assert "did you mean `threshold`?" in simcb("explain", "low-traffic", "treshold").stderr
    assert "did you mean `goodput`?" in simcb("explain", "low-traffic", "--metric", "godput").stderr
    assert simcb("explain", "low-traffic", "shared", "--metric", "p99").exit_code == 2
    assert simcb("explain").exit_code == 2


def test_hostile_names_reach_no_output_raw(tmp_path: Path) -> None:
    """No escape, no markup, no formula."""
    path = tmp_path / "hostile.yaml"
    path.write_text(HOSTILE)
    for form in ("table", "md", "csv", "json"):
        done = simcb("explain", str(path), "--details", "--format", form)
        assert done.exit_code == 0
        assert "\x1b" not in done.stdout
    shown = package.explain(str(path))._repr_html_()
    assert "<b>\\x1b" not in shown
    assert "&lt;b&gt;" in shown


def test_python_gives_the_same_as_a_view() -> None:
    """A card, the predictions by name, and errors where they were made."""
    view = package.explain("flaky-payments")
    assert view.of("utilisation", "payments")[0].value == pytest.approx(0.0776, abs=0.001)
    assert "flaky-payments" in repr(view)
    assert "<table>" in view._repr_html_()
    assert "Which threshold?" in package.explain("flaky-payments", "threshold")._repr_html_()
    with pytest.raises(package.SimcbError, match="did you mean"):
        package.explain("flaky-payments", "treshold")


def test_what_formulas_say_fits_on_a_page_of_its_own(tmp_path: Path) -> None:
    """The page has the numbers, and a wrong ending is told before anything is worked out."""
    page = tmp_path / "said.html"
    said = simcb("explain", "flaky-payments", "--report", str(page))
    assert said.exit_code == 0
    assert "probes while it is down" in page.read_text()
    assert simcb("explain", "flaky-payments", "--report", "said.txt").exit_code == 2
