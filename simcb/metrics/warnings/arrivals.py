"""Requests that do not come as they are meant to, and priorities that nothing goes by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from simcb.metrics.warnings.bounds import shortest
from simcb.metrics.warnings.links import NoEffect
from simcb.scenario.arrivals import Backlog, OpenArrivals, Replay
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


def after_the_end(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield what a client group is told to do when the run, or a user's patience, is over."""
    end = scenario.duration
    for name, group in scenario.clients.items():
        law, keys, whose = group.arrivals, ("clients", name, "arrivals"), quoted(name)
        over = f"and the run ends at {format_duration(end)}"
        for number, point in enumerate(law.rate if isinstance(law, OpenArrivals) else ()):
            if point.at >= end:
                yield NoEffect(
                    f"the rate of {whose} from {format_duration(point.at)} on never holds, {over}; "
                    "let it begin earlier, or the run last longer",
                    (*keys, "rate", number),
                )
        if isinstance(law, Replay):
            every = law.interval or 0.0
            late = sum(moment >= end for moment in law.moments) or sum(
                rate > 0.0 and place * every >= end for place, rate in enumerate(law.rates)
            )
            if late:
                yield NoEffect(
                    f"{late:,} of the {len(law.numbers):,} rows of {quoted(law.file)} are never "
                    f"replayed: they come later, {over}; let it last longer, or cut the file",
                    keys,
                )
        if isinstance(law, Backlog) and law.redeliver is not None and law.redeliver.after >= end:
            yield NoEffect(
                f"no message of {whose} is ever delivered again: it is hidden for "
                f"{format_duration(law.redeliver.after)}, {over}; write a shorter `after`",
                (*keys, "redeliver", "after"),
            )
        if group.refresh is not None and group.deadline and group.refresh.after > group.deadline:
            yield NoEffect(
                f"nobody of {whose} ever presses refresh: after "
                f"{format_duration(group.refresh.after)} they have left, at "
                f"{format_duration(group.deadline)} (`deadline`); write a shorter `after`",
                ("clients", name, "refresh", "after"),
            )


def early_end(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the recording that ends long before the run, or before a fault, if all is replayed.

    Long is more than a tenth of the run.
    """
    laws = [(group.arrivals, name) for name, group in scenario.clients.items()]
    ends = [(_last(law), law.file, name) for law, name in laws if isinstance(law, Replay)]
    if len(ends) < len(laws):
        return
    last, file, name = max(ends)
    end = scenario.duration
    late = (
        (label, at)
        for label, fault in scenario.labelled_faults
        if last < (at := shortest(fault.at)) < end
    )
    label, at = next(late, ("", end))
    if label:
        when = f"under fault {quoted(label)}, which begins at {format_duration(at)}"
        remedy = "let it begin earlier"
    elif last < 0.9 * end:
        when, remedy = f"in the last {format_duration(round(end - last, 3))}", "let it end there"
    else:
        return
    yield NoEffect(
        f"{quoted(file)} ends at {format_duration(round(last, 3))} and the run at "
        f"{format_duration(end)}, so no request arrives {when}; {remedy}, or replay a longer file",
        ("clients", name, "arrivals"),
    )


def _last(law: Replay) -> float:
    """Return the moment after which no request of a recording comes, in seconds."""
    if law.interval is None:
        return max(law.moments, default=0.0) + (law.resolution or 0.0)
    asked = [place for place, rate in enumerate(law.rates) if rate > 0.0]
    return (asked[-1] + 1) * law.interval if asked else 0.0


def one_instance(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield a spread over instances of a group that has one."""
    for name, group in scenario.clients.items():
        if group.spread is not None and group.instances == 1:
            yield NoEffect(
                f"`spread` changes nothing in {quoted(name)}, which has one instance; leave it "
                "out, or give it more like `instances: 10`",
                ("clients", name, "spread"),
            )
