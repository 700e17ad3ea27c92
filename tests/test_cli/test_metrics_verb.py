"""`simcb metrics` tells what every number means, in the words of the metric itself."""

from __future__ import annotations

import json

import pytest
from test_cli.commands import simcb

from simcb.metrics import METRICS
from simcb.metrics.table import OF_SETTINGS
from simcb.studies.evaluation.objective import COLLAPSE


def test_every_metric_is_listed_with_unit_and_definition() -> None:
    """A line or more for each, in the order of reports, no wider than the page."""
    done = simcb("metrics")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if line[:1] not in (" ", "")][1:-1] == list(METRICS)
    assert all(len(line) <= 110 for line in lines)
    words = " ".join(done.stdout.split())
    for metric in METRICS.values():
        assert metric.summary.split()[0] in words
    assert lines[-1].startswith("simcb metrics NAME has the whole definition")


@pytest.mark.parametrize("name", METRICS)
def test_one_metric_is_explained_in_its_own_words(name: str) -> None:
    """The docstring of the function that computes it, and when it has no value."""
    metric = METRICS[name]
    text = simcb("metrics", name).stdout
    assert text.startswith(f"{name}  ({metric.unit.value}; per ")
    assert metric.definition.split("\n")[0][:40] in text
    assert text.endswith(f"Undefined where {metric.undefined}.\n")


def test_json_has_the_same_for_programs() -> None:
    """All metrics, or the one that is named."""
    found = json.loads(simcb("metrics", "--format", "json").stdout)
    assert [each["name"] for each in found] == list(METRICS)
    (one,) = json.loads(simcb("metrics", "p99", "--format", "json").stdout)
    assert one == found[list(METRICS).index("p99")]
    assert (one["unit"], one["per"], one["phased"]) == ("s", "run, client group", True)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    """A typo costs one look."""
    done = simcb("metrics", "godput")
    assert done.exit_code == 2
    assert "there is no metric `godput`; did you mean `goodput`?" in done.stderr


@pytest.mark.parametrize("name", ["collapse", "collapsed"])
def test_what_a_sweep_goes_by_is_explained_too(name: str) -> None:
    """Every word that `--by`, `--refine` and `--minimize` take, and the column that tells it."""
    done = simcb("metrics", name)
    assert done.exit_code == 0
    assert done.stdout.startswith("collapse  (share; per setting of a sweep or a tune; for the")
    assert "whose verdict is `collapsed`" in done.stdout


def test_every_word_of_an_objective_is_explained() -> None:
    """None is taken that `simcb metrics` does not know."""
    assert set(OF_SETTINGS) == {COLLAPSE}


def test_definitions_send_nobody_to_a_module() -> None:
    """They are read by who has the command, not the sources."""
    assert [name for name, each in METRICS.items() if "`simcb." in each.definition] == []
