"""Hedges, caches and fallbacks that answer nothing, or answer what others wait for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

from simcb.metrics.warnings.bounds import at_once, highest_rate, least_time, most_requests, tries
from simcb.metrics.warnings.links import Link, NoEffect
from simcb.outcomes import AttemptOutcome
from simcb.scenario.breakers import Around
from simcb.scenario.calls import Cache
from simcb.scenario.groups import ClientGroup
from simcb.scenario.refusal import quoted
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
    deadline = link.caller.deadline if isinstance(link.caller, ClientGroup) else None
    if hedge is not None and deadline is not None and hedge.after > deadline:
        yield link.told(
            f"the hedge of {link.name} is never made: its users leave after "
            f"{format_duration(deadline)} (`deadline`); hedge sooner than that",
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


def never_answered(link: Link) -> Iterator[NoEffect]:
    """Yield a timeout or a deadline below the shortest time in which an answer can come.

    A deadline only if every request needs the call, and neither a cache nor a fallback answers it.
    """
    call, caller = link.call, link.caller
    least, takes = least_time(link), f"an answer of {quoted(link.to)} takes"
    if call.timeout is not None and call.timeout < least:
        yield link.told(
            f"every attempt of {link.name} times out: {takes} {format_duration(least)} at least, "
            f"and `timeout` is {format_duration(call.timeout)}; write a longer one",
            "timeout",
        )
    if not isinstance(caller, ClientGroup) or caller.deadline is None:
        return
    alone = call.share == 1.0 and call.cache is None and call.fallback is None
    if alone and caller.deadline < least:
        yield NoEffect(
            f"users of {quoted(link.keys[1])} leave before any answer: {takes} "
            f"{format_duration(least)} at least, and `deadline` is "
            f"{format_duration(caller.deadline)}; write a longer one",
            (*link.keys[:2], "deadline"),
        )


def late_timeouts(link: Link) -> Iterator[NoEffect]:
    """Yield a timeout that users do not live to see, where retries or a breaker wait for it."""
    call, retry, breaker = link.call, link.call.retry, link.call.breaker
    patience = link.caller.deadline if isinstance(link.caller, ClientGroup) else None
    if patience is None or call.timeout is None or call.timeout <= patience:
        return
    retried = retry is not None and retry.max_retries and AttemptOutcome.TIMEOUT in retry.on
    counted = breaker is not None and breaker.enabled and AttemptOutcome.TIMEOUT in breaker.counts
    if retried or counted:
        who = " and ".join(["retries"] * bool(retried) + ["the breaker"] * counted)
        yield link.told(
            f"no attempt of {link.name} ever times out: its users leave after "
            f"{format_duration(patience)} (`deadline`), of which {who} hear nothing, and `timeout` "
            f"is {format_duration(call.timeout)}; write a shorter one",
            "timeout",
        )


def poor_hedges(link: Link) -> Iterator[NoEffect]:
    """Yield a budget of hedges that all tries of a run together do not fill with one hedge."""
    hedge = link.call.hedge
    if hedge is None or hedge.budget is None:
        return
    most = tries(link) * most_requests(link, link.scenario.duration)
    if hedge.budget == 0.0 or hedge.budget * most < 1.0:
        yield link.told(
            f"the `budget` of the hedges of {link.name} earns none in the whole run: there are "
            f"only the {hedge.saved:g} that it begins with; write a larger share, like `10%`",
            *("hedge", "budget"),
        )


def rare_hits(link: Link) -> Iterator[NoEffect]:
    """Yield a cache that has fewer than one answer in a thousand, on average.

    Of requests at a rate λ that ask for key k with probability p(k), a share p(k) finds an answer
    no older than `ttl` with a probability of at most λ·p(k)·ttl: in all λ·ttl·Σp².
    """
    fallback = link.call.fallback
    caches: list[tuple[tuple[str, ...], Cache | None]] = [
        (("cache", "keys"), link.call.cache),
        (("fallback", "cache", "keys"), None if fallback is None else fallback.cache),
    ]
    refresh = link.caller.refresh if isinstance(link.caller, ClientGroup) else None
    rate = highest_rate(link) * link.call.share * (1 if refresh is None else 1 + refresh.times)
    for place, cache in caches:
        if cache is None or not rate:
            continue
        hits = rate * cache.ttl * _alike(cache.keys, cache.zipf)
        if hits < 0.001:
            yield link.told(
                f"the cache of {link.name} is as good as none: fewer than one call in a thousand "
                f"asks for what was asked for within {format_duration(cache.ttl)}; write fewer "
                "`keys`, or a longer `ttl`",
                *place,
            )


@lru_cache(maxsize=64)
def _alike(keys: int, zipf: float) -> float:
    """Return the probability that two draws by Zipf's law are the same key, Σp², at most.

    Of the sums Σk^−s the first thousand terms are added, and the rest lies between integrals.
    """
    first = range(1, 1 + min(keys, 1000))
    squares = math.fsum(k ** (-2.0 * zipf) for k in first)
    weights = math.fsum(k**-zipf for k in first)
    if keys > 1000:
        squares += _integral(1000.0, float(keys), 2.0 * zipf)
        weights += _integral(1001.0, float(keys) + 1.0, zipf)
    return squares / weights**2


def _integral(low: float, high: float, power: float) -> float:
    """Return ∫ x^−power dx from low to high."""
    if power == 1.0:
        return math.log(high / low)
    return float((high ** (1.0 - power) - low ** (1.0 - power)) / (1.0 - power))


def nobody_joins(link: Link) -> Iterator[NoEffect]:
    """Yield calls that are to be waited for together, of processes that make one at a time."""
    cache = link.call.cache
    if cache is not None and cache.coalesce and at_once(link) == 1.0:
        yield link.told(
            f"`coalesce` changes nothing in the cache of {link.name}, as each of its callers' "
            "processes has one request at a time; leave it out",
            *("cache", "coalesce"),
        )
