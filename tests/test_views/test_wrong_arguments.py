"""What is given to a study or a plot in Python and makes no sense is told what is right."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.colors import to_hex

import simcb
from simcb.scenario import parse_scenario
from simcb.studies import StudyError
from simcb.studies.league import league
from simcb.views.plots.style import FAULT_BAR_FILL

TEXT = """
name: small
duration: 20s
clients:
  shop:
    arrivals: {kind: poisson, rate: 5/s}
    calls: {store: {timeout: 500ms, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
services: {store: {workers: 8, work: 20ms}}
faults:
  - {name: a-name-that-is-too-long-for-its-bar, kind: errors, rate: 40%, on: store, at: 5s, for: 1s}
  - {name: in, kind: errors, rate: 40%, on: store, at: 10s, for: 9s}
"""
SMALL = parse_scenario(TEXT)


@pytest.mark.parametrize("given", [[SMALL, "none"], 3, None])
def test_what_is_no_variant_is_named(given: Any) -> None:
    with pytest.raises(StudyError, match="give each by itself"):
        simcb.compare(given, workers=0)


def test_none_is_a_change() -> None:
    with pytest.raises(StudyError, match=r'with_=\["none"\]'):
        simcb.compare(SMALL, "none", workers=0)


def test_a_plot_takes_no_file() -> None:
    """The figure it returns writes one."""
    plots: list[Any] = [
        simcb.run(SMALL).plot,
        simcb.compare(SMALL, with_=["none"], replicates=1, workers=0).plot,
    ]
    for plot in plots:
        with pytest.raises(StudyError, match="save_plot"):
            plot("x.png")


def test_models_beside_named_breakers_are_refused() -> None:
    """They come where none is named, or by their own names."""
    with pytest.raises(StudyError, match=r"leave --models out, or name one: resilience4j"):
        league([SMALL], only=["textbook"], models=True)


def test_a_name_beside_its_bar_looks_like_none() -> None:
    """Only in the bar it has the bar's grey behind it."""
    axes = simcb.run(SMALL).plot.states()
    behind = {
        text.get_text(): text.get_bbox_patch()
        for text in axes.texts
        if text.get_text() in ("a-name-that-is-too-long-for-its-bar", "in")
    }
    assert behind["a-name-that-is-too-long-for-its-bar"] is None
    assert to_hex(behind["in"].get_facecolor()) == to_hex(FAULT_BAR_FILL.color)
