"""Every further word of a scenario: what it becomes, what it refuses, and that it is told where."""

from __future__ import annotations

from itertools import pairwise

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_scenario.written import SMALL, problem_of, problems_of, swapped

from simcb.outcomes import AttemptOutcome
from simcb.scenario import Scenario, parse_scenario, parse_threshold, parse_value, schema
from simcb.scenario.admission import ConcurrencyLimit, RateLimit
from simcb.scenario.arrivals import Backlog, Closed, PauseWhen, Redeliver
from simcb.scenario.breakers import Around, HalfOpen, Recovery
from simcb.scenario.calls import Adaptive, Bulkhead, Cache, RateLimiter
from simcb.scenario.distributions import Constant, Exponential
from simcb.scenario.faults import Cold, Hang, Repeat
from simcb.scenario.model import Balance, Discipline, OnAbandon, Service
from simcb.scenario.retries import PerMinute, TokenBucket
from simcb.scenario.tripping import ConsecutiveFailures, FailureRate, FailuresInWindow, SlowCallRate

EVERYTHING = """\
name: everything
duration: 10m
clients:
  shop:
    arrivals: {kind: closed, users: 20, think: {kind: exponential, mean: 1s}}
    instances: 4
    priority: 7
    deadline: 10s
    calls:
      front:
        share: 50%
        timeout: 2s
        network: 1ms
        retry: {max_retries: 1000, budget: {kind: token_bucket, ratio: 20%, burst: 2.5}}
        breaker:
          trip:
            - {kind: consecutive_failures, threshold: 7}
            - {kind: failures_in_window, threshold: 9, window: 10s}
            - {kind: failure_rate, rate: 30%, calls: 50, minimum_calls: 20}
            - {kind: slow_call_rate, slow: 1s, rate: 80%, window: 1m}
          recovery: {timeout: 5s, factor: 2, max: 1m, jitter: 10%, hint: true}
          half_open: {probes: 2, successes: 3, lease: 9s}
          counts: [error, shed]
          ignores: [refused, throttled]
          around: request
          shared: true
        throttle: {kind: adaptive, k: 1.5, window: 30s}
        rate_limit: {rate: 50/s, burst: 9, max_wait: 1s}
        bulkhead: {max_concurrent: 5, max_wait: 20ms, queue: 7, per_replica: true}
        fallback: {cache: {keys: 1000, zipf: 0.8, ttl: 5m}}
services:
  front:
    replicas: 3
    balance: least_busy
    workers: 8
    admit: {kind: rate, rate: 100/s, burst: 20, retry_after: 30s}
    queue: {limit: 10, discipline: lifo}
    work: 50ms
    contention: 2ms
    blocking: false
    on_abandon: drop_queued
    calls:
      back:
        breaker: {per_replica: true, trip: {kind: failure_rate, window: 30s}}
        retry: {max_retries: 1, budget: {kind: per_minute, retries: 60}}
  back: {workers: 1, work: 1ms, admit: {kind: concurrency, limit: 50}}
faults:
  - {kind: hang, on: shop->front, at: 1m, for: 5s, share: 20%, sticky: true,
     repeat: {every: 1m, times: 3}}
  - {kind: loss, on: front->back, at: 1m, for: 5s, share: 5%, ramp: 1s}
  - {kind: pause, on: front, at: 2m, for: 1s, replicas: [1]}
  - {kind: restart, on: front, at: 3m, for: 5s}
  - {kind: cold, on: front, at: 3m5s, for: 5m, times: 4, successes: 1000}
thresholds:
  - success{fault:hang:shop->front} > 90%
  - success{fault:loss:front->back#2} > 90%
"""


def test_every_word_means_what_it_says() -> None:
    """Each word of the file is found in the model, in seconds and per second."""
    scenario = parse_scenario(EVERYTHING)
    shop = scenario.clients["shop"]
    assert shop.arrivals == Closed(users=20, think=Exponential(mean=1.0))
    assert (shop.instances, shop.priority, shop.deadline) == (4, 7, 10.0)
    call = shop.calls["front"]
    assert (call.share, call.network) == (0.5, Constant(value=0.001))
    assert call.retry is not None
    assert (call.retry.max_retries, call.retry.budget) == (1000, TokenBucket(ratio=0.2, burst=2.5))
    assert call.throttle == Adaptive(k=1.5, window=30.0)
    assert call.rate_limit == RateLimiter(rate=50.0, burst=9, max_wait=1.0)
    assert call.bulkhead == Bulkhead(max_concurrent=5, max_wait=0.02, queue=7, per_replica=True)
    assert call.fallback is not None
    assert call.fallback.hit_rate is None
    assert call.fallback.cache == Cache(keys=1000, zipf=0.8, ttl=300.0)
    front = scenario.services["front"]
    assert front.balance is Balance.LEAST_BUSY
    assert front.queue.discipline is Discipline.LIFO
    assert front.admit == RateLimit(rate=100.0, burst=20, retry_after=30.0)
    assert scenario.services["back"].admit == ConcurrencyLimit(limit=50)
    assert (front.contention, front.blocking) == (0.002, False)
    assert front.on_abandon is OnAbandon.DROP_QUEUED
    below = front.calls["back"]
    assert below.retry is not None
    assert below.retry.budget == PerMinute(retries=60)
    assert below.breaker is not None
    assert below.breaker.trip == (FailureRate(window=30),)
    assert below.breaker.per_replica


QUEUE = """\
name: queue
duration: 1m
clients:
  jobs:
    arrivals:
      kind: backlog
      rate: 5/s
      initial: 1000
      consumers: 20
      redeliver: {after: 30s, times: 4}
      pause_when: open
      poll: 5s
    calls: {mail: {breaker: {failure_threshold: 5}}}
services:
  mail: {workers: 1, work: 1ms}
"""


def test_the_words_of_a_queue_mean_what_they_say() -> None:
    """Consumers are found in the model, and keep to one instance each."""
    group = parse_scenario(QUEUE).clients["jobs"]
    law = group.arrivals
    assert isinstance(law, Backlog)
    assert (law.initial, law.consumers, law.poll) == (1000, 20, 5.0)
    assert law.redeliver == Redeliver(after=30.0, times=4)
    assert law.pause_when is PauseWhen.OPEN
    assert group.spread_in_turn


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("pause_when: open", "pause_when: half_open", "did you mean `open`"),
        ("consumers: 20", "consumers: 0", "too small"),
        ("after: 30s", "after: 0s", "redeliver"),
        ("poll: 5s", "poll: 5", "has no unit"),
        ("    calls:", "    refresh: {after: 8s, times: 3}\n    calls:", "consumers pull messages"),
        ("    calls:", "    spread: random\n    calls:", "not for consumers"),
    ],
)
def test_a_queue_refuses_what_means_nothing(was: str, now: str, told: str) -> None:
    """What is no word of a queue, or is about people who wait, is told where it stands."""
    assert told in str(problem_of(QUEUE.replace(was, now)))


def test_the_breakers_words_mean_what_they_say() -> None:
    """The long form of a breaker is found in the model, rule by rule."""
    breaker = parse_scenario(EVERYTHING).clients["shop"].calls["front"].breaker
    assert breaker is not None
    assert breaker.trip == (
        ConsecutiveFailures(threshold=7),
        FailuresInWindow(threshold=9, window=10),
        FailureRate(rate=0.3, calls=50, minimum_calls=20),
        SlowCallRate(slow=1, rate=0.8, window=60),
    )
    assert breaker.recovery == Recovery(timeout=5, factor=2, max=60, jitter=0.1, hint=True)
    assert breaker.half_open == HalfOpen(probes=2, successes=3, lease=9)
    assert breaker.counts == (AttemptOutcome.ERROR, AttemptOutcome.SHED)
    assert breaker.ignores == (AttemptOutcome.REFUSED, AttemptOutcome.THROTTLED)
    assert breaker.around is Around.REQUEST
    assert breaker.shared


def test_what_is_left_out_is_as_it_was_before() -> None:
    """A file that says none of the further words gets their plain meaning."""
    scenario = parse_scenario(SMALL)
    shop, payments = scenario.clients["shop"], scenario.services["payments"]
    call = shop.calls["payments"]
    assert (shop.instances, shop.priority, shop.deadline) == (1, 0, None)
    assert (call.share, call.network, call.bulkhead, call.throttle) == (1.0, None, None, None)
    assert call.rate_limit is None
    assert call.retry is not None
    assert call.retry.budget is None
    assert call.breaker is not None
    assert call.breaker.trip is call.breaker.recovery is None
    assert call.breaker.half_open == HalfOpen()
    assert call.breaker.counts == ("error", "timeout", "refused")
    assert call.breaker.ignores == ("throttled",)
    assert payments.admit is None
    assert call.breaker.around is Around.ATTEMPT
    assert not call.breaker.shared
    assert payments.balance is Balance.ROUND_ROBIN
    assert payments.queue.discipline is Discipline.FIFO
    assert (payments.contention, payments.blocking) == (0.0, True)
    assert payments.on_abandon is OnAbandon.FINISH
    (fault,) = scenario.faults
    assert (fault.sticky, fault.repeat, fault.link) == (False, None, None)
    assert (fault.service, fault.windows, fault.until) == ("payments", ((60.0, 180.0),), 180.0)


def test_everything_round_trips_and_fits_the_schema() -> None:
    """A file with every word is written, read back equal, and known to editors."""
    scenario = parse_scenario(EVERYTHING)
    text = scenario.to_yaml()
    assert parse_scenario(text) == scenario
    assert parse_scenario(text).to_yaml() == text
    assert "on: shop->front" in text
    for written in (EVERYTHING, text):
        jsonschema.Draft202012Validator(schema()).validate(parse_value(written))


def _faults(*lines: str) -> Scenario:
    return parse_scenario(SMALL + "".join(f"  - {{{line}}}\n" for line in lines))


def test_a_fault_may_strike_one_callers_calls() -> None:
    """A link names the caller and the service; its label says so, and thresholds may name it."""
    scenario = _faults("kind: latency, on: shop->payments, at: 0s, for: 1s, add: 1s")
    fault = scenario.faults[1]
    assert fault.link == ("shop", "payments")
    assert fault.service == "payments"
    assert scenario.labelled_faults[1][0] == "latency:shop->payments"
    threshold = parse_threshold("p99{fault:latency:shop->payments#2,payments} < 1s")
    assert threshold.qualifiers == ("fault:latency:shop->payments#2", "payments")


def test_a_fault_that_comes_again_has_a_window_each_time() -> None:
    """The windows begin `every` apart, and the fault is over after the last of them."""
    fault = Hang(on="payments", at=10, lasts=2, repeat=Repeat(every=5, times=3))
    assert fault.windows == ((10, 12), (15, 17), (20, 22))
    assert fault.until == 22
    assert Hang(on="a", at=1, lasts=2, repeat=Repeat(every=2, times=2)).windows == ((1, 3), (3, 5))


@given(st.floats(0, 1e6), st.floats(1e-3, 1e3), st.floats(0, 1e3), st.integers(1, 50))
def test_windows_neither_overlap_nor_leave_gaps_that_nobody_wrote(
    at: float, lasts: float, pause: float, times: int
) -> None:
    """Each window ends before the next begins, or with its begin where they adjoin."""
    fault = Hang(on="a", at=at, lasts=lasts, repeat=Repeat(every=lasts + pause, times=times))
    assert len(fault.windows) == times
    assert fault.windows[0][0] == at
    assert fault.windows[-1][1] == fault.until
    for (_, end), (start, _) in pairwise(fault.windows):
        assert end == start if lasts + pause == lasts else end <= start


def test_a_surge_strikes_whoever_has_a_rate() -> None:
    """Open arrivals can be multiplied; users who wait for answers have no rate of their own."""
    surge = "  - {kind: surge, on: shop, times: 3, at: 1m, for: 1m}\n"
    assert parse_scenario(SMALL + surge).faults[1].service == "shop"
    closed = swapped("{kind: poisson, rate: 40/s}", "{kind: closed, users: 3, think: 1s}") + surge
    assert "closed arrivals" in problem_of(closed).what
    replay = swapped("{kind: poisson, rate: 40/s}", "{kind: replay, file: a.csv}") + surge
    assert "replays timestamps" in problem_of(replay, replays=False).what
    rates = replay.replace("file: a.csv", "file: a.csv, interval: 1m")
    assert parse_scenario(rates, replays=False).faults[1].kind == "surge"


RETRY = "{max_retries: 2}"
BREAKER = "failure_threshold: 3, recovery_timeout: 30s"
TRIP = f"{BREAKER}}}"
TIMEOUT = "timeout: 2s"
FAULT = "kind: hang, on: payments, at: 1m, for: 2m"
ARRIVALS = "{kind: poisson, rate: 40/s}"
WORK = "work: 50ms"


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        (ARRIVALS, "{kind: closed, users: 0, think: 1s}", "arrivals.users", "too small"),
        (ARRIVALS, "{kind: closed, users: 3}", "arrivals.think", "is missing"),
        (ARRIVALS, "{kind: closed, users: 3, think: 1}", "arrivals.think", "has no unit"),
        (ARRIVALS, "{kind: closed, users: 3, think: 1s, sleep: 3}", "arrivals.sleep", "`think`?"),
        (ARRIVALS, "{kind: replay}", "arrivals.file", "is missing"),
        (ARRIVALS, f"{ARRIVALS}\n    instances: 0", "shop.instances", "too small"),
        (ARRIVALS, f"{ARRIVALS}\n    deadline: 0s", "shop.deadline", "too small"),
        (TIMEOUT, "share: 150%", "payments.share", "the whole"),
        (TIMEOUT, "network: fast", "payments.network", "not a duration"),
        (TIMEOUT, "network: {kind: exponental, mean: 1s}", "network.kind", "`exponential`?"),
        (TIMEOUT, "bulkhead: 3", "payments.bulkhead", "not a mapping"),
        (TIMEOUT, "bulkhead: {max_concurrent: 0}", "bulkhead.max_concurrent", "too small"),
        (TIMEOUT, "bulkhead: {}", "bulkhead.max_concurrent", "is missing"),
        (
            TIMEOUT,
            "bulkhead: {max_concurrent: 2, concurrency: 3}",
            "bulkhead.concurrency",
            "`max_concurrent`?",
        ),
        (TIMEOUT, "throttle: {kind: adaptve}", "throttle.kind", "`adaptive`?"),
        (TIMEOUT, "throttle: {kind: adaptive, k: 0.5}", "throttle.k", "too small"),
        (TIMEOUT, "throttle: {kind: adaptive, window: 0s}", "throttle.window", "too small"),
        (TIMEOUT, "throttle: adaptive", "payments.throttle", "{kind: adaptive, …}"),
        (TIMEOUT, "fallback: {}", "payments.fallback", "`cache: {keys: 1000, ttl: 5m}`"),
        (TIMEOUT, "fallback: {cache: {keys: 3}}", "cache.ttl", "is missing"),
        (TIMEOUT, "fallback: {cache: {keys: 3, ttl: 0s}}", "cache.ttl", "too small"),
        (TIMEOUT, "fallback: {cache: {keys: 3, ttl: 1s, zipf: -1}}", "cache.zipf", "negative"),
        (
            TIMEOUT,
            "fallback: {hit_rate: 5%, cache: {keys: 3, ttl: 1s}}",
            "fallback.hit_rate",
            "beside `cache`",
        ),
        (RETRY, "{max_retries: 2, budget: {kind: bucket}}", "budget.kind", "`token_bucket`?"),
        (RETRY, "{max_retries: 2, budget: {kind: per_minute}}", "budget.retries", "is missing"),
        (
            RETRY,
            "{max_retries: 2, budget: {kind: token_bucket, ratio: 120%}}",
            "budget.ratio",
            "the whole",
        ),
        (
            RETRY,
            "{max_retries: 2, budget: {kind: token_bucket, burst: -1}}",
            "budget.burst",
            "negative",
        ),
        (
            BREAKER,
            "failure_threshold: 3, trip: {kind: consecutive_failures}",
            "breaker.failure_threshold",
            "beside `trip`",
        ),
        (
            BREAKER,
            "recovery_timeout: 3s, recovery: {timeout: 3s}",
            "breaker.recovery_timeout",
            "beside `recovery`",
        ),
        (BREAKER, "trip: []", "breaker.trip", "is empty"),
        (BREAKER, "trip: 3", "breaker.trip", "not a trip rule"),
        (BREAKER, "trip: failure_rate", "breaker.trip", "{kind: failure_rate, …}"),
        (BREAKER, "trip: {kind: failure_rates}", "breaker.trip.kind", "`failure_rate`?"),
        (BREAKER, "trip: {rate: 50%}", "breaker.trip", "`kind:`"),
        (BREAKER, "trip: {kind: failure_rate}", "breaker.trip", "neither"),
        (BREAKER, "trip: {kind: failure_rate, calls: 9, rate: 0}", "trip.rate", "too small"),
        (BREAKER, "trip: {kind: failure_rate, calls: 9, rate: 2}", "trip.rate", "`2%`"),
        (BREAKER, "trip: [{kind: failure_rate, calls: 0}]", "breaker.trip.0.calls", "too small"),
        (
            BREAKER,
            "trip: {kind: failure_rate, calls: 9, window: 1s}",
            "trip.window",
            "beside `calls`",
        ),
        (
            BREAKER,
            "trip: {kind: failure_rate, calls: 9, minimum_calls: 10}",
            "trip.minimum_calls",
            "at most 9",
        ),
        (BREAKER, "trip: {kind: slow_call_rate, calls: 9}", "trip.slow", "is missing"),
        (BREAKER, "trip: {kind: failures_in_window, window: 5}", "trip.window", "no unit"),
        (BREAKER, "trip: {kind: failures_in_window, size: 5s}", "trip.size", "`window`?"),
        (BREAKER, "recovery: {timeout: 9s, max: 3s}", "recovery.max", "less than timeout"),
        (BREAKER, "recovery: {factor: 0.5}", "recovery.factor", "too small"),
        (BREAKER, "recovery: {jitter: 1.5}", "recovery.jitter", "the whole"),
        (BREAKER, "half_open: {probes: -1}", "half_open.probes", "negative"),
        (BREAKER, "half_open: {lease: 0s}", "half_open.lease", "too small"),
        (BREAKER, "half_open: {verdict: 0%}", "half_open.verdict", "too small"),
        (BREAKER, "half_open: {verdict: 50}", "half_open.verdict", "`50%`"),
        (
            BREAKER,
            "half_open: {probes: 10, successes: 10, verdict: 50%}",
            "half_open.successes",
            "is given beside `verdict`; keep one of the two",
        ),
        (BREAKER, "half_open: null", "breaker.half_open", "is null"),
        (BREAKER, "counts: [rejected]", "breaker.counts.0", "not one of"),
        (BREAKER, "counts: [error, error]", "breaker.counts", "twice"),
        (BREAKER, "counts: []", "breaker.counts", "`enabled: false`"),
        (BREAKER, "around: requests", "breaker.around", "`request`?"),
        (BREAKER, "around: request, per_replica: true", "per_replica", "`around: attempt`"),
        (WORK, f"{WORK}\n    balance: least-busy", "payments.balance", "`least_busy`?"),
        (WORK, f"{WORK}\n    queue: {{discipline: lilo}}", "queue.discipline", "`lifo`?"),
        (WORK, f"{WORK}\n    queue: {{order: lifo}}", "queue.order", "`discipline`?"),
        (WORK, f"{WORK}\n    contention: 5", "payments.contention", "no unit"),
        (WORK, f"{WORK}\n    blocking: no", "payments.blocking", "`false`"),
        (WORK, f"{WORK}\n    on_abandon: drop", "payments.on_abandon", "drop_queued"),
    ],
)
def test_a_wrong_word_is_told_once_at_its_place(old: str, new: str, path: str, words: str) -> None:
    """What no run could use is refused where it stands, with what to write instead."""
    problem = problem_of(swapped(old, new))
    assert problem.path.endswith(path)
    assert problem.line
    assert problem.remedy
    assert words in f"{problem.what}; {problem.remedy}"


@pytest.mark.parametrize(
    ("fault", "path", "words"),
    [
        ("kind: hang, sticky: true", "sticky", "add a share"),
        ("kind: hang, repeat: {every: 119s, times: 3}", "repeat", "`every: 2m` or more"),
        ("kind: hang, repeat: {every: 3m, times: 0}", "repeat.times", "too small"),
        ("kind: hang, repeat: {every: 0s, times: 2}", "repeat.every", "too small"),
        ("kind: hang, repeat: {times: 2}", "repeat.every", "is missing"),
        ("kind: hang, repeat: 3", "repeat", "{every: 30s, times: 4}"),
        ("kind: cold, times: 0.5, successes: 3", "times", "too small"),
        ("kind: cold, times: 2, successes: 0", "successes", "too small"),
        ("kind: cold, times: 2", "successes", "is missing"),
        ("kind: cold, times: 2, successes: 3, ramp: 1s", "ramp", "nothing to cold"),
        ("kind: cold, times: 2, successes: 3, share: 5%", "share", "nothing to cold"),
        ("kind: pause, share: 5%", "share", "nothing to pause"),
        ("kind: pause, ramp: 1s", "ramp", "nothing to pause"),
        ("kind: pause, sticky: true", "sticky", "nothing to pause"),
        ("kind: restart, share: 5%", "share", "nothing to restart"),
        ("kind: restart, ramp: 1s", "ramp", "nothing to restart"),
        ("kind: capacity, times: 0.5, sticky: true", "sticky", "nothing to capacity"),
        ("kind: pause, times: 3", "times", "unknown here"),
    ],
)
def test_a_fault_takes_only_the_words_that_mean_something_to_it(
    fault: str, path: str, words: str
) -> None:
    """A common word that a kind cannot heed is refused, not ignored."""
    problem = problem_of(swapped("kind: hang", fault))
    assert problem.path == f"faults.0.{path}"
    assert words in f"{problem.what}; {problem.remedy}"


@pytest.mark.parametrize(
    ("kind", "on", "words"),
    [
        ("hang", "shop->paymentz", "did you mean `shop->payments`?"),
        ("hang", "payments->shop", "no call; write shop->payments"),
        ("hang", "nobody->payments", "no call"),
        ("hang", "shop -> payments", "write `shop->payments`, without blanks"),
        ("hang", "shop->", "names nothing"),
        ("hang", "a->b->c", "names nothing"),
        ("hang", "shop", "or its call `shop->payments`"),
        ("pause", "shop", "pause strikes a service; write payments"),
        ("pause", "shop->payments", "strikes a whole service; write `payments`"),
        ("restart", "shop->payment", "did you mean `payments`?"),
        ("capacity, times: 0.5", "shop->payments", "strikes a whole service"),
        ("cold, times: 2, successes: 1", "shop->payments", "strikes a whole service"),
        ("surge, times: 2", "shop->payments", "surge strikes a client group; "),
        ("surge, times: 2", "payments", "surge strikes a client group; write shop"),
        ("loss", "loss", "no service"),
    ],
)
def test_a_fault_strikes_what_is_there(kind: str, on: str, words: str) -> None:
    """A service, a call or a group that does not exist, or does not fit, is told once."""
    problem = problem_of(swapped("kind: hang, on: payments", f"kind: {kind}, on: {on}"))
    assert problem.path == "faults.0.on"
    assert words in f"{problem.what}; {problem.remedy}"


def test_the_replicas_of_a_link_are_its_services() -> None:
    """A fault on a call counts the replicas of the service that is called."""
    text = swapped(
        "on: payments, at: 1m, for: 2m", "on: shop->payments, at: 1m, for: 2m, replicas: [1]"
    )
    assert problem_of(text).path == "faults.0.replicas.0"
    assert parse_scenario(text, sets=["payments.replicas=2"]).faults[0].replicas == (1,)


def test_slow_calls_may_be_all_that_counts() -> None:
    """No outcome need be a failure where slowness opens the breaker."""
    text = swapped(BREAKER, "counts: [], trip: {kind: slow_call_rate, slow: 1s, calls: 9}")
    breaker = parse_scenario(text).guarded_calls[0][2].breaker
    assert breaker is not None
    assert breaker.counts == ()


def test_wrong_words_everywhere_come_in_one_pass() -> None:
    """Problems of many further words are told together, in the file's order."""
    text = EVERYTHING.replace("users: 20", "users: 0").replace("k: 1.5", "k: 0")
    text = text.replace("balance: least_busy", "balance: least").replace("keys: 1000", "keys: 0")
    text = text.replace("rate: 30%", "rate: 300%").replace("on: front->back", "on: back->front")
    assert [problem.path.rpartition("calls.front.")[2] for problem in problems_of(text)] == [
        "clients.shop.arrivals.users",
        "breaker.trip.2.rate",
        "throttle.k",
        "fallback.cache.keys",
        "services.front.balance",
        "faults.1.on",
    ]


def test_models_built_in_python_are_checked_likewise() -> None:
    """A service and a fault from Python know the same words."""
    service = Service(workers=1, work="1ms", balance="random", on_abandon="stop", blocking=False)
    assert service.balance is Balance.RANDOM
    assert service.on_abandon is OnAbandon.STOP
    assert Cold(on="a", at=0, lasts=9, times=2, successes=5).service == "a"
