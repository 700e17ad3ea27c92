"""`cache` of a call: asked first, filled by good answers, one call for all who miss at once."""

from __future__ import annotations

import numpy as np
import pytest

from simcb.metrics import audit, measure, no_effect_warnings
from simcb.predictions import predict
from simcb.predictions.formulas import hit_ratio
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.trace import Layout, Trace
from simcb.world import simulate


def cached(
    cache: str, *, call: str = "", work: str = "0s", rest: str = "", rate: int = 200
) -> Scenario:
    """Return readers of a database behind a cache."""
    return parse_scenario(
        f"""
name: cached
duration: 60s
clients:
  readers:
    arrivals: {{kind: poisson, rate: {rate}/s}}
    calls: {{db: {{cache: {{{cache}}}, {call}}}}}
services: {{db: {{workers: 100, work: {work}}}}}
{rest}
"""
    )


def asked(trace: Trace) -> np.ndarray:
    """Return when the database was asked."""
    moments: np.ndarray = trace.attempts["start"]
    return moments


@pytest.mark.parametrize(("keys", "zipf", "ttl"), [(100, 0.0, 1.0), (1000, 1.0, 3.0)])
def test_hits_follow_the_closed_form(keys: int, zipf: float, ttl: float) -> None:
    """Of the lookups of a key at rate λ within a TTL all but the first are hits: λT/(1 + λT)."""
    scenario = cached(f"keys: {keys}, zipf: {zipf}, ttl: {ttl}s")
    trace = simulate(scenario)
    warm = asked(trace)
    lookups = np.sum(trace.requests["arrival"] > 3 * ttl)
    expected = hit_ratio(keys, zipf, ttl, 200.0)
    assert 1 - np.sum(warm > 3 * ttl) / lookups == pytest.approx(expected, abs=0.015)
    assert predict(scenario).traffic.arriving("db") == pytest.approx(200 * (1 - expected))


def test_lookups_are_counted_once_each() -> None:
    """Hits, those who joined a call, and misses make up all requests; only misses have attempts."""
    trace = simulate(cached("keys: 50, ttl: 500ms, coalesce: true", work="100ms"))
    (cache,) = trace.layout.caches
    assert cache.hits + cache.joined + cache.misses == len(trace.requests)
    assert cache.misses == len(trace.attempts)
    assert measure(trace).value("hit_ratio") == pytest.approx(cache.hits / len(trace.requests))
    assert Layout.from_dict(trace.layout.to_dict()) == trace.layout
    assert all(law.holds for law in audit(trace))


def test_of_those_who_miss_at_once_one_asks() -> None:
    """A key is asked for once in a TTL and an answer's time; else by all who come meanwhile."""
    one_key, work = "keys: 1, ttl: 900ms", "100ms"
    alone = asked(simulate(cached(f"{one_key}, coalesce: true", work=work)))
    assert np.diff(alone) == pytest.approx(1.0, abs=0.06)
    crowd = asked(simulate(cached(one_key, work=work)))
    # Whoever comes while the answer is under way asks, too: 100 ms of 200 a second.
    assert len(crowd) / len(alone) == pytest.approx(21, rel=0.1)


def test_who_waits_for_a_call_waits_as_long_as_it_takes_and_fails_with_it() -> None:
    """The answer is everybody's, so is the error."""
    trace = simulate(
        cached("keys: 1, ttl: 1ms, coalesce: true", work="200ms", rest="", call="timeout: 100ms")
    )
    took = trace.requests["end"] - trace.requests["arrival"]
    done = ~np.isnan(took)
    assert took[done].max() == pytest.approx(0.1)
    assert float(took[done].mean()) == pytest.approx(0.05, rel=0.1)
    assert len(trace.attempts) < 620


def test_a_failure_is_not_kept() -> None:
    """With every answer bad, every lookup is a miss."""
    scenario = cached("keys: 1, ttl: 1h").with_({"db.errors": "100%"})
    trace = simulate(scenario)
    assert len(trace.attempts) == len(trace.requests)


def test_a_flush_leaves_it_cold() -> None:
    """While it lasts everything is asked; after it the cache fills again."""
    fault = "faults: [{kind: flush, on: db, at: 30s, for: 5s}]"
    trace = simulate(cached("keys: 100, ttl: 1h", rest=fault))
    moments = asked(trace)
    arrivals = trace.requests["arrival"]
    assert np.sum((moments >= 20) & (moments < 30)) < 20
    during = (arrivals >= 30) & (arrivals < 35)
    assert np.sum((moments >= 30) & (moments < 35)) == during.sum()
    assert 90 <= np.sum(moments >= 35) <= 101


def test_a_part_of_the_keys_may_be_lost() -> None:
    """Of a tenth of the nodes a tenth of the keys, whoever asks for them."""
    fault = "faults: [{kind: flush, on: readers->db, at: 30s, for: 1ms, share: 30%}]"
    trace = simulate(cached("keys: 1000, zipf: 0, ttl: 1h", rest=fault, rate=1000))
    again = np.sum(asked(trace) >= 30)
    assert again == pytest.approx(300, abs=50)


def test_who_leaves_is_followed_by_the_next_of_those_who_wait() -> None:
    """The one whose call it is gives up at his deadline; the others do not hear of it."""
    scenario = cached("keys: 1, ttl: 1ms, coalesce: true", work="1s", rate=10)
    trace = simulate(scenario.with_({"readers.deadline": "900ms"}))
    assert all(law.holds for law in audit(trace))
    # Nobody is answered, for each call is given up 900 ms after its user came.
    assert np.diff(asked(trace)).max() < 2.0
    assert len(trace.attempts) > 60


@pytest.mark.parametrize(
    ("cache", "complaint"),
    [
        ("keys: 10", "cache.ttl: is missing"),
        ("keys: 0, ttl: 1s", "cache.keys: `0` is too small"),
        ("keys: 10, ttl: 1s, coalesce: yes", "cache.coalesce.*write `true`"),
        ("size: 10, ttl: 1s", "cache.size: is unknown here.*keys"),
    ],
)
def test_a_misused_cache_is_explained(cache: str, complaint: str) -> None:
    """Each complaint has its place and what to write."""
    with pytest.raises(ScenarioError, match=complaint):
        cached(cache)


def test_a_flush_of_nothing_is_told() -> None:
    """A fault that empties caches needs one; it means nothing to a replica or to a user."""
    fault = "faults: [{kind: flush, on: db, at: 30s, for: 5s}]"
    scenario = cached("keys: 1, ttl: 1s", rest=fault)
    assert not no_effect_warnings(scenario)
    (warning,) = no_effect_warnings(scenario.with_({"db.cache": None}))
    assert "there are none; add one" in warning
    with pytest.raises(ScenarioError, match="means nothing to flush"):
        cached("keys: 1, ttl: 1s", rest=fault.replace("for: 5s", "for: 5s, ramp: 1s"))
