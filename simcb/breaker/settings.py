"""What a breaker can be told: when it opens, how long it stays open, how it closes again.

A setting is checked when it is built, and cannot change. `windows` counts by the trip rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, cast

from simcb.breaker.enums import Reason
from simcb.breaker.errors import ParameterError
from simcb.breaker.kinds import is_plain

MOST_CALLS = 1_000_000
"""The largest count window or threshold: more would be a memory leak by configuration."""

MOST_PROBES = 10_000
"""The most probes at once, or with a verdict in all."""

MOST_SECONDS = 1e9
"""The longest duration, about thirty years: beyond it floats lose the milliseconds."""


def whole(parameter: str, value: object, low: int = 1, high: int = MOST_CALLS) -> int:
    """Returns the value if it is a whole number in range, or raises a ParameterError."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return int(value)
    raise ParameterError(parameter, value, f"a whole number from {low:,} to {high:,}")


def number(parameter: str, value: object, low: float, high: float, what: str) -> float:
    """Returns the value as a float if it is a number in range, or raises a ParameterError."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise ParameterError(parameter, value, what)


def duration(parameter: str, value: object, *, positive: bool = False) -> float:
    """Returns a duration in seconds, from 0 up, or above 0 where zero has no meaning."""
    if positive:
        what = f"a number of seconds above 0, up to {MOST_SECONDS:,.0f}"
        return number(parameter, value, math.ulp(0.0), MOST_SECONDS, what)
    return number(parameter, value, 0.0, MOST_SECONDS, f"seconds from 0 to {MOST_SECONDS:,.0f}")


def share(parameter: str, value: object) -> float:
    """Returns a share above 0 and at most 1."""
    return number(parameter, value, math.ulp(0.0), 1.0, "a share above 0 and at most 1")


def functions(parameter: str, value: object, what: str) -> tuple[Any, ...]:
    """Returns the functions of a list, or raises a ParameterError."""
    if isinstance(value, Iterable):
        value = tuple(value)
        if all(is_plain(one) for one in value):
            return value
    raise ParameterError(parameter, value, f"a list of plain functions of one {what}")


class Settings:
    """Settings that are equal when their values are, and cannot change.

    A constructor hands them to `_fill` in the order of its parameters. Dataclasses would do
    the same, and importing them would double the time it takes to import the breaker.
    """

    def _fill(self, **values: object) -> None:
        vars(self).update(values)

    def __setattr__(self, field: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __delattr__(self, field: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} cannot change; build another one")

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        given = {field: value for field, value in vars(self).items() if value is not None}
        fields = ", ".join(f"{field}={value!r}" for field, value in given.items())
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[type[Settings], tuple[object, ...]]:
        return type(self), (*vars(self).values(),)


class ConsecutiveFailures(Settings):
    """Trips at the `threshold`-th failure in a row; any success starts the row anew.

    With `every` seconds the count is cleared each time that so many have passed since it closed.
    """

    threshold: int
    every: float | None
    reason = Reason.CONSECUTIVE_FAILURES

    def __init__(self, threshold: int = 5, every: float | None = None) -> None:
        self._fill(threshold=whole("threshold", threshold), every=_every(every))


class FailuresInWindow(Settings):
    """Trips at `threshold` failures less than `window` seconds old, whatever else succeeds."""

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

    One of `calls`, `window` and `every` is given; with none, the last 100 calls count. With
    `every` those count that ended since the counts were cleared, which is done each time that so
    many seconds have passed since it closed. Below `minimum_calls` outcomes it never trips; the
    default is 10, or all of a smaller count window.
    """

    rate: float
    calls: int | None
    window: float | None
    minimum_calls: int
    every: float | None
    reason = Reason.FAILURE_RATE

    def __init__(
        self,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
        every: float | None = None,
    ) -> None:
        self._fill(rate=share("rate", rate), **_window(calls, window, minimum_calls, every))


class SlowCallRate(Settings):
    """Trips when at least `rate` of the calls in the window took `slow` seconds or more.

    Successes and failures count alike; the window's parameters are those of `FailureRate`.
    A half-open breaker with this rule takes a probe of `slow` seconds or more for a failed
    one: it would otherwise close on a service that is still slow.
    """

    slow: float
    rate: float
    calls: int | None
    window: float | None
    minimum_calls: int
    every: float | None
    reason = Reason.SLOW_CALL_RATE

    def __init__(
        self,
        slow: float,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
        every: float | None = None,
    ) -> None:
        self._fill(
            slow=duration("slow", slow, positive=True),
            rate=share("rate", rate),
            **_window(calls, window, minimum_calls, every),
        )


def _every(every: float | None) -> float | None:
    return None if every is None else duration("every", every, positive=True)


def _window(
    calls: int | None, window: float | None, minimum: int | None, every: float | None
) -> dict[str, object]:
    """Checks which calls count, and how many of them it needs before it speaks."""
    if every is not None and (calls is not None or window is not None):
        raise ParameterError("every", every, "one of calls, window and every")
    if window is not None and calls is not None:
        raise ParameterError("window", window, "either calls or window, not both")
    if window is not None or every is not None:
        least = 10 if minimum is None else whole("minimum_calls", minimum)
        seconds = None if window is None else duration("window", window, positive=True)
        return {"calls": None, "window": seconds, "minimum_calls": least, "every": _every(every)}
    size = 100 if calls is None else whole("calls", calls)
    least = min(10, size) if minimum is None else whole("minimum_calls", minimum, high=size)
    return {"calls": size, "window": None, "minimum_calls": least, "every": None}


TripRule = ConsecutiveFailures | FailuresInWindow | FailureRate | SlowCallRate

TRIP_RULES: dict[str, type[TripRule]] = {
    "consecutive_failures": ConsecutiveFailures,
    "failures_in_window": FailuresInWindow,
    "failure_rate": FailureRate,
    "slow_call_rate": SlowCallRate,
}
"""Every kind of rule by the word it has in a scenario file."""


class Recovery(Settings):
    """Keeps a breaker open for `timeout` seconds, longer each time a probe fails.

    The k-th opening in a row without a close between lasts `timeout * factor**(k-1)`. `jitter`
    is the share by which one opening may be shorter or longer: it lasts a time drawn uniformly
    from `(1 - jitter)` to `(1 + jitter)` times that, drawn once per opening. None lasts longer
    than `max` (ten times the timeout unless given), jitter included: the draws of openings that
    would be longer are spread below it, so they do not all end together.

    With `hint` the service has its say: if the failure that opens the breaker brings a
    Retry-After (`permit.failure(error, retry_after=…)`, or a `retry_after` in seconds on the
    exception), this opening lasts so long instead, shorter or longer than `timeout`, up to `max`;
    jitter then only lengthens it.
    """

    timeout: float
    factor: float
    max: float
    jitter: float
    hint: bool

    def __init__(
        self,
        timeout: float = 60.0,
        factor: float = 1.0,
        max: float | None = None,
        jitter: float = 0.0,
        hint: bool = False,
    ) -> None:
        timeout = duration("timeout", timeout)
        factor = number("factor", factor, 1.0, 1e6, "a number from 1 to 1,000,000")
        longest = min(10.0 * timeout, MOST_SECONDS) if max is None else duration("max", max)
        if longest < timeout:
            raise ParameterError("max", max, f"at least the timeout, {timeout:g} s")
        jitter = number("jitter", jitter, 0.0, 1.0, "a share from 0 to 1")
        if not isinstance(hint, bool):
            raise ParameterError("hint", hint, "True or False")
        self._fill(timeout=timeout, factor=factor, max=longest, jitter=jitter, hint=hint)

    def grown(self, wait: float) -> float:
        """Returns how long the opening after one of `wait` seconds lasts, before jitter."""
        return min(wait * self.factor, self.max)

    def lasts(self, wait: float, draw: float | None) -> float:
        """Returns how long an opening of `wait` seconds before jitter lasts.

        Args:
            wait: seconds.
            draw: a random number from 0 to 1; None for no jitter.
        """
        if draw is None or not self.jitter:
            return wait
        middle = min(wait, self.max / (1.0 + self.jitter))
        return min(self.max, middle * (1.0 + self.jitter * (2.0 * draw - 1.0)))

    def heeds(self, asked: float, draw: float | None) -> float:
        """Returns how long an opening lasts for which a service asks, seconds; draw as above."""
        return min(self.max, asked * (1.0 + self.jitter * (draw or 0.0)))


class HalfOpen(Settings):
    """Lets `probes` calls through at once until `successes` of them have succeeded.

    The first probe that fails opens the breaker again, and so does a slow one if a rule counts
    slow calls. With a `verdict` it is otherwise: `probes` calls are let through in all, and when
    all of them have ended it opens again if the share of failures among them is at least the
    verdict, or that of slow ones at least the rate of a rule that counts slow calls; otherwise
    it closes. A call that is ignored gives its place to another.

    With no probes, `HalfOpen(0)`, it is never half-open: at its deadline it closes, and trips again
    by its rules if the service is still down. What is counted and called then is as if new.

    A probe that has not ended within `lease` seconds counts as failed: it may be hung, or
    its thread dead, and the breaker must not wait for it for ever.

    Args:
        probes: calls let through: at once, or with a verdict in all; 0 to close at the deadline.
        successes: how many close it, 1 unless given; None with a verdict, which takes its place,
            and without probes.
        lease: seconds a probe may take.
        verdict: the share of failures from which it opens again, above 0 and at most 1.
    """

    probes: int
    successes: int | None
    lease: float
    verdict: float | None

    def __init__(
        self,
        probes: int = 1,
        successes: int | None = None,
        lease: float = 60.0,
        verdict: float | None = None,
    ) -> None:
        if probes == 0:
            _check_alone(successes=successes, verdict=verdict)
        elif verdict is None:
            successes = 1 if successes is None else whole("successes", successes)
        elif successes is not None:
            remedy = "either successes or verdict, not both: a verdict waits for all probes"
            raise ParameterError("successes", successes, remedy)
        self._fill(
            probes=whole("probes", probes, 0, MOST_PROBES),
            successes=successes,
            lease=duration("lease", lease, positive=True),
            verdict=None if verdict is None else share("verdict", verdict),
        )


def _check_alone(**others: object) -> None:
    """Refuses what says something of probes where there are none."""
    for parameter, value in others.items():
        if value is not None:
            raise ParameterError(parameter, value, "nothing of it: there are no probes")


def rules_of(trip: object, failure_threshold: int | None) -> tuple[TripRule, ...]:
    """Returns the rules that a breaker's constructor is given, in either form.

    Raises:
        ParameterError: if there is no rule, or both forms are given.
    """
    if trip is None:
        threshold = 5 if failure_threshold is None else failure_threshold
        return (ConsecutiveFailures(whole("failure_threshold", threshold)),)
    if failure_threshold is not None:
        remedy = "it as ConsecutiveFailures(…) in trip, or leave trip out"
        raise ParameterError("failure_threshold", failure_threshold, remedy)
    rules = tuple(trip) if isinstance(trip, (list, tuple)) else (trip,)
    if rules and all(isinstance(rule, TripRule) for rule in rules):
        return cast("tuple[TripRule, ...]", rules)
    kinds = ", ".join(one.__name__ for one in TRIP_RULES.values())
    raise ParameterError("trip", trip, f"one or a list of: {kinds}")


def recovery_of(recovery: object, recovery_timeout: float | None) -> Recovery:
    """Returns the recovery that a breaker's constructor is given, in either form.

    Raises:
        ParameterError: if it makes no sense, or both forms are given.
    """
    if recovery is None:
        timeout = 60.0 if recovery_timeout is None else recovery_timeout
        return Recovery(duration("recovery_timeout", timeout))
    if not isinstance(recovery, Recovery):
        raise ParameterError("recovery", recovery, "a Recovery")
    if recovery_timeout is not None:
        remedy = "it as Recovery(timeout=…) in recovery, or leave recovery out"
        raise ParameterError("recovery_timeout", recovery_timeout, remedy)
    return recovery


def random_of(random: Callable[[], float] | None, recovery: Recovery) -> Callable[[], float]:
    """Returns the random source; the standard one is imported only when it is needed."""
    if random is None:
        if not recovery.jitter:
            return float
        from random import random
    if not callable(random):
        raise ParameterError("random", random, "a function that returns a number in [0, 1)")
    return random
