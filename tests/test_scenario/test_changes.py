"""What is changed while a scenario runs: read, refused, and set from outside."""

from __future__ import annotations

import re

import pytest
from test_studies.sweep_cases import sweep

from simcb.metrics import no_effect_warnings
from simcb.scenario import Scenario, ScenarioError, parse_scenario

TEXT = """
name: cured
duration: 2m
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls:
      db: {timeout: 1s, retry: {max_retries: 3}, breaker: {failure_threshold: 3, enabled: false}}
services:
  db: {workers: 6, work: 100ms}
faults:
  - {kind: hang, on: db, at: 20s, for: 20s}
changes:
  - {at: 90s, set: {db.workers: 10}}
  - {at: 1m, set: {retry.max_retries: 0, breaker.enabled: true}, name: retries-off}
"""


def with_set(what: str) -> Scenario:
    """Return the scenario with another setting in its second change."""
    return parse_scenario(TEXT.replace("retry.max_retries: 0, breaker.enabled: true", what))


def test_stages_are_what_runs_from_when_on() -> None:
    """Changes are made in order of time, each on what the earlier ones have left."""
    scenario = parse_scenario(TEXT)
    moments, stages = zip(*scenario.stages, strict=True)
    assert moments == (0.0, 60.0, 90.0)
    retries = [stage.clients["shop"].calls["db"].retry for stage in stages]
    assert [each and each.max_retries for each in retries] == [3, 0, 0]
    assert [stage.services["db"].workers for stage in stages] == [6, 6, 10]
    assert parse_scenario(scenario.to_yaml()) == scenario
    assert len({scenario, parse_scenario(TEXT)}) == 1


@pytest.mark.parametrize(
    ("what", "at", "told"),
    [
        ("retry.max_retrys: 0", "", r"names no place; did you mean `retry.max_retries`\?"),
        ("retry.max_retries: none", "none", "`none` is not a whole number"),
        ("timeout: 1", "1}", "`1` has no unit; write `1s`"),
        ("breaker.per_replica: true", "", "what can, here, is: share, timeout, retry"),
        ("name: b", "", "cannot change while the scenario runs; set it from the start"),
        ("hang:db.for: 4m", "", "cannot change while the scenario runs; set it from the start"),
        ("calls.db.network: 1ms", "", "what can, here, is: share, timeout, retry"),
        ("blocking: false", "", "what can, here, is: replicas, workers, queue.limit, admit"),
        ("arrivals.kind: constant", "", "what can, here, is: arrivals.rate"),
        ("bulkhead.max_concurrent: 4", "", "no `bulkhead` before .* `bulkhead: {max_concurrent"),
        ("calls.db.cache.ttl: 1s", "", "no `cache` before .* `cache: {keys: 1000, ttl: 1us}`"),
        ("calls.db.cache.keys: 9", "", "what can, here, is: share.* cache.ttl, cache.coalesce"),
        ("admit: {kind: concurrency, limit: 4}", "", "counts what is under way; let it be there"),
        ("retry.budget: {kind: concurrent}", "", "a `retry.budget` of kind `concurrent`"),
    ],
)
def test_what_cannot_be_set_is_told_with_its_place(what: str, at: str, told: str) -> None:
    """A caret below the path or the value, and what to write instead."""
    with pytest.raises(ScenarioError) as caught:
        with_set(what)
    (problem,) = caught.value.problems
    assert problem.column is not None
    assert f"{problem.source_line}}}"[problem.column - 1 :].startswith(at or what)
    assert re.search(told, str(problem))


def test_a_change_that_fits_nothing_else_is_told() -> None:
    """A value that is good by itself, and does not go with what stands there."""
    text = TEXT.replace("retry: {max_retries: 3}", "bulkhead: {max_concurrent: 3}")
    with pytest.raises(ScenarioError, match=r"bulkhead\.queue: lets nobody wait"):
        parse_scenario(text.replace("retry.max_retries: 0", "bulkhead.queue: 3"))


def test_in_python_a_change_is_checked_as_in_a_file() -> None:
    """Values have their units, and a wrong one is told by the change's place."""
    scenario = parse_scenario(TEXT)
    good = scenario.with_({"changes.retries-off.set.retry.max_retries": 1})
    assert good.changes[1].values["retry.max_retries"] == 1
    parts = {name: getattr(scenario, name) for name in ("name", "duration", "clients", "services")}
    assert Scenario(**parts, changes=[{"at": 3, "set": {"timeout": "2s"}}]).changes[0].at == 3.0
    with pytest.raises(ValueError, match=r"changes\.0\.set: leaves .*timeout wrong.*no unit"):
        Scenario(**parts, changes=[{"at": 3, "set": {"timeout": 2}}])


def test_a_path_of_the_file_is_not_made_unclear_by_a_change() -> None:
    """Places inside `changes` go by their whole path, or by a change's name."""
    scenario = parse_scenario(TEXT, sets=["retry.max_retries=5", "changes.retries-off.at=30s"])
    assert [at for at, _ in scenario.stages] == [0.0, 30.0, 90.0]
    assert scenario.clients["shop"].calls["db"].retry is not None
    assert scenario.clients["shop"].calls["db"].retry.max_retries == 5


def test_when_and_how_far_are_axes_of_a_sweep() -> None:
    """How early must one act, and how far must one cut?"""
    over = {"changes.1.at": ["25s", "60s"], "changes.1.set.retry.max_retries": [0, 3]}
    base = parse_scenario(TEXT).with_({"duration": "70s", "arrivals.rate": "5/s"})
    swept = sweep(base, over, replicates=1, by="min:attempt_rate", workers=0)
    rates = {}
    for each in swept.ranking:
        values = swept.values_of(each.setting)
        rates[values["changes.1.at"], values["changes.1.set.retry.max_retries"]] = (
            each.estimate.mean
        )
    assert rates["25s", 0] < rates["60s", 0]
    assert rates["25s", 0] < rates["25s", 3]


def test_without_breakers_no_change_switches_one_on() -> None:
    """The baseline has none for good; its other changes stay."""
    changes = parse_scenario(TEXT).without_breakers().changes
    assert [dict(each.values) for each in changes] == [
        {"db.workers": 10},
        {"retry.max_retries": 0, "breaker.enabled": False},
    ]
    assert not parse_scenario(TEXT).without_faults().changes


def test_changes_that_can_never_matter_are_told() -> None:
    """One after the end, one of what stands there; what matters only after one is left alone."""
    idle, late = no_effect_warnings(
        parse_scenario(
            TEXT.replace("at: 90s", "at: 3m")
            .replace("retry.max_retries: 0, ", "")
            .replace("enabled: true", "enabled: false")
        )
    )
    assert late.startswith("change `db.workers` is made at 3m and the run ends at 2m")
    assert idle.startswith("change `retries-off` sets what stands there already")
    one = TEXT.replace("enabled: false", "enabled: false, per_replica: true")
    assert not no_effect_warnings(parse_scenario(one.replace("db.workers: 10", "db.replicas: 3")))
