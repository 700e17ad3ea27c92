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

A simulation is one thread that nothing interrupts, and goes without the lock: it asks by `_grant`
and tells by the methods named `_alone`.

Functions, coroutines and blocks are guarded elsewhere, by acquiring and settling permits.
"""

from __future__ import annotations

from typing import TypeAlias

from simcb.breaker.decisions import Decisions
from simcb.breaker.enums import Mode, Outcome, Reason
from simcb.breaker.errors import bare
from simcb.breaker.nesting import outer_of
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
from simcb.breaker.states import (
    SETTLED,
    WHOLE,
    ClosedState,
    Ended,
    HalfOpenState,
    OpenState,
    Probe,
    RampState,
    State,
    opening,
)
from simcb.breaker.windows import NEVER

Refusal: TypeAlias = tuple[str, float, bool, Reason, BaseException | None]
"""What a `CircuitOpenError` is made of, which is raised further out."""

Settled: TypeAlias = tuple[int, float | None]
"""What a permit counted as, and the moment, if the clock was read."""


class Machine(Decisions):
    """Decides; methods named `_locked` are called with the lock held, or alone in a simulation."""

    __slots__ = ()

    # Asking for a permit.

    def _admit(self, permit: Permit) -> Refusal | None:
        """Grants a permit that is new and returns None, or returns what the call is rejected with.

        It is granted inside, so that whoever has made it can settle it whatever comes in between.
        """
        if self._draw is None:
            self._draw_jitter()
        with self._lock:
            state = self._state
            if state.untimed:
                permit._generation = state.generation
                self._counts[ADMITTED] += 1
                return None
            refusal = self._admit_locked(permit)
        if self._news or self._call_listeners:
            self._tell_of(refusal)
        return refusal

    def _tell_of(self, refusal: Refusal | None) -> None:
        """Tells the listeners what came of a call that asked, if it was rejected."""
        if self._news:
            self._announce()
        if refusal is not None and self._call_listeners:
            self._report(Outcome.REJECTED, self._latest, 0.0, None)

    def _grant(self) -> Permit | None:
        """Returns the permit for one call; None if the breaker lets no call through now.

        It is what `acquire` is in a simulation.
        """
        permit = Permit.__new__(Permit)
        permit._breaker = self
        permit._probe = None
        state = self._state
        if state.untimed and self._draw is not None:
            permit._generation = state.generation
            self._counts[ADMITTED] += 1
            return permit
        permit._generation = SETTLED
        if self._draw is None:
            self._draw_jitter()
        refusal = self._admit_locked(permit)
        if self._news or self._call_listeners:
            self._tell_of(refusal)
        return permit if refusal is None else None

    def _admit_locked(self, permit: Permit) -> Refusal | None:
        """Grants the permit and returns None, or returns what the call is rejected with."""
        while True:
            now = self._now_locked()
            seen = self._state
            if type(seen) is ClosedState:
                if seen.flights and self._overdue_locked(seen, now):
                    continue
                permit._began = now
                permit._generation = seen.generation
                self._counts[ADMITTED] += 1
                if seen.flights:
                    self._fly_locked(permit, seen)
                return None
            if isinstance(seen, OpenState):
                opened = seen
                left = opened.deadline - now
                if left > 0.0:
                    self._counts[REJECTED] += 1
                    if left == NEVER:
                        return self.name, opened.wait, True, opened.reason, None
                    return self.name, left, False, opened.reason, opened.last_error
                new = self._tried(opened, opened.generation + 1, now)
                if not isinstance(new, HalfOpenState):
                    self._replace_locked(opened, new, Reason.DEADLINE_PASSED)
                elif self._grant_probe_locked(permit, opened, new, now):
                    return None
                continue
            assert isinstance(seen, (HalfOpenState, RampState))
            passes = self._tries_locked(permit, seen, now)
            if passes:
                return None
            if passes is not None:
                self._counts[REJECTED] += 1
                return self.name, 0.0, False, seen.opened.reason, seen.opened.last_error

    def _tries_locked(
        self, permit: Permit, seen: HalfOpenState | RampState, now: float
    ) -> bool | None:
        """Whether a call of a half-open period passes; None if that is to be asked again."""
        if isinstance(seen, RampState):
            if seen.flights and self._overdue_locked(seen, now):
                return None
            if seen.is_over(now):
                closed = self._closed(seen.generation + 1, now, Mode.AUTOMATIC)
                self._replace_locked(seen, closed, Reason.RAMP_ENDED)
                return None
        elif self._leases_ran_out_locked(seen, now):
            return None
        outer = outer_of(seen)
        if outer is not None:
            if outer.inner < outer.most:
                outer.inner += 1
                return True  # a part of a probe: its permit is born settled
            self._inner_calls = max(self._inner_calls, 2 * outer.most)
        if isinstance(seen, RampState):
            return self._ramps_locked(permit, seen, now)
        if seen.is_full:
            return False
        return self._grant_probe_locked(permit, seen, seen, now) or None

    def _ramps_locked(self, permit: Permit, seen: RampState, now: float) -> bool | None:
        """Whether this call is one of the share that passes; None if a call came between."""
        before, credit = seen.credit, seen.credit_at(now)
        passes = credit >= WHOLE
        probe = Probe(NEVER, self._inner_calls, seen.opened) if passes else None
        left = credit - 1.0 if passes else credit
        generation = seen.generation if passes else SETTLED
        if self._state is not seen or seen.credit != before:
            return None
        permit._began, permit._probe, permit._generation = now, probe, generation
        seen.credit = left
        self._counts[ADMITTED] += passes
        if passes and seen.flights:
            self._fly_locked(permit, seen)
        return passes

    def _fly_locked(self, permit: Permit, seen: ClosedState) -> None:
        """Puts a call that was let through among those in flight."""
        permit._counted = ()
        for flights in seen.flights:
            if flights is not None:
                flights.out[permit] = None

    def _overdue_locked(self, seen: ClosedState, now: float, ending: Permit | None = None) -> bool:
        """Counts a call in flight that has become slow, and opens the breaker if that trips it.

        Returns whether the state is to be looked at again: because there was such a call, or a
        re-entrant one came between.

        Args:
            seen: the state, in which a rule counts calls in flight.
            now: seconds.
            ending: the call that ends now, which is in flight no more.
        """
        for place, flights in enumerate(seen.flights):
            if flights is None:
                continue
            flight = flights.overdue(seen.generation, now, ending)
            if flight is None:
                continue
            calls, credit, counted = seen.calls, seen.credit, (*flight._counted, flights)
            moment = min(flight._began + flights.slow, now)
            new, reason = seen.with_one_overdue(place, moment, now)
            opened = None
            if reason is not None and seen.mode is not Mode.COUNT_ONLY:
                opened = self._opened(seen, now, reason, None, None)
            if self._state is not seen or seen.calls != calls or seen.credit != credit:
                return True
            if flight._generation != seen.generation:
                return True
            if opened is not None:
                self._replace_locked(seen, opened, reason)
                return True
            self._state, flight._counted = new, counted
            flights.forget(flight)
            return True
        return False

    def _grant_probe_locked(
        self, permit: Permit, seen: OpenState | HalfOpenState, period: HalfOpenState, now: float
    ) -> bool:
        """Sends the permit out as a probe of the period, if the state is still the one seen."""
        permit._began = now
        permit._probe = probe = Probe(now + period.patience[0], self._inner_calls)
        new = period.with_probes((*period.probes, probe), period.ended)
        reason = Reason.DEADLINE_PASSED
        return self._replace_locked(seen, new, reason, permit, new.generation, ADMITTED)

    def _leases_ran_out_locked(self, seen: HalfOpenState, now: float) -> bool:
        """Counts probes that have been out for too long as failed or slow, if there are any."""
        if not seen.probes or now < seen.probes[0].until:
            return False
        probes = tuple(one for one in seen.probes if now < one.until)
        lasted, failed = seen.patience
        ended = seen.one_more_ended(failed, lasted, len(seen.probes) - len(probes))
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
        reason = seen.decided(ended, failure)
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

    def _succeed_alone(self, permit: Permit) -> None:
        state = self._state
        if state.unheard and permit._generation == state.generation and self._draw is not None:
            permit._generation = SETTLED
            state.calls += 1
            state.streak = 0
            self._counts[SUCCESSES] += 1
        else:
            self._settle_alone(permit, SUCCESSES)

    def _settle_alone(self, permit: Permit, kind: int) -> None:
        if self._draw is None:
            self._draw_jitter()
        settled = self._settle_locked(permit, kind, None)
        if self._news or self._call_listeners:
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
            closed = seen if seen.flights and isinstance(seen, ClosedState) else None
            if (
                closed is not None
                and kind != IGNORED  # which settles without a clock, whatever that is like
                and self._overdue_locked(closed, self._now_locked(), permit)
            ):
                continue
            if isinstance(seen, ClosedState) and permit._generation == seen.generation:
                if kind != IGNORED and seen.judges:
                    now = self._now_locked() if self._timed or self._ages else None
                    if self._record_locked(permit, kind, seen, now, error):
                        if closed is not None:
                            closed.forget(permit)
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
                        ended = seen.one_more_ended(kind == FAILURES, took)
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
                if closed is not None:
                    closed.forget(permit)
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
        totals, tripped = seen.with_one_more(failed, took, now or 0.0, streak, permit)
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
