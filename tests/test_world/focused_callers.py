"""Focused scenarios about those who ask: arrivals, users who leave, and policies of calls."""

from __future__ import annotations

from test_world.focusing import A, Focused, R

from simcb.scenario.arrivals import Replay

CALLERS: dict[str, Focused] = {
    "limits-change-before-most-processes-are-asked": Focused(
        """
duration: 4s
clients:
  shop:
    arrivals: {kind: constant, rate: 30/s}
    instances: 4
    calls:
      api:
        timeout: 500ms
        rate_limit: {rate: 2/s, burst: 3}
        retry: {max_retries: 2, budget: {kind: token_bucket, ratio: 10%, burst: 4}}
services:
  api: {workers: 4, work: 30ms, errors: 50%}
changes:
  - {at: 50ms, set: {rate_limit: {rate: 7/s, burst: 9, max_wait: 300ms}}}
  - {at: 50ms, set: {retry.budget: {kind: token_bucket, ratio: 20%, burst: 30}}}
""",
        {A.OK, A.ERROR, A.SHED},
        {R.OK, R.FAILED},
    ),
    "waits-and-caches-that-are-changed": Focused(
        """
duration: 12s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    instances: 2
    refresh: {after: 500ms, times: 1}
    calls:
      api: {timeout: 700ms, hedge: {after: 300ms, times: 2},
            cache: {keys: 12, ttl: 800ms, coalesce: true},
            retry: {max_retries: 1, backoff: {kind: fixed, delay: 50ms}},
            fallback: {cache: {keys: 12, ttl: 3s}}}
services:
  api: {replicas: 2, workers: 4, work: {kind: exponential, mean: 150ms}, on_abandon: stop}
faults:
  - {kind: hang, on: api, at: 3s, for: 5s, share: 60%}
changes:
  - {at: 4s, set: {hedge.after: 80ms, api.cache.ttl: 200ms}}
  - {at: 5s, set: {cache.coalesce: false, fallback.cache.ttl: 500ms}}
  - {at: 7s, set: {cache.coalesce: true, hedge.after: 200ms, api.cache.ttl: 2s}}
""",
        {A.OK, A.TIMEOUT, A.ABANDONED},
        {R.OK, R.DEGRADED},
        marks={"hedge", "hung"},
    ),
    "several-calls-with-one-breaker": Focused(
        """
duration: 15s
clients:
  shop:
    arrivals: {kind: poisson, rate: 30/s}
    instances: 2
    calls:
      api:
        share: 60%
        timeout: 400ms
        retry: {max_retries: 2}
        breaker: {failure_threshold: 3, recovery: {timeout: 700ms, jitter: 20%}, group: both}
      basket: {timeout: 200ms, breaker: {group: both}}
      again: {to: api, timeout: 300ms, breaker: {group: both}}
services:
  api: {workers: 4, work: 20ms, errors: 5%}
  basket: {workers: 4, work: 20ms}
faults:
  - {kind: hang, on: basket, at: 3s, for: 3s}
changes:
  - {at: 8s, set: {breaker.failure_threshold: 1}}
""",
        {A.OK, A.ERROR, A.TIMEOUT, A.REJECTED},
        {R.OK, R.FAILED},
        trips=True,
    ),
    "users-who-think": Focused(
        """
duration: 15s
clients:
  staff:
    arrivals: {kind: closed, users: 12, think: {kind: exponential, mean: 400ms}}
    instances: 5
    calls: {api: {timeout: 500ms, retry: {max_retries: 1}}}
  robots:
    arrivals: {kind: closed, users: 3, think: 0s}
    calls: {api: {}}
services:
  api: {workers: 4, work: {kind: exponential, mean: 80ms}, errors: 10%}
""",
        {A.OK, A.ERROR, A.TIMEOUT},
        {R.OK, R.FAILED},
    ),
    "recorded-arrivals": Focused(
        """
duration: 10s
clients:
  moments:
    arrivals: {kind: poisson, rate: 1/s}
    calls: {api: {}}
  rates:
    arrivals: {kind: poisson, rate: 1/s}
    calls: {api: {timeout: 200ms}}
services:
  api: {workers: 2, work: {kind: exponential, mean: 70ms}}
faults:
  - {kind: surge, on: rates, times: 3, at: 4s, for: 3s}
""",
        {A.OK, A.TIMEOUT},
        replays={
            "moments": Replay(file="a.csv", moments=(0.0, 0.5, 0.5, 0.5, 1.25, 7.0, 9.9, 30.0)),
            "rates": Replay(file="b.csv", interval=2.0, rates=(4.0, 0.0, 30.0, 8.0)),
        },
    ),
    "user-leaves-before-the-retries-end": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: constant, rate: 10/s}
    deadline: 500ms
    refresh: {after: 200ms, times: 2}
    calls:
      api: {timeout: 250ms, retry: {max_retries: 3, backoff: {kind: fixed, delay: 50ms}}}
      audit: {share: 40%, timeout: 500ms}
services:
  api: {workers: 6, work: {kind: lognormal, p50: 60ms, p99: 900ms}}
  audit: {workers: 1, work: {kind: exponential, mean: 90ms}}
""",
        {A.OK, A.TIMEOUT, A.ABANDONED},
        {R.OK, R.FAILED},
    ),
    "each-instance-its-own-breaker": Focused(
        """
duration: 20s
clients:
  shop:
    arrivals: {kind: poisson, rate: 30/s}
    instances: 3
    calls:
      own: {timeout: 300ms, breaker: {failure_threshold: 3, recovery_timeout: 1s},
            fallback: {hit_rate: 50%}}
      all: {timeout: 300ms, breaker: {failure_threshold: 3, recovery_timeout: 1s, shared: true},
            fallback: {hit_rate: 50%}}
services:
  own: {workers: 4, work: {kind: exponential, mean: 40ms}, errors: 30%}
  all: {workers: 4, work: {kind: exponential, mean: 40ms}, errors: 30%}
""",
        {A.OK, A.ERROR, A.REJECTED},
        {R.OK, R.DEGRADED, R.FAILED},
        trips=True,
    ),
    "reply-after-the-timeout": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      api: {timeout: 300ms, network: {kind: exponential, mean: 60ms},
            retry: {max_retries: 2}, breaker: {failure_threshold: 4, recovery_timeout: 1s}}
services:
  api: {workers: 3, queue: {limit: 4}, work: {kind: exponential, mean: 90ms}}
faults:
  - {kind: refuse, on: api, share: 50%, at: 4s, for: 3s}
""",
        {A.OK, A.TIMEOUT, A.REFUSED, A.REJECTED},
        trips=True,
    ),
    "two-links-to-one-service": Focused(
        """
duration: 20s
clients:
  near:
    arrivals: {kind: poisson, rate: 10/s}
    calls: {api: {timeout: 400ms, network: 5ms}}
  far:
    arrivals: {kind: poisson, rate: 10/s}
    calls: {api: {timeout: 400ms, network: {kind: uniform, low: 20ms, high: 90ms}}}
services:
  api: {replicas: 2, workers: 3, work: {kind: exponential, mean: 60ms},
        calls: {store: {timeout: 200ms}}}
  store: {workers: 4, work: 20ms}
faults:
  - {kind: loss, on: far->api, share: 40%, at: 2s, for: 6s, ramp: 2s}
  - {kind: latency, on: near->api, add: 200ms, at: 5s, for: 5s}
  - {kind: errors, on: api->store, rate: 50%, at: 9s, for: 4s}
  - {kind: hang, on: far->api, share: 30%, replicas: [1], at: 12s, for: 3s}
  - {kind: refuse, on: near->api, share: 70%, sticky: true, at: 15s, for: 3s}
  - {kind: loss, on: store, share: 20%, at: 16s, for: 3s}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED},
        marks={"lost", "hung"},
    ),
    "waiting-for-a-place": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    instances: 2
    calls:
      api: {timeout: 150ms, bulkhead: {max_concurrent: 2, max_wait: 120ms},
            retry: {max_retries: 2, on: [timeout, refused, shed]}}
services:
  api: {workers: 3, queue: {limit: 1}, work: {kind: exponential, mean: 100ms}}
""",
        {A.OK, A.TIMEOUT, A.REFUSED, A.SHED},
    ),
    "no-place-no-wait": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    calls:
      api: {bulkhead: {max_concurrent: 2}, fallback: {hit_rate: 30%},
            breaker: {failure_threshold: 3, recovery_timeout: 400ms, counts: [shed, error]}}
services:
  api: {workers: 3, work: {kind: exponential, mean: 100ms}, errors: 20%}
""",
        {A.OK, A.ERROR, A.SHED, A.REJECTED},
        {R.OK, R.DEGRADED, R.FAILED},
        trips=True,
    ),
    "place-passes-to-a-press-of-the-same-request": Focused(
        """
duration: 20s
clients:
  people:
    arrivals: {kind: poisson, rate: 6/s}
    refresh: {after: 100ms, times: 3}
    calls:
      api: {timeout: 250ms, bulkhead: {max_concurrent: 1, max_wait: 400ms},
            retry: {max_retries: 1}, fallback: {hit_rate: 50%}}
services:
  api: {workers: 1, queue: {limit: 0}, on_abandon: stop, work: {kind: exponential, mean: 120ms}}
faults:
  - {kind: refuse, on: api, share: 60%, at: 5s, for: 10s}
""",
        {A.OK, A.TIMEOUT, A.REFUSED, A.SHED, A.ABANDONED},
        {R.OK, R.DEGRADED, R.FAILED},
        marks={"dropped"},
    ),
    "throttled-by-its-own-failures": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    instances: 2
    calls:
      api: {timeout: 200ms, throttle: {kind: adaptive, k: 1.5, window: 3s},
            breaker: {failure_threshold: 12, recovery_timeout: 1s},
            retry: {max_retries: 1, on: [timeout, error, shed]}}
services:
  api: {workers: 2, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: errors, on: api, rate: 90%, at: 5s, for: 6s}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.SHED, A.REJECTED},
        trips=True,
    ),
    "retries-on-a-budget": Focused(
        """
duration: 90s
clients:
  saver:
    arrivals: {kind: poisson, rate: 3/s}
    instances: 2
    calls: {api: {retry: {max_retries: 3, budget: {kind: token_bucket, ratio: 30%, burst: 3}}}}
  rationed:
    arrivals: {kind: poisson, rate: 3/s}
    calls:
      api: {retry: {max_retries: 3, backoff: {kind: fixed, delay: 50ms},
                    budget: {kind: per_minute, retries: 20}}}
services:
  api: {workers: 4, work: {kind: exponential, mean: 20ms}, errors: 50%}
""",
        {A.OK, A.ERROR},
        {R.OK, R.FAILED},
    ),
    "every-trip-rule": Focused(
        """
duration: 30s
clients:
  users:
    arrivals: {kind: poisson, rate: 15/s}
    calls:
      a:
        fallback: {hit_rate: 100%}
        breaker:
          trip: [{kind: consecutive_failures, threshold: 6},
                 {kind: failures_in_window, threshold: 8, window: 2s}]
          recovery: {timeout: 500ms, factor: 2, max: 3s, jitter: 50%}
      b:
        fallback: {hit_rate: 100%}
        breaker:
          trip: {kind: failure_rate, rate: 50%, calls: 10, minimum_calls: 5}
          recovery: {timeout: 1s, jitter: 20%}
          half_open: {probes: 3, successes: 4}
      c:
        fallback: {hit_rate: 100%}
        timeout: 800ms
        breaker:
          trip: {kind: failure_rate, rate: 30%, window: 3s, minimum_calls: 6}
          half_open: {probes: 2, successes: 2, lease: 300ms}
          recovery_timeout: 500ms
      d:
        fallback: {hit_rate: 100%}
        breaker:
          trip: {kind: slow_call_rate, slow: 100ms, rate: 40%, calls: 10}
          recovery_timeout: 1s
          counts: [timeout]
services:
  a: {workers: 8, work: 10ms, errors: 10%}
  b: {workers: 8, work: 10ms, errors: 20%}
  c: {workers: 8, work: {kind: exponential, mean: 300ms}, errors: 10%}
  d: {workers: 8, work: {kind: exponential, mean: 60ms}, errors: 10%}
faults:
  - {kind: errors, on: a, rate: 70%, at: 5s, for: 10s}
  - {kind: errors, on: b, rate: 70%, at: 5s, for: 10s}
  - {kind: latency, on: d, times: 4, at: 8s, for: 6s}
""",
        {A.OK, A.ERROR, A.TIMEOUT, A.REJECTED},
        {R.OK, R.DEGRADED},
        trips=True,
    ),
    "breaker-around-the-request": Focused(
        """
duration: 25s
clients:
  users:
    arrivals: {kind: poisson, rate: 15/s}
    deadline: 600ms
    refresh: {after: 250ms, times: 1}
    calls:
      api:
        timeout: 200ms
        throttle: {kind: adaptive, k: 3, window: 2s}
        retry: {max_retries: 2, backoff: {kind: exponential, base: 50ms}, jitter: full}
        breaker: {failure_threshold: 2, recovery_timeout: 1s, around: request,
                  half_open: {probes: 2, successes: 2}}
        fallback: {hit_rate: 40%}
services:
  api: {workers: 3, work: {kind: exponential, mean: 60ms}, errors: 25%}
faults:
  - {kind: errors, on: api, rate: 80%, at: 8s, for: 6s}
""",
        {A.OK, A.ERROR, A.TIMEOUT, A.SHED, A.REJECTED, A.ABANDONED},
        {R.OK, R.DEGRADED, R.FAILED},
        trips=True,
    ),
    "one-cache-for-all-instances": Focused(
        """
duration: 25s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    instances: 4
    calls:
      api: {timeout: 300ms, fallback: {cache: {keys: 30, zipf: 1.1, ttl: 3s}},
            breaker: {failure_threshold: 3, recovery_timeout: 1s}}
services:
  api: {replicas: 2, workers: 2, work: {kind: exponential, mean: 50ms},
        calls: {store: {timeout: 200ms, fallback: {cache: {keys: 5, zipf: 0, ttl: 1s}}}}}
  store: {workers: 2, work: {kind: exponential, mean: 30ms}}
faults:
  - {kind: refuse, on: api, share: 80%, at: 6s, for: 8s}
  - {kind: refuse, on: store, at: 16s, for: 4s}
""",
        {A.OK, A.REFUSED, A.REJECTED},
        {R.OK, R.DEGRADED, R.FAILED},
        trips=True,
        marks={"degraded"},
    ),
}
