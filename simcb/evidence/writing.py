"""The scenario files of cases: the few lines that all of them have, written once."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.evidence.case import WATCHED

EXPONENTIAL = "{kind: exponential, mean: 100ms}"
"""Work of which one worker does ten a second."""


def watched(
    body: str,
    seconds: tuple[float, float, float],
    *,
    on: str = "api",
    faults: Sequence[str] = (),
    sample_every: float | None = None,
) -> str:
    """Return a scenario file without its name.

    The stretch that is measured is marked by a fault that changes nothing, all of the workers
    being left: what comes before it is the transient, what comes after it lets requests end.

    Args:
        body: the clients and services.
        seconds: before what is measured, of it, and after it.
        on: a service that the marking fault can name.
        faults: other faults, without braces.
        sample_every: seconds between samples; none but the first and the last if absent.
    """
    warm, watch, _ = seconds
    duration = sum(seconds)
    mark = f"kind: capacity, on: {on}, times: 1, at: {warm:g}s, for: {watch:g}s, name: {WATCHED}"
    listed = "".join(f"  - {{{fault}}}\n" for fault in (*faults, mark))
    samples = duration if sample_every is None else sample_every
    head = f"duration: {duration:g}s\nsample_every: {samples:g}s\n"
    return f"{head}{body.strip()}\nfaults:\n{listed}"


def one_service(rate: str, service: str, call: str = "", *, kind: str = "poisson") -> str:
    """Return one client group and one service, from the words of service and call."""
    arrivals = f"arrivals: {{kind: {kind}, rate: {rate}}}"
    return (
        f"clients:\n  users: {{{arrivals}, calls: {{api: {{{call}}}}}}}\n"
        f"services:\n  api: {{{service}}}\n"
    )


def one_queue(rate: str, workers: int, work: str, call: str = "", more: str = "") -> str:
    """Return one Poisson group and one service of so many workers.

    Args:
        rate: of arrivals, with its unit.
        workers: of the service.
        work: its distribution.
        call: the words of the call, without braces.
        more: further words of the service, ending with a comma.
    """
    return one_service(rate, f"{more}workers: {workers}, work: {work}", call)


def failing(rate: str, errors: str, call: str) -> str:
    """Return a service with no queue worth the name that fails by lot within 10 ms or so."""
    work = "{kind: exponential, mean: 10ms}"
    return one_service(rate, f"workers: 1000, work: {work}, errors: {errors}", call)


def many_groups(count: int, rate: str, call: str, service: str) -> str:
    """Return Poisson groups alike, each with breakers and budgets of its own."""
    groups = "".join(
        f"  g{i:03}: {{arrivals: {{kind: poisson, rate: {rate}}}, calls: {{api: {{{call}}}}}}}\n"
        for i in range(count)
    )
    return f"clients:\n{groups}services:\n  api: {{{service}}}\n"
