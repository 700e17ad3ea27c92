"""Hedges, caches and fallbacks that answer nothing, or answer what others wait for."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.metrics.warnings.links import Link, NoEffect
from simcb.scenario.breakers import Around
from simcb.scenario.units import format_duration


def late_hedges(link: Link) -> Iterator[NoEffect]:
    """Yield a hedge that comes when its attempt is over."""
    hedge, timeout = link.call.hedge, link.call.timeout
    if hedge is not None and timeout is not None and hedge.after >= timeout:
        yield link.told(
            f"the hedge of {link.name} is never made: an attempt has timed out after "
            f"{format_duration(timeout)}; hedge sooner than that",
            *("hedge", "after"),
        )


def vain_fallbacks(link: Link) -> Iterator[NoEffect]:
    """Yield what a fallback `around: attempt` makes useless, or what makes it like any other."""
    fallback, breaker = link.call.fallback, link.call.breaker
    if fallback is None or fallback.around is not Around.ATTEMPT:
        return
    around = "fallback", "around"
    retries = link.call.retry is not None and link.call.retry.max_retries != 0
    outside = breaker is not None and breaker.enabled and breaker.around is Around.REQUEST
    if not retries and not outside:
        yield link.told(
            f"`around: attempt` changes nothing in the fallback of {link.name}, which has no "
            "retries; leave it out, or add some like `retry: {max_retries: 2}`",
            *around,
        )
    if fallback.before_retries < 1.0:
        return
    answers = "the fallback around each attempt answers every one that fails"
    remedy = "write `around: request`, or a lower `hit_rate`"
    if retries:
        yield link.told(f"{link.name} is never retried: {answers}; {remedy}", *around)
    if outside:
        yield link.told(
            f"the breaker of {link.name} never opens: {answers}, and the breaker around the "
            f"request hears of none; {remedy}",
            *around,
        )
