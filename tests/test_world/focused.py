"""Small scenarios, each made for one part of the semantics, and what must occur in each."""

from __future__ import annotations

from functools import cache

from test_world.focused_callers import CALLERS
from test_world.focused_services import SERVICES
from test_world.focusing import A, Focused, R

from simcb.trace import Trace
from simcb.world import simulate

FIRST: dict[str, Focused] = {
    "answer-at-the-deadline": Focused(
        """
duration: 5s
clients:
  users:
    arrivals: {kind: constant, rate: 4/s}
    calls: {api: {timeout: 125ms, retry: {max_retries: 1}}}
services:
  api: {workers: 1, work: 125ms}
faults:
  - {kind: latency, on: api, add: 125ms, share: 30%, at: 1s, for: 3s}
""",
        frozenset({A.OK, A.TIMEOUT}),
        frozenset({R.OK}),
    ),
    "retries-at-once-after-timeouts": Focused(
        """
duration: 12s
clients:
  users:
    arrivals: {kind: constant, rate: 10/s}
    calls: {api: {timeout: 1s, retry: {max_retries: 3}}}
services:
  api: {workers: 20, work: 50ms}
faults:
  - {kind: hang, on: api, at: 1s, for: 6s}
""",
        frozenset({A.OK, A.TIMEOUT}),
        frozenset({R.OK, R.FAILED}),
    ),
    "every-backoff": Focused(
        """
duration: 20s
clients:
  fixed:
    arrivals: {kind: poisson, rate: 4/s}
    calls: {api: {retry: {max_retries: 3, backoff: {kind: fixed, delay: 200ms}, jitter: equal}}}
  growing:
    arrivals: {kind: poisson, rate: 4/s}
    calls:
      api: {retry: {max_retries: 5, jitter: full,
                    backoff: {kind: exponential, base: 50ms, factor: 3, max: 600ms}}}
  drawn:
    arrivals: {kind: poisson, rate: 4/s}
    calls:
      api: {retry: {max_retries: 5, backoff: {kind: decorrelated, base: 50ms, max: 600ms}}}
services:
  api: {workers: 8, work: {kind: exponential, mean: 20ms}, errors: 60%}
""",
        frozenset({A.OK, A.ERROR}),
        frozenset({R.OK, R.FAILED}),
    ),
    "full-queue": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 30/s}
    calls: {api: {retry: {max_retries: 2, backoff: {kind: fixed, delay: 30ms}, on: [refused]}}}
services:
  api: {workers: 2, queue: {limit: 3}, work: {kind: exponential, mean: 80ms}}
""",
        frozenset({A.OK, A.REFUSED}),
        frozenset({R.OK, R.FAILED}),
    ),
    "breaker-for-each-replica": Focused(
        """
duration: 30s
clients:
  users:
    arrivals: {kind: poisson, rate: 30/s}
    refresh: {after: 500ms, times: 2}
    calls: {shop: {timeout: 3s, retry: {max_retries: 2}}}
services:
  shop:
    replicas: 2
    workers: 6
    queue: {limit: 20}
    work: {kind: lognormal, p50: 8ms, p99: 40ms}
    calls:
      store:
        timeout: 700ms
        breaker: {failure_threshold: 2, recovery_timeout: 3s, per_replica: true}
        fallback: {hit_rate: 60%}
  store: {replicas: 3, workers: 2, work: {kind: lognormal, p50: 30ms, p99: 200ms}}
faults:
  - {kind: hang, on: store, replicas: [1], at: 5s, for: 10s}
  - {kind: refuse, on: store, replicas: [0, 2], at: 12s, for: 4s}
""",
        frozenset({A.OK, A.TIMEOUT, A.REFUSED, A.REJECTED, A.ABANDONED}),
        frozenset({R.OK, R.DEGRADED}),
        trips=True,
    ),
    "share-hangs-and-returns": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    calls: {api: {timeout: 2s, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
services:
  api: {replicas: 2, workers: 4, work: {kind: gamma, mean: 60ms, cv: 1.5}}
faults:
  - {kind: hang, on: api, share: 50%, at: 3s, for: 5s, ramp: 2s}
  - {kind: hang, on: api, share: 50%, at: 8s, for: 3s, name: second}
""",
        frozenset({A.OK, A.TIMEOUT, A.REJECTED}),
        trips=True,
    ),
    "workers-come-and-go": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 40/s}
    calls: {api: {timeout: 1s, retry: {max_retries: 1}}}
services:
  api: {replicas: 2, workers: 5, queue: {limit: 30}, work: {kind: exponential, mean: 120ms}}
faults:
  - {kind: capacity, on: api, times: 0.3, at: 3s, for: 8s, ramp: 3s}
  - {kind: capacity, on: api, times: 0, replicas: [1], at: 8s, for: 2s}
""",
        frozenset({A.OK, A.TIMEOUT, A.REFUSED}),
    ),
    "work-gets-longer": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    calls: {api: {timeout: 600ms, retry: {max_retries: 1}}}
services:
  api: {workers: 6, work: {kind: uniform, low: 20ms, high: 120ms}}
faults:
  - {kind: latency, on: api, times: 4, at: 3s, for: 8s, ramp: 3s}
  - {kind: latency, on: api, add: 300ms, times: 0.5, share: 40%, at: 6s, for: 8s}
""",
        frozenset({A.OK, A.TIMEOUT}),
    ),
    "errors-by-degrees": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 30/s}
    calls:
      api: {retry: {max_retries: 1, on: [error, rejected], backoff: {kind: fixed, delay: 1s}},
            breaker: {failure_threshold: 4, recovery_timeout: 1s}, fallback: {hit_rate: 50%}}
services:
  api: {workers: 6, work: {kind: empirical, values: [10ms, 50ms, 90ms], weights: [5, 3, 1]}}
faults:
  - {kind: errors, on: api, rate: 90%, at: 2s, for: 12s, ramp: 6s}
""",
        frozenset({A.OK, A.ERROR, A.REJECTED}),
        frozenset({R.OK, R.DEGRADED, R.FAILED}),
        trips=True,
    ),
    "surge-on-a-moving-rate": Focused(
        """
duration: 20s
clients:
  even:
    arrivals: {kind: constant, rate: [{at: 0s, rate: 5/s}, {at: 4s, rate: 30/s, ramp: 6s},
                                      {at: 12s, rate: 0/s}, {at: 15s, rate: 10/s}]}
    calls: {api: {}}
  random:
    arrivals: {kind: poisson, rate: [{at: 0s, rate: 10/s, ramp: 3s}, {at: 9s, rate: 2/s}]}
    calls: {api: {timeout: 400ms}}
services:
  api: {workers: 2, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: surge, on: even, times: 3, at: 6s, for: 6s, ramp: 3s}
  - {kind: surge, on: random, times: 0, at: 11s, for: 2s}
""",
        frozenset({A.OK, A.TIMEOUT}),
    ),
    "equal-groups-tie": Focused(
        """
duration: 10s
clients:
  one:
    arrivals: {kind: constant, rate: 8/s}
    calls: {api: {timeout: 250ms, retry: {max_retries: 2, backoff: {kind: fixed, delay: 125ms}}}}
  two:
    arrivals: {kind: constant, rate: 8/s}
    calls: {api: {timeout: 250ms, retry: {max_retries: 2, backoff: {kind: fixed, delay: 125ms}}}}
services:
  api: {replicas: 2, workers: 1, queue: {limit: 2}, work: 125ms}
faults:
  - {kind: hang, on: api, replicas: [0], at: 2s, for: 3s}
""",
        frozenset({A.OK, A.TIMEOUT, A.REFUSED}),
    ),
    "waits-that-end-together": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: constant, rate: 4/s}
    calls: {api: {timeout: 500ms}}
services:
  api: {replicas: 2, workers: 4, work: 0s, calls: {store: {timeout: 500ms}}}
  store: {workers: 8, work: {kind: exponential, mean: 300ms}}
""",
        frozenset({A.OK, A.TIMEOUT}),
    ),
    "one-press-fails-another-answers": Focused(
        """
duration: 20s
clients:
  people:
    arrivals: {kind: poisson, rate: 8/s}
    refresh: {after: 300ms, times: 3}
    calls: {api: {timeout: 900ms}}
services:
  api: {workers: 12, work: {kind: lognormal, p50: 200ms, p99: 2s}, errors: 20%}
faults:
  - {kind: hang, on: api, share: 60%, at: 5s, for: 5s}
""",
        frozenset({A.OK, A.TIMEOUT, A.ERROR, A.ABANDONED}),
        frozenset({R.OK, R.FAILED}),
    ),
    "waiting-to-retry-when-the-answer-comes": Focused(
        """
duration: 20s
clients:
  people:
    arrivals: {kind: poisson, rate: 8/s}
    refresh: {after: 200ms, times: 2}
    calls:
      api: {timeout: 300ms, retry: {max_retries: 2, backoff: {kind: fixed, delay: 400ms}}}
      audit: {timeout: 1s}
services:
  api: {workers: 6, work: {kind: exponential, mean: 150ms}, errors: 75%}
  audit: {workers: 2, work: {kind: exponential, mean: 100ms}}
""",
        frozenset({A.OK, A.TIMEOUT, A.ERROR, A.ABANDONED}),
        frozenset({R.OK, R.FAILED}),
    ),
    "three-deep": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 15/s}
    calls: {front: {timeout: 1s, retry: {max_retries: 1}}}
services:
  front:
    workers: 10
    queue: {limit: 20}
    work: {kind: exponential, mean: 10ms}
    calls:
      middle: {timeout: 1500ms, retry: {max_retries: 1}}
      flags: {timeout: 100ms, fallback: {hit_rate: 90%}}
  middle:
    replicas: 2
    workers: 4
    work: {kind: exponential, mean: 20ms}
    calls: {back: {timeout: 400ms, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
  back: {workers: 3, work: {kind: exponential, mean: 60ms}}
  flags: {workers: 1, work: {kind: exponential, mean: 50ms}}
faults:
  - {kind: latency, on: back, times: 20, at: 5s, for: 6s}
""",
        frozenset({A.OK, A.TIMEOUT, A.ERROR, A.REJECTED}),
        frozenset({R.OK, R.DEGRADED, R.FAILED}),
        trips=True,
    ),
    "late-results-after-a-trip": Focused(
        """
duration: 10s
clients:
  users:
    arrivals: {kind: poisson, rate: 40/s}
    calls: {api: {timeout: 500ms, breaker: {failure_threshold: 2, recovery_timeout: 200ms}}}
services:
  api: {workers: 40, work: {kind: lognormal, p50: 150ms, p99: 900ms}}
faults:
  - {kind: latency, on: api, times: 2, share: 70%, at: 2s, for: 6s}
""",
        frozenset({A.OK, A.TIMEOUT, A.REJECTED}),
        trips=True,
    ),
    "no-timeout-waits-for-ever": Focused(
        """
duration: 10s
clients:
  users:
    arrivals: {kind: poisson, rate: 10/s}
    calls: {api: {}}
services:
  api: {workers: 3, work: {kind: exponential, mean: 30ms}}
faults:
  - {kind: hang, on: api, share: 20%, at: 2s, for: 3s}
""",
        frozenset({A.OK, A.IN_FLIGHT}),
        frozenset({R.OK, R.UNFINISHED}),
    ),
}

FOCUSED: dict[str, Focused] = {**FIRST, **CALLERS, **SERVICES}


@cache
def trace_of(name: str) -> Trace:
    """Return the one run of a focused scenario that the tests share."""
    return simulate(FOCUSED[name].scenario(name))
