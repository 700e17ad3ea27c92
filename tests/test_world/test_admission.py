"""What a service lets in: its laws, and what callers and breakers make of being throttled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcb import studies
from simcb.metrics import audit, measure, series
from simcb.predictions.formulas import erlang_b
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.admission import RateLimit
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, Flag, Trace
from simcb.views.plots.curves import curves_of
from simcb.views.plots.panels import load
from simcb.world import simulate

THROTTLED = ATTEMPT_CODE[AttemptOutcome.THROTTLED]


def asked(
    admit: str,
    arrivals: str = "{kind: poisson, rate: 40/s}",
    service: str = "workers: 100, work: 100ms",
    call: str = "{}",
    duration: str = "200s",
) -> Scenario:
    """Return users of one service with an admission."""
    return parse_scenario(
        f"""
name: asked
duration: {duration}
clients: {{users: {{arrivals: {arrivals}, calls: {{api: {call}}}}}}}
services: {{api: {{admit: {admit}, {service}}}}}
"""
    )


def let_in(trace: Trace) -> np.ndarray:
    """Return the moments at which attempts were let in, in order."""
    rows = trace.attempts
    return np.sort(rows["arrive"][(rows["flags"] & int(Flag.THROTTLED)) == 0])


@settings(max_examples=25)
@given(st.integers(5, 400), st.none() | st.integers(1, 30), st.integers(0, 3))
def test_no_stretch_of_time_has_more_than_the_bucket_and_its_rate(
    tenths: int, burst: int | None, seed: int
) -> None:
    """A token bucket lets in at most burst + rate · t in any t, and all that this allows."""
    law = f"{{kind: rate, rate: {tenths / 10}/s{'' if burst is None else f', burst: {burst}'}}}"
    scenario = asked(law, duration="5s")
    spec = scenario.services["api"].admit
    assert isinstance(spec, RateLimit)
    trace = simulate(scenario, seed)
    moments = let_in(trace)
    for first in range(len(moments)):
        spans = moments[first:] - moments[first]
        assert (np.arange(1, len(spans) + 1) <= spec.tokens + spec.rate * spans + 1e-6).all()
    for turned_away in trace.attempts["arrive"][trace.attempts["outcome"] == THROTTLED]:
        before = moments[moments <= turned_away]
        counts = np.arange(len(before), 0, -1) + 1
        assert (counts > spec.tokens + spec.rate * (turned_away - before) - 1e-6).any()


def test_one_token_is_a_counter_with_a_dead_time() -> None:
    """With a burst of 1 and Poisson arrivals, λ/(1 + λ/r) a second are let in (Feller 1948)."""
    scenario = asked("{kind: rate, rate: 40/s, burst: 1}", duration="1000s")
    share = measure(simulate(scenario)).value("throttled")
    assert share == pytest.approx(0.5, abs=0.01)


def test_a_limit_of_places_is_erlangs_loss() -> None:
    """Without a queue the share turned away is B(c, a), whatever the distribution of work."""
    work = "workers: 100, work: {kind: lognormal, mean: 100ms, cv: 2}"
    scenario = asked("{kind: concurrency, limit: 5}", service=work, duration="1000s")
    share = measure(simulate(scenario)).value("throttled")
    assert share == pytest.approx(erlang_b(5, 4.0), abs=0.01)


def test_each_replica_has_its_own() -> None:
    """Two replicas let in twice as much."""
    one = asked("{kind: rate, rate: 5/s, burst: 1}", arrivals="{kind: constant, rate: 100/s}")
    two = one.with_({"replicas": 2})
    assert len(let_in(simulate(two))) == pytest.approx(2 * len(let_in(simulate(one))), rel=0.01)


def test_a_place_is_given_back_however_an_attempt_ends() -> None:
    """Answered, dropped, stopped, thrown out, hung, refused: afterwards all places are free."""
    text = """
name: ends
duration: 60s
clients:
  users:
    arrivals: {kind: poisson, rate: [{at: 0s, rate: 40/s}, {at: 40s, rate: 1/s}]}
    deadline: 700ms
    calls: {api: {timeout: 300ms}}
services:
  api: {workers: 3, queue: {limit: 2}, on_abandon: stop, admit: {kind: concurrency, limit: 6},
        work: {kind: exponential, mean: 150ms}}
faults:
  - {kind: hang, on: api, at: 5s, for: 3s, share: 50%}
  - {kind: restart, on: api, at: 12s, for: 1s}
  - {kind: capacity, on: api, times: 0, at: 20s, for: 5s}
"""
    trace = simulate(parse_scenario(text))
    assert all(law.holds for law in audit(trace))
    late = trace.attempts["start"] > 41.0
    assert late.sum() > 10
    assert not (trace.attempts["flags"][late] & int(Flag.THROTTLED)).any()


BREAKER = "failure_threshold: 2, recovery_timeout: 1h"


@pytest.mark.parametrize(
    ("words", "opens", "counted"),
    [
        ("", False, "ignored"),
        (", counts: [throttled]", True, "failures"),
        (", ignores: []", False, "successes"),
    ],
)
def test_a_breaker_ignores_throttled_answers_unless_told_otherwise(
    words: str, opens: bool, counted: str
) -> None:
    """They are neither failures nor successes; `counts` and `ignores` say it another way."""
    call = f"{{breaker: {{{BREAKER}{words}}}}}"
    trace = simulate(asked("{kind: rate, rate: 1/s}", call=call, duration="20s"))
    assert bool(len(trace.transitions)) is opens
    assert trace.counters[counted][0] > 0
    throttled = int(np.sum(trace.attempts["outcome"] == THROTTLED))
    assert trace.counters[counted][0] == throttled + (counted == "successes") * len(let_in(trace))


HEEDING = """{retry: {max_retries: 3, on: [error, throttled],
                 backoff: {kind: server, base: 250ms, up_to: 10s}}}"""


@pytest.mark.parametrize(("retry_after", "waited"), [("4s", 4.0), ("20s", 0.25)])
def test_a_backoff_waits_what_the_answer_says(retry_after: str, waited: float) -> None:
    """A Retry-After up to `up_to` is waited for to the moment; a longer one is as none."""
    law = f"{{kind: rate, rate: 1/m, burst: 1, retry_after: {retry_after}}}"
    arrivals = "{kind: constant, rate: 1/m}"
    scenario = asked(law, arrivals=arrivals, call=HEEDING, duration="70s")
    rows = simulate(scenario.with_({"arrivals.rate": "3/m"})).attempts
    again = rows["start"][rows["retry"] == 1]
    first = rows["start"][(rows["retry"] == 0) & (rows["outcome"] == THROTTLED)]
    assert len(again)
    assert again == pytest.approx(first[: len(again)] + waited, abs=1e-9)


@pytest.mark.parametrize(("words", "lasts"), [("hint: true", 7.0), ("hint: false", 3.0)])
@pytest.mark.parametrize("around", ["attempt", "request"])
def test_a_breaker_stays_open_as_long_as_the_answer_asks(
    words: str, lasts: float, around: str
) -> None:
    """With `hint` the Retry-After of the answer that opens it is how long it stays open."""
    breaker = f"failure_threshold: 2, recovery: {{timeout: 3s, {words}}}, counts: [throttled]"
    call = f"{{breaker: {{{breaker}, around: {around}}}}}"
    law = "{kind: rate, rate: 1/s, retry_after: 7s}"
    trace = simulate(asked(law, call=call, duration="20s"))
    opened, probed = trace.transitions["at"][:2]
    rejected = trace.attempts["outcome"] == ATTEMPT_CODE[AttemptOutcome.REJECTED]
    starts = trace.attempts["start"]
    assert lasts <= probed - opened <= lasts + 0.5
    assert not rejected[(starts >= opened + lasts) & (starts <= probed)].any()


def test_throttled_answers_stand_in_series_and_picture() -> None:
    """What is throttled is a column of the series, and a line of the load only where any is."""
    scenario = asked("{kind: rate, rate: 10/s}", duration="20s")
    result = studies.run(scenario)
    told = series(result.trace)
    turned_away = int(np.sum(result.trace.attempts["outcome"] == THROTTLED))
    assert float(np.sum(told.throttled * told.width)) == pytest.approx(turned_away)
    assert "throttled" in dict(told.columns())
    labels = [line.get_label() for line in load(curves_of(result)).get_lines()]
    assert "throttled" in labels
    quiet = studies.run(scenario.with_({"admit.rate": "100/s"}))
    labels = [line.get_label() for line in load(curves_of(quiet)).get_lines()]
    assert "throttled" not in labels


def test_throttled_answers_are_retried_when_they_are_named() -> None:
    """They are not by themselves: a limit that is hit is no reason to hit it again."""
    retry = "max_retries: 3, backoff: {kind: fixed, delay: 1s}"
    usual = asked("{kind: rate, rate: 10/s}", call=f"{{retry: {{{retry}}}}}", duration="20s")
    assert not simulate(usual).attempts["retry"].any()
    named = usual.with_({"retry.on": ["throttled"]})
    assert simulate(named).attempts["retry"].max() == 3
