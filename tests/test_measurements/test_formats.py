"""Every format: what a file of it says is what the system did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from test_measurements import samples
from test_measurements.samples import LOGS, OTHERS, SUMMARIES, Request

from simcb.measurements import FORMATS, Fit, MeasurementError, fit_files
from simcb.predictions.formulas import wait_ggc
from simcb.predictions.spread import quantile, variation
from simcb.scenario import parse_scenario, read_scenario
from simcb.world.samplers import sampler_of
from simcb.world.streams import Streams

ROWS = samples.requests()
GOOD = [row for row in ROWS if row.status < 500]
EVERY = {**LOGS, **SUMMARIES, **OTHERS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each format."""
    place = tmp_path_factory.mktemp("measured")
    for name, (_, write) in EVERY.items():
        (place / name).write_text(write(ROWS))
    return place


def fitted(folder: Path, name: str, rows: list[Request] | None = None) -> Fit:
    """What one of the files comes to, which is asked for a name where that makes sense."""
    return fit_files([folder / name], None if name in ("otlp.json", "jaeger.json") else "payments")


def test_every_format_has_a_sample_and_no_two_a_name() -> None:
    """The table of formats is what these files are of."""
    assert {each.name for each in FORMATS} == {form for form, _ in EVERY.values()}
    assert len({each.name for each in FORMATS}) == len(FORMATS)


@pytest.mark.parametrize("name", EVERY)
def test_a_file_is_recognised_and_its_fit_is_a_scenario(name: str, folder: Path) -> None:
    """Sniffing finds the format; what is written is read by the scenario's reader."""
    fit = fitted(folder, name)
    assert fit.sources[0][1] == EVERY[name][0]
    assert fit.services
    if fit.services[0].work is not None:
        scenario = parse_scenario(fit.scenario())
        assert scenario.services[fit.services[0].name].work == fit.services[0].work
    for each in fit.services:
        assert all(abs(point.off) <= 0.05 for point in each.points if point.share is not None)
        assert all(abs(point.off) <= 0.02 for point in each.points if point.share is None)


@pytest.mark.parametrize("name", LOGS)
def test_requests_one_by_one_are_counted_once(name: str, folder: Path) -> None:
    """Count, rate, failures, percentiles and mean of a log are those of its requests."""
    fit = fitted(folder, name)
    (service,) = fit.services
    assert service.requests == len(ROWS)
    assert service.errors == pytest.approx(samples.failed(ROWS))
    assert service.rate == pytest.approx(len(ROWS) / samples.span(ROWS), rel=0.03)
    assert service.work is not None
    assert service.work.mean_value == pytest.approx(samples.mean(GOOD), rel=2e-4)
    for share in (0.5, 0.9, 0.95, 0.99):
        assert quantile(service.work, share) == pytest.approx(
            samples.percentile(GOOD, share), rel=1e-3
        )
    assert service.distance is not None
    assert service.distance < 0.02
    assert service.busy == pytest.approx(service.rate * samples.mean(GOOD), rel=1e-3)
    assert service.workers >= service.busy / 0.7
    cv = variation(service.work)
    waits = [
        wait_ggc(n, service.rate, service.held, 1.0, cv)
        for n in (service.workers - 1, service.workers)
    ]
    assert waits[1] <= 0.02 * service.held < waits[0]


@pytest.mark.parametrize("name", SUMMARIES)
def test_percentiles_and_the_mean_are_those_of_the_system(name: str, folder: Path) -> None:
    """A summary's fit has the system's mean, and is near it where nothing was published."""
    fit = fitted(folder, name)
    (service,) = fit.services
    rows = GOOD if name == "k6-handled.json" else ROWS
    assert service.work is not None
    near = 0.15 if name == "query.json" else 0.02
    assert service.work.mean_value == pytest.approx(samples.mean(rows), rel=near)
    for share in (0.5, 0.9, 0.95):
        assert quantile(service.work, share) == pytest.approx(
            samples.percentile(rows, share), rel=0.12 if "query" in name or "prom" in name else 0.05
        )
    if name not in ("wrk2.hgrm", "query.json"):
        assert service.errors == pytest.approx(samples.failed(ROWS), abs=1e-4)
    if name not in ("wrk2.hgrm", "query.json", "metrics.prom"):
        assert service.rate == pytest.approx(len(ROWS) / samples.span(ROWS), rel=1e-3)
    else:
        assert service.workers is None
        assert any("no rate" in each for each in fit.warnings)


@pytest.mark.parametrize("name", ["otlp.json", "jaeger.json"])
def test_traces_give_services_calls_and_self_times(name: str, folder: Path) -> None:
    """The shop's work is what it neither spent on the way nor waited for others."""
    fit = fitted(folder, name)
    shop, *others = fit.services
    assert {each.name for each in others} == {"payments", "postgresql"}
    payments, database = sorted(others, key=lambda each: each.name)
    assert shop.calls == {
        "payments": (1.0, pytest.approx(0.002, rel=1e-3)),
        "postgresql": (1.0, 0.0),
    }
    assert shop.work.mean_value == pytest.approx(0.015, rel=1e-3)
    assert database.work.mean_value == pytest.approx(0.005, rel=1e-3)
    assert payments.work.mean_value == pytest.approx(samples.mean(GOOD), rel=1e-3)
    assert (shop.errors, payments.errors) == (0.0, pytest.approx(samples.failed(ROWS)))
    assert shop.held == pytest.approx(samples.mean(ROWS) + 0.024, rel=1e-3)
    assert set(fit.entered) == {"shop"}
    scenario = parse_scenario(fit.scenario())
    assert set(scenario.services["shop"].calls) == {"payments", "postgresql"}
    assert scenario.clients["users"].calls.keys() == {"shop"}
    alone = fit_files([folder / name], "payments")
    assert [each.name for each in alone.services] == ["payments"]
    with pytest.raises(MeasurementError, match="name one of: payments, postgresql, shop"):
        fit_files([folder / name], "basket")


def test_arrivals_are_replayed_from_a_file(folder: Path, tmp_path: Path) -> None:
    """The CSV has every request; those of cut stamps say to what they were cut."""
    for name, resolution in (("vegeta.json", None), ("nginx.log", 1.0), ("k6.csv", 1.0)):
        fit = fitted(folder, name)
        (tmp_path / "a.csv").write_text(fit.csv)
        (tmp_path / "s.yaml").write_text(fit.scenario("a.csv"))
        arrivals = read_scenario(tmp_path / "s.yaml").clients["users"].arrivals
        assert len(arrivals.moments) == len(ROWS)
        assert arrivals.resolution == resolution
        assert any("whole seconds" in each for each in fit.notes) == (resolution is not None)
        begins = np.array([row.begin for row in ROWS]) - ROWS[0].begin
        assert np.max(np.abs(np.array(arrivals.moments) - begins)) < 2.5
        assert fit.dispersion is None or 0.5 < fit.dispersion < 2.0


def test_rates_over_time_are_replayed_with_their_interval(folder: Path) -> None:
    """Locust's history rises to 40 a second, a row a second."""
    fit = fit_files([folder / "locust_stats_history.csv"], "payments", arrivals="open")
    assert fit.rate == pytest.approx(40.0)
    assert fit.arrivals("a.csv") == {"kind": "replay", "file": "a.csv", "interval": "1s"}
    assert fit.csv.splitlines()[:4] == ["rates", "0.0", "4.0", "8.0"]
    assert fit.services[0].work is None


def test_several_files_complete_each_other(folder: Path, tmp_path: Path) -> None:
    """Percentiles of one and rates of another; logs of the same kind are one log."""
    both = fit_files([folder / "locust_stats.csv", folder / "locust_stats_history.csv"], "p")
    assert both.services[0].work is not None
    half = len(ROWS) // 2
    (tmp_path / "1.log").write_text(samples.envoy(ROWS[:half]))
    (tmp_path / "2.log").write_text(samples.envoy_json(ROWS[half:]))
    joined = fit_files([tmp_path / "1.log", tmp_path / "2.log"], "p")
    assert joined.services[0].requests == len(ROWS)
    assert joined.services[0].work.mean_value == pytest.approx(samples.mean(GOOD), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("k6.csv", "name=/buy"),
        ("vegeta.json", "url=/b?y"),
        ("nginx.log", "path=/buy*"),
        ("nginx.jsonl", "path=/buy"),
        ("envoy.log", "path=/buy"),
        ("locust_stats.csv", "Name=/buy"),
    ],
)
def test_only_what_is_meant_is_fitted(name: str, where: str, folder: Path) -> None:
    """`--where` chooses by the fields a format has, with wildcards."""
    mine = [row for row in ROWS if row.path == "/buy"]
    fit = fit_files([folder / name], "p", where=[where])
    assert fit.services[0].requests == len(mine)
    with pytest.raises(MeasurementError, match="has no field `colour`"):
        fit_files([folder / name], "p", where=["colour=red"])


def test_a_summary_has_nothing_to_choose_by(folder: Path) -> None:
    """It is told, and nothing is left out in silence."""
    with pytest.raises(MeasurementError, match="leave --where out"):
        fit_files([folder / "k6.json"], "p", where=["name=/buy"])
    with pytest.raises(MeasurementError, match="is no FIELD=PATTERN"):
        fit_files([folder / "k6.csv"], "p", where=["name"])


def test_errors_that_come_from_below_are_not_a_services_own(tmp_path: Path) -> None:
    """An entry that failed because what it asked did has no error of its own."""
    spans = samples.parts(Request(1_700_000_000.0, 0.1, 500, "/"))
    text = samples.otlp([Request(1_700_000_000.0, 0.1, 500, "/")])
    (tmp_path / "t.json").write_text(
        text.replace('"parentSpanId": ""', '"parentSpanId": "", "x": 1')
    )
    lines = [json.loads(line) for line in text.splitlines()]
    lines[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"] = {"code": 2}
    (tmp_path / "t.json").write_text("\n".join(map(json.dumps, lines)))
    fit = fit_files([tmp_path / "t.json"])
    errors = {each.name: each.errors for each in fit.services}
    assert errors == {"shop": 0.0, "payments": 1.0, "postgresql": 0.0}
    assert len(spans) == 4


def test_what_is_fitted_is_what_is_drawn(folder: Path) -> None:
    """Samples of the fitted work have the measured percentiles and mean."""
    work = fitted(folder, "k6-handled.json").services[0].work
    column = Streams(0, 0).column("here", "work", sampler_of(work))
    drawn = np.concatenate([column.block(number) for number in range(200)])
    assert drawn.mean() == pytest.approx(samples.mean(GOOD), rel=0.01)
    assert np.quantile(drawn, 0.95) == pytest.approx(samples.percentile(GOOD, 0.95), rel=0.03)
