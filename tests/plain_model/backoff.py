"""How long a caller waits before it tries again."""

from __future__ import annotations

from simcb.scenario.retries import Decorrelated, Exponential, Fixed, Jitter, Listed, Retry, Server


def backoff(
    retry: Retry, nth: int, previous: float | None, lot: float, retry_after: float
) -> float:
    """Return the seconds to wait before a retry.

    Args:
        retry: the policy.
        nth: which retry, from 1.
        previous: the wait before the retry before it, None if this is the first.
        lot: uniform in [0, 1).
        retry_after: how long the answer asks to wait; 0 if it does not.
    """
    rule = retry.backoff
    if isinstance(rule, Server) and 0 < retry_after <= (rule.up_to or retry_after):
        return retry_after
    if isinstance(rule, Decorrelated):
        highest = 3.0 * (rule.base if previous is None else previous)
        return min(rule.max, rule.base + (highest - rule.base) * lot)
    if isinstance(rule, Fixed):
        wait = rule.delay
    elif isinstance(rule, Listed):
        wait = [*rule.delays, *[rule.delays[-1]] * nth][nth - 1]
    elif isinstance(rule, Exponential | Server):
        wait = rule.base * rule.factor ** (nth - 1)
        wait = wait if rule.max is None else min(rule.max, wait)
    else:
        wait = 0.0
    match retry.jitter:
        case Jitter.FULL:
            return wait * lot
        case Jitter.EQUAL:
            return wait * (0.5 + 0.5 * lot)
        case Jitter.NONE:
            return wait
