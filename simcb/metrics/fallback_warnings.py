"""Fallbacks around each attempt, from which retries or a breaker outside hear of no failure."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.metrics.limit_warnings import Found
from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.scalars import LINK


def vain_fallbacks(scenario: Scenario) -> Iterator[Found]:
    """Yield what a fallback `around: attempt` makes useless, or what makes it like any other."""
    for part, callers in (("clients", scenario.clients), ("services", scenario.services)):
        for caller, each in callers.items():
            for called, call in each.calls.items():
                keys = (part, caller, "calls", called)
                for words, *place in _of_a_call(f"{caller}{LINK}{called}", call):
                    yield words, (*keys, *place)


def _of_a_call(name: str, call: Call) -> Iterator[tuple[str, ...]]:
    """Yield sentences, each with the words that lead to its place in the call."""
    fallback, breaker = call.fallback, call.breaker
    if fallback is None or fallback.around is not Around.ATTEMPT:
        return
    retries = call.retry is not None and call.retry.max_retries != 0
    outside = breaker is not None and breaker.enabled and breaker.around is Around.REQUEST
    if not retries and not outside:
        yield (
            f"`around: attempt` changes nothing in the fallback of {quoted(name)}, which has no "
            "retries; leave it out, or add some like `retry: {max_retries: 2}`",
            *("fallback", "around"),
        )
    if fallback.before_retries < 1.0:
        return
    remedy = "write `around: request`, or a lower `hit_rate`"
    if retries:
        yield (
            f"{quoted(name)} is never retried: the fallback around each attempt answers every "
            f"one that fails; {remedy}",
            *("fallback", "around"),
        )
    if outside:
        yield (
            f"the breaker of {quoted(name)} never opens: the fallback around each attempt answers "
            f"every one that fails, and the breaker around the request hears of none; {remedy}",
            *("fallback", "around"),
        )
