"""What the plots of sweeps share: axes with a sweep's values on them, and units people read."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from simcb.metrics import Estimate, Unit
from simcb.studies.sweep import Axis, Objective, SweepResult
from simcb.studies.sweep.columns import Floats
from simcb.views.plots.lettering import shortened
from simcb.views.plots.style import FONT, INK, LABEL_SIZE, MISSED_COLOR, SMALL_SIZE

MOST_TICKS = 14


def drawable(found: Estimate) -> float:
    """Return an estimate's mean as a number to draw: nan if undefined or never."""
    return found.mean if found.mean is not None and not found.never else float("nan")


def thresholds_on(result: SweepResult, objective: Objective) -> list[float]:
    """Return where the scenario's thresholds on a number lie, and the refined border's value."""
    values = []
    column = objective.column
    for threshold in result.scenario.thresholds:
        phase = next((q for q in threshold.qualifiers if q != column.of), "whole")
        of = next((q for q in threshold.qualifiers if q in result.scenario.services), "")
        if (threshold.metric, phase, of) == (column.metric, column.phase, column.of):
            values.append(threshold.limit)
    if result.border is not None and result.border.objective.column == column:
        values.append(result.border.value)
    return sorted(set(values))


def name_of(objective: Objective) -> str:
    """Return a number's name with its unit, for an axis."""
    unit = {Unit.SECONDS: " (s)", Unit.PER_SECOND: " (1/s)", Unit.SHARE: " (%)"}
    return f"{objective}{unit.get(objective.unit, '')}"


def factor_of(objective: Objective) -> float:
    """Return what to multiply a number with to draw it."""
    return 100.0 if objective.unit is Unit.SHARE else 1.0


def label_axis(ax: Axes, which: str, axis: Axis) -> None:
    """Name an axis by what is varied along it."""
    write = ax.set_xlabel if which == "x" else ax.set_ylabel
    text = shortened(axis.path, 4.5, LABEL_SIZE)
    write(text, fontsize=LABEL_SIZE, fontfamily=FONT, color=INK, parse_math=False)


def label_values(ax: Axes, which: str, places: Sequence[float], values: Sequence[object]) -> None:
    """Write values at places of an axis; of many only some."""
    step = max(1, -(-len(values) // MOST_TICKS))
    kept = list(range(0, len(values), step))
    texts = [shortened(str(values[index]), 0.9, SMALL_SIZE) for index in kept]
    ticks = [places[index] for index in kept]
    write = ax.set_xticks if which == "x" else ax.set_yticks
    write(ticks, texts, fontsize=SMALL_SIZE, fontfamily=FONT, color=INK, parse_math=False)
    ax.minorticks_off()


def ring(ax: Axes, x: float, y: float) -> None:
    """Put a ring around the best setting's place."""
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
    )


def dots(ax: Axes, x: Floats, y: Floats, colours: Sequence[str], size: float) -> None:
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
            markeredgecolor=INK,
            markeredgewidth=0.3,
            zorder=3,
            clip_on=False,
        )
