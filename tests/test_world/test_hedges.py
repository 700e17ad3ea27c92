"""`hedge`: one more attempt beside one that is slow; the first good answer counts."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
from plain_model import differences, record_of, simulate_plainly

from simcb.metrics import audit, measure, no_effect_warnings
from simcb.metrics.hedges import hedges
from simcb.predictions import predict
from simcb.scenario import Scenario, ScenarioError, parse_scenario
from simcb.studies.limits import estimate_size
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Flag, Trace
from simcb.world import simulate

MEAN = 0.1
HEDGE = int(Flag.HEDGE)
ABANDONED, ERROR = (ATTEMPT_CODE[each] for each in (AttemptOutcome.ABANDONED, AttemptOutcome.ERROR))


def hedged(
    hedge: str, *, call: str = "", service: str = "", rate: int = 100, duration: int = 100
) -> Scenario:
    """Return callers of a service whose work is exponential with a mean of 100 ms."""
    return parse_scenario(
        f"""
name: hedged
duration: {duration}s
clients:
  users:
    arrivals: {{kind: poisson, rate: {rate}/s}}
    calls: {{api: {{hedge: {{{hedge}}}, {call}}}}}
services: {{api: {{workers: 1000, work: {{kind: exponential, mean: {MEAN}s}}, {service}}}}}
"""
    )


def latencies(trace: Trace) -> np.ndarray:
    """Return how long each finished request took, in seconds."""
    took: np.ndarray = trace.requests["end"] - trace.requests["arrival"]
    return took[~np.isnan(took)]


def is_hedge(trace: Trace) -> np.ndarray:
    """Return which attempts are hedges."""
    return (trace.attempts["flags"] & HEDGE) != 0


def test_two_at_once_take_as_long_as_the_faster() -> None:
    """The least of two exponentials is exponential with half the mean, of three with a third."""
    for times in (1, 2):
        took = latencies(simulate(hedged(f"after: 0s, times: {times}")))
        mean = MEAN / (1 + times)
        assert float(took.mean()) == pytest.approx(mean, rel=0.04)
        assert float(np.quantile(took, 0.99)) == pytest.approx(mean * log(100), rel=0.06)


@pytest.mark.parametrize("after", [0.05, 0.2])
def test_a_hedge_cuts_the_tail_by_its_law(after: float) -> None:
    """From `after` on both must be slow: P(T > t) = exp(-t/m)·exp(-(t - d)/m)."""
    trace = simulate(hedged(f"after: {after}s"))
    p99 = (MEAN * log(100) + after) / 2
    assert float(np.quantile(latencies(trace), 0.99)) == pytest.approx(p99, rel=0.05)
    more = float(is_hedge(trace).sum()) / len(trace.requests)
    assert more == pytest.approx(exp(-after / MEAN), rel=0.04)
    assert all(law.holds for law in audit(trace))


def test_what_explain_says_of_the_load_is_what_comes() -> None:
    """Hedges are attempts that the service has to do, though nobody waits for the slower."""
    scenario = hedged("after: 50ms, times: 2")
    busy = measure(simulate(scenario)).value("utilisation", of="api")
    assert predict(scenario).of("utilisation")[0].value == pytest.approx(busy, rel=0.03)
    most = predict(scenario).of("amplification")[0]
    assert (most.value, most.symbols) == (3.0, "(1 + h1)")
    assert estimate_size(scenario).worst_attempts == 3 * 100 * 100


def test_at_high_load_a_copy_of_everything_is_too_much() -> None:
    """At 60 % of capacity two of each are 120 %: the queue grows to the end. Cancelling helps."""
    queue = "balance: least_busy, replicas: 2"
    crowded = {"api.workers": 4, "users.arrivals.rate": "48/s"}
    means = {
        policy: float(
            latencies(
                simulate(hedged("after: 0s", service=f"{queue}, {policy}").with_(crowded))
            ).mean()
        )
        for policy in ("on_abandon: finish", "on_abandon: stop")
    }
    assert means["on_abandon: finish"] > 5.0
    assert means["on_abandon: stop"] < 2 * MEAN


def test_a_budget_bounds_the_hedges() -> None:
    """Each try earns a tenth of a hedge, ten are there from the beginning."""
    trace = simulate(hedged("after: 0s, budget: 10%"))
    assert float(is_hedge(trace).sum()) == pytest.approx(10 + len(trace.requests) / 10, abs=1)
    scenario = hedged("after: 0s, budget: 10%, times: 2")
    found = predict(scenario)
    assert found.of("lasting_amplification")[0].value == pytest.approx(1.1)
    assert found.traffic.arriving("api") == pytest.approx(110)


def test_losers_are_abandoned_and_tell_the_breaker_nothing() -> None:
    """A breaker that opens at the first failure stays closed; their places are free again."""
    guards = "breaker: {failure_threshold: 1}, bulkhead: {max_concurrent: 60, max_wait: 5s}"
    trace = simulate(hedged("after: 10ms", call=guards))
    assert not len(trace.transitions)
    lost = trace.attempts["outcome"] == ABANDONED
    assert lost.sum() > 0.8 * is_hedge(trace).sum()
    assert all(law.holds for law in audit(trace))


def test_a_try_fails_when_all_of_it_has() -> None:
    """With p of the answers bad, at once two must be: p² of the tries, then a retry."""
    trace = simulate(hedged("after: 0s", call="retry: {max_retries: 1}", service="errors: 50%"))
    failed = float(np.mean(trace.requests["cause"][:-100] == ERROR))
    assert failed == pytest.approx(0.25**2, abs=0.01)
    firsts = (trace.attempts["retry"] == 1) & ~is_hedge(trace)
    assert float(firsts.sum()) / len(trace.requests) == pytest.approx(0.25, abs=0.01)


def test_each_hedge_is_known_by_what_it_was_made_beside() -> None:
    """A chain, each link exactly `after` long; so a caller's wait is counted once."""
    trace = simulate(hedged("after: 30ms, times: 3", call="timeout: 150ms"))
    found, before = hedges(trace)
    assert (before >= 0).all()
    gaps = trace.attempts["start"][found] - trace.attempts["start"][before]
    assert gaps == pytest.approx(0.03)
    waits = measure(trace).value("worker_seconds_waiting")
    ends = np.where(np.isnan(trace.requests["end"]), trace.duration, trace.requests["end"])
    assert waits == pytest.approx(float((ends - trace.requests["arrival"]).sum()))
    shares = measure(trace).value("hedged")
    assert shares == pytest.approx(float(is_hedge(trace).mean()))


@pytest.mark.parametrize(
    ("hedge", "complaint"),
    [
        ("times: 2", "hedge.after: is missing"),
        ("after: 50ms, times: 0", "hedge.times: `0` is too small"),
        ("after: 50", "hedge.after: `50` has no unit"),
        ("after: 50ms, budget: 300%", "hedge.budget"),
        ("delay: 50ms", "hedge.delay: is unknown here"),
    ],
)
def test_a_misused_hedge_is_explained(hedge: str, complaint: str) -> None:
    """Each complaint has its place and what to write."""
    with pytest.raises(ScenarioError, match=complaint):
        hedged(hedge)


def test_a_hedge_later_than_the_timeout_is_never_made() -> None:
    """`check` says so, and it is true."""
    scenario = hedged("after: 1s", call="timeout: 500ms", duration=20)
    (warning,) = no_effect_warnings(scenario)
    assert "never made" in warning
    assert not is_hedge(simulate(scenario)).any()


def changing(hedge: str, sets: str) -> Trace:
    """Run the callers for 20 s with other hedges from 10 s on, and hold the run to its laws."""
    quick = hedged(hedge, duration=20).to_yaml()
    trace = simulate(parse_scenario(f"{quick}changes: [{{at: 10s, set: {{{sets}}}}}]\n"))
    assert not [law for law in audit(trace) if not law.holds]
    return trace


def test_an_operator_ends_hedging_with_a_budget_of_nothing() -> None:
    """What was saved, ten, is still spent, and no more; until then all is as without the change."""
    trace, plain = changing("after: 50ms", "hedge.budget: 0%"), simulate(hedged("after: 50ms"))
    late = trace.attempts["start"][is_hedge(trace)] >= 10.0
    assert np.sum(~late) > 400
    assert np.sum(late) == 10
    before = int(np.argmax(trace.attempts["end"] >= 10.0))
    assert trace.attempts["start"][:before].tobytes() == plain.attempts["start"][:before].tobytes()
    begun = changing("after: 50ms, budget: 0%", "hedge.budget: null")
    late = begun.attempts["start"][is_hedge(begun)] >= 10.0
    assert (np.sum(~late), np.sum(late) > 400) == (10, True)


def test_more_hedges_for_each_try_from_then_on() -> None:
    """After nothing at once: two attempts a try before, four afterwards."""
    trace = changing("after: 0s", "hedge.times: 3")
    made = np.bincount(trace.attempts["request"])
    early = trace.requests["arrival"] < 10.0
    assert set(made[early].tolist()) == {2}
    assert set(made[~early].tolist()) == {4}


@pytest.mark.parametrize("after", ["0s", "50ms"])
def test_the_plain_model_hedges_as_it_is_told_in_mid_run(after: str) -> None:
    """More for each try, sooner, a budget that begins, and ends: the same events in both."""
    sets = ("times: 3", "budget: 20%", "after: 20ms", "budget: null")
    made = "".join(
        f"\n  - {{at: {2 + 2 * n}s, set: {{hedge.{each}}}}}" for n, each in enumerate(sets)
    )
    base = hedged(f"after: {after}", call="timeout: 300ms", rate=20, duration=11).to_yaml()
    scenario = parse_scenario(f"{base}changes:{made}\n")
    trace = simulate(scenario)
    assert np.sum(is_hedge(trace)) > 50
    assert not differences(simulate_plainly(scenario, 0, 0), record_of(trace))


PLAIN = """
name: plain
duration: 9s
clients:
  users: {{arrivals: {{kind: constant, rate: 1/s}}, calls: {{api: {{{call}}}}}}}
services: {{api: {{work: 1ms}}}}
changes: [{{at: 5s, set: {{{sets}}}}}]
"""


def test_hedges_do_not_begin_while_it_runs() -> None:
    """Whose calls have none from the start has none later: they count what they are beside."""
    for sets in ("hedge.times: 2", "hedge.after: 9ms"):
        with pytest.raises(ScenarioError, match="give it one from the start that does nothing"):
            parse_scenario(PLAIN.format(call="timeout: 1s", sets=sets))
