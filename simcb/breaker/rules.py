"""When a closed breaker opens: one small class for each trip rule, and the table of them.

A rule is only its parameters, checked; `windows` does the counting.
"""

from __future__ import annotations

from typing import cast

from simcb.breaker.errors import ParameterError
from simcb.breaker.parameters import Settings, UsualInt, duration, rate, whole
from simcb.breaker.records import Reason


class ConsecutiveFailures(Settings):
    """Trips at the `threshold`-th failure in a row; any success starts the row anew."""

    __slots__ = ("threshold",)
    threshold: int
    reason = Reason.CONSECUTIVE_FAILURES

    def __init__(self, threshold: int = 5) -> None:
        self._fill(threshold=whole("threshold", threshold))


class FailuresInWindow(Settings):
    """Trips at `threshold` failures less than `window` seconds old, whatever else succeeds."""

    __slots__ = ("threshold", "window")
    threshold: int
    window: float
    reason = Reason.FAILURES_IN_WINDOW

    def __init__(self, threshold: int = 5, window: float = 60.0) -> None:
        self._fill(
            threshold=whole("threshold", threshold),
            window=duration("window", window, positive=True),
        )


class FailureRate(Settings):
    """Trips when failures are at least `rate` of the last `calls` calls or `window` seconds.

    Exactly one of `calls` and `window` is given; with neither, the last 100 calls count.
    Below `minimum_calls` outcomes in the window it never trips; the default is 10, or all of
    a smaller count window.
    """

    __slots__ = ("calls", "minimum_calls", "rate", "window")
    rate: float
    calls: int | None
    window: float | None
    minimum_calls: int
    reason = Reason.FAILURE_RATE

    def __init__(
        self,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
    ) -> None:
        self._fill(rate=_rate(rate), **_window(calls, window, minimum_calls))

    def __reduce__(self) -> tuple[type[FailureRate], tuple[object, ...]]:
        return type(self), (self.rate, self.calls, self.window, self.minimum_calls)


class SlowCallRate(Settings):
    """Trips when at least `rate` of the calls in the window took `slow` seconds or more.

    Successes and failures count alike; the window's parameters are those of `FailureRate`.
    A half-open breaker with this rule takes a probe of `slow` seconds or more for a failed
    one: it would otherwise close on a service that is still slow.
    """

    __slots__ = ("calls", "minimum_calls", "rate", "slow", "window")
    slow: float
    rate: float
    calls: int | None
    window: float | None
    minimum_calls: int
    reason = Reason.SLOW_CALL_RATE

    def __init__(
        self,
        slow: float,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
    ) -> None:
        self._fill(
            slow=duration("slow", slow, positive=True),
            rate=_rate(rate),
            **_window(calls, window, minimum_calls),
        )

    def __reduce__(self) -> tuple[type[SlowCallRate], tuple[object, ...]]:
        return type(self), (self.slow, self.rate, self.calls, self.window, self.minimum_calls)


TripRule = ConsecutiveFailures | FailuresInWindow | FailureRate | SlowCallRate

TRIP_RULES: dict[str, type[TripRule]] = {
    "consecutive_failures": ConsecutiveFailures,
    "failures_in_window": FailuresInWindow,
    "failure_rate": FailureRate,
    "slow_call_rate": SlowCallRate,
}
"""Every kind of rule by the word it has in a scenario file."""


def _rate(value: float) -> float:
    return rate("rate", value)


def _window(calls: int | None, window: float | None, minimum: int | None) -> dict[str, object]:
    """Checks a count window or a time window and how many calls it needs before it speaks."""
    if window is not None:
        if calls is not None:
            raise ParameterError("window", window, "either calls or window, not both")
        least = 10 if minimum is None else whole("minimum_calls", minimum)
        seconds = duration("window", window, positive=True)
        return {"calls": None, "window": seconds, "minimum_calls": least}
    size = 100 if calls is None else whole("calls", calls)
    least = min(10, size) if minimum is None else whole("minimum_calls", minimum, high=size)
    return {"calls": size, "window": None, "minimum_calls": least}


USUAL_THRESHOLD = UsualInt(5)
"""The failure threshold of a breaker that is given neither one nor a rule."""


def rules_of(trip: object, failure_threshold: int) -> tuple[TripRule, ...]:
    """Returns the rules that a breaker's constructor is given, in either form.

    Raises:
        ParameterError: if there is no rule, or both forms are given.
    """
    if trip is None:
        return (ConsecutiveFailures(whole("failure_threshold", failure_threshold)),)
    if failure_threshold is not USUAL_THRESHOLD:
        remedy = "it as ConsecutiveFailures(…) in trip, or leave trip out"
        raise ParameterError("failure_threshold", failure_threshold, remedy)
    rules = tuple(trip) if isinstance(trip, (list, tuple)) else (trip,)
    if rules and all(isinstance(rule, TripRule) for rule in rules):
        return cast("tuple[TripRule, ...]", rules)
    kinds = ", ".join(one.__name__ for one in TRIP_RULES.values())
    raise ParameterError("trip", trip, f"one or a list of: {kinds}")
