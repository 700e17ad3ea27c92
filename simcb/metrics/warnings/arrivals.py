"""Requests that do not come as they are meant to, and priorities that nothing goes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from simcb.metrics.warnings.links import NoEffect
from simcb.scenario.arrivals import Replay
from simcb.scenario.model import Discipline, Scenario, Service
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration


def cut_stamps(scenario: Scenario) -> Iterator[NoEffect]:
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


def one_priority(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield priorities that no queue goes by, and queues that go by priorities all alike."""
    queues = [name for name, each in scenario.services.items() if by_priority(each)]
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


def by_priority(service: Service) -> bool:
    """Tell whether a service's queue turns away whom others are preferred to."""
    return service.queue.discipline is Discipline.PRIORITY
