"""What a run says, as numbers to hold against theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from simcb.metrics import Measures
from simcb.outcomes import ATTEMPT_CODE, AttemptOutcome
from simcb.trace import STATE_CODE, Trace

Numbers = Mapping[str, float]
Observer = Callable[[Trace, Measures], Numbers]


def measured(*names: str, of: str = "") -> Observer:
    """Observe measures of the whole run."""

    def observe(_: Trace, measures: Measures) -> Numbers:
        found = {}
        for name in names:
            value = measures.value(name, of=of)
            assert value is not None, f"{name} is undefined"
            found[name] = value
        return found

    return observe


def single_queue(trace: Trace, measures: Measures) -> Numbers:
    """Observe the sojourn and how many are inside on average."""
    seen = dict(measured("mean", "p50", "p95", "p99")(trace, measures))
    inside = measures.value("mean_queue", of="api"), measures.value("utilisation", of="api")
    assert None not in inside
    return {**seen, "inside": sum(inside)}  # type: ignore[arg-type]


def waiting(trace: Trace, measures: Measures) -> Numbers:
    begun = trace.attempts[~np.isnan(trace.attempts["begin"])]
    waits = begun["begin"] - begun["start"]
    return {"wait": float(waits.mean()), "waiting": float((waits > 0).mean())}


def share(outcome: AttemptOutcome) -> Observer:
    """Observe the share of settled attempts that ended so."""

    def observe(trace: Trace, _: Measures) -> Numbers:
        outcomes = trace.attempts["outcome"]
        settled = outcomes != ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]
        return {outcome.value: float(np.mean(outcomes[settled] == ATTEMPT_CODE[outcome]))}

    return observe


def attempts_per_request(trace: Trace, _: Measures) -> Numbers:
    to = [trace.layout.calls[call].service for call in trace.attempts["call"].tolist()]
    names = {service.name for service in trace.layout.services}
    return {name: to.count(name) / len(trace.requests) for name in sorted(names)}


def calls_until_trip(trace: Trace, _: Measures) -> Numbers:
    """Calls from each closing of the breaker to its next opening."""
    changes = trace.transitions
    closed = changes["at"][changes["after"] == STATE_CODE["closed"]]
    tripped = changes["at"][changes["before"] == STATE_CODE["closed"]][1:]
    ended = np.sort(trace.attempts["end"])
    until = np.searchsorted(ended, tripped, side="right")
    since = np.searchsorted(ended, closed[: len(tripped)], side="right")
    return {"calls": float(np.mean(until - since))}


def probing(trace: Trace, _: Measures) -> Numbers:
    """The cycle of probes, from the first to the last, and what is rejected meanwhile."""
    sent = trace.attempts["replica"] >= 0
    probes = np.flatnonzero(sent)[10:]
    cycle = float(np.mean(np.diff(trace.attempts["start"][probes])))
    within = slice(probes[0], probes[-1])
    return {"cycle": cycle, "rejected": float(np.mean(~sent[within]))}


def detection(trace: Trace, _: Measures) -> Numbers:
    start = trace.layout.faults[0].start
    opened = trace.transitions[trace.transitions["after"] == STATE_CODE["open"]]
    count = len(trace.layout.breakers)
    first = [opened["at"][opened["breaker"] == each].min() for each in range(count)]
    return {"detection": float(np.mean(first)) - start}


def arrivals_by(*bounds: float) -> Observer:
    """Observe how many requests arrive between one bound and the next."""

    def observe(trace: Trace, _: Measures) -> Numbers:
        counts, _edges = np.histogram(trace.requests["arrival"], bounds)
        return {f"from {at:g}s": float(n) for at, n in zip(bounds, counts, strict=False)}

    return observe


def growth(after: float) -> Observer:
    """Observe how fast the queue grows from a moment to the end, per second."""

    def observe(trace: Trace, _: Measures) -> Numbers:
        late = trace.samples[trace.samples["at"] >= after]
        grown = float(late["queued"][-1]) - float(late["queued"][0])
        return {"growth": grown / (late["at"][-1] - late["at"][0])}

    return observe


def finished(trace: Trace, _: Measures) -> Numbers:
    """Success and tries of requests that are over: those at the very end would bias both."""
    over = ~np.isnan(trace.requests["end"])
    tries = np.bincount(trace.attempts["request"], minlength=len(trace.requests))
    ok = np.mean(trace.requests["outcome"][over] == 0)
    return {"success": float(ok), "amplification": float(tries[over].mean())}
