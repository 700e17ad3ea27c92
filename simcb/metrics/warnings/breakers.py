"""Breakers that never open or close, and words of theirs that say nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.breaker import ConsecutiveFailures, TripRule
from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.metrics.warnings.bounds import ever_struck, least_time, life, most_requests, tries
from simcb.metrics.warnings.links import Link, NoEffect
from simcb.metrics.warnings.outcomes import never_told, out_of_reach
from simcb.outcomes import AttemptOutcome
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.breakers import Around, Breaker
from simcb.scenario.faults import Fault
from simcb.scenario.groups import ClientGroup
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
    """Yield a panic that `max_open` never lets come, of more than one replica."""
    replicas = link.service.most_replicas
    for breaker in switched_on(link):
        if breaker.panic is None or breaker.max_open is None or replicas == 1:
            continue
        fewest = replicas - math.floor(breaker.max_open * replicas + 1e-9)
        if fewest >= breaker.panic * replicas:
            yield link.told(
                f"`panic` changes nothing in the breaker of {link.name}: `max_open` lets {fewest} "
                f"of {replicas} replicas never open; raise that, or leave `panic` out",
                *("breaker", "panic"),
            )


def one_replica(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker for each replica of a service with one, where no other word needs it."""
    for breaker in switched_on(link):
        if breaker.slow_start is not None:
            yield from link.one_replica("breaker", "slow_start")
        elif breaker.per_replica and breaker.max_open is None and breaker.panic is None:
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


def too_few_calls(link: Link) -> Iterator[NoEffect]:
    """Yield a rule that asks for more calls than one breaker can ever count.

    Only for open client groups, whose requests come at a highest rate, each with so many tries.
    What ends within a window was asked for within it, or as long before as a request may last.
    """
    for breaker in switched_on(link):
        instances = getattr(link.caller, "instances", 1)
        processes = 1 if breaker.shared else instances
        hedge = link.call.hedge
        each = tries(link) * (1 if hedge is None else 1 + hedge.times)
        each = each if breaker.around is Around.ATTEMPT else 1.0
        for number, rule in enumerate(() if breaker.use else breaker.rules()):
            word = "minimum_calls" if hasattr(rule, "minimum_calls") else "threshold"
            needs, within = getattr(rule, word), getattr(rule, "window", None) or rule.every
            seconds = min(link.scenario.duration, (within or math.inf) + life(link))
            most = each * most_requests(link, seconds, processes)
            if needs > most:
                one = "one process makes" if processes > 1 else "there are"
                inside = f" within {format_duration(within)}" if within else ""
                place = ("trip", number, word) if breaker.trip else ("failure_threshold",)
                yield link.told(
                    f"the breaker of {link.name} never opens by {needs:,} calls{inside}: {one} at "
                    f"most {most:,.0f}; write a smaller `{place[-1]}`"
                    + (", or a longer window" if within else ""),
                    *("breaker", *place),
                )


def always_slow(link: Link) -> Iterator[NoEffect]:
    """Yield a limit of slow calls that is below the shortest time of an answer."""
    for breaker in switched_on(link):
        for number, rule in enumerate(breaker.rules()):
            if slow_from(rule) <= (least := least_time(link)):
                yield link.told(
                    f"every answer of {link.name} is slow to its breaker: it takes "
                    f"{format_duration(least)} at least, and `slow` is "
                    f"{format_duration(slow_from(rule))}; write a longer one",
                    *("breaker", "trip", number, "slow"),
                )


def never_closes(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker that stays open, or lets a part through, for as long as the run lasts.

    With a hint an opening may be shorter; jitter may shorten it as well. Only of calls that a
    fault strikes: others hardly open a breaker in a run that is so short.
    """
    end = link.scenario.duration
    for breaker in switched_on(link):
        if breaker.use is not None:
            continue
        recovery, half = breaker.recovery_policy(), breaker.half_open_policy()
        opening = recovery.timeout * (1.0 - recovery.jitter)
        place = ("recovery_timeout",) if breaker.recovery is None else ("recovery", "timeout")
        if opening >= end and not recovery.hint and ever_struck(link, Fault):
            yield link.told(
                f"the breaker of {link.name} never closes again: it stays open for "
                f"{format_duration(opening)}, and the run lasts {format_duration(end)}; write a "
                f"shorter `{place[-1]}`, or run for longer",
                *("breaker", *place),
            )
        for word, lasts in (("ramp", half.ramp), ("slow_start", breaker.slow_start)):
            if lasts is not None and lasts >= end:
                yield link.told(
                    f"the `{word}` of {link.name} never ends: it takes {format_duration(lasts)}, "
                    f"and the run lasts {format_duration(end)}; write a shorter one",
                    *("breaker", *(("half_open", word) if word == "ramp" else (word,))),
                )


def vain_recovery(link: Link) -> Iterator[NoEffect]:
    """Yield words about an opening that cannot grow, and a hint that is cut short.

    `max` cuts what jitter, a factor or a hint make longer; without them nothing comes near it.
    """
    for breaker in switched_on(link):
        recovery = breaker.recovery
        if recovery is None:
            continue
        policy, place = breaker.recovery_policy(), ("breaker", "recovery")
        plain = policy.factor == 1.0 and not policy.hint
        if recovery.max and plain and policy.max >= policy.timeout * (1.0 + policy.jitter):
            yield link.told(
                f"`max` changes nothing in the breaker of {link.name}, whose openings do not grow; "
                "add `factor: 2`, or leave it out",
                *(*place, "max"),
            )
        if policy.factor > 1.0 and policy.max == policy.timeout:
            yield link.told(
                f"`factor` changes nothing in the breaker of {link.name}: its first opening is as "
                "long as `max`; raise that",
                *(*place, "factor"),
            )
        asked = None if link.service.admit is None else link.service.admit.retry_after
        if AttemptOutcome.THROTTLED not in breaker.counts:
            continue
        if policy.hint and asked is not None and asked > policy.max:
            yield link.told(
                f"the breaker of {link.name} never stays open as long as it is told: "
                f"{quoted(link.to)} asks for {format_duration(asked)}, and `max` is "
                f"{format_duration(policy.max)}; raise it",
                *(*place, "max" if recovery.max else "hint"),
            )


def vain_probes(link: Link) -> Iterator[NoEffect]:
    """Yield a verdict on one probe, which is that probe, and a ramp that begins with everything."""
    for breaker in switched_on(link):
        half = breaker.half_open
        if half.verdict is not None and half.probes in (None, 1):
            yield link.told(
                f"`verdict` changes nothing in the breaker of {link.name}: of one probe none has "
                "failed, or all have; write more, like `probes: 10`",
                *("breaker", "half_open", "verdict"),
            )
        if half.ramp is not None and half.start == 1.0:
            yield link.told(
                f"the ramp of {link.name} holds nobody back, as it begins with 100%; write less, "
                "like `from: 10%`",
                *("breaker", "half_open", "from"),
            )


def vain_shares(link: Link) -> Iterator[NoEffect]:
    """Yield shares of a service's replicas that come to none or to all of them.

    The share of a panic is known only where no autoscaler changes how many there are. A breaker
    that is open for no time is not counted among those that are.
    """
    most = link.service.most_replicas
    for breaker in switched_on(link):
        recovery = breaker.recovery_policy()
        if recovery.timeout * (1.0 - recovery.jitter) < 1e-6:
            continue
        share, panic = breaker.max_open, breaker.panic
        if share is not None and share * most + 1e-9 < 1.0:
            many = f"{most} replicas" if most > 1 else "one replica"
            more = f"write {_share(1 / most, up=True)} or more" if most > 1 else "leave it out"
            yield link.told(
                f"the breakers of {link.name} never open: `max_open` of {many} is less than one; "
                f"{more}",
                *("breaker", "max_open"),
            )
        elif share == 1.0:
            less = "; write less than 100%, or leave it out" if most > 1 else "; leave it out"
            yield link.told(
                f"`max_open` changes nothing in the breaker of {link.name}, as all may be open "
                f"anyway{less}",
                *("breaker", "max_open"),
            )
        if panic is None or link.service.scale is not None or most - 1 >= panic * most - 1e-9:
            continue
        if most == 1:
            yield link.told(
                f"the breaker of {link.name} keeps nobody away while it is open: its service has "
                "one replica, which is then asked all the same, by `panic`; leave `panic` out",
                *("breaker", "panic"),
            )
        elif share is None or share * most + 1e-9 >= 1.0:
            yield link.told(
                f"the breakers of {link.name} keep nobody away: as soon as one of {most} is open "
                f"all replicas are asked, by `panic`; write {_share((most - 1) / most)} or less",
                *("breaker", "panic"),
            )


def _share(value: float, *, up: bool = False) -> str:
    percent = value * 100.0
    return f"{math.ceil(percent - 1e-9) if up else math.floor(percent + 1e-9)}%"


def one_process(link: Link) -> Iterator[NoEffect]:
    """Yield a breaker that is shared among the processes of a caller that has one."""
    caller = link.caller
    many = caller.instances if isinstance(caller, ClientGroup) else caller.most_replicas
    for breaker in switched_on(link):
        if breaker.shared and many == 1:
            word = "instances" if isinstance(caller, ClientGroup) else "replicas"
            yield link.told(
                f"`shared` changes nothing in the breaker of {link.name}, as its caller is one "
                f"process; leave it out, or give the caller more like `{word}: 10`",
                *("breaker", "shared"),
            )
