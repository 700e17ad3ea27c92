"""Consumers of a queue that never pause, never catch up, or never let a message go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from simcb.metrics.warnings.links import Link, NoEffect, links
from simcb.metrics.warnings.outcomes import may_fail
from simcb.scenario.arrivals import Backlog
from simcb.scenario.calls import Call
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_rate


def vain_queues(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield what consumers are told that does nothing, or never ends."""
    for name, group in scenario.clients.items():
        law = group.arrivals
        if not isinstance(law, Backlog):
            continue
        keys = ("clients", name, "arrivals")
        yield from _never_pauses(name, group, law, keys)
        yield from _never_catches_up(scenario, name, group, law)
        yield from _never_lets_go(name, group, law)


def _never_pauses(
    name: str, group: ClientGroup, law: Backlog, keys: tuple[str, ...]
) -> Iterator[NoEffect]:
    guarded = any(call.breaker and call.breaker.enabled for call in group.calls.values())
    if law.pause_when is not None and not guarded:
        yield NoEffect(
            f"the consumers of {quoted(name)} never pause: none of their calls has a breaker that "
            "could be open; give one of them a `breaker`",
            (*keys, "pause_when"),
        )
    if law.pause_when is None and "poll" in law.model_fields_set:
        yield NoEffect(
            f"the consumers of {quoted(name)} never pause, so `poll` does nothing; add "
            "`pause_when: open`",
            (*keys, "poll"),
        )


def _never_catches_up(
    scenario: Scenario, name: str, group: ClientGroup, law: Backlog
) -> Iterator[NoEffect]:
    """Yield a queue to which more comes in the end than anybody can work off."""
    rate, seconds = law.rate[-1].rate, _seconds(scenario, group.calls)
    most, limit = law.consumers / seconds if seconds else math.inf, f"{law.consumers} consumers"
    for called, call in group.calls.items():
        service = scenario.services[call.target(called)]
        held = service.work.mean_value * call.share
        if held and service.workers * service.replicas / held < most:
            most = service.workers * service.replicas / held
            limit = f"the workers of {quoted(call.target(called))}"
    if rate > most:
        yield NoEffect(
            f"the consumers of {quoted(name)} never catch up: {format_rate(rate)} come, and "
            f"{limit} do {format_rate(float(f'{most:.3g}'))} at most; take more of them or a "
            "lower `rate`",
            ("clients", name, "arrivals", "consumers"),
        )


def _seconds(scenario: Scenario, calls: Mapping[str, Call]) -> float:
    """Return the mean time that calls take in turn, if nobody waits and nothing fails."""
    total = 0.0
    for name, call in calls.items():
        service = scenario.services[call.target(name)]
        ways = 2.0 * call.network.mean_value if call.network else 0.0
        once = ways + service.work.mean_value + _seconds(scenario, service.calls)
        if call.cache is None:
            total += call.share * (once if call.timeout is None else min(once, call.timeout))
    return total


def _never_lets_go(name: str, group: ClientGroup, law: Backlog) -> Iterator[NoEffect]:
    for called, call in group.calls.items():
        if call.retry is not None and call.retry.endless and group.deadline is None:
            yield NoEffect(
                f"a message of {quoted(name)} that can never be done is retried for ever, and "
                f"{law.consumers} such messages hold all consumers; write a number of "
                "`max_retries`, after which it is a dead letter, or a `deadline`",
                ("clients", name, "calls", called, "retry", "max_retries"),
            )


def nothing_fails(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield messages that are delivered again when they fail, where nothing at all can fail.

    That is certain if nobody in the scenario gives up, is held back or is turned away, and no
    fault does more than take time.
    """
    if any(may_fail(link) or _refuses(link) for link in links(scenario)):
        return
    for name, group in scenario.clients.items():
        law = group.arrivals
        if isinstance(law, Backlog) and law.redeliver is not None and group.deadline is None:
            yield NoEffect(
                f"no message of {quoted(name)} ever fails, so `redeliver` does nothing: no call "
                "has a timeout, and no service turns away or errs; give a call one like "
                "`timeout: 2s`",
                ("clients", name, "arrivals", "redeliver"),
            )


def _refuses(link: Link) -> bool:
    """Tell whether a caller may give a call up by itself."""
    call = link.call
    held = (call.timeout, call.breaker, call.throttle, call.rate_limit, call.bulkhead)
    return any(each is not None for each in held)
