"""Reading a scenario to be studied: all that is wrong in it, thresholds included, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli.commands import simcb as command

import simcb
from simcb.scenario import ScenarioError, read_scenario
from simcb.studies import read

TEXT = """\
name: wrong
duration: 1m
clients:
  shop: {arrivals: {kind: poisson, rate: 40}, calls: {payments: {}}}
services:
  payments: {workers: 60, work: 80ms}
faults:
  - {kind: hang, on: payments, at: 10s, for: 5s}
  - {kind: hang, on: payments, at: 30s, for: 5s}
thresholds:
  - p99 < 5
  - goodpt > 3/s
  - p99(fault) > 2s
  - success{falt} > 3%
  - p99{fault:hang:payments#2} < 1s
"""


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    file = tmp_path / "wrong.yaml"
    file.write_text(TEXT)
    return str(file)


def test_every_threshold_is_told_in_one_go_with_all_the_rest(wrong: str) -> None:
    """Syntax, names, kinds of limits: each with its line, beside a rate without a unit."""
    with pytest.raises(ScenarioError) as told:
        read(wrong)
    places = [(problem.line, problem.path) for problem in told.value.problems]
    assert places == [
        (4, "clients.shop.arrivals.rate"),
        *((11 + index, f"thresholds.{index}") for index in range(4)),
    ]
    assert "did you mean `goodput`" in str(told.value)
    assert "did you mean `fault`" in str(told.value)
    assert "a duration such as `250ms`" in str(told.value)


def test_a_notebook_and_every_verb_read_so(wrong: str) -> None:
    """The place is told wherever a scenario is read to be run."""
    with pytest.raises(ScenarioError, match=r"thresholds\.1: "):
        simcb.load(wrong)
    for words in (["check"], ["run"], ["sweep", "--over", "workers=1,2"], ["tune"]):
        done = command(words[0], wrong, *words[1:])
        assert done.exit_code == 2
        assert f"{wrong}:12:5: thresholds.1: there is no metric" in done.stderr


def test_who_knows_no_metrics_judges_none(wrong: str) -> None:
    """The scenario's own room tells what it knows: the notation."""
    with pytest.raises(ScenarioError) as told:
        read_scenario(wrong)
    assert [problem.path for problem in told.value.problems] == [
        "clients.shop.arrivals.rate",
        "thresholds.2",
    ]
