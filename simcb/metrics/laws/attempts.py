"""Laws of attempts: nothing is lost, no moment before its cause, no answer unearned."""

from __future__ import annotations

import numpy as np

from simcb.metrics.hedges import hedges
from simcb.metrics.laws.case import TOLERANCE, Case, Finding, LawCheck, broken
from simcb.metrics.rows import Booleans
from simcb.metrics.spans import Spans
from simcb.trace import (
    REQUEST_CODE,
    AttemptOutcome,
    Flag,
    RequestOutcome,
    ServiceInfo,
    column_limits,
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
    trace, limits = case.trace, column_limits(case.trace)
    for table, column, least, beyond in limits:
        values = getattr(trace, table)[column]
        wrong = (values < least) | (values >= beyond)
        if wrong.any():
            return broken(wrong, f"rows of {table} with a {column} that does not exist", "")
    return Finding(True, f"{len(limits)} columns of indexes and codes")


def _requests_add_up(case: Case) -> Finding:
    rows = case.trace.requests
    counts = {each: int(np.sum(rows["outcome"] == code)) for each, code in REQUEST_CODE.items()}
    parts = " + ".join(f"{count} {outcome}" for outcome, count in counts.items())
    if sum(counts.values()) != len(rows):
        return Finding(False, f"{len(rows)} requests are not {parts}")
    unfinished = rows["outcome"] == REQUEST_CODE[RequestOutcome.UNFINISHED]
    wrong = unfinished != np.isnan(rows["end"])
    fine = f"{len(rows)} = {parts}"
    return broken(wrong, "requests unfinished with an end, or the reverse", fine)


def _attempts_add_up(case: Case) -> Finding:
    """Only one whose call has a rate limit or bulkhead with a wait may still wait to be sent."""
    rejected = case.is_outcome(AttemptOutcome.REJECTED)
    shed = case.is_outcome(AttemptOutcome.SHED)
    may_wait = case.by_call(lambda call: call.max_wait) > 0.0
    waiting = case.is_outcome(AttemptOutcome.IN_FLIGHT) & ~case.sent & may_wait
    parts = {"rejected": rejected, "shed": shed, "waiting for a place": waiting, "sent": case.sent}
    counts = {name: int(np.sum(rows)) for name, rows in parts.items()}
    text = " + ".join(f"{count} {name}" for name, count in counts.items())
    wrong = (rejected | shed | waiting) == case.sent
    return broken(wrong, "attempts both held back and sent, or neither", f"{len(wrong)} = {text}")


def _sent_add_up(case: Case) -> Finding:
    sent = int(np.sum(case.sent))
    counts = [int(np.sum(case.sent & case.is_outcome(outcome))) for outcome in _SENT]
    parts = " + ".join(f"{n} {outcome}" for n, outcome in zip(counts, _SENT, strict=True))
    if sum(counts) != sent:
        return Finding(False, f"{sent} sent attempts are not {parts}")
    in_flight = case.is_outcome(AttemptOutcome.IN_FLIGHT)
    wrong = in_flight != np.isnan(case.end)
    return broken(wrong, "attempts in flight with an end, or the reverse", f"{sent} = {parts}")


def _ways_add_up(case: Case) -> Finding:
    """An attempt without a network between is there at once, unless it is lost."""
    lost, there = case.flagged(Flag.LOST), case.arrived
    may_travel = case.by_call(lambda call: call.network) > 0.0
    under_way = case.sent & ~there & ~lost & may_travel
    parts = {"lost": lost, "under way": under_way, "arrived": there}
    counts = {name: int(np.sum(rows)) for name, rows in parts.items()}
    text = " + ".join(f"{count} {name}" for name, count in counts.items())
    wrong = (lost.astype(np.int8) + under_way + there) != case.sent
    fine = f"{int(np.sum(case.sent))} = {text}"
    return broken(wrong, "attempts that came without being sent, or got lost twice", fine)


def _arrivals_add_up(case: Case) -> Finding:
    rows = case.trace.attempts
    begun, freed = ~np.isnan(case.begin), ~np.isnan(rows["freed"])
    dropped = case.flagged(Flag.DROPPED)
    worked = (begun | freed) & ~case.arrived
    turned_away = (AttemptOutcome.REFUSED, AttemptOutcome.THROTTLED)
    worked |= begun & (case.is_outcome(*turned_away) | case.throttled)
    worked |= freed & ~begun & ~dropped & ~case.refused & ~case.throttled
    if worked.any():
        return broken(worked, "attempts worked on that never came in", "")
    found = []
    for index, service in enumerate(case.trace.layout.services):
        here = case.arrived & (case.service == index)
        taken = case.taken & here
        parts = {
            "completed": taken & begun & freed & ~dropped,
            "refused": case.refused & here,
            "throttled": taken & freed & case.throttled & ~dropped,
            "dropped": taken & freed & dropped,
            "in service": taken & begun & ~freed,
            "queued": taken & ~begun & ~freed,
        }
        counts = {name: int(np.sum(rows_of)) for name, rows_of in parts.items()}
        text = " + ".join(f"{count} {name}" for name, count in counts.items())
        arrived = int(np.sum(here))
        if sum(counts.values()) != arrived:
            return Finding(False, f"{service.name}: {arrived} arrivals are not {text}")
        found.append(f"{service.name} {arrived} = {text}")
    return Finding(True, "; ".join(found))


SOUND = LawCheck("every index points at something", _indexes_point_at_something)
"""Where this law is broken no other can be checked."""


_ANSWERED = (AttemptOutcome.OK, AttemptOutcome.ERROR)
_LEFT = (AttemptOutcome.TIMEOUT, AttemptOutcome.ABANDONED)


def _time_runs_forward(case: Case) -> Finding:
    attempts, requests, end = case.trace.attempts, case.trace.requests, case.trace.duration
    late = (case.end < case.start) | (case.arrive < case.start) | (case.begin < case.arrive)
    late |= (attempts["freed"] < case.begin) | (attempts["freed"] < case.arrive)
    late |= case.start < 0.0
    for column in ("start", "end", "arrive", "begin", "freed"):
        late |= attempts[column] > end
    straight = case.by_call(lambda call: call.network or call.max_wait > 0.0) == 0.0
    late |= straight & (case.arrive > case.start)
    if late.any():
        return broken(late, "attempts with moments out of order", "")
    early = (requests["end"] < requests["arrival"]) | (requests["arrival"] < 0.0)
    early |= (requests["arrival"] > end) | (requests["end"] > end)
    return broken(early, "requests with moments out of order", "every moment follows its cause")


def _waits_are_limited(case: Case) -> Finding:
    """A timeout runs from sending, a deadline from the user's first wish."""
    first, last = case.sent_between
    limit = case.by_call(lambda call: np.inf if call.timeout is None else call.timeout)
    waited_until = np.where(np.isnan(case.end), case.trace.duration, case.end)
    slack = TOLERANCE * np.maximum(1.0, case.start)
    timed_out = case.is_outcome(AttemptOutcome.TIMEOUT)
    wrong = case.sent & (waited_until > last + limit + slack)
    limited = case.by_call(lambda call: not call.by_code) > 0.0
    shortest = case.by_call(lambda call: call.shortest_timeout or call.timeout or np.inf)
    wrong |= limited & timed_out & (case.end < first + shortest - slack)
    if wrong.any():
        return broken(wrong, "attempts waited beyond their timeout, or timed out early", "")
    held_back = case.start + case.by_call(lambda call: call.max_wait)
    wrong = ~case.sent & (waited_until > held_back + slack)
    if wrong.any():
        return broken(wrong, "attempts waited too long for a place to be sent", "")
    rows, groups = case.trace.requests, case.trace.layout.groups
    limits = case.trace.layout.deadlines or (None,) * len(groups)
    deadlines = np.array([np.inf if each is None else each for each in limits] or [np.inf])
    leaves = rows["arrival"] + deadlines[rows["group"]]
    over = np.where(
        np.isnan(rows["end"]), case.trace.duration, rows["end"]
    ) > leaves + TOLERANCE * (np.maximum(1.0, leaves))
    fine = f"{int(np.sum(timed_out))} timed out, each after exactly its timeout"
    return broken(over, "requests went on beyond their user's deadline", fine)


def _answers_are_earned(case: Case) -> Finding:
    """What was lost, hung or let go is not answered well; an answer comes after the work."""
    lost, hung, dropped = (case.flagged(each) for each in (Flag.LOST, Flag.HUNG, Flag.DROPPED))
    ok, answered = case.is_outcome(AttemptOutcome.OK), case.is_outcome(*_ANSWERED)
    freed = case.trace.attempts["freed"]
    # A comparison with nan is false: what has no such moment has not come before its end.
    wrong = answered & ~(freed <= case.end)
    wrong |= ok & (np.isnan(case.begin) | hung | dropped)
    wrong |= case.is_outcome(AttemptOutcome.REFUSED) & ~(case.arrive <= case.end)
    told_off = case.is_outcome(AttemptOutcome.THROTTLED)
    wrong |= told_off & ~(case.throttled & (freed <= case.end))
    wrong |= lost & (answered | told_off | case.is_outcome(AttemptOutcome.REFUSED))
    wrong |= hung & np.isnan(case.begin)
    fine = f"{int(np.sum(answered))} answered, {int(np.sum(lost | hung))} lost or hung and not"
    return broken(wrong, "answers that nobody can have given", fine)


def _only_the_unwanted_are_dropped(case: Case) -> Finding:
    """A service lets go what its callers have left, if it learns of that, or in a restart."""
    dropped, left = case.flagged(Flag.DROPPED), case.is_outcome(*_LEFT)
    freed, begun = case.trace.attempts["freed"], ~np.isnan(case.begin)
    fair = np.zeros(len(dropped), dtype=np.bool_)
    for index, service in enumerate(case.trace.layout.services):
        here = dropped & (case.service == index)
        if not here.any():
            continue
        fair |= here & _thrown_out(case, service)
        if service.on_abandon != "finish":
            # Without blocking the worker may have been released before the caller left.
            noticed = left & ((freed >= case.end) | (begun & (not service.blocking)))
            fair |= here & noticed & (~begun | (service.on_abandon == "stop"))
    fine = f"{int(np.sum(dropped))} dropped, all of them abandoned or thrown out"
    return broken(dropped & ~fair, "attempts dropped that were still wanted", fine)


def _thrown_out(case: Case, service: ServiceInfo) -> Booleans:
    """Return which attempts, if let go, may have been by a restart of their service.

    That is at its beginning, or before where a worker does not wait for its attempt's calls:
    then the attempt has not ended before the restart.
    """
    faults = case.trace.layout.faults
    falls = case.trace.layout.crashes_of(case.trace.layout.service_index(service.name))
    starts = sorted(
        {
            *(f.start for f in faults if f.kind == "restart" and f.on == service.name),
            *(each.at for each in falls),
        }
    )
    moments = np.array([*starts, np.inf])
    freed = case.trace.attempts["freed"]
    following = moments[np.minimum(np.searchsorted(moments, freed), len(starts))]
    left = case.is_outcome(*_LEFT)
    outlasts = np.isfinite(following) & (left | ~(case.end < following))
    thrown: Booleans = freed == following if service.blocking else outlasts
    return thrown


def _attempts_belong(case: Case) -> Finding:
    rows, layout = case.trace.attempts, case.trace.layout
    first = np.array([each.first_replica for each in layout.services] or [0])[case.service]
    count = np.array([each.replicas for each in layout.services] or [0])[case.service]
    elsewhere = case.sent & ((rows["replica"] < first) | (rows["replica"] >= first + count))
    if elsewhere.any():
        return broken(elsewhere, "attempts sent to another service's replica", "")
    (children,) = np.nonzero(rows["parent"] >= 0)
    parents = rows["parent"][children]
    wrong = np.zeros(len(rows), dtype=np.bool_)
    wrong[children] = rows["request"][children] != rows["request"][parents]
    places = {each.name: index for index, each in enumerate(layout.services)}
    callers = np.array([places.get(call.caller, -1) for call in layout.calls] or [0])
    wrong[children] |= callers[rows["call"][children]] != case.service[parents]
    wrong[children] |= ~_made_in_time(case)[children]
    hedge, beside = hedges(case.trace)
    wrong[hedge] |= beside < 0
    from_client = np.array([call.from_client for call in layout.calls] or [True])
    wrong |= from_client[rows["call"]] != (rows["parent"] < 0)
    fine = f"{len(children)} attempts made by services, each on behalf of one in work"
    return broken(wrong, "attempts that do not fit whoever made them", fine)


def _made_in_time(case: Case) -> Booleans:
    """Return whether each attempt was made while its parent was being served.

    That is while a worker was held or, in a service that does not block, after the worker was
    released and before the answer.
    """
    parent = case.trace.attempts["parent"]
    begin, freed, end = case.begin[parent], case.freed[parent], case.end[parent]
    blocking = np.array([each.blocking for each in case.trace.layout.services] or [True])
    answered = case.is_outcome(*_ANSWERED)[parent]
    served = (begin <= case.start) & (case.start <= freed)
    passed_on = (case.trace.attempts["freed"][parent] <= case.start) & (
        ~answered | (case.start <= end)
    )
    in_time: Booleans = np.where(blocking[case.service[parent]], served, passed_on)
    return in_time


def _bulkheads_hold(case: Case) -> Finding:
    """No caller process has more attempts under way than its bulkhead has places."""
    rows, found = case.trace.attempts, []
    _, sent_by = case.sent_between
    ends = np.where(np.isnan(case.end), case.trace.duration, case.end)
    whole = ((0.0, case.trace.duration),)
    for index, call in enumerate(case.trace.layout.calls):
        if call.max_concurrent is None:
            continue
        (mine,) = np.nonzero((rows["call"] == index) & case.sent)
        # A service's process is the replica that makes the call; a client's is not on record.
        process = np.zeros(len(mine)) if call.from_client else rows["replica"][rows["parent"][mine]]
        places = call.max_concurrent * (call.processes if call.from_client else 1)
        peak = 0
        for each in np.unique(process):
            chosen = mine[process == each]
            # Never later than it was sent, so the count is a lower bound.
            spans = Spans(np.minimum(sent_by[chosen], ends[chosen]), ends[chosen])
            peak = max(peak, spans.peak(whole))
        if peak > places:
            return Finding(False, f"{call.name}: {peak} attempts under way in {places} places")
        found.append(f"{call.name} {peak}/{places}")
    return Finding(True, "at most " + ", ".join(found) if found else "no bulkheads")


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
