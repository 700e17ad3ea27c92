"""Groups of calls with one breaker that are not what their word is for."""

from __future__ import annotations

from collections.abc import Iterator

from simcb.breaker import ConsecutiveFailures, TripRule
from simcb.metrics.limit_warnings import Found
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.scalars import LINK


def vain_groups(scenario: Scenario) -> Iterator[Found]:
    """Yield the groups of one call, and those in which good answers hide failures in a row."""
    for part, callers in (("clients", scenario.clients), ("services", scenario.services)):
        for caller, each in callers.items():
            for name, guarded in by_breaker(each.calls).items():
                breaker = each.calls[name].breaker
                if breaker is None or breaker.group is None or not breaker.enabled:
                    continue
                keys = (part, caller, "calls", name, "breaker")
                group = quoted(breaker.group)
                if len(guarded) == 1:
                    yield (
                        f"`group` changes nothing in the breaker of "
                        f"{quoted(f'{caller}{LINK}{name}')} but its name: no other call of "
                        f"{quoted(caller)} is in {group}; write `breaker: {{group: "
                        f"{breaker.group}}}` at another, or leave it out",
                        (*keys, "group"),
                    )
                elif breaker.use is None and all(map(_in_a_row, breaker.rules())):
                    yield (
                        f"the breaker of {group} may never open while one of its calls fails: it "
                        "counts failures in a row, and good answers of the others set the count "
                        "back; count a share, as `trip: {kind: failure_rate, rate: 30%}` does",
                        (*keys, "group"),
                    )


def _in_a_row(rule: TripRule) -> bool:
    return isinstance(rule, ConsecutiveFailures) and rule.threshold > 1
