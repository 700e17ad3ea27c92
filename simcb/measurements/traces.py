"""Services and calls of traces: who asks whom, and how long each works itself.

Where a trace comes into a service, an entry begins. Its self time is its length without the union
of the times in which it waited for others; what is a span of the same service below it is part of
it. A client span waits, whether or not the service it asks has spans of its own; one that has none
stands for a service as its peer is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simcb.measurements.values import Span


@dataclass
class ServiceSeen:
    """What traces say of a service; times in seconds.

    Args:
        work: self time of each entry that did not fail.
        held: length of each entry.
        begins: when each began.
        failed: how many failed although nothing they asked did.
        roots: how many were the first of their trace.
        asked: by the service they asked, how many entries did, and how often in all.
        ways: by the service they asked, what the calls took beyond the answer.
        overlapping: how many entries waited for several at a time.
    """

    work: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    begins: list[float] = field(default_factory=list)
    failed: int = 0
    roots: int = 0
    asked: dict[str, int] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    ways: dict[str, list[float]] = field(default_factory=dict)
    overlapping: int = 0

    @property
    def entries(self) -> int:
        """How often it was asked."""
        return len(self.held)


@dataclass(frozen=True)
class Graph:
    """What traces say.

    Args:
        services: by name.
        traces: how many traces there are.
        orphans: spans whose parent is in none of the files.
        messages: entries that came by a message, which nobody waits for.
    """

    services: dict[str, ServiceSeen]
    traces: int
    orphans: int
    messages: int


def graph_of(spans: Iterable[Span]) -> Graph:
    """Return the services of traces, their self times, and whom they ask."""
    by_trace: dict[str, dict[str, Span]] = {}
    for span in spans:
        # The same span may be in several files.
        by_trace.setdefault(span.trace, {})[span.identity] = span
    services: dict[str, ServiceSeen] = {}
    orphans = messages = 0
    for trace in by_trace.values():
        children: dict[str, list[Span]] = {}
        for span in trace.values():
            children.setdefault(span.parent, []).append(span)
        for span in trace.values():
            parent = trace.get(span.parent)
            if parent is not None and parent.service == span.service:
                continue
            orphans += parent is None and span.parent != ""
            if parent is not None and parent.sends:
                messages += 1
            _enter(span, parent is None, children, services)
    return Graph(services, len(by_trace), orphans, messages)


def _enter(
    entry: Span, is_root: bool, children: dict[str, list[Span]], services: dict[str, ServiceSeen]
) -> None:
    """Count a service's answer to one request, and what it waited for meanwhile."""
    seen = services.setdefault(entry.service, ServiceSeen())
    waits: list[tuple[float, float]] = []
    asked: Counter[str] = Counter()
    below_failed = False
    ahead, known = [entry], {entry.identity}
    while ahead:
        span = ahead.pop()
        inside = [each for each in children.get(span.identity, ()) if each.identity not in known]
        known |= {each.identity for each in inside}
        remote = [each for each in inside if each.service != entry.service]
        ahead += [each for each in inside if each.service == entry.service]
        if span.sends:
            continue
        for each in remote:
            asked[each.service] += 1
            below_failed = below_failed or each.failed
            begin, end = (span.begin, span.end) if span.client else (each.begin, each.end)
            waits.append((begin, end))
            way = (end - begin) - (each.end - each.begin)
            seen.ways.setdefault(each.service, []).append(max(0.0, way) / 2.0)
        if span.client and not remote and span is not entry:
            peer = span.peer or f"{entry.service}-upstream"
            asked[peer] += 1
            below_failed = below_failed or span.failed
            waits.append((span.begin, span.end))
            _leaf(services.setdefault(peer, ServiceSeen()), span)
    held = max(0.0, entry.end - entry.begin)
    waited, added = _union([(max(a, entry.begin), min(b, entry.end)) for a, b in waits])
    seen.overlapping += waited < 0.95 * added
    seen.held.append(held)
    seen.begins.append(entry.begin)
    seen.roots += is_root
    if entry.failed and not below_failed:
        seen.failed += 1
    elif not entry.failed:
        seen.work.append(max(0.0, held - waited))
    for name, times in asked.items():
        seen.asked[name] = seen.asked.get(name, 0) + 1
        seen.times[name] = seen.times.get(name, 0) + times


def _leaf(seen: ServiceSeen, span: Span) -> None:
    """Count a call to a service that has no spans of its own."""
    seen.held.append(max(0.0, span.end - span.begin))
    seen.begins.append(span.begin)
    if span.failed:
        seen.failed += 1
    else:
        seen.work.append(seen.held[-1])


def _union(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return how long some intervals last together, and how long one after the other."""
    together = reached = 0.0
    added = 0.0
    for begin, end in sorted(part for part in parts if part[1] > part[0]):
        added += end - begin
        begin = max(begin, reached)
        together += max(0.0, end - begin)
        reached = max(reached, end)
    return together, added
