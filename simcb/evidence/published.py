"""Experiments that others have published, with their numbers."""

from __future__ import annotations

import numpy as np

from simcb.evidence.case import Case, Claim, Relation, Seen, case
from simcb.evidence.observing import (
    attempts_of_all,
    held_by_probes,
    load,
    measured,
    observer,
    ratio,
    success,
)
from simcb.evidence.writing import EXPONENTIAL, failing, many_groups, one_queue, watched
from simcb.metrics import Verdict, verdict
from simcb.predictions.formulas import (
    bucket_retries,
    load_of_retries,
    probe_cycle,
    success_of_retries,
)

_BROOKER = "Brooker, Fixing retries with token buckets and circuit breakers, 2022"
_BUCKET = "retry: {max_retries: 3, budget: {kind: token_bucket, ratio: 10%, burst: 5}}"


def _callers(count: int, rate: float, seconds: int, errors: str, call: str) -> str:
    """Return independent callers, each a group of its own, and time for the last answers."""
    service = f"workers: 1000, work: {{kind: exponential, mean: 10ms}}, errors: {errors}"
    points = f"[{{at: 0s, rate: {rate:g}/s}}, {{at: {seconds}s, rate: 0/s}}]"
    body = many_groups(count, points, call, service)
    return f"duration: {seconds + 2}s\nsample_every: {seconds}s\n{body}"


def _three_retries(name: str, share: float) -> Case:
    """Return 100 clients of 10 requests a second for 10 s, each retried three times."""
    return case(
        name,
        f"100 clients × 10/s, three retries, p {share:g}: success 1 − p⁴, load (1 − p⁴)/(1 − p)",
        f"{_BROOKER}; geometric series",
        _callers(100, 10.0, 10, f"{share:.0%}", "retry: {max_retries: 3}"),
        Claim("success", success_of_retries(share, 3), success()),
        Claim("load", load_of_retries(share, 3), load()),
        replicates=6,
    )


def _success_and_load(
    published: tuple[float, ...], exact: tuple[float, float]
) -> tuple[Claim, ...]:
    return (
        Claim("success as published", published[0], success(), once=True),
        Claim("load as published", published[1], load(), once=True),
        Claim("success", exact[0], success()),
        Claim("load", exact[1], load()),
    )


def _bucket(name: str, share: float, *published: float) -> Case:
    """Return the same clients with a token bucket each, and the success and load they had."""
    exact = bucket_retries(share, 3, 1, 10, 50, 100)
    return case(
        name,
        f"the same with token buckets (ratio .1, burst 5), p {share:g}: published, and exact chain",
        _BROOKER,
        _callers(100, 10.0, 10, f"{share:.0%}", _BUCKET),
        *_success_and_load(published, exact),
        replicates=6,
    )


def _client_count(count: int, *published: float, quick: bool = True) -> Case:
    """Return 100 requests a second spread over so many clients, each with its bucket."""
    exact = bucket_retries(0.5, 3, 1, 10, 50, 30 * 100 / count)
    return case(
        f"brooker-{count}-clients",
        f"token buckets of {count} clients, 100/s in all for 30 s, p .5: small callers know little",
        _BROOKER,
        _callers(count, 100.0 / count, 30, "50%", _BUCKET),
        *_success_and_load(published, exact),
        replicates=8,
        quick=quick,
    )


def _contention(jitter: str) -> str:
    """Return a hundred clients who all begin at once and want what one at a time can have."""
    return f"""duration: 110s
sample_every: 110s
clients:
  writers:
    arrivals: {{kind: closed, users: 100, think: 60s}}
    calls:
      row:
        network: {{kind: gamma, mean: 10ms, cv: 0.2}}
        retry:
          max_retries: 1000
          backoff: {{kind: exponential, base: 5ms, factor: 2, max: 2s}}
          jitter: {jitter}
services:
  row: {{workers: 1, queue: {{limit: 0}}, work: 20ms}}
"""


def _gc_pause(breaker: str) -> str:
    return f"""duration: 3m
clients:
  users:
    arrivals: {{kind: constant, rate: 7/s}}
    calls:
      api:
        timeout: 500ms
        retry: {{max_retries: 3, backoff: {{kind: fixed, delay: 50ms}}}}
        {breaker}
services:
  api: {{workers: 1, work: 100ms}}
faults:
  - {{kind: pause, on: api, at: 1m, for: 1s}}
"""


@observer
def _answers(seen: Seen, run: str, since: float, until: float) -> float:
    """Observe how many requests of a stretch of time are answered within 100 ms."""
    rows = seen[run].trace.requests
    rows = rows[(rows["arrival"] >= since) & (rows["arrival"] < until)]
    return float(np.sum(np.abs(rows["end"] - rows["arrival"] - 0.1) < 1e-9))


@observer
def _queue_growth(seen: Seen, run: str, pick: str) -> float:
    """Observe the least or the most that the queue grows in any second from 70 s on."""
    grown = np.diff(seen[run].trace.samples["queued"][70:].astype(float))
    return float(grown.min() if pick == "least" else grown.max())


@observer
def _collapsed(seen: Seen, run: str) -> float:
    observed = seen[run]
    judged = verdict(observed.trace).verdict
    return float(judged is Verdict.COLLAPSED)


def _shopify(
    name: str, law: str, open_for: float, probe: float, rate: int, published: Claim
) -> Case:
    """Return 42 hung services behind a breaker each, and what their probes cost two threads."""
    # The outages begin one after the other, so the probes do not all come at once.
    begins = (1.0 + open_for * i / 42 for i in range(42))
    faults = "".join(
        f"  - {{kind: hang, on: redis{i:02}, at: {at:.3f}s, for: 1h}}\n"
        for i, at in enumerate(begins)
    )
    breaker = f"{{failure_threshold: 3, recovery_timeout: {open_for:g}s}}"
    call = f"{{timeout: {probe * 1000:g}ms, breaker: {breaker}}}"
    arrivals = f"{{kind: poisson, rate: {rate}/s}}"
    groups = "".join(
        f"  g{i:02}: {{arrivals: {arrivals}, calls: {{redis{i:02}: {call}}}}}\n" for i in range(42)
    )
    services = "".join(f"  redis{i:02}: {{workers: 10000, work: 0s}}\n" for i in range(42))
    seconds = 5.5 * open_for + 4.0
    head = f"duration: {seconds:g}s\nsample_every: {seconds:g}s\n"
    exact = 42 * probe / 2 / probe_cycle(rate, open_for, probe)
    return case(
        name,
        f"{law}: 42·s/2(D + s + 1/λ) of two threads, λ {rate}",
        "Shopify Engineering, Your circuit breaker is misconfigured, 2020",
        f"{head}clients:\n{groups}services:\n{services}faults:\n{faults}",
        Claim("extra capacity", exact, held_by_probes(3, 2)),
        published,
        replicates=4,
        quick=open_for < 10.0,
    )


_LOADS, _LENGTHS, _SIZES = (11, 18, 26, 34), (0, 1, 3, 10), (1.0, 0.5, 0.0)


def _triggers() -> dict[str, str]:
    """Return users with two retries at a service whose workers go away for a while."""
    found, call = {}, "timeout: 500ms, retry: {max_retries: 2}"
    for rate in _LOADS:
        for length in _LENGTHS:
            for left in _SIZES:
                body = one_queue(f"{rate}/s", 4, EXPONENTIAL, call)
                trigger = f"{{kind: capacity, on: api, times: {left}, at: 10s, for: {length}s}}"
                found[f"{rate}-{length}-{left:g}"] = (
                    f"duration: 90s\nsample_every: 10s\n{body}faults:\n  - {trigger}\n"
                )
    return found


@observer
def _overloaded(seen: Seen, rate: int, length: int, left: float) -> float:
    """Observe whether a queue is left at the end that only retries keep alive."""
    trace = seen[f"{rate}-{length}-{left:g}"].trace
    return float(trace.samples["queued"][-1] > 100)


def _disorder(seen: Seen) -> float:
    """Observe how often a greater trigger or load leaves an overload behind less often."""
    after = {
        (rate, length, left): _overloaded(rate, length, left)(seen)
        for rate in _LOADS
        for length in _LENGTHS
        for left in _SIZES
    }
    wrong = 0
    for rate, length, left in after:
        greater = [(more, length, left) for more in _LOADS if more > rate]
        greater += [(rate, more, left) for more in _LENGTHS if more > length]
        greater += [(rate, length, less) for less in _SIZES if less < left]
        wrong += sum(after[rate, length, left] > after[each] for each in greater)
    return float(wrong)


CASES = (
    _three_retries("brooker-rare-failures", 0.1),
    _three_retries("brooker-common-failures", 0.5),
    _bucket("brooker-bucket-rare-failures", 0.1, 0.992, 1.096),
    _bucket("brooker-bucket-common-failures", 0.5, 0.570, 1.143),
    _client_count(10, 0.554, 1.115),
    _client_count(100, 0.621, 1.238),
    _client_count(1000, 0.891, 1.777, quick=False),
    case(
        "bucket-long-run",
        "a token bucket in the long run: load 1 + ratio, success (1 + ratio)(1 − p), p .5",
        _BROOKER,
        watched(failing("100/s", "50%", _BUCKET), (10, 30, 2)),
        Claim("load", 1.1, measured("amplification")),
        Claim("success", 0.55, measured("success")),
    ),
    case(
        "aws-jitter",
        "100 clients in contention: full jitter more than halves the calls of plain backoff",
        "AWS Architecture Blog, Exponential backoff and jitter, 2015",
        {jitter: _contention(jitter) for jitter in ("none", "full")},
        Claim("success with jitter", 1.0, success("full")),
        Claim(
            "calls with jitter / without",
            0.5,
            ratio(attempts_of_all("full"), attempts_of_all("none")),
            relation=Relation.AT_MOST,
        ),
        replicates=8,
    ),
    case(
        "gc-pause",
        "7/s at one worker of 100 ms, timeout .5 s, three retries, one pause of 1 s: "
        "the queue grows by 7·4 − 10 = 18/s for ever; with a breaker all is well again",
        "happy-simulator, example GC-caused collapse, 2025",
        {
            "bare": _gc_pause(""),
            "guarded": _gc_pause("breaker: {failure_threshold: 5, recovery_timeout: 5s}"),
        },
        Claim("answered in 100 ms before", 417, _answers("bare", 0.0, 59.5)),
        Claim("least growth of the queue", 18, _queue_growth("bare", "least"), "/s"),
        Claim("greatest growth of the queue", 18, _queue_growth("bare", "most"), "/s"),
        Claim("answered in 100 ms after", 0, _answers("bare", 70.0, 170.0)),
        Claim("collapsed", 1.0, _collapsed("bare")),
        Claim("with a breaker, answered after", 490, _answers("guarded", 100.0, 170.0)),
        Claim("with a breaker, collapsed", 0.0, _collapsed("guarded")),
        replicates=2,
    ),
    _shopify(
        "shopify-misconfigured",
        "42 hung services, probes of 250 ms every 2 s (published: 263 %, 233 % with the probes)",
        2.0,
        0.25,
        50,
        Claim(
            "extra capacity as published",
            2.33,
            held_by_probes(3, 2),
            # Rounded in print, where there is always a caller at hand for a probe.
            slack=0.005 + 42 * 0.25 / 2 * (1 / 2.25 - 1 / 2.27),
        ),
    ),
    _shopify(
        "shopify-tuned",
        "the same with probes of 50 ms every 30 s (published: 4 %)",
        30.0,
        0.05,
        20,
        Claim(
            "extra capacity as published",
            0.04,
            held_by_probes(3, 2),
            relation=Relation.AT_MOST,
        ),
    ),
    case(
        "metastable-region",
        "C 40/s, n 2: stable if λ(1+n) < C; vulnerable beyond, and the more so the greater the "
        "trigger, the longer it lasts and the higher the load",
        "Huang et al., Metastable failures in the wild, OSDI 2022",
        _triggers(),
        Claim("λ 11, 10 s away: overload left", 0.0, _overloaded(11, 10, 0.0)),
        Claim("λ 18, nothing happens: overload", 0.0, _overloaded(18, 0, 1.0)),
        Claim("λ 18, 10 s away: overload left", 1.0, _overloaded(18, 10, 0.0)),
        Claim("λ 26, 10 s away: overload left", 1.0, _overloaded(26, 10, 0.0)),
        Claim("border crossed backwards", 0.0, _disorder),
        replicates=4,
        quick=False,
    ),
)
