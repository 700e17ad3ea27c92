"""Breakers that never open or close, and words of theirs that say nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.breaker import ConsecutiveFailures, TripRule
from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.metrics.warnings.links import Link, NoEffect
from simcb.metrics.warnings.outcomes import never_told, out_of_reach
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.breakers import Breaker
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration


def switched_on(link: Link, *, grouped: bool = False) -> Iterator[Breaker]:
    """Yield a call's breaker if it is on; that of a group hears of other calls, too."""
    breaker = link.call.breaker
    if breaker is not None and breaker.enabled and (breaker.group is not None) is grouped:
        yield breaker


def never_opens(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker that counts only outcomes which its call cannot have."""
    for breaker in switched_on(link):
        timing = any(slow_from(rule) < math.inf for rule in breaker.rules())
        if not timing and (reason := out_of_reach(link, breaker.counts)):
            words = f"the breaker of {link.name} never opens: `counts` names {reason}"
            yield link.told(words, "breaker", "counts")


def never_slow(link: Link) -> Iterator[NoEffect]:
    """Yield the limits of slow calls that no call lives to reach, or only as it is given up."""
    for breaker in switched_on(link):
        for number, rule in enumerate(breaker.rules()):
            if (longest := link.longest) < (slow := slow_from(rule)) < math.inf:
                yield link.told(
                    f"no call of {link.name} is ever slow: {format_duration(slow)} are asked "
                    f"for, and it is given up after {format_duration(longest)} at the latest; "
                    "write a shorter `slow`, or a longer timeout",
                    *("breaker", "trip", number, "slow"),
                )
            elif counts_in_flight(rule) and longest == slow:
                yield link.told(
                    f"`in_flight` changes nothing in the breaker of {link.name}: a call is slow "
                    f"after {format_duration(slow)}, and it is given up just then; write a "
                    "shorter `slow`, or a longer timeout",
                    *("breaker", "trip", number, "in_flight"),
                )


def no_hint(link: Link) -> Iterator[NoEffect]:
    """Yield a recovery by a Retry-After that no answer has which it looks at."""
    for breaker in switched_on(link):
        hint = breaker.recovery is not None and breaker.recovery.hint
        if hint and (reason := never_told(link.service, breaker.counts, "counts")):
            words = f"`hint` changes nothing in the breaker of {link.name}: {reason}"
            yield link.told(words, "breaker", "recovery", "hint")


def no_panic(link: Link) -> Iterator[NoEffect]:
    """Yield a panic that `max_open` never lets come."""
    replicas = link.service.most_replicas
    for breaker in switched_on(link):
        if breaker.panic is None or breaker.max_open is None:
            continue
        fewest = replicas - math.floor(breaker.max_open * replicas + 1e-9)
        if fewest >= breaker.panic * replicas:
            yield link.told(
                f"`panic` changes nothing in the breaker of {link.name}: `max_open` lets {fewest} "
                f"of {replicas} replicas never open; raise one of the two, or leave it out",
                *("breaker", "panic"),
            )


def one_replica(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker for each replica of a service with one, or one that comes and goes."""
    for breaker in switched_on(link):
        if breaker.per_replica:
            yield from link.one_replica("breaker")


def new_replicas(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker for each replica of a service whose replicas come and go."""
    for breaker in switched_on(link):
        if breaker.per_replica and link.service.scale is not None:
            yield link.told(
                f"the breakers of {link.name} know nothing of a replica that the autoscaler of "
                f"{quoted(link.to)} starts: each is closed at first, and trips anew; leave "
                "`per_replica` out for one that knows the service",
                *("breaker", "per_replica"),
            )


def vain_groups(link: Link) -> Iterator[NoEffect]:
    """Yield a group of one call, or one in which good answers hide failures in a row."""
    caller, called = link.keys[1], link.keys[3]
    for breaker in switched_on(link, grouped=True):
        guarded, group = by_breaker(link.caller.calls).get(called, ()), quoted(breaker.group or "")
        if len(guarded) == 1:
            yield link.told(
                f"`group` changes nothing in the breaker of {link.name} but its name: no other "
                f"call of {quoted(caller)} is in {group}; write `breaker: {{group: "
                f"{breaker.group}}}` at another, or leave it out",
                *("breaker", "group"),
            )
        elif guarded and breaker.use is None and all(map(_in_a_row, breaker.rules())):
            yield link.told(
                f"the breaker of {group} may never open while one of its calls fails: it counts "
                "failures in a row, and good answers of the others set the count back; count a "
                "share, as `trip: {kind: failure_rate, rate: 30%}` does",
                *("breaker", "group"),
            )


def _in_a_row(rule: TripRule) -> bool:
    return isinstance(rule, ConsecutiveFailures) and rule.threshold > 1
