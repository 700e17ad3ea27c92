"""The view of a run: a card, plots and a table of one and the same result."""

from __future__ import annotations

import dataclasses
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from test_views.plot_cases import OUTAGE, UNGUARDED, outage, renamed, result_of

import simcb
from simcb import studies
from simcb.errors import MissingExtraError
from simcb.metrics import METRICS, ThresholdError, UnknownNumberError
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.limits import TooLargeError
from simcb.views.notebook import load, run
from simcb.views.plots import PANELS, PlotFileError
from simcb.views.run import Answer
from simcb.views.run_view import RunView
from simcb.views.study_files import write_run
from simcb.world import EventBudgetError

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def view() -> RunView:
    return RunView(outage(baseline=True))


class Words(HTMLParser):
    """Collects the text and the tags of HTML, and demands that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def test_a_scenario_is_loaded_from_a_file_and_run(tmp_path: Path) -> None:
    """A path, its text form, and the scenario itself all lead to the same result."""
    path = tmp_path / "outage.yaml"
    path.write_text(OUTAGE, encoding="utf-8")
    expected = outage().digest
    assert run(load(path)).digest == run(str(path)).digest == run(path).digest == expected


def test_changes_are_applied_when_loading(tmp_path: Path) -> None:
    path, overlay = tmp_path / "outage.yaml", tmp_path / "more.yaml"
    path.write_text(OUTAGE, encoding="utf-8")
    overlay.write_text("duration: 1m\n", encoding="utf-8")
    scenario = load(path, overlays=[overlay], sets=["breaker.recovery_timeout=7s"])
    assert scenario.duration == 60.0
    assert scenario == parse_scenario(OUTAGE).with_(
        {"duration": "1m", "breaker.recovery_timeout": "7s"}
    )


def test_an_unknown_name_is_a_scenario_error() -> None:
    with pytest.raises(ScenarioError):
        load("no-such-scenario")


def test_the_arguments_reach_the_run() -> None:
    scenario = parse_scenario(UNGUARDED)
    found = run(scenario, seed=5, replicates=2, baseline="none")
    assert (found.seed, len(found.runs)) == (5, 2)
    assert found.baseline is not None
    assert found.scenario == scenario


def test_what_is_estimated_to_be_huge_is_not_run_unasked() -> None:
    """From Python, too, the limit asks; it does not forbid."""
    huge = parse_scenario(UNGUARDED, sets=["arrivals.rate=1000000/s", "duration=1h"])
    with pytest.raises(TooLargeError, match="allow_large=True"):
        run(huge)
    with pytest.raises(TooLargeError):
        run(huge, max_events=10)
    with pytest.raises(EventBudgetError):
        run(huge, allow_large=True, max_events=10)


def test_a_replicate_counts_towards_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs of a study are weighed together, the baseline's as well."""
    scenario = parse_scenario(UNGUARDED)
    monkeypatch.setattr("simcb.studies.limits.MOST_REQUESTS", 1000)
    assert len(run(scenario, replicates=2).runs) == 2
    with pytest.raises(TooLargeError):
        run(scenario, replicates=2, baseline="none")


def test_conditions_and_laws_are_held_against_a_run_as_on_the_command_line() -> None:
    """`fail_if` and `audit` are arguments of the function, too, and the card shows the former."""
    found = run(parse_scenario(UNGUARDED), fail_if=["p99 > 1h", "success > 50%"], audit=True)
    assert found.passed
    assert not found.good
    assert [each.passed for each in found.fail_if] == [False, True]
    assert [len(laws) > 5 for laws in found.audits] == [True]
    assert found.broken_laws == ()
    words = Words(found._repr_html_()).text
    assert (words.count("✓"), words.count("✗")) == (0, 1)
    assert re.search(r"audit: all \d\d laws hold", words)
    assert "1 of 2 thresholds hold" in words
    assert "fail if success > 50%" in words
    with pytest.raises(ThresholdError, match="did you mean `p99`"):
        run(parse_scenario(UNGUARDED), fail_if=["p9 < 1s"])


def test_the_parts_of_the_result_are_attributes(view: RunView) -> None:
    result = view.result
    assert view.scenario is result.scenario
    assert view.trace is result.trace
    assert view.measures is result.measures
    assert view.summary is result.summary
    assert view.thresholds is result.thresholds
    assert view.judgement == result.judgement
    assert view.runs is result.runs
    assert view.passed is result.passed is False
    assert view.digest == result.digest
    assert view.seed == 0
    assert view.baseline is not None
    assert view.baseline.result is result.baseline
    assert view.baseline.baseline is None


def test_a_value_is_the_mean_over_the_replicates(view: RunView) -> None:
    """Of one run it is that run's; an unknown name is told."""
    many = RunView(outage(replicates=3))
    each = [run.measures.value("success", "recovery") for run in many.runs]
    assert len(set(each)) > 1
    assert many.value("success", "recovery") == pytest.approx(sum(map(float, each)) / 3)
    assert view.value("utilisation", of="payments") == view.measures.value(
        "utilisation", of="payments"
    )
    with pytest.raises(UnknownNumberError, match="did you mean `success`"):
        many.value("sucess")


def test_a_view_cannot_be_changed(view: RunView) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.result = outage()  # type: ignore[misc]


def test_a_view_says_in_a_line_what_it_is(view: RunView) -> None:
    """A column of numbers a million rows long is no answer to `print`."""
    assert repr(view) == f"<run of 'outage', seed 0: {view.judgement.verdict.value}>"
    assert "3 replicates" in repr(RunView(outage(replicates=3)))
    assert all(name in repr(view.plot) for name in PANELS)


def test_calling_plot_gives_the_timeline(view: RunView) -> None:
    figure = view.plot()
    assert isinstance(figure, Figure)
    assert len(figure.axes) == 4


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_is_a_method_of_plot(view: RunView, name: str) -> None:
    figure = Figure()
    ax = figure.subplots()
    panel = getattr(view.plot, name)
    assert panel(ax=ax) is ax
    assert panel().figure is not figure


def test_what_a_notebook_shows_is_shown_once(view: RunView) -> None:
    """Figures and panels bring their own PNG and are on no list of pyplot's."""
    for shown in (view.plot(), view.plot.latency()):
        assert shown._repr_png_().startswith(PNG)
        assert getattr(shown, "_repr_html_", lambda: None)() is None
    assert plt.get_fignums() == []


def test_axes_on_somebody_elses_figure_leave_showing_to_it(view: RunView) -> None:
    ax = view.plot.latency(ax=Figure().subplots())
    assert not hasattr(ax, "_repr_png_")


def test_a_plot_is_saved_by_its_ending(view: RunView, tmp_path: Path) -> None:
    assert view.save_plot(tmp_path / "a.png").read_bytes().startswith(PNG)
    with pytest.raises(PlotFileError, match=r"\.jpg"):
        view.save_plot(tmp_path / "a.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_the_card_says_what_the_first_screen_says(view: RunView) -> None:
    """How bad it was with the breaker and without, and every threshold that fails."""
    words = Words(view._repr_html_())
    assert view.judgement.verdict.value in words.text
    held = sum(each.passed for each in view.thresholds)
    assert f"{held} of {len(view.thresholds)} thresholds hold" in words.text
    missed = [judged.text for judged in view.thresholds if not judged.passed]
    assert missed
    assert all(text in words.text for text in missed)
    kept = [judged.text for judged in view.thresholds if judged.passed]
    assert not any(text in words.text for text in kept)
    for question in ("answered under the fault", "answered after the fault", "why", "sure?"):
        assert question in words.text


def test_the_card_of_a_run_without_faults_has_the_whole_run() -> None:
    words = Words(RunView(result_of(UNGUARDED))._repr_html_())
    assert "answered" in words.text
    assert "under the fault" not in words.text
    assert "✓" not in words.text


def test_the_card_of_replicates_has_intervals() -> None:
    assert "±" in Words(RunView(outage(replicates=3))._repr_html_()).text


def test_nothing_on_the_card_is_fetched_or_run(view: RunView) -> None:
    """The card is inert: no script, no link, no picture, no address."""
    words = Words(view._repr_html_())
    assert set(words.tags) <= {"div", "b", "span", "code", "table", "tr", "td", "th"}
    assert {name for name, _ in words.attributes} <= {"style", "colspan"}
    assert "url(" not in view._repr_html_()


def test_names_on_the_card_are_text_and_nothing_else() -> None:
    """Markup in a name shows as the characters it is made of."""
    name = "<script>alert(1)</script> \x1b[31m & \"quoted\" 'single'"
    scenario = result_of(UNGUARDED).scenario.model_copy(update={"name": name})
    html = RunView(dataclasses.replace(result_of(UNGUARDED), scenario=scenario))._repr_html_()
    words = Words(html)
    assert "script" not in words.tags
    assert "<script>alert(1)</script>" in words.text
    assert "\x1b" not in html
    Words(RunView(renamed(outage(), "<i>", "</div>"))._repr_html_())


def test_the_frame_has_a_row_for_every_number(view: RunView) -> None:
    pytest.importorskip("pandas")
    frame = view.df
    assert list(frame.columns) == [
        "variant",
        "replicate",
        "metric",
        "unit",
        "phase",
        "of",
        "value",
    ]
    assert set(frame["variant"]) == {"scenario", "baseline"}
    assert set(frame["metric"]) == set(METRICS)
    assert not frame.duplicated(["variant", "replicate", "metric", "phase", "of"]).any()
    row = frame.query("variant == 'scenario' and metric == 'success' and phase == 'fault'")
    assert row["value"].item() == view.measures.value("success", "fault")


def test_the_frame_tells_undefined_from_never() -> None:
    """Undefined is nan, a time that never came is infinite."""
    pytest.importorskip("pandas")
    view = RunView(outage(baseline=True))
    frame = view.df.set_index(["variant", "metric", "phase", "of"])["value"]
    assert math.isnan(frame["baseline", "open_fraction", "whole", ""])
    assert frame.dtype == float


def test_without_pandas_the_frame_names_what_to_install(
    view: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'simcb\[notebook\]'"):
        _ = view.df


@pytest.mark.slow
def test_running_loads_neither_matplotlib_nor_pandas() -> None:
    """A script that only wants numbers does not pay for plots."""
    code = (
        "import sys; from simcb.views.notebook import run;"
        "from simcb.scenario import parse_scenario;"
        f"print(run(parse_scenario({UNGUARDED!r})));"
        "sys.exit(bool({'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_the_top_window_is_this_very_face() -> None:
    import simcb

    assert simcb.load is load
    assert simcb.run is run
    assert isinstance(simcb.load("slow-replica"), Scenario)


def test_what_the_command_line_wrote_is_opened_as_a_view(tmp_path: Path) -> None:
    """`simcb.open` reads a directory of `simcb run --out` back to the same result."""
    scenario = simcb.load("flaky-payments").with_({"duration": "20s"})
    result = studies.run(scenario, seed=3, baseline="none")
    write_run(Answer(result), tmp_path / "out")
    view = simcb.open(tmp_path / "out")
    assert isinstance(view, RunView)
    assert view.digest == result.digest
    assert view.baseline is not None
    assert view.scenario == scenario
    with pytest.raises(studies.StudyError, match="is no sweep; leave it out"):
        simcb.open(tmp_path / "out", by="goodput")
