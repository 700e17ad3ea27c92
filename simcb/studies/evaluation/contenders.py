"""What settings are held against: the scenario as its file has it, and without any breaker."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from simcb.scenario import Scenario
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.breakers import Breaker

YOURS = "yours"
NO_BREAKER = "no breaker"


def unchanged(scenario: Scenario) -> dict[str, object]:
    """Return no changes: the scenario as its file has it."""
    return {}


def without_breaker(
    scenario: Scenario, services: Collection[str] | None = None
) -> dict[str, object]:
    """Return the changes that switch breakers off: every one, or those in front of services."""
    return {f"{path}.enabled": False for path, _ in breakers_of(scenario, services)}


def breakers_of(
    scenario: Scenario, services: Collection[str] | None = None
) -> Iterator[tuple[str, Breaker]]:
    """Yield every breaker that is switched on, or those in front of services, with its path."""
    for group, callers in (("clients", scenario.clients), ("services", scenario.services)):
        for caller, part in callers.items():
            for name, guarded in by_breaker(part.calls).items():
                asked = {part.calls[each].target(each) for each in guarded}
                if services is not None and asked.isdisjoint(services):
                    continue
                breaker = part.calls[name].breaker
                if breaker is not None and breaker.enabled:
                    yield f"{group}.{caller}.calls.{name}.breaker", breaker
