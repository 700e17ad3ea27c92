"""What is measured, laid over what is predicted: the band, the ways, and what is said of them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from test_cli.commands import simcb
from test_views.small_runs import GUARDED

from simcb.live.bands import INSIDE, Journeys, laid
from simcb.live.machine import Idle, OpenFilesError, check_open_files, most_connections
from simcb.live.study import Live, live, with_ways
from simcb.metrics import Unit
from simcb.metrics.phase import phases
from simcb.scenario import parse_scenario
from simcb.studies import StudyError
from simcb.studies.run import Run, result_of, run_once
from simcb.views.document import Document, Page
from simcb.views.formats import Format, render
from simcb.views.live import live_document

REPLICATES = 20
SCENARIO = parse_scenario(GUARDED, "guarded.yaml")


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return [run_once(SCENARIO, 3, replicate) for replicate in range(2 * REPLICATES)]


def as_text(document: Document, form: Format) -> str:
    return str(render(document, form, Page()))


def one_live(runs: list[Run], measured: Run) -> Live:
    """Return a study whose measured run is a simulated one."""
    predicted = result_of(runs[:REPLICATES])
    numbers = laid(measured.measures, [each.measures for each in runs[:REPLICATES]])
    idle = Idle(0.001, 0.002, 0.0001, 0.0004)
    return Live(SCENARIO, 3, 6.0, measured, predicted, numbers, (0.001, 0.002, 0.03), 0.0, idle)


def test_nine_in_ten_further_runs_lie_in_the_band_with_all_their_numbers(runs: list[Run]) -> None:
    further = [one_live(runs, run) for run in runs[REPLICATES:]]
    assert sum(each.inside for each in further) >= (INSIDE - 0.1) * REPLICATES
    assert all(number.low <= number.mean <= number.high for number in further[0].numbers)


def test_times_may_differ_by_the_journeys_of_their_phase(runs: list[Run]) -> None:
    """A phase in which ways were long has a wider band for times, and for nothing else."""
    trace = runs[0].trace
    every = phases(trace)
    healthy = next(each for each in every if each.name == "healthy")
    begin, end = healthy.windows[0]
    moments = [begin + (end - begin) * share / 201 for share in range(200)]
    ways = [(at, 0.5 if number >= 195 else 0.01) for number, at in enumerate(moments)]
    journeys = Journeys([*ways, (trace.duration, 0.02)], every)
    assert journeys.slack("p50", "healthy") == pytest.approx(0.02)
    assert journeys.slack("p99", "healthy") == pytest.approx(1.0)
    assert journeys.slack("p99", "recovery") == pytest.approx(0.04)
    assert journeys.slack("p99", "fault") == 0.0
    measures = [each.measures for each in runs]
    plain = laid(measures[0], measures[1:])
    wider = {each.name + each.phase: each for each in laid(measures[0], measures[1:], journeys)}
    for each in plain:
        slack = wider[each.name + each.phase].high - each.high
        wanted = journeys.slack(each.name, each.phase) if each.unit is Unit.SECONDS else 0.0
        assert slack == pytest.approx(wanted)


def test_a_system_that_allows_too_few_open_files_is_told_before(
    runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection has a file at both ends; how many there are is what the simulation says."""
    trace = runs[0].trace
    most = most_connections(trace)
    assert 1 <= most <= len(trace.attempts)
    check_open_files(most)
    monkeypatch.setattr("simcb.live.machine.allowed_files", lambda: 256)
    with pytest.raises(OpenFilesError, match="of 256 that `ulimit -n` allows, with 29 connections"):
        check_open_files(29)
    late = str(OpenFilesError(400, 1000, 12.0))
    assert "this machine is 12 s late, so more and more requests are under way" in late


def test_another_scenario_lies_outside(runs: list[Run]) -> None:
    """A breaker that stays open for three times as long is told from the one predicted."""
    text = GUARDED.replace("recovery_timeout: 2s", "recovery_timeout: 6s")
    assert text != GUARDED
    other = run_once(parse_scenario(text, "other.yaml"), 3, REPLICATES)
    assert not one_live(runs, other).inside


def test_without_a_fault_the_whole_run_is_laid_over_its_band() -> None:
    """As there are no phases; a study without any number is not as predicted."""
    calm = SCENARIO.model_copy(update={"duration": 4.0, "faults": ()})
    runs = [run_once(calm, 3, replicate) for replicate in range(10)]
    found = laid(runs[9].measures, [each.measures for each in runs[:9]])
    assert {"success", "p50", "p99"} <= {each.name for each in found}
    assert {each.phase for each in found} == {"whole"}
    assert not replace(one_live(runs, runs[9]), numbers=()).inside


def test_the_prediction_is_told_of_ways_that_the_scenario_does_not_name() -> None:
    told = with_ways(SCENARIO, [0.001, 0.002, 0.003])
    for group in told.clients.values():
        for call in group.calls.values():
            assert call.network is not None
            assert 0.001 <= call.network.mean_value <= 0.003
    assert with_ways(told, [9.0]) == told


def test_it_is_said_in_every_format(runs: list[Run]) -> None:
    study = one_live(runs, runs[-1])
    document = live_document(study, "simcb live guarded.yaml")
    table = as_text(document, Format.TABLE)
    count = len(study.numbers)
    inside = sum(each.inside for each in study.numbers)
    assert table.count(f"{inside} of {count} numbers lie in the predicted band") == 1
    assert "6 seconds of the scenario passed in one of the wall clock" in table
    assert "a request took 1.00 ms there and back on this machine" in " ".join(table.split())
    data = json.loads(as_text(document, Format.JSON))
    assert len(data["numbers"]) == count
    assert data["inside"] is study.inside
    rows = list(csv.DictReader(io.StringIO(as_text(document, Format.CSV))))
    assert [row["metric"] for row in rows] == [each.name for each in study.numbers]


def test_a_machine_that_is_late_is_told_of(runs: list[Run]) -> None:
    late = replace(one_live(runs, runs[-1]), lateness=3.0)
    assert "came up to 500 ms late" in as_text(live_document(late), Format.TABLE)


def test_measured_and_predicted_are_drawn_over_each_other(runs: list[Run]) -> None:
    from simcb.views.plots.live import live_figure

    figure = live_figure(one_live(runs, runs[-1]))
    assert len(figure.axes) == 3
    for ax in figure.axes:
        assert ax.lines
        assert ax.collections
    labels = [
        text.get_text()
        for legend in figure.axes[0].get_children()
        for text in getattr(legend, "get_texts", list)()
    ]
    assert labels[:2] == ["measured", f"predicted, all of {REPLICATES} runs"]


def test_too_few_replicates_are_refused() -> None:
    with pytest.raises(StudyError, match="give 9 or more"):
        live(SCENARIO, replicates=2)


@pytest.mark.slow
def test_a_scenario_is_run_on_real_sockets() -> None:
    """Every request goes over HTTP, and as many arrive as in the simulation of those streams."""
    scenario = SCENARIO.model_copy(update={"duration": 4.0, "faults": ()})
    study = live(scenario, seed=1, replicates=9, scale=2.0)
    simulated = run_once(scenario, 1, 9).trace
    trace = study.measured.trace
    assert len(trace.requests) == len(simulated.requests)
    assert trace.requests["arrival"] == pytest.approx(simulated.requests["arrival"])
    assert len(study.ways) > len(trace.requests)


@pytest.mark.slow
def test_nobody_who_asks_is_an_error() -> None:
    done = simcb(
        "live",
        "flaky-payments",
        "--set",
        "duration=1s",
        "--set",
        "faults=[]",
        "--set",
        "rate=1/h",
        "-n",
        "9",
        "-q",
    )
    assert done.exit_code == 2
    assert "no attempt came to a service of flaky-payments" in done.stderr
