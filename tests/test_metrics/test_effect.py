"""What the breaker did, told from runs with it and without it on the same luck."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from test_metrics.building import TraceBuilder

from simcb import studies
from simcb.metrics import BreakerEffect, Effect, Measures, effect_of, measure
from simcb.scenario import parse_scenario
from simcb.trace import Trace

FAULT = ("x", 100.0, 200.0)
Fate = Callable[[int], str]


@dataclass(frozen=True)
class Seen:
    """A run as it is compared."""

    trace: Trace
    measures: Measures


def seen(fate: Fate, *opened: float, breaker: bool = True, shift: int = 0) -> Seen:
    """Return a run of one request a second, whose breaker opens at some moments for ten seconds."""
    build = TraceBuilder(300.0, faults=[FAULT], breakers=((0, -1),) if breaker else ())
    for second in range(300):
        build.request(float(second), 0.1, fate(second + shift))
    for at in opened:
        build.transition(at, "closed", "open")
        build.transition(at + 10.0, "open", "closed")
    trace = build.trace()
    return Seen(trace, measure(trace))


def always(outcome: str) -> Fate:
    """Return what lets every request end alike."""
    return lambda second: outcome


def in_fault(outcome: str) -> Fate:
    """Return what lets every request of the fault end alike, and all others ok."""
    return lambda second: outcome if 100 <= second < 200 else "ok"


def told(with_it: Fate, without_it: Fate, *opened: float) -> BreakerEffect:
    """Compare two single runs."""
    opened = opened or (110.0,)
    found = effect_of([seen(with_it, *opened)], [seen(without_it, breaker=False)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("with_it", "without_it", "effect"),
    [
        (in_fault("failed"), always("ok"), Effect.HURT),
        (always("ok"), in_fault("failed"), Effect.HELPED),
        (in_fault("failed"), in_fault("failed"), Effect.NO_DIFFERENCE),
        (in_fault("degraded"), in_fault("failed"), Effect.HELPED),
        (in_fault("degraded"), always("ok"), Effect.HURT),
    ],
)
def test_the_effect_is_that_on_how_many_are_answered(
    with_it: Fate, without_it: Fate, effect: Effect
) -> None:
    """A fallback's answer is one, but where as many are answered an ok one is better."""
    assert told(with_it, without_it).effect is effect


def test_the_sentence_has_both_shares_and_how_sure_it_is() -> None:
    """As many numbers as are needed, and that one run is one run."""
    found = told(in_fault("failed"), always("ok"))
    assert found.words == "the breaker hurt"
    assert found.sentence == (
        "the breaker hurt: 0.0% of requests answered within 1 s under fault, 100.0% without it; "
        "this is one run, -n 10 gives intervals"
    )


def test_what_is_lost_in_one_phase_is_weighed_against_what_is_won_in_another() -> None:
    """The balance decides, and both are told."""
    found = told(
        lambda s: "failed" if 150 <= s < 160 else "ok", lambda s: "ok" if s < 200 else "failed"
    )
    assert found.effect is Effect.HELPED
    assert "after the last fault, 0.0% without it; 90.0% under fault" in found.sentence
    assert found.words == "the breaker helped after the last fault and hurt under fault"


def test_the_headline_says_when_if_it_is_not_under_the_fault() -> None:
    """So `helped: 0% answered under the fault` is never read as help under it."""
    bad = in_fault("failed")
    after = told(bad, lambda s: "ok" if s < 100 else "failed")
    assert after.words == "the breaker helped after the last fault"
    assert told(always("ok"), bad).words == "the breaker helped"
    assert told(bad, bad).words == "the breaker made no difference"


def test_a_difference_that_chance_can_make_is_none() -> None:
    """A few requests more or less of a hundred are no effect of a single run."""
    few = told(lambda s: "failed" if 100 <= s < 103 else "ok", always("ok"))
    assert few.effect is Effect.NO_DIFFERENCE


def test_a_breaker_that_never_opened_did_nothing() -> None:
    """And a run without any has no breaker to speak of."""
    bad = in_fault("failed")
    found = effect_of([seen(bad)], [seen(bad, breaker=False)])
    assert found is not None
    assert (found.effect, found.sentence) == (Effect.NEVER_OPENED, "the breaker never opened")
    assert effect_of([seen(bad, breaker=False)], [seen(bad, breaker=False)]) is None


def test_a_breaker_that_opens_when_half_the_fault_is_over_came_too_late() -> None:
    """If it made no difference; in the first half of the fault it was not too late for one."""
    bad = in_fault("failed")
    assert told(bad, bad, 160.0).effect is Effect.TOO_LATE
    assert told(bad, bad, 145.0).effect is Effect.NO_DIFFERENCE
    assert told(always("failed"), bad, 160.0).effect is Effect.HURT


def test_replicates_decide_by_the_interval_of_their_pairs() -> None:
    """A difference in one of three replicates is not told from chance, one in each is."""
    hurt, fine = in_fault("failed"), always("ok")
    without = [seen(fine, breaker=False)] * 3

    def over(*fates: Fate) -> BreakerEffect:
        found = effect_of([seen(fate, 110.0) for fate in fates], without)
        assert found is not None
        return found

    assert over(hurt, fine, fine).effect is Effect.NO_DIFFERENCE
    each = over(*[lambda s, n=n: "failed" if 100 <= s < 150 + n else "ok" for n in range(3)])
    assert each.effect is Effect.HURT
    assert "49.0% of requests answered within 1 s under fault, 100.0% without it" in each.sentence
    assert "(-51.0 ±2.5 points)" in each.sentence
    assert "one run" not in each.sentence


def test_callers_that_wait_less_are_told_where_answers_are_alike() -> None:
    """Failing fast is worth a word even if nobody is answered because of it."""
    text = """
name: dead
duration: 40s
clients:
  shop:
    arrivals: {kind: constant, rate: 20/s}
    calls: {db: {timeout: 2s, breaker: {failure_threshold: 3, recovery_timeout: 5s}}}
services: {db: {workers: 200, work: 20ms}}
faults: [{kind: hang, on: db, at: 10s, for: 30s}]
"""
    effect = studies.run(parse_scenario(text), baseline="none").effect
    assert effect is not None
    assert effect.effect is Effect.NO_DIFFERENCE
    waited = re.search(r"; callers waited (\d+) s in all against ([\d,]+) s", effect.sentence)
    assert waited is not None
    assert 10 * float(waited[1]) < float(waited[2].replace(",", ""))
    assert studies.run(parse_scenario(text)).effect is None


def test_a_breaker_that_nobody_asked_never_opened() -> None:
    """It is one all the same: what was never asked is counted and not listed."""
    without = seen(always("ok"), breaker=False)
    trace = without.trace
    unasked = replace(trace, layout=replace(trace.layout, idle_breakers=1))
    found = effect_of([Seen(unasked, measure(unasked))], [without])
    assert found is not None
    assert found.effect is Effect.NEVER_OPENED
    assert effect_of([without], [without]) is None
