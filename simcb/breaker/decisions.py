"""What a breaker would do next: the states its settings make of a moment and of what came.

Apart from the clock and the drawn number it is all computed from what is there; only
`_replace_locked` changes anything. The rules it keeps so that an interrupt does no harm are in
`machine`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from simcb.breaker.bounds import MOST_SECONDS, number
from simcb.breaker.enums import Mode, Reason
from simcb.breaker.errors import ClockError
from simcb.breaker.judging import Judge, log_failure
from simcb.breaker.listeners import CallListener, Listener, Listeners
from simcb.breaker.nesting import INNER_CALLS
from simcb.breaker.permit import STALE, Permit
from simcb.breaker.records import Transition
from simcb.breaker.settings import (
    ConsecutiveFailures,
    HalfOpen,
    Recovery,
    TripRule,
    slow_from,
)
from simcb.breaker.states import (
    SETTLED,
    ClosedState,
    HalfOpenState,
    OpenState,
    RampState,
    State,
    opening,
)
from simcb.breaker.windows import NEVER, windows_for


class Decisions(Listeners):
    """Keeps the settings and the state, and says what the next state would be.

    Every method named `_locked` is called with the lock held.
    """

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
        born: float | None,
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
        derived = self._derived(rules, recovery)
        self._threshold, self._timed, self._ages, self._no_draw = derived
        self._draw: float | None = self._no_draw
        self._counts = [0] * 6
        self._latest = -NEVER
        now = self._now_locked()
        if born is not None:
            now = number("born", born, -MOST_SECONDS, now, "a reading of the clock, until now")
        self._state: State = self._closed(1, now, Mode.AUTOMATIC)

    def _renew_lock(self) -> None:
        """Renews the lock; of the calls in flight nobody knows which live on in a forked child."""
        super()._renew_lock()
        state = getattr(self, "_state", None)
        if isinstance(state, ClosedState):
            for flights in state.flights:
                if flights is not None:
                    flights.out.clear()

    def _derived(
        self, rules: tuple[TripRule, ...], recovery: Recovery
    ) -> tuple[float, bool, bool, float | None]:
        """What the settings come to, so that no call has to look at them.

        That is the failures in a row that open it, whether calls are timed, whether counts age by
        the clock, and the draw that stands for none.
        """
        row, timed, ages = NEVER, bool(self._call_listeners), False
        for rule in rules:
            if isinstance(rule, ConsecutiveFailures) and rule.every is None:
                row = min(row, rule.threshold)
                continue
            timed = timed or slow_from(rule) < NEVER
            ages = ages or getattr(rule, "calls", None) is None
        return row, timed, ages, None if recovery.jitter else 0.5

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

    def _tried(self, seen: OpenState, generation: int, now: float) -> State:
        """The state at a deadline: on trial, or closed if it needs no trial."""
        policy = self._half_open
        if policy.probes:
            return HalfOpenState(generation, now, seen, policy, self._rules)
        if policy.ramp is None or policy.start is None:
            return self._closed(generation, now, Mode.AUTOMATIC)
        windows = windows_for(self._rules, now)
        return RampState(generation, now, windows, seen, policy.ramp, policy.start)

    def _opened(
        self,
        seen: State,
        now: float,
        reason: Reason,
        error: BaseException | None,
        permit: Permit | None,
    ) -> OpenState:
        """The open state after `seen`: longer after a half-open one, or as the service asks."""
        recovery = self._recovery
        before = opening(seen)
        wait = recovery.timeout if before is None else recovery.grown(before.wait)
        asked = getattr(permit, "_retry_after", None) if recovery.hint else None
        draw = self._draw
        lasts = recovery.lasts(wait, draw) if asked is None else recovery.heeds(asked, draw)
        until = now + lasts
        row = 1 if before is None else before.row + 1
        return OpenState(seen.generation + 1, now, Mode.AUTOMATIC, until, wait, reason, error, row)

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

    def _took(self, permit: Permit, now: float) -> float:
        """Seconds since the permit was granted; 0 if nobody wanted to know it then."""
        began = getattr(permit, "_began", None)
        return 0.0 if began is None else now - began

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
