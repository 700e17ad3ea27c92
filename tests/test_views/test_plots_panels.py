"""Panels show what they are given: lines, gaps, windows, names and legends."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from test_views.plot_cases import course, curves, flat, legend_texts, line, outage, service

from simcb.trace import FaultInfo
from simcb.views.plots import PANELS, curves_of, latency, load, outcomes, states, workers
from simcb.views.plots.curves import Limit, band
from simcb.views.plots.frame import clock_text, tidy_step
from simcb.views.plots.panels import rate_text, seconds_text
from simcb.views.plots.style import BASELINE_COLOR, STATE_FILLS

HANG = FaultInfo("hang:payments", "hang", "payments", 2.0, 4.0)


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_is_drawn_into_the_axes_it_is_given(name: str) -> None:
    """`ax=` is honoured, returned, and shares its figure with whatever else is on it."""
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert PANELS[name](curves_of(outage(baseline=True)), right) is right
    assert right.has_data()
    assert not left.has_data()


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_makes_axes_of_its_own_and_leaves_pyplot_alone(name: str) -> None:
    """Without `ax` there is a new figure, which is not on pyplot's list of figures."""
    before = dict(plt.rcParams)
    ax = PANELS[name](curves_of(outage()))
    assert ax.figure.axes == [ax]
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_has_labelled_axes_in_simulated_time(name: str) -> None:
    """Time runs from the beginning to the end of the run and says its unit."""
    ax = PANELS[name](curves_of(outage()))
    assert ax.get_xlim() == (0.0, 40.0)
    assert ax.get_xlabel() == "simulated time (s)"
    assert name == "states" or ax.get_ylabel()


@pytest.mark.parametrize("name", PANELS)
def test_every_panel_has_a_docstring(name: str) -> None:
    assert PANELS[name].__doc__


@pytest.mark.parametrize("name", [name for name in PANELS if name != "states"])
def test_fault_windows_are_hatched_behind_the_curves_and_named(name: str) -> None:
    """A fault covers exactly its window, behind everything, and the legend says which it is."""
    (fault,) = outage().trace.layout.faults
    ax = PANELS[name](curves_of(outage()))
    (window,) = [each for each in ax.patches if each.get_label() == f"fault: {fault.name}"]
    x0, x1 = window.get_extents().transformed(ax.transData.inverted()).intervalx
    assert (x0, x1) == pytest.approx((10.0, 20.0))
    assert window.get_hatch()
    assert all(window.get_zorder() < each.get_zorder() for each in ax.get_lines())
    assert f"fault: {fault.name}" in legend_texts(ax)


def test_a_fault_that_outlives_the_run_ends_with_it() -> None:
    forever = FaultInfo("hang:payments", "hang", "payments", 6.0, 600.0)
    ax = outcomes(curves(faults=(forever,)))
    (window,) = ax.patches
    assert window.get_extents().transformed(ax.transData.inverted()).x1 == pytest.approx(10.0)
    assert ax.get_xlim() == (0.0, 10.0)


def test_many_faults_are_counted_instead_of_named() -> None:
    many = tuple(FaultInfo(f"f{i}", "hang", "x", float(i), i + 0.5) for i in range(5))
    assert legend_texts(outcomes(curves(faults=many)))[-1] == "5 faults"


def test_latency_has_gaps_where_nobody_was_answered() -> None:
    """A bin without a value is nan in the line, and never bridged or drawn as zero."""
    values = np.array([0.1, 0.1, np.nan, np.nan, 0.3, np.nan, 0.1, 0.1, 0.1, 0.1])
    ax = latency(curves(latency={"p95": band([values])}))
    drawn = line(ax, "p95")
    assert np.array_equal(drawn.get_ydata(), values, equal_nan=True)
    assert np.array_equal(drawn.get_xdata(), np.arange(10) + 0.5)
    assert ax.get_yscale() == "log"


def test_a_value_between_two_gaps_is_a_dot() -> None:
    """A line through one point would be invisible."""
    values = np.array([0.1, 0.1, np.nan, np.nan, 0.3, np.nan, 0.1, 0.1, 0.1, 0.1])
    drawn = line(latency(curves(latency={"p95": band([values])})), "p95")
    assert drawn.get_marker() == "o"
    assert drawn.get_markevery() == [4]


def test_latency_shows_every_value_and_threshold_within_its_limits() -> None:
    slow = Limit("success_p99 < 20s", 20.0, ((0.0, 10.0),), passed=True)
    ax = latency(curves(latency={"p50": flat(0.004), "p99": flat(1.5)}, limits=(slow,)))
    low, high = ax.get_ylim()
    assert low < 0.004
    assert high > 20.0


def test_latency_without_any_answer_says_so() -> None:
    """An empty panel is a statement, not a mistake."""
    ax = latency(curves())
    assert [text.get_text() for text in ax.texts] == ["no request ended ok"]
    assert 0.0 < ax.get_ylim()[0] < ax.get_ylim()[1]


def test_a_latency_of_zero_does_not_break_the_logarithm() -> None:
    """An answer in no time is drawn at the lower end, where a logarithm can be."""
    ax = latency(curves(latency={"p50": flat(0.0), "p99": flat(0.0)}))
    low, high = ax.get_ylim()
    assert 0.0 < low < line(ax, "p50").get_ydata()[0] < high


def test_a_threshold_is_dotted_over_its_phase_and_tells_its_fate() -> None:
    limits = (
        Limit("success_p99{fault} < 1s", 1.0, ((2.0, 4.0), (6.0, 7.0)), passed=False),
        Limit("success_p50 < 5s", 5.0, ((0.0, 10.0),), passed=True),
    )
    ax = latency(curves(latency={"p99": flat(0.5)}, limits=limits))
    missed = line(ax, "success_p99{fault} < 1s ✗")
    kept = line(ax, "success_p50 < 5s ✓")
    expected = [2.0, 4.0, np.nan, 6.0, 7.0, np.nan]
    assert np.array_equal(missed.get_xdata(), expected, equal_nan=True)
    assert np.nanmax(missed.get_ydata()) == np.nanmin(missed.get_ydata()) == 1.0
    assert missed.get_linestyle() != "-"
    assert missed.get_color() != kept.get_color()
    assert {"success_p99{fault} < 1s ✗", "success_p50 < 5s ✓"} <= set(legend_texts(ax))


@pytest.mark.parametrize("name", ["latency", "load", "outcomes", "workers"])
def test_the_baseline_is_dashed_grey(name: str) -> None:
    ax = PANELS[name](curves_of(outage(baseline=True)))
    (label,) = [each for each in legend_texts(ax) if each.endswith("without breakers")]
    drawn = line(ax, label)
    assert drawn.get_linestyle() == "--"
    assert drawn.get_color() == BASELINE_COLOR
    assert not any("without" in each for each in legend_texts(PANELS[name](curves_of(outage()))))


def test_replicates_are_a_median_in_a_band() -> None:
    """Each curve of several replicates has its 10–90 % band; one replicate has none."""
    rows = [np.full(10, value) for value in np.linspace(1.0, 2.0, 11)]
    ax = latency(curves(latency={"p50": band(rows)}))
    assert np.allclose(line(ax, "p50").get_ydata(), 1.5)
    (area,) = [each for each in ax.collections if isinstance(each, PolyCollection)]
    heights = area.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((1.1, 1.9))
    assert not latency(curves(latency={"p50": flat(1.0)})).collections


def test_load_draws_offered_each_service_and_the_guarded_ones_capacity() -> None:
    ax = load(
        curves(
            offered=flat(40.0),
            services=(
                service("front", flat(45.0), flat(60.0)),
                service("db", flat(80.0), flat(100.0), guarded=True),
            ),
        )
    )
    heights = {each.get_label(): each.get_ydata()[0] for each in ax.get_lines()}
    assert heights == {
        "offered": 40.0,
        "reaching front": 45.0,
        "reaching db": 80.0,
        "capacity of db": 100.0,
    }
    assert ax.get_ylim()[0] == 0.0
    assert ax.get_ylim()[1] > 100.0
    assert line(ax, "capacity of db").get_color() == line(ax, "reaching db").get_color()


def test_without_a_guarded_service_the_capacity_is_of_the_one_closest_to_its_limit() -> None:
    idle = service("idle", flat(10.0), flat(20.0))
    strained = service("strained", flat(90.0), flat(100.0))
    labels = [each.get_label() for each in load(curves(services=(idle, strained))).get_lines()]
    assert "capacity of strained" in labels
    assert "capacity of idle" not in labels


def test_a_capacity_far_above_the_load_is_named_and_does_not_flatten_it() -> None:
    far = service("db", flat(50.0), flat(5000.0), guarded=True)
    ax = load(curves(offered=flat(40.0), services=(far,)))
    assert "capacity of db (5,000/s, above)" in legend_texts(ax)
    assert ax.get_ylim()[1] < 100.0


def test_of_many_services_the_busiest_are_drawn_and_the_rest_is_counted() -> None:
    crowd = [service(f"s{i}", flat(10.0 + i)) for i in range(7)]
    unreached = service("spare", flat(0.0))
    texts = legend_texts(load(curves(services=(*crowd, unreached))))
    assert "reaching s6 (+3 not shown)" in texts
    assert not any("s1" in text or "spare" in text for text in texts)


def test_outcomes_are_stacked_up_to_the_offered_load() -> None:
    parts = {"ok": flat(20.0), "degraded": flat(5.0), "failed": flat(10.0)}
    ax = outcomes(curves(outcomes=parts))
    spans = {
        area.get_label(): (
            area.get_paths()[0].vertices[:, 1].min(),
            area.get_paths()[0].vertices[:, 1].max(),
        )
        for area in ax.collections
    }
    assert spans == {"ok": (0.0, 20.0), "degraded": (20.0, 25.0), "failed": (25.0, 35.0)}
    assert legend_texts(ax) == ["ok", "degraded", "failed"]


def test_outcomes_of_a_run_that_nobody_asked_anything_say_so() -> None:
    assert [text.get_text() for text in outcomes(curves()).texts] == ["no request arrived"]


def test_workers_show_busy_shares() -> None:
    ax = workers(curves(services=(service("db", flat(10.0)),)))
    assert set(line(ax, "busy in db").get_ydata()) == {0.5}
    assert ax.get_ylim()[1] > 1.0


def test_each_of_few_breakers_has_a_row_with_its_states() -> None:
    """A row shows the exact moments of change, in the state's colour, under the breaker's name."""
    first = course("a->b", (0.0, 3.0, "closed"), (3.0, 9.0, "open"), (9.0, 10.0, "half_open"))
    second = course("a->c", (0.0, 10.0, "closed"))
    ax = states(curves(breakers=(first, second)))
    bars = {each.get_label(): each for each in ax.collections}
    assert set(bars) == {"a->b: closed", "a->b: open", "a->b: half_open", "a->c: closed"}
    for state, span in (("closed", (0, 3)), ("open", (3, 9)), ("half_open", (9, 10))):
        bar = bars[f"a->b: {state}"]
        (path,) = bar.get_paths()
        assert tuple(path.get_extents().intervalx) == span
        assert to_hex(bar.get_facecolor()[0]) == STATE_FILLS[state].color.lower()
    assert bars["a->b: half_open"].get_hatch()
    assert [each.get_text() for each in ax.get_yticklabels()] == ["a→b", "a→c"]
    assert legend_texts(ax) == ["closed", "half-open", "open"]


def test_more_than_six_breakers_are_shown_as_shares() -> None:
    crowd = tuple(course(f"b{i}", (0.0, 10.0, "closed")) for i in range(7))
    ax = states(curves(breakers=crowd))
    assert "share of 7 breakers" in [each.get_text() for each in ax.get_yticklabels()]
    assert len(states(curves(breakers=crowd[:6])).get_yticks()) == 6


def test_a_run_without_breakers_says_so() -> None:
    ax = states(curves())
    assert [each.get_text() for each in ax.get_yticklabels()] == ["no breaker"]
    assert legend_texts(ax) == []


FLAP = tuple(FaultInfo("flap", "errors", "payments", n, n + 0.4) for n in (1.0, 2.0, 3.0, 6.0))


def test_a_fault_that_comes_again_is_named_once() -> None:
    """Alone in its lane it has its name at the side, beside another it is where there is room."""
    ax = states(curves(faults=FLAP, breakers=(course("b"),)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["flap", "b"]
    assert [text.get_text() for text in ax.texts] == []
    late = FaultInfo("late", "hang", "payments", 8.0, 9.0)
    ax = states(curves(faults=(*FLAP, late), breakers=(course("b"),)))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["faults", "b"]
    assert [text.get_text() for text in ax.texts] == ["flap", "late"]
    assert ax.texts[0].get_position()[0] > 3.0


def test_a_legend_counts_faults_and_not_their_windows() -> None:
    """A fault that comes four times is one of four."""
    others = tuple(FaultInfo(name, "hang", "payments", 1.0, 2.0) for name in "abc")
    assert "fault: flap" in legend_texts(workers(curves(faults=FLAP)))
    assert "4 faults" in legend_texts(workers(curves(faults=(*FLAP, *others))))


def test_overlapping_faults_lie_in_lanes_of_their_own() -> None:
    """Names of faults at the same time never lie upon each other."""
    pair = (HANG, FaultInfo("surge", "surge", "shop", 3.0, 5.0))
    later = FaultInfo("late", "hang", "payments", 8.0, 9.0)
    ax = states(curves(faults=(*pair, later)))
    heights = {each.get_text(): each.get_position()[1] for each in ax.texts}
    assert heights["hang:payments"] == heights["late"] != heights["surge"]


def test_the_names_of_neighbouring_faults_do_not_overlap() -> None:
    """However narrow the bars and long the names: they are shortened to the room there is."""
    crowd = tuple(
        FaultInfo(f"a-long-name-for-fault-{i}", "hang", "db", i * 1.0, i + 0.2) for i in range(10)
    )
    ax = states(curves(faults=crowd))
    ax.figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.x0)
    assert all(left.x1 <= right.x0 for left, right in itertools.pairwise(boxes))


@pytest.mark.parametrize(
    ("seconds", "duration", "text"),
    [
        (0.5, 5.0, "0.5"),
        (60.0, 90.0, "60"),
        (125.0, 480.0, "2:05"),
        (3725.0, 10_800.0, "1:02:05"),
        (0.0, 480.0, "0:00"),
    ],
)
def test_moments_are_written_as_people_write_them(
    seconds: float, duration: float, text: str
) -> None:
    assert clock_text(seconds, duration) == text


@pytest.mark.parametrize("duration", [0.001, 0.5, 5, 60, 90, 480, 3600, 86_400, 1e6, 1e9])
def test_there_are_some_ticks_but_never_many(duration: float) -> None:
    assert 2 <= duration / tidy_step(duration) <= 10.1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2e-5, "20 µs"), (0.005, "5 ms"), (0.9999, "1 s"), (10.0, "10 s"), (1000.0, "1,000 s")],
)
def test_latencies_have_units(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"), [(5364.9, "5,365/s"), (66.67, "66.7/s"), (0.5, "0.500/s"), (0.0, "0/s")]
)
def test_rates_have_units(rate: float, text: str) -> None:
    assert rate_text(rate) == text
