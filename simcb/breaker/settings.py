"""What a breaker can be told: when it opens, how long it stays open, how it closes again.

A setting is checked when it is built, and cannot change. `windows` counts by the trip rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

from simcb.breaker.bounds import MOST_PROBES, MOST_SECONDS, Settings, duration, number, share, whole
from simcb.breaker.enums import Reason
from simcb.breaker.errors import ParameterError


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
    """Trips at `threshold` failures less than `window` seconds old, whatever else succeeds.

    With `every` instead those count that came since the counts were cleared, which is done each
    time that so many seconds have passed since it closed. With neither the window is 60 s.
    """

    threshold: int
    window: float | None
    every: float | None
    reason = Reason.FAILURES_IN_WINDOW

    def __init__(
        self, threshold: int = 5, window: float | None = None, every: float | None = None
    ) -> None:
        if every is None:
            window = duration("window", 60.0 if window is None else window, positive=True)
        elif window is not None:
            raise ParameterError("every", every, "either window or every, not both")
        self._fill(threshold=whole("threshold", threshold), window=window, every=_every(every))


class FailureRate(Settings):
    """Trips when failures are at least `rate` of the last `calls` calls or `window` seconds.

    When `strict` they have to be more than the rate, which may then be 0: any failure trips it.
    With `slow` seconds a call that took so long or longer is a failure to this rule, however it
    ended, and so is a probe. With `in_flight` besides it need not have ended: see `SlowCallRate`.

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
    strict: bool
    slow: float | None
    in_flight: bool
    reason = Reason.FAILURE_RATE

    def __init__(
        self,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
        every: float | None = None,
        strict: bool = False,
        slow: float | None = None,
        in_flight: bool = False,
    ) -> None:
        if _flag("in_flight", in_flight) and slow is None:
            raise ParameterError("in_flight", in_flight, "slow beside it: seconds of a slow call")
        self._fill(
            rate=_rate(rate, strict),
            **_window(calls, window, minimum_calls, every),
            strict=strict,
            slow=None if slow is None else duration("slow", slow, positive=True),
            in_flight=in_flight,
        )


class SlowCallRate(Settings):
    """Trips when at least `rate` of the calls in the window took `slow` seconds or more.

    Successes and failures count alike; the window's parameters are those of `FailureRate`.
    A half-open breaker with this rule takes a probe of `slow` seconds or more for a failed
    one: it would otherwise close on a service that is still slow.

    With `in_flight` a call counts as slow once it has been out for `slow` seconds, without having
    ended: when a service hangs, that is `slow` seconds later, and not once clients give up. It is
    looked for whenever a call asks or ends. Such a call has been counted, so its end adds nothing
    to this rule. A probe that has been out so long has ended as a slow one.
    """

    slow: float
    rate: float
    calls: int | None
    window: float | None
    minimum_calls: int
    every: float | None
    strict: bool
    in_flight: bool
    reason = Reason.SLOW_CALL_RATE

    def __init__(
        self,
        slow: float,
        rate: float = 0.5,
        calls: int | None = None,
        window: float | None = None,
        minimum_calls: int | None = None,
        every: float | None = None,
        strict: bool = False,
        in_flight: bool = False,
    ) -> None:
        self._fill(
            slow=duration("slow", slow, positive=True),
            rate=_rate(rate, strict),
            **_window(calls, window, minimum_calls, every),
            strict=strict,
            in_flight=_flag("in_flight", in_flight),
        )


def _every(every: float | None) -> float | None:
    return None if every is None else duration("every", every, positive=True)


def _flag(parameter: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ParameterError(parameter, value, "True or False")
    return value


def _rate(rate: float, strict: bool) -> float:
    if _flag("strict", strict):
        below = math.nextafter(1.0, 0.0)
        return number("rate", rate, 0.0, below, "a share from 0 and below 1, as it is strict")
    return share("rate", rate)


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


def slow_from(rule: TripRule) -> float:
    """Returns the seconds from which a call is slow to a rule; infinite if none ever is."""
    slow: float | None = getattr(rule, "slow", None)
    return math.inf if slow is None else slow


def counts_in_flight(rule: TripRule) -> bool:
    """Whether a call counts to a rule before it has ended, once it is slow."""
    return getattr(rule, "in_flight", False)


def tripping_share(rule: FailureRate | SlowCallRate) -> float:
    """Returns the least share of the counted calls at which a rule trips."""
    return math.nextafter(rule.rate, math.inf) if rule.strict else rule.rate


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
        _flag("hint", hint)
        self._fill(timeout=timeout, factor=factor, max=longest, jitter=jitter, hint=hint)

    def grown(self, wait: float) -> float:
        """Returns how long the opening after one of `wait` seconds lasts, before jitter."""
        return min(wait * self.factor, self.max)

    def opening(self, row: int) -> float:
        """Returns how long the `row`-th opening in a row lasts, before jitter."""
        wait = self.timeout
        for _ in range(row - 1):
            longer = self.grown(wait)
            if longer == wait:
                break
            wait = longer
        return wait

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
    verdict, or that of slow ones at least the rate of a `SlowCallRate`; otherwise it closes. Where
    a `FailureRate` takes slow calls for failures, the verdict does so too. A call that is ignored
    gives its place to another.

    With no probes, `HalfOpen(0)`, it is never half-open: at its deadline it closes, and trips again
    by its rules if the service is still down. What is counted and called then is as if new.

    With a `ramp` there are no probes either: for so many seconds from the first call after its
    deadline it lets a growing share of the calls through, `start` of them at first and all in the
    end. Which ones is no matter of luck: of any calls that ask one after the other those let
    through are their shares' sum, to less than one. Calls are judged by the trip rules, as when
    it is closed; if none of them has opened it, it closes at the first call after the ramp.

    A probe that has not ended within `lease` seconds counts as failed: it may be hung, or
    its thread dead, and the breaker must not wait for it for ever.

    Args:
        probes: calls let through: at once, or with a verdict in all; 0 to close at the deadline;
            1 unless given, and none with a ramp.
        successes: how many close it, 1 unless given; None with a verdict, which takes its place,
            and without probes.
        lease: seconds a probe may take.
        verdict: the share of failures from which it opens again, above 0 and at most 1.
        ramp: seconds in which the share of calls let through grows to all.
        start: the share it begins with, from 0 to 1; a tenth unless given.
    """

    probes: int
    successes: int | None
    lease: float
    verdict: float | None
    ramp: float | None
    start: float | None

    def __init__(
        self,
        probes: int | None = None,
        successes: int | None = None,
        lease: float = 60.0,
        verdict: float | None = None,
        ramp: float | None = None,
        start: float | None = None,
    ) -> None:
        if ramp is not None:
            ramp = duration("ramp", ramp, positive=True)
            begin = 0.1 if start is None else start
            start = number("start", begin, 0.0, 1.0, "a share from 0 to 1")
            _check_alone(probes=probes or None)
        elif start is not None:
            raise ParameterError("start", start, "a ramp beside it")
        if probes is None:
            probes = 1 if ramp is None else 0
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
            ramp=ramp,
            start=start,
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
