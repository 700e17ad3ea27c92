"""What the plots of sweeps and tunes share: heads, keys, units people read, limits, marks.

A mark has its label from when it is drawn, so the key names what occurs and no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D

from simcb.metrics import Estimate, Unit, place_of
from simcb.scenario.sweep import Kind
from simcb.scenario.units import quantity_of
from simcb.studies.evaluation.cells import Floats
from simcb.studies.evaluation.objective import Objective
from simcb.studies.sweep import TOLERANCE, SweepResult
from simcb.studies.tune import TuneResult
from simcb.views.plots.style import (
    BASELINE_COLOR,
    FONT,
    INK,
    LABEL_SIZE,
    MISSED_COLOR,
    SMALL_SIZE,
    TITLE_SIZE,
)
from simcb.views.plots.text_fit import letters, shortened, text_width
from simcb.views.quantities import quantity
from simcb.views.safe_text import one_line
from simcb.views.sweep_findings import outdone
from simcb.views.tune_data import shown_value

BEST = "best"
AS_GOOD = f"cannot be told from it within {TOLERANCE:.0%}"
WORSE = "worse than it"
MEAN = "mean"
INTERVAL = "its 95% interval"
MEAN_AND_INTERVAL = "mean and its 95% interval"
SETTING = "a setting; colours between are interpolated"

TITLE_HEIGHT = 0.32
"""Inches that the title takes at the top of a figure."""

KEY_HEIGHT = 0.28
"""Inches that one key for all panels takes below the title."""

BEST_HEIGHT = 0.24
"""Inches that a line below the title takes: a tune's best setting, or what is better."""

KEY_LINE = 0.18
"""Inches that a line of a key takes."""

_LONGEST_LABEL = 3.4
_LONGEST_IN_COLUMNS = 2.0
_LARGEST_MARK = 7.0
_EDGE = 0.06
_MARK = 0.5
"""Inches that a mark of the key takes, and the space around its label."""

_LOOK: dict[str, Any] = {
    "frameon": False,
    "borderaxespad": 0.15,
    "borderpad": 0.2,
    "columnspacing": 1.6,
    "handlelength": 1.6,
    "handletextpad": 0.5,
    "prop": {"family": FONT, "size": SMALL_SIZE},
}
_CLOSER = {"columnspacing": 1.4, "handlelength": 1.5}
_MADE = {Kind.GRID: "", Kind.ZIP: ", zipped", Kind.LHS: ", Latin hypercube"}


def best_of(result: SweepResult) -> str:
    """Return what the ring around a best setting is called: of all, or of each world."""
    given = [
        label for label, policy in zip(result.labels, result.policies, strict=True) if not policy
    ]
    return f"{BEST} for each {' and '.join(given)}" if given else BEST


def head_sweep(figure: Figure, result: SweepResult, shown: Objective) -> None:
    """Head a figure with the scenario, the number shown, how much was run, and what is better.

    The last is a line of its own, and only where something is; `head_height` knows.
    """
    run = (
        f"{len(result)} settings × {result.replicates} replicates"
        f"{_MADE[result.design.kind]}, seed {result.seed}"
    )
    _head(figure, result.scenario.name, f": {shown}", run, complete=result.complete)
    if head_height(result, shown) > TITLE_HEIGHT:
        _line(figure, one_line(outdone(result)), TITLE_HEIGHT, LABEL_SIZE, INK)


def head_height(result: SweepResult, shown: Objective) -> float:
    """Return how many inches the head of a sweep's figure takes."""
    more = shown == result.objective and outdone(result)
    return TITLE_HEIGHT + (BEST_HEIGHT if more else 0.0)


def head_tune(figure: Figure, result: TuneResult) -> None:
    """Head a figure with the scenarios, the best setting, how much was run, and a key.

    The panels have to be there already; they are given the room below.
    """
    run = (
        f"{result.searched} + {len(result.trials) - result.searched} settings, up to "
        f"{result.replicates} replicates, seed {result.seed}"
    )
    aims = ": " + ", ".join(f"{aim.better.value} {aim}" for aim in result.aims)
    names = ", ".join(scenario.name for scenario in result.scenarios)
    _head(figure, names, aims, run, complete=result.complete)
    best = ", ".join(
        f"{label} = {shown_value(value)}"
        for label, value in zip(
            result.labels, result.trials[result.winner or 0].setting.values, strict=True
        )
    )
    found = "best" if result.feasible else "nearest to the limits, which nothing keeps"
    _line(figure, f"{found}: {best}", TITLE_HEIGHT, LABEL_SIZE, INK)
    taken = TITLE_HEIGHT + BEST_HEIGHT
    taken += _key_in_columns(figure, taken) + 0.04
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(rect=(0.0, 0.0, 1.0, 1.0 - taken / figure.get_size_inches()[1]))


def _head(figure: Figure, name: str, shown: str, run: str, *, complete: bool) -> None:
    """Write what a figure is about, its name shortened to the room, and how much was run."""
    run += "" if complete else ", incomplete"
    width = figure.get_size_inches()[0]
    room = width - text_width(run, LABEL_SIZE) - text_width(shown, TITLE_SIZE) - 0.4
    title = f"{shortened(name, max(room, 0.8), TITLE_SIZE)}{shown}"
    _line(figure, title, 0.07, TITLE_SIZE, INK)
    _line(figure, run, 0.07, LABEL_SIZE, BASELINE_COLOR, side="right")


def _line(
    figure: Figure, text: str, down: float, size: float, color: str, *, side: str = "left"
) -> None:
    """Write a line so many inches below a figure's top."""
    width, height = figure.get_size_inches()
    x = _EDGE if side == "left" else width - _EDGE
    written = shortened(text, width - 2 * _EDGE, size)
    look = letters(size, color) | {"ha": side, "va": "top", "in_layout": False}
    figure.text(x / width, 1.0 - down / height, written, **look)


def key(ax: Axes) -> None:
    """Say above a panel what its marks mean."""
    marks = _labelled([ax])
    if marks:
        legend = ax.legend(list(marks.values()), list(marks), ncols=len(marks), **_LOOK)
        legend.set_loc("lower left")
        legend.set_bbox_to_anchor((0.0, 1.0), ax.transAxes)
        _letter(legend)


def key_of(figure: Figure, down: float) -> None:
    """Say so many inches below a figure's top what the marks of all its panels mean."""
    marks = _labelled(figure.axes)
    if marks:
        _place(figure, marks, down, len(marks), _LOOK)


def _key_in_columns(figure: Figure, down: float) -> float:
    """Say the same in as many lines as it needs, so far below the top; return its height."""
    marks: dict[str, Artist] = {}
    for label, artist in _labelled(figure.axes).items():
        marks.setdefault(shortened(label, _LONGEST_IN_COLUMNS, SMALL_SIZE), artist)
    if not marks:
        return 0.0
    widest = max(text_width(label, SMALL_SIZE) for label in marks) + _MARK
    room = figure.get_size_inches()[0] - 0.2
    columns = max(1, min(len(marks), int(room / widest)))
    _place(figure, marks, down, columns, _LOOK | _CLOSER)
    return KEY_LINE * math.ceil(len(marks) / columns) + 0.08


def _place(
    figure: Figure, marks: dict[str, Artist], down: float, columns: int, look: dict[str, Any]
) -> None:
    width, height = figure.get_size_inches()
    legend = figure.legend(list(marks.values()), list(marks), ncols=columns, **look)
    legend.set_loc("upper left")
    legend.set_bbox_to_anchor((_EDGE / width, 1.0 - down / height), figure.transFigure)
    legend.set_in_layout(False)
    _letter(legend)


def _labelled(panels: Iterable[Axes]) -> dict[str, Artist]:
    marks: dict[str, Artist] = {}
    for ax in panels:
        for artist, label in zip(*ax.get_legend_handles_labels(), strict=True):
            marks.setdefault(label, artist)
    return marks


def _letter(legend: Legend) -> None:
    for text in legend.get_texts():
        text.set(**letters(SMALL_SIZE))
        text.set_text(shortened(text.get_text(), _LONGEST_LABEL, SMALL_SIZE))
    for handle in legend.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_markersize(min(_LARGEST_MARK, handle.get_markersize()))


class Limit(NamedTuple):
    """Where a line runs through a number, in its own unit: a threshold, or a refined border."""

    value: float
    text: str


def drawable(found: Estimate) -> float:
    """Return an estimate's mean as a number to draw: nan if undefined or never."""
    return found.mean if found.mean is not None and not found.never else float("nan")


def intervals(found: Sequence[Estimate], factor: float) -> tuple[Floats, Floats, Floats]:
    """Return where intervals begin, their means and where they end, times `factor`.

    Without an interval both ends are at the mean.
    """
    means = [drawable(each) for each in found]
    lows = [mean if e.low is None else e.low for e, mean in zip(found, means, strict=True)]
    highs = [mean if e.high is None else e.high for e, mean in zip(found, means, strict=True)]
    low, middle, high = np.array([lows, means, highs], np.float64) * factor
    return low, middle, high


def limits_on(result: SweepResult, objective: Objective) -> list[Limit]:
    """Return the scenario's thresholds on a number, and the refined border's value."""
    column = objective.column
    place = (column.metric, column.phase, column.of)
    found = [
        Limit(threshold.limit, f"threshold {threshold.text}")
        for threshold in result.scenario.thresholds
        if (threshold.metric, *place_of(threshold, result.scenario)) == place
    ]
    if result.border is not None and result.border.objective.column == column:
        value = quantity(result.border.value, objective.unit)
        found.append(Limit(result.border.value, f"border {objective} = {value}"))
    return sorted({each.value: each for each in found}.values(), key=lambda each: each.value)


def name_of(objective: Objective) -> str:
    """Return a number's name with its unit, for an axis."""
    unit = {Unit.SECONDS: " (s)", Unit.PER_SECOND: " (1/s)", Unit.SHARE: " (%)"}
    return f"{objective}{unit.get(objective.unit, '')}"


def factor_of(objective: Objective) -> float:
    """Return what to multiply a number with to draw it."""
    return 100.0 if objective.unit is Unit.SHARE else 1.0


def ring(ax: Axes, x: float, y: float, label: str = "") -> None:
    """Put a ring around the best setting's place; its label is for the key."""
    ax.plot(
        [x],
        [y],
        "o",
        markersize=11.5,
        markerfacecolor="none",
        markeredgecolor=MISSED_COLOR,
        markeredgewidth=1.8,
        zorder=4,
        clip_on=False,
        label=label or None,
    )


def rings(ax: Axes, result: SweepResult, x: Floats, y: Floats) -> None:
    """Ring the best setting, or that of each world, at its place by its number."""
    for index, best in enumerate(result.bests):
        place = float(x[best.setting]), float(y[best.setting])
        ring(ax, *place, "" if index else best_of(result))


def dots(
    ax: Axes,
    x: Floats,
    y: Floats,
    colours: Sequence[str],
    size: float,
    *,
    edge: str = INK,
    edge_width: float = 0.3,
) -> None:
    """Draw points, each in its colour.

    They are drawn as marks of lines: a collection of points would carry random names into SVG
    files, and equal plots would not be equal bytes.
    """
    for colour in dict.fromkeys(colours):
        chosen = [index for index, each in enumerate(colours) if each == colour]
        ax.plot(
            x[chosen],
            y[chosen],
            "o",
            markersize=size,
            color=colour,
            markeredgecolor=edge,
            markeredgewidth=edge_width,
            zorder=3,
            clip_on=False,
        )


def named(ax: Axes, label: str, colour: str, *, mark: str = "", style: object = "") -> None:
    """Name a mark for the key without drawing it: a marker, or a line of a style."""
    ax.plot(
        [], [], marker=mark, linestyle=style or "none", color=colour, markersize=4.4, label=label
    )


def places_along(result: SweepResult, index: int) -> Floats:
    """Return where each setting lies along an axis: at its number, or at its word's place."""
    axis = result.axes[index]
    words = [str(value) for value in axis.values]
    found = []
    for setting in result.settings:
        known = quantity_of(setting.values[index])
        found.append(known.number if known else float(words.index(str(setting.values[index]))))
    return np.array(found, np.float64)
