"""Relations between runs that hold whatever the right numbers are."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
from change_strategy import made
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_model import Record, differences, record_of
from scenario_strategy import Data, arrivals, scenario_data, works
from test_world.focused import FOCUSED

from simcb import studies
from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario import read_scenario
from simcb.trace import Trace
from simcb.world import simulate

few = settings(max_examples=10)


def calls_of(data: Data) -> Iterator[Data]:
    """Every call in a scenario's plain data."""
    for part in (*data["clients"].values(), *data["services"].values()):
        yield from part["calls"].values()


def changed(data: Data, change: Callable[[Data], object]) -> Data:
    """Return a copy of plain data on which `change` has been at work."""
    other = copy.deepcopy(data)
    change(other)
    return other


def run(data: Data, seed: int = 0) -> Trace:
    """Run plain data."""
    return simulate(made(data), seed)


def assert_same_events(one: Trace, other: Trace) -> None:
    """Fail unless every table is equal byte for byte, whatever the layouts."""
    for table in ("requests", "attempts", "transitions", "samples", "counters"):
        assert getattr(one, table).tobytes() == getattr(other, table).tobytes(), table


# -- Breakers that do nothing --


@few
@given(scenario_data())
def test_breaker_that_cannot_trip_changes_only_its_own_columns(data: Data) -> None:
    """Neither a disabled breaker nor one that never opens moves a byte of anything else."""

    def never_trip(each: Data) -> None:
        for call in calls_of(each):
            # A breaker of a replica chooses it before the attempt waits for its turn.
            per_replica = "timeout" in call and not {"bulkhead", "rate_limit"} & call.keys()
            breaker = {"failure_threshold": 1_000_000, "per_replica": per_replica}
            call["breaker"] = {**breaker, "recovery_timeout": 5.0}

    def disable(each: Data) -> None:
        for call in calls_of(each):
            call["breaker"] = {"failure_threshold": 1, "enabled": False}

    def keep_breakers(each: Data) -> None:
        kept = (
            (at["at"], {k: v for k, v in at["set"].items() if ".breaker" not in k})
            for at in each.get("changes", ())
        )
        each["changes"] = [{"at": at, "set": words} for at, words in kept if words]

    data = changed(data, keep_breakers)
    never, disabled = run(changed(data, never_trip)), run(changed(data, disable))
    without = simulate(made(data).without_breakers())
    assert disabled.digest() == without.digest()
    assert len(without.transitions) == len(never.transitions) == 0
    assert never.requests.tobytes() == without.requests.tobytes()
    assert never.samples.tobytes() == without.samples.tobytes()
    for column in never.attempts.dtype.names:
        if column != "breaker":
            assert never.attempts[column].tobytes() == without.attempts[column].tobytes()


def test_breaker_changes_no_luck() -> None:
    """With and without a breaker the n-th request has the same arrival and demand at each try."""
    scenario = read_scenario("slow-replica").with_({"duration": "100s"})
    guarded, bare = simulate(scenario), simulate(scenario.without_breakers())
    assert np.array_equal(guarded.requests["arrival"], bare.requests["arrival"])

    def demands(trace: Trace) -> dict[tuple[int, int], float]:
        # The first try of the first press at the storefront's database, where none hung.
        rows = trace.attempts
        retry = np.where(rows["parent"] >= 0, rows["retry"][rows["parent"]], -1)
        first = (retry == 0) & (rows["retry"] == 0) & (rows["flags"] == 0)
        first &= ~np.isnan(rows["freed"]) & (trace.requests["presses"][rows["request"]] == 1)
        held = rows["freed"] - rows["begin"]
        where = np.flatnonzero(first)
        return {(int(rows["request"][i]), int(rows["call"][i])): float(held[i]) for i in where}

    ours, theirs = demands(guarded), demands(bare)
    common = ours.keys() & theirs.keys()
    assert len(common) > 1000
    assert all(ours[key] == pytest.approx(theirs[key], abs=1e-9) for key in common)
    assert len(guarded.transitions) > 0


# -- Nothing goes wrong --


@few
@given(scenario_data(most_faults=0, whole=False))
def test_without_fault_error_or_timeout_nothing_fails(data: Data) -> None:
    """With no fault, no errors, no timeout and endless queues every answer is good."""

    def calm(each: Data) -> None:
        for call in calls_of(each):
            call.pop("timeout", None)
        for service in each["services"].values():
            service.pop("queue", None)
            service.pop("errors", None)

    record = record_of(run(changed(data, calm)))
    fine = {AttemptOutcome.OK, AttemptOutcome.IN_FLIGHT, AttemptOutcome.ABANDONED}
    assert {attempt.outcome for attempt in record.attempts} <= fine
    asked = {request.outcome for request in record.requests}
    assert asked <= {RequestOutcome.OK, RequestOutcome.UNFINISHED}
    assert not record.transitions


# -- Other units, other order --

_TIMES = {
    "duration", "sample_every", "at", "for", "ramp", "after", "timeout", "recovery_timeout",
    "delay", "base", "min", "max", "mean", "p50", "p99", "value", "low", "high", "values", "add",
}  # fmt: skip


def slowed(part: object, key: str = "", kind: str = "") -> object:
    """Return plain data with all times doubled and all rates of arrivals halved."""
    if isinstance(part, dict):
        inner = part.get("kind", "")
        if "at" in part and "rate" in part and "on" not in part:
            inner = "poisson"
        return {name: slowed(value, name, inner) for name, value in part.items()}
    if isinstance(part, list):
        return [slowed(value, key, kind) for value in part]
    if key in _TIMES and isinstance(part, float | int):
        return 2.0 * part
    if key == "rate" and kind in ("poisson", "constant") and isinstance(part, float | int):
        return part / 2.0
    return part


@few
@given(scenario_data(whole=False))
def test_twice_the_times_at_half_the_rates_is_the_same_story(data: Data) -> None:
    """Doubling all times and halving all rates doubles every moment and changes nothing else."""
    slow_data = slowed(data)
    assert isinstance(slow_data, dict)
    usual, slow = record_of(run(data)), record_of(run(slow_data))
    for request in slow.requests:
        request.arrival, request.end = request.arrival / 2, request.end / 2
    for attempt in slow.attempts:
        attempt.start, attempt.end = attempt.start / 2, attempt.end / 2
        attempt.begin, attempt.freed = attempt.begin / 2, attempt.freed / 2
        attempt.arrive = attempt.arrive / 2
    slow.transitions = [(at / 2, *rest) for at, *rest in slow.transitions]
    slow.samples = [(at / 2, *rest) for at, *rest in slow.samples]
    assert not differences(usual, slow)


@few
@given(scenario_data())
def test_order_of_names_in_the_file_means_nothing(data: Data) -> None:
    """Permuting clients, services and keys gives the same bytes.

    Only calls have an order, and what is set at one moment, which is told in the file's.
    """

    def turned(part: object, key: str = "") -> object:
        if isinstance(part, dict):
            names = list(part) if key in ("calls", "set") else list(reversed(part))
            return {name: turned(part[name], name) for name in names}
        return [turned(value) for value in part] if isinstance(part, list) else part

    other = turned(data)
    assert isinstance(other, dict)
    assert run(data).digest() == run(other).digest()


# -- Faults that are none --


@few
@given(
    scenario_data(whole=False), st.sampled_from(("latency", "errors", "hang", "refuse", "capacity"))
)
def test_fault_of_no_length_or_share_or_after_the_end_changes_nothing(
    data: Data, kind: str
) -> None:
    """A fault that never strikes moves nothing: of length 0, of share 0, or after the end."""
    words = {"latency": {"add": 1.0}, "errors": {"rate": 1.0}, "capacity": {"times": 0.0}}
    fault = {"kind": kind, "on": "api", "at": 1.0, "for": 1.0, **words.get(kind, {})}
    idle = [{**fault, "for": 0.0}]
    if kind != "capacity":
        idle.append({**fault, "share": 0.0})
    late = [{**fault, "at": data["duration"]}, {**fault, "at": data["duration"] + 60.0}]
    usual = run(data)
    assert usual.digest() == run({**data, "faults": data["faults"] + idle}).digest()
    assert_same_events(usual, run({**data, "faults": data["faults"] + late}))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "hang", "on": "api"},
        {"kind": "refuse", "on": "api"},
        {"kind": "errors", "on": "api", "rate": 1.0},
        {"kind": "latency", "on": "api", "times": 3.0},
        {"kind": "capacity", "on": "api", "times": 0.5},
        {"kind": "surge", "on": "browsers", "times": 2.0},
    ],
    ids=lambda fault: fault["kind"],
)
@settings(max_examples=5)
@given(data=scenario_data(most_faults=0, whole=False))
def test_two_adjoining_faults_are_one(fault: Data, data: Data) -> None:
    """A fault in two adjoining windows is the fault in one."""
    one = [{**fault, "at": 1.0, "for": 5.0}]
    two = [{**fault, "at": 1.0, "for": 2.0}, {**fault, "at": 3.0, "for": 3.0}]
    # Not byte for byte: a ramp of the rate cut in two is summed up in another order.
    records = [record_of(run({**data, "faults": windows})) for windows in (one, two)]
    assert not differences(*records)


# -- Time --


def until(record: Record, end: float) -> Record:
    """Return a record as it would stand at `end`: what comes later has not happened."""

    def known(moment: float) -> float:
        return moment if moment < end else nan

    requests = [
        replace(r, end=nan, outcome=RequestOutcome.UNFINISHED, presses=0, cause="")
        if isnan(known(r.end))
        else r
        for r in record.requests
        if r.arrival < end
    ]
    # When a degraded answer left a service, or a restart threw an attempt out whose worker
    # was free already, is not written down; their marks are compared once the caller knows.
    attempts = [
        replace(
            a,
            replica="" if a.start == a.end or isnan(known(a.arrive)) else a.replica,
            end=known(a.end),
            arrive=known(a.arrive),
            begin=known(a.begin),
            freed=known(a.freed),
            outcome=AttemptOutcome.IN_FLIGHT if isnan(known(a.end)) else a.outcome,
            degraded=a.degraded and a.outcome is AttemptOutcome.OK and not isnan(known(a.end)),
            hung=a.hung and not isnan(known(a.begin)),
            lost=a.lost and not isnan(known(a.end)),
            dropped=False,
        )
        for a in record.attempts
        if a.start < end
    ]
    transitions = [change for change in record.transitions if change[0] < end]
    samples = [sample for sample in record.samples if sample[0] < end]
    return Record(requests, attempts, transitions, samples)


@few
@given(scenario_data())
def test_first_half_of_a_run_is_the_run_of_half_the_length(data: Data) -> None:
    """The future has no influence: the first T of a run of 2T is the run of T."""
    half = data["duration"]
    long = until(record_of(run({**data, "duration": 2 * half})), half)
    short = until(record_of(run(data)), half)
    assert not differences(long, short)


# -- More is not worse --


@few
@given(st.data(), st.integers(1, 3), st.integers(1, 3))
def test_more_workers_never_make_a_request_slower(
    draw: st.DataObject, replicas: int, workers: int
) -> None:
    """Without feedback, one more worker on each replica delays no single request."""
    service = {"replicas": replicas, "workers": workers, "work": draw.draw(works())}
    _assert_never_slower(draw, service, {**service, "workers": workers + 1})


@few
@given(st.data(), st.integers(1, 3), st.floats(0.001, 0.2), st.floats(0.0, 1.0))
def test_shorter_work_never_makes_a_request_slower(
    draw: st.DataObject, workers: int, mean: float, shrunk: float
) -> None:
    """Without feedback, shorter work delays no single request."""
    usual = {"kind": "gamma", "mean": mean, "cv": 1.5}
    shorter = {**usual, "mean": max(mean * shrunk, 1e-6)}
    service = {"workers": workers}
    _assert_never_slower(draw, {**service, "work": usual}, {**service, "work": shorter})


def _assert_never_slower(draw: st.DataObject, service: Data, better: Data) -> None:
    groups = {
        name: {"arrivals": draw.draw(arrivals(8.0)), "calls": {"api": {}}} for name in ("a", "b")
    }
    data = {"name": "open loop", "duration": 8.0, "clients": groups}
    usual = run({**data, "services": {"api": service}}).requests["end"]
    improved = run({**data, "services": {"api": better}}).requests["end"]
    usual, improved = (np.where(np.isnan(ends), inf, ends) for ends in (usual, improved))
    assert np.all(improved <= usual + 1e-9)


# -- Company --


def test_replicate_alone_is_the_replicate_among_many() -> None:
    """Replicate i has the same bytes whether it is run alone or as one of several."""
    scenario = FOCUSED["breaker-for-each-replica"].scenario("company")
    together = studies.run(scenario, seed=5, replicates=3)
    alone = [simulate(scenario, 5, replicate).digest() for replicate in (2, 0, 1)]
    assert [one.trace.digest() for one in together.runs] == [alone[1], alone[2], alone[0]]
    assert len(set(alone)) == 3


@few
@given(scenario_data(), st.booleans())
def test_unrelated_company_changes_nothing(data: Data, first: bool) -> None:
    """Another group, its own service and that service's fault leave the rest as it was."""
    mark = "aaa" if first else "zzz"
    call = {"timeout": 0.1, "retry": {"max_retries": 1}, "breaker": {"failure_threshold": 2}}

    def join(each: Data) -> None:
        clients = {"arrivals": {"kind": "poisson", "rate": 7.3}, "calls": {mark: call}}
        each["clients"][mark] = clients
        each["services"][mark] = {"workers": 1, "work": 0.0517}
        fault = {"kind": "hang", "on": mark, "at": 1.03, "for": 2.07, "share": 0.5}
        each["faults"].insert(0, fault)

    usual, joined = record_of(run(data)), record_of(run(changed(data, join)))
    assert not differences(usual, without_company(joined, mark))


def without_company(record: Record, mark: str) -> Record:
    """Return a record without the group and the service of one name, places counted anew."""
    requests = [i for i, request in enumerate(record.requests) if request.group != mark]
    request_place = {old: new for new, old in enumerate(requests)}
    attempts = [i for i, attempt in enumerate(record.attempts) if attempt.request in request_place]
    attempt_place = {old: new for new, old in enumerate(attempts)} | {-1: -1}
    kept = [
        replace(a, request=request_place[a.request], parent=attempt_place[a.parent])
        for a in (record.attempts[i] for i in attempts)
    ]
    return Record(
        [record.requests[i] for i in requests],
        kept,
        [change for change in record.transitions if not change[1].startswith(f"{mark}->")],
        [sample for sample in record.samples if not sample[1].startswith(f"{mark}.")],
        {name: own for name, own in record.counters.items() if not name.startswith(f"{mark}->")},
    )


# -- Again --

_PRINT_DIGEST = """
import sys
from simcb.scenario import parse_scenario
from simcb.world import simulate
print(simulate(parse_scenario(sys.stdin.read()), 3, 1).digest())
"""


def test_result_does_not_depend_on_the_interpreter_that_made_it() -> None:
    """The digest is the same again, and in a fresh interpreter with another hash seed."""
    scenario = FOCUSED["breaker-for-each-replica"].scenario("again")
    digests = {simulate(scenario, 3, 1).digest() for _ in range(2)}
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_DIGEST],
        input=scenario.to_yaml(),
        env={**os.environ, "PYTHONHASHSEED": "4242"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    digests.add(done.stdout.strip())
    assert len(digests) == 1
