"""The audit: a good trace breaks no law, and every law is broken by some forgery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from test_metrics.building import NAN, TraceBuilder

from simcb.metrics import audit
from simcb.metrics.laws import LAWS
from simcb.trace import (
    ATTEMPT_CODE,
    REQUEST_CODE,
    STATE_CODE,
    AttemptOutcome,
    RequestOutcome,
    Trace,
)


def honest() -> Trace:
    """A front calls a back through a breaker: work, a queue, a timeout, a refusal, rejections.

    The front has two workers and the back one, which is why request 1 waits there. Request 2
    times out at the back and trips the breaker, 3 is rejected, 4 is refused by the front, 5 is
    the probe that closes the breaker, 6 is in flight and 7 in the queue when the run ends.
    """
    build = TraceBuilder(
        100.0,
        services=[("front", 1, 2), ("back", 1, 1)],
        calls=[("shop", "front", 20.0), ("front", "back", 5.0)],
        breakers=[(1, -1)],
    )
    served(build, 0.0, work=3.0)
    served(build, 1.0, work=1.0, wait=2.0)
    row = build.request(10.0, 5.0, "failed")
    top = build.attempt(10.0, 15.0, request=row, begin=10.0, freed=15.0, outcome="error")
    build.attempt(
        10.0,
        15.0,
        request=row,
        parent=top,
        call=1,
        begin=10.0,
        freed=18.0,
        outcome="timeout",
        breaker=0,
    )
    build.transition(15.0, "closed", "open")
    row = build.request(16.0, 0.0, "failed")
    top = build.attempt(16.0, 16.0, request=row, begin=16.0, freed=16.0, outcome="error")
    build.attempt(16.0, request=row, parent=top, call=1, outcome="rejected", breaker=0)
    row = build.request(17.0, 0.0, "failed")
    build.attempt(17.0, request=row, outcome="refused")
    build.transition(40.0, "open", "half_open")
    served(build, 40.0, work=1.0)
    build.transition(41.0, "half_open", "closed")
    for number in range(2):
        row = build.request(97.0 + number, None)
        top = build.attempt(97.0 + number, request=row, begin=97.0 + number, outcome="in_flight")
        build.attempt(
            97.0 + number,
            request=row,
            parent=top,
            call=1,
            begin=None if number else 97.0,
            outcome="in_flight",
            breaker=0,
        )
    for at, front, queued, back in (
        (0.0, 1, 0, 1),
        (2.0, 2, 1, 1),
        (15.0, 0, 0, 1),
        (99.0, 2, 1, 1),
    ):
        build.sample(at, 0, front, 2, replica=0)
        build.sample(at, queued, back, 1, replica=1)
    build.counter(admitted=6, rejected=1, successes=3, failures=1)
    return build.trace()


def served(build: TraceBuilder, at: float, *, work: float, wait: float = 0.0) -> None:
    """Add a request that the front passes on to the back, which answers."""
    end = at + wait + work
    row = build.request(at, wait + work)
    top = build.attempt(at, end, request=row, begin=at, freed=end)
    build.attempt(at, end, request=row, parent=top, call=1, begin=at + wait, freed=end, breaker=0)


def broken_laws(trace: Trace) -> set[str]:
    """Return the names of the laws that a trace breaks."""
    return {law.name for law in audit(trace) if not law.holds}


def test_an_honest_trace_breaks_no_law() -> None:
    """Every law holds and shows its numbers."""
    laws = audit(honest())
    assert len(laws) == len(LAWS) >= 18
    assert [law for law in laws if not law.holds] == []
    assert all(law.detail for law in laws)


def test_an_empty_trace_breaks_no_law() -> None:
    """A run in which nobody came is lawful."""
    assert broken_laws(TraceBuilder().trace()) == set()


def changed(table: str, row: int, **values: float) -> Callable[[Trace], Trace]:
    """Return a forger that overwrites some columns of one row."""

    def forge(trace: Trace) -> Trace:
        rows = getattr(trace, table).copy()
        for column, value in values.items():
            rows[column][row] = value
        return replace(trace, **{table: rows})

    return forge


def shortened(table: str) -> Callable[[Trace], Trace]:
    """Return a forger that drops a table's last row."""
    return lambda trace: replace(trace, **{table: getattr(trace, table)[:-1]})


OK, ERROR = ATTEMPT_CODE[AttemptOutcome.OK], ATTEMPT_CODE[AttemptOutcome.ERROR]
REJECTED = ATTEMPT_CODE[AttemptOutcome.REJECTED]
CLOSED, OPEN = STATE_CODE["closed"], STATE_CODE["open"]

FORGERIES: list[tuple[str, Callable[[Trace], Trace], str]] = [
    ("an outcome nobody knows", changed("requests", 0, outcome=99), "every index"),
    ("an attempt of no outcome", changed("attempts", 0, outcome=77), "every index"),
    ("a breaker that never was", changed("transitions", 2, breaker=5), "every index"),
    ("an attempt for nobody", changed("attempts", 2, request=1000), "every index"),
    ("a call nobody makes", changed("attempts", 2, call=2), "every index"),
    (
        "a finished request without an end",
        changed("requests", 0, outcome=REQUEST_CODE[RequestOutcome.UNFINISHED]),
        "requests =",
    ),
    ("a rejected attempt that was sent", changed("attempts", 7, replica=1), "attempts ="),
    ("an ok attempt that was not", changed("attempts", 0, replica=-1), "attempts ="),
    ("a settled attempt without an end", changed("attempts", 0, end=NAN), "sent ="),
    ("a refused attempt that was served", changed("attempts", 8, begin=17.0), "arrivals ="),
    ("work before the attempt", changed("attempts", 0, begin=-1.0), "no moment"),
    ("a way where there is none", changed("attempts", 3, arrive=2.0), "no moment"),
    ("an end before the arrival", changed("requests", 5, end=30.0), "no moment"),
    ("work after the end of the run", changed("attempts", 5, freed=101.0), "no moment"),
    ("a wait beyond the timeout", changed("attempts", 5, end=16.0), "no wait"),
    ("a timeout too early", changed("attempts", 5, end=12.0), "no wait"),
    ("an attempt at a stranger's replica", changed("attempts", 5, replica=0), "every attempt"),
    ("a child of another request", changed("attempts", 5, request=0), "every attempt"),
    ("a child of an idle parent", changed("attempts", 5, start=9.0), "every attempt"),
    ("more busy than there are workers", changed("attempts", 3, begin=2.0), "0 <= busy"),
    ("a worker idle beside a queue", changed("attempts", 3, begin=3.5), "no idle worker"),
    ("a sample with an idle worker", changed("samples", 3, busy=0), "no idle worker"),
    ("a younger attempt first", changed("attempts", 1, begin=3.5), "first come"),
    ("a sample that invents a queue", changed("samples", 0, queued=3), "samples ="),
    ("a sample that forgets work", changed("samples", 2, busy=1), "samples ="),
    ("a probe from a closed breaker", changed("transitions", 0, after=2), "breakers only"),
    ("a step from another state", changed("transitions", 1, before=CLOSED), "breakers only"),
    ("a step before the last one", changed("transitions", 1, at=14.0), "breakers only"),
    ("a step after the end of the run", changed("transitions", 2, at=120.0), "times in the"),
    ("one admission too many", changed("counters", 0, admitted=7), "breakers' counts"),
    ("a rejection by nobody", changed("attempts", 7, breaker=-1), "breakers' counts"),
    ("a rejection nobody made", changed("counters", 0, rejected=2), "breakers' counts"),
    ("a permit never settled", changed("counters", 0, successes=2), "breakers' counts"),
    ("a permit settled three times", changed("counters", 0, successes=6), "breakers' counts"),
    ("lost counts", shortened("counters"), "breakers' counts"),
    ("an attempt past an open breaker", changed("transitions", 1, at=40.5), "nothing passes"),
    (
        "a rejection by a closed breaker",
        changed("transitions", 0, at=16.5),
        "nothing passes",
    ),
]


@pytest.mark.parametrize(
    ("forge", "law"),
    [(forge, law) for _, forge, law in FORGERIES],
    ids=[name for name, _, _ in FORGERIES],
)
def test_a_forgery_is_found_by_the_law_it_breaks(forge: Callable[[Trace], Trace], law: str) -> None:
    """One changed number breaks the law it should, with a detail that leads to it."""
    broken = broken_laws(forge(honest()))
    assert any(name.startswith(law) for name in broken), broken


def test_replica_breakers_may_turn_away_more_than_attempts_show() -> None:
    """A caller that asks several breakers in turn writes down the last one only."""
    build = TraceBuilder(services=[("db", 2, 1)], breakers=[(0, 0), (0, 1)])
    build.transition(0.0, "closed", "open", breaker=0)
    build.transition(0.0, "closed", "open", breaker=1)
    row = build.request(1.0, 0.0, "failed")
    build.attempt(1.0, request=row, outcome="rejected", breaker=1)
    build.counter(0, rejected=1)
    build.counter(1, rejected=1)
    assert broken_laws(build.trace()) == set()


def with_shrunk_capacity(late_begin: float) -> Trace:
    """Two of four workers are taken away from 10 s to 50 s while four are held until 30 s.

    A fifth attempt, made at 12 s, begins at `late_begin`.
    """
    build = TraceBuilder(services=[("db", 1, 4)], faults=[("less", 10.0, 50.0)])
    slowed = replace(build.layout.faults[0], kind="capacity")
    build.layout = replace(build.layout, faults=(slowed,))
    for number in range(4):
        build.served(number / 10, 30.0 - number / 10 + 5.0 * (number % 2))
    build.served(12.0, 1.0, wait=late_begin - 12.0)
    held = [0.0, 0.1, 0.2, 0.3, late_begin]
    freed = [30.0, 35.0, 30.0, 35.0, late_begin + 1.0]
    for at in (5.0, 11.0, 20.0, 29.0, 32.0, 34.0, 36.0, 60.0):
        busy = sum(a <= at < b for a, b in zip(held, freed, strict=True))
        queued = int(12.0 <= at < late_begin)
        build.sample(at, queued, busy, 2 if 10.0 <= at < 50.0 else 4)
    return build.trace()


def test_workers_held_when_capacity_shrinks_are_no_breach() -> None:
    """Four stay busy with a capacity of two; the next begins when fewer than two are held."""
    assert broken_laws(with_shrunk_capacity(35.0)) == set()


def test_work_begun_beyond_a_shrunk_capacity_is_found() -> None:
    """Two are held and two are allowed: a third may not begin."""
    assert {name[:9] for name in broken_laws(with_shrunk_capacity(33.0))} == {"0 <= busy"}


def test_details_lead_to_the_first_broken_row() -> None:
    """The report of a broken law names a row."""
    laws = audit(changed("attempts", 5, end=16.0)(honest()))
    (detail,) = [law.detail for law in laws if law.name.startswith("no wait")]
    assert "row 5" in detail


def test_the_audit_leaves_the_trace_as_it_is() -> None:
    """Auditing and measuring only read: the digest stays, also on read-only columns."""
    trace = honest()
    for table in (trace.requests, trace.attempts, trace.samples, trace.transitions):
        table.flags.writeable = False
    before = trace.digest()
    audit(trace)
    assert trace.digest() == before
    assert not np.isnan(trace.duration)
