"""What is changed while a scenario runs: from when on, and what becomes of what is under way."""

from __future__ import annotations

import json

import numpy as np
import pytest

from simcb.metrics import measure
from simcb.metrics.hedges import hedges
from simcb.metrics.laws import audit
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, RequestOutcome
from simcb.scenario import parse_scenario
from simcb.trace import Layout, Trace
from simcb.world import simulate

TEXT = """
name: changed
duration: 20s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    calls: {db: {CALL}}
services:
  db: {replicas: 2, workers: 4, work: 100ms, queue: {limit: 4}}
faults: FAULTS
changes:
  - {at: 10s, set: {SET}}
"""


def run(set_: str, call: str = "timeout: 1s", faults: str = "[]") -> Trace:
    """Run the shop with what is set in the middle, and check that it obeys every law."""
    text = TEXT.replace("SET", set_).replace("CALL", call).replace("FAULTS", faults)
    trace = simulate(parse_scenario(text))
    broken = [law for law in audit(trace) if not law.holds]
    assert not broken
    return trace


def starts(trace: Trace, *outcomes: str) -> np.ndarray:
    """Return when the attempts were made that ended so, or all."""
    chosen = np.isin(trace.attempts["outcome"], [ATTEMPT_CODE[each] for each in outcomes])  # type: ignore[index]
    found: np.ndarray = trace.attempts["start"][chosen if outcomes else slice(None)]
    return found


def test_nothing_changes_before_it_is_changed() -> None:
    """The same attempts to the last bit until then, for every place that may change."""
    before = run("timeout: 2s").attempts
    for each in ("arrivals.rate: 40/s", "replicas: 1", "workers: 1", "share: 0%", "errors: 50%"):
        other = run(each).attempts
        early = int(np.argmax(before["end"] >= 10.0))
        assert before[:early].tobytes() == other[:early].tobytes()
        assert not np.array_equal(before["start"], other["start"]) or each != "arrivals.rate: 40/s"


def test_a_new_rate_is_a_new_rate_from_its_moment_on() -> None:
    """Ten a second for ten seconds, then thirty: the count goes on where it was."""
    moments = run("arrivals.rate: 30/s").requests["arrival"]
    assert moments[moments < 10.0] == pytest.approx(np.arange(100) / 10.0)
    assert moments[moments >= 10.0] == pytest.approx(10.0 + np.arange(300) / 30.0)
    ramped = run("arrivals.rate: [{at: 0s, rate: 10/s}, {at: 12s, rate: 20/s, ramp: 4s}]")
    assert len(ramped.requests) == 120 + 60 + 80


def test_fewer_retries_end_what_would_be_tried_again() -> None:
    """A service that refuses everybody: three attempts for each request, then one."""
    faults = "[{kind: refuse, on: db, at: 5s, for: 10s}]"
    call = "retry: {max_retries: 2, backoff: {kind: fixed, delay: 250ms}}"
    trace = run("retry.max_retries: 0", call, faults)
    tries = np.bincount(trace.attempts["request"])
    asked = trace.requests["arrival"]
    assert set(tries[(asked >= 5.0) & (asked < 9.4)]) == {3}
    assert set(tries[(asked >= 10.0) & (asked < 15.0)]) == {1}
    # Who waits for a retry at that moment makes it, and none after it.
    assert set(tries[(asked >= 9.8) & (asked < 10.0)]) == {2}


def test_a_shorter_timeout_is_that_of_later_attempts() -> None:
    """What is under way keeps the one that it was sent with."""
    trace = run("timeout: 300ms", faults="[{kind: hang, on: db, at: 9s, for: 5s}]")
    rows = trace.attempts[trace.attempts["outcome"] == ATTEMPT_CODE["timeout"]]  # type: ignore[index]
    lasted = np.round(rows["end"] - rows["start"], 6)
    assert set(lasted[rows["start"] < 10.0]) == {1.0}
    assert set(lasted[rows["start"] >= 10.0]) == {0.3}


def test_replicas_join_and_leave_in_turn() -> None:
    """A third takes its turns at once; one that goes finishes what it has and gets no more."""
    more = run("replicas: 3").attempts
    late = more["replica"][more["start"] >= 10.0]
    assert np.bincount(late).tolist() == pytest.approx([len(late) / 3] * 3, abs=1)
    assert set(more["replica"][more["start"] < 10.0]) == {0, 1}
    trace = run("replicas: 1", faults="[{kind: hang, on: db, at: 9s, for: 5s}]")
    gone = trace.samples[(trace.samples["replica"] == 1) & (trace.samples["at"] >= 10.0)]
    assert set(trace.attempts["replica"][trace.attempts["start"] >= 10.0]) == {0}
    assert gone["capacity"][gone["at"] < 14.0].tolist() == [4] * 4
    assert set(gone["capacity"][gone["at"] > 14.0]) == {0}


def test_utilisation_is_of_the_workers_that_are_there() -> None:
    """One in ten of 8 workers, then of 2: of 50 worker-seconds for 10, and 20 for 5."""
    trace = run("replicas: 1, workers: 2")
    (found,) = [m for m in measure(trace).items if m.name == "utilisation" and m.phase == "whole"]
    assert found.value == pytest.approx(20.0 / (8 * 10 + 2 * 10), rel=0.01)


def test_a_breaker_that_is_switched_off_keeps_its_state() -> None:
    """Open when it is switched off, everybody passes; on again it is as it was."""
    call = "breaker: {failure_threshold: 3, recovery_timeout: 8s}"
    text = "breaker.enabled: false}}\n  - {at: 12s, set: {breaker.enabled: true"
    trace = run(text, call, "[{kind: refuse, on: db, at: 9s, for: 1s}]")
    rejected = starts(trace, "rejected")
    assert np.all((rejected < 10.0) | (rejected >= 12.0))
    assert np.sum(rejected >= 12.0) == pytest.approx(52, abs=1)
    on = run("breaker.enabled: true", f"{call[:-1]}, enabled: false}}", "[]")
    assert on.layout.breakers[0].name == "shop->db"
    assert (on.attempts["breaker"] >= 0).sum() == 100


def test_more_places_let_those_in_who_wait() -> None:
    """One place and slow work: who waits is sent when there are more, first come first."""
    call = "timeout: 5s, bulkhead: {max_concurrent: 1, max_wait: 8s}"
    faults = "[{kind: latency, on: db, add: 1s, at: 8s, for: 12s}]"
    trace = run("bulkhead.max_concurrent: 6", call, faults)
    sent = trace.attempts["arrive"]
    assert np.sum(sent == 10.0) >= 5
    late = trace.attempts[sent == 10.0]["start"]
    assert np.all(np.diff(late) > 0)


def test_users_come_and_go() -> None:
    """A closed loop of 4 users, then 8, then 2: as many requests as that many users make."""
    text = TEXT.replace("{kind: constant, rate: 10/s}", "{kind: closed, users: 4, think: 400ms}")
    text = text.replace("SET", "arrivals.users: 8}}\n  - {at: 15s, set: {arrivals.users: 2")
    text = text.replace("CALL", "timeout: 1s").replace("FAULTS", "[]")
    trace = simulate(parse_scenario(text))
    assert all(law.holds for law in audit(trace))
    asked = np.histogram(trace.requests["arrival"], [0.45, 9.95, 10.45, 14.95, 15.45, 19.95])[0]
    assert asked[0] == 19 * 4
    assert asked[2] == 9 * 8
    assert asked[4] == 9 * 2


def test_load_that_is_shed_at_the_door_is_throttled_from_then_on() -> None:
    """A bucket that begins full lets in its burst and then its rate."""
    trace = run("admit: {kind: rate, rate: 2/s, burst: 3}")
    throttled = starts(trace, "throttled")
    assert throttled.min() > 10.0
    # Two replicas, each of whose buckets has 3 tokens and gets 2 a second for ten seconds.
    assert len(throttled) == pytest.approx(100 - 2 * (3 + 20), abs=2)


def test_a_change_at_the_beginning_is_the_same_as_a_setting() -> None:
    """From 0 s on is from the start."""
    changed = simulate(
        parse_scenario(
            TEXT.replace("at: 10s", "at: 0s")
            .replace("SET", "workers: 1")
            .replace("CALL", "")
            .replace("FAULTS", "[]")
        )
    )
    text = TEXT.replace("workers: 4", "workers: 1").partition("changes:")[0]
    plain = simulate(parse_scenario(text.replace("CALL", "").replace("FAULTS", "[]")))
    assert changed.attempts.tobytes() == plain.attempts.tobytes()


def test_a_breaker_is_set_anew_and_keeps_its_state() -> None:
    """Open, it stays so until its old deadline, and then as long as is said since."""
    call = "breaker: {failure_threshold: 3, recovery_timeout: 9s}"
    faults = "[{kind: refuse, on: db, at: 8.95s, for: 30s}]"
    trace = run("breaker.recovery_timeout: 1s", call, faults)
    opened = trace.transitions["at"][trace.transitions["after"] == 1]
    assert opened == pytest.approx([9.2, 18.2, 19.2])
    # Closed, it counts on by the new threshold.
    stricter = run("breaker.failure_threshold: 2", call.replace("3", "50"), faults)
    assert stricter.transitions["at"][0] == pytest.approx(10.0)


def test_a_hedge_whose_wait_has_begun_keeps_it() -> None:
    """All is lost on its way: of an attempt made from the change on the hedge comes sooner."""
    lost = "[{kind: loss, on: db, at: 8s, for: 4s}]"
    trace = run("hedge.after: 200ms", "timeout: 3s, hedge: {after: 1s}", lost)
    rows, (hedged, beside) = trace.attempts, hedges(trace)
    waited = np.round(rows["start"][hedged] - rows["start"][beside], 6)
    late = rows["start"][beside] >= 10.0
    assert (beside >= 0).all()
    assert set(waited[~late]) == {1.0}
    assert set(waited[late]) == {0.2}
    assert Layout.from_dict(json.loads(json.dumps(trace.layout.to_dict()))) == trace.layout


def test_what_a_cache_has_keeps_the_end_that_it_was_stored_with() -> None:
    """Of one key, asked for ten times a second, an answer of before is good for 4 s still."""
    asked = starts(run("cache.ttl: 1s", "timeout: 1s, cache: {keys: 1, ttl: 4s}"))
    gaps = np.diff(asked)[np.diff(asked) > 0.15]
    assert asked[asked < 10.0].max() + gaps[2] > 12.0
    assert gaps[:3] == pytest.approx([4.1] * 3, abs=0.11)
    assert gaps[3:] == pytest.approx([1.1] * 6, abs=0.11)
    refused = "[{kind: refuse, on: db, at: 5s, for: 15s}]"
    for before, after, until in (("20s", "1s", 20.0), ("2s", "20s", 7.0)):
        stored = f"fallback: {{cache: {{keys: 1, ttl: {before}}}}}"
        requests = run(f"fallback.cache.ttl: {after}", stored, refused).requests
        failed = requests["outcome"] == REQUEST_CODE[RequestOutcome.FAILED]
        assert np.array_equal(failed, requests["arrival"] > until - 0.05)


def test_calls_for_one_key_are_made_together_only_while_that_is_set() -> None:
    """Four are under way at a time when each asks for itself, and one when they wait for it."""
    slower = "[{kind: latency, on: db, add: 320ms, at: 0s, for: 20s}]"
    call = "timeout: 5s, cache: {keys: 1, ttl: 1us, coalesce: WHAT}"
    for before, after in (("true", "false"), ("false", "true")):
        asked = starts(run(f"cache.coalesce: {after}", call.replace("WHAT", before), slower))
        together, alone = (asked < 10.0), (asked > 10.45)
        if before == "false":
            together, alone = alone, together
        assert together.sum() <= 20
        assert alone.sum() >= 95
