"""Which outcomes the attempts of a call can have at all."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.metrics.warnings.arrivals import by_priority
from simcb.metrics.warnings.links import Link
from simcb.outcomes import AttemptOutcome
from simcb.scenario.faults import Cold, Flush, Hang, Latency, Loss, Pause, Surge
from simcb.scenario.model import Service
from simcb.scenario.refusal import quoted

_ADMISSION = "admission (`admit`)"


def out_of_reach(link: Link, outcomes: Sequence[AttemptOutcome]) -> str:
    """Return why no attempt of a call can have any of these outcomes; "" if one can."""
    call = link.call
    holds_back = call.bulkhead or call.rate_limit or call.throttle
    given = {
        AttemptOutcome.TIMEOUT: ("timeout", call.timeout),
        AttemptOutcome.REJECTED: ("breaker", call.breaker),
        AttemptOutcome.SHED: ("bulkhead, rate limit or throttle", holds_back),
        AttemptOutcome.THROTTLED: (
            _ADMISSION,
            link.service.admit or by_priority(link.service) or None,
        ),
    }
    lacking = {outcome: word for outcome, (word, value) in given.items() if value is None}
    if not outcomes or not set(outcomes) <= lacking.keys():
        return ""
    named = " and ".join(quoted(outcome) for outcome in outcomes)
    words = [lacking[outcome] for outcome in outcomes]
    whose = f"service {quoted(link.to)}" if set(words) == {_ADMISSION} else "the call"
    missing = " and no ".join(words)
    return f"only {named}, and {whose} has no {missing}; give it one, or name another outcome"


def never_told(service: Service, outcomes: Sequence[AttemptOutcome], word: str) -> str:
    """Return why no answer with one of these outcomes has a Retry-After; "" if one can."""
    if service.admit is None or service.admit.retry_after is None:
        return "its service has no `admit` with a `retry_after`; give it one"
    if AttemptOutcome.THROTTLED not in outcomes:
        return f"`{word}` does not name `throttled`; name it"
    return ""


def may_fail(link: Link) -> bool:
    """Tell whether an answer may be an error or a refusal; false only if that is certain."""
    service, struck = link.service, link.scenario.faults
    if service.errors or service.queue.limit is not None or service.admit or service.falls:
        return True
    if service.scale is not None or service.calls or by_priority(service):
        return True
    harmless = Hang | Latency | Pause | Loss | Cold | Surge | Flush
    return any(link.is_struck(each) and not isinstance(each, harmless) for each in struck)
