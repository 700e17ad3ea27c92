"""The timeline puts the panels above each other, whatever the run looks like."""

from __future__ import annotations

import itertools
from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from test_views.plot_cases import (
    MANY_BREAKERS,
    UNGUARDED,
    legend_texts,
    outage,
    renamed,
    result_of,
)

from simcb.views.plots import Picture, curves_of, timeline

NOBODY = """
name: nobody asks
duration: 10s
clients: {shop: {arrivals: {kind: poisson, rate: 0/s}, calls: {payments: {breaker: {}}}}}
services: {payments: {workers: 1, work: 1s}}
"""

NOBODY_ANSWERS = """
name: nobody answers
duration: 5s
clients: {shop: {arrivals: {kind: constant, rate: 20/s}, calls: {payments: {breaker: {}}}}}
services: {payments: {workers: 1, work: 0s}}
faults: [{kind: refuse, on: payments, at: 0s, for: 1h}]
"""

CASES = {
    "an outage": lambda: outage(),
    "with a baseline": lambda: outage(baseline=True),
    "with replicates": lambda: outage(replicates=3, baseline=True),
    "with much to say": lambda: replace(
        curves_of(outage(replicates=3, baseline=True)),
        title="a long name of many words " * 4,
        verdict="recovered in 5 of 10, degraded in 3, collapsed in 2",
        baseline_verdict="recovered in 4 of 10, degraded in 1, collapsed in 5",
    ),
    "many breakers": lambda: result_of(MANY_BREAKERS),
    "no breaker, no fault": lambda: result_of(UNGUARDED),
    "no request": lambda: result_of(NOBODY),
    "no answer": lambda: result_of(NOBODY_ANSWERS),
    "names like formulas": lambda: renamed(
        outage(), r"_$\frac{1}$ a very long name" * 5, r"$\alpha^2$ <b>x</b> _\n" * 9
    ),
}


@pytest.fixture(params=CASES, scope="module")
def picture(request: pytest.FixtureRequest) -> Picture:
    """The timeline of each case, drawn once."""
    return timeline(CASES[request.param]())


def test_the_panels_share_the_time(picture: Picture) -> None:
    """Four panels, one axis: it begins with the run and is labelled once, at the bottom."""
    assert len(picture.axes) == 4
    (limits,) = {ax.get_xlim() for ax in picture.axes}
    assert limits[0] == 0.0
    assert [bool(ax.get_xlabel()) for ax in picture.axes] == [False, False, False, True]


def test_nothing_overlaps_and_nothing_is_cut_off(picture: Picture) -> None:
    """Panels with their labels and legends lie apart from each other, inside the figure."""
    boxes = [ax.get_tightbbox() for ax in picture.axes]
    captions = [text.get_window_extent() for text in picture.texts]
    assert all(upper.y0 >= lower.y1 for upper, lower in itertools.pairwise(boxes))
    assert boxes[0].y1 <= min(caption.y0 for caption in captions)
    for box in [*boxes, *captions]:
        assert box.x0 >= -1
        assert box.y0 >= -1
        assert box.x1 <= picture.bbox.x1 + 1
        assert box.y1 <= picture.bbox.y1 + 1
    title, luck = captions
    assert title.x1 < luck.x0 or title.y0 >= luck.y1


def test_legends_lie_above_their_panels(picture: Picture) -> None:
    for ax in picture.axes:
        if legend := ax.get_legend():
            assert legend.get_window_extent().y0 >= ax.get_window_extent().y1 - 1


def test_the_timeline_is_nine_by_six_and_unknown_to_pyplot(picture: Picture) -> None:
    assert tuple(picture.get_size_inches()) == (9.0, 6.2)
    assert plt.get_fignums() == []


def test_names_are_shown_literally_and_never_as_mathematics() -> None:
    """A name with dollars, carets and backslashes stands on the plot as it is written."""
    figure = timeline(renamed(outage(), "$x^2$", r"_\alpha$1$"))
    strip = figure.axes[0]
    (label,) = [text for text in strip.get_yticklabels() if "alpha" in text.get_text()]
    assert label.get_text() == r"_\alpha$1$"
    (fault,) = strip.texts
    assert fault.get_text() == "$x^2$"
    assert not label.get_parse_math()
    assert not fault.get_parse_math()


def test_the_caption_says_what_was_run_and_how_it_went() -> None:
    texts = [text.get_text() for text in timeline(outage(replicates=3, baseline=True)).texts]
    assert any(text.startswith("outage: ") and "without breakers" in text for text in texts)
    assert any("seed 0, 3 replicates: median and 10–90 % band" in text for text in texts)


@pytest.mark.parametrize("name", ["metastable-overload", "a-name-of-many-words-" * 9])
def test_the_scenario_s_name_can_be_read(name: str) -> None:
    """However long the verdicts are: what else there is to say goes below."""
    drawn = replace(
        curves_of(outage(replicates=3, baseline=True)),
        title=name,
        verdict="recovered in 5 of 10, degraded in 3, collapsed in 2",
        baseline_verdict="recovered in 4 of 10, degraded in 1, collapsed in 5",
    )
    title, luck = timeline(drawn).texts
    shown = title.get_text().partition(": ")[0]
    assert len(shown) >= min(20, len(name))
    assert shown[:10] == name[:10]
    assert luck.get_text().startswith("seed 0, 3 replicates")
    assert title.get_window_extent().y0 >= luck.get_window_extent().y1


def test_a_fault_is_named_once() -> None:
    """In its bar at the top; the panels below have only the window."""
    figure = timeline(outage())
    named = [text for ax in figure.axes for text in legend_texts(ax) if "fault:" in text]
    assert [text for text in named if "p99" not in text] == []
    (fault,) = outage().trace.layout.faults
    assert [text.get_text() for text in figure.axes[0].texts] == [fault.name]
