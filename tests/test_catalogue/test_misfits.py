"""Breakers that are blind, too eager, in step or too slow, each next to the setting that is not."""

from __future__ import annotations

import numpy as np
import pytest
from test_catalogue.telling import told

from simcb.metrics import judge
from simcb.trace import ATTEMPT_CODE, AttemptOutcome

HERD = (60.0, 60.1)
BLIND = "breaker.trip={kind: failure_rate, rate: 50%, window: 10s, minimum_calls: 20}"
FIXED_REDIS = ("redis.timeout=50ms", "breaker.recovery_timeout=30s")


def median_of_herd(*sets: str, breaker: bool = True, seed: int = 0) -> float:
    """Return the wait of the median task of the herd; those that never finish wait longest."""
    waits = told("reconnect-herd", *sets, breaker=breaker, seed=seed).latency(*HERD)
    assert len(waits) == 600
    return float(np.median(np.nan_to_num(waits, nan=np.inf)))


def same_to_the_user(name: str, *sets: str, seed: int = 0) -> bool:
    """Tell whether a breaker changes nothing about any request."""
    guarded, bare = (
        told(name, *sets, breaker=on, seed=seed).trace.requests for on in (True, False)
    )
    columns = ("arrival", "end", "outcome")
    return all(np.array_equal(guarded[c], bare[c], equal_nan=True) for c in columns)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_herd_is_broken_up_by_chance_and_not_by_a_breaker(seed: int) -> None:
    """In step the median task waits minutes, with dice seconds; a breaker makes both longer."""
    in_step = median_of_herd(seed=seed)
    in_step_bare = median_of_herd(breaker=False, seed=seed)
    dice = median_of_herd("retry.jitter=full", seed=seed)
    dice_bare = median_of_herd("retry.jitter=full", breaker=False, seed=seed)
    assert in_step > in_step_bare > 90.0
    assert dice < 0.3 * in_step
    assert dice_bare < dice
    assert dice_bare < 5.0


def test_herd_leaves_the_database_idle_between_its_waves() -> None:
    """In step fewer than a tenth of the seconds bring most of the questions."""
    rows = told("reconnect-herd", breaker=False).trace.attempts
    moments = rows["start"][(rows["start"] >= 61.0) & (rows["start"] < 181.0)]
    by_second = np.sort(np.bincount((moments - 61.0).astype(int), minlength=120))[::-1]
    assert by_second[:12].sum() > 0.6 * by_second.sum()


HANGING = "breaker.trip={kind: slow_call_rate, slow: 2s, calls: 20, in_flight: true}"


@pytest.mark.slow
def test_slow_replica_is_noticed_before_calls_time_out_where_those_in_flight_count() -> None:
    """After 2.7 s and not 30.7 s, where the same rule without the word waits for timeouts."""
    blind = HANGING.replace(", in_flight: true", "")
    for sets, opens, answered in (((blind,), 30.7, 0.851), ((HANGING,), 2.7, 0.994)):
        run = told("slow-replica", *sets)
        assert run.value("time_to_trip", "fault") == pytest.approx(opens, abs=0.06)
        assert run.value("answered", "fault") == pytest.approx(answered, abs=0.001)


@pytest.mark.slow
def test_slow_network_is_unseen_by_a_breaker_that_counts_errors() -> None:
    """Counting errors it changes not a single request; counting slow calls it saves the site."""
    assert same_to_the_user("slow-network", BLIND)
    blind = told("slow-network", BLIND)
    assert blind.value("missed_trips") == 2
    assert blind.value("availability", "fault") < 0.4
    seeing = told("slow-network")
    assert seeing.value("missed_trips") == 0
    assert seeing.value("availability", "fault") > 0.9
    assert seeing.value("p99", "fault") < 2.0


@pytest.mark.slow
def test_slow_network_fails_no_call_and_starves_the_scaled_in_tier() -> None:
    """No call to the backend fails; the web's workers all wait, and its queue grows."""
    blind = told("slow-network", BLIND)
    rows = blind.trace.attempts
    finished = (rows["parent"] >= 0) & np.isfinite(rows["end"])
    codes = (ATTEMPT_CODE[AttemptOutcome.OK], ATTEMPT_CODE[AttemptOutcome.ABANDONED])
    assert set(np.unique(rows["outcome"][finished])) <= set(codes)
    assert blind.value("utilisation", "fault:scaled-in", "web") > 0.45
    assert blind.value("queue_peak", "fault", "web") > 500
    assert told("slow-network").value("queue_peak", "fault", "web") < 50


@pytest.mark.slow
@pytest.mark.parametrize("sets", [(), (BLIND,)])
def test_slow_network_is_a_slow_wire_because_the_backend_has_workers_to_spare(
    sets: tuple[str, ...],
) -> None:
    """As many workers as web can ask at once are as good as any number; with fewer it queues."""
    shipped = told("slow-network", *sets)
    enough = told("slow-network", "backend.workers=32", *sets)
    assert enough.trace.requests.tobytes() == shipped.trace.requests.tobytes()
    assert enough.value("queue_peak", "fault", "backend") == 0
    few = told("slow-network", "backend.workers=16", *sets)
    assert few.value("queue_peak", "fault", "backend") > 10
    assert few.value("availability", "fault") < shipped.value("availability", "fault")


@pytest.mark.slow
def test_slow_network_in_the_whole_run_is_the_network_of_the_call() -> None:
    """To its callers 600 ms of latency on the link are 300 ms each way; the backend is idler."""
    always = ("faults.0.at=0s", "faults.0.for=6m", "faults.0.ramp=0s", BLIND)
    held = told("slow-network", *always)
    wire = told("slow-network", "faults.0.add=0s", "web.calls.backend.network=300ms", BLIND)
    ours, theirs = held.trace.requests, wire.trace.requests
    assert ours["outcome"].tobytes() == theirs["outcome"].tobytes()
    assert np.allclose(ours["end"], theirs["end"], rtol=0.0, atol=1e-6, equal_nan=True)
    busy = [run.value("utilisation", of="backend") for run in (held, wire)]
    assert busy[0] > 10 * busy[1]


@pytest.mark.slow
def test_hung_redis_misconfigured_is_as_bad_as_no_breaker() -> None:
    """Every breaker opens, and not one request fares better than without them."""
    assert same_to_the_user("hung-redis")
    as_shipped = told("hung-redis")
    assert {int(row["breaker"]) for row in as_shipped.trace.transitions} == set(range(42))
    assert as_shipped.value("utilisation", "fault", "web") > 0.99
    assert as_shipped.value("availability", "fault") < 0.1


def test_hung_redis_is_harmless_with_short_and_rare_probes() -> None:
    """50 ms every 30 s: every page is served, with hardly more work for the web than before."""
    fixed = told("hung-redis", *FIXED_REDIS)
    assert fixed.value("availability", "fault") == 1
    assert fixed.value("p50", "fault") == pytest.approx(0.020, abs=0.002)
    extra = fixed.value("utilisation", "fault", "web") - fixed.value(
        "utilisation", "healthy", "web"
    )
    assert extra < 0.06


@pytest.mark.parametrize(
    ("timeout", "recovery", "share"),
    [("250ms", "2s", 2.33), pytest.param("50ms", "30s", 0.035, marks=pytest.mark.slow)],
)
def test_hung_redis_probes_cost_what_the_formula_says(
    timeout: str, recovery: str, share: float
) -> None:
    """With threads to spare, 42 probes a cycle hold 233 % or 3.5 % of two threads."""
    told_so = told(
        "hung-redis",
        f"redis.timeout={timeout}",
        f"breaker.recovery_timeout={recovery}",
        "shoppers.arrivals.rate=60/s",
        "web.workers=200",
        "duration=155s",
    )
    rows = told_so.trace.attempts
    steady = (rows["parent"] >= 0) & (rows["start"] >= 90.0) & (rows["start"] < 150.0)
    steady &= rows["replica"] >= 0
    held = np.count_nonzero(steady) * float(timeout.removesuffix("ms")) / 1000.0
    threads = 2
    assert held / 60.0 / threads == pytest.approx(share, rel=0.1)


@pytest.mark.slow
def test_bad_shard_becomes_everybodys_outage_at_ten_percent() -> None:
    """A fifth of the users fails; at 10 % the breaker takes the store from the rest as well."""
    bare = told("bad-shard", breaker=False)
    eager, calm = told("bad-shard"), told("bad-shard", "trip.rate=50%")
    assert bare.value("success", "fault") == pytest.approx(0.8, abs=0.05)
    assert eager.value("success", "fault") < 0.1
    assert eager.value("unneeded_rejections", "fault") > 3000
    assert eager.value("flaps", "fault") > 10
    assert calm.value("open_fraction") == 0
    assert same_to_the_user("bad-shard", "trip.rate=50%")


def test_bad_shard_always_fails_the_same_users() -> None:
    """Asking three times more helps nobody; it would if the fault struck by lot."""
    again = "store.retry={max_retries: 3}"
    stuck = told("bad-shard", again, breaker=False)
    assert stuck.value("success", "fault") == pytest.approx(0.8, abs=0.05)
    by_lot = told("bad-shard", again, "faults.0.sticky=false", breaker=False)
    assert by_lot.value("success", "fault") > 0.99


def test_flapping_dependency_keeps_a_breaker_in_step_open() -> None:
    """Probed every 30 s it is always bad; 2 s, or chance in the wait, sees it well."""
    in_step, bare = told("flapping"), told("flapping", breaker=False)
    assert bare.value("success") > 0.8
    assert in_step.value("success") < 0.4
    spells = (in_step.trace.transitions["at"] > 60.0) & (in_step.trace.transitions["at"] < 396.0)
    assert 0 not in in_step.trace.transitions["after"][spells]
    quick = told("flapping", "breaker.recovery_timeout=2s")
    assert quick.value("success") > bare.value("success") - 0.03
    assert quick.value("downstream_rate", "fault") < 0.15 * bare.value("downstream_rate", "fault")
    dice = told("flapping", "breaker={failure_threshold: 5, recovery: {timeout: 30s, jitter: 50%}}")
    assert dice.value("success") > in_step.value("success") + 0.1


def test_low_traffic_never_reaches_the_minimum() -> None:
    """At two calls a second a hundred in thirty seconds never come: no request is any different."""
    assert same_to_the_user("low-traffic")
    shipped = told("low-traffic")
    assert shipped.value("time_to_trip") == np.inf
    assert shipped.value("missed_trips") == 1
    assert shipped.value("p50", "fault") == pytest.approx(5.0)


@pytest.mark.parametrize("setting", ["trip.minimum_calls=20", "breaker={failure_threshold: 5}"])
def test_low_traffic_trips_once_the_rule_fits_the_traffic(setting: str) -> None:
    """Twenty calls, or five failures in a row, are there in seconds, and then nobody waits."""
    fitted = told("low-traffic", setting)
    assert fitted.value("time_to_trip") < 15.0
    assert all(each.passed for each in judge(fitted.scenario.thresholds, fitted.measures))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_misfits_are_so_whatever_the_luck(seed: int) -> None:
    """Other seeds tell the same: what is blind changes nothing, what is eager makes it worse."""
    assert same_to_the_user("slow-network", BLIND, seed=seed)
    assert told("slow-network", seed=seed).value("availability", "fault") > 0.9
    assert same_to_the_user("hung-redis", seed=seed)
    assert told("hung-redis", *FIXED_REDIS, seed=seed).value("availability", "fault") > 0.99
    assert same_to_the_user("low-traffic", seed=seed)
    for name in ("bad-shard", "flapping"):
        guarded, bare = told(name, seed=seed), told(name, breaker=False, seed=seed)
        assert guarded.value("success") < 0.6 * bare.value("success")


def test_an_ordinary_day_is_spoilt_by_a_threshold_of_two_only() -> None:
    """Two failures in a row come within the first five minutes, and the opening lasts one."""
    shipped = told("ordinary-day", "duration=5m")
    assert shipped.value("answered") == 1.0
    assert len(shipped.trace.transitions) == 0
    eager = told("ordinary-day", "duration=5m", "breaker.failure_threshold=2")
    assert eager.value("false_trips") == 1
    assert eager.value("open_fraction") == pytest.approx(60 / 300, rel=0.01)
    assert eager.value("answered") == pytest.approx(0.8, abs=0.01)


LLM_LIMIT = "batch.calls.llm.rate_limit={rate: 20/m, burst: 1, max_wait: 1h}"
LLM_OFTEN = (
    "batch.calls.llm.retry={max_retries: 50, backoff: {kind: fixed, delay: 1s}, on: [throttled]}"
)


def test_llm_429_lets_in_fifty_a_minute_and_callers_do_as_it_says() -> None:
    """A full bucket and 50 a minute, not one more; each 429 is followed after its ten seconds."""
    rows = told("llm-429").trace.attempts
    let_in = rows["start"][~np.isnan(rows["begin"])]
    under = np.sort(let_in[(let_in >= 120.0) & (let_in < 360.0)])
    most = 50 + 50 / 60 * (under - under[0])
    assert (np.arange(1, len(under) + 1) <= most + 1e-6).all()
    assert np.sum(under >= 180.0) / 3.0 == pytest.approx(50, abs=2.5)
    assert rows["retry"].max() == 2
    throttled = rows[rows["outcome"] == ATTEMPT_CODE[AttemptOutcome.THROTTLED]]
    first = {int(row["request"]): row["start"] for row in throttled if row["retry"] == 0}
    again = [row for row in rows if row["retry"] == 1]
    assert again
    assert all(row["start"] == first[int(row["request"])] + 10.0 for row in again)


def test_llm_429_starves_the_assistant_until_the_batch_is_limited() -> None:
    """Half fail; counting 429s leaves a fifth, asking every second a quarter, a limit all."""
    shares = [
        told("llm-429", *sets).value("success", "fault", "assistant")
        for sets in (
            (),
            ("breaker.counts=[error, timeout, throttled]",),
            (LLM_OFTEN,),
            (LLM_LIMIT,),
        )
    ]
    assert shares[:3] == pytest.approx([0.48, 0.19, 0.25], abs=0.03)
    assert shares[3] == 1.0
    assert not len(told("llm-429").trace.transitions)
    assert told("llm-429", LLM_OFTEN).value("downstream_rate", "fault") > 8 * told("llm-429").value(
        "downstream_rate", "fault"
    )
    assert told("llm-429", LLM_LIMIT).value("throttled") == 0.0
