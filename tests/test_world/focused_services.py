"""Focused scenarios about those who answer: queues, services of services, and their faults."""

from __future__ import annotations

from test_world.focusing import A, Focused, R

SERVICES: dict[str, Focused] = {
    "by-lot-and-by-load": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 30/s}
    calls:
      dice: {timeout: 400ms, breaker: {failure_threshold: 2, recovery_timeout: 1s,
                                       per_replica: true}}
      scales: {timeout: 400ms, network: 10ms, retry: {max_retries: 1}}
services:
  dice: {replicas: 3, workers: 2, balance: random, work: {kind: exponential, mean: 60ms}}
  scales: {replicas: 3, workers: 2, balance: least_busy, work: {kind: exponential, mean: 120ms}}
faults:
  - {kind: hang, on: dice, replicas: [0], at: 3s, for: 4s}
  - {kind: capacity, on: scales, times: 0, replicas: [2], at: 5s, for: 3s}
""",
        {A.OK, A.TIMEOUT},
        trips=True,
    ),
    "last-come-first-served": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 30/s}
    calls: {api: {timeout: 400ms, retry: {max_retries: 1}}}
services:
  api: {workers: 2, queue: {limit: 6, discipline: lifo}, on_abandon: drop_queued,
        contention: 20ms, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: capacity, on: api, times: 0.5, at: 5s, for: 4s}
""",
        {A.OK, A.TIMEOUT, A.REFUSED},
        marks={"dropped"},
    ),
    "limits-of-the-callers-own": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 40/s}
    refresh: {after: 700ms, times: 1}
    calls:
      api: {timeout: 500ms, network: 10ms, rate_limit: {rate: 25/s, burst: 4, max_wait: 400ms},
            bulkhead: {max_concurrent: 3, queue: 2, max_wait: 100ms, per_replica: true},
            retry: {max_retries: 2, backoff: {kind: fixed, delay: 100ms}, on: [timeout, shed]},
            breaker: {failure_threshold: 3, recovery_timeout: 500ms, per_replica: true}}
  robots:
    arrivals: {kind: constant, rate: 16/s}
    calls: {api: {timeout: 500ms, bulkhead: {max_concurrent: 2, per_replica: true},
                  rate_limit: {rate: 16/s, burst: 1}}}
services:
  api: {replicas: 2, workers: 4, on_abandon: stop, work: {kind: exponential, mean: 120ms}}
faults:
  - {kind: hang, on: api, replicas: [1], at: 8s, for: 4s}
""",
        {A.OK, A.TIMEOUT, A.SHED},
        trips=True,
        marks={"hung"},
    ),
    "a-place-handed-on-and-asked-for": Focused(
        """
duration: 4s
clients:
  others: {arrivals: {kind: poisson, rate: 3/s}, calls: {front: {}}}
  users:
    arrivals: {kind: poisson, rate: 3/s}
    refresh: {after: 50ms, times: 3}
    calls:
      front: {timeout: 50ms, retry: {max_retries: 3, jitter: none},
              bulkhead: {max_concurrent: 1, max_wait: 50ms, queue: 1}}
services:
  front: {workers: 1, queue: {limit: 0}, work: 0s, calls: {back: {}}}
  back: {workers: 1, work: {kind: uniform, low: 25ms, high: 100ms}}
""",
        {A.OK, A.TIMEOUT, A.REFUSED},
    ),
    "the-important-first": Focused(
        """
duration: 20s
clients:
  people: {arrivals: {kind: poisson, rate: 20/s}, priority: 9,
           calls: {front: {timeout: 800ms}}}
  robots: {arrivals: {kind: poisson, rate: 30/s}, refresh: {after: 400ms, times: 1}, priority: 2,
           calls: {back: {timeout: 300ms, network: 10ms,
                          retry: {max_retries: 1, on: [throttled, timeout]}}}}
  batch: {arrivals: {kind: closed, users: 6, think: 50ms},
          calls: {front: {timeout: 2s, retry: {max_retries: 2, on: [throttled]}}}}
services:
  front: {workers: 6, work: {kind: exponential, mean: 30ms}, calls: {back: {timeout: 600ms}},
          queue: {limit: 4, discipline: priority}}
  back: {workers: 3, work: {kind: exponential, mean: 60ms}, on_abandon: drop_queued,
         admit: {kind: concurrency, limit: 8, retry_after: 1s},
         queue: {limit: 4, discipline: priority}}
faults:
  - {kind: restart, on: back, at: 6s, for: 1s}
  - {kind: capacity, on: front, times: 0.3, at: 11s, for: 3s}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.THROTTLED, A.ABANDONED},
        marks={"throttled", "dropped"},
    ),
    "limits-at-the-door": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 40/s}
    refresh: {after: 900ms, times: 1}
    calls:
      api: {timeout: 500ms, network: 10ms,
            retry: {max_retries: 2, backoff: {kind: fixed, delay: 100ms}, on: [throttled, refused]},
            breaker: {trip: {kind: failure_rate, rate: 60%, window: 2s}, recovery_timeout: 1s,
                      counts: [throttled], ignores: [timeout]}}
  robots:
    arrivals: {kind: constant, rate: 16/s}
    calls: {store: {timeout: 500ms, breaker: {failure_threshold: 2, recovery_timeout: 1s}}}
services:
  api: {workers: 6, admit: {kind: rate, rate: 25/s, burst: 5, retry_after: 2s}, work: 60ms,
        calls: {store: {timeout: 400ms}}, queue: {limit: 4}, on_abandon: stop}
  store: {replicas: 2, workers: 2, admit: {kind: concurrency, limit: 4}, on_abandon: drop_queued,
          work: {kind: exponential, mean: 90ms}}
faults:
  - {kind: restart, on: store, at: 6s, for: 1s}
  - {kind: hang, on: store, replicas: [1], at: 12s, for: 3s}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.REJECTED, A.THROTTLED, A.ABANDONED},
        trips=True,
        marks={"throttled", "dropped", "hung"},
    ),
    "limits-that-adapt": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 40/s}
    refresh: {after: 700ms, times: 1}
    calls:
      api: {timeout: 500ms, network: 10ms, retry: {max_retries: 1, on: [throttled, shed]},
            bulkhead: {limit: {kind: gradient, initial: 5, samples: 3, window: 200ms, headroom: 2},
                       max_wait: 80ms, queue: 3}}
  robots:
    arrivals: {kind: constant, rate: 30/s}
    calls:
      store: {timeout: 300ms, bulkhead: {limit: {kind: aimd, initial: 2, samples: 1, window: 0s,
                                                 backoff: 70%}, per_replica: true}}
services:
  api: {workers: 6, work: 60ms, calls: {store: {timeout: 400ms}}, queue: {limit: 4},
        admit: {kind: adaptive, limit: {kind: min_rtt, every: 3s, probes: 5}, retry_after: 1s},
        on_abandon: stop}
  store: {replicas: 2, workers: 2, work: {kind: exponential, mean: 90ms}, on_abandon: drop_queued,
          admit: {kind: adaptive, limit: {kind: aimd, initial: 3, target: 150ms, samples: 3,
                                          window: 300ms}}}
faults:
  - {kind: restart, on: store, at: 6s, for: 1s}
  - {kind: hang, on: store, replicas: [1], at: 12s, for: 3s}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.THROTTLED, A.SHED, A.ABANDONED},
        marks={"throttled", "dropped", "hung"},
    ),
    "waits-that-are-limited": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 45/s}
    refresh: {after: 400ms, times: 1}
    calls: {api: {timeout: 500ms, network: 10ms, retry: {max_retries: 1, on: [throttled]},
                  bulkhead: {max_concurrent: 12, max_wait: 50ms}}}
  robots:
    arrivals: {kind: constant, rate: 32/s}
    priority: 1
    calls: {store: {timeout: 300ms, retry: {max_retries: 1, on: [throttled]}}}
services:
  api: {workers: 3, work: {kind: exponential, mean: 50ms}, calls: {store: {timeout: 400ms}},
        admit: {kind: codel, target: 20ms, interval: 100ms, retry_after: 1s},
        queue: {limit: 20}, on_abandon: drop_queued}
  store: {workers: 2, work: {kind: exponential, mean: 45ms}, queue: {discipline: priority},
          admit: {kind: slough, target: 10ms, interval: 60ms}}
faults:
  - {kind: capacity, on: api, times: 0.4, at: 5s, for: 2s}
  - {kind: restart, on: store, at: 12s, for: 500ms}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.THROTTLED, A.ABANDONED},
        marks={"throttled", "dropped"},
    ),
    "workers-in-each-others-way": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: constant, rate: 20/s}
    calls: {api: {timeout: 700ms}}
services:
  api: {workers: 8, contention: 25ms, work: {kind: gamma, mean: 100ms, cv: 0.5}}
faults:
  - {kind: latency, on: api, times: 1.5, add: 20ms, at: 4s, for: 4s, ramp: 1s}
  - {kind: capacity, on: api, times: 0, at: 9s, for: 1s}
""",
        {A.OK, A.TIMEOUT},
    ),
    "worker-freed-before-the-calls": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    calls: {front: {timeout: 500ms, retry: {max_retries: 1}}}
services:
  front: {workers: 1, blocking: false, on_abandon: stop, work: 10ms,
          calls: {back: {timeout: 600ms}}}
  back: {workers: 3, on_abandon: drop_queued, work: {kind: exponential, mean: 120ms}, errors: 5%}
faults:
  - {kind: restart, on: front, at: 8s, for: 1s}
  - {kind: hang, on: back, at: 12s, for: 3s, share: 50%}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.ABANDONED},
        marks={"dropped", "hung"},
    ),
    "stopped-while-waiting-for-a-place": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 20/s}
    refresh: {after: 300ms, times: 1}
    calls: {front: {timeout: 450ms, network: 20ms}}
services:
  front:
    workers: 10
    on_abandon: stop
    work: {kind: exponential, mean: 20ms}
    calls:
      back:
        timeout: 400ms
        bulkhead: {max_concurrent: 2, max_wait: 300ms}
        retry: {max_retries: 1, backoff: {kind: fixed, delay: 100ms}, on: [error, timeout, shed]}
        breaker: {failure_threshold: 2, recovery_timeout: 500ms}
  back: {workers: 3, on_abandon: stop, work: {kind: exponential, mean: 120ms}, errors: 50%}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.SHED, A.REJECTED, A.ABANDONED},
        trips=True,
        marks={"dropped"},
    ),
    "pause-while-a-call-returns": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: constant, rate: 12/s}
    calls: {front: {timeout: 900ms, retry: {max_retries: 1}}}
services:
  front: {workers: 4, work: 50ms, calls: {back: {timeout: 500ms, network: 25ms}}}
  back: {workers: 4, queue: {limit: 10}, work: 100ms}
faults:
  - {kind: pause, on: front, at: 3s, for: 600ms, repeat: {every: 4s, times: 3}}
  - {kind: pause, on: back, at: 5s, for: 300ms, repeat: {every: 300ms, times: 4}}
  - {kind: pause, on: back, at: 5500ms, for: 1s, name: overlapping}
""",
        {A.OK, A.TIMEOUT, A.ERROR},
    ),
    "cold-when-the-pause-ends": Focused(
        """
duration: 25s
clients:
  users:
    arrivals: {kind: poisson, rate: 15/s}
    calls: {api: {timeout: 2s}}
services:
  api: {replicas: 2, workers: 3, work: {kind: exponential, mean: 60ms}, errors: 10%}
faults:
  - {kind: pause, on: api, at: 3s, for: 2s}
  - {kind: cold, on: api, times: 8, successes: 25, at: 5s, for: 4s}
  - {kind: latency, on: api, add: 50ms, at: 6s, for: 10s}
  - {kind: cold, on: api, times: 4, successes: 200, at: 12s, for: 3s, repeat: {every: 4s, times: 2}}
""",
        {A.OK, A.TIMEOUT, A.ERROR},
    ),
    "restart-with-calls-under-way": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    calls:
      front: {timeout: 1s, network: {kind: uniform, low: 5ms, high: 60ms},
              retry: {max_retries: 2, backoff: {kind: fixed, delay: 200ms}}}
services:
  front: {replicas: 2, workers: 3, queue: {limit: 8}, work: {kind: exponential, mean: 40ms},
          calls: {back: {timeout: 300ms, retry: {max_retries: 1}}}}
  back: {workers: 4, on_abandon: stop, work: {kind: exponential, mean: 80ms},
         calls: {deep: {timeout: 200ms, network: 10ms}}}
  deep: {workers: 4, work: {kind: exponential, mean: 40ms}}
faults:
  - {kind: restart, on: front, at: 4s, for: 1s, repeat: {every: 3s, times: 3}}
  - {kind: hang, on: front, replicas: [1], at: 6s, for: 3s}
  - {kind: restart, on: back, at: 12s, for: 500ms}
  - {kind: restart, on: deep, at: 15s, for: 500ms}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.ABANDONED},
        marks={"dropped", "hung"},
    ),
    "restart-under-two-presses": Focused(
        """
duration: 15s
clients:
  people:
    arrivals: {kind: poisson, rate: 10/s}
    refresh: {after: 100ms, times: 2}
    calls: {api: {retry: {max_retries: 1}, fallback: {hit_rate: 60%}}}
services:
  api: {workers: 3, on_abandon: stop, work: {kind: exponential, mean: 150ms}}
faults:
  - {kind: restart, on: api, at: 2s, for: 300ms, repeat: {every: 2s, times: 6}}
""",
        {A.OK, A.ERROR, A.REFUSED, A.ABANDONED},
        {R.OK, R.DEGRADED, R.FAILED},
        marks={"dropped"},
    ),
    "up-and-down": Focused(
        """
duration: 20s
clients:
  users:
    arrivals: {kind: constant, rate: 16/s}
    calls: {api: {timeout: 500ms, breaker: {failure_threshold: 2, recovery_timeout: 750ms}}}
services:
  api: {replicas: 2, workers: 4, work: 62500us}
faults:
  - {kind: hang, on: api, share: 60%, at: 2s, for: 500ms, repeat: {every: 500ms, times: 5}}
  - {kind: refuse, on: api, replicas: [0], at: 8s, for: 1s, repeat: {every: 2s, times: 3}}
  - {kind: errors, on: api, rate: 80%, at: 15s, for: 1s, ramp: 500ms,
     repeat: {every: 1500ms, times: 3}}
""",
        {A.OK, A.TIMEOUT, A.ERROR, A.REFUSED, A.REJECTED},
        trips=True,
        marks={"hung"},
    ),
    "always-the-same-users": Focused(
        """
duration: 20s
clients:
  regulars:
    arrivals: {kind: closed, users: 20, think: {kind: exponential, mean: 500ms}}
    calls: {api: {timeout: 400ms, retry: {max_retries: 2}}}
  strangers:
    arrivals: {kind: poisson, rate: 10/s}
    refresh: {after: 300ms, times: 1}
    calls: {api: {timeout: 400ms, retry: {max_retries: 2}}}
services:
  api: {workers: 12, work: {kind: exponential, mean: 30ms}}
faults:
  - {kind: errors, on: api, rate: 100%, share: 20%, sticky: true, at: 2s, for: 8s}
  - {kind: latency, on: api, add: 500ms, share: 30%, sticky: true, at: 8s, for: 8s}
  - {kind: loss, on: regulars->api, share: 20%, sticky: true, at: 14s, for: 4s}
""",
        {A.OK, A.ERROR, A.TIMEOUT},
        {R.OK, R.FAILED},
        marks={"lost"},
    ),
    "late-on-the-network-and-not-wanted": Focused(
        """
duration: 15s
clients:
  users:
    arrivals: {kind: poisson, rate: 25/s}
    calls: {api: {timeout: 100ms, network: {kind: exponential, mean: 60ms}}}
services:
  api: {workers: 4, queue: {discipline: lifo}, on_abandon: drop_queued,
        work: {kind: exponential, mean: 30ms}}
""",
        {A.OK, A.TIMEOUT},
        marks={"dropped"},
    ),
    "stopped-before-the-caller-tries-again": Focused(
        """
duration: 12s
clients:
  users:
    arrivals: {kind: poisson, rate: 6/s}
    calls: {api: {timeout: 200ms, retry: {max_retries: 2}}}
services:
  api: {replicas: 2, balance: least_busy, workers: 2, on_abandon: stop,
        work: {kind: exponential, mean: 150ms}}
""",
        {A.OK, A.TIMEOUT},
        marks={"dropped"},
    ),
    "next-begins-before-the-answer-leaves": Focused(
        """
duration: 12s
clients:
  users:
    arrivals: {kind: constant, rate: 8/s}
    calls:
      api: {network: 0s}
      log: {}
services:
  api: {workers: 1, work: {kind: empirical, values: [0s, 0s, 250ms]}, calls: {log: {}}}
  log: {workers: 2, work: {kind: exponential, mean: 20ms}}
""",
        {A.OK},
    ),
}
