"""Pairs of runs that must be alike, whatever the right numbers are."""

from __future__ import annotations

import numpy as np

from simcb.studies.evidence.case import Case, Claim, Observer, Seen

_BODY = """clients:
  users:
    arrivals: {{kind: poisson, rate: {rate}/s}}
    calls:
      api: {{timeout: {timeout:g}ms, retry: {{max_retries: 2}}{breaker}}}
services:
  api: {{workers: 4, queue: {{limit: 20}}, work: {{kind: lognormal, mean: {work:g}ms, cv: 1}}}}
"""


def _system(
    *, times: float = 1.0, duration: float = 60.0, breaker: str = "", faults: str = ""
) -> str:
    """Return a busy service that hangs for a while, all of it `times` as slow."""
    hang = f"{{kind: hang, on: api, share: 50%, at: {20 * times:g}s, for: {10 * times:g}s}}"
    body = _BODY.format(rate=30 / times, timeout=500 * times, work=100 * times, breaker=breaker)
    head = f"duration: {duration * times:g}s\nsample_every: {times:g}s\n"
    return f"{head}{body}faults:\n  - {hang}\n{faults}"


def _differences(one: str, other: str, *columns: str, until: float = np.inf) -> Observer:
    """Observe in how many requests that end before a moment two runs differ."""

    def observe(seen: Seen) -> float:
        rows = [seen[run].trace.requests for run in (one, other)]
        rows = [each[each["arrival"] < until] for each in rows]
        if len(rows[0]) != len(rows[1]):
            return float(abs(len(rows[0]) - len(rows[1])))
        over = np.minimum(*(np.nan_to_num(each["end"], nan=np.inf) for each in rows)) < until
        differ = np.zeros(len(rows[0]), bool)
        for column in columns:
            differ |= rows[0][column] != rows[1][column]
        return float(np.sum(differ & over))

    return observe


def _stretched(seen: Seen) -> float:
    """Observe how many requests of the slow run do not take exactly twice as long."""
    fast, slow = (seen[run].trace.requests for run in ("", "slow"))
    if len(fast) != len(slow):
        return float(abs(len(fast) - len(slow)))
    same = np.isclose(2.0 * fast["end"], slow["end"], rtol=1e-12, atol=0.0, equal_nan=True)
    return float(np.sum(~same | (fast["outcome"] != slow["outcome"])))


_OWN = ("arrival", "end", "presses", "outcome")

CASES = (
    Case(
        "idle-breaker",
        "a breaker that cannot trip, or is disabled, changes no request",
        "no oracle needed",
        {
            "": _system(),
            "idle": _system(breaker=", breaker: {failure_threshold: 1000000}"),
            "disabled": _system(breaker=", breaker: {failure_threshold: 1, enabled: false}"),
        },
        (
            Claim("requests changed if it cannot trip", 0.0, _differences("", "idle", *_OWN)),
            Claim("requests changed if disabled", 0.0, _differences("", "disabled", *_OWN)),
        ),
        replicates=2,
    ),
    Case(
        "idle-fault",
        "a fault of no strength, or after the end, changes no request",
        "no oracle needed",
        {
            "": _system(),
            "idle": _system(
                faults="  - {kind: errors, on: api, rate: 0%, at: 5s, for: 50s}\n"
                "  - {kind: refuse, on: api, at: 2h, for: 1m}\n"
            ),
        },
        (Claim("requests changed", 0.0, _differences("", "idle", *_OWN)),),
        replicates=2,
    ),
    Case(
        "prefix",
        "the first minute of a run of two is the run of one minute",
        "no oracle needed",
        {"": _system(), "long": _system(duration=120.0)},
        (Claim("requests changed", 0.0, _differences("", "long", *_OWN, until=60.0)),),
        replicates=2,
    ),
    Case(
        "doubled-times",
        "all times doubled and all rates halved: every moment doubles, no outcome changes",
        "no oracle needed",
        {"": _system(), "slow": _system(times=2.0)},
        (Claim("requests changed", 0.0, _stretched),),
        replicates=2,
    ),
)
