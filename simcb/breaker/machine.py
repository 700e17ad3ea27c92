"""The state machine of the breaker: who may call, and what the ends of calls change.

Everything that decides runs under one re-entrant lock in the methods named `_locked`, and
follows three rules that make it safe to interrupt anywhere:

- An interrupt, be it a signal, a finalizer or a handler that enters the breaker, comes where
  something is called or a loop goes round. So a method computes what is to change first, then
  looks whether what it has seen is still so, and from there on only assigns: the state, the
  permit and the count it belongs to. An interrupted call sees that it has to think again.
- What has been granted is in the permit before anything can come in between, and whoever made
  the permit settles it on every way out.
- No code of the user's runs inside, except the clock, which is read there so that time has
  the same order as the decisions.

Functions, coroutines and blocks are guarded elsewhere, by acquiring and settling permits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from simcb.breaker.enums import Mode, Reason
from simcb.breaker.errors import ClockError, bare
from simcb.breaker.judging import Judge, log_failure
from simcb.breaker.listeners import CallListener, Listener, Listeners
from simcb.breaker.permit import (
    ADMITTED,
    FAILURES,
    IGNORED,
    OUTCOMES,
    REJECTED,
    STALE,
    SUCCESSES,
    Permit,
)
from simcb.breaker.records import Transition
from simcb.breaker.settings import (
    ConsecutiveFailures,
    HalfOpen,
    Recovery,
    SlowCallRate,
    TripRule,
)
from simcb.breaker.states import (
    INNER_CALLS,
    NONE_ENDED,
    SETTLED,
    ClosedState,
    Ended,
    HalfOpenState,
    OpenState,
    Probe,
    State,
    decided,
    one_more_ended,
    opening,
    outer_of,
    places_taken,
)
from simcb.breaker.windows import NEVER, CountWindow, windows_for

Refusal: TypeAlias = tuple[str, float, bool, Reason, BaseException | None]
"""What a `CircuitOpenError` is made of, which is raised further out."""

Settled: TypeAlias = tuple[int, float | None]
"""What a permit counted as, and the moment, if the clock was read."""


class Machine(Listeners):
    """Decides; every method named `_locked` is called with the lock held."""

    __slots__ = (
        "_ages",
        "_clock",
        "_counts",
        "_draw",
        "_half_open",
        "_inner_calls",
        "_judge",
        "_latest",
        "_no_draw",
        "_random",
        "_recovery",
        "_rules",
        "_state",
        "_threshold",
        "_timed",
    )

    def __init__(
        self,
        name: str,
        rules: tuple[TripRule, ...],
        recovery: Recovery,
        half_open: HalfOpen,
        judge: Judge,
        clock: Callable[[], float],
        random: Callable[[], float],
        listeners: Iterable[Listener],
        call_listeners: Iterable[CallListener],
    ) -> None:
        super().__init__(name, listeners, call_listeners)
        self._rules = rules
        self._recovery = recovery
        self._half_open = half_open
        self._inner_calls = INNER_CALLS
        self._judge = judge
        self._clock = clock
        self._random = random
        self._no_draw = None if recovery.jitter else 0.5
        self._draw: float | None = self._no_draw
        rows = [
            rule.threshold
            for rule in rules
            if isinstance(rule, ConsecutiveFailures) and rule.every is None
        ]
        self._threshold: float = min(rows, default=NEVER)
        slow = any(isinstance(rule, SlowCallRate) for rule in rules)
        self._timed = slow or bool(self._call_listeners)
        self._ages = any(not isinstance(one, CountWindow) for one in windows_for(rules, 0.0))
        self._counts = [0] * 6
        self._latest = -NEVER
        self._state: State = self._closed(1, self._now_locked(), Mode.AUTOMATIC)

    # What the next state would be: pure, apart from the clock and the drawn number.

    def _now_locked(self) -> float:
        """Reads the clock, never earlier than it was read before."""
        now = self._clock()
        try:
            sound = -NEVER < now < NEVER
        except TypeError:
            sound = False
        if not sound:
            raise ClockError(self.name, now)
        self._latest = now = now if now > self._latest else self._latest
        return now

    def _closed(self, generation: int, now: float, mode: Mode) -> ClosedState:
        windows = () if mode is Mode.FORCED_CLOSED else windows_for(self._rules, now)
        return ClosedState(generation, now, mode, windows, self._timed)

    def _opened(
        self,
        seen: State,
        now: float,
        reason: Reason,
        error: BaseException | None,
        permit: Permit | None,
    ) -> OpenState:
        """The open state after `seen`: longer when a probe has failed, or as the service asks."""
        recovery = self._recovery
        wait = recovery.timeout
        if isinstance(seen, HalfOpenState):
            wait = recovery.grown(seen.opened.wait)
        asked = getattr(permit, "_retry_after", None) if recovery.hint else None
        draw = self._draw
        lasts = recovery.lasts(wait, draw) if asked is None else recovery.heeds(asked, draw)
        until = now + lasts
        return OpenState(seen.generation + 1, now, Mode.AUTOMATIC, until, wait, reason, error)

    def _replace_locked(
        self,
        seen: State,
        new: State,
        reason: Reason | None,
        permit: Permit | None = None,
        generation: int = SETTLED,
        kind: int = STALE,
    ) -> bool:
        """Puts a new state in place of the one seen, if that is still the state.

        Listeners hear the reason, if there is one. The permit that brings the change about, by
        being granted or settled, becomes one of this generation, and counts as this kind.
        """
        before = news = self._news
        if reason and self._listeners and not (seen.state is new.state and seen.mode is new.mode):
            error = new.last_error if isinstance(new, OpenState) else None
            states = seen.state, new.state
            told = Transition(self.name, new.since, *states, reason, new.generation, error)
            news = (*before, told)
        draw = self._no_draw if isinstance(new, OpenState) else self._draw
        if self._state is not seen or self._news is not before:
            return False
        if permit is not None:
            if permit._generation == generation:
                return False
            permit._generation = generation
            self._counts[kind] += 1
        self._state, self._draw, self._news = new, draw, news
        return True

    # Asking for a permit.

    def _admit_locked(self, permit: Permit) -> Refusal | None:
        """Grants the permit and returns None, or returns what the call is rejected with."""
        while True:
            now = self._now_locked()
            seen = self._state
            if isinstance(seen, ClosedState):
                permit._began = now
                permit._generation = seen.generation
                self._counts[ADMITTED] += 1
                return None
            if isinstance(seen, OpenState):
                left = seen.deadline - now
                if left > 0.0:
                    self._counts[REJECTED] += 1
                    if left == NEVER:
                        return self.name, seen.wait, True, seen.reason, None
                    return self.name, left, False, seen.reason, seen.last_error
                if not self._half_open.probes:
                    closed = self._closed(seen.generation + 1, now, Mode.AUTOMATIC)
                    self._replace_locked(seen, closed, Reason.DEADLINE_PASSED)
                    continue
            else:
                if self._leases_ran_out_locked(seen, now):
                    continue
                outer = outer_of(seen.probes)
                if outer is not None:
                    if outer.inner < outer.most:
                        outer.inner += 1
                        return None  # a part of a probe: its permit is born settled
                    self._inner_calls = max(self._inner_calls, 2 * outer.most)
                if places_taken(self._half_open, seen) >= self._half_open.probes:
                    self._counts[REJECTED] += 1
                    return self.name, 0.0, False, seen.opened.reason, seen.opened.last_error
            if self._grant_probe_locked(permit, seen, now):
                return None

    def _grant_probe_locked(
        self, permit: Permit, seen: OpenState | HalfOpenState, now: float
    ) -> bool:
        """Sends the permit out as a probe, if the state is still the one seen."""
        permit._began = now
        permit._probe = probe = Probe(now + self._half_open.lease, self._inner_calls)
        if isinstance(seen, OpenState):
            new = HalfOpenState(seen.generation + 1, now, seen, (probe,), NONE_ENDED)
        else:
            new = seen.with_probes((*seen.probes, probe), seen.ended)
        reason = Reason.DEADLINE_PASSED
        return self._replace_locked(seen, new, reason, permit, new.generation, ADMITTED)

    def _leases_ran_out_locked(self, seen: HalfOpenState, now: float) -> bool:
        """Counts probes that have been out for their whole lease as failed, if there are any."""
        if not seen.probes or now < seen.probes[0].until:
            return False
        probes = tuple(one for one in seen.probes if now < one.until)
        lost, lease = len(seen.probes) - len(probes), self._half_open.lease
        ended = one_more_ended(seen.ended, self._rules, True, lease, lost)
        self._end_probes_locked(seen, now, probes, ended, Reason.LEASE_EXPIRED)
        return True

    def _end_probes_locked(
        self,
        seen: HalfOpenState,
        now: float,
        probes: tuple[Probe, ...],
        ended: Ended,
        failure: Reason,
        error: BaseException | None = None,
        permit: Permit | None = None,
        kind: int = STALE,
    ) -> bool:
        """Leaves so many probes out, and closes or opens the breaker if that decides it.

        Returns whether it did; if not, a re-entrant call came between.
        """
        reason = decided(self._half_open, self._rules, ended, failure)
        new: State = seen.with_probes(probes, ended)
        if reason is Reason.PROBES_SUCCEEDED:
            new = self._closed(seen.generation + 1, now, Mode.AUTOMATIC)
        elif reason is not None:
            new = self._opened(seen, now, reason, error, permit)
        return self._replace_locked(seen, new, reason, permit, SETTLED, kind)

    # Settling a permit.

    def _succeed(self, permit: Permit) -> None:
        """Settles a success; where no window hears of it, it only adds itself."""
        if self._draw is None:
            self._draw_jitter()
        with self._lock:
            state = self._state
            if state.unheard and permit._generation == state.generation:
                permit._generation = SETTLED
                state.calls += 1
                state.streak = 0
                self._counts[SUCCESSES] += 1
                return
            settled = self._settle_locked(permit, SUCCESSES, None)
        self._tell(permit, settled, None)

    def _settle(self, permit: Permit, kind: int, error: BaseException | None) -> None:
        if self._draw is None:
            self._draw_jitter()
        with self._lock:
            settled = self._settle_locked(permit, kind, error)
        opened = opening(self._state)
        if error is not None and opened is not None and opened.last_error is error:
            opened.last_error = bare(error)  # which holds no frames
        self._tell(permit, settled, error)

    def _tell(self, permit: Permit, settled: Settled | None, error: BaseException | None) -> None:
        """Tells the listeners of a call that was settled, or was before."""
        if self._news:
            self._announce()
        if self._call_listeners and settled is not None:
            kind, now = settled
            if now is None:
                with self._lock:
                    now = self._now_locked()
            self._report(OUTCOMES[kind], now, self._took(permit, now), error)

    def _settle_locked(
        self, permit: Permit, kind: int, error: BaseException | None
    ) -> Settled | None:
        """Settles a permit; returns None if it was settled before."""
        while permit._generation:
            seen, now = self._state, None
            if isinstance(seen, ClosedState) and permit._generation == seen.generation:
                if kind != IGNORED and seen.judges:
                    now = self._now_locked() if self._timed or self._ages else None
                    if self._record_locked(permit, kind, seen, now, error):
                        return kind, now
                    continue
            elif isinstance(seen, HalfOpenState):
                now = self._now_locked()
                if self._leases_ran_out_locked(seen, now):
                    continue
                if permit._probe in seen.probes:
                    ended = seen.ended
                    if kind != IGNORED:
                        took = self._took(permit, now)
                        ended = one_more_ended(ended, self._rules, kind == FAILURES, took)
                    probes = tuple(one for one in seen.probes if one is not permit._probe)
                    failure = Reason.PROBE_FAILED
                    if self._end_probes_locked(
                        seen, now, probes, ended, failure, error, permit, kind
                    ):
                        return kind, now
                    continue
                kind = STALE  # of before, or its lease has run out
            else:
                kind = STALE
            if permit._generation:
                permit._generation = SETTLED
                self._counts[kind] += 1
                return kind, now
        return None

    def _record_locked(
        self,
        permit: Permit,
        kind: int,
        seen: ClosedState,
        now: float | None,
        error: BaseException | None,
    ) -> bool:
        """Counts an outcome of the closed state, and opens the breaker if a rule says so.

        Returns whether it was counted; if not, a re-entrant call came between.
        """
        calls = seen.calls + 1
        failed = kind == FAILURES
        streak = seen.streak + 1 if failed else 0
        reason = Reason.CONSECUTIVE_FAILURES if streak >= self._threshold else None
        took = self._took(permit, now) if self._timed and now is not None else 0.0
        totals, tripped = seen.with_one_more(failed, took, now or 0.0, streak)
        reason = reason or tripped
        if reason is None or seen.mode is Mode.COUNT_ONLY:
            if seen.calls != calls - 1 or self._state is not seen or not permit._generation:
                return False
            permit._generation = SETTLED
            seen.calls = calls
            seen.streak = streak
            seen.totals = totals
            self._counts[kind] += 1
            return True
        now = self._now_locked() if now is None else now
        opened = self._opened(seen, now, reason, error, permit)
        if seen.calls != calls - 1:
            return False
        return self._replace_locked(seen, opened, reason, permit, SETTLED, kind)

    def _took(self, permit: Permit, now: float) -> float:
        """Seconds since the permit was granted; 0 if nobody wanted to know it then."""
        return now - getattr(permit, "_began", now)

    def _time_calls_locked(self) -> None:
        """Reads the clock at the beginning and the end of every call from now on."""
        self._timed = True
        seen = self._state
        if isinstance(seen, ClosedState):
            seen.untimed = seen.unheard = False

    def _draw_jitter(self) -> None:
        """Draws the next opening's jitter ahead of it, because no user code runs inside."""
        try:
            draw = float(self._random())
        except Exception:
            log_failure("the random source of circuit %r raised; no jitter this time", self.name)
            draw = 0.5
        self._draw = min(max(draw, 0.0), 1.0) if draw == draw else 0.5
