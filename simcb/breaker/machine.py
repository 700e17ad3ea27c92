"""The state machine of the breaker: who may call, and what the ends of calls change.

Everything that decides runs under one re-entrant lock in the methods named `_locked`, and
follows three rules that make it safe to interrupt anywhere:

- The state is one reference to an immutable value. A method computes the next value from the
  one it has seen, and puts it in its place, together with the permit and the count it
  belongs to, in one statement on one line, only if the one it has seen is still there. A
  signal handler or a finalizer that enters the breaker between two lines of another call
  finds a whole state, and the interrupted call then sees that it has to think again.
- `with self._lock: …` stands on one line with the call it protects. Written on two lines,
  the interpreter passes the `with` line once more on the way out, and an exception raised
  there (by a tracer) would leave the lock taken for ever.
- No code of the user's runs inside, except the clock, which is read there so that time has
  the same order as the decisions.

It knows nothing of functions, coroutines or context managers: those are built on permits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import TypeAlias

from simcb.breaker.causes import bare
from simcb.breaker.errors import ClockError, ParameterError
from simcb.breaker.judging import Judge, log_failure
from simcb.breaker.kinds import is_plain
from simcb.breaker.nesting import INNER_CALLS, outer_of
from simcb.breaker.parameters import functions
from simcb.breaker.permit import Permit
from simcb.breaker.probing import Ended, decided, one_more_ended, places_taken
from simcb.breaker.records import CallRecord, Mode, Outcome, Reason, Transition
from simcb.breaker.recovery import HalfOpen, Recovery
from simcb.breaker.rules import ConsecutiveFailures, SlowCallRate, TripRule
from simcb.breaker.states import (
    SETTLED,
    ClosedState,
    HalfOpenState,
    OpenState,
    Probe,
    State,
    opening,
)
from simcb.breaker.tallies import NEVER, TOTALS, Calm, Tally, one_more, steps_added
from simcb.breaker.telling import CallListener, Listener, Teller
from simcb.breaker.windows import TimeWindow, windows_for

REJECTED, SUCCESSES, FAILURES, IGNORED, STALE, PROBES = range(6)
COUNT_OF = {Outcome.SUCCESS: SUCCESSES, Outcome.FAILURE: FAILURES, Outcome.IGNORED: IGNORED}


Refusal: TypeAlias = tuple[str, float, bool, Reason, BaseException | None]
"""What a `CircuitOpenError` is made of, which is raised further out."""


class Machine(Teller):
    """Decides; every method named `_locked` is called with the lock held.

    What a calm breaker does needs no lock: letting a call through is reading one reference,
    and its success is one more success. Only the counters of that path, `_admitted` and the
    state's `step`, move, and each of those is indivisible.
    """

    __slots__ = (
        "_admitted",
        "_ages",
        "_call_listeners",
        "_clock",
        "_clocked",
        "_counts",
        "_half_open",
        "_inner_calls",
        "_judge",
        "_latest",
        "_luck",
        "_random",
        "_recovery",
        "_rules",
        "_spent",
        "_state",
        "_succeeded",
        "_tallies",
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
        super().__init__(name, listeners)
        self._rules = rules
        self._recovery = recovery
        self._half_open = half_open
        self._inner_calls = INNER_CALLS
        self._judge = judge
        self._clock = clock
        self._random = random
        self._spent = None if recovery.jitter else 0.5
        self._luck: float | None = self._spent
        rows = [rule.threshold for rule in rules if isinstance(rule, ConsecutiveFailures)]
        self._threshold: float = min(rows, default=NEVER)
        self._timed = any(isinstance(rule, SlowCallRate) for rule in rules)
        windows = windows_for(rules)
        self._ages = any(isinstance(one, TimeWindow) for one in windows)
        self._clocked = self._timed or self._ages
        seen_by_all = judge.failed_result is not None or any(one.needs_all for one in windows)
        self._tallies: type[Tally] = tuple if seen_by_all else Calm
        self._admitted = count()
        self._succeeded = count()
        self._counts = [0] * 6
        self._latest = -NEVER
        self._state: State = self._closed(1, self._now_locked(), Mode.AUTOMATIC)
        self._call_listeners: tuple[CallListener, ...] = ()
        for listener in functions("call_listeners", call_listeners, "CallRecord"):
            self.add_call_listener(listener)

    # What the next state would be: pure, apart from the clock and the drawn luck.

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
        windows = () if mode is Mode.FORCED_CLOSED else windows_for(self._rules)
        tally = self._tallies((0,) * (TOTALS + len(windows)))
        return ClosedState(generation, now, mode, windows, tally, not self._timed, self._succeeded)

    def _opened(
        self, seen: State, now: float, reason: Reason, error: BaseException | None
    ) -> OpenState:
        """The open state after `seen`: for a longer time when a probe has failed."""
        recovery = self._recovery
        wait = recovery.timeout
        if isinstance(seen, HalfOpenState):
            wait = recovery.grown(seen.opened.wait)
        until = now + recovery.lasts(wait, self._luck)
        return OpenState(seen.generation + 1, now, Mode.AUTOMATIC, until, wait, reason, error)

    def _news_of(self, seen: State, new: State, reason: Reason) -> tuple[Transition, ...]:
        if not self._listeners or (seen.state is new.state and seen.mode is new.mode):
            return ()
        at, generation = new.since, new.generation
        error = new.last_error if isinstance(new, OpenState) else None
        return (Transition(self.name, at, seen.state, new.state, reason, generation, error),)

    # Asking for a permit.

    def _admit_locked(self, permit: Permit) -> Refusal | None:
        """Grants the permit and returns None, or returns what the call is rejected with."""
        permit._probe = None
        while True:
            now = self._now_locked()
            seen = self._state
            if isinstance(seen, OpenState):
                refusal = self._refusal_locked()
                if refusal is not None:
                    return refusal
                granted = self._grant_probe_locked(permit, seen, now)
            elif isinstance(seen, HalfOpenState):
                if self._leases_ran_out_locked(seen, now):
                    continue
                outer = outer_of(seen.probes)
                if outer is not None:
                    if outer.inner < outer.most:
                        outer.inner += 1
                        return None  # a part of a probe: its permit is born settled
                    self._inner_calls = max(self._inner_calls, 2 * outer.most)
                taken = places_taken(self._half_open, len(seen.probes), seen.ended)
                if taken >= self._half_open.probes:
                    self._counts[REJECTED] += 1
                    return self.name, 0.0, False, seen.opened.reason, seen.opened.last_error
                granted = self._grant_probe_locked(permit, seen, now)
            else:
                permit._began = now
                permit._generation = seen.generation; next(self._admitted)  # fmt: skip  # noqa: E702
                granted = True
            if granted:
                return None

    def _refusal_locked(self) -> Refusal | None:
        """Rejects a call if the breaker is open before its deadline."""
        now = self._now_locked()
        seen = self._state
        if not isinstance(seen, OpenState):
            return None
        left = seen.deadline - now
        if left <= 0.0:
            return None
        self._counts[REJECTED] += 1
        if left == NEVER:
            return self.name, seen.wait, True, seen.reason, None
        return self.name, left, False, seen.reason, seen.last_error

    def _grant_probe_locked(
        self, permit: Permit, seen: OpenState | HalfOpenState, now: float
    ) -> bool:
        """Sends the permit out as a probe, if the state is still the one seen."""
        permit._began = now
        permit._probe = probe = Probe(now + self._half_open.lease, self._inner_calls)
        news: tuple[Transition, ...] = ()
        if isinstance(seen, OpenState):
            new = HalfOpenState(seen.generation + 1, now, seen, (probe,))
            news = self._news_of(seen, new, Reason.DEADLINE_PASSED)
        else:
            probes = (*seen.probes, probe)
            new = HalfOpenState(seen.generation, seen.since, seen.opened, probes, seen.ended)
        if self._state is seen: self._state, permit._generation, self._news = new, new.generation, self._news + news; self._counts[PROBES] += 1; return True  # fmt: skip  # noqa: E501, E701, E702
        return False

    def _leases_ran_out_locked(self, seen: HalfOpenState, now: float) -> bool:
        """Counts probes that have been out for their whole lease as failed, if there are any."""
        if not seen.probes or now < seen.probes[0].until:
            return False
        probes = tuple(one for one in seen.probes if now < one.until)
        lost, lease = len(seen.probes) - len(probes), self._half_open.lease
        ended = one_more_ended(seen.ended, self._rules, True, lease, lost)
        new, news = self._probed(seen, now, probes, ended, Reason.LEASE_EXPIRED, None)
        self._replace_locked(seen, new, news)
        return True

    def _replace_locked(self, seen: State, new: State, news: tuple[Transition, ...]) -> bool:
        """Puts a new state in place of the one seen, if that is still the state."""
        luck = self._spent if isinstance(new, OpenState) else self._luck
        if self._state is seen: self._state, self._luck, self._news = new, luck, self._news + news; return True  # fmt: skip  # noqa: E501, E701, E702
        return False

    def _probed(
        self,
        seen: HalfOpenState,
        now: float,
        probes: tuple[Probe, ...],
        ended: Ended,
        failure: Reason,
        error: BaseException | None,
    ) -> tuple[State, tuple[Transition, ...]]:
        """The state after `seen` when so many probes have ended, and the news of it."""
        new: State
        reason = decided(self._half_open, self._rules, ended, failure)
        if reason is None:
            return HalfOpenState(seen.generation, seen.since, seen.opened, probes, ended), ()
        if reason is Reason.PROBES_SUCCEEDED:
            new = self._closed(seen.generation + 1, now, Mode.AUTOMATIC)
        else:
            new = self._opened(seen, now, reason, error)
        return new, self._news_of(seen, new, reason)

    # Settling a permit.

    def _settle(self, permit: Permit, outcome: Outcome, error: BaseException | None) -> None:
        if self._luck is None:
            self._draw_luck()
        with self._lock: counted = self._settle_locked(permit, outcome, error)  # fmt: skip  # noqa: E701
        if error is not None:
            self._let_go(error)
        if self._news:
            self._announce()
        if self._call_listeners and counted is not None:
            self._report(permit, counted, error)

    def _let_go(self, error: BaseException) -> None:
        """Keeps a copy of the error that has opened the breaker, which holds no frames."""
        opened = opening(self._state)
        if opened is not None and opened.last_error is error:
            opened.last_error = bare(error)

    def _succeed_locked(self, permit: Permit) -> None:
        """Settles a success; nearly always it only adds itself."""
        seen = self._state
        if permit._generation != seen.generation:
            self._settle_locked(permit, Outcome.SUCCESS)
            return
        if not isinstance(seen, ClosedState):
            self._settle_locked(permit, Outcome.SUCCESS)
            return
        if seen.tally.__class__ is Calm and permit._generation: permit._generation = SETTLED; next(seen.step); return  # fmt: skip  # noqa: E501, E701, E702
        if seen.mode is Mode.FORCED_CLOSED or not self._record_locked(permit, SUCCESSES, seen):
            self._settle_locked(permit, Outcome.SUCCESS)

    def _settle_locked(
        self, permit: Permit, outcome: Outcome, error: BaseException | None = None
    ) -> Outcome | None:
        """Settles a permit and returns what it counted as; None if it was settled before."""
        while permit._generation:
            seen = self._state
            now = 0.0
            if isinstance(seen, HalfOpenState):
                now = self._now_locked()
                if self._leases_ran_out_locked(seen, now):
                    continue
            # No permit is of an open state; one that seems to be must not be asked about for ever.
            late = permit._generation != seen.generation or isinstance(seen, OpenState)
            if isinstance(seen, HalfOpenState):
                late = permit._probe not in seen.probes  # of before, or its lease has run out
            if late and permit._generation: permit._generation = SETTLED; self._counts[STALE] += 1; return Outcome.STALE  # fmt: skip  # noqa: E501, E701, E702
            if isinstance(seen, HalfOpenState):
                if self._settle_probe_locked(permit, outcome, seen, now, error):
                    return outcome
            elif outcome is Outcome.IGNORED or seen.mode is Mode.FORCED_CLOSED:
                if permit._generation: permit._generation = SETTLED; self._counts[COUNT_OF[outcome]] += 1; return outcome  # fmt: skip  # noqa: E501, E701, E702
            elif isinstance(seen, ClosedState) and self._record_locked(
                permit, COUNT_OF[outcome], seen, error
            ):
                return outcome
        return None

    def _record_locked(
        self, permit: Permit, kind: int, seen: ClosedState, error: BaseException | None = None
    ) -> bool:
        """Counts an outcome of the closed state, and opens the breaker if a rule says so.

        Returns whether it was counted; if not, a re-entrant call came between.
        """
        tally = seen.tally
        now = self._now_locked() if self._clocked else 0.0
        took = self._took(permit, now) if self._timed else 0.0
        new_tally, reason = one_more(seen, tally, kind == FAILURES, took, now, self._tallies)
        if new_tally[1] >= self._threshold:
            reason = Reason.CONSECUTIVE_FAILURES
        if reason is None or seen.mode is Mode.COUNT_ONLY:
            done = False
            if seen.tally is tally and self._state is seen and permit._generation: seen.tally, permit._generation = new_tally, SETTLED; self._counts[kind] += 1; done = True  # fmt: skip  # noqa: E501, E701, E702
            if done and tally.__class__ is Calm and seen.windows:
                self._look_again_locked(seen)
            return done
        opened = self._opened(seen, self._now_locked(), reason, error)
        news = self._news_of(seen, opened, reason)
        if seen.tally is tally and self._state is seen and permit._generation: self._state, permit._generation, self._news, self._luck = opened, SETTLED, self._news + news, self._spent; self._counts[kind] += 1; return True  # fmt: skip  # noqa: E501, E701, E702
        return False

    def _look_again(self, seen: ClosedState) -> None:
        """Asks the windows once more, after a success that was counted beside a failure."""
        with self._lock: self._look_again_locked(seen)  # fmt: skip  # noqa: E701
        if self._news:
            self._announce()

    def _look_again_locked(self, seen: ClosedState) -> None:
        """Adds the successes that made a step before the calm ended and were not yet added.

        One may have stepped while another thread recorded the failure that ended it, and
        neither saw the other. So both look again, and whoever is later sees both: a count
        window may only now have as many calls as its rule asks for.
        """
        while seen.windows and self._state is seen and seen.tally.__class__ is not Calm:
            tally = seen.tally
            new_tally, reason = steps_added(seen, tally)
            if new_tally == tally:
                return
            if reason is None or seen.mode is Mode.COUNT_ONLY:
                if seen.tally is tally: seen.tally = new_tally  # fmt: skip  # noqa: E701
                continue
            opened = self._opened(seen, self._now_locked(), reason, None)
            news = self._news_of(seen, opened, reason)
            if seen.tally is tally and self._state is seen: self._state, self._news, self._luck = opened, self._news + news, self._spent  # fmt: skip  # noqa: E501, E701

    def _settle_probe_locked(
        self,
        permit: Permit,
        outcome: Outcome,
        seen: HalfOpenState,
        now: float,
        error: BaseException | None,
    ) -> bool:
        """Settles a probe, and closes or opens the breaker if that decides it.

        Returns whether it was settled; if not, a re-entrant call came between.
        """
        kind, ended = COUNT_OF[outcome], seen.ended
        if outcome is not Outcome.IGNORED:
            took = self._took(permit, now)
            ended = one_more_ended(ended, self._rules, outcome is Outcome.FAILURE, took)
        probes = tuple(one for one in seen.probes if one is not permit._probe)
        new, news = self._probed(seen, now, probes, ended, Reason.PROBE_FAILED, error)
        luck = self._spent if isinstance(new, OpenState) else self._luck
        if self._state is seen and permit._generation: self._state, permit._generation, self._news, self._luck = new, SETTLED, self._news + news, luck; self._counts[kind] += 1; return True  # fmt: skip  # noqa: E501, E701, E702
        return False

    def _took(self, permit: Permit, now: float) -> float:
        """Seconds since the permit was granted; 0 if nobody wanted to know it then."""
        return now - getattr(permit, "_began", now)

    # Telling call listeners, and drawing luck: user code, so outside the lock.

    def add_call_listener(self, listener: CallListener) -> None:
        """Calls the function with a `CallRecord` of every call that ends from now on.

        A breaker with call listeners reads its clock twice for every call.
        """
        if not is_plain(listener):
            raise ParameterError("listener", listener, "a plain function of one CallRecord")
        with self._lock: self._watch_locked(listener)  # fmt: skip  # noqa: E701

    def remove_call_listener(self, listener: CallListener) -> None:
        """Stops calling the function; one that was never added is no error."""
        while True:
            seen = self._call_listeners
            kept = tuple(one for one in seen if one != listener)
            with self._lock: done = self._swap_call_listeners_locked(seen, kept)  # fmt: skip  # noqa: E701
            if done:
                return

    def _swap_call_listeners_locked(
        self, seen: tuple[CallListener, ...], kept: tuple[CallListener, ...]
    ) -> bool:
        if self._call_listeners is seen: self._call_listeners = kept; return True  # fmt: skip  # noqa: E701, E702
        return False

    def _watch_locked(self, listener: CallListener) -> None:
        self._timed = self._clocked = True
        self._tallies = tuple
        seen = self._state
        if isinstance(seen, ClosedState):
            seen.quick = False
            if seen.tally.__class__ is Calm: seen.tally = tuple(seen.tally)  # fmt: skip  # noqa: E701
            self._look_again_locked(seen)
        self._call_listeners += (listener,)

    def _report(self, permit: Permit | None, outcome: Outcome, error: BaseException | None) -> None:
        with self._lock: now = self._now_locked()  # fmt: skip  # noqa: E701
        took = 0.0 if permit is None else self._took(permit, now)
        record = CallRecord(self.name, now, outcome, took, error)
        for listener in self._call_listeners:
            try:
                listener(record)
            except Exception:
                log_failure("call listener %r raised on %r", listener, record)

    def _draw_luck(self) -> None:
        """Draws the next opening's jitter ahead of it, because no user code runs inside."""
        try:
            luck = float(self._random())
        except Exception:
            log_failure("the random source of circuit %r raised; no jitter this time", self.name)
            luck = 0.5
        self._luck = min(max(luck, 0.0), 1.0) if luck == luck else 0.5
