"""What a closed breaker has counted, and what one more outcome makes of it.

A tally is replaced and never changed. These functions say what the next one is, and whether
a window trips with it; `machine` puts it in its place.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, TypeAlias

from simcb.breaker.records import RuleReading
from simcb.breaker.rules import ConsecutiveFailures, FailuresInWindow
from simcb.breaker.windows import QUIET, TRIPPED, CountWindow

if TYPE_CHECKING:
    from simcb.breaker.records import Reason
    from simcb.breaker.rules import TripRule
    from simcb.breaker.states import ClosedState

NEVER = float("inf")

Tally: TypeAlias = tuple[int, ...]
"""Running totals of one generation: outcomes, failures in a row, how many of the outcomes were
successes that only made a step, and then what each window counts.

While it is `Calm`, steps made since then come on top of both.
"""

TOTALS = 3
"""The place of the first window's total in a tally."""


class Calm(tuple[int, ...]):
    """A tally to which a success adds nothing but itself: no failure in a row or in a window.

    Whoever sees one in the state may count a success by a step, without the lock.
    """

    __slots__ = ()


def drawn(counter: count[int]) -> int:
    """Returns how many steps a counter has made, without making one."""
    return int(repr(counter)[6:-1])


def one_more(
    seen: ClosedState, tally: Tally, failed: bool, took: float, now: float, quiet: type[Tally]
) -> tuple[Tally, Reason | None]:
    """Returns what an outcome makes of a tally, and the reason of the first window that trips.

    Args:
        seen: the state, for its windows and its steps.
        tally: the state's, as it was seen.
        failed: whether the outcome is a failure.
        took: seconds, if a window asks for them.
        now: seconds, likewise.
        quiet: the kind of tally to return if there is no failure in a row or in a window.
    """
    streak = tally[1] + 1 if failed else 0
    calls, steps = tally[0] + 1, tally[2]
    calm = tally.__class__ is Calm
    if calm and seen.windows:
        steps = drawn(seen.passed)
        calls += steps - tally[2]
    reason = None
    kind = tuple if streak else quiet
    totals = [calls, streak, steps]
    for place, window in enumerate(seen.windows, TOTALS):
        before = tally[place]
        after = before + (failed if window.slow == NEVER else took >= window.slow)
        totals.append(after)
        found = window.look(calls, before, after, now, calm)
        if found != QUIET:
            kind = tuple
        if found == TRIPPED and reason is None:
            reason = window.reason
    return kind(totals), reason


def steps_added(seen: ClosedState, tally: Tally) -> tuple[Tally, Reason | None]:
    """Returns the tally with all steps made until now, and why it trips if it does.

    Only a window that counts calls can: it may have got as many as its rule asks for.
    """
    steps = drawn(seen.passed)
    calls = tally[0] + steps - tally[2]
    totals = tally[TOTALS:]
    tripped = (
        window.reason
        for window, total in zip(seen.windows, totals, strict=True)
        if isinstance(window, CountWindow)
        and window.look(calls, total, total, 0.0, calm=False) == TRIPPED
    )
    return (calls, tally[1], steps, *totals), next(tripped, None)


def read(
    rules: tuple[TripRule, ...], seen: ClosedState, tally: Tally, now: float
) -> tuple[RuleReading, ...]:
    """Returns what each rule has counted; `now` is a moment not before the last outcome."""
    calls = tally[0]
    if tally.__class__ is Calm and seen.windows:
        calls += drawn(seen.passed) - tally[2]
    counts = zip(seen.windows, tally[TOTALS:], strict=True)
    inside = iter([window.read(calls, total, now) for window, total in counts])
    streak = (tally[1], tally[1])
    found = (
        streak if isinstance(rule, ConsecutiveFailures) else next(inside, (0, 0)) for rule in rules
    )
    return tuple(reading(rule, *counts) for rule, counts in zip(rules, found, strict=True))


def reading(rule: TripRule, calls: int, counted: int) -> RuleReading:
    """Returns the record of what a rule has counted among so many calls."""
    if isinstance(rule, (ConsecutiveFailures, FailuresInWindow)):
        return RuleReading(rule, counted, rule.threshold, counted, None)
    rate = counted / calls if calls else None
    return RuleReading(rule, calls, rule.minimum_calls, counted, rate)
