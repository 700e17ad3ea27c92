"""Warnings: what a scenario asks for in vain.

It is no mistake in the file; but whoever wrote it expects something that will not happen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.metrics.fallback_warnings import vain_fallbacks
from simcb.metrics.group_warnings import vain_groups
from simcb.metrics.limit_warnings import vain_limits
from simcb.metrics.phase_warnings import active_windows, vain_thresholds
from simcb.metrics.process_warnings import vain_processes
from simcb.metrics.queue_warnings import vain_queues
from simcb.outcomes import AttemptOutcome
from simcb.scenario.arrivals import Replay
from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.scenario.changes import in_order
from simcb.scenario.faults import Flush, Loss
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Discipline, OnAbandon, Scenario, Service
from simcb.scenario.refusal import quoted
from simcb.scenario.retries import Jitter, Server
from simcb.scenario.scalars import LINK
from simcb.scenario.thresholds import Threshold
from simcb.scenario.units import format_duration

Keys = tuple[str | int, ...]
"""What leads to a place in a scenario's file."""


class NoEffect(str):
    """A sentence about what can never matter, and which place of the file says it.

    Args:
        words: the sentence.
        keys: what leads to the place.
    """

    keys: Keys

    def __new__(cls, words: str, keys: Keys = ()) -> NoEffect:
        """Return the sentence."""
        made = super().__new__(cls, words)
        made.keys = keys
        return made


@dataclass(frozen=True)
class _Link:
    """A call and whose it is, by the name that faults have for it."""

    name: str
    keys: Keys
    caller: ClientGroup | Service
    service: str
    call: Call

    @property
    def gives_up(self) -> bool:
        """Whether the caller may stop waiting although the call has no timeout."""
        if self.call.hedge is not None:
            return True
        if isinstance(self.caller, ClientGroup):
            return self.caller.deadline is not None or self.caller.refresh is not None
        return self.caller.on_abandon is OnAbandon.STOP

    @property
    def longest(self) -> float:
        """How long what its breaker takes for one call lasts at most, in seconds; inf if for ever.

        A user who leaves makes an end to it, too, which the breaker ignores.
        """
        call, retry = self.call, self.call.retry
        longest = math.inf if call.timeout is None else call.timeout
        longest += call.longest_wait
        if retry is not None and call.breaker is not None and call.breaker.around is Around.REQUEST:
            wait, longest = 0.0, math.inf if retry.endless else (1 + retry.max_retries) * longest
            for number in () if retry.endless else range(1, 1 + retry.max_retries):
                wait = retry.backoff.delay_before(number, wait)
                longest += wait
        if isinstance(self.caller, ClientGroup) and self.caller.deadline is not None:
            longest = min(longest, self.caller.deadline)
        return longest


def no_effect_warnings(
    scenario: Scenario, conditions: Sequence[Threshold] = ()
) -> tuple[NoEffect, ...]:
    """Return what can never matter in a run, each as a sentence with its remedy.

    That is a fault or a change that begins when the run is over, a change that sets what stands
    there already, a fault that loses what nobody stops waiting for, or empties caches that are
    not there; timestamps of a replay that were cut, so that its requests come in heaps; a retry
    or a breaker for outcomes that its call cannot have; a hedge later than the timeout; a
    slow-call limit that no call lives to reach, or only as it is given up where those in flight
    count; jitter where no retry waits; a backoff or a recovery by a Retry-After that no answer has;
    a breaker or bulkhead for each of one replica;
    a group of one call, or of failures in a row, which good answers of other calls end;
    a panic that never comes; a priority that nothing goes by; a limit of admission that a full
    queue never lets be reached; one that adapts itself and only grows, or only shrinks; an
    autoscaler that never adds a replica, too few or too late; retries
    or a breaker outside a fallback that always answers, or one inside no retries; and a threshold
    on a phase that the run cannot have, which then only can fail. `healthy` of a run
    without faults is its whole.

    Args:
        scenario: what is to be run; its thresholds are known to be sound.
        conditions: further thresholds, likewise.
    """
    stages = [stage.model_copy(update={"faults": scenario.faults}) for _, stage in scenario.stages]
    everything = (*scenario.thresholds, *conditions)
    first, *later = [list(_of_the_system(stage)) for stage in stages]
    return (
        *_late_faults(scenario),
        *_late_changes(scenario),
        # What may matter after a change is no mistake before it.
        *(each for each in first if all(each in found for found in later)),
        *(NoEffect(*found) for found in vain_thresholds(scenario, everything)),
    )


def _of_the_system(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield what can never matter of a scenario that stays as it is."""
    yield from _cut_stamps(scenario)
    yield from _endless_losses(scenario)
    yield from _empty_flushes(scenario)
    yield from _ineffective_retries(scenario)
    yield from _ineffective_hedges(scenario)
    yield from _ineffective_breakers(scenario)
    yield from _ineffective_bulkheads(scenario)
    yield from _one_priority(scenario)
    yield from (NoEffect(*found) for found in vain_limits(scenario))
    yield from (NoEffect(*found) for found in vain_fallbacks(scenario))
    yield from (NoEffect(*found) for found in vain_processes(scenario))
    yield from (NoEffect(*found) for found in vain_queues(scenario))
    yield from (NoEffect(*found) for found in vain_groups(scenario))


def placed_warnings(warnings: Sequence[str], line_of: Callable[[Keys], str]) -> tuple[str, ...]:
    """Return warnings with the line of the file in front of each that stands in one."""
    placed = ((line_of(each.keys) if isinstance(each, NoEffect) else "", each) for each in warnings)
    return tuple(f"{line}: {each}" if line else str(each) for line, each in placed)


def _late_faults(scenario: Scenario) -> Iterator[NoEffect]:
    end = format_duration(scenario.duration)
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        at = fault.at.mean_value
        if at >= scenario.duration:
            yield NoEffect(
                f"fault {quoted(label)} begins at {format_duration(at)} and the run ends "
                f"at {end}, so it never strikes; let it begin earlier, or the run last longer",
                ("faults", place, "at"),
            )


def _late_changes(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the changes that are made when the run is over, or that set what stands there."""
    end, stages = format_duration(scenario.duration), dict(scenario.stages)
    before = scenario.stages[0][1]
    for place, change in in_order(scenario.changes):
        if change.at >= scenario.duration:
            yield NoEffect(
                f"change {quoted(change.label)} is made at {format_duration(change.at)} and the "
                f"run ends at {end}, so it never is; make it earlier, or let the run last longer",
                ("changes", place, "at"),
            )
        elif change.at > 0.0 and stages[change.at] == before:
            yield NoEffect(
                f"change {quoted(change.label)} sets what stands there already; set another "
                "value, or leave it out",
                ("changes", place, "set"),
            )
        before = stages.get(change.at, before)


def _cut_stamps(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the replays whose stamps were cut, so that requests come in heaps."""
    for name, group in scenario.clients.items():
        law = group.arrivals
        if not isinstance(law, Replay) or law.resolution is not None:
            continue
        most = max(Counter(law.moments).values(), default=0)
        for unit, length in (("minutes", 60.0), ("seconds", 1.0)):
            if most > 1 and all(moment % length == 0.0 for moment in law.moments):
                yield NoEffect(
                    f"all timestamps of {quoted(law.file)} are whole {unit}, so up to {most:,} "
                    f"requests of {quoted(name)} come in one moment; add `resolution: "
                    f"{format_duration(length)}` to spread them over it",
                    ("clients", name, "arrivals"),
                )
                break


def _endless_losses(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the calls whose lost attempts are awaited for ever: nobody is told of them."""
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        if not isinstance(fault, Loss) or not active_windows(fault, scenario.duration):
            continue
        for link in _links(scenario):
            struck = fault.on in (link.service, f"{link.keys[1]}{LINK}{link.service}")
            if struck and link.call.timeout is None and not link.gives_up:
                yield NoEffect(
                    f"what fault {quoted(label)} loses of {quoted(link.name)} is awaited for "
                    "ever, as the call has no timeout; give it one like `timeout: 2s`",
                    ("faults", place),
                )


def _empty_flushes(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the flushes that strike no cache."""
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        if isinstance(fault, Flush) and not any(
            link.call.cache is not None
            and fault.on in (link.service, f"{link.keys[1]}{LINK}{link.service}")
            for link in _links(scenario)
        ):
            yield NoEffect(
                f"fault {quoted(label)} empties the caches in front of calls of "
                f"{quoted(fault.service)}, and there are none; add one to a call like "
                "`cache: {keys: 1000, ttl: 1m}`",
                ("faults", place),
            )


def _ineffective_retries(scenario: Scenario) -> Iterator[NoEffect]:
    for link in _links(scenario):
        place, retry = quoted(link.name), link.call.retry
        if retry is None or retry.max_retries == 0:
            continue
        yield from _one_replica(scenario, link, "retry", "elsewhere", given=retry.elsewhere)
        if reason := _out_of_reach(link, scenario.services[link.service], retry.on):
            words = f"{place} is never retried: `retry.on` names {reason}"
            yield NoEffect(words, (*link.keys, "retry", "on"))
        if isinstance(retry.backoff, Server) and (
            reason := _never_told(scenario.services[link.service], retry.on, "retry.on")
        ):
            words = f"the backoff of {place} is never told how long to wait: {reason}"
            yield NoEffect(words, (*link.keys, "retry", "backoff"))
        if retry.jitter is not Jitter.NONE and retry.backoff.delay_before(1) == 0.0:
            yield NoEffect(
                f"`jitter` changes nothing in the retries of {place}, which do not wait; leave "
                "it out, or add a backoff like `backoff: {kind: fixed, delay: 100ms}`",
                (*link.keys, "retry", "jitter"),
            )


def _ineffective_hedges(scenario: Scenario) -> Iterator[NoEffect]:
    for link in _links(scenario):
        hedge, timeout = link.call.hedge, link.call.timeout
        if hedge is not None and timeout is not None and hedge.after >= timeout:
            yield NoEffect(
                f"the hedge of {quoted(link.name)} is never made: an attempt has timed out after "
                f"{format_duration(timeout)}; hedge sooner than that",
                (*link.keys, "hedge", "after"),
            )


def _ineffective_breakers(scenario: Scenario) -> Iterator[NoEffect]:
    for link in _links(scenario):
        place, breaker = quoted(link.name), link.call.breaker
        if breaker is None or not breaker.enabled or breaker.group is not None:
            continue  # That of a group hears of other calls, too.
        timing = any(slow_from(rule) < math.inf for rule in breaker.rules())
        asked = scenario.services[link.service]
        if not timing and (reason := _out_of_reach(link, asked, breaker.counts)):
            words = f"the breaker of {place} never opens: `counts` names {reason}"
            yield NoEffect(words, (*link.keys, "breaker", "counts"))
        for number, rule in enumerate(breaker.rules()):
            if (longest := link.longest) < (slow := slow_from(rule)) < math.inf:
                yield NoEffect(
                    f"no call of {place} is ever slow: {format_duration(slow)} are asked for, "
                    f"and it is given up after {format_duration(longest)} at the latest; write a "
                    "shorter `slow`, or a longer timeout",
                    (*link.keys, "breaker", "trip", number, "slow"),
                )
            elif counts_in_flight(rule) and longest == slow:
                yield NoEffect(
                    f"`in_flight` changes nothing in the breaker of {place}: a call is slow after "
                    f"{format_duration(slow)}, and it is given up just then; write a shorter "
                    "`slow`, or a longer timeout",
                    (*link.keys, "breaker", "trip", number, "in_flight"),
                )
        if breaker.recovery is not None and breaker.recovery.hint:
            asked = scenario.services[link.service]
            if reason := _never_told(asked, breaker.counts, "counts"):
                words = f"`hint` changes nothing in the breaker of {place}: {reason}"
                yield NoEffect(words, (*link.keys, "breaker", "recovery", "hint"))
        yield from _no_panic(scenario, link)
        yield from _one_replica(scenario, link, "breaker", given=breaker.per_replica)


def _no_panic(scenario: Scenario, link: _Link) -> Iterator[NoEffect]:
    """Yield a panic that `max_open` never lets come."""
    breaker, replicas = link.call.breaker, scenario.services[link.service].most_replicas
    if breaker is None or breaker.panic is None or breaker.max_open is None:
        return
    fewest = replicas - math.floor(breaker.max_open * replicas + 1e-9)
    if fewest >= breaker.panic * replicas:
        yield NoEffect(
            f"`panic` changes nothing in the breaker of {quoted(link.name)}: `max_open` lets "
            f"{fewest} of {replicas} replicas never open; raise one of the two, or leave it out",
            (*link.keys, "breaker", "panic"),
        )


def _one_replica(
    scenario: Scenario, link: _Link, part: str, word: str = "per_replica", *, given: bool
) -> Iterator[NoEffect]:
    if given and scenario.services[link.service].most_replicas == 1:
        yield NoEffect(
            f"`{word}` changes nothing in the {part} of {quoted(link.name)}, whose service "
            "has one replica; leave it out, or give the service more like `replicas: 3`",
            (*link.keys, part, word),
        )


def _ineffective_bulkheads(scenario: Scenario) -> Iterator[NoEffect]:
    for link in _links(scenario):
        if (bulkhead := link.call.bulkhead) is not None:
            yield from _one_replica(scenario, link, "bulkhead", given=bulkhead.per_replica)


def _by_priority(service: Service) -> bool:
    return service.queue.discipline is Discipline.PRIORITY


def _one_priority(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield priorities that no queue goes by, and queues that go by priorities all alike."""
    queues = [name for name, each in scenario.services.items() if _by_priority(each)]
    differ = len({group.priority for group in scenario.clients.values()}) > 1
    if differ and not queues:
        group = next(name for name, each in scenario.clients.items() if each.priority)
        yield NoEffect(
            f"`priority` of {quoted(group)} changes nothing, as no queue goes by it; give a "
            "service `queue: {discipline: priority}`, or leave it out",
            ("clients", group, "priority"),
        )
    for name in () if differ else queues:
        yield NoEffect(
            f"the queue of {quoted(name)} goes by priority, and all client groups have the same; "
            "give one of them another `priority`, or leave `discipline` out",
            ("services", name, "queue", "discipline"),
        )


def _links(scenario: Scenario) -> Iterator[_Link]:
    every: dict[str, Mapping[str, ClientGroup | Service]] = {
        "clients": scenario.clients,
        "services": scenario.services,
    }
    for part, callers in every.items():
        for name, caller in callers.items():
            for called, call in caller.calls.items():
                keys = (part, name, "calls", called)
                yield _Link(f"{name}{LINK}{called}", keys, caller, call.target(called), call)


def _out_of_reach(link: _Link, service: Service, outcomes: Sequence[AttemptOutcome]) -> str:
    """Return why no attempt of a call can have any of these outcomes; "" if one can."""
    call = link.call
    holds_back = call.bulkhead or call.rate_limit or call.throttle
    given = {
        AttemptOutcome.TIMEOUT: ("timeout", call.timeout),
        AttemptOutcome.REJECTED: ("breaker", call.breaker),
        AttemptOutcome.SHED: ("bulkhead, rate limit or throttle", holds_back),
        AttemptOutcome.THROTTLED: (_ADMISSION, service.admit or _by_priority(service) or None),
    }
    lacking = {outcome: word for outcome, (word, value) in given.items() if value is None}
    if not outcomes or not set(outcomes) <= lacking.keys():
        return ""
    named = " and ".join(quoted(outcome) for outcome in outcomes)
    words = [lacking[outcome] for outcome in outcomes]
    whose = "the call"
    if _ADMISSION in words and len(set(words)) == 1:
        whose = f"service {quoted(link.service)}"
    missing = " and no ".join(words)
    return f"only {named}, and {whose} has no {missing}; give it one, or name another outcome"


def _never_told(service: Service, outcomes: Sequence[AttemptOutcome], word: str) -> str:
    """Return why no answer with one of these outcomes has a Retry-After; "" if one can."""
    if service.admit is None or service.admit.retry_after is None:
        return "its service has no `admit` with a `retry_after`; give it one"
    if AttemptOutcome.THROTTLED not in outcomes:
        return f"`{word}` does not name `throttled`; name it"
    return ""


_ADMISSION = "admission (`admit`)"
