"""Whose load is told: of the service that a fault is on, which calls to others would hide."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.studies.run import Result

ALL_SERVICES = "over all services"


def loaded_service(results: Sequence[Result]) -> str:
    """Return the service whose load is told of each result; "" if it is that of all services.

    It is the one that the faults are on, else the one that breakers guard, else the only one.
    """
    there = set.intersection(*map(_services, results))
    hit = {fault.on for one in results for fault in one.trace.layout.faults} & there
    guarded = {call.to or name for one in results for *_, name, call in one.scenario.guarded_calls}
    one = next((each for each in (hit, guarded, there) if len(each) == 1), set[str]())
    return next(iter(one & there), "")


def has_several_services(results: Sequence[Result]) -> bool:
    """Tell whether a number of all services may differ from that of one."""
    return any(len(_services(each)) > 1 for each in results)


def _services(result: Result) -> set[str]:
    return {each.name for each in result.trace.layout.services}
