"""The chart of a league: what each breaker answers, a row each, a panel for each scenario."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from simcb.metrics import Estimate
from simcb.studies.league import Contender, League
from simcb.views.plots.figures import Picture, axes_or_new, dress, new_picture
from simcb.views.plots.style import FONT, INK, LABEL_SIZE, TITLE_SIZE
from simcb.views.plots.text_fit import letters, shortened

_BLUE = "#0072B2"
_ROW = 0.27
"""Inches of a row."""

_PANEL = 3.6
_NAMES = 1.9
"""Inches of a panel, and of the names beside the first."""

_HEAD = 1.1
_APART = 0.18
"""Part of a row by which the two marks of a breaker stand above and below its middle."""


def chart(league: League) -> Picture:
    """Draw what is answered with each breaker, at comparable settings and at its own."""
    count = len(league.comparisons)
    width = max(7.5, _NAMES + _PANEL * min(count, 3))
    picture = new_picture(width, _HEAD + _ROW * len(league.contenders))
    rows = league.ranked()
    axes: list[Axes] = list(picture.subplots(1, count, sharey=True, squeeze=False)[0])
    for place, ax in enumerate(axes):
        answered(league, place, ax, rows)
    axes[0].legend(
        loc="lower left",
        bbox_to_anchor=(0.0, 1.06),
        ncols=2,
        frameon=False,
        prop={"family": FONT, "size": LABEL_SIZE},
        borderaxespad=0.0,
    )
    picture.settle()
    return picture


def answered(
    league: League,
    scenario: int = 0,
    ax: Axes | None = None,
    rows: list[Contender] | None = None,
) -> Axes:
    """Draw the share of requests that are answered in one scenario, a row for each breaker."""
    rows = rows or league.ranked(scenario)
    ax = axes_or_new(ax, _HEAD + _ROW * len(rows))
    dress(ax)
    comparison = league.comparisons[scenario]
    kinds = (
        ("comparable settings", _BLUE, -_APART, [one.alike for one in rows]),
        ("own defaults", "white", _APART, [one.usual for one in rows]),
    )
    for label, fill, shift, places in kinds:
        for row, place in enumerate(places):
            found = None
            if place is not None:
                found = comparison.results[place].summary.estimate("answered")
            _draw(ax, row + shift, found, fill, "" if row else label)
    ax.set_yticks(range(len(rows)), [shortened(one.name, _NAMES, LABEL_SIZE) for one in rows])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xlim(left=0.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_xlabel("requests answered in time", **letters(LABEL_SIZE))
    name = comparison.results[0].scenario.name
    ax.set_title(shortened(name, _PANEL, TITLE_SIZE), loc="right", **letters(LABEL_SIZE))
    return ax


def _draw(ax: Axes, row: float, found: Estimate | None, fill: str, label: str) -> None:
    if found is None or found.mean is None:
        return
    if found.low is not None and found.high is not None:
        ax.plot([found.low, found.high], [row, row], color=_BLUE, linewidth=1.2, zorder=2)
    ax.plot(
        [found.mean],
        [row],
        marker="o",
        markersize=4.5,
        markerfacecolor=fill,
        markeredgecolor=_BLUE,
        markeredgewidth=1.0,
        linestyle="none",
        color=INK,
        label=label or None,
        zorder=3,
    )
