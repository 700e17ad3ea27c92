"""Small real runs that the tests of views look at, each made once."""

from __future__ import annotations

from functools import cache

from simcb import studies
from simcb.metrics import judge
from simcb.scenario import Scenario, parse_scenario, parse_threshold
from simcb.views.run import Answer, audited

GUARDED = """
name: small
about: A dependency refuses for a while.
duration: 40s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      store:
        timeout: 500ms
        retry: {max_retries: 1}
        breaker: {failure_threshold: 3, recovery_timeout: 2s}
        fallback: {hit_rate: 50%}
services:
  store: {workers: 8, work: {kind: exponential, mean: 20ms}}
faults:
  - {kind: refuse, on: store, at: 10s, for: 10s}
thresholds:
  - success{healthy} >= 99%
  - success{fault} >= 99%
"""

BARE = """
name: bare
duration: 5s
clients:
  shop: {arrivals: {kind: constant, rate: 10/s}, calls: {store: {}}}
services:
  store: {workers: 8, work: 20ms}
"""

LAYERS = """
name: layers
duration: 30s
clients:
  users:
    arrivals: {kind: constant, rate: 1/s}
    calls: {edge: {timeout: 3s, retry: {max_retries: 2}}}
services:
  edge: {workers: 9, work: 1ms, calls: {middle: {timeout: 1s, retry: {max_retries: 2}}}}
  middle: {workers: 9, work: 1ms, calls: {bottom: {timeout: 300ms, retry: {max_retries: 2}}}}
  bottom: {workers: 9, work: 1ms}
faults:
  - {kind: errors, rate: 100%, on: bottom, at: 10s, for: 10s}
"""
"""Retries at every layer, and none that helps."""

TWO_GROUPS = """
name: two-groups
duration: 30s
clients:
  users: {arrivals: {kind: poisson, rate: 20/s}, calls: {web: {timeout: 2s}}}
  prefetch: {arrivals: {kind: poisson, rate: 20/s}, calls: {prefetch: {timeout: 2s}}}
services:
  web: {workers: 9, work: {kind: exponential, mean: 50ms}}
  prefetch: {workers: 2, queue: {limit: 4}, work: {kind: exponential, mean: 50ms}}
faults:
  - {kind: surge, on: prefetch, times: 12, at: 10s, for: 10s}
"""
"""One group drowns, the other does not notice; a group is named like its service."""

HURT = """
name: hurt
duration: 60s
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls:
      pay:
        timeout: 10s
        retry: {max_retries: 3}
        breaker: {failure_threshold: 5, recovery_timeout: 15s}
services:
  pay: {workers: 200, work: 50ms}
faults:
  - {kind: errors, rate: 30%, on: pay, at: 10s, for: 30s}
thresholds:
  - p99{fault} < 1s
"""
"""Retries absorb the errors, and five in a row by chance open the breaker."""

TWO_FAULTS = GUARDED.replace(
    "faults:\n",
    "faults:\n  - {kind: latency, on: store, at: 25s, for: 5s, add: 1s, name: slowness}\n",
)


@cache
def scenario(text: str) -> Scenario:
    """Return a scenario of this file."""
    return parse_scenario(text)


@cache
def answer(
    text: str = GUARDED,
    *,
    replicates: int = 1,
    baseline: bool = False,
    fail_if: tuple[str, ...] = (),
    laws: bool = False,
) -> Answer:
    """Run a scenario and return the answer to be shown."""
    result = studies.run(
        scenario(text), seed=3, replicates=replicates, baseline="none" if baseline else None
    )
    conditions = tuple(parse_threshold(each) for each in fail_if)
    return Answer(
        result,
        judge(conditions, result.summary),
        "simcb run small.yaml --seed 3",
        audited(result) if laws else (),
    )
