"""What is no policy is not ranked, and what always fails is no best."""

from __future__ import annotations

import math

import pytest
from test_studies.sweep_cases import OVER, made, planned, scenario, sweep

from simcb.options import TuneOptions
from simcb.scenario import parse_scenario
from simcb.scenario.model import ROOT
from simcb.scenario.paths import places
from simcb.scenario.sweep import is_policy
from simcb.scenario.validation import tree_of
from simcb.studies import StudyError, run
from simcb.studies.evaluation.table import Failure
from simcb.studies.sweep import Progress
from simcb.studies.tune import plan_tune

EVERYTHING = """
name: everything
duration: 1m
clients:
  shop:
    arrivals: {kind: poisson, rate: 10/s}
    deadline: 2s
    refresh: {after: 8s, times: 2}
    calls:
      store:
        share: 50%
        timeout: 500ms
        network: 1ms
        retry: {max_retries: 1}
        breaker: {failure_threshold: 3, recovery_timeout: 2s}
        throttle: {kind: adaptive}
        bulkhead: {max_concurrent: 3}
        fallback: {cache: {keys: 5, zipf: 1.0, ttl: 5s}}
services:
  store:
    workers: 8
    work: 20ms
    queue: {limit: 5}
    admit: {kind: rate, rate: 50/s}
    scale: {target: 60%, most: 4}
    liveness: {asks: disk, restart: 3s}
    calls: {disk: {timeout: 1s}}
  disk: {workers: 2, work: 1ms}
faults:
  - {kind: refuse, on: store, at: 3s, for: 4s}
changes:
  - {at: 5s, set: {breaker.recovery_timeout: 1s, arrivals.rate: 5/s}}
"""

GIVEN = """
name
about
duration
sample_every
thresholds
clients.shop.arrivals.kind
clients.shop.arrivals.rate
clients.shop.instances
clients.shop.deadline
clients.shop.refresh.after
clients.shop.refresh.times
clients.shop.calls.store.share
clients.shop.calls.store.network
clients.shop.calls.store.fallback.hit_rate
clients.shop.calls.store.fallback.cache.keys
clients.shop.calls.store.fallback.cache.zipf
services.store.calls.disk.share
services.store.workers
services.store.replicas
services.store.work
services.store.errors
services.store.contention
faults.0.at
faults.0.for
faults.0.share
services.disk.workers
changes.0.set.arrivals.rate
"""

CHOSEN = """
clients.shop.calls.store.timeout
clients.shop.calls.store.retry.max_retries
clients.shop.calls.store.breaker.failure_threshold
clients.shop.calls.store.breaker.enabled
clients.shop.calls.store.throttle.k
clients.shop.calls.store.bulkhead.max_concurrent
clients.shop.calls.store.fallback.cache.ttl
services.store.calls.disk.timeout
services.store.queue.limit
services.store.queue.discipline
services.store.balance
services.store.on_abandon
services.store.blocking
services.store.scale.target
services.store.liveness.failures
services.store.admit.rate
changes.0.at
changes.0.set.breaker.recovery_timeout
"""


def test_each_place_is_a_policy_or_given() -> None:
    """What a caller sets for a call and how a service queues is chosen, all else is found."""
    known = {place.path: place for place in places(tree_of(parse_scenario(EVERYTHING)), ROOT)}
    assert [path for path in GIVEN.split() if is_policy(known[path].keys)] == []
    assert [path for path in CHOSEN.split() if not is_policy(known[path].keys)] == []


def test_an_axis_of_the_world_is_a_curve_of_success_and_has_no_best() -> None:
    """Its settings stay in order, without ranks; goodput would crown the highest rate."""
    result = sweep(scenario(), {"arrivals.rate": ["40/s", "5/s", "20/s"]}, replicates=2, workers=0)
    assert str(result.objective) == "success"
    assert [each.setting for each in result.ranking] == [0, 1, 2]
    assert [(each.rank, each.behind, each.tied) for each in result.ranking] == [
        (None, None, False)
    ] * 3
    assert (result.best, result.bests, result.tied) == (None, (), ())
    asked = planned(scenario(), {"arrivals.rate": ["5/s"]}, by="p99").objective
    assert str(asked) == "p99"


def test_each_world_has_a_best_of_its_own() -> None:
    """The best of each come first; a setting is held against the best of its own world."""
    numbers = [[8.0, 8.1], [9.0, 9.1], [3.0, 3.1], [1.0, 1.1]]
    result = made(numbers, "store.workers=1,8", "failure_threshold=1,30", by="goodput")
    assert result.policies == (False, True)
    assert [(each.rank, each.setting) for each in result.ranking] == [
        (1, 1),
        (1, 2),
        (2, 0),
        (2, 3),
    ]
    assert [each.setting for each in result.bests] == [1, 2]
    assert result.best is None
    behind = [each.behind.mean for each in result.ranking if each.behind is not None]
    assert behind == pytest.approx([-1.0, -2.0])


def test_worlds_that_no_two_settings_share_have_no_best() -> None:
    """In a sample each setting meets a world of its own, and none can be compared."""
    over = {"arrivals.rate": "10/s..20/s", "breaker.failure_threshold": "1..30"}
    result = sweep(scenario(), over, design="lhs:4", replicates=2, workers=0)
    assert result.bests == ()
    assert {each.rank for each in result.ranking} == {None}


@pytest.mark.parametrize(
    ("numbers", "by", "failure"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], "collapse", Failure.COLLAPSED),
        ([[0.0, 0.0], [0.0, 0.0]], "success", Failure.UNANSWERED),
        ([[0.5, 0.4], [0.3, 0.4]], "success", Failure.THRESHOLDS),
    ],
)
def test_there_is_no_best_where_every_run_fails(
    numbers: list[list[float]], by: str, failure: Failure
) -> None:
    """Whatever the ranking is by, the least bad of what only fails is not called good."""
    result = made(numbers, "failure_threshold=1,30", by=by)
    assert set(result.failures) == {failure}
    assert (result.best, result.bests) == (None, ())
    assert result.known


def test_what_answers_nothing_is_no_best_by_any_number() -> None:
    """Instant refusals have the best latency there is."""
    result = made([[2.0, 2.1], [0.1, 0.1]], "failure_threshold=1,30", by="p99")
    result.table.values[1, :, result.table.index[column(result, "success")]] = 0.0
    assert result.best is not None
    assert result.best.setting == 0


def column(result: object, name: str) -> object:
    """Return a metric's column over the whole run."""
    return next(each for each in result.table.columns if str(each) == name)  # type: ignore[attr-defined]


def test_a_setting_that_fails_beside_one_that_does_not_leaves_a_best() -> None:
    """And the thresholds of what is undefined are held against nobody."""
    result = made([[0.5, 0.5], [0.7, 0.7]], "failure_threshold=1,30", by="success")
    assert result.failures == (Failure.THRESHOLDS, None)
    assert result.best is not None
    assert made([[math.inf] * 2] * 2, "failure_threshold=1,30").best is not None


def test_progress_tells_no_best_so_far_where_there_will_be_none() -> None:
    """Neither of worlds, nor of what fails."""
    told: list[Progress] = []
    over = {"store.workers": [1, 8]}
    sweep(scenario(), over, replicates=1, workers=0, progress=told.append)
    assert {each.best for each in told} == {None}
    sweep(scenario(), OVER, replicates=1, workers=0, progress=told.append)
    assert told[-1].best is not None


def test_a_tune_refuses_an_axis_of_the_world() -> None:
    """The best arrival rate is none."""
    with pytest.raises(StudyError, match=r"`arrivals.rate` is no policy but the world"):
        plan_tune(scenario(), TuneOptions({"arrivals.rate": "5/s..50/s"}))


def test_a_tune_takes_a_services_own_limit() -> None:
    """What it lets in is chosen by whoever runs it."""
    limited = scenario().with_({"store.admit": {"kind": "rate", "rate": "50/s"}})
    planned = plan_tune(limited, TuneOptions({"admit.rate": "5/s..50/s"}))
    assert [each.path for each in planned.axes] == ["admit.rate"]


def test_the_sweeps_collapsed_are_those_of_the_runs() -> None:
    """The column counts what the verdict of each replicate's run says."""
    stuck = parse_scenario("""
name: stuck
duration: 40s
clients:
  u:
    arrivals: {kind: poisson, rate: 20/s}
    calls: {s: {timeout: 500ms, retry: {max_retries: 20, backoff: {kind: fixed, delay: 10ms}}}}
services:
  s: {workers: 2, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: hang, on: s, at: 10s, for: 5s}
""")
    result = sweep(stuck, {"retry.max_retries": [0, 20]}, replicates=3, workers=0)
    for setting, outcome in result.outcomes():
        changed = stuck.with_({"retry.max_retries": setting.values[0]})
        assert outcome.verdicts == run(changed, replicates=3).verdicts
    assert result.outcome(1).verdicts != result.outcome(0).verdicts
