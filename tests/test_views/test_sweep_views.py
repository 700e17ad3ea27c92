"""The views of a sweep: tables, files, plots and the notebook say the same of one result."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from test_studies.sweep_cases import OVER, SMALL, after, kept, made, scenario, sweep, swept

import simcb
from simcb.errors import MissingExtraError
from simcb.metrics import Verdict
from simcb.scenario import parse_scenario
from simcb.studies.sweep import SweepResult
from simcb.views.data import as_json, csv_lines
from simcb.views.document import Page
from simcb.views.formats import Format, render
from simcb.views.notebook_studies import sweep as notebook_sweep
from simcb.views.plots.figures import drawn
from simcb.views.plots.maps import heatmap, scatter_map
from simcb.views.plots.sweep import lines, sweep_figure
from simcb.views.quantities import distinct_labels
from simcb.views.study_files import write_study
from simcb.views.sweep import sweep_document
from simcb.views.sweep_data import cell_lines, ranking_rows
from simcb.views.sweep_findings import findings
from simcb.views.sweep_regions import regions
from simcb.views.sweep_view import SweepView

PAGE = Page(width=120)


def one_axis(**more: object) -> SweepResult:
    """Return a sweep over one axis."""
    over = {"breaker.recovery_timeout": "1s..8s/3@log"}
    return sweep(scenario(), over, replicates=3, workers=0, **more)  # type: ignore[arg-type]


def test_the_screen_says_the_best_first() -> None:
    """The best setting, how many are as good, what was swept; then the ranks, a line each."""
    text = render(sweep_document(swept(), repeat="simcb sweep x"), Format.TABLE, PAGE).plain
    best = swept().ranking[0]
    values = swept().values_of(best.setting)
    first, second, *_ = text.splitlines()
    assert first.startswith(
        f"best: breaker.failure_threshold = {values['breaker.failure_threshold']}"
    )
    assert f"{len(swept().tied)} of 9 settings cannot be told from it" in second
    assert "\n  small, 12s, seed 0, 9 settings × 4 replicates\n" in text
    table = [line for line in text.splitlines() if line[:1].isdigit()]
    assert len(table) == 9
    marked = [line for line in table if "=" in line.split()[0]]
    assert len(marked) == len(swept().tied)
    assert text.splitlines()[-1] == "repeat: simcb sweep x"


def test_the_table_shows_as_many_as_wanted_and_ascii_where_needed() -> None:
    """`top` settings; nothing but ASCII on a terminal that knows no more."""
    answer = sweep_document(swept(), top=2)
    text = render(answer, Format.TABLE, Page(width=100, ascii_only=True)).plain
    assert text.isascii()
    assert len([line for line in text.splitlines() if line[:1].isdigit()]) == 2


def test_a_notebook_sweeps_what_the_scenario_says() -> None:
    """`simcb.sweep(s)` needs no more than a scenario that has a sweep of its own."""
    block = "sweep: {over: {store.workers: [4, 8]}, replicates: 2, by: p99}\n"
    view = notebook_sweep(parse_scenario(SMALL + block), workers=0)
    assert (len(view.result), view.result.replicates) == (2, 2)
    assert str(view.result.objective) == "p99"


def test_what_the_table_does_not_show_is_counted() -> None:
    """How many settings are below, how many of them are as good, and how to see them."""
    text = render(sweep_document(swept(), top=2), Format.TABLE, PAGE).plain
    hidden = sum(each.tied for each in swept().ranking[2:])
    assert hidden > 0
    assert f"and 7 more, {hidden} of them =; --top 9 shows all" in text
    assert "more" not in render(sweep_document(swept()), Format.TABLE, PAGE).plain
    assert "and 1 more" in SweepView(swept())._repr_html_()


def test_a_best_that_stands_alone_has_no_mark() -> None:
    """A mark says that a setting is as good as another one."""
    over = {"breaker.recovery_timeout": ["1s", "5s", "11s"]}
    result = sweep(scenario(), over, by="success", replicates=4, workers=0)
    text = render(sweep_document(result), Format.TABLE, PAGE).plain
    assert len(result.tied) == 1
    assert "\n1   " in text
    assert "=  " not in text
    # How far a share is behind is in points of it.
    assert text.count(" pp") == 2


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_the_table_fits_the_page_and_says_what_was_left_out(width: int) -> None:
    """Axes get short names first, then the least important columns go, by name."""
    text = render(sweep_document(swept()), Format.TABLE, Page(width=width)).plain
    start = next(n for n, line in enumerate(text.splitlines()) if line.startswith("rank"))
    header, *rows = text.splitlines()[start : start + 10]
    assert all(len(line) <= width for line in (header, *rows))
    full = ["success{fault}", "p99{fault}", "time_to_recover", "collapsed", "thresholds", "behind"]
    notes = " ".join(text.split())
    for name in full:
        assert (name in header) != (f"{name}," in notes or f"{name};" in notes)
    assert ("no room for" in text) == any(name not in header for name in full)
    assert "goodput" in header
    assert "recovery_timeout" in header


def said(result: SweepResult) -> list[str]:
    """Return what the screen says after the best setting."""
    return list(findings(result)[1:])


ONE = "breaker.recovery_timeout=1s,2s,3s,4s,5s"
GOOD, BAD = [1.0, 2.1, 2.9], [21.0, 22.3, 23.1]
NEVER = math.inf


def test_a_best_at_the_end_of_its_range_is_told() -> None:
    """With the side to look on, where there are numbers beyond and not all are as good."""
    rows = [BAD, BAD, [9.0, 9.3, 9.9], GOOD]
    assert said(made(rows, "breaker.failure_threshold=3,5,10,20"))[-1] == (
        "breaker.failure_threshold = 20 is at the edge of its range: look above 20"
    )
    assert said(made(rows[::-1], "breaker.recovery_timeout=2s,4s,8s,16s"))[-1] == (
        "breaker.recovery_timeout = 2s is at the edge of its range: look below 2s"
    )
    for rows, over in (
        ([BAD, GOOD, BAD], "breaker.failure_threshold=3,5,10"),
        ([BAD, GOOD], "breaker.failure_threshold=3,5"),
        ([GOOD, GOOD, GOOD], "breaker.failure_threshold=3,5,10"),
        ([GOOD, BAD, BAD], "breaker.failure_threshold=1,3,5"),
        ([BAD, BAD, GOOD], "retry.jitter=none,full,equal"),
    ):
        assert not any("edge" in line for line in said(made(rows, over)))


def test_the_region_is_a_range_on_every_axis() -> None:
    """Numbers from the least to the largest, words listed."""
    rows = [GOOD if n in (0, 1, 4, 5) else BAD for n in range(8)]
    over = (
        "breaker.failure_threshold=1,3",
        "retry.jitter=none,full",
        "breaker.recovery_timeout=1s,2s",
    )
    result = made(rows, *over)
    assert regions(result, result.tied) == (
        "breaker.failure_threshold 1 … 3; retry.jitter none; breaker.recovery_timeout 1s … 2s",
    )


def test_a_range_has_no_worse_setting_inside() -> None:
    """What lies apart along an axis is named apart."""
    result = made([GOOD, GOOD, BAD, GOOD, BAD], ONE)
    assert regions(result, result.tied) == ("breaker.recovery_timeout 1s … 2s, 4s",)
    text = "3 of 5 settings cannot be told from it within 1%: breaker.recovery_timeout 1s … 2s, 4s"
    assert said(result)[0] == text


def test_settings_that_fill_no_box_are_named_by_several() -> None:
    """An L has two; what is beyond a few is counted."""
    result = made(
        [GOOD, GOOD, GOOD, GOOD, BAD, BAD],
        "breaker.failure_threshold=1,3",
        "breaker.recovery_timeout=1s,2s,3s",
    )
    assert regions(result, result.tied) == (
        "breaker.failure_threshold 1; breaker.recovery_timeout 1s … 3s",
        "breaker.failure_threshold 3; breaker.recovery_timeout 1s",
    )
    comb = [GOOD if n % 2 == 0 else BAD for n in range(12)]
    result = made(comb, "breaker.recovery_timeout=1s:12s:1s")
    (text,) = regions(result, result.tied)
    assert text == "breaker.recovery_timeout 1s, 3s, 5s, 7s, 2 more"


def test_what_is_not_known_is_not_called_unimportant() -> None:
    """Few replicates tell nothing; equal ones, and close ones, say that nothing matters."""
    two = "breaker.recovery_timeout=1s,2s"
    (text,) = said(made([[1.0, 5.0, 3.0], [4.0, 3.0, 2.5]], two))
    assert text == "too few replicates to tell them apart (differences up to 6.54 s)"
    (text,) = said(made([[NEVER, 5.0, 3.0], [4.0, NEVER, NEVER]], two))
    assert text == "too few replicates to tell them apart (never in 1 to 2 of 3 replicates)"
    (text,) = said(made([[1.0, 5.0, 3.0]] * 2, two))
    assert text.startswith("no setting differs from it in any replicate: what is varied does not")
    (text,) = said(made([[1.0, 5.0, 3.0], [1.001, 5.0, 3.002]], two))
    assert text == "no setting differs from it by 1%: what is varied does not matter for this"
    (text,) = said(made([[1.0], [2.0]], two))
    assert text.startswith("one replicate tells nothing")


def test_a_setting_without_a_value_is_told() -> None:
    """It is no part of those that are compared."""
    nothing = [math.nan] * 3
    result = made([GOOD, BAD, nothing], "breaker.recovery_timeout=1s,2s,3s")
    assert said(result) == [
        "every other setting can be told from it",
        "breaker.recovery_timeout = 1s is at the edge of its range: look below 1s",
        "1 of 3 settings have no value of it",
    ]


def test_a_time_that_never_came_keeps_its_sign() -> None:
    """In the table: how often, the mean of the others, and on which side of the best."""
    result = made(
        [[NEVER, 2.0, 3.0], [NEVER, NEVER, 3.0], [2.0, NEVER, NEVER], [NEVER] * 3],
        "breaker.recovery_timeout=1s,2s,3s,4s",
    )
    rows = render(sweep_document(result), Format.TABLE, PAGE).plain.split("\n\n")[1].splitlines()
    assert "never in 1, else 2.50 s" in rows[1]
    assert "±never in 3" in rows[2]
    assert "  never in 1  " in rows[3]
    lines = list(csv.DictReader(csv_lines(ranking_rows(result))))
    assert [row["time_to_recover never"] for row in lines] == ["1", "2", "2", "3"]
    assert [row["time_to_recover finite"] for row in lines] == ["2.5", "2.0", "3.0", ""]
    late = made([[NEVER, 2.0], [1.0, 2.0]], "failure_threshold=1,2", by="max:time_to_recover")
    assert "-never in 1" in render(sweep_document(late), Format.TABLE, PAGE).plain


def test_inline_values_are_cut_where_they_are_alike() -> None:
    """Values that differ look different, however long they are."""
    form = "{kind: failure_rate, rate: 50%, window: 10s, minimum_calls: 5, share: @}"
    assert distinct_labels([form.replace("@", share) for share in ("10%", "90%")]) == (
        "…share: 10%}",
        "…share: 90%}",
    )
    middle = ["{a: " + "x" * 40 + str(n) + "y" * 40 + "}" for n in range(3)]
    short = distinct_labels(middle)
    assert len(set(short)) == 3
    assert all(len(each) < len(middle[0]) for each in short)
    assert distinct_labels(["1s", "2s"]) == ("1s", "2s")
    assert distinct_labels(["\x1b" + "x" * 50])[0].isprintable()


def test_json_has_every_setting_with_its_interval() -> None:
    """No NaN, no Infinity, and the numbers of the ranking."""
    found = json.loads(as_json(sweep_document(swept(), repeat="again")))
    assert [each["rank"] for each in found["settings"]] == list(range(1, 10))
    first = found["settings"][0]
    assert first["objective"]["mean"] == swept().ranking[0].estimate.mean
    assert first["behind"] is None
    assert first["thresholds"][0]["text"] == "success >= 60%"
    assert set(first["metrics"]) == {"success{fault}", "p99{fault}", "time_to_recover"}
    assert found["objective"]["better"] == "max"
    assert found["complete"] is True


def test_the_csv_of_cells_reads_back_to_the_same_bits() -> None:
    """A line for every run, every number exact, undefined cells empty."""
    rows = list(csv.DictReader(io.StringIO("".join(cell_lines(swept())))))
    assert len(rows) == 36
    for row, numbers in zip(rows, swept().table.values.reshape(36, -1).tolist(), strict=True):
        for column, number in zip(swept().table.columns, numbers, strict=True):
            cell = row[str(column)]
            if math.isnan(number):
                assert cell == ""
            else:
                assert (math.inf if cell == "never" else float(cell)) == number
    assert {row["verdict"] for row in rows} <= {*Verdict}


def test_the_csv_of_the_ranking_has_a_line_a_setting() -> None:
    """Rank, values, objective with its interval, difference to the best, verdicts."""
    rows = list(csv.DictReader(csv_lines(ranking_rows(swept()))))
    assert [int(row["rank"]) for row in rows] == list(range(1, 10))
    assert all(row["tied"] in ("yes", "no") for row in rows)
    # What a page has no room for is here.
    text = render(sweep_document(swept()), Format.TABLE, Page(width=60)).plain
    missing = " ".join(text[text.index("no room for") :].split())
    assert "; a wider page or --format csv has all" in missing
    assert {"success{fault}", "p99{fault}", "time_to_recover"} < rows[0].keys()
    best = swept().outcome(int(rows[0]["setting"]))
    assert float(rows[0]["p99{fault}"]) == best.value("p99", "fault")
    assert rows[0]["threshold success >= 60%"] == "yes"
    assert all(sum(int(row[verdict]) for verdict in Verdict) == 4 for row in rows)


@pytest.mark.parametrize("form", list(Format))
def test_every_format_says_what_is_incomplete(form: Format) -> None:
    """A sweep that was stopped at once still can be shown."""
    empty = sweep(scenario(), OVER, replicates=2, workers=0, stop=after(0))
    text = render(sweep_document(empty), form, PAGE).plain
    assert text.endswith("\n")


def test_a_hostile_value_reaches_no_terminal_or_spreadsheet() -> None:
    """A scenario's name with an escape sequence is shown, not obeyed."""
    bad = parse_scenario(SMALL.replace("name: small", 'name: "\\e[31m=1+1|x"'))
    result = sweep(bad, {"breaker.failure_threshold": [1]}, replicates=1, workers=0)
    for form in Format:
        assert "\x1b" not in render(sweep_document(result), form, PAGE).plain
    assert "\x1b" not in SweepView(result)._repr_html_()


def test_a_grid_of_two_is_a_heatmap_with_the_best_ringed() -> None:
    """Nine tiles with their values printed, a ring around the best, and a threshold's line."""
    result = sweep(
        scenario(),
        {"recovery_timeout": ["1s", "4s", "9s"], "failure_threshold": [1, 30]},
        by="success",
        replicates=2,
        workers=0,
    )
    ax = heatmap(result)
    assert ax.images[0].get_array().shape == (2, 3)  # type: ignore[union-attr]
    assert ax.images[0].get_cmap().name == "cividis"
    assert len(ax.texts) == 6
    (ring,) = ax.patches
    best = result.settings[result.ranking[0].setting].values
    assert tuple(ring.center) == (
        ("1s", "4s", "9s").index(str(best[0])),
        (1, 30).index(int(best[1])),
    )  # type: ignore[attr-defined]
    assert any(len(each.get_paths()) for each in ax.collections)
    assert ax.get_xlabel() == "recovery_timeout"


def test_one_axis_is_a_line_with_a_band() -> None:
    """Means in order of the axis, the interval around them, log where the axis is."""
    result = one_axis()
    ax = lines(result)
    (line,) = [each for each in ax.get_lines() if len(each.get_xdata()) == 3]
    assert list(line.get_xdata()) == [1.0, 2.83, 8.0]
    assert list(line.get_ydata()) == [each.mean for each in result.estimates(result.objective)]
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1s", "2.83s", "8s"]


def test_words_are_points_with_bars() -> None:
    """Between two words there is no line and no band, and their intervals stand alone."""
    numbers = [[3.0, 4.0, 5.0], [3.0, 4.0, 4.4]]
    ax = lines(made(numbers, "retry.jitter=none,full"))
    assert not ax.collections
    (bars,) = [line for line in ax.get_lines() if line.get_label() == "mean and its 95% interval"]
    ends = np.asarray(bars.get_ydata()).reshape(2, 3)
    assert np.isnan(ends[:, 2]).all()
    assert ends[:, :2].mean(axis=1).tolist() == pytest.approx([4.0, 3.8])
    assert not any(line.get_label() == "mean" for line in ax.get_lines())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["none", "full"]


def test_the_dots_of_a_large_map_are_one_mark_and_leave_its_colours_to_be_seen() -> None:
    """However many settings are as good as the best, and however small their tiles are."""
    over = ("breaker.failure_threshold=1:40:1", "breaker.recovery_timeout=1s:40s:1s")
    ax = heatmap(made([GOOD] * 1600, *over))
    (dots,) = [line for line in ax.get_lines() if len(line.get_xdata()) > 1]
    assert len(dots.get_xdata()) == 1599
    box = ax.get_window_extent()
    assert dots.get_markersize() < min(box.width, box.height) / ax.figure.dpi * 72 / 40 / 2


def test_three_axes_are_small_multiples_with_one_scale() -> None:
    """A map for each value of the third, coloured alike."""
    over = {**{k: v[:2] for k, v in OVER.items()}, "store.workers": [4, 8]}
    result = sweep(scenario(), over, replicates=1, workers=0)
    figure = sweep_figure(result)
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.get_title() for ax in panels] == ["store.workers = 4", "store.workers = 8"]
    assert len({ax.images[0].norm.vmax for ax in panels}) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"design": "lhs:6"},
        {"design": "zip"},
        {"refine": "success=60%", "depth": 1},
    ],
    ids=["sampled", "zipped", "refined"],
)
def test_whatever_was_swept_can_be_drawn(more: dict[str, object]) -> None:
    """And twice the same is the same bytes."""
    over = {"breaker.failure_threshold": "1..20/2", "faults.0.for": "1s..9s/2@log"}
    result = sweep(scenario(), over, replicates=1, workers=0, **more)  # type: ignore[arg-type]
    assert drawn(sweep_figure(result), "svg") == drawn(sweep_figure(result), "svg")


def test_four_axes_are_points_over_each() -> None:
    """What no map can show is shown axis by axis."""
    over = {
        "breaker.failure_threshold": [1, 3],
        "breaker.recovery_timeout": ["1s", "2s"],
        "store.workers": [4, 8],
        "calls.store.timeout": ["500ms", "1s"],
    }
    result = sweep(scenario(), over, replicates=1, workers=0)
    assert [ax.get_xlabel() for ax in sweep_figure(result).axes] == list(over)


def test_a_map_of_settings_in_a_line_has_no_colours_between() -> None:
    """Zipped axes lie on a diagonal: points, and no surface."""
    over = {"breaker.failure_threshold": [1, 3, 5], "store.workers": [1, 3, 5]}
    result = sweep(scenario(), over, design="zip", replicates=1, workers=0)
    assert scatter_map(result).get_xlabel() == "breaker.failure_threshold"


def test_the_files_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    """Whoever ran what and when, equal sweeps give equal files."""
    pytest.importorskip("pyarrow")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        document = sweep_document(swept(), repeat="again", parquet=True)
        write_study(document, tmp_path / name)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["cells.csv", "cells.parquet", "map.png", "ranking.csv", "summary.json"]
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_parquet_has_the_numbers_of_the_table(tmp_path: Path) -> None:
    """A row for every run, what is undefined null."""
    parquet = pytest.importorskip("pyarrow.parquet")
    write_study(sweep_document(swept(), parquet=True), tmp_path)
    read = parquet.read_table(tmp_path / "cells.parquet")
    assert read.num_rows == 36
    numbers = read.column("goodput").to_pylist()
    index = [str(column) for column in swept().table.columns].index("goodput")
    assert numbers == swept().table.values[:, :, index].ravel().tolist()
    assert read.column("breaker.recovery_timeout").to_pylist()[:4] == ["1s"] * 4


def test_parquet_without_its_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra's name is in the message."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"simcb\[parquet\]"):
        write_study(sweep_document(swept(), parquet=True), tmp_path)


def test_a_notebook_sees_the_best_of_each_world_and_none_where_all_fails() -> None:
    """`sw.bests()`, `sw.best()` and the card agree."""
    numbers = [[8.0, 8.1], [9.0, 9.1], [3.0, 3.1], [1.0, 1.1]]
    view = SweepView(made(numbers, "store.workers=1,8", "failure_threshold=1,30", by="goodput"))
    assert view.best() is None
    assert [each.values["failure_threshold"] for each in view.bests()] == [30, 1]
    assert "best for 8: store.workers = 8, failure_threshold = 1" in repr(view.bests()[1])
    assert "3.05" in view.bests()[1]._repr_html_()
    assert "best for each store.workers" in view._repr_html_()
    failed = SweepView(made([[1.0] * 2, [1.0] * 2], "failure_threshold=1,30", by="collapse"))
    assert (failed.best(), failed.bests()) == (None, ())
    assert "no best: every setting collapses in every run" in failed._repr_html_()
    assert "no best" in repr(failed)


def test_a_notebook_sees_the_best_the_table_and_the_plots() -> None:
    """`sw.best()`, `sw.df`, `sw.plot`, and a card."""
    pytest.importorskip("pandas")
    view = notebook_sweep(scenario(), OVER, replicates=4, workers=0)
    best = view.best()
    assert best is not None
    assert best.values == swept().values_of(swept().ranking[0].setting)
    assert best.scenario == swept().scenario_of(swept().ranking[0].setting)
    assert len(view.df) == 36
    assert set(OVER) < set(view.df.columns)
    assert isinstance(view.plot(), Figure)
    assert view.plot.heatmap("p99").get_xlabel() == "breaker.failure_threshold"
    assert view.plot.lines("utilisation{store}").get_ylabel() == "utilisation{store} (%)"
    assert "best: breaker.failure_threshold" in view._repr_html_()
    assert repr(best).startswith("<best: breaker.failure_threshold = ")
    assert repr(best).endswith(f"{findings(view.result)[-1]}>")
    assert len(repr(best)) < 400
    assert best._repr_html_().count("<tr>") == 4
    assert repr(view).startswith("<sweep of 'small': best")


def test_a_sweeps_directory_opens_as_a_view(tmp_path: Path) -> None:
    """`simcb.open` gives what `simcb.sweep` gave, ranked by another number if asked."""
    kept(tmp_path)
    view = simcb.open(tmp_path)
    assert isinstance(view, SweepView)
    assert view._repr_html_() == SweepView(swept())._repr_html_()
    other = simcb.open(tmp_path, by="p99")
    assert isinstance(other, SweepView)
    assert str(other.result.objective) == "p99"


def test_an_interrupted_sweep_says_so_in_its_view(tmp_path: Path) -> None:
    """On the card and in the picture's title."""
    kept(tmp_path, stop=after(2))
    view = simcb.open(tmp_path)
    assert "interrupted" in view._repr_html_()
    assert "incomplete" in view.plot().texts[1].get_text()


@pytest.mark.slow
def test_a_notebook_loads_nothing_heavy_for_a_sweep() -> None:
    """No matplotlib and no pandas until a plot or a frame is asked for."""
    program = (
        "import sys\nfrom simcb.views.notebook_studies import sweep\n"
        "from simcb.scenario import parse_scenario\n"
        f"s = parse_scenario({SMALL!r})\n"
        "repr(sweep(s, {'breaker.failure_threshold': [1]}, replicates=1, workers=0))\n"
        "print([m for m in ('matplotlib', 'pandas', 'distributed') if m in sys.modules])\n"
    )
    root = str(Path(simcb.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=60
    )
    assert done.stdout == "[]\n", done.stderr
