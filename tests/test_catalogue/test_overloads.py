"""Overloads that outlive their cause: a breaker, fewer retries or a longer pause ends them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from test_catalogue.telling import Told, told

from simcb.metrics import Verdict
from simcb.trace import ATTEMPT_CODE, AttemptOutcome

ENDLESS = (
    "metastable-overload",
    "retry-storm",
    "redis-500-retries",
    "metadata-refetch",
    "error-queries",
    "cold-cache",
    "gc-pause",
)
BACKED_OFF = ("backoff={kind: exponential, base: 1s, max: 1m}", "retry.jitter=full")


def ends(name: str, *sets: str, seeds: int, breaker: bool = True) -> Counter[Verdict]:
    """Count the verdicts over the first seeds."""
    runs = (told(name, *sets, breaker=breaker, seed=seed) for seed in range(seeds))
    return Counter(run.verdict for run in runs)


LONG = ("cold-cache", "error-queries", "metadata-refetch", "redis-500-retries", "retry-storm")
"""Those of most requests."""


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=pytest.mark.slow if each in LONG else ()) for each in ENDLESS]
)
def test_outage_outlives_its_cause_only_without_a_breaker(name: str) -> None:
    """The same luck ends in collapse without the breaker and in recovery with it."""
    guarded, bare = told(name), told(name, breaker=False)
    assert guarded.verdict is Verdict.RECOVERED
    assert bare.verdict is Verdict.COLLAPSED
    assert guarded.value("success", "recovery") > 0.8
    assert bare.value("success", "recovery") < 0.05


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n for n in ENDLESS if n not in ("metastable-overload", "gc-pause")]
)
def test_outage_does_so_whatever_the_luck(name: str) -> None:
    """Three seeds in three tell the same story."""
    assert ends(name, seeds=3) == {Verdict.RECOVERED: 3}
    assert ends(name, seeds=3, breaker=False) == {Verdict.COLLAPSED: 3}


@pytest.mark.slow
def test_metastable_overload_collapses_in_most_seeds_and_in_none_with_a_breaker() -> None:
    """Of ten seeds most collapse, not all; with a breaker none, nor with one resend."""
    seeds = 10
    assert ends("metastable-overload", seeds=seeds) == {Verdict.RECOVERED: seeds}
    bare = ends("metastable-overload", seeds=seeds, breaker=False)
    assert seeds / 2 < bare[Verdict.COLLAPSED] < seeds
    once = ends("metastable-overload", "retry.max_retries=1", seeds=seeds, breaker=False)
    assert once[Verdict.COLLAPSED] == 0


def test_metastable_overload_is_a_load_of_37_8_percent() -> None:
    """Before the fault a third of the workers is busy; after it all of them, for nobody."""
    bare = told("metastable-overload", breaker=False)
    assert bare.value("utilisation", "healthy", "database") == pytest.approx(0.378, abs=0.03)
    assert bare.value("utilisation", "recovery", "database") > 0.999
    assert bare.value("wasted_work", "recovery") > 0.99


@pytest.mark.slow
def test_retry_storm_asks_once_a_client_and_second() -> None:
    """Four hundred clients with a timeout of 1 s ask 400 times a second, for ever."""
    rows = told("retry-storm", breaker=False).trace.attempts
    assert np.count_nonzero(rows["start"] >= 180.0) / 180.0 == pytest.approx(400, rel=0.01)
    assert told("retry-storm").value("downstream_rate", "recovery") < 30


def test_retry_storm_passes_if_clients_back_off() -> None:
    """Exponential backoff with jitter saves the service without any breaker."""
    assert told("retry-storm", *BACKED_OFF, breaker=False).verdict is Verdict.RECOVERED


@pytest.mark.slow
def test_redis_survives_two_retries_and_not_three() -> None:
    """100·(1 + n) questions a second against 400 answers: the border lies below n = 3."""
    two = told("redis-500-retries", "redis.retry.max_retries=2", breaker=False)
    assert two.verdict is Verdict.RECOVERED
    three = told("redis-500-retries", "redis.retry.max_retries=3", breaker=False)
    assert three.verdict is Verdict.COLLAPSED


@pytest.mark.slow
def test_redis_is_asked_by_every_worker_at_once() -> None:
    """Without a breaker all 128 workers of multipass ask Redis, ten times a second each."""
    bare = told("redis-500-retries", breaker=False)
    assert bare.value("utilisation", "recovery", "multipass") > 0.99
    rows = bare.trace.attempts
    late = (rows["parent"] >= 0) & (rows["start"] >= 120.0)
    assert np.count_nonzero(late) / 60.0 == pytest.approx(1280, rel=0.02)


@pytest.mark.slow
def test_pause_shorter_than_the_backlog_is_no_pause() -> None:
    """500 servers at 12.5 a second are 40 s of backlog: 20 s of pause is none, 45 s is enough."""
    short = told("metadata-refetch", "breaker.recovery_timeout=20s")
    assert short.verdict is Verdict.COLLAPSED
    assert short.value("time_to_trip") < 15.0
    assert told("metadata-refetch", "breaker.recovery_timeout=45s").verdict is Verdict.RECOVERED


@pytest.mark.slow
def test_pause_has_to_be_longer_than_the_backlog_whatever_the_luck() -> None:
    """Far below the backlog every seed collapses, above it none."""
    for pause in ("5s", "20s"):
        pausing = ends("metadata-refetch", f"breaker.recovery_timeout={pause}", seeds=3)
        assert pausing == {Verdict.COLLAPSED: 3}
    long = ends("metadata-refetch", "breaker.recovery_timeout=45s", seeds=3)
    assert long == {Verdict.RECOVERED: 3}


@pytest.mark.slow
def test_error_makes_eleven_queries_until_a_breaker_serves_copies() -> None:
    """Without a breaker each page asks eleven times; with one, old copies are served at once."""
    bare, guarded = told("error-queries", breaker=False), told("error-queries")
    assert bare.value("amplification", "fault", "database") > 6
    assert guarded.value("degraded", "fault") > 0.9
    assert guarded.value("availability") > 0.98
    assert guarded.value("time_to_recover") < 10.0


@pytest.mark.slow
def test_error_that_makes_two_more_queries_is_survivable() -> None:
    """3·100 queries a second are fewer than the 400 that the database answers."""
    mild = told("error-queries", "database.retry.max_retries=2", breaker=False)
    assert mild.verdict is Verdict.RECOVERED


def answered(run: Told, number: int) -> float:
    """Return the moment of the database's n-th good answer after the rollout begins."""
    rows = run.trace.attempts
    good = (rows["parent"] >= 0) & (rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.OK])
    return float(np.sort(rows["end"][good & (rows["end"] >= 60.0)])[number - 1])


@pytest.mark.slow
def test_cold_cache_is_never_filled_by_queries_that_time_out() -> None:
    """Without a breaker it stays cold; with one it warms in minutes, with a limit sooner."""
    bare, guarded = told("cold-cache", breaker=False), told("cold-cache")
    limited = told("cold-cache", "database.bulkhead={max_concurrent: 10}")
    assert answered(bare, 1000) > 360.0
    seconds, seconds_limited = answered(guarded, 1000) - 60.0, answered(limited, 1000) - 60.0
    assert 60.0 < seconds < 240.0
    assert seconds_limited < 0.4 * seconds
    assert guarded.value("flaps", "fault") > 5
    assert limited.value("open_fraction") == 0


def test_gc_pause_makes_the_queue_grow_by_eighteen_a_second() -> None:
    """Every request takes 100 ms until the pause; then the queue grows by 7·4 − 10."""
    bare = told("gc-pause", breaker=False)
    assert bare.latency(0.0, 59.5) == pytest.approx(np.full(417, 0.1), abs=1e-9)
    assert set(np.diff(bare.queued()[70:])) == {18}
    assert bare.value("success", "recovery") == 0


def test_gc_pause_is_over_in_seconds_with_a_breaker() -> None:
    """With a breaker, or without retries, every request takes 100 ms again."""
    guarded = told("gc-pause")
    assert guarded.latency(67.0, 179.0) == pytest.approx(np.full(784, 0.1), abs=1e-9)
    assert guarded.value("time_to_recover") < 6.0
    short = told("gc-pause", "faults.0.for=200ms", breaker=False)
    assert short.value("success") == 1
    assert told("gc-pause", "retry.max_retries=0", breaker=False).verdict is Verdict.RECOVERED
