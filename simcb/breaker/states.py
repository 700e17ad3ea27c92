"""What a breaker is at one moment: closed, open or half-open, and the probes it has out.

A breaker's whole memory hangs on one reference to one of these, so a change is one
assignment, and whatever interrupts it, be it a signal, another thread or a garbage collection,
finds what was before it or what is after it. Results carry the `generation` of the state that
let their call through; every transition begins a new one.

A function that is guarded and calls another one guarded by the same breaker is one call on
trial: were the inner call rejected because the outer one has the only place, no probe could
ever end well. So what runs inside a probe is marked by a variable of the context, which tasks
and `asyncio.to_thread` inside the probe have too. A permit or a `with` block is a place taken
by hand and marks nothing. A mark that an interrupt leaves behind is harmless: it only says
something while its probe is out.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import ContextVar, Token
from typing import Literal, NamedTuple, TypeAlias

from simcb.breaker.enums import CircuitState, Mode, Reason
from simcb.breaker.settings import HalfOpen, SlowCallRate, TripRule
from simcb.breaker.windows import NEVER, Window

SETTLED = 0
"""The generation of a permit that has been settled, or was never granted."""


class ClosedState:
    """Calls pass, and their outcomes are counted: all, those failing in a row, by each window.

    It `judges` unless it was forced closed. A call may pass without asking the clock when it is
    `untimed`, and a success only ends the failures in a row when no window hears of it,
    `unheard`.
    """

    __slots__ = (
        "calls",
        "generation",
        "judges",
        "mode",
        "since",
        "streak",
        "totals",
        "unheard",
        "untimed",
        "windows",
    )
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
        self.totals: tuple[int, ...] = (0,) * len(windows)
        self.untimed = not timed
        self.unheard = not timed and not any(window.hears_all for window in windows)

    def with_one_more(
        self, failed: bool, took: float, now: float, streak: int
    ) -> tuple[tuple[int, ...], Reason | None]:
        """Returns the windows' totals with one more outcome, and why it trips if it does."""
        totals, calls, reason = self.totals, self.calls + 1, None
        for place, window in enumerate(self.windows):
            before = after = totals[place]
            if failed if window.slow == NEVER else took >= window.slow:
                after += 1
                totals = (*totals[:place], after, *totals[place + 1 :])
            elif not window.hears_all:
                continue
            if window.trips(calls, before, after, now) and streak >= window.row:
                reason = reason or window.reason
        return totals, reason


class OpenState:
    """No call passes before `deadline`; `wait` is the timeout it was computed from.

    A breaker that was forced open has a deadline that never comes. `last_error` is what the
    call that opened it raised; see `errors` for what is kept of it.
    """

    __slots__ = ("deadline", "generation", "last_error", "mode", "reason", "since", "wait")
    state = CircuitState.OPEN
    untimed: Literal[False] = False
    unheard: Literal[False] = False
    streak = 0

    def __init__(
        self,
        generation: int,
        since: float,
        mode: Mode,
        deadline: float,
        wait: float,
        reason: Reason,
        last_error: BaseException | None = None,
    ) -> None:
        self.generation = generation
        self.since = since
        self.mode = mode
        self.deadline = deadline
        self.wait = wait
        self.reason = reason
        self.last_error = last_error


class Probe:
    """One call on trial; it counts as failed from `until` on.

    It has made `inner` calls through its own breaker, of at most `most`: an ailing service must
    not hear of a thousand calls because one of them is on trial.
    """

    __slots__ = ("inner", "most", "until")

    def __init__(self, until: float, most: int) -> None:
        self.until = until
        self.most = most
        self.inner = 0


class Ended(NamedTuple):
    """The probes of one period that have ended: all, the failed, and the slow by each rule."""

    calls: int
    failed: int
    slow: tuple[int, ...]


class HalfOpenState:
    """A few probes are out, oldest first, and some have `ended`; `opened` was before."""

    __slots__ = ("ended", "generation", "opened", "probes", "since")
    state = CircuitState.HALF_OPEN
    mode = Mode.AUTOMATIC
    untimed: Literal[False] = False
    unheard: Literal[False] = False
    streak = 0

    def __init__(
        self,
        generation: int,
        since: float,
        opened: OpenState,
        probes: tuple[Probe, ...],
        ended: Ended,
    ) -> None:
        self.generation = generation
        self.since = since
        self.opened = opened
        self.probes = probes
        self.ended = ended

    def with_probes(self, probes: tuple[Probe, ...], ended: Ended) -> HalfOpenState:
        """Returns the same period with other probes out and ended."""
        return HalfOpenState(self.generation, self.since, self.opened, probes, ended)


State: TypeAlias = ClosedState | OpenState | HalfOpenState


def opening(state: State) -> OpenState | None:
    """Returns the open state of a breaker that is open, or has been until it went half-open."""
    if isinstance(state, HalfOpenState):
        return state.opened
    return state if isinstance(state, OpenState) else None


# What the probes of a half-open period have come to, and what that decides.

NONE_ENDED = Ended(0, 0, ())


def one_more_ended(
    ended: Ended, rules: tuple[TripRule, ...], failed: bool, took: float, probes: int = 1
) -> Ended:
    """Returns what more probes make of it that ended alike, after `took` seconds."""
    slow = [rule.slow for rule in rules if isinstance(rule, SlowCallRate)]
    before = ended.slow or (0,) * len(slow)
    return Ended(
        ended.calls + probes,
        ended.failed + probes * failed,
        tuple(n + probes * (took >= s) for n, s in zip(before, slow, strict=True)),
    )


def places_taken(half_open: HalfOpen, seen: HalfOpenState) -> int:
    """Returns how many of the places for probes are taken: with a verdict each is used once."""
    return len(seen.probes) + (0 if half_open.verdict is None else seen.ended.calls)


def decided(
    half_open: HalfOpen, rules: tuple[TripRule, ...], ended: Ended, failure: Reason
) -> Reason | None:
    """Returns why the period is over; None while it goes on.

    Args:
        half_open: the settings.
        rules: the breaker's, for those that count slow calls.
        ended: the probes that have ended.
        failure: the reason if one failure is enough.
    """
    if half_open.verdict is None:
        assert half_open.successes is not None
        if ended.failed:
            return failure
        if any(ended.slow):
            return Reason.PROBE_SLOW
        return Reason.PROBES_SUCCEEDED if ended.calls >= half_open.successes else None
    if ended.calls < half_open.probes:
        return None
    if ended.failed / ended.calls >= half_open.verdict:
        return Reason.FAILURE_RATE
    rates = [rule.rate for rule in rules if isinstance(rule, SlowCallRate)]
    if any(n / ended.calls >= rate for n, rate in zip(ended.slow, rates, strict=True)):
        return Reason.SLOW_CALL_RATE
    return Reason.PROBES_SUCCEEDED


# What runs inside a probe.

INSIDE: ContextVar[tuple[Probe, ...]] = ContextVar("simcb.breaker.probes", default=())
"""The probes, of any breakers, that the present code is part of."""

INNER_CALLS = 10
"""How many calls a probe may make through its own breaker, before one has needed more.

What needs more could then never be a probe that ends well, so the next probe may make twice as
many as the last one could not do with.
"""

Mark = Token[tuple[Probe, ...]]


def enter(held: object) -> Mark | None:
    """Marks what follows as part of the call that this permit, if it is one, stands for."""
    probe = getattr(held, "_probe", None)
    return None if probe is None else INSIDE.set((*INSIDE.get(), probe))


def outer_of(probes: tuple[Probe, ...]) -> Probe | None:
    """Returns which of these probes the present code is part of, if it is of any."""
    return next((probe for probe in INSIDE.get() if probe in probes), None)


def leave(mark: Mark | None) -> None:
    """Takes the mark away, if there is one.

    There may be none any more: a coroutine that another context finishes or throws away has
    left it in the first, and an interrupted call may leave twice.
    """
    if mark is not None:
        with suppress(ValueError, RuntimeError):
            INSIDE.reset(mark)
