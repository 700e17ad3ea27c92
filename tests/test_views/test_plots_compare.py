"""The overlay of a comparison: every line is seen, and so is every fault."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import simcb
from simcb.scenario import parse_scenario
from simcb.studies.comparison import Comparison
from simcb.views.plots.compare import answered, load, opened, overlay

SLOW = """
name: small
duration: 30s
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls:
      store:
        timeout: 300ms
        breaker: {failure_threshold: 3, recovery_timeout: 4s, per_replica: true}
services:
  store: {replicas: 4, workers: 2, work: 20ms}
faults:
  - {kind: refuse, on: store, replicas: [0], at: 8s, for: 8s}
"""


@cache
def compared() -> Comparison:
    """Return three variants, of which one has its fault later."""
    base = parse_scenario(SLOW)
    variants = {
        "as it is": base,
        "the same": base.with_({"breaker.recovery_timeout": "4s"}),
        "later": base.with_({"faults.0.at": "18s"}),
    }
    return simcb.compare(variants, replicates=2, workers=0).comparison


def test_lines_that_are_one_are_all_seen() -> None:
    """Each is narrower than those below it."""
    for panel in (answered, load, opened):
        found = {line.get_label(): line for line in panel(compared()).lines}
        lines = [found[name] for name in compared().names]
        widths = [line.get_linewidth() for line in lines]
        assert all(wide > narrow + 0.4 for wide, narrow in pairwise(widths))
        layers = [line.get_zorder() for line in lines]
        assert layers == sorted(layers)


def test_the_share_that_is_open_has_an_axis_of_its_own_height() -> None:
    """A quarter of the breakers fills it."""
    assert 25.0 < opened(compared()).get_ylim()[1] < 30.0


def test_every_variants_faults_are_drawn() -> None:
    """Each window once, and the title says that they differ."""
    windows = {
        (patch.get_x(), patch.get_width())
        for patch in answered(compared()).patches
        if str(patch.get_label()).startswith("fault")
    }
    assert windows == {(8.0, 8.0), (18.0, 8.0)}
    said = [text.get_text() for text in overlay(compared()).texts]
    assert any(text.endswith("faults of every variant") for text in said)
