"""The views of a tune: screen, files, picture and notebook say the same of one result."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from test_studies.sweep_cases import SMALL, after, scenario
from test_studies.tune_cases import SPACE, briefly, scenarios, tune, tuned, tuned_with

import simcb
from simcb.errors import MissingExtraError
from simcb.metrics import Estimate, estimate
from simcb.scenario import Scenario, parse_scenario, read_scenario
from simcb.studies import StudyError
from simcb.studies.evaluation.manifest import StoreError
from simcb.studies.tune import DEFAULTS, YOURS, TuneResult
from simcb.views.data import as_json, csv_lines
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.markdown import as_markdown
from simcb.views.plots.figures import drawn
from simcb.views.plots.tune import check_panel, front_panel, reach_panel, tune_figure
from simcb.views.study_files import write_study
from simcb.views.tune import front_table, tune_document
from simcb.views.tune_data import contender_rows, overlay
from simcb.views.tune_findings import findings, winner_words
from simcb.views.tune_view import TuneView


@cache
def two_aims() -> TuneResult:
    """Return a tune with a front."""
    return tuned_with(maximize=["goodput"], minimize=["amplification"])


def screen(result: TuneResult, width: int = 120) -> str:
    return render(tune_document(result), Format.TABLE, Page(width=width)).plain


def test_the_screen_says_the_best_what_it_beats_and_how_far_it_can_be_moved() -> None:
    """In this order; then a line for each parameter and each contender."""
    sentences = screen(tuned()).replace("\n      ", " ")
    first, yours, usual, rivals, reach, edge, title, *rest = sentences.splitlines()
    assert first.startswith("best: breaker.failure_threshold = ")
    assert yours.strip().split(":")[0].endswith("yours")
    assert "pybreaker 5/60s" in usual
    assert rivals.strip().startswith("cannot be told from ")
    assert reach.strip().startswith("as good within 1.0%, one at a time: ")
    assert "is at the edge of its range: look below 200ms" in edge
    assert title.strip().startswith("small, slow: max goodput, seed 0, 8 settings searched")
    table = [line for line in rest if line.startswith("breaker.")]
    assert len(table) == len(SPACE)
    contenders = rest[rest.index("on a fresh seed (1; 3 runs of each in each scenario)") + 2 :]
    assert contenders[0].startswith("best ")
    assert tuned().check is not None
    assert len(contenders[: contenders.index("")]) == len(tuned().check.contenders)  # type: ignore[union-attr]


def test_regret_of_a_share_is_in_points() -> None:
    """Of anything else it is relative to the best."""
    result = tuned_with(maximize=["success"], minimize=["p99"], seed=1)
    _, yours, usual, *_ = findings(result)
    for line in (yours, usual):
        assert " pp of success" in line
        assert "% of p99" in line


def test_the_screen_fits_the_page() -> None:
    """On a narrow terminal the scenarios side by side are left out, the comparison stays."""
    wide, narrow = screen(tuned(), 160), screen(tuned(), 70)
    assert "slow goodput" in wide
    assert "no room" not in wide
    assert "slow goodput" not in narrow
    assert "worst regret" in narrow
    assert "no room for " in narrow


def test_the_scenario_that_decides_comes_first_and_the_others_are_named() -> None:
    """Where the best loses most is what its worst regret is; who is left out is told."""
    check = tuned().check
    assert check is not None
    losses = [scenario.regret[0].mean or 0.0 for scenario in check.winner.scenarios]
    names = [scenario.name for scenario in tuned().scenarios]
    assert losses[0] != losses[1]
    first, second = (names[place] for place in sorted((0, 1), key=lambda i: -losses[i]))
    header = next(line for line in screen(tuned(), 160).splitlines() if " behind " in line)
    assert header.index(f"{first} goodput") < header.index(f"{second} goodput")
    narrow = next(width for width in range(160, 60, -1) if "no room" in screen(tuned(), width))
    said = " ".join(screen(tuned(), narrow).split())
    assert f"no room for {second}, where the best loses less" in said
    assert f"{first} goodput" in screen(tuned(), narrow)


def test_the_screen_is_ascii_where_it_has_to_be() -> None:
    """Whatever signs it would have otherwise."""
    ascii_only = render(tune_document(tuned()), Format.TABLE, Page(ascii_only=True)).plain
    assert ascii_only.isascii()


def test_who_misses_a_limit_is_beaten_whatever_the_aim_says() -> None:
    """The first lines say so: to be as fast is nothing if too few are answered."""
    space = {"breaker.failure_threshold": [3, 30]}
    limits = ["false_trips <= 0", "rejected <= 60%"]
    result = tune(
        scenario(), space, minimize=["p50"], subject_to=limits, replicates=4, fresh=4, workers=0
    )
    assert result.feasible
    assert result.check is not None
    usual = result.check.contender("pybreaker 5/60s")
    assert not usual.feasible
    line = next(each for each in findings(result) if "pybreaker" in each)
    assert line.startswith("beats pybreaker 5/60s*, which misses rejected <= 60%: worse by ")


def against(name: str, *behind: float, result: TuneResult | None = None) -> str:
    """Return the first lines' word of a contender that is behind by so much, for each aim."""
    result = result or tuned()
    assert result.check is not None
    found = tuple(Estimate(each, each - 0.01, each + 0.01, 3, 0, each) for each in behind)
    contenders = [
        replace(each, behind=found) if each.name == name else each
        for each in result.check.contenders
    ]
    changed = replace(result, check=replace(result.check, contenders=tuple(contenders)))
    return next(line for line in findings(changed) if name in line)


def test_better_and_worse_are_said_in_words_and_not_by_a_sign() -> None:
    """Nobody reads that something is lower by minus twelve."""
    assert against(YOURS, 0.12) == "beats yours: worst regret lower by 12.0 ±1.0% of goodput"
    assert against(YOURS, -0.12) == "loses to yours: worst regret higher by 12.0 ±1.0% of goodput"
    unclear = against(YOURS, 0.005)
    assert unclear == "cannot be told from yours: worst regret lower by 0.5 ±1.0% of goodput"
    same = against(YOURS, 0.0)
    assert same == "cannot be told from yours: worst regret no different in goodput"
    mixed = against(YOURS, 0.12, -0.3, result=two_aims())
    assert mixed == (
        "is good otherwise than yours: worst regret lower by 12.0 ±1.0% of goodput "
        "and higher by 0.300 ±0.010 of amplification"
    )


def test_rivals_that_come_up_to_the_best_are_named() -> None:
    """Whoever is not among the first lines anyway, if it is not beaten."""
    assert "Polly" in against("Polly 10%/5s", 0.0).removeprefix("cannot be told from ")
    assert against("Polly 10%/5s", -0.3).startswith("loses to ")


def test_an_overlay_of_what_keeps_no_limit_says_so() -> None:
    """It is the nearest, and not the best."""
    result = tuned_with(subject_to=["success >= 100%"])
    first, second, *_ = overlay(result).splitlines()
    assert first.startswith("# Does not keep success >= 100%: of ")
    assert second == "# none does, and this one comes nearest."
    assert "The best of" not in overlay(result)


def test_the_winner_is_named_so_that_it_can_be_copied() -> None:
    """Of two breakers the words say whose it is, as `--set` takes it."""
    stock = "      stock: {breaker: {}}\nservices:\n  stock: {workers: 8, work: 5ms}"
    base = parse_scenario(SMALL.replace("services:", stock))
    result = briefly()
    two = replace(
        result,
        scenarios=tuple(replace(each, base=base) for each in result.scenarios),
        axes=tuple(replace(a, path=f"shop.calls.store.{a.path}") for a in result.axes),
    )
    assert winner_words(result).startswith("breaker.failure_threshold = ")
    assert winner_words(two).startswith("store.breaker.failure_threshold = ")
    assert ", store.breaker.recovery_timeout = " in winner_words(two)


def test_the_edge_of_a_range_is_told() -> None:
    """With the side on which to look on."""
    reach = replace(tuned().reach[1], value="200ms", beyond="below")
    (line,) = (each for each in findings(replace(tuned(), reach=(reach,))) if "edge" in each)
    assert line == "breaker.recovery_timeout = 200ms is at the edge of its range: look below 200ms"


def test_a_front_is_a_table_of_a_few_settings() -> None:
    """From end to end of the first aim, the compromise among them."""
    result = two_aims()
    assert len(result.front) > 1
    grid = front_table(result)
    labels = (axis.label for axis in result.axes)
    assert grid.header == ("front", *labels, "goodput", "amplification")
    assert len(grid.rows) == min(len(result.front), 6)
    assert sum(row[0] == "best" for row in grid.rows) == 1
    assert "the front, by worst regret" in screen(result)
    many = tuple(trial.number for trial in result.trials if trial.worst)
    assert result.winner in many
    few = front_table(replace(result, front=many))
    assert len(few.rows) in (5, 6)
    assert "more are in trials.csv" in screen(replace(result, front=many))


@cache
def recovering(*texts: str) -> TuneResult:
    """Return a tune for the shortest outage, in which one of two settings never recovers."""
    return tune(
        [parse_scenario(text) for text in texts],
        {"breaker.recovery_timeout": ["500ms", "40s"]},
        minimize=["time_to_recover"],
        trials=2,
        replicates=3,
        fresh=2,
        workers=0,
    )


def test_regret_is_written_in_a_unit_that_reads_right() -> None:
    """Seconds where scenarios last equally long, else a share of the duration; never is told."""
    short, long = (SMALL.replace("duration: 12s", f"duration: {each}s") for each in (25, 30))
    alone = screen(recovering(short))
    assert "beats pybreaker 5/60s*: better by 25.0 s of time_to_recover" in alone
    never = "runs of small: each counts as the scenario's duration"
    assert any(
        line.startswith("time_to_recover never came in ") and line.endswith(never)
        for line in alone.splitlines()
    )
    both = screen(recovering(short, long))
    assert "better by" not in both
    assert "lower by 100% of the duration in time_to_recover" in both


def test_what_was_stopped_says_so() -> None:
    """The best so far, if there is one; nothing was checked."""
    early = tuned_with(stop=after(1))
    assert findings(early) == ("no setting was run to the end",)
    late = tuned_with(stop=after(20))
    assert not late.complete
    assert "nothing was checked" in screen(late)
    assert json.loads(as_json(tune_document(late)))["check"] is None


def test_hostile_names_reach_no_terminal_and_no_page() -> None:
    """What a scenario is called is text and nothing else, wherever it stands."""
    text = SMALL.replace("name: small", 'name: "\\e[31m<b>[red]=1|"')
    space = {"breaker.failure_threshold": [3, 4]}
    result = tune(parse_scenario(text), space, trials=2, replicates=2, fresh=2, workers=0)
    assert "\x1b" not in screen(result)
    assert "<b>[" not in TuneView(result)._repr_html_()
    assert "\x1b" not in overlay(result, "simcb tune \x1b[31m\n- x")
    assert tune_figure(result).get_axes()


def test_the_picture_has_a_panel_for_each_axis_the_front_and_the_check() -> None:
    """One more for the check, and one for a front of two aims."""
    assert len(tune_figure(tuned()).get_axes()) == len(SPACE) + 1
    assert len(tune_figure(two_aims()).get_axes()) == len(SPACE) + 2


@pytest.mark.slow
def test_equal_tunes_are_equal_pictures_to_the_byte() -> None:
    assert drawn(tune_figure(briefly()), "png") == drawn(tune_figure(tuned_with()), "png")
    assert drawn(tune_figure(tuned()), "svg") == drawn(tune_figure(tuned()), "svg")


def test_the_picture_says_what_was_tuned_and_what_its_marks_mean() -> None:
    """Scenarios, aims, the best, seed and replicates at the top; below them the key."""
    figure = tune_figure(two_aims())
    said = [text.get_text() for text in figure.texts]
    assert said[0] == "small, slow: max goodput, min amplification"
    assert said[1].endswith("up to 3 replicates, seed 0")
    assert said[2].startswith("best: breaker.failure_threshold = ")
    (legend,) = figure.legends
    marks = {text.get_text() for text in legend.get_texts()}
    assert marks >= {"as good", "not shown to be worse", "best", "tolerance 1.0%", "on the front"}
    alone = check_panel(tuned()).get_xlabel()
    assert "on a fresh seed (1; 3 runs of each)" in alone


def test_every_mark_of_a_regret_lies_inside_its_panel_among_labelled_ticks() -> None:
    """Large ones too, where the scale goes by factors."""
    for ax in (check_panel(tuned()), reach_panel(tuned().reach[1], tuned())):
        which = "x" if ax.get_xscale() == "symlog" else "y"
        low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
        axis = ax.xaxis if which == "x" else ax.yaxis
        assert axis.get_scale() == "symlog"
        dots = [line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())]
        numbers = [number for line in dots for number in line.get_data()[which == "y"]]
        assert low < min(numbers)
        assert max(numbers) < high
        ticks = [float(label.get_text()) for label in axis.get_ticklabels()]
        assert sum(0.0 < tick < high for tick in ticks) >= 5
        beyond = [number for number in numbers if number > max(ticks)]
        assert not beyond or max(beyond) < 2.5 * max(ticks)


def test_a_panel_is_drawn_where_it_is_told() -> None:
    """Each takes axes and returns them, and shows what it is about."""
    figure = Figure()
    ax = figure.add_subplot(1, 3, 1)
    assert check_panel(tuned(), ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()][:2] == ["best", "yours"]
    second = figure.add_subplot(1, 3, 2)
    reach = tuned().reach[1]
    assert reach_panel(reach, tuned(), second) is second
    assert second.get_xscale() == "log"
    shown = [label.get_text() for label in second.get_xticklabels()]
    assert str(reach.value) in shown
    third = figure.add_subplot(1, 3, 3)
    assert front_panel(two_aims(), 0, 1, third) is third


def test_what_was_stopped_early_is_drawn_as_a_lower_bound() -> None:
    """Hollow and pointing up, with no line through it and no interval, and named in the key."""
    reach = tuned().reach[1]
    place = next(n for n, step in enumerate(reach.steps) if step.value != reach.value)
    bound = estimate([-0.6, -0.5, -0.4])
    cut = replace(reach.steps[place], excess=(bound,), stopped=True)
    steps = (*reach.steps[:place], cut, *reach.steps[place + 1 :])
    ax = reach_panel(replace(reach, steps=steps), tuned())
    (hollow,) = (line for line in ax.lines if line.get_marker() == "^")
    (x,), (y,) = hollow.get_data()
    assert hollow.get_markerfacecolor() == "none"
    assert hollow.get_label() == "at least (stopped early)"
    others = [line for line in ax.lines if line is not hollow]
    assert all((x, y) not in zip(*line.get_data(), strict=True) for line in others)
    assert not any(line.get_marker() == "^" for line in reach_panel(reach, tuned()).lines)


def test_every_word_along_an_axis_is_written() -> None:
    """Where they have no room side by side they stand aslant."""
    rules = [
        f"{{kind: failure_rate, rate: {n}0%, calls: 100, minimum_calls: 100}}" for n in "34567"
    ]
    reach = tuned().reach[1]
    steps = tuple(replace(reach.steps[0], value=rule) for rule in rules)
    axis = replace(reach.axis, values=tuple(rules), span=None)
    words = {"low": rules[0], "high": rules[0], "lowest": rules[0], "highest": rules[0]}
    trip = replace(reach, axis=axis, value=rules[0], steps=steps, **words)
    ax = reach_panel(trip, tuned(), Figure(figsize=(3.4, 2.9)).add_subplot())
    shown = [label.get_text() for label in ax.get_xticklabels()]
    assert len(shown) == len(rules)
    assert shown[0].startswith("30%")
    assert shown[-1].startswith("70%")


def test_words_are_an_axis_too() -> None:
    """A choice between kinds has no between, and is drawn and told as a list."""
    space = {"enabled": ["true", "false"], "breaker.failure_threshold": [2, 5]}
    result = tune(scenario(), space, trials=4, replicates=3, fresh=2, workers=0)
    assert result.best["enabled"] in ("true", "false")
    assert tune_figure(result).get_axes()
    assert "enabled" in screen(result)


def test_a_library_that_is_only_come_near_is_marked_wherever_it_is_printed() -> None:
    """With a star in tables and first lines and the reason below; in data as a field."""
    result = tuned()
    near = {each.name: each.differs for each in DEFAULTS if each.differs}
    assert "gobreaker 6/60s" not in near
    markdown = as_markdown(tune_document(result))
    html = TuneView(result)._repr_html_()
    for default in DEFAULTS:
        marked = f"{default.name}*"
        for text in (screen(result), markdown.replace("\\", ""), html):
            assert (marked in text) == (default.name in near), default.name
            if default.name in near:
                assert near[default.name] in text
    found = json.loads(as_json(tune_document(result)))["check"]["contenders"]
    assert {each["name"]: each["differs"] for each in found if each["differs"]} == near
    rows = csv.DictReader(csv_lines(contender_rows(result)))
    assert {row["contender"]: row["differs"] for row in rows if row["differs"]} == near
    frame = TuneView(result).contenders
    assert dict(zip(frame["contender"], frame["differs"], strict=True)).items() >= near.items()
    ax = check_panel(result)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert sum(label.endswith("*") for label in labels) == len(near)
    assert ax.get_xlabel().endswith("* comes only near the library")


def test_a_view_holds_all_of_it() -> None:
    """Best, check, reach, frames, scenarios with the winner's values, and an overlay."""
    view = TuneView(tuned())
    assert view.best == tuned().best
    assert view.check is tuned().check
    assert view.reach("breaker.recovery_timeout").value == view.best["breaker.recovery_timeout"]
    with pytest.raises(StudyError, match="did you mean"):
        view.reach("breaker.recovery_timeot")
    frame = view.df
    assert len(frame) == len(tuned().trials)
    assert frame["best"].sum() == 1
    contenders = view.contenders
    assert set(contenders["scenario"]) == {"small", "slow"}
    assert (contenders[contenders["contender"] == "best"]["behind"] == 0.0).all()
    for number, each in enumerate(scenarios()):
        assert view.scenario(number) == each.with_(dict(view.best))
    with pytest.raises(StudyError, match="no scenario 2"):
        view.scenario(2)
    with pytest.raises(StudyError, match="no two"):
        view.plot.front()
    assert repr(view).startswith("<tune of 'small', 'slow': best: ")
    assert view._repr_html_().count("<table>") == 2


def test_an_overlay_lies_over_each_scenario(tmp_path: Path) -> None:
    """One file fits all, whatever their callers are called."""
    file = tmp_path / "best.yaml"
    file.write_text(TuneView(tuned()).overlay)
    for name, text in (("small", SMALL), ("other", SMALL.replace("shop", "other"))):
        base = tmp_path / f"{name}.yaml"
        base.write_text(text)
        found: Scenario = read_scenario(base, overlays=[file])
        assert found == read_scenario(base).with_(dict(tuned().best))


def test_a_tune_in_a_notebook_is_the_study(tmp_path: Path) -> None:
    """Names, paths or scenarios; one aim or limit as plain text."""
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    view = simcb.tune(
        file,
        {"breaker.failure_threshold": [1, 3]},
        minimize="p99",
        subject_to="success >= 1%",
        storms="own",
        trials=2,
        replicates=2,
        fresh=2,
        workers=0,
    )
    assert str(view.result.aims[0]) == "p99"
    assert view.save_plot(tmp_path / "t.svg").read_bytes().startswith(b"<?xml")


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for every frame."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"simcb\[notebook\]"):
        _ = TuneView(tuned()).df


def test_a_directory_that_takes_nothing_is_told(tmp_path: Path) -> None:
    """With what is kept, and no traceback."""
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(StoreError, match="make room"):
        write_study(tune_document(tuned()), tmp_path)


@pytest.mark.slow
def test_importing_simcb_loads_no_optuna() -> None:
    """It is loaded when something is tuned."""
    code = "import simcb, sys; simcb.tune; print('optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
