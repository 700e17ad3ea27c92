"""The breaker against a second opinion: anything anyone does, in any order, at any time.

Besides single steps there are rules that make a burst of calls and a whole recovery: windows
fill and probes succeed often enough only when whole stories are steps.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from test_breaker.model import Model, ModelPermit, ModelRule
from test_breaker.stage import Clock

import simcb.breaker

# Sums of these are exact in binary, so that "at exactly the deadline" happens often.
TICKS = st.integers(0, 40).map(lambda n: n / 4)
OUTCOMES = st.sampled_from(["success", "failure", "failure", "ignored"])
EVERY = st.integers(1, 20).map(lambda n: n / 2)
RATES = st.sampled_from([0.1, 0.25, 0.5, 2 / 3, 1.0])


@st.composite
def rules(draw: st.DrawFn) -> ModelRule:
    kind = draw(st.sampled_from(["consecutive", "in_window", "rate", "rate", "slow", "either"]))
    if kind in ("consecutive", "in_window"):
        every = draw(st.none() | EVERY)
        window = draw(st.integers(1, 20)) / 2 if kind == "in_window" and every is None else None
        return ModelRule(kind, threshold=draw(st.integers(1, 4)), window=window, every=every)
    calls, window, every = None, None, None
    over = draw(st.sampled_from(["calls", "window", "every"]))
    if over == "calls":
        calls = draw(st.integers(1, 6))
    elif over == "window":
        window = draw(st.integers(1, 20)) / 2
    else:
        every = draw(EVERY)
    minimum = draw(st.integers(1, calls or 5))
    slow = draw(st.integers(1, 8)) / 4
    strict = draw(st.booleans())
    rate = draw(st.sampled_from([0.0, 0.1, 0.25, 0.5, 2 / 3]) if strict else RATES)
    found = ModelRule(kind, 0, rate, calls, window, minimum, slow, every, strict)
    found.in_flight = kind != "rate" and draw(st.booleans())
    return found


def real_rule(room: ModuleType, rule: ModelRule) -> Any:
    if rule.kind == "consecutive":
        return room.ConsecutiveFailures(rule.threshold, rule.every)
    if rule.kind == "in_window":
        return room.FailuresInWindow(rule.threshold, rule.window, rule.every)
    words = (rule.rate, rule.calls, rule.window, rule.minimum, rule.every, rule.strict)
    if rule.kind == "slow":
        return room.SlowCallRate(rule.slow, *words, rule.in_flight)
    return room.FailureRate(*words, *([rule.slow, rule.in_flight] if rule.kind == "either" else ()))


class BreakerMachine(RuleBasedStateMachine):
    """Does the same to both, and compares them after every step."""

    room: ModuleType = simcb.breaker

    @initialize(
        rules=st.lists(rules(), min_size=1, max_size=3),
        timeout=TICKS,
        factor=st.sampled_from([1.0, 2.0]),
        probes=st.integers(0, 3),
        successes=st.integers(1, 3),
        lease=st.integers(1, 20).map(lambda n: n / 2),
        verdict=st.none() | RATES,
        ramp=st.none() | st.none() | EVERY,
        start=st.sampled_from([0.0, 0.1, 0.25, 1.0]),
    )
    def build(
        self,
        rules: list[ModelRule],
        timeout: float,
        factor: float,
        probes: int,
        successes: int,
        lease: float,
        verdict: float | None,
        ramp: float | None,
        start: float,
    ) -> None:
        probes = 0 if ramp else probes
        verdict = verdict if probes else None
        self.clock = Clock(64.0)
        self.breaker = self.room.CircuitBreaker(
            trip=[real_rule(self.room, one) for one in rules],
            recovery=self.room.Recovery(timeout, factor, max=4 * timeout),
            half_open=self.room.HalfOpen(
                probes,
                successes if probes and verdict is None else None,
                lease,
                verdict,
                ramp,
                start if ramp else None,
            ),
            clock=self.clock,
            listeners=[self.hear],
        )
        self.heard: list[Any] = []
        for one in rules:
            one.since = self.clock.now
        self.model = Model(rules, timeout, factor, 4 * timeout, probes, successes, lease, verdict)
        self.model.ramp, self.model.start = ramp, start
        self.pairs: list[tuple[Any, ModelPermit]] = []

    def hear(self, transition: Any) -> None:
        self.heard.append(transition)

    @rule(seconds=TICKS)
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def start(self) -> None:
        real = None
        expected = self.model.acquire(self.clock.now)
        try:
            real = self.breaker.acquire()
        except self.room.CircuitOpenError as rejected:
            assert rejected.retry_after >= 0.0  # noqa: PT017
            if self.model.state == "open" and not self.model.forced:
                wait = self.model.deadline - self.clock.now
                assert rejected.retry_after == wait  # noqa: PT017
        assert (real is None) == (expected is None)
        if real is not None and expected is not None:
            self.pairs.append((real, expected))

    @precondition(lambda self: self.pairs)
    @rule(which=st.integers(0, 10**6), outcome=OUTCOMES, keep=st.booleans())
    def end(self, which: int, outcome: str, keep: bool) -> None:
        real, expected = self.pairs[which % len(self.pairs)]
        {"success": real.success, "failure": real.failure, "ignored": real.ignore}[outcome]()
        self.model.settle(expected, outcome, self.clock.now)
        if not keep:
            self.pairs.remove((real, expected))

    @rule(outcomes=st.lists(OUTCOMES, max_size=25), gap=TICKS, took=TICKS)
    def burst(self, outcomes: list[str], gap: float, took: float) -> None:
        """Many calls one after the other, as an upstream that works or fails makes them."""
        for outcome in outcomes:
            held = len(self.pairs)
            self.start()
            self.clock.advance(took / 8)
            if len(self.pairs) > held:
                self.end(held, outcome, keep=False)
            self.clock.advance(gap / 8)

    @rule()
    def recover(self) -> None:
        """Healthy calls close the breaker within timeout, lease and the successes needed."""
        if self.model.forced:
            self.take("reset")
        now = self.clock.now
        model = self.model
        needed = model.successes if model.verdict is None else model.probes
        trial = model.lease + needed if model.ramp is None else model.ramp
        end = now + trial + model.longest + model.timeout + 1.0
        while self.breaker.state is not self.room.CircuitState.CLOSED:
            assert self.clock.now <= end, "stuck"
            held = len(self.pairs)
            self.start()
            if len(self.pairs) > held:
                self.end(held, "success", keep=False)
            self.clock.advance(0.25)

    @rule(mode=st.sampled_from(["force_open", "force_closed", "count_only", "reset"]))
    def take(self, mode: str) -> None:
        getattr(self.breaker, mode)()
        state = "open" if mode == "force_open" else "closed"
        forced = {"force_open": "open", "force_closed": "closed", "count_only": "count"}
        self.model.go(state, forced.get(mode, ""), self.clock.now)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "model"):
            return
        seen, model = self.breaker.snapshot(), self.model
        assert seen.state.value == model.state
        assert seen.generation == model.generation
        counts = {
            "admitted": seen.admitted,
            "rejected": seen.rejected,
            "success": seen.successes,
            "failure": seen.failures,
            "ignored": seen.ignored,
            "stale": seen.stale,
        }
        assert counts == model.counts
        ended = seen.successes + seen.failures + seen.ignored + seen.stale
        assert seen.in_flight == seen.admitted - ended
        assert seen.probes_out == len(model.out)
        assert seen.probes_ended == len(model.ended)
        assert seen.probes_failed == sum(failed for failed, _ in model.ended)
        assert (seen.reason is None) == (model.state == "closed")
        readings = [(one.calls, one.counted, one.rate) for one in seen.rules]
        assert readings == [rule.seen(self.clock.now) for rule in model.rules]
        if model.state == "open" and not model.forced:
            assert seen.next_probe_at == model.deadline
        told = [t.after for t in self.heard]
        before = [t.before for t in self.heard]
        assert before[1:] == told[:-1]
        assert not told or told[-1] is seen.state


@pytest.mark.parametrize("stories", [40, pytest.param(120, marks=pytest.mark.slow)])
def test_the_breaker_does_what_the_model_does(room: ModuleType, stories: int) -> None:
    """States, deadlines, counts and news agree after every step of every story."""
    machine = type("Machine", (BreakerMachine,), {"room": room})
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(max_examples=stories, stateful_step_count=30),
    )
