"""How long a breaker stays open, and how it finds out that it may close."""

from __future__ import annotations

from collections.abc import Callable

from simcb.breaker.errors import ParameterError
from simcb.breaker.parameters import (
    MOST_SECONDS,
    Settings,
    UsualFloat,
    duration,
    number,
    rate,
    whole,
)


class Recovery(Settings):
    """Keeps a breaker open for `timeout` seconds, longer each time a probe fails.

    The k-th opening in a row without a close between lasts `timeout * factor**(k-1)`. `jitter`
    is the share by which one opening may be shorter or longer: it lasts a time drawn uniformly
    from `(1 - jitter)` to `(1 + jitter)` times that, drawn once per opening. None lasts longer
    than `max` (ten times the timeout unless given), jitter included: the draws of openings that
    would be longer are spread below it, so they do not all end together.
    """

    __slots__ = ("factor", "jitter", "max", "timeout")
    timeout: float
    factor: float
    max: float
    jitter: float

    def __init__(
        self,
        timeout: float = 60.0,
        factor: float = 1.0,
        max: float | None = None,
        jitter: float = 0.0,
    ) -> None:
        timeout = duration("timeout", timeout)
        factor = number("factor", factor, 1.0, 1e6, "a number from 1 to 1,000,000")
        longest = min(10.0 * timeout, MOST_SECONDS) if max is None else duration("max", max)
        if longest < timeout:
            raise ParameterError("max", max, f"at least the timeout, {timeout:g} s")
        jitter = number("jitter", jitter, 0.0, 1.0, "a share from 0 to 1")
        self._fill(timeout=timeout, factor=factor, max=longest, jitter=jitter)

    def grown(self, wait: float) -> float:
        """Returns how long the opening after one of `wait` seconds lasts, before jitter."""
        return min(wait * self.factor, self.max)

    def lasts(self, wait: float, luck: float | None) -> float:
        """Returns how long an opening of `wait` seconds before jitter lasts.

        Args:
            wait: seconds.
            luck: the draw, from 0 to 1; None for no jitter.
        """
        if luck is None or not self.jitter:
            return wait
        middle = min(wait, self.max / (1.0 + self.jitter))
        return min(self.max, middle * (1.0 + self.jitter * (2.0 * luck - 1.0)))

    def __reduce__(self) -> tuple[type[Recovery], tuple[object, ...]]:
        return type(self), (self.timeout, self.factor, self.max, self.jitter)


class HalfOpen(Settings):
    """Lets `probes` calls through at once until `successes` of them have succeeded.

    The first probe that fails opens the breaker again, and so does a slow one if a rule counts
    slow calls. With a `verdict` it is otherwise: `probes` calls are let through in all, and when
    all of them have ended it opens again if the share of failures among them is at least the
    verdict, or that of slow ones at least the rate of a rule that counts slow calls; otherwise
    it closes. A call that is ignored gives its place to another.

    A probe that has not ended within `lease` seconds counts as failed: it may be hung, or
    its thread dead, and the breaker must not wait for it for ever.

    Args:
        probes: calls let through: at once, or with a verdict in all.
        successes: how many close it, 1 unless given; None with a verdict, which takes its place.
        lease: seconds a probe may take.
        verdict: the share of failures from which it opens again, above 0 and at most 1.
    """

    __slots__ = ("lease", "probes", "successes", "verdict")
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
        if verdict is None:
            successes = 1 if successes is None else whole("successes", successes)
        elif successes is not None:
            remedy = "either successes or verdict, not both: a verdict waits for all probes"
            raise ParameterError("successes", successes, remedy)
        self._fill(
            probes=whole("probes", probes, high=10_000),
            successes=successes,
            lease=duration("lease", lease, positive=True),
            verdict=None if verdict is None else rate("verdict", verdict),
        )

    def __reduce__(self) -> tuple[type[HalfOpen], tuple[object, ...]]:
        return type(self), (self.probes, self.successes, self.lease, self.verdict)


USUAL_TIMEOUT = UsualFloat(60.0)
"""The recovery timeout of a breaker that is given neither one nor a `Recovery`, in seconds."""


def recovery_of(recovery: object, recovery_timeout: float) -> Recovery:
    """Returns the recovery that a breaker's constructor is given, in either form.

    Raises:
        ParameterError: if it makes no sense, or both forms are given.
    """
    if recovery is None:
        return Recovery(duration("recovery_timeout", recovery_timeout))
    if not isinstance(recovery, Recovery):
        raise ParameterError("recovery", recovery, "a Recovery")
    if recovery_timeout is not USUAL_TIMEOUT:
        remedy = "it as Recovery(timeout=…) in recovery, or leave recovery out"
        raise ParameterError("recovery_timeout", recovery_timeout, remedy)
    return recovery


def luck_of(random: Callable[[], float] | None, recovery: Recovery) -> Callable[[], float]:
    """Returns the random source; the standard one is imported only when it is needed."""
    if random is None:
        if not recovery.jitter:
            return float
        from random import random
    if not callable(random):
        raise ParameterError("random", random, "a function that returns a number in [0, 1)")
    return random
