"""What can be read of a breaker, and what can be done to it by hand."""

from __future__ import annotations

from simcb.breaker.judging import Expected
from simcb.breaker.machine import (
    FAILURES,
    IGNORED,
    PROBES,
    REJECTED,
    STALE,
    SUCCESSES,
    Machine,
)
from simcb.breaker.records import CircuitState, Mode, Reason, RuleReading, Snapshot
from simcb.breaker.recovery import HalfOpen, Recovery
from simcb.breaker.rules import TripRule
from simcb.breaker.states import ClosedState, HalfOpenState, OpenState, State, opening
from simcb.breaker.tallies import NEVER, drawn, read, reading


class Controls(Machine):
    """The face of the machine for whoever watches or operates it."""

    __slots__ = ()

    @property
    def trip(self) -> tuple[TripRule, ...]:
        """The rules of which any opens the breaker."""
        return self._rules

    @property
    def recovery(self) -> Recovery:
        """How long it stays open."""
        return self._recovery

    @property
    def half_open(self) -> HalfOpen:
        """How it finds out whether the service is back."""
        return self._half_open

    @property
    def mode(self) -> Mode:
        """Whether it decides for itself, or what it was told by hand."""
        return self._state.mode

    @property
    def failure_threshold(self) -> int | None:
        """Failures in a row that open the breaker, or None if no rule counts them."""
        return None if self._threshold == NEVER else int(self._threshold)

    @property
    def recovery_timeout(self) -> float:
        """Seconds of the first opening, before growth and jitter."""
        return self._recovery.timeout

    @property
    def expected_exception(self) -> Expected:
        """What counts as a failure, as it was given."""
        return self._judge.expected

    @property
    def state(self) -> CircuitState:
        """The state as the last call left it; reading it changes nothing."""
        return self._state.state

    def snapshot(self) -> Snapshot:
        """Returns the state and the counts of one moment.

        Raises:
            ClockError: a rule has a time window, and the clock gives no moment to end it at.
        """
        with self._lock: return self._snapshot_locked()  # fmt: skip  # noqa: E701

    def _snapshot_locked(self) -> Snapshot:
        state = self._state
        counts = self._counts.copy()
        # Successes before admissions: a call that ends meanwhile must not seem to be missing.
        counts[SUCCESSES] += drawn(self._succeeded)
        admitted = counts[PROBES] + drawn(self._admitted)
        deadline = state.deadline if isinstance(state, OpenState) else NEVER
        half_open = state if isinstance(state, HalfOpenState) else None
        opened = opening(state)
        return Snapshot(
            name=self.name,
            state=state.state,
            mode=state.mode,
            since=state.since,
            next_probe_at=deadline if deadline < NEVER else None,
            generation=state.generation,
            consecutive_failures=state.tally[1] if state.tally else 0,
            probes_out=len(half_open.probes) if half_open else 0,
            probes_ended=half_open.ended.calls if half_open else 0,
            probes_failed=half_open.ended.failed if half_open else 0,
            admitted=admitted,
            rejected=counts[REJECTED],
            successes=counts[SUCCESSES],
            failures=counts[FAILURES],
            ignored=counts[IGNORED],
            stale=counts[STALE],
            in_flight=admitted - sum(counts[SUCCESSES:PROBES]),
            reason=opened.reason if opened else None,
            last_error=opened.last_error if opened else None,
            rules=self._readings_locked(),
        )

    def _readings_locked(self) -> tuple[RuleReading, ...]:
        """What each rule has counted; read again if a re-entrant call came between."""
        while True:
            state = self._state
            if not isinstance(state, ClosedState):
                return tuple(reading(rule, 0, 0) for rule in self._rules)
            tally = state.tally
            now = self._now_locked() if self._ages else self._latest
            readings = read(self._rules, state, tally, now)
            if self._state is state and state.tally is tally:
                return readings

    # By hand. Each begins a new generation, so results of earlier calls become stale.

    def reset(self) -> None:
        """Closes the breaker with empty windows and lets it decide for itself again."""
        self._take(Mode.AUTOMATIC, Reason.RESET)

    def force_open(self) -> None:
        """Lets no call through until `reset`; rejections suggest the recovery timeout."""
        self._take(Mode.FORCED_OPEN, Reason.FORCED_OPEN)

    def force_closed(self) -> None:
        """Lets every call through until `reset`, judging nothing: the breaker is disabled."""
        self._take(Mode.FORCED_CLOSED, Reason.FORCED_CLOSED)

    def count_only(self) -> None:
        """Lets every call through and fills the windows, but never trips, until `reset`."""
        self._take(Mode.COUNT_ONLY, Reason.COUNT_ONLY)

    def _take(self, mode: Mode, reason: Reason) -> None:
        with self._lock: self._take_locked(mode, reason)  # fmt: skip  # noqa: E701
        if self._news:
            self._announce()

    def _take_locked(self, mode: Mode, reason: Reason) -> None:
        """Begins a generation that somebody wants by hand."""
        done = False
        while not done:
            now = self._now_locked()
            seen = self._state
            generation = seen.generation + 1
            new: State
            if mode is Mode.FORCED_OPEN:
                new = OpenState(generation, now, mode, NEVER, self._recovery.timeout, reason)
            else:
                new = self._closed(generation, now, mode)
            done = self._replace_locked(seen, new, self._news_of(seen, new, reason))

    def __repr__(self) -> str:
        state = self._state
        by_hand = "" if state.mode is Mode.AUTOMATIC else f", {state.mode}"
        return f"<CircuitBreaker {self.name!r} {state.state}{by_hand}>"
