"""Checks across a scenario: names that must exist, calls that must not run in circles.

They read the file's plain data and trust nothing in it, so they run beside all the other
checks, even when parts of the file are wrong. This module must not know models or marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simcb.scenario.faults import FAULTS, Fault, Target
from simcb.scenario.refusal import Refused, choice_remedy, quoted

Location = tuple[str | int, ...]
"""Where a value stands: the keys and indices that lead to it."""


@dataclass(frozen=True)
class Finding:
    """Something that does not fit together, and where."""

    location: Location
    refused: Refused
    at_key: bool = False


def cross_checks(data: object) -> Iterator[Finding]:
    """Yield everything in a scenario's plain data that does not fit together."""
    services = _tables(data, "services")
    clients = _tables(data, "clients")
    yield from _unknown_services("clients", clients, services)
    yield from _unknown_services("services", services, services)
    yield from _cycles(services)
    faults = data.get("faults") if isinstance(data, Mapping) else None
    names: dict[str, int] = {}
    for index, fault in enumerate(faults if isinstance(faults, (list, tuple)) else ()):
        if isinstance(fault, Mapping):
            yield from _fault(index, fault, clients, services)
            yield from _duplicate(index, fault, names)


def _tables(data: object, key: str) -> Mapping[str, Mapping[object, object]]:
    """Return the named mappings under a key, a part that is none as an empty one."""
    table = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(table, Mapping):
        return {}
    return {str(name): part if isinstance(part, Mapping) else {} for name, part in table.items()}


def _called(part: Mapping[object, object]) -> list[str]:
    calls = part.get("calls")
    return [str(name) for name in calls] if isinstance(calls, Mapping) else []


def _unknown_services(
    key: str,
    callers: Mapping[str, Mapping[object, object]],
    services: Mapping[str, Mapping[object, object]],
) -> Iterator[Finding]:
    for caller, part in callers.items():
        for service in _called(part):
            if service not in services:
                yield Finding(
                    (key, caller, "calls", service),
                    Refused("is not a service", choice_remedy(service, services)),
                    at_key=True,
                )


def _cycles(services: Mapping[str, Mapping[object, object]]) -> Iterator[Finding]:
    """Yield each call that leads back to a service whose answer is awaited already."""
    done: set[str] = set()
    for first in services:
        # Depth first without recursion: a chain of services may be long.
        chain: dict[str, None] = {}
        todo: list[tuple[str, bool]] = [(first, True)]
        while todo:
            service, entering = todo.pop()
            if not entering:
                del chain[service]
                done.add(service)
            elif service not in done and service not in chain:
                chain[service] = None
                todo.append((service, False))
                for called in reversed(_called(services[service])):
                    if called in chain:
                        yield _circle(list(chain), service, called)
                    elif called in services:
                        todo.append((called, True))


def _circle(chain: list[str], service: str, called: str) -> Finding:
    circle = [*chain[chain.index(called) :], called]
    if len(circle) > 10:
        circle = [*circle[:5], "…", *circle[-4:]]
    return Finding(
        ("services", service, "calls", called),
        Refused(f"calls in a circle: {' → '.join(circle)}", "remove one of these calls"),
        at_key=True,
    )


def _fault(
    index: int,
    fault: Mapping[object, object],
    clients: Mapping[str, Mapping[object, object]],
    services: Mapping[str, Mapping[object, object]],
) -> Iterator[Finding]:
    kind, on = fault.get("kind"), fault.get("on")
    part = FAULTS.get(kind) if isinstance(kind, str) else None
    if part is None or not issubclass(part, Fault) or not isinstance(on, str):
        return
    known = services if part.target is Target.SERVICE else clients
    if on not in known:
        remedy = choice_remedy(on, known)
        other = clients if part.target is Target.SERVICE else services
        if on in other:
            remedy = f"{kind} strikes a {part.target}; {remedy}"
        elif "->" in on:
            remedy = f"write one {part.target}, not a call; {remedy}"
        yield Finding(("faults", index, "on"), Refused(f"{quoted(on)} is no {part.target}", remedy))
    elif part.target is Target.SERVICE:
        yield from _replicas(index, fault.get("replicas"), on, services[on].get("replicas", 1))


def _replicas(index: int, wanted: object, service: str, there: object) -> Iterator[Finding]:
    if not isinstance(wanted, (list, tuple)) or isinstance(there, bool):
        return
    if not isinstance(there, int) or there < 1:
        return
    for position, replica in enumerate(wanted):
        if isinstance(replica, int) and not isinstance(replica, bool) and replica >= there:
            has = "only replica 0" if there == 1 else f"replicas 0 to {there - 1}"
            yield Finding(
                ("faults", index, "replicas", position),
                Refused(
                    f"replica {quoted(replica)} does not exist; {service} has {has}",
                    "counting begins at 0",
                ),
            )


def _duplicate(
    index: int, fault: Mapping[object, object], names: dict[str, int]
) -> Iterator[Finding]:
    name = fault.get("name")
    if not isinstance(name, str):
        return
    if name in names:
        yield Finding(
            ("faults", index, "name"),
            Refused(f"{quoted(name)} is taken by fault {names[name]}", "give each its own name"),
        )
    names.setdefault(name, index)
