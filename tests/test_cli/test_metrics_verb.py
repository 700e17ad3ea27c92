"""`simcb metrics` tells what every number means, in the words of the metric itself."""

from __future__ import annotations

import json

import pytest
from test_cli.commands import simcb

from simcb.metrics import METRICS


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
    assert lines[-1] == "simcb metrics NAME has the whole definition."


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
