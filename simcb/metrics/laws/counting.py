"""Laws of counting: nothing is lost, nothing happens twice, nothing before its cause."""

from __future__ import annotations

import numpy as np

from simcb.metrics.laws.case import TOLERANCE, Case, Finding, LawCheck, broken
from simcb.trace import REQUEST_CODE, STATE_NAMES, AttemptOutcome, RequestOutcome

_UNSENT = (AttemptOutcome.REJECTED, AttemptOutcome.SHED)
_SENT = (
    AttemptOutcome.OK,
    AttemptOutcome.ERROR,
    AttemptOutcome.TIMEOUT,
    AttemptOutcome.REFUSED,
    AttemptOutcome.ABANDONED,
    AttemptOutcome.IN_FLIGHT,
)


def _indexes_point_at_something(case: Case) -> Finding:
    trace, layout = case.trace, case.trace.layout
    replicas = max((each.first_replica + each.replicas for each in layout.services), default=0)
    limits = [
        ("requests", "group", 0, len(layout.groups)),
        ("attempts", "request", 0, len(trace.requests)),
        ("attempts", "parent", -1, len(trace.attempts)),
        ("attempts", "call", 0, len(layout.calls)),
        ("attempts", "replica", -1, replicas),
        ("attempts", "breaker", -1, len(layout.breakers)),
        ("attempts", "outcome", 0, len(AttemptOutcome)),
        ("requests", "outcome", 0, len(RequestOutcome)),
        ("transitions", "breaker", 0, len(layout.breakers)),
        ("transitions", "before", 0, len(STATE_NAMES)),
        ("transitions", "after", 0, len(STATE_NAMES)),
        ("samples", "replica", 0, replicas),
        ("counters", "breaker", 0, len(layout.breakers)),
    ]
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
    unsent = case.is_outcome(*_UNSENT)
    rejected = int(np.sum(case.is_outcome(AttemptOutcome.REJECTED)))
    shed, sent = int(np.sum(unsent)) - rejected, int(np.sum(case.sent))
    fine = f"{len(unsent)} = {rejected} rejected + {shed} shed + {sent} sent"
    return broken(unsent == case.sent, "attempts both turned away and sent, or neither", fine)


def _sent_add_up(case: Case) -> Finding:
    sent = int(np.sum(case.sent))
    counts = [int(np.sum(case.sent & case.is_outcome(outcome))) for outcome in _SENT]
    parts = " + ".join(f"{n} {outcome}" for n, outcome in zip(counts, _SENT, strict=True))
    if sum(counts) != sent:
        return Finding(False, f"{sent} sent attempts are not {parts}")
    in_flight = case.is_outcome(AttemptOutcome.IN_FLIGHT)
    wrong = in_flight != np.isnan(case.trace.attempts["end"])
    return broken(wrong, "attempts in flight with an end, or the reverse", f"{sent} = {parts}")


def _arrivals_add_up(case: Case) -> Finding:
    rows = case.trace.attempts
    refused = case.is_outcome(AttemptOutcome.REFUSED)
    begun, freed = ~np.isnan(rows["begin"]), ~np.isnan(rows["freed"])
    if (worked := begun & (refused | ~case.sent)).any():
        return broken(worked, "attempts refused or never sent, yet worked on", "")
    found = []
    for index, service in enumerate(case.trace.layout.services):
        here = case.sent & (case.service == index)
        taken = here & ~refused
        parts = {
            "completed": taken & begun & freed,
            "refused": here & refused,
            "dropped": taken & ~begun & freed,
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


def _time_runs_forward(case: Case) -> Finding:
    attempts, requests, end = case.trace.attempts, case.trace.requests, case.trace.duration
    late = (attempts["end"] < case.start) | (case.begin < case.start)
    late |= (attempts["freed"] < case.begin) | (case.start < 0.0)
    for column in ("start", "end", "begin", "freed"):
        late |= attempts[column] > end
    if late.any():
        return broken(late, "attempts with moments out of order", "")
    early = (requests["end"] < requests["arrival"]) | (requests["arrival"] < 0.0)
    early |= (requests["arrival"] > end) | (requests["end"] > end)
    return broken(early, "requests with moments out of order", "every moment follows its cause")


def _timeouts_are_kept(case: Case) -> Finding:
    limits = [np.inf if c.timeout is None else c.timeout for c in case.trace.layout.calls]
    if not len(case.start):
        return Finding(True, "no attempts")
    limit = np.array(limits)[case.trace.attempts["call"]]
    waited = np.nan_to_num(case.trace.attempts["end"], nan=case.trace.duration) - case.start
    slack = TOLERANCE * np.maximum(1.0, case.start)
    timed_out = case.is_outcome(AttemptOutcome.TIMEOUT)
    wrong = (waited > limit + slack) | (timed_out & (waited < limit - slack))
    fine = f"{int(np.sum(timed_out))} timed out, each after exactly its timeout"
    return broken(wrong, "attempts waited for longer than their timeout, or timed out early", fine)


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
    callers = np.array([_service_index(case, call.caller) for call in layout.calls] or [0])
    wrong[children] |= callers[rows["call"][children]] != case.service[parents]
    while_served = (case.begin[parents] <= case.start[children]) & (
        case.start[children] <= case.freed[parents]
    )
    wrong[children] |= ~while_served
    from_client = np.array([call.from_client for call in layout.calls] or [True])
    wrong |= from_client[rows["call"]] != (rows["parent"] < 0)
    fine = f"{len(children)} attempts made by services, each while its worker was held"
    return broken(wrong, "attempts that do not fit whoever made them", fine)


def _service_index(case: Case, name: str) -> int:
    names = [each.name for each in case.trace.layout.services]
    return names.index(name) if name in names else -1


SOUND = LawCheck("every index points at something", _indexes_point_at_something)
"""Where this law is broken no other can be checked."""

CHECKS = (
    SOUND,
    LawCheck("requests = ok + degraded + failed + unfinished", _requests_add_up),
    LawCheck("attempts = rejected + shed + sent", _attempts_add_up),
    LawCheck(
        "sent = ok + error + timeout + refused + abandoned + in flight",
        _sent_add_up,
    ),
    LawCheck(
        "arrivals = completed + refused + dropped + in service + queued",
        _arrivals_add_up,
    ),
    LawCheck("no moment comes before its cause", _time_runs_forward),
    LawCheck("no wait outlasts its timeout", _timeouts_are_kept),
    LawCheck("every attempt belongs to its caller and its service", _attempts_belong),
)
