"""Generated scenarios: any value the models allow, for laws that hold of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from simcb.outcomes import AttemptOutcome
from simcb.scenario.adapting import Aimd, Gradient, MinRtt
from simcb.scenario.admission import AdaptiveLimit, Codel, ConcurrencyLimit, RateLimit, Slough
from simcb.scenario.arrivals import Closed, Poisson, RatePoint
from simcb.scenario.arrivals import Constant as Even
from simcb.scenario.breakers import Around, Breaker, HalfOpen, Recovery
from simcb.scenario.calls import (
    Adaptive,
    Bulkhead,
    Cache,
    Call,
    Fallback,
    RateLimiter,
)
from simcb.scenario.distributions import (
    Constant,
    Empirical,
    Gamma,
    Histogram,
    Lognormal,
    Quantiles,
    Uniform,
)
from simcb.scenario.distributions import Exponential as ExponentialWork
from simcb.scenario.faults import (
    Capacity,
    Cold,
    Errors,
    Fault,
    Hang,
    Latency,
    Loss,
    Pause,
    Refuse,
    Repeat,
    Restart,
    Surge,
)
from simcb.scenario.groups import ClientGroup, Refresh
from simcb.scenario.model import (
    Balance,
    Discipline,
    OnAbandon,
    Queue,
    Scenario,
    Service,
)
from simcb.scenario.retries import (
    Concurrent,
    Decorrelated,
    Exponential,
    FailureTokens,
    Fixed,
    Jitter,
    Listed,
    NoBackoff,
    PerMinute,
    Retry,
    Server,
    TokenBucket,
)
from simcb.scenario.sweep import Sweep
from simcb.scenario.tripping import ConsecutiveFailures, FailureRate, FailuresInWindow, SlowCallRate

SERVICES = ("front", "middle", "back-1")
CLIENTS = ("shop", "Batch_2")

seconds = st.floats(0, 1e6, allow_subnormal=True)
positive = st.floats(1e-9, 1e6)
rates = st.floats(0, 1e6)
shares = st.floats(0, 1)
text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The strategy's value, or none."""
    return st.none() | strategy


@st.composite
def rate_points(draw: st.DrawFn) -> tuple[RatePoint, ...]:
    """Points in order of time, the first at 0, no ramp past the next point."""
    times = [0.0, *sorted(draw(st.sets(st.integers(1, 1000), max_size=3)))]
    ramps = [draw(st.floats(0, 1)) if draw(st.booleans()) else 0.0 for _ in times]
    return tuple(
        RatePoint(at=at, rate=draw(rates), ramp=ramp) for at, ramp in zip(times, ramps, strict=True)
    )


@st.composite
def pairs(draw: st.DrawFn) -> tuple[float, float]:
    """Two durations, the smaller first."""
    low, high = sorted((draw(seconds), draw(seconds)))
    return low, high


distributions = st.one_of(
    st.builds(Constant, value=seconds),
    st.builds(ExponentialWork, mean=positive),
    st.tuples(positive, st.floats(1, 50)).map(lambda p: Lognormal(p50=p[0], p99=p[0] * p[1])),
    st.builds(Lognormal, mean=positive, cv=st.floats(0.01, 10)),
    st.tuples(positive, st.floats(1, 50)).map(lambda p: Lognormal(p75=p[0], p999=p[0] * p[1])),
    st.lists(positive, min_size=4, max_size=4)
    .map(sorted)
    .map(lambda times: Quantiles(min=times[0], p50=times[1], p99=times[2], max=times[3])),
    st.lists(
        st.tuples(positive, st.floats(0.1, 9)),
        min_size=1,
        max_size=4,
        unique_by=lambda each: each[0],
    ).map(lambda rows: Histogram(buckets=[{"to": to, "count": n} for to, n in sorted(rows)])),
    st.builds(Gamma, mean=positive, cv=st.floats(0.01, 10)),
    pairs().map(lambda p: Uniform(low=p[0], high=p[1])),
    st.lists(st.tuples(seconds, st.floats(0.1, 9)), min_size=1, max_size=4).map(
        lambda rows: Empirical(values=[v for v, _ in rows], weights=[w for _, w in rows])
    ),
)

open_arrivals = st.builds(Poisson, rate=rate_points()) | st.builds(Even, rate=rate_points())
closed_arrivals = st.builds(Closed, users=st.integers(1, 10**9), think=distributions)

backoffs = st.one_of(
    st.just(NoBackoff()),
    st.builds(Fixed, delay=seconds),
    st.builds(Listed, delays=st.lists(seconds, min_size=1, max_size=3)),
    pairs().map(lambda p: Exponential(base=p[0], factor=1.5, max=p[1])),
    pairs().map(lambda p: Decorrelated(base=p[0], max=p[1])),
    st.builds(Server, base=seconds, factor=st.just(1.0), up_to=maybe(positive)),
)


@st.composite
def retries(draw: st.DrawFn) -> Retry:
    """Retries with any backoff; a decorrelated one has no jitter."""
    backoff = draw(backoffs)
    words: dict[str, object] = {"max_retries": draw(st.integers(0, 1000)), "backoff": backoff}
    if draw(st.booleans()) and not isinstance(backoff, Decorrelated):
        words["jitter"] = draw(st.sampled_from(Jitter))
    if draw(st.booleans()):
        retryable = ("error", "timeout", "refused", "throttled", "rejected", "shed")
        words["on"] = draw(st.lists(st.sampled_from(retryable), unique=True))
    if draw(st.booleans()):
        words["budget"] = draw(
            st.builds(TokenBucket, ratio=shares, burst=st.floats(0, 1e6))
            | st.builds(PerMinute, retries=st.integers(0, 10**6))
            | st.builds(Concurrent, share=shares, least=st.integers(0, 10**6))
            | st.builds(FailureTokens, max=st.floats(0.1, 1e6), earn=st.floats(0, 1e6))
        )
    return Retry(**words)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, object]:
    """The words of a window of calls or of time."""
    words: dict[str, object] = {"rate": draw(st.floats(1e-9, 1))}
    if draw(st.booleans()):
        words["calls"] = draw(st.integers(1, 1000))
    else:
        words["window"] = draw(positive)
    if draw(st.booleans()):
        words["minimum_calls"] = draw(st.integers(1, words.get("calls", 1000)))
    return words


trip_rules = st.one_of(
    st.builds(ConsecutiveFailures, threshold=st.integers(1, 1000)),
    st.builds(FailuresInWindow, threshold=st.integers(1, 1000), window=positive),
    windows().map(lambda words: FailureRate(**words)),
    st.tuples(st.sampled_from((FailureRate, SlowCallRate)), positive, st.booleans(), windows()).map(
        lambda one: one[0](slow=one[1], in_flight=one[2], **one[3])
    ),
)

half_opens = st.one_of(
    st.builds(HalfOpen, probes=st.integers(1, 10_000), lease=positive, **word)
    for word in ({"successes": st.integers(1, 1000)}, {"verdict": st.floats(0.001, 1.0)})
)
COUNTED = tuple(
    AttemptOutcome(word) for word in ("error", "timeout", "refused", "throttled", "shed")
)


@st.composite
def breakers(draw: st.DrawFn) -> Breaker:
    """A breaker with its short words or its long ones."""
    words: dict[str, object] = {"enabled": draw(st.booleans()), "shared": draw(st.booleans())}
    if draw(st.booleans()):
        words["failure_threshold"] = draw(st.integers(1, 1000))
    elif draw(st.booleans()):
        words["trip"] = draw(st.lists(trip_rules, min_size=1, max_size=3))
    if draw(st.booleans()):
        words["recovery_timeout"] = draw(seconds)
    elif draw(st.booleans()):
        timeout, longest = draw(pairs())
        words["recovery"] = Recovery(
            timeout=timeout,
            max=longest,
            factor=draw(st.floats(1, 1e6)),
            jitter=draw(shares),
            hint=draw(st.booleans()),
        )
    if draw(st.booleans()):
        words["half_open"] = draw(half_opens)
    if draw(st.booleans()):
        words["counts"] = draw(st.lists(st.sampled_from(COUNTED), min_size=1, unique=True))
        others = [each for each in COUNTED if each not in words["counts"]]
        words["ignores"] = others[: draw(st.integers(0, len(others)))]
    words["around"] = draw(st.sampled_from(Around))
    words["per_replica"] = words["around"] is Around.ATTEMPT and draw(st.booleans())
    return Breaker(**words)


counts = st.integers(1, 10**5)
windowed = {"window": seconds, "samples": counts, "initial": st.integers(5, 100)}
bounds = {"least": st.integers(1, 5), "most": st.integers(100, 10**6)}
limits = st.one_of(
    st.builds(Aimd, **windowed, **bounds, backoff=st.floats(0.01, 0.99), target=maybe(positive)),
    st.builds(
        Gradient,
        **windowed,
        **bounds,
        tolerance=st.floats(1, 1000),
        headroom=counts,
        smoothing=st.floats(0.01, 1),
        memory=counts,
    ),
    st.builds(
        MinRtt,
        **bounds,
        window=seconds,
        percentile=st.floats(0.01, 1),
        buffer=st.floats(0, 1000),
        every=positive,
        probes=counts,
    ),
)
admissions = st.one_of(
    st.builds(Codel, target=positive, interval=positive, retry_after=maybe(positive)),
    st.builds(Slough, target=positive, interval=positive),
    st.builds(AdaptiveLimit, limit=limits, retry_after=maybe(positive)),
    st.builds(
        RateLimit,
        rate=st.floats(1e-6, 1e6),
        burst=maybe(st.integers(1, 10**6)),
        retry_after=maybe(positive),
    ),
    st.builds(ConcurrencyLimit, limit=st.integers(1, 10**6), retry_after=maybe(positive)),
)
caches = st.builds(Cache, keys=st.integers(1, 10**7), zipf=st.floats(0, 10), ttl=positive)
calls = st.builds(
    Call,
    share=shares,
    timeout=maybe(positive),
    network=maybe(distributions),
    retry=maybe(retries()),
    breaker=maybe(breakers()),
    throttle=maybe(st.builds(Adaptive, k=st.floats(1, 1000), window=positive)),
    rate_limit=maybe(
        st.builds(
            RateLimiter,
            rate=st.floats(1e-6, 1e6),
            burst=maybe(st.integers(1, 10**6)),
            max_wait=seconds,
        )
    ),
    bulkhead=maybe(
        st.builds(
            Bulkhead,
            max_concurrent=st.integers(1, 10**6),
            max_wait=positive,
            queue=maybe(st.integers(0, 10**6)),
            per_replica=st.booleans(),
        )
        | st.builds(Bulkhead, limit=limits, max_wait=positive)
    ),
    fallback=maybe(
        st.builds(Fallback, hit_rate=shares, around=st.sampled_from(Around))
        | st.builds(Fallback, cache=caches, around=st.sampled_from(Around))
    ),
)

FAULT_WORDS: dict[type[Fault], dict[str, st.SearchStrategy[object]]] = {
    Latency: {"add": seconds},
    Errors: {"rate": shares},
    Hang: {},
    Refuse: {},
    Capacity: {"times": shares},
    Pause: {},
    Restart: {},
    Cold: {"times": st.floats(1, 1e6), "successes": st.integers(1, 10**9)},
    Loss: {},
    Surge: {"times": shares},
}
"""Every kind of fault, and the words of its own."""


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """A fault of any kind, on whom that kind may strike, with the words that fit it."""
    kind = draw(st.sampled_from(tuple(FAULT_WORDS)))
    lasts = draw(seconds)
    words: dict[str, object] = {"at": draw(seconds), "lasts": lasts}
    links = [f"{client}->{SERVICES[0]}" for client in CLIENTS] if kind.on_links else []
    # Only the first group is sure to have a rate that can be multiplied.
    words["on"] = CLIENTS[0] if kind is Surge else draw(st.sampled_from([*SERVICES, *links]))
    common = {
        "ramp": st.just(lasts / 2),
        "share": shares,
        "replicas": st.just([0]),
        "repeat": st.builds(Repeat, every=st.just(lasts + 1), times=st.integers(1, 1000)),
    }
    for word, values in common.items():
        if word not in kind.not_for_this and draw(st.booleans()):
            words[word] = draw(values)
    if "share" in words:
        words["sticky"] = draw(st.booleans())
    words |= {word: draw(values) for word, values in FAULT_WORDS[kind].items()}
    return kind(**words)


SPECS = ("3,5,10", "1:9:1", "1..9/4", "1s..2m/3@log", [1, 2.5, "5%"], [True, None], [{"a": [1]}])
"""What an axis may run through; whether it suits the place is told by a sweep."""


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    """A sweep over places that every generated scenario has."""
    paths = ("duration", "front.workers", "clients.shop.instances", "services.back-1.errors")
    over = draw(st.dictionaries(st.sampled_from(paths), st.sampled_from(SPECS), min_size=1))
    words: dict[str, object] = {"over": over}
    if draw(st.booleans()):
        words["design"] = draw(st.sampled_from(("grid", "lhs:7")))
    if draw(st.booleans()):
        words["replicates"] = draw(st.integers(1, 10_000))
    if draw(st.booleans()):
        words |= {"by": draw(text.filter(bool)), "refine": "collapse=50%"}
    return Sweep(**words)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """A scenario of two client groups and a chain of three services."""
    services = {}
    for index, name in enumerate(SERVICES):
        below = SERVICES[index + 1 :]
        called = draw(st.lists(st.sampled_from(below), unique=True)) if below else []
        services[name] = Service(
            replicas=draw(st.integers(1, 5)),
            workers=draw(st.integers(1, 500)),
            balance=draw(st.sampled_from(Balance)),
            admit=draw(maybe(admissions)),
            queue=Queue(
                limit=draw(maybe(st.integers(0, 10**6))),
                discipline=draw(st.sampled_from(Discipline)),
            ),
            work=draw(distributions),
            errors=draw(shares),
            contention=draw(seconds),
            blocking=draw(st.booleans()),
            on_abandon=draw(st.sampled_from(OnAbandon)),
            calls={service: draw(calls) for service in called},
        )
    clients = {
        name: ClientGroup(
            arrivals=draw(open_arrivals if name == CLIENTS[0] else open_arrivals | closed_arrivals),
            instances=draw(st.integers(1, 100_000)),
            deadline=draw(maybe(positive)),
            refresh=draw(maybe(st.builds(Refresh, after=positive, times=st.integers(0, 9)))),
            calls={SERVICES[0]: draw(calls)},
        )
        for name in CLIENTS
    }
    return Scenario(
        name=draw(text.filter(bool)),
        about=draw(text),
        duration=draw(st.floats(1, 1e5)),
        clients=clients,
        services=services,
        faults=draw(st.lists(faults(), max_size=3)),
        thresholds=draw(st.lists(thresholds, max_size=3)),
        sweep=draw(maybe(sweeps())),
    )


thresholds = st.builds(
    "{}{} {} {}".format,
    st.sampled_from(("success", "p99", "time_to_recover")),
    st.sampled_from(("", "{healthy}", "{fault:hang:front#2,front}")),
    st.sampled_from(("<", "<=", ">", ">=", "==")),
    st.sampled_from(("never", "99.9%", "1m30s", "40/s", "2", "1e-3")),
)
