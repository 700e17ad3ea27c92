"""What the plots of sweeps and tunes share: units people read, limits, marks for settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from simcb.metrics import Estimate, Unit, place_of
from simcb.studies.sweep import Objective, SweepResult
from simcb.studies.sweep.axes import quantity_of
from simcb.studies.sweep.columns import Floats
from simcb.views.plots.captions import best_of
from simcb.views.plots.style import INK, MISSED_COLOR
from simcb.views.quantities import quantity


class Limit(NamedTuple):
    """Where a line runs through a number, in its own unit: a threshold, or a refined border."""

    value: float
    text: str


def drawable(found: Estimate) -> float:
    """Return an estimate's mean as a number to draw: nan if undefined or never."""
    return found.mean if found.mean is not None and not found.never else float("nan")


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
