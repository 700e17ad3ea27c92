"""`simcb fit` prints how good a fit is, and writes what lies over a scenario."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_measurements import samples

import simcb as package
from simcb.scenario import read_scenario
from simcb.scenario.distributions import Quantiles

ROWS = samples.requests(300)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with some measurements, which is the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "k6.json").write_text(samples.k6_handled(ROWS))
    (tmp_path / "access.log").write_text(samples.nginx(ROWS))
    (tmp_path / "traces.json").write_text(samples.jaeger(ROWS))
    return tmp_path


def test_the_screen_has_words_numbers_and_how_good_they_are(folder: Path) -> None:
    """The first line is the verdict; every percentile stands beside the fitted one."""
    done = simcb("fit", "k6.json", "--service", "payments")
    assert done.exit_code == 0
    first, second, *_ = done.stdout.splitlines()
    assert first == "every measured percentile is met within 0.1%, the mean within 0.1%"
    assert second == "  fitted to k6.json (k6 summary)"
    for word in ("payments.work  {kind: quantiles", "p95", "Little's law", "warning", "12 virtual"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_an_overlay_lies_over_a_scenario_and_a_scenario_runs(folder: Path) -> None:
    """What is written is read back, with the arrivals in a CSV beside it."""
    assert simcb("fit", "access.log", "--service", "payments", "--out", "f.yaml").exit_code == 0
    assert (folder / "f-arrivals.csv").read_text().startswith("timestamps\n")
    assert simcb("scenarios", "copy", "flaky-payments", "mine.yaml").exit_code == 0
    over = read_scenario("mine.yaml", overlays=["f.yaml"])
    assert over.services["payments"].work.kind == "quantiles"
    assert len(over.clients["shop"].arrivals.moments) == len(ROWS)
    again = simcb("fit", "access.log", "--out", "f.yaml")
    assert again.exit_code == 2
    assert "f.yaml" in again.stderr
    assert simcb("fit", "traces.json", "--scenario", "--out", "t.yaml").exit_code == 0
    assert simcb("run", "t.yaml", "--alone", "--set", "duration=20s").exit_code == 0


@pytest.mark.parametrize("more", [[], ["--scenario"]])
def test_the_screen_says_the_arrivals_that_are_written(folder: Path, more: list[str]) -> None:
    """A replay of the file beside the overlay; without one their mean rate, and that it is that."""
    done = simcb("fit", "access.log", "--out", "f.yaml", *more)
    assert done.exit_code == 0
    lines = (folder / "f.yaml").read_text().splitlines()
    (written,) = [each for each in lines if "kind: replay" in each]
    (shown,) = [each for each in done.stdout.splitlines() if each.startswith("arrivals  ")]
    assert shown.split(maxsplit=1)[1] == written.split(": ", maxsplit=1)[1].strip()
    assert "mean rate" not in done.stdout
    found = json.loads(simcb("fit", "access.log", "--out", "g.yaml", "--format", "json").stdout)
    assert found["arrivals"]["file"] == "g-arrivals.csv"
    assert found["overlay"] == (folder / "g.yaml").read_text()
    plain = " ".join(simcb("fit", "access.log").stdout.split())
    assert "arrivals {kind: poisson" in plain
    assert "what is written to a file replays them" in plain


def test_a_dash_prints_the_overlay_alone(folder: Path) -> None:
    """It can be sent on; warnings stand on standard error."""
    done = simcb("fit", "k6.json", "--service", "payments", "--client", "shop", "--out", "-")
    assert "clients.shop.arrivals: {kind: poisson, rate: " in done.stdout
    assert done.stderr.startswith("warning: measured times hold the wait")


def test_what_is_guessed_is_said(folder: Path) -> None:
    """A scenario needs rates and workers that a scrape does not have."""
    (folder / "m.prom").write_text(samples.prometheus_text(ROWS))
    done = simcb("fit", "m.prom", "--scenario", "--out", "-")
    assert "# guess: no rate of service was measured: 1/s stands for it" in done.stdout
    assert "warning: how many workers service has is unknown" in done.stderr


def test_the_other_formats_have_every_number(folder: Path) -> None:
    """JSON has all of it; CSV a row for each number."""
    found = json.loads(simcb("fit", "k6.json", "--format", "json").stdout)
    (service,) = found["services"]
    assert [each["number"] for each in service["fit"]] == [
        "min",
        "p50",
        "p90",
        "p95",
        "max",
        "mean",
    ]
    assert service["words"]["workers"] == service["workers"]
    assert "arrivals: " in found["overlay"]
    rows = [*csv.DictReader(io.StringIO(simcb("fit", "k6.json", "--format", "csv").stdout))]
    assert {row["number"] for row in rows} >= {"p95", "mean", "rate", "workers"}
    assert "| p95" in simcb("fit", "k6.json", "--format", "md").stdout


@pytest.mark.slow
def test_it_is_drawn_and_written_as_a_page(folder: Path) -> None:
    """A picture for up to six services, and one page with all of it."""
    done = simcb("fit", "traces.json", "--plot", "fit.png", "--report", "fit.html")
    assert done.exit_code == 0
    assert (folder / "fit.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "fit.html").read_text()
    assert "payments" in page
    assert "<svg" in page or "data:image" in page


def test_what_is_wrong_is_an_error_with_a_remedy(folder: Path) -> None:
    """No traceback; the exit code is that of wrong input."""
    (folder / "odd.txt").write_text("\x1b[31mhello\n")
    for words, said in (
        (("odd.txt",), "of no format that is known here; give a CSV with the header"),
        (("none",), "cannot be read (No such file or directory)"),
        (("k6.json", "--service", "a b"), "is no name"),
        (("k6.json", "--from", "jmeter"), "no format is called 'jmeter'"),
        (("k6.json", "--from", "k6 CSV"), "has no column"),
        (("k6.json", "--where", "status=200"), "leave --where out"),
    ):
        done = simcb("fit", *words)
        assert done.exit_code == 2
        assert said in done.stderr
        assert "\x1b" not in done.stderr


def test_names_of_traces_reach_no_output_raw(folder: Path) -> None:
    """Services are called as a scenario can call them, whatever they are called there."""
    hostile = samples.jaeger(ROWS).replace(
        '"serviceName": "shop"', '"serviceName": "\\u001b[31m<b>=1"'
    )
    (folder / "t.json").write_text(hostile)
    for form in ("table", "json", "csv", "md"):
        done = simcb("fit", "t.json", "--format", form)
        assert done.exit_code == 0
        assert "\x1b" not in done.stdout
        assert "<b>" not in done.stdout


def test_python_gives_a_view(folder: Path) -> None:
    """`simcb.fit` shows itself, draws itself, and is a scenario."""
    view = package.fit("k6.json", "payments")
    assert "every measured percentile" in repr(view)
    assert "<table" in view._repr_html_()
    assert isinstance(view.scenario.services["payments"].work, Quantiles)
    assert view.plot().axes
    written = view.save(folder / "v.yaml")
    assert [path.name for path in written] == ["v.yaml"]
    assert written[0].read_text() == view.overlay
