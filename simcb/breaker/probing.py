"""What the probes of a half-open period have come to, and what that decides.

Pure functions of the settings and of how many probes have ended in which way; `machine` puts
what they decide in its place.
"""

from __future__ import annotations

from typing import NamedTuple

from simcb.breaker.records import Reason
from simcb.breaker.recovery import HalfOpen
from simcb.breaker.rules import SlowCallRate, TripRule


class Ended(NamedTuple):
    """The probes of one period that have ended: all, the failed, and the slow by each rule."""

    calls: int
    failed: int
    slow: tuple[int, ...]


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


def places_taken(half_open: HalfOpen, out: int, ended: Ended) -> int:
    """Returns how many of the places for probes are taken: with a verdict each is used once."""
    return out if half_open.verdict is None else out + ended.calls


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
