"""The audit of what the rarer words bring: networks, bulkheads, stacks, restarts, who gives up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from test_metrics.building import NAN, TraceBuilder

from simcb.metrics import audit, measure
from simcb.trace import ATTEMPT_CODE, AttemptOutcome, FaultInfo, Flag, Trace

ROW: dict[str, int] = {}
"""Rows of `honest` by what they tell."""


def honest() -> Trace:
    """A front that does not block, behind a network, calls a back whose queue is a stack.

    The front takes a second of work for each request and half a second of way each way. The back
    has one worker, is called through a bulkhead of three places with two seconds of patience,
    drops what was left behind, and restarts at 60 s. Its breaker stands around whole calls.
    """
    build = TraceBuilder(
        100.0,
        services=[("front", 1, 5), ("back", 1, 1)],
        calls=[("shop", "front", 20.0), ("front", "back", 5.0)],
        breakers=[(1, -1)],
    )
    front, back = build.layout.services
    shop, inner = build.layout.calls
    build.layout = replace(
        build.layout,
        services=(
            replace(front, blocking=False, on_abandon="stop"),
            replace(back, discipline="lifo", on_abandon="drop_queued"),
        ),
        calls=(
            replace(shop, network=True),
            replace(inner, max_concurrent=3, max_wait=2.0, around="request"),
        ),
        faults=(FaultInfo("new", "restart", "back", 60.0, 62.0),),
        deadlines=(50.0,),
    )
    dropped = int(Flag.DROPPED)
    passed(build, "alone", 1.5, begin=1.5, freed=3.5, end=3.5)
    passed(build, "first", 10.0, begin=10.0, freed=13.0, end=13.0)
    passed(build, "bottom", 10.5, begin=14.0, freed=14.5, end=14.5)
    passed(build, "top", 11.0, begin=13.0, freed=13.5, end=13.5)
    passed(build, "placed late", 11.1, arrive=13.0, begin=13.5, freed=14.0, end=14.0)
    passed(build, "shed", 11.2, arrive=NAN, end=13.2, outcome="shed", replica=-1)
    passed(build, "cut off", 59.0, begin=59.0, freed=60.0, end=60.0, outcome="error", flags=dropped)
    passed(build, "swept out", 59.5, freed=60.0, end=60.0, outcome="error", flags=dropped)
    passed(build, "too slow", 80.0, begin=80.0, freed=87.0, end=85.0, outcome="timeout")
    passed(build, "left", 81.0, freed=87.0, end=86.0, outcome="timeout", flags=dropped)
    asked(build, "lost", 70.0, end=90.0, arrive=NAN, outcome="timeout", flags=int(Flag.LOST))
    asked(build, "refused unheard", 75.0, end=95.0, arrive=95.5, freed=95.5, outcome="timeout")
    asked(build, "refused", 75.0, end=76.0, arrive=75.5, outcome="refused")
    asked(build, "under way", 99.8, arrive=NAN, outcome="in_flight")
    build.request(45.0, 50.0, "failed")
    build.counter(admitted=10, successes=5, failures=4, ignored=1)
    return build.trace()


def asked(build: TraceBuilder, name: str, start: float, **more: object) -> None:
    """Add a request with one attempt at the front that comes to nothing."""
    end = more.get("end")
    latency = None if end is None else float(str(end)) - start
    row = build.request(start, latency, "failed")
    ROW[name] = build.attempt(start, request=row, **more)  # type: ignore[arg-type]


def passed(build: TraceBuilder, name: str, at: float, **more: object) -> None:
    """Add a request that the front has worked on until `at` and then passes on to the back."""
    outcome = str(more.get("outcome", "ok"))
    end = float(str(more["end"])) + 0.5
    fate = "ok" if outcome == "ok" else "failed"
    row = build.request(at - 1.5, end - at + 1.5, fate)
    top = build.attempt(
        at - 1.5,
        end,
        request=row,
        arrive=at - 1.0,
        begin=at - 1.0,
        freed=at,
        outcome="ok" if outcome == "ok" else "error",
    )
    ROW[name] = build.attempt(at, request=row, parent=top, call=1, breaker=0, **more)  # type: ignore[arg-type]


def broken_laws(trace: Trace) -> set[str]:
    """Return the names of the laws that a trace breaks."""
    return {law.name for law in audit(trace) if not law.holds}


def test_an_honest_trace_breaks_no_law() -> None:
    """Every law holds, and the parts are counted by name."""
    laws = {law.name: law for law in audit(honest())}
    assert [law for law in laws.values() if not law.holds] == []
    (counted,) = (law.detail for name, law in laws.items() if name.startswith("arrivals = "))
    assert "front 12 = 10 completed + 2 refused" in counted
    assert "back 9 = 6 completed + 0 refused + 0 throttled + 3 dropped" in counted
    ways = laws["sent = arrived + under way + lost"].detail
    assert ways == "23 = 1 lost + 1 under way + 21 arrived"
    assert "front->back 3/3" in laws["no bulkhead holds more than its places"].detail


def forged(name: str, **values: float) -> Callable[[Trace], Trace]:
    """Return a forger that overwrites some columns of the attempt of that name."""

    def forge(trace: Trace) -> Trace:
        rows = trace.attempts.copy()
        for column, value in values.items():
            rows[column][ROW[name]] = value
        return replace(trace, attempts=rows)

    return forge


def other_policy(service: int | None = None, **words: object) -> Callable[[Trace], Trace]:
    """Return a forger that changes a word of a service or, without one, of the inner call."""

    def forge(trace: Trace) -> Trace:
        layout = trace.layout
        services, calls = list(layout.services), list(layout.calls)
        if service is None:
            calls[1] = replace(calls[1], **words)  # type: ignore[arg-type]
        else:
            services[service] = replace(services[service], **words)  # type: ignore[arg-type]
        changed = replace(layout, services=tuple(services), calls=tuple(calls))
        return replace(trace, layout=changed)

    return forge


def counted(**counts: int) -> Callable[[Trace], Trace]:
    """Return a forger that overwrites the breaker's own counts."""

    def forge(trace: Trace) -> Trace:
        rows = trace.counters.copy()
        for column, value in counts.items():
            rows[column][0] = value
        return replace(trace, counters=rows)

    return forge


def late_leaver(trace: Trace) -> Trace:
    """Let the last user stay a second longer than the group's deadline."""
    rows = trace.requests.copy()
    rows["end"][-1] += 1.0
    return replace(trace, requests=rows)


OK, SHED = ATTEMPT_CODE[AttemptOutcome.OK], ATTEMPT_CODE[AttemptOutcome.SHED]
HUNG, DROPPED = int(Flag.HUNG), int(Flag.DROPPED)

FORGERIES: list[tuple[str, Callable[[Trace], Trace], str]] = [
    ("a lost attempt that arrives", forged("lost", arrive=70.5), "sent = arrived"),
    ("one that gets nowhere without a network", forged("first", arrive=NAN), "sent = arrived"),
    ("one that waits for no bulkhead", forged("under way", replica=-1), "attempts ="),
    ("one both shed and sent", forged("top", outcome=SHED), "attempts ="),
    ("one let go that was never taken", forged("lost", freed=71.0), "arrivals ="),
    ("an arrival before it was sent", forged("alone", arrive=1.4), "no moment"),
    ("work before the arrival", forged("placed late", begin=12.9), "no moment"),
    ("a way back in time", forged("refused", arrive=74.0), "no moment"),
    ("a user who stays on", late_leaver, "no wait"),
    ("a place waited for too long", forged("shed", end=13.5), "no wait"),
    ("a timeout before its time", forged("left", end=85.5), "no wait"),
    ("a place taken before it is free", forged("placed late", arrive=11.1), "no bulkhead"),
    ("an answer from nowhere", forged("lost", outcome=OK), "every answer"),
    ("a good answer to one that hung", forged("first", flags=HUNG), "every answer"),
    ("a good answer to one let go", forged("first", flags=DROPPED), "every answer"),
    ("an answer before the work is done", forged("top", end=13.4), "every answer"),
    ("a refusal before it is there", forged("refused", end=75.4), "every answer"),
    ("work lost before the restart", forged("cut off", freed=59.9), "only the unwanted"),
    ("a drop before the caller leaves", forged("left", freed=85.9), "only the unwanted"),
    ("work stopped that is only dropped", forged("too slow", flags=DROPPED), "only the unwanted"),
    ("a drop by one who finishes", other_policy(1, on_abandon="finish"), "only the unwanted"),
    ("a call before the worker is done", forged("alone", start=1.4), "every attempt"),
    ("a stack served from below", forged("bottom", begin=12.9), "first come"),
    ("a queue served from above", other_policy(1, discipline="fifo"), "first come"),
    ("a fourth in three places", other_policy(max_concurrent=2), "no bulkhead"),
    ("a refusal that queues", forged("refused unheard", freed=NAN), "no idle worker"),
    ("settled more than admitted", counted(failures=6), "breakers' counts"),
    ("a call over and not settled", counted(failures=3), "breakers' counts"),
]


@pytest.mark.parametrize(
    ("forge", "law"),
    [(forge, law) for _, forge, law in FORGERIES],
    ids=[name for name, _, _ in FORGERIES],
)
def test_a_forgery_is_found_by_the_law_it_breaks(forge: Callable[[Trace], Trace], law: str) -> None:
    """One changed number breaks the law it should."""
    broken = broken_laws(forge(honest()))
    assert any(name.startswith(law) for name in broken), broken


def test_what_is_lost_or_held_back_does_not_reach_the_service() -> None:
    """Of 24 attempts one is shed, one lost and one under way: 21 reach a service."""
    measures = measure(honest())
    assert measures.value("downstream_rate") == pytest.approx(21 / 100)
    assert measures.value("shed") == pytest.approx(1 / 24)
    assert measures.value("shed", of="back") == pytest.approx(1 / 10)
    assert measures.value("shed", of="front") == 0.0
    assert measures.value("queue_peak", of="back") == 2.0


def test_a_service_that_does_not_block_holds_no_worker_for_its_calls() -> None:
    """Its workers work a second for each request and wait for nobody."""
    measures = measure(honest())
    assert measures.value("utilisation", of="front") == pytest.approx(10 / 500)
    assert measures.value("worker_seconds_waiting", of="front") == 0.0


def test_a_service_that_drops_wastes_only_what_was_begun() -> None:
    """The back worked 2 s for the caller that left at 85 s, and not at all for the next."""
    measures = measure(honest())
    busy = 2.0 + 3.0 + 0.5 + 0.5 + 0.5 + 1.0 + 7.0
    assert measures.value("wasted_work", of="back") == pytest.approx(2.0 / busy)


def test_a_layout_saved_before_there_were_such_words_still_loads() -> None:
    """What a file does not say is as it was: fifo, blocking, no network, no deadline."""
    layout = honest().layout
    data = layout.to_dict()
    assert type(layout).from_dict(data) == layout
    del data["deadlines"]
    for service in data["services"]:
        del service["discipline"], service["blocking"], service["on_abandon"]
    for call in data["calls"]:
        del call["network"], call["max_concurrent"], call["max_wait"], call["around"]
    old = type(layout).from_dict(data)
    assert old.deadlines == ()
    assert {each.discipline for each in old.services} == {"fifo"}
    assert not any(each.network or each.max_wait for each in old.calls)
