"""Retries that are never made, or whose words say nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.breaker.settings import slow_from
from simcb.metrics.warnings.bounds import at_once, ever_struck
from simcb.metrics.warnings.links import Link, NoEffect
from simcb.metrics.warnings.outcomes import may_fail, never_told, out_of_reach
from simcb.outcomes import AttemptOutcome
from simcb.scenario.faults import Hang
from simcb.scenario.groups import ClientGroup
from simcb.scenario.refusal import quoted
from simcb.scenario.retries import (
    Concurrent,
    Decorrelated,
    Exponential,
    FailureTokens,
    Jitter,
    Listed,
    PerMinute,
    Server,
    TokenBucket,
)
from simcb.scenario.units import format_duration


def vain_retries(link: Link) -> Iterator[NoEffect]:
    """Yield what a retry that is switched on says in vain."""
    retry = link.call.retry
    if retry is None or retry.max_retries == 0:
        return
    if retry.elsewhere:
        yield from link.one_replica("retry", "elsewhere")
    if not retry.on:
        yield link.told(
            f"{link.name} is never retried: `retry.on` names no outcome; name one like `error`",
            *("retry", "on"),
        )
    if reason := out_of_reach(link, retry.on):
        yield link.told(
            f"{link.name} is never retried: `retry.on` names {reason}", *("retry", "on")
        )
    if isinstance(retry.backoff, Server) and (
        reason := never_told(link.service, retry.on, "retry.on")
    ):
        yield link.told(
            f"the backoff of {link.name} is never told how long to wait: {reason}",
            *("retry", "backoff"),
        )
    if retry.jitter is not Jitter.NONE and retry.backoff.delay_before(1) == 0.0:
        yield link.told(
            f"`jitter` changes nothing in the retries of {link.name}, which do not wait; leave "
            "it out, or add a backoff like `backoff: {kind: fixed, delay: 100ms}`",
            *("retry", "jitter"),
        )


def vain_waits(link: Link) -> Iterator[NoEffect]:
    """Yield waits that no retry makes: those of a list after the last, one longer than users stay.

    Jitter may make a wait shorter than the deadline, so it is told of without jitter only.
    """
    retry = link.call.retry
    if retry is None or retry.max_retries == 0:
        return
    backoff, place = retry.backoff, ("retry", "backoff")
    if isinstance(backoff, Listed) and len(backoff.delays) > retry.max_retries:
        yield link.told(
            f"only {retry.max_retries} of the {len(backoff.delays)} `delays` of {link.name} are "
            f"ever waited, one before each retry; raise `max_retries` to {len(backoff.delays)}, "
            "or leave the others out",
            *(*place, "delays"),
        )
    if isinstance(backoff, Exponential) and backoff.base == 0.0:
        yield link.told(
            f"the retries of {link.name} do not wait: `base` is 0s, and no factor makes that "
            "longer; write one like `base: 100ms`",
            *(*place, "base"),
        )
    admit, up_to = link.service.admit, getattr(backoff, "up_to", None)
    asked = None if admit is None else admit.retry_after
    if up_to is not None and asked is not None and up_to < asked:
        yield link.told(
            f"the backoff of {link.name} never waits as long as it is told: {quoted(link.to)} "
            f"asks for {format_duration(asked)}, and `up_to` is "
            f"{format_duration(up_to)}; raise it",
            *(*place, "up_to"),
        )
    stays = link.caller.deadline if isinstance(link.caller, ClientGroup) else None
    wait = backoff.delay_before(1)
    lot = retry.jitter is not Jitter.NONE or isinstance(backoff, Decorrelated | Server)
    if stays is not None and not lot and wait > stays:
        yield link.told(
            f"{link.name} is never retried: the first retry waits for {format_duration(wait)}, and "
            f"users have left after {format_duration(stays)} (`deadline`); wait for less",
            *place,
        )


def vain_budgets(link: Link) -> Iterator[NoEffect]:
    """Yield a retry budget that grants nothing, or one that can never be used up.

    A token bucket of less than a token never has one. gRPC's tokens are above half of `max` after a
    failure only if that is more than 2. Each of a process's users makes one retry at a time.
    """
    retry = link.call.retry
    if retry is None or retry.max_retries == 0 or retry.budget is None:
        return
    never = f"{link.name} is never retried: its budget"
    many = at_once(link)
    match retry.budget:
        case TokenBucket(burst=burst) if burst < 1.0:
            words, word = (
                f"{never} never holds a whole token; write a `burst` of 1 or more",
                "burst",
            )
        case PerMinute(retries=0):
            words, word = f"{never} has 0 a minute; write `retries: 60`, say", "retries"
        case Concurrent(share=0.0, least=0):
            words, word = f"{never} is 0% and `least: 0`; raise one of the two", "least"
        case FailureTokens(max=most) if most <= 2.0:
            words = (
                f"{never} is no more than half full after the first failure; write a `max` above 2"
            )
            word = "max"
        case Concurrent(least=least) if least >= many:
            words = (
                f"the budget of {link.name} never refuses a retry: it lets {least} be under way in "
                f"any case, and a process has {many:g} requests at once; write a smaller `least`"
            )
            word = "least"
        case _:
            return
    yield link.told(words, "retry", "budget", word)


def unheard_failures(link: Link) -> Iterator[NoEffect]:
    """Yield retries and a breaker that hear nothing of a hang, as nobody stops waiting.

    It holds if the call has no timeout, and nothing of what they look for can come of the service
    itself, of its own calls, or of another fault.
    """
    call, retry, breaker = link.call, link.call.retry, link.call.breaker
    if call.timeout is not None or not ever_struck(link, Hang) or may_fail(link):
        return
    why = f"a hang of {quoted(link.to)} is waited for to its end, as the call has no timeout"
    remedy = "give it one like `timeout: 2s`"
    own = {AttemptOutcome.ERROR, AttemptOutcome.TIMEOUT, AttemptOutcome.REFUSED}
    if (
        retry is not None
        and retry.max_retries
        and set(retry.on) <= own
        and set(retry.on) != {AttemptOutcome.TIMEOUT}
    ):
        yield link.told(f"{link.name} is never retried: {why}; {remedy}", "retry")
    if breaker is None or not breaker.enabled or breaker.group is not None or breaker.use:
        return
    slow = any(slow_from(rule) < math.inf for rule in breaker.rules())
    if not slow and set(breaker.counts) <= own and set(breaker.counts) != {AttemptOutcome.TIMEOUT}:
        yield link.told(
            f"the breaker of {link.name} never opens: {why}; {remedy}, or the breaker a "
            "`trip` by slow calls",
            "breaker",
        )
