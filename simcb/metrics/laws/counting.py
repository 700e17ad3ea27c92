"""Laws of counting: nothing is lost, and every index points at something."""

from __future__ import annotations

import numpy as np

from simcb.metrics.laws.case import Case, Finding, LawCheck, broken
from simcb.trace import REQUEST_CODE, AttemptOutcome, Flag, RequestOutcome, column_limits

_SENT = (
    AttemptOutcome.OK,
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
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
    """Only one whose call has a bulkhead with a wait may still wait to be sent."""
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
    worked |= begun & case.is_outcome(AttemptOutcome.REFUSED)
    worked |= freed & ~begun & ~dropped & ~case.refused
    if worked.any():
        return broken(worked, "attempts worked on that never came in", "")
    found = []
    for index, service in enumerate(case.trace.layout.services):
        here = case.arrived & (case.service == index)
        taken = case.taken & here
        parts = {
            "completed": taken & begun & freed & ~dropped,
            "refused": case.refused & here,
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

CHECKS = (
    SOUND,
    LawCheck("requests = ok + degraded + failed + unfinished", _requests_add_up),
    LawCheck("attempts = rejected + shed + waiting + sent", _attempts_add_up),
    LawCheck(
        "sent = ok + error + timeout + refused + abandoned + in flight",
        _sent_add_up,
    ),
    LawCheck("sent = arrived + under way + lost", _ways_add_up),
    LawCheck(
        "arrivals = completed + refused + dropped + in service + queued",
        _arrivals_add_up,
    ),
)
