"""The pictures of sweeps say in words what they show: axes, units, what was run, the marks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from test_studies.sweep_cases import OVER, SMALL, made, scenario, sweep, swept

from simcb.studies.evaluation.objective import parse_objective
from simcb.studies.evaluation.settings import parse_axis
from simcb.studies.sweep import SweepResult
from simcb.views.plots.axes import label_values, tidy_values
from simcb.views.plots.figures import new_picture
from simcb.views.plots.maps import scatter_map
from simcb.views.plots.sweep import sweep_figure
from simcb.views.sweep_view import SweepPlots


@cache
def sampled() -> SweepResult:
    """Return a sample of eight settings over an integer and a duration by factors."""
    over = ["breaker.failure_threshold=1..9", "breaker.recovery_timeout=200ms..8s@log"]
    return sweep(scenario(), over, design="lhs:8", replicates=2, workers=0)


def labels(ax: Axes, which: str) -> list[str]:
    """Return what is written along an axis."""
    found = ax.get_xticklabels() if which == "x" else ax.get_yticklabels()
    return [each.get_text() for each in found]


def words(figure: Figure) -> list[str]:
    """Return the words above a figure's panels: title, what was run, and keys."""
    legends = [*figure.legends, *(ax.get_legend() for ax in figure.axes)]
    keys = [text.get_text() for each in legends if each for text in each.get_texts()]
    return [text.get_text() for text in figure.texts] + keys


def test_zipped_axes_are_all_named() -> None:
    """What is varied together stands together: below the axis, and at each of its ticks."""
    result = sweep(
        scenario(),
        {"breaker.recovery_timeout": ["1s", "2s"], "breaker.failure_threshold": [1, 3]},
        design="zip",
        replicates=1,
        workers=0,
    )
    (ax,) = sweep_figure(result).axes
    assert ax.get_xlabel() == "breaker.recovery_timeout, breaker.failure_threshold"
    assert labels(ax, "x") == ["1s, 1", "2s, 3"]


def test_a_sample_has_units_and_whole_numbers_along_its_axes() -> None:
    """Thresholds stand at integers, durations as a file has them."""
    ax = scatter_map(sampled())
    assert labels(ax, "x") == [str(number) for number in range(1, 10)]
    assert labels(ax, "y") == ["200ms", "500ms", "1s", "2s", "5s"]
    panels = sweep_figure(four_axes()).axes
    assert labels(panels[1], "x") == ["200ms", "500ms", "1s", "2s", "5s"]
    assert all(label.endswith("ms") or label == "1s" for label in labels(panels[2], "x"))


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_what_is_better_than_every_setting_stands_above_the_picture(axes: int) -> None:
    """The ring is around the best setting; your own and no breaker are no settings."""
    over = {"breaker.recovery_timeout": ["5s", "8s"], "breaker.failure_threshold": [3, 4]}
    over = dict(list({**over, "store.timeout": ["400ms", "500ms"]}.items())[:axes])
    base = scenario(SMALL.replace("60%", "20%"))
    result = sweep(base, over, alone=False, replicates=3, workers=0)
    (line,) = (each for each in words(sweep_figure(result)) if "better" in each)
    assert line.startswith("better than the best setting: yours, 1")
    assert "; no breaker, 1" in line
    other = parse_objective("p99", base, result.table.columns)
    assert not any("better" in each for each in words(sweep_figure(result, other)))
    alone = sweep(base, over, replicates=3, workers=0)
    assert not any("better" in each for each in words(sweep_figure(alone)))


@cache
def four_axes() -> SweepResult:
    """Return a sample over more axes than a map has."""
    over = [
        "breaker.failure_threshold=1..9",
        "breaker.recovery_timeout=200ms..8s@log",
        "store.timeout=100ms..1s",
        "store.workers=2..12",
    ]
    return sweep(scenario(), over, design="lhs:6", replicates=2, workers=0)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("1..9", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("2..400@log", [2, 5, 10, 20, 50, 100, 200]),
        ("10ms..30ms@log", [0.01, 0.02, 0.03]),
        ("20s..5m", [30, 60, 90, 120, 150, 180, 210, 240, 270, 300]),
        ("5s..2h@log", [5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200]),
        ("10%..30%", [0.1, 0.125, 0.15, 0.175, 0.2, 0.225, 0.25, 0.275, 0.3]),
        ("0.001..1000@log", [0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        ("7/s..8/s@log", [7, 8]),
    ],
)
def test_ticks_of_a_range_are_tidy(spec: str, expected: list[float]) -> None:
    """Steps of a clock for durations, whole numbers for integers, decades where there are many."""
    span = parse_axis(f"x={spec}").span
    assert span is not None
    assert tidy_values(span) == pytest.approx(expected)


def test_no_value_is_written_over_another() -> None:
    """Of long values close together only those that have room are written."""
    ax = new_picture(3.0, 2.0).add_subplot()
    label_values(ax, "x", [float(n) for n in range(12)], [f"a long value {n}" for n in range(12)])
    assert 1 < len(labels(ax, "x")) < 5


def test_all_settings_lie_inside_the_frame() -> None:
    """There is room around the outermost points, so no dot is cut."""
    result = sampled()
    ax = scatter_map(result)
    for (low, high), axis in zip((ax.get_xlim(), ax.get_ylim()), result.axes, strict=True):
        assert axis.span is not None
        assert low < axis.span.low
        assert high > axis.span.high


def test_nothing_is_coloured_beyond_the_outermost_settings() -> None:
    """The colours are cut along straight lines from setting to setting."""
    ax = scatter_map(sampled())
    (mesh,) = [each for each in ax.collections if isinstance(each, QuadMesh)]
    path, transform = mesh.get_transformed_clip_path_and_affine()
    assert path is not None
    assert transform is not None
    hull = transform.transform(path.vertices)
    settings = [line for line in ax.get_lines() if len(line.get_xdata()) == len(sampled())]
    drawn = ax.transData.transform(settings[0].get_xydata())
    corners = {tuple(np.round(corner, 6)) for corner in hull}
    assert corners <= {tuple(np.round(point, 6)) for point in drawn}
    assert path.contains_points(drawn, transform, radius=0.5).all()


def test_the_title_says_what_was_run() -> None:
    """Scenario, number, settings, replicates and seed; and the design if it is no grid."""
    title, run, *_ = words(sweep_figure(swept()))
    assert title == "small: goodput"
    assert run == "9 settings × 4 replicates, seed 0"
    assert words(sweep_figure(sampled()))[1] == "8 settings × 2 replicates, Latin hypercube, seed 0"


def test_the_key_names_the_marks_that_occur_and_no_others() -> None:
    """Nothing is as good as a best that stands alone, and no threshold is on another number."""
    numbers = [[0.9, 0.91, 0.93], [0.7, 0.72, 0.71], [0.5, 0.51, 0.55], [0.3, 0.31, 0.3]]
    alone = made(numbers, "recovery_timeout=1s,5s", "failure_threshold=1,30", by="success")
    assert len(alone.tied) == 1
    assert words(sweep_figure(alone))[2:] == ["threshold success >= 60%", "best"]
    assert words(sweep_figure(swept()))[2:] == ["best", "cannot be told from it within 1%"]
    assert SweepPlots(swept()).heatmap("p99").get_legend() is None


@pytest.mark.parametrize("goodput", [[30.0, 30.0, 30.0, 30.0], [30.0, 29.9, 29.8, 29.75]])
def test_a_map_on_which_nothing_matters_has_one_colour(goodput: list[float]) -> None:
    """All within a hundredth of the best look alike; the bar spans that hundredth both ways."""
    numbers = [[each, each + 0.1] for each in goodput]
    result = made(numbers, "recovery_timeout=1s,5s", "failure_threshold=1,30", by="goodput")
    (image,) = SweepPlots(result).heatmap().images
    shades = np.asarray(image.to_rgba(image.get_array())).reshape(-1, 4)
    assert len({tuple(shade) for shade in shades.tolist()}) == 1
    assert image.norm.vmin == pytest.approx(30.05 * 0.99)
    assert image.norm.vmax == pytest.approx(30.05 * 1.01)


def test_what_matters_has_colours_that_span_it_and_the_tolerance() -> None:
    """Twice the tolerance is two colours, and neither end of the bar cuts the best's off."""
    numbers = [[each] * 2 for each in (30.0, 29.9, 29.6, 29.4)]
    result = made(numbers, "recovery_timeout=1s,5s", "failure_threshold=1,30", by="goodput")
    (image,) = SweepPlots(result).heatmap().images
    assert (image.norm.vmin, image.norm.vmax) == pytest.approx((29.4, 30.3))
    shades = np.asarray(image.to_rgba(image.get_array())).reshape(-1, 4)
    assert len({tuple(shade) for shade in shades.tolist()}) == 4


def test_a_curve_over_the_world_has_no_ring_and_each_world_has_its_own() -> None:
    """Where only the world is varied nothing is marked; a map rings the best of each column."""
    curve = made([[0.9, 0.91], [0.7, 0.71]], "arrivals.rate=5/s,50/s", by="success")
    assert words(sweep_figure(curve))[2:] == [
        "mean",
        "its 95% interval",
        "threshold success >= 60%",
    ]
    numbers = [[0.9, 0.91], [0.7, 0.71], [0.3, 0.31], [0.5, 0.51]]
    result = made(numbers, "arrivals.rate=5/s,50/s", "failure_threshold=1,30", by="goodput")
    ax = SweepPlots(result).heatmap()
    assert [tuple(ring.center) for ring in ax.patches] == [(0, 0), (1, 1)]  # type: ignore[attr-defined]
    assert "best for each arrivals.rate" in words(sweep_figure(result))


def test_panels_of_one_figure_share_a_key_and_a_bar() -> None:
    """Small multiples are explained once."""
    over = {**{k: v[:2] for k, v in OVER.items()}, "store.workers": [4, 8]}
    result = sweep(scenario(), over, replicates=2, workers=0)
    figure = sweep_figure(result)
    assert len(figure.legends) == 1
    assert len([ax for ax in figure.axes if not ax.images]) == 1
    assert all(ax.get_legend() is None for ax in figure.axes)
