"""A breaker in somebody's hands: opened, tried and closed by hand, its settings changed as it runs.

What is done by hand begins a new generation, so results of earlier calls become stale. New settings
begin none: the state, its deadline, the calls that are out and what was counted stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simcb.breaker.bounds import duration
from simcb.breaker.calling import Calls
from simcb.breaker.enums import Mode, Reason
from simcb.breaker.errors import ParameterError
from simcb.breaker.settings import (
    HalfOpen,
    Recovery,
    TripRule,
    random_of,
    recovery_of,
    rules_of,
)
from simcb.breaker.states import ClosedState, OpenState, State, opening
from simcb.breaker.windows import NEVER


class Controls(Calls):
    """What an operator may do with a breaker."""

    __slots__ = ()

    def reset(self) -> None:
        """Closes the breaker with empty windows and lets it decide for itself again."""
        self._close(Mode.AUTOMATIC, Reason.RESET)

    def force_closed(self) -> None:
        """Lets every call through until `reset`, judging nothing: the breaker is disabled."""
        self._close(Mode.FORCED_CLOSED, Reason.FORCED_CLOSED)

    def count_only(self) -> None:
        """Lets every call through and fills the windows, but never trips, until `reset`."""
        self._close(Mode.COUNT_ONLY, Reason.COUNT_ONLY)

    def force_open(self) -> None:
        """Lets no call through until `reset`; rejections suggest the recovery timeout."""

        def opened(seen: State, now: float) -> State:
            wait, reason = self._recovery.timeout, Reason.FORCED_OPEN
            return OpenState(seen.generation + 1, now, Mode.FORCED_OPEN, NEVER, wait, reason)

        self._take(opened, Reason.FORCED_OPEN)

    def open_now(self, timeout: float | None = None) -> None:
        """Opens the breaker as if a rule had tripped it: it then recovers by itself.

        One that is open already stays so from now on.

        Args:
            timeout: seconds it stays open, exactly; as its `recovery` has it unless given.

        Raises:
            ParameterError: when those are no seconds.
        """
        asked = None if timeout is None else duration("timeout", timeout)

        def opened(seen: State, now: float) -> State:
            recovery = self._recovery
            wait = recovery.timeout if asked is None else asked
            until = now + (recovery.lasts(wait, self._draw) if asked is None else wait)
            reason = Reason.OPENED_BY_HAND
            return OpenState(seen.generation + 1, now, Mode.AUTOMATIC, until, wait, reason)

        self._take(opened, Reason.OPENED_BY_HAND)

    def probe_now(self) -> None:
        """Makes the breaker half-open, whatever it was: the next calls are on trial.

        It closes or opens again by how they end, as after a deadline; without probes
        (`HalfOpen(0)`) it closes at once.
        """

        def tried(seen: State, now: float) -> State:
            generation, reason = seen.generation, Reason.HALF_OPENED_BY_HAND
            before = opening(seen) or OpenState(
                generation, now, Mode.AUTOMATIC, now, self._recovery.timeout, reason
            )
            return self._tried(before, generation + 1, now)

        self._take(tried, Reason.HALF_OPENED_BY_HAND)

    def _close(self, mode: Mode, reason: Reason) -> None:
        self._take(lambda seen, now: self._closed(seen.generation + 1, now, mode), reason)

    def _take(self, make: Callable[[State, float], State], reason: Reason) -> None:
        """Puts another state in place of the one that is seen, and tells of it."""
        if self._draw is None:
            self._draw_jitter()
        with self._lock:
            done = False
            while not done:
                now, seen = self._now_locked(), self._state
                done = self._replace_locked(seen, make(seen, now), reason)
        if self._news:
            self._announce()

    def configure(
        self,
        *,
        failure_threshold: int | None = None,
        recovery_timeout: float | None = None,
        trip: TripRule | Sequence[TripRule] | None = None,
        recovery: Recovery | None = None,
        half_open: HalfOpen | None = None,
    ) -> None:
        """Changes settings while it runs, as the constructor takes them; others stay.

        The breaker stays in its state, with its deadline and the calls that are out. A closed one
        keeps the failures in a row, and what a rule has counted if the new rule at its place
        looks at the same calls (other thresholds, rates and minima do not matter); a rule that
        looks at others begins to count now, and one that counts calls in flight does so with those
        that begin now. The next call that ends is judged by the new rules. A half-open period ends
        by the settings it began with. If it opens again, that lasts as if the new recovery had been
        there since it opened first.

        Raises:
            ParameterError: when a value makes no sense, or two contradict; nothing has changed.
        """
        rules = self._rules
        if trip is not None or failure_threshold is not None:
            rules = rules_of(trip, failure_threshold)
        policy = self._recovery
        if recovery is not None or recovery_timeout is not None:
            policy = recovery_of(recovery, recovery_timeout)
        trial = self._half_open if half_open is None else half_open
        if not isinstance(trial, HalfOpen):
            raise ParameterError("half_open", trial, "a HalfOpen")
        random = random_of(None if self._random is float else self._random, policy)
        with self._lock:
            while True:
                seen = new = self._state
                closed = seen if isinstance(seen, ClosedState) else None
                threshold, timed, ages, no_draw = self._derived(rules, policy)
                if closed is not None:
                    calls, credit = closed.calls, closed.credit
                    new = closed.judged_by(self._rules, rules, timed)
                opened = opening(seen)
                row, wait = (1, 0.0) if opened is None else (opened.row, opened.wait)
                if policy != self._recovery:
                    wait = policy.opening(row)
                draw = no_draw if no_draw is not None or self._no_draw is not None else self._draw
                if self._state is not seen or (
                    closed is not None and (closed.calls != calls or closed.credit != credit)
                ):
                    continue  # a re-entrant call came between
                self._state, self._rules, self._threshold = new, rules, threshold
                self._timed, self._ages, self._half_open = timed, ages, trial
                self._recovery, self._random = policy, random
                self._no_draw, self._draw = no_draw, draw
                if opened is not None:
                    opened.wait = wait
                return
