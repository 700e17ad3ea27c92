"""What a breaker is at one moment: closed, open or half-open, and the calls it has on trial.

A breaker's whole memory hangs on one reference to one of these, so a change is one
assignment, and whatever interrupts it, be it a signal, another thread or a garbage collection,
finds what was before it or what is after it. Results carry the `generation` of the state that
let their call through; every transition begins a new one.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias, TypeVar

from simcb.breaker.enums import CircuitState, Mode, Reason
from simcb.breaker.flights import Flight, Flights
from simcb.breaker.settings import (
    FailureRate,
    HalfOpen,
    SlowCallRate,
    TripRule,
    counts_in_flight,
    slow_from,
    tripping_share,
)
from simcb.breaker.windows import NEVER, Window, has_window, heirs

SETTLED = 0
"""The generation of a permit that has been settled, or was never granted."""


class Period:
    """What every state has: it began at `since`, and has counted `calls` and a `streak`.

    A call may pass without asking the clock when it is `untimed`, and a success only ends the
    failures in a row, the streak, when no window hears of it, `unheard`.
    """

    __slots__ = ("calls", "generation", "since", "streak", "unheard", "untimed")


class ClosedState(Period):
    """Calls pass, and their outcomes are counted: all, those failing in a row, by each window.

    It `judges` unless it was forced closed. `totals` are what the windows have counted. Where a
    rule counts calls in flight, `flights` has those that each window has yet to count, None for a
    window that does not; and behind the totals stands for each by how many calls it is ahead of
    those that have ended.
    """

    __slots__ = ("credit", "flights", "judges", "mode", "totals", "windows")
    state = CircuitState.CLOSED

    def __init__(
        self, generation: int, since: float, mode: Mode, windows: tuple[Window, ...], timed: bool
    ) -> None:
        self.generation = generation
        self.since = since
        self.mode = mode
        self.judges = mode is not Mode.FORCED_CLOSED
        self.windows = windows
        self.calls = 0
        self.streak = 0
        flights = tuple(window.flights for window in windows)
        self.flights: tuple[Flights | None, ...] = flights if any(flights) else ()
        self.totals: tuple[int, ...] = (0,) * (len(windows) + len(self.flights))
        self.credit = 0.0
        self.untimed = not timed
        self.unheard = not timed and not any(window.hears_all for window in windows)

    def judged_by(
        self, before: tuple[TripRule, ...], rules: tuple[TripRule, ...], timed: bool
    ) -> ClosedState:
        """Returns the same state with other rules; what they still look at has been counted.

        Args:
            before: the rules until now.
            rules: those from now on.
            timed: whether calls are timed from now on.
        """
        if self.mode is Mode.FORCED_CLOSED:
            return self._twin((), (), timed)
        old = (rule for rule in before if has_window(rule))
        counted = [*zip(old, self.windows, self.totals, self.ahead, strict=False)]
        windows, totals, ahead = heirs(counted, rules, self.since, self.calls)
        return self._twin(windows, totals + ahead, timed)

    def _twin(
        self, windows: tuple[Window, ...], totals: tuple[int, ...], timed: bool
    ) -> ClosedState:
        return self._as_far(
            ClosedState(self.generation, self.since, self.mode, windows, timed), totals
        )

    def _as_far(self, twin: C, totals: tuple[int, ...]) -> C:
        """Returns the other state, which has come as far as this one and has these totals."""
        twin.calls, twin.streak, twin.credit = self.calls, self.streak, self.credit
        twin.totals = totals[: len(twin.totals)]
        return twin

    @property
    def ahead(self) -> tuple[int, ...]:
        """How many calls in flight each window has counted."""
        return self.totals[len(self.windows) :] or (0,) * len(self.windows)

    def with_one_more(
        self, failed: bool, took: float, now: float, streak: int, permit: Flight
    ) -> tuple[tuple[int, ...], Reason | None]:
        """Returns the windows' totals with one more outcome, and why it trips if it does."""
        totals, calls, flights, reason = self.totals, self.calls + 1, self.flights, None
        for place, window in enumerate(self.windows):
            if flights:
                behind = len(flights) + place
                if window.flights in (getattr(permit, "_counted", ()) or ()):
                    totals = put(totals, behind, totals[behind] - 1)
                    continue
                calls = self.calls + 1 + totals[behind]
            before = after = totals[place]
            if (failed and window.fails) or took >= window.slow:
                after += 1
                totals = put(totals, place, after)
            elif not window.hears_all:
                continue
            if window.trips(calls, before, after, now) and streak >= window.row:
                reason = reason or window.reason
        return totals, reason

    def with_one_overdue(
        self, place: int, moment: float, now: float
    ) -> tuple[ClosedState, Reason | None]:
        """Returns the state where a window has counted a call in flight, and why it trips if so.

        Args:
            place: which window.
            moment: when the call became slow, seconds.
            now: seconds.
        """
        window, before, ahead = self.windows[place], self.totals[place], self.ahead[place] + 1
        calls, after = self.calls + ahead, before + 1
        window.trips(calls, before, after, moment)
        inside, counted = window.read(calls, after, now)
        trips = inside >= window.minimum and counted / inside >= window.rate
        totals = put(put(self.totals, place, after), len(self.windows) + place, ahead)
        return self._twin(self.windows, totals, True), window.reason if trips else None

    def forget(self, permit: Flight) -> None:
        """Drops a call that has ended from those in flight."""
        for each in self.flights:
            if each is not None:
                each.forget(permit)


C = TypeVar("C", bound=ClosedState)


def put(values: tuple[int, ...], place: int, value: int) -> tuple[int, ...]:
    """Returns the same numbers with another one at a place."""
    return (*values[:place], value, *values[place + 1 :])


class OpenState(Period):
    """No call passes before `deadline`; `wait` is the timeout it was computed from.

    It is the `row`-th opening without a close between, and the next one's wait grows from its own.
    A breaker that was forced open has a deadline that never comes. `last_error` is what the
    call that opened it raised; see `errors` for what is kept of it.
    """

    __slots__ = ("deadline", "last_error", "mode", "reason", "row", "wait")
    state = CircuitState.OPEN
    flights: tuple[Flights | None, ...] = ()

    def __init__(
        self,
        generation: int,
        since: float,
        mode: Mode,
        deadline: float,
        wait: float,
        reason: Reason,
        last_error: BaseException | None = None,
        row: int = 1,
    ) -> None:
        self.generation = generation
        self.since = since
        self.calls = self.streak = 0
        self.untimed = self.unheard = False
        self.mode = mode
        self.row = row
        self.deadline = deadline
        self.wait = wait
        self.reason = reason
        self.last_error = last_error


class RampState(ClosedState):
    """A growing share of the calls pass, and are judged as when it is closed; `opened` was before.

    Each call that asks adds the share of its moment to the `credit`, and passes when that makes a
    whole one: so the first does, and those that pass are the shares' sum to less than one.
    """

    __slots__ = ("length", "opened", "start")
    state = CircuitState.HALF_OPEN

    def __init__(
        self,
        generation: int,
        since: float,
        windows: tuple[Window, ...],
        opened: OpenState,
        length: float,
        start: float,
    ) -> None:
        super().__init__(generation, since, Mode.AUTOMATIC, windows, True)
        self.opened = opened
        self.length = length
        self.start = start
        self.credit = 1.0 - start

    def _twin(self, windows: tuple[Window, ...], totals: tuple[int, ...], timed: bool) -> RampState:
        settings = self.opened, self.length, self.start
        return self._as_far(RampState(self.generation, self.since, windows, *settings), totals)

    def is_over(self, now: float) -> bool:
        """Whether all calls pass from this moment on."""
        return now - self.since >= self.length

    def credit_at(self, now: float) -> float:
        """Returns the credit with one more call that asks."""
        return self.credit + self.start + (1.0 - self.start) * (now - self.since) / self.length

    def holds(self, probe: Probe) -> bool:
        """Whether a call on trial is one of this period's."""
        return probe.ramp is self.opened


WHOLE = 1.0 - 1e-9
"""The credit that lets a call pass: ten tenths do, though they add up to a little less."""


class Probe:
    """One call on trial; it counts as failed from `until` on.

    It has made `inner` calls through its own breaker, of at most `most`: an ailing service must
    not hear of a thousand calls because one of them is on trial. One of a ramp has no
    lease, and `ramp` is the open state before it.
    """

    __slots__ = ("inner", "most", "ramp", "until")

    def __init__(self, until: float, most: int, ramp: OpenState | None = None) -> None:
        self.until = until
        self.most = most
        self.ramp = ramp
        self.inner = 0


class Ended(NamedTuple):
    """The probes of one period that have ended: all, the failed, and those each rule counts."""

    calls: int
    failed: int
    counted: tuple[int, ...]


NONE_ENDED = Ended(0, 0, ())


class HalfOpenState(Period):
    """A few probes are out, oldest first, and some have `ended`; `opened` was before.

    It ends by the settings it began with, `policy` and `rules`, whatever they are now.
    """

    __slots__ = ("ended", "opened", "policy", "probes", "rules")
    state = CircuitState.HALF_OPEN
    mode = Mode.AUTOMATIC
    flights: tuple[Flights | None, ...] = ()

    def __init__(
        self,
        generation: int,
        since: float,
        opened: OpenState,
        policy: HalfOpen,
        rules: tuple[TripRule, ...],
        probes: tuple[Probe, ...] = (),
        ended: Ended = NONE_ENDED,
    ) -> None:
        self.generation = generation
        self.since = since
        self.calls = self.streak = 0
        self.untimed = self.unheard = False
        self.opened = opened
        self.policy = policy
        self.rules = rules
        self.probes = probes
        self.ended = ended

    def with_probes(self, probes: tuple[Probe, ...], ended: Ended) -> HalfOpenState:
        """Returns the same period with other probes out and ended."""
        opened, policy, rules = self.opened, self.policy, self.rules
        return HalfOpenState(self.generation, self.since, opened, policy, rules, probes, ended)

    def holds(self, probe: Probe) -> bool:
        """Whether a call on trial is one of this period's."""
        return probe in self.probes

    @property
    def timing(self) -> list[FailureRate | SlowCallRate]:
        """The rules to which a probe can be too slow."""
        return [
            rule
            for rule in self.rules
            if isinstance(rule, FailureRate | SlowCallRate) and rule.slow is not None
        ]

    @property
    def patience(self) -> tuple[float, bool]:
        """How long a probe may be out, seconds, and whether it then counts as failed, or as slow.

        With several rules that count calls in flight it is slow to the least patient.
        """
        counted = (slow_from(rule) for rule in self.rules if counts_in_flight(rule))
        slow = min(counted, default=NEVER)
        return min(self.policy.lease, slow), self.policy.lease <= slow

    @property
    def is_full(self) -> bool:
        """Whether all places for probes are taken: with a verdict each is used once."""
        used = 0 if self.policy.verdict is None else self.ended.calls
        return len(self.probes) + used >= self.policy.probes

    def one_more_ended(self, failed: bool, took: float, probes: int = 1) -> Ended:
        """Returns what more probes make of it that ended alike, after `took` seconds."""
        before = self.ended.counted or (0,) * len(self.timing)
        return Ended(
            self.ended.calls + probes,
            self.ended.failed + probes * failed,
            tuple(
                n + probes * ((failed and isinstance(rule, FailureRate)) or took >= slow_from(rule))
                for n, rule in zip(before, self.timing, strict=True)
            ),
        )

    def decided(self, ended: Ended, failure: Reason) -> Reason | None:
        """Returns why the period is over once these have ended; None while it goes on.

        Args:
            ended: the probes that have ended.
            failure: the reason if one failure is enough.
        """
        policy = self.policy
        if policy.verdict is None:
            assert policy.successes is not None
            if ended.failed:
                return failure
            if any(ended.counted):
                return Reason.PROBE_SLOW
            return Reason.PROBES_SUCCEEDED if ended.calls >= policy.successes else None
        if ended.calls < policy.probes:
            return None
        if ended.failed / ended.calls >= policy.verdict:
            return Reason.FAILURE_RATE
        for counted, rule in zip(ended.counted, self.timing, strict=True):
            by_verdict = isinstance(rule, FailureRate)
            if counted / ended.calls >= (policy.verdict if by_verdict else tripping_share(rule)):
                return rule.reason
        return Reason.PROBES_SUCCEEDED


State: TypeAlias = ClosedState | OpenState | HalfOpenState


def opening(state: State) -> OpenState | None:
    """Returns the open state of a breaker that is open, or has been until it went half-open."""
    if isinstance(state, (HalfOpenState, RampState)):
        return state.opened
    return state if isinstance(state, OpenState) else None
