"""Generated scenarios: any value the models allow, for laws that hold of all of them."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from simcb.scenario.arrivals import Constant as Even
from simcb.scenario.arrivals import Poisson, RatePoint
from simcb.scenario.calls import (
    Breaker,
    Call,
    Decorrelated,
    Exponential,
    Fallback,
    Fixed,
    Jitter,
    NoBackoff,
    Retry,
)
from simcb.scenario.distributions import (
    Constant,
    Empirical,
    Gamma,
    Lognormal,
    Uniform,
)
from simcb.scenario.distributions import Exponential as ExponentialWork
from simcb.scenario.faults import Capacity, Errors, Hang, Latency, Refuse, Surge
from simcb.scenario.model import ClientGroup, Queue, Refresh, Scenario, Service

steady = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
"""The same examples on every machine, however busy it is."""

SERVICES = ("front", "middle", "back-1")
CLIENTS = ("shop", "Batch_2")

seconds = st.floats(0, 1e6, allow_subnormal=True)
positive = st.floats(1e-9, 1e6)
rates = st.floats(0, 1e6)
shares = st.floats(0, 1)
text = st.text(st.characters(blacklist_categories=("Cs",)), max_size=60)


@st.composite
def rate_points(draw: st.DrawFn) -> tuple[RatePoint, ...]:
    """Points in order of time, the first at 0, no ramp past the next point."""
    times = [0.0, *sorted(draw(st.sets(st.integers(1, 1000), max_size=3)))]
    ramps = [draw(st.floats(0, 1)) if draw(st.booleans()) else 0.0 for _ in times]
    return tuple(
        RatePoint(at=at, rate=draw(rates), ramp=ramp) for at, ramp in zip(times, ramps, strict=True)
    )


arrivals = st.builds(Poisson, rate=rate_points()) | st.builds(Even, rate=rate_points())


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
    st.builds(Gamma, mean=positive, cv=st.floats(0.01, 10)),
    pairs().map(lambda p: Uniform(low=p[0], high=p[1])),
    st.lists(st.tuples(seconds, st.floats(0.1, 9)), min_size=1, max_size=4).map(
        lambda rows: Empirical(values=[v for v, _ in rows], weights=[w for _, w in rows])
    ),
)

backoffs = st.one_of(
    st.just(NoBackoff()),
    st.builds(Fixed, delay=seconds),
    pairs().map(lambda p: Exponential(base=p[0], factor=1.5, max=p[1])),
    pairs().map(lambda p: Decorrelated(base=p[0], max=p[1])),
)


@st.composite
def retries(draw: st.DrawFn) -> Retry:
    """Retries with any backoff; a decorrelated one has no jitter."""
    backoff = draw(backoffs)
    words: dict[str, object] = {"max_retries": draw(st.integers(0, 100)), "backoff": backoff}
    if draw(st.booleans()) and not isinstance(backoff, Decorrelated):
        words["jitter"] = draw(st.sampled_from(Jitter))
    if draw(st.booleans()):
        retryable = ("error", "timeout", "refused", "rejected", "shed")
        words["on"] = draw(st.lists(st.sampled_from(retryable), unique=True))
    return Retry(**words)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """The strategy's value, or none."""
    return st.none() | strategy


calls = st.builds(
    Call,
    timeout=maybe(positive),
    retry=maybe(retries()),
    breaker=maybe(
        st.builds(
            Breaker,
            failure_threshold=st.integers(1, 1000),
            recovery_timeout=seconds,
            per_replica=st.booleans(),
            enabled=st.booleans(),
        )
    ),
    fallback=maybe(st.builds(Fallback, hit_rate=shares)),
)


@st.composite
def faults(draw: st.DrawFn) -> object:
    """A fault of any kind, on whom that kind may strike."""
    kind = draw(st.sampled_from((Latency, Errors, Hang, Refuse, Capacity, Surge)))
    lasts = draw(seconds)
    words: dict[str, object] = {"at": draw(seconds), "lasts": lasts}
    words["on"] = draw(st.sampled_from(CLIENTS if kind is Surge else SERVICES))
    if draw(st.booleans()):
        words["ramp"] = lasts / 2
    if kind not in (Surge, Capacity) and draw(st.booleans()):
        words["share"] = draw(shares)
    if kind is not Surge and draw(st.booleans()):
        words["replicas"] = [0]
    if kind is Latency:
        words["add"] = draw(seconds)
    if kind is Errors:
        words["rate"] = draw(shares)
    if kind in (Capacity, Surge):
        words["times"] = draw(shares)
    return kind(**words)


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
            queue=Queue(limit=draw(maybe(st.integers(0, 10**6)))),
            work=draw(distributions),
            errors=draw(shares),
            calls={service: draw(calls) for service in called},
        )
    clients = {
        name: ClientGroup(
            arrivals=draw(arrivals),
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
    )


thresholds = st.builds(
    "{}{} {} {}".format,
    st.sampled_from(("success", "p99", "time_to_recover")),
    st.sampled_from(("", "{healthy}", "{fault:hang:front#2,front}")),
    st.sampled_from(("<", "<=", ">", ">=", "==")),
    st.sampled_from(("never", "99.9%", "1m30s", "40/s", "2", "1e-3")),
)
