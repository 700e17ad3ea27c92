"""Checks across a scenario: names that must exist, calls that must not run in circles.

They read the file's plain data and trust nothing in it, so they run beside all the other checks,
even when parts of the file are wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from simcb.scenario.breaker_groups import group_checks
from simcb.scenario.changes import change_labels
from simcb.scenario.faults import FAULTS, ON, Fault, Target, written_labels
from simcb.scenario.problems import Finding
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.scenario.scalars import LINK
from simcb.scenario.thresholds import Threshold, parse_threshold

Tables: TypeAlias = Mapping[str, Mapping[object, object]]
"""Client groups or services by name, as they are written."""


def cross_checks(data: object) -> Iterator[Finding]:
    """Yield everything in a scenario's plain data that does not fit together."""
    services = _tables(data, "services")
    clients = _tables(data, "clients")
    yield from _unknown_services("clients", clients, services)
    yield from _unknown_services("services", services, services)
    yield from _cycles(services)
    yield from _unknown_checks(services)
    for key, callers in (("clients", clients), ("services", services)):
        for caller, part in callers.items():
            yield from group_checks(key, caller, part.get("calls"))
    names: dict[str, int] = {}
    for index, fault in enumerate(_list(data, "faults")):
        if isinstance(fault, Mapping):
            yield from _fault(index, fault, clients, services)
            yield from _duplicate(index, fault, names)


ThresholdCheck = Callable[
    [Threshold, Sequence[str], Sequence[str], Sequence[str], Sequence[str]], Refused | None
]
"""Says what is wrong with a threshold, for whoever knows metrics.

It is given the names of the services and of the client groups, and the labels of the faults
and of the changes.
"""


def threshold_checks(data: object, check: ThresholdCheck) -> Iterator[Finding]:
    """Yield every threshold that somebody who knows metrics refuses."""
    services, groups = (list(_tables(data, key)) for key in ("services", "clients"))
    faults = written_labels(_list(data, "faults"))
    made = change_labels(_list(data, "changes"))
    for index, text in enumerate(_list(data, "thresholds")):
        try:
            threshold = parse_threshold(str(text))
        except Refused:
            # It is told by the model.
            continue
        refused = check(threshold, services, groups, faults, made)
        if refused is not None:
            yield Finding(("thresholds", index), refused)


def _list(data: object, key: str) -> Sequence[object]:
    given = data.get(key) if isinstance(data, Mapping) else None
    return given if isinstance(given, (list, tuple)) else ()


def _tables(data: object, key: str) -> Tables:
    """Return the named mappings under a key, what is none as an empty one."""
    table = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(table, Mapping):
        return {}
    return {str(name): part if isinstance(part, Mapping) else {} for name, part in table.items()}


def _called(part: Mapping[object, object]) -> list[str]:
    """Return the services that somebody calls, each once."""
    return list(dict.fromkeys(_targets(part).values()))


def _targets(part: Mapping[object, object]) -> dict[str, str]:
    """Return the services that somebody calls, by the calls' names."""
    calls = part.get("calls")
    if not isinstance(calls, Mapping):
        return {}
    named: dict[str, str] = {}
    for name, call in calls.items():
        to = call.get("to") if isinstance(call, Mapping) else None
        if to is None or isinstance(to, str):
            named[str(name)] = to or str(name)
    return named


def _unknown_services(key: str, callers: Tables, services: Tables) -> Iterator[Finding]:
    for caller, part in callers.items():
        for name, service in _targets(part).items():
            place = (key, caller, "calls", name)
            if name == service and service not in services:
                remedy = choice_remedy(service, services)
                if not remedy.startswith("did"):
                    remedy += ", or add `to: SERVICE` to a call with a name of its own"
                yield Finding(place, Refused("is not a service", remedy), at_key=True)
            elif service not in services:
                what = f"{quoted(service)} is not a service"
                yield Finding((*place, "to"), Refused(what, choice_remedy(service, services)))
            elif name != service and name in services:
                what = f"is a service itself, and asks {quoted(service)}"
                remedy = f"give the call another name, like `{name}-{service}`"
                yield Finding(place, Refused(what, remedy), at_key=True)


def _unknown_checks(services: Tables) -> Iterator[Finding]:
    for name, part in services.items():
        liveness = part.get("liveness")
        asks = liveness.get("asks") if isinstance(liveness, Mapping) else None
        if not isinstance(asks, str) or (asks in services and asks != name):
            continue
        what = f"{quoted(asks)} is " + ("the service itself" if asks == name else "not a service")
        others = {each: 0 for each in services if each != name}
        remedy = choice_remedy(asks, others) if others else "add the service that it depends on"
        yield Finding(("services", name, "liveness", "asks"), Refused(what, remedy))


def _cycles(services: Tables) -> Iterator[Finding]:
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
                        yield _circle(list(chain), services[service], service, called)
                    elif called in services:
                        todo.append((called, True))


def _circle(chain: list[str], part: Mapping[object, object], service: str, called: str) -> Finding:
    circle = [*chain[chain.index(called) :], called]
    if len(circle) > 10:
        circle = [*circle[:5], "…", *circle[-4:]]
    name = next(name for name, to in _targets(part).items() if to == called)
    return Finding(
        ("services", service, "calls", name),
        Refused(f"calls in a circle: {' → '.join(circle)}", "remove one of these calls"),
        at_key=True,
    )


def _fault(
    index: int, fault: Mapping[object, object], clients: Tables, services: Tables
) -> Iterator[Finding]:
    word, on = fault.get("kind"), fault.get("on")
    kind = FAULTS.get(word) if isinstance(word, str) else None
    if kind is None or not isinstance(on, str) or not ON.fullmatch(on):
        return
    place = ("faults", index, "on")
    service = on
    if kind.target is Target.CLIENTS:
        refused = _not_a_group(kind, on, clients, services)
    elif LINK in on:
        service = on.rpartition(LINK)[2]
        refused = _not_a_link(kind, on, clients, services)
    else:
        refused = _not_a_service(kind, on, clients, services)
    if refused:
        yield Finding(place, refused)
    elif kind.target is Target.SERVICE:
        there = _replicas_of(services[service])
        yield from _replicas(index, fault.get("replicas"), service, there)


def _not_a_service(kind: type[Fault], on: str, clients: Tables, services: Tables) -> Refused | None:
    if on in services:
        return None
    remedy = choice_remedy(on, services)
    if on in clients:
        remedy = f"{_word(kind)} strikes a service; {remedy}"
        calls = _called(clients[on])
        if kind.on_links and calls:
            remedy += f", or its call `{on}{LINK}{calls[0]}`"
    return Refused(f"{quoted(on)} is no service", remedy)


def _not_a_link(kind: type[Fault], on: str, clients: Tables, services: Tables) -> Refused | None:
    if not kind.on_links:
        service = on.rpartition(LINK)[2]
        remedy = f"write `{service}`" if service in services else choice_remedy(service, services)
        what = f"{quoted(on)} is a call, and {_word(kind)} strikes a whole service"
        return Refused(what, remedy)
    links = [
        f"{caller}{LINK}{service}"
        for callers in (clients, services)
        for caller, group in callers.items()
        for service in _called(group)
        if service in services
    ]
    return None if on in links else Refused(f"{quoted(on)} is no call", choice_remedy(on, links))


def _not_a_group(kind: type[Fault], on: str, clients: Tables, services: Tables) -> Refused | None:
    if on not in clients:
        remedy = choice_remedy(on, clients)
        if on in services or LINK in on:
            remedy = f"{_word(kind)} strikes a client group; {remedy}"
        return Refused(f"{quoted(on)} is no client group", remedy)
    written = clients[on].get("arrivals")
    arrivals: Mapping[object, object] = written if isinstance(written, Mapping) else {}
    if arrivals.get("kind") == "closed":
        what = f"{on} has closed arrivals, whose rate follows from their answers"
        return Refused(what, "strike a group with open arrivals, or add a group of more users")
    if arrivals.get("kind") == "replay" and arrivals.get("interval") is None:
        what = f"{on} replays timestamps, which are what they are"
        return Refused(what, "replay rates, with an `interval`, to multiply them")
    return None


def _word(kind: type[Fault]) -> str:
    return str(kind.model_fields["kind"].default)


def _replicas_of(service: Mapping[object, object]) -> object:
    """Return how many replicas a service has at most, as it is written."""
    scale = service.get("scale")
    return scale.get("most") if isinstance(scale, Mapping) else service.get("replicas", 1)


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
