"""Laws of attempts: nothing is lost, no moment before its cause, no answer unearned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from simcb.metrics.hedges import hedges
from simcb.metrics.laws.case import (
    TOLERANCE,
    Broken,
    Case,
    Finding,
    LawCheck,
    by_service,
    equation,
    groups,
)
from simcb.metrics.laws.in_time import Span, stretches
from simcb.metrics.rows import AttemptRows, Booleans
from simcb.metrics.spans import Floats
from simcb.trace import (
    REQUEST_CODE,
    AttemptOutcome,
    Flag,
    RequestOutcome,
    ServiceInfo,
    column_limits,
    pieces,
)

_SENT = (
    AttemptOutcome.OK,
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.THROTTLED,
    AttemptOutcome.ABANDONED,
    AttemptOutcome.IN_FLIGHT,
)


def _indexes_point_at_something(case: Case) -> Finding:
    limits = column_limits(case.trace)
    found = [Broken() for _ in limits]
    for name in dict.fromkeys(table for table, *_ in limits):
        for first, rows in pieces(getattr(case.trace, name)):
            for (table, column, least, beyond), broken in zip(limits, found, strict=True):
                if table == name:
                    broken.add((rows[column] < least) | (rows[column] >= beyond), first)
    for (table, column, _, _), broken in zip(limits, found, strict=True):
        if broken:
            return broken.finding(f"rows of {table} with a {column} that does not exist")
    return Finding(True, f"{len(limits)} columns of indexes and codes")


def _requests_add_up(case: Case) -> Finding:
    counts, wrong = Counter[str](), Broken()
    for first, rows in case.requests():
        outcome = np.ascontiguousarray(rows["outcome"])
        counts.update({each: int(np.sum(outcome == code)) for each, code in REQUEST_CODE.items()})
        unfinished = outcome == REQUEST_CODE[RequestOutcome.UNFINISHED]
        wrong.add(unfinished != np.isnan(rows["end"]), first)
    many = len(case.trace.requests)
    if counts.total() != many:
        return Finding(False, f"{many} requests are not {equation(counts)}")
    what = "requests unfinished with an end, or the reverse"
    return wrong.finding(what, f"{many} = {equation(counts)}")


def _attempts_add_up(case: Case) -> Finding:
    """Only one whose call has a rate limit or bulkhead with a wait may still wait to be sent."""
    counts, wrong = Counter[str](), Broken()
    for part in case.attempts():
        rejected = part.are(AttemptOutcome.REJECTED)
        shed = part.are(AttemptOutcome.SHED)
        may_wait = case.max_wait[part.call] > 0.0
        waiting = part.are(AttemptOutcome.IN_FLIGHT) & ~part.sent & may_wait
        held_back = {"rejected": rejected, "shed": shed, "waiting for a place": waiting}
        counts.update(_numbers(held_back | {"sent": part.sent}))
        wrong.add((rejected | shed | waiting) == part.sent, part.first)
    fine = f"{len(case.trace.attempts)} = {equation(counts)}"
    return wrong.finding("attempts both held back and sent, or neither", fine)


def _sent_add_up(case: Case) -> Finding:
    sent, counts, wrong = 0, Counter[str](), Broken()
    for part in case.attempts():
        sent += int(np.sum(part.sent))
        counts.update(_numbers({each: part.sent & part.are(each) for each in _SENT}))
        in_flight = part.are(AttemptOutcome.IN_FLIGHT)
        wrong.add(in_flight != np.isnan(part.end), part.first)
    if counts.total() != sent:
        return Finding(False, f"{sent} sent attempts are not {equation(counts)}")
    what = "attempts in flight with an end, or the reverse"
    return wrong.finding(what, f"{sent} = {equation(counts)}")


def _ways_add_up(case: Case) -> Finding:
    """An attempt without a network between is there at once, unless it is lost."""
    sent, counts, wrong = 0, Counter[str](), Broken()
    for part in case.attempts():
        lost, there = part.flagged(Flag.LOST), part.reached
        under_way = part.sent & ~there & ~lost & case.has_network[part.call]
        sent += int(np.sum(part.sent))
        counts.update(_numbers({"lost": lost, "under way": under_way, "arrived": there}))
        wrong.add((lost.astype(np.int8) + under_way + there) != part.sent, part.first)
    fine = f"{sent} = {equation(counts)}"
    return wrong.finding("attempts that came without being sent, or got lost twice", fine)


def _arrivals_add_up(case: Case) -> Finding:
    names = [service.name for service in case.trace.layout.services]
    arrived, worked = np.zeros(len(names), np.int64), Broken()
    counts = [Counter[str]() for _ in names]
    for part in case.attempts():
        begun, freed = part.begun, ~np.isnan(part.freed)
        dropped, throttled = part.flagged(Flag.DROPPED), part.flagged(Flag.THROTTLED)
        wrong = (begun | freed) & ~part.reached
        turned_away = part.are(AttemptOutcome.REFUSED, AttemptOutcome.THROTTLED)
        wrong |= begun & (turned_away | throttled)
        wrong |= freed & ~begun & ~dropped & ~part.refused & ~throttled
        worked.add(wrong, part.first)
        taken = part.taken
        kinds = {
            "completed": taken & begun & freed & ~dropped,
            "refused": part.refused & part.reached,
            "throttled": taken & freed & throttled & ~dropped,
            "dropped": taken & freed & dropped,
            "in service": taken & begun & ~freed,
            "queued": taken & ~begun & ~freed,
        }
        arrived += by_service(part, part.reached)
        for kind, rows in kinds.items():
            for of_service, count in zip(counts, by_service(part, rows).tolist(), strict=True):
                of_service[kind] += count
    if worked:
        return worked.finding("attempts worked on that never came in")
    found = []
    for name, came, parts in zip(names, arrived, counts, strict=True):
        if parts.total() != came:
            return Finding(False, f"{name}: {came} arrivals are not {equation(parts)}")
        found.append(f"{name} {came} = {equation(parts)}")
    return Finding(True, "; ".join(found))


def _numbers(kinds: dict[str, Booleans]) -> dict[str, int]:
    """Return how many rows there are of each kind."""
    return {name: int(np.count_nonzero(rows)) for name, rows in kinds.items()}


SOUND = LawCheck("every index points at something", _indexes_point_at_something)
"""Where this law is broken no other can be checked."""


_ANSWERED = (AttemptOutcome.OK, AttemptOutcome.ERROR)
_LEFT = (AttemptOutcome.TIMEOUT, AttemptOutcome.ABANDONED)


def _time_runs_forward(case: Case) -> Finding:
    late, early, over = Broken(), Broken(), case.trace.duration
    straight = case.by_call(lambda call: call.network or call.max_wait > 0.0) == 0.0
    for part in case.attempts():
        wrong = (part.end < part.start) | (part.arrive < part.start) | (part.begin < part.arrive)
        wrong |= (part.freed < part.begin) | (part.freed < part.arrive)
        wrong |= part.start < 0.0
        for moments in (part.start, part.end, part.arrive, part.begin, part.freed):
            wrong |= moments > over
        wrong |= straight[part.call] & (part.arrive > part.start)
        late.add(wrong, part.first)
    if late:
        return late.finding("attempts with moments out of order")
    for first, rows in case.requests():
        arrival, end = (np.ascontiguousarray(rows[name]) for name in ("arrival", "end"))
        early.add((end < arrival) | (arrival < 0.0) | (arrival > over) | (end > over), first)
    return early.finding("requests with moments out of order", "every moment follows its cause")


def _waits_are_limited(case: Case) -> Finding:
    """A timeout runs from sending, a deadline from the user's first wish."""
    limit = case.by_call(lambda call: np.inf if call.timeout is None else call.timeout)
    limited = case.by_call(lambda call: not call.by_code) > 0.0
    shortest = case.by_call(lambda call: call.shortest_timeout or call.timeout or np.inf)
    timeouts, beyond, held_back = 0, Broken(), Broken()
    for part in case.attempts():
        first, last = case.sent_between(part)
        slack = TOLERANCE * np.maximum(1.0, part.start)
        timed_out = part.are(AttemptOutcome.TIMEOUT)
        timeouts += int(np.sum(timed_out))
        wrong = part.sent & (part.waited_until > last + limit[part.call] + slack)
        early = part.end < first + shortest[part.call] - slack
        wrong |= limited[part.call] & timed_out & early
        beyond.add(wrong, part.first)
        placed = part.start + case.max_wait[part.call]
        held_back.add(~part.sent & (part.waited_until > placed + slack), part.first)
    if beyond:
        return beyond.finding("attempts waited beyond their timeout, or timed out early")
    if held_back:
        return held_back.finding("attempts waited too long for a place to be sent")
    what = "requests went on beyond their user's deadline"
    return _beyond_deadline(case).finding(
        what, f"{timeouts} timed out, each after exactly its timeout"
    )


def _beyond_deadline(case: Case) -> Broken:
    """Return the requests that went on when their users should have left."""
    layout, found = case.trace.layout, Broken()
    limits = layout.deadlines or (None,) * len(layout.groups)
    deadlines = np.array([np.inf if each is None else each for each in limits], dtype=np.float64)
    for first, rows in case.requests():
        leaves = rows["arrival"] + deadlines[rows["group"]]
        until = np.where(np.isnan(rows["end"]), case.trace.duration, rows["end"])
        found.add(until > leaves + TOLERANCE * np.maximum(1.0, leaves), first)
    return found


def _answers_are_earned(case: Case) -> Finding:
    """What was lost, hung or let go is not answered well; an answer comes after the work."""
    answers, unheard, broken = 0, 0, Broken()
    for part in case.attempts():
        lost, hung, dropped = (part.flagged(each) for each in (Flag.LOST, Flag.HUNG, Flag.DROPPED))
        ok, answered = part.are(AttemptOutcome.OK), part.are(*_ANSWERED)
        refused = part.are(AttemptOutcome.REFUSED)
        told_off = part.are(AttemptOutcome.THROTTLED)
        # A comparison with nan is false: what has no such moment has not come before its end.
        worked = part.freed <= part.end
        wrong = answered & ~worked
        wrong |= ok & (~part.begun | hung | dropped)
        wrong |= refused & ~(part.arrive <= part.end)
        wrong |= told_off & ~(part.flagged(Flag.THROTTLED) & worked)
        wrong |= lost & (answered | told_off | refused)
        wrong |= hung & ~part.begun
        broken.add(wrong, part.first)
        answers += int(np.sum(answered))
        unheard += int(np.sum(lost | hung))
    fine = f"{answers} answered, {unheard} lost or hung and not"
    return broken.finding("answers that nobody can have given", fine)


def _only_the_unwanted_are_dropped(case: Case) -> Finding:
    """A service lets go what its callers have left, if it learns of that, or in a restart."""
    many, broken = 0, Broken()
    services = [(each, _restarts(case, each)) for each in case.trace.layout.services]
    for part in case.attempts():
        dropped = part.flagged(Flag.DROPPED)
        many += int(np.sum(dropped))
        wrong = dropped.copy()
        for index, rows in groups(part.service, np.flatnonzero(dropped)):
            wrong[rows] = ~_may_be_dropped(part, *services[index])[rows]
        broken.add(wrong, part.first)
    fine = f"{many} dropped, all of them abandoned or thrown out"
    return broken.finding("attempts dropped that were still wanted", fine)


def _may_be_dropped(part: AttemptRows, service: ServiceInfo, restarts: Floats) -> Booleans:
    """Return which attempts their service may have let go, if it did."""
    fair = _thrown_out(part, service, restarts)
    if service.on_abandon != "finish":
        # Without blocking the worker may have been released before the caller left.
        in_time = (part.freed >= part.end) | (part.begun & (not service.blocking))
        noticed = part.are(*_LEFT) & in_time
        fair |= noticed & (~part.begun | (service.on_abandon == "stop"))
    return fair


def _restarts(case: Case, service: ServiceInfo) -> Floats:
    """Return the moments at which a service, or a replica of it, starts anew, and inf."""
    layout = case.trace.layout
    faults = (f.start for f in layout.faults if f.kind == "restart" and f.on == service.name)
    falls = (each.at for each in layout.crashes_of(layout.service_index(service.name)))
    return np.array([*sorted({*faults, *falls}), np.inf])


def _thrown_out(part: AttemptRows, service: ServiceInfo, restarts: Floats) -> Booleans:
    """Return which attempts, if let go, may have been by a restart of their service.

    That is at its beginning, or before where a worker does not wait for its attempt's calls:
    then the attempt has not ended before the restart.
    """
    following = restarts[np.minimum(np.searchsorted(restarts, part.freed), len(restarts) - 1)]
    left = part.are(*_LEFT)
    outlasts = np.isfinite(following) & (left | ~(part.end < following))
    thrown: Booleans = part.freed == following if service.blocking else outlasts
    return thrown


def _attempts_belong(case: Case) -> Finding:
    layout = case.trace.layout
    first_replica = np.array([each.first_replica for each in layout.services], np.int64)
    replicas = np.array([each.replicas for each in layout.services], np.int64)
    places = {each.name: index for index, each in enumerate(layout.services)}
    callers = np.array([places.get(call.caller, -1) for call in layout.calls], np.int64)
    from_client = np.array([call.from_client for call in layout.calls], np.bool_)
    hedge, beside = hedges(case.trace)
    alone = hedge[beside < 0]
    made, elsewhere, broken = 0, Broken(), Broken()
    for part in case.attempts():
        rows, to = part.rows, part.service
        below = rows["replica"] - first_replica[to]
        elsewhere.add(part.sent & ((below < 0) | (below >= replicas[to])), part.first)
        wrong = from_client[part.call] != (rows["parent"] < 0)
        low, high = np.searchsorted(alone, (part.first, part.first + len(rows)))
        wrong[alone[low:high] - part.first] = True
        if len(part.children):
            made += len(part.children)
            wrong[part.children] |= rows["request"][part.children] != part.parents.rows["request"]
            wrong[part.children] |= callers[part.call[part.children]] != part.parents.service
            wrong[part.children] |= ~_made_in_time(part)
        broken.add(wrong, part.first)
    if elsewhere:
        return elsewhere.finding("attempts sent to another service's replica")
    fine = f"{made} attempts made by services, each on behalf of one in work"
    return broken.finding("attempts that do not fit whoever made them", fine)


def _made_in_time(part: AttemptRows) -> Booleans:
    """Return whether each of a part's children was made while its parent was being served.

    That is while a worker was held or, in a service that does not block, after the worker was
    released and before the answer.
    """
    start, parents = part.start[part.children], part.parents
    blocking = np.array([each.blocking for each in part.trace.layout.services], np.bool_)
    served = (parents.begin <= start) & (start <= parents.held_until)
    answered = parents.are(*_ANSWERED)
    passed_on = (parents.freed <= start) & (~answered | (start <= parents.end))
    in_time: Booleans = np.where(blocking[parents.service], served, passed_on)
    return in_time


def _bulkheads_hold(case: Case) -> Finding:
    """No caller process has more attempts under way than its bulkhead has places."""
    calls = case.trace.layout.calls
    peaks = {index: 0 for index, call in enumerate(calls) if call.max_concurrent is not None}
    if not peaks:
        return Finding(True, "no bulkheads")

    def under_way(part: AttemptRows) -> Iterator[tuple[tuple[int, int], tuple[Span]]]:
        _, sent_by = case.sent_between(part)
        # Never later than it was sent, so the count is a lower bound.
        since = np.minimum(sent_by, part.waited_until)
        # A service's process is the replica that makes the call; a client's is not on record.
        process = np.full(len(part.rows), -1)
        process[part.children] = part.parents.rows["replica"]
        for index, rows in groups(part.call, np.flatnonzero(part.sent)):
            if index in peaks:
                for each, mine in groups(process, rows):
                    yield (index, each), ((since[mine], part.waited_until[mine]),)

    for (index, _), each in stretches(case, under_way):
        peaks[index] = max(peaks[index], int(each.open[0].max(initial=0)))
    found = []
    for index, peak in peaks.items():
        call = calls[index]
        places = (call.max_concurrent or 0) * (call.processes if call.from_client else 1)
        if peak > places:
            return Finding(False, f"{call.name}: {peak} attempts under way in {places} places")
        found.append(f"{call.name} {peak}/{places}")
    return Finding(True, "at most " + ", ".join(found))


CHECKS = (
    SOUND,
    LawCheck("requests = ok + degraded + failed + unfinished", _requests_add_up),
    LawCheck("attempts = rejected + shed + waiting + sent", _attempts_add_up),
    LawCheck(
        "sent = ok + error + timeout + refused + throttled + abandoned + in flight",
        _sent_add_up,
    ),
    LawCheck("sent = arrived + under way + lost", _ways_add_up),
    LawCheck(
        "arrivals = completed + refused + throttled + dropped + in service + queued",
        _arrivals_add_up,
    ),
    LawCheck("no moment comes before its cause", _time_runs_forward),
    LawCheck("no wait outlasts its limit", _waits_are_limited),
    LawCheck("every answer is earned", _answers_are_earned),
    LawCheck("only the unwanted are dropped", _only_the_unwanted_are_dropped),
    LawCheck("every attempt belongs to its caller and its service", _attempts_belong),
    LawCheck("no bulkhead holds more than its places", _bulkheads_hold),
)
