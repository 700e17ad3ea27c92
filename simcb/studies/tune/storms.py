"""The family of storms: what a tune makes of a scenario, so that no setting is fitted to one fault.

Each storm is the scenario with another fault in the place of its own ones, on the service behind
the breakers that are tuned; a new storm is one line in `STORMS`. When a fault begins and how long
it lasts is drawn anew in each replicate, the same for all settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from simcb.scenario import Scenario
from simcb.scenario.arrivals import Backlog, Closed, OpenArrivals
from simcb.scenario.axes import Axis
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.distributions import Uniform
from simcb.scenario.faults import Fault
from simcb.scenario.model import ROOT
from simcb.scenario.paths import find_place
from simcb.scenario.refusal import choice_remedy, quoted
from simcb.scenario.validation import tree_of
from simcb.studies import StudyError
from simcb.studies.evaluation.settings import Setting, applied, changes_of

OWN = "own"
DAY = "day"
EVERY = "all"

LONGEST = 60.0
"""Seconds a storm's fault lasts on average at most, unless calls wait longer: what a breaker does
in a minute it does again in the next."""

FLAPS = 5
"""How often a flapping service is down."""


@dataclass(frozen=True)
class Storm:
    """What happens in a storm.

    Args:
        about: in a few words.
        fault: the fault's words in a scenario file, but for where and when; None for none.
        flaps: whether it comes and goes.
    """

    about: str
    fault: Mapping[str, object] | None = None
    flaps: bool = False


STORMS: dict[str, Storm] = {
    DAY: Storm("an ordinary day without a fault"),
    "blip": Storm("5 % of the answers fail", {"kind": "errors", "rate": "5%"}),
    "partial": Storm("30 % of the answers fail", {"kind": "errors", "rate": "30%"}),
    "refused": Storm("connections are refused at once", {"kind": "refuse"}),
    "hung": Storm("no work ends", {"kind": "hang"}),
    "slow": Storm("work takes 8 times as long", {"kind": "latency", "times": 8}),
    "flapping": Storm(f"refuses, then serves, {FLAPS} times", {"kind": "refuse"}, flaps=True),
}
"""The storms by name, besides the file's own faults."""


def storms_named(text: str) -> tuple[str, ...]:
    """Return the storms that are asked for: `all`, or names with commas between, `own` among them.

    Raises:
        StudyError: one of them does not exist, or is named twice.
    """
    known = (*STORMS, OWN)
    if text.strip() == EVERY:
        return known
    names = tuple(name.strip() for name in text.split(","))
    for place, name in enumerate(names):
        if name not in known:
            raise StudyError(f"there is no storm {quoted(name)}", choice_remedy(name, known))
        if name in names[:place]:
            raise StudyError(f"the storm {quoted(name)} is named twice", "name it once")
    return names


def family_of(
    scenarios: Sequence[Scenario], axes: Sequence[Axis], names: Sequence[str]
) -> Iterator[tuple[str, Scenario]]:
    """Yield the storms that are made of scenarios, each with its name in `STORMS`, or `own`.

    Scenarios that differ in their faults alone are one system, and have one family.

    Raises:
        StudyError: nothing that is varied belongs to a call or a queue.
    """
    if names == (OWN,):
        yield from ((OWN, scenario.without_sweep()) for scenario in scenarios)
        return
    systems: dict[str, Scenario] = {}
    for scenario in scenarios:
        if OWN in names and scenario.faults:
            changes: dict[str, object] = {"faults": tuple(map(_jittered, scenario.faults))}
            if len(scenarios) == 1:
                changes["name"] = OWN
            yield OWN, scenario.without_sweep().model_copy(update=changes)
        system = scenario.without_faults()
        system = system.model_copy(update={"name": "-", "about": "", "duration": 1.0})
        systems.setdefault(system.to_yaml(), scenario)
    # The day comes last: it has its own say.
    for name in sorted(set(names) - {OWN}, key=lambda name: (name == DAY, names.index(name))):
        for scenario in systems.values():
            for each in _made(scenario, tuned_services(scenario, axes), name):
                yield name, each


def tuned_services(scenario: Scenario, axes: Sequence[Axis]) -> tuple[str, ...]:
    """Return the services whose calls, or whose queues, axes vary.

    Raises:
        StudyError: a scenario refuses the first values of the axes, or there is no such service.
    """
    first = Setting(tuple(axis.first for axis in axes if axis.first is not None))
    tree = tree_of(applied(scenario, changes_of(axes, first)))
    found: dict[str, None] = {}
    for place in (each.path for axis in axes for each in axis.each_place):
        keys = [str(key) for key in find_place(tree, ROOT, place).keys]
        if "calls" in keys[:-1]:
            of_clients = keys[0] == "clients"
            clients, services = scenario.clients, scenario.services
            calls = clients[keys[1]].calls if of_clients else services[keys[1]].calls
            name = keys[keys.index("calls") + 1]
            together = by_breaker(calls).get(name, ()) if "breaker" in keys[4:] else ()
            found |= {calls[each].target(each): None for each in together or (name,)}
        elif keys[0] == "services":
            found[keys[1]] = None
    if not found:
        paths = ", ".join(quoted(axis.path) for axis in axes)
        raise StudyError(
            f"{paths} belongs to no service that a storm could strike",
            "vary what a call is set to, or tune with --storms own",
        )
    return tuple(found)


def _made(scenario: Scenario, services: Sequence[str], name: str) -> Iterator[Scenario]:
    """Yield the storms of a kind: the day once, all others for each service."""
    storm, length = STORMS[name], _length(scenario, services)
    duration = scenario.duration
    if _steady(scenario):
        duration = 3.5 * length
    length = min(length, duration / 3.5)
    plain = scenario.without_faults()
    if storm.fault is None:
        yield plain.with_({"name": name, "duration": _seconds(duration)})
        return
    for service in services:
        called = name if len(services) == 1 else f"{name} {service}"
        fault: dict[str, object] = {**storm.fault, "on": service, "name": called}
        fault["at"] = _between(0.25 * length, 0.5 * length)
        if storm.flaps:
            fault["for"] = _between(0.05 * length, 0.15 * length)
            fault["repeat"] = {"every": _seconds(length / FLAPS), "times": FLAPS}
        else:
            fault["for"] = _between(0.5 * length, 1.5 * length)
        yield plain.with_({"name": called, "duration": _seconds(duration), "faults": [fault]})


def _length(scenario: Scenario, services: Sequence[str]) -> float:
    """Return how many seconds a storm's fault lasts on average.

    As long as the file's own faults, but no longer than `LONGEST`; and three times as long as a
    call waits, for what hangs is not noticed before.
    """
    own = [each.lasts.mean_value for each in scenario.faults if each.lasts.mean_value > 0.0]
    waits = [
        call.timeout
        for callers in (scenario.clients.values(), scenario.services.values())
        for caller in callers
        for name, call in caller.calls.items()
        if call.target(name) in services and call.timeout is not None
    ]
    usual = sum(own) / len(own) if own else LONGEST
    return max(min(usual, LONGEST), 3.0 * max(waits, default=0.0))


def _steady(scenario: Scenario) -> bool:
    """Tell whether as much comes at any time, so that a storm may be shorter than the file."""
    laws = [group.arrivals for group in scenario.clients.values()]
    return all(
        isinstance(law, Closed)
        or (isinstance(law, OpenArrivals) and len(law.rate) == 1 and not _piled_up(law))
        for law in laws
    )


def _piled_up(law: OpenArrivals) -> bool:
    return isinstance(law, Backlog) and law.initial > 0


def _jittered(fault: Fault) -> Fault:
    """Return a fault of the file whose moment and length are drawn around its own."""
    if fault.by_lot:
        return fault
    at, lasts = fault.at.mean_value, fault.lasts.mean_value
    changes = {}
    if at > 0.0:
        changes["at"] = Uniform(low=0.75 * at, high=1.25 * at)
    if lasts > 0.0:
        changes["lasts"] = Uniform(low=0.5 * lasts, high=1.5 * lasts)
    return fault.model_copy(update=changes)


def _between(low: float, high: float) -> dict[str, object]:
    return {"kind": "uniform", "low": _seconds(low), "high": _seconds(high)}


def _seconds(number: float) -> str:
    return f"{number:.6g}s"
