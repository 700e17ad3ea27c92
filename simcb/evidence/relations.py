"""Pairs of runs that must be alike, whatever the right numbers are."""

from __future__ import annotations

import numpy as np

from simcb.evidence.case import Case, Claim, Observed, Observer, Relation, Seen
from simcb.evidence.observing import Floats, Rows, observer, openings
from simcb.options import JobOptions, SweepOptions
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.studies.evaluation.cells import packed, unpacked
from simcb.studies.sweep import sweep

_BODY = """clients:
  users:
    arrivals: {{kind: poisson, rate: {rate}/s}}
    calls:
      api: {{timeout: {timeout:g}ms, retry: {{max_retries: 2}}{breaker}}}
services:
  api: {{workers: 4, queue: {{limit: 20}}, work: {{kind: lognormal, mean: {work:g}ms, cv: 1}}}}
"""


def _system(*faults: str, times: float = 1.0, duration: float = 60.0, breaker: str = "") -> str:
    """Return a busy service that hangs for a while, all of it but other faults `times` as slow."""
    hang = f"kind: hang, on: api, share: 50%, at: {20 * times:g}s, for: {10 * times:g}s"
    body = _BODY.format(rate=30 / times, timeout=500 * times, work=100 * times, breaker=breaker)
    head = f"duration: {duration * times:g}s\nsample_every: {times:g}s\n"
    listed = "".join(f"  - {{{fault}}}\n" for fault in (hang, *faults))
    return f"{head}{body}faults:\n{listed}"


def _shop(*, turned: bool) -> str:
    """Return groups and services that call each other; turned, with all names the other way round.

    Only what a user needs has an order, and a list has one.
    """

    def named(*entries: str) -> str:
        return "{" + ", ".join(entries[::-1] if turned else entries) + "}"

    backoff = named("kind: exponential", "base: 50ms", "factor: 2", "max: 1s")
    retry = named("max_retries: 2", f"backoff: {backoff}", "jitter: full")
    breaker = named("failure_threshold: 4", "recovery_timeout: 2s")
    call = named("timeout: 400ms", f"retry: {retry}", f"breaker: {breaker}")
    calls = f"calls: {{front: {call}, stock: {call}}}"
    few, many = (named("kind: poisson", f"rate: {rate}") for rate in ("15/s", "20/s"))
    groups = (
        "browsers: " + named(f"arrivals: {many}", calls),
        "phones: " + named(f"arrivals: {few}", calls),
    )
    work = f"work: {named('kind: lognormal', 'mean: 60ms', 'cv: 1')}"
    services = (
        "front: " + named("replicas: 2", "workers: 4", "work: 10ms", f"calls: {{back: {call}}}"),
        "stock: " + named("workers: 4", "queue: {limit: 10}", work),
        "back: " + named("workers: 4", work, "errors: 5%"),
    )
    hang = named("kind: hang", "on: back", "share: 50%", "at: 15s", "for: 10s")
    parts = (
        "duration: 45s",
        f"clients: {named(*groups)}",
        f"services: {named(*services)}",
        f"faults: [{hang}]",
    )
    return "\n".join(parts[::-1] if turned else parts) + "\n"


_CALM = """duration: 60s
clients:
  users:
    arrivals: {kind: poisson, rate: 45/s}
    calls: {front: {retry: {max_retries: 2}, breaker: {failure_threshold: 1}}}
services:
  front:
    workers: 40
    work: {kind: exponential, mean: 20ms}
    calls: {back: {network: 5ms, breaker: {failure_threshold: 1}}}
  back: {workers: 4, work: {kind: lognormal, mean: 100ms, cv: 1}}
"""


def _open(workers: int, work: str) -> str:
    """Return replicas near their limit; nobody asks again, whatever the answer takes."""
    return (
        "duration: 60s\n"
        "clients: {users: {arrivals: {kind: poisson, rate: 38/s}, calls: {api: {}}}}\n"
        f"services: {{api: {{replicas: 2, workers: {workers}, "
        f"work: {{kind: lognormal, mean: {work}, cv: 1}}}}}}\n"
    )


@observer
def _changed(
    seen: Seen, one: str, other: str, table: str = "requests", until: float = np.inf
) -> float:
    """Observe how many rows of two runs differ, in any byte, of those over before a moment."""
    rows = [_begun(seen[run], table, until) for run in (one, other)]
    if len(rows[0]) != len(rows[1]):
        return float(abs(len(rows[0]) - len(rows[1])))
    ours, theirs = (np.frombuffer(each.tobytes(), np.uint8) for each in rows)
    differ = (ours != theirs).reshape(len(rows[0]), -1).any(axis=1)
    late = np.fmin(rows[0]["end"], rows[1]["end"]) >= until
    return float(np.sum(differ & ~late))


def _begun(observed: Observed, table: str, until: float) -> Rows:
    """Return the requests or attempts that begin before a moment."""
    rows: Rows = getattr(observed.trace, table)
    return rows[rows[{"requests": "arrival", "attempts": "start"}[table]] < until]


def _stretched(seen: Seen) -> float:
    """Observe how many requests of the slow run do not take exactly twice as long."""
    fast, slow = (seen[run].trace.requests for run in ("", "slow"))
    if len(fast) != len(slow):
        return float(abs(len(fast) - len(slow)))
    same = np.isclose(2.0 * fast["end"], slow["end"], rtol=1e-12, atol=0.0, equal_nan=True)
    return float(np.sum(~same | (fast["outcome"] != slow["outcome"])))


def _failed_requests(seen: Seen) -> float:
    """Observe how many requests neither end well nor are still waiting."""
    fine = [REQUEST_CODE[each] for each in (RequestOutcome.OK, RequestOutcome.UNFINISHED)]
    return float(np.sum(~np.isin(seen[""].trace.requests["outcome"], fine)))


def _failed_attempts(seen: Seen) -> float:
    """Observe how many attempts neither end well nor are still under way."""
    fine = [ATTEMPT_CODE[each] for each in (AttemptOutcome.OK, AttemptOutcome.IN_FLIGHT)]
    return float(np.sum(~np.isin(seen[""].trace.attempts["outcome"], fine)))


@observer
def _slower(seen: Seen, run: str) -> float:
    """Observe how many requests end later in a run than they usually do."""
    usual, better = (
        np.nan_to_num(seen[each].trace.requests["end"], nan=np.inf) for each in ("", run)
    )
    return float(np.sum(better > usual + 1e-9))


def _unlike_in_a_sweep(seen: Seen) -> float:
    """Observe how many numbers of the run are others in a sweep, with more before and after it."""
    run = seen[""]
    replicate = run.trace.replicate
    options = SweepOptions({"api.workers": [3, 4]}, replicates=replicate + 2)
    swept = sweep(run.scenario, options, JobOptions(workers=0))
    alone: Floats = unpacked(packed(run.measures, swept.table.columns))
    among = swept.table.values[1, replicate]
    return float(np.sum(~((alone == among) | (np.isnan(alone) & np.isnan(among)))))


def _relation(name: str, law: str, scenarios: dict[str, str], claims: dict[str, Observer]) -> Case:
    """Return a case of which nothing may be seen: at most 0, so that one in any run fails it."""
    none = (Claim(what, 0.0, seen, relation=Relation.AT_MOST) for what, seen in claims.items())
    return Case(name, law, "no oracle needed", scenarios, tuple(none), replicates=2)


_HANG = "kind: hang, on: api"

CASES = (
    _relation(
        "idle-breaker",
        "a breaker that cannot trip, or is disabled, changes no request",
        {
            "": _system(),
            "idle": _system(breaker=", breaker: {failure_threshold: 1000000}"),
            "disabled": _system(breaker=", breaker: {failure_threshold: 1, enabled: false}"),
        },
        {
            "requests changed if it cannot trip": _changed("", "idle"),
            "requests changed if disabled": _changed("", "disabled"),
        },
    ),
    _relation(
        "idle-fault",
        "a fault of zero length, zero rate or share, or after the end, changes no request",
        {
            "": _system(),
            "no-length": _system(
                "kind: refuse, on: api, at: 5s, for: 0s",
                "kind: pause, on: api, at: 10s, for: 0s, repeat: {every: 1s, times: 30}",
            ),
            "no-rate": _system(
                "kind: errors, on: api, rate: 0%, at: 5s, for: 50s",
                "kind: refuse, on: api, share: 0%, at: 5s, for: 50s",
            ),
            "late": _system(
                "kind: refuse, on: api, at: 60s, for: 1m",
                "kind: restart, on: api, at: 2h, for: 1m",
            ),
        },
        {
            "requests changed by zero length": _changed("", "no-length"),
            "requests changed by zero rate": _changed("", "no-rate"),
            "requests changed from the end on": _changed("", "late"),
        },
    ),
    _relation(
        "nothing-fails",
        "no fault, no errors, no timeout and no limit: nothing fails, even at 112 % of capacity",
        {"": _CALM},
        {
            "requests failed": _failed_requests,
            "attempts failed": _failed_attempts,
            "breakers opened": openings,
        },
    ),
    _relation(
        "permuted-file",
        "clients, services, keys in another order change nothing; a user's calls alone have one",
        {"": _shop(turned=False), "turned": _shop(turned=True)},
        {
            "requests changed": _changed("", "turned"),
            "attempts changed": _changed("", "turned", "attempts"),
        },
    ),
    _relation(
        "adjoining-faults",
        "two windows of a fault that adjoin are one",
        {
            "": _system(f"{_HANG}, at: 35s, for: 10s"),
            "two": _system(f"{_HANG}, at: 35s, for: 4s", f"{_HANG}, at: 39s, for: 6s"),
            "again": _system(f"{_HANG}, at: 35s, for: 5s, repeat: {{every: 5s, times: 2}}"),
        },
        {
            "attempts changed by two faults": _changed("", "two", "attempts"),
            "attempts changed by one that repeats": _changed("", "again", "attempts"),
        },
    ),
    _relation(
        "never-slower",
        "without feedback, more workers or shorter work makes no single request slower",
        {"": _open(2, "100ms"), "more": _open(3, "100ms"), "shorter": _open(2, "80ms")},
        {
            "requests slower with more workers": _slower("more"),
            "requests slower with shorter work": _slower("shorter"),
        },
    ),
    _relation(
        "prefix",
        "the first minute of a run of two is the run of one minute",
        {"": _system(), "long": _system(duration=120.0)},
        {"requests changed": _changed("", "long", until=60.0)},
    ),
    _relation(
        "doubled-times",
        "all times doubled and all rates halved: every moment doubles, no outcome changes",
        {"": _system(), "slow": _system(times=2.0)},
        {"requests changed": _stretched},
    ),
    _relation(
        "replicate-in-sweep",
        "replicate i alone is replicate i of a sweep, whatever else is swept",
        {"": _system()},
        {"numbers changed": _unlike_in_a_sweep},
    ),
)
