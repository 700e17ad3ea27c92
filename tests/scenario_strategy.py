"""A Hypothesis strategy for small valid scenarios with everything in them.

Sizes are kept small so that an example runs in a few hundredths of a second: some hundred
requests, a dozen simulated seconds, and few workers, so that queues, timeouts, retries and
breakers all happen.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from simcb.scenario import Scenario

Data = dict[str, Any]

SERVICES = ("api", "basket", "cache", "database")
GROUPS = ("browsers", "apps")
RETRYABLE = ("error", "timeout", "refused", "rejected")


def _times(least_ms: int, most_ms: int) -> st.SearchStrategy[float]:
    """Seconds, on a coarse grid (which makes ties) or of any float (which does not)."""
    step = 50 if most_ms - least_ms >= 100 else 1
    coarse = st.integers(-(-least_ms // step), most_ms // step).map(lambda n: n * step / 1000)
    any_float = st.floats(least_ms / 1000, most_ms / 1000, allow_nan=False)
    return coarse | any_float


def shares() -> st.SearchStrategy[float]:
    """A share from 0 to 1, both ends included often enough."""
    return st.sampled_from((0.0, 0.3, 1.0)) | st.integers(0, 1000).map(lambda n: n / 1000)


@st.composite
def works(draw: st.DrawFn) -> Data | float:
    """How long a worker is held: every kind of distribution, some tens of milliseconds."""
    middle = draw(_times(1, 150))
    match draw(st.sampled_from(("constant", "exponential", "lognormal", "gamma", "uniform", "?"))):
        case "constant":
            return {"kind": "constant", "value": draw(st.sampled_from((0.0, middle)))}
        case "exponential":
            return {"kind": "exponential", "mean": middle}
        case "lognormal":
            if draw(st.booleans()):
                return {"kind": "lognormal", "p50": middle, "p99": middle * draw(st.floats(1, 8))}
            return {"kind": "lognormal", "mean": middle, "cv": draw(st.floats(0.1, 3.0))}
        case "gamma":
            return {"kind": "gamma", "mean": middle, "cv": draw(st.floats(0.1, 3.0))}
        case "uniform":
            return {"kind": "uniform", "low": middle / 2, "high": middle * 2}
        case _:
            values = draw(st.lists(_times(0, 200), min_size=1, max_size=4))
            return {"kind": "empirical", "values": values}


@st.composite
def retries(draw: st.DrawFn) -> Data:
    """A retry policy with any backoff and jitter."""
    policy: Data = {"max_retries": draw(st.integers(0, 3))}
    base, longest = draw(_times(0, 300)), draw(_times(300, 1500))
    match draw(st.sampled_from(("", "none", "fixed", "exponential", "decorrelated"))):
        case "none":
            policy["backoff"] = {"kind": "none"}
        case "fixed":
            policy["backoff"] = {"kind": "fixed", "delay": base}
        case "exponential":
            factor = draw(st.floats(1.0, 4.0))
            policy["backoff"] = {"kind": "exponential", "base": base, "factor": factor}
            if draw(st.booleans()):
                policy["backoff"]["max"] = longest
        case "decorrelated":
            policy["backoff"] = {"kind": "decorrelated", "base": base, "max": longest}
    if policy.get("backoff", {}).get("kind") != "decorrelated":
        policy["jitter"] = draw(st.sampled_from(("none", "full", "equal")))
    if draw(st.booleans()):
        policy["on"] = draw(st.lists(st.sampled_from(RETRYABLE), min_size=1, unique=True))
    return policy


@st.composite
def calls(draw: st.DrawFn) -> Data:
    """One call with any of timeout, retry, breaker and fallback."""
    call: Data = {}
    if draw(st.integers(0, 3)):
        call["timeout"] = draw(_times(20, 1500))
    if draw(st.booleans()):
        call["retry"] = draw(retries())
    if draw(st.integers(0, 2)):
        call["breaker"] = {
            "failure_threshold": draw(st.integers(1, 5)),
            "recovery_timeout": draw(_times(0, 4000)),
            "per_replica": draw(st.booleans()),
            "enabled": draw(st.integers(0, 5)) > 0,
        }
    if draw(st.integers(0, 3)) == 0:
        call["fallback"] = {"hit_rate": draw(shares())}
    return call


@st.composite
def arrivals(draw: st.DrawFn, duration: float) -> Data:
    """Poisson or constant arrivals with steps and ramps of the rate."""
    rates = st.integers(0, 2500).map(lambda n: n / 100)
    points: list[Data] = []
    at = 0.0
    for _ in range(draw(st.integers(1, 3))):
        span = draw(_times(200, 4000))
        ramp = draw(st.sampled_from((0.0, span / 2, span)))
        points.append({"at": at, "rate": draw(rates), "ramp": ramp})
        at += span
    rate = points if draw(st.booleans()) else draw(st.integers(100, 2500)) / 100
    return {"kind": draw(st.sampled_from(("poisson", "constant"))), "rate": rate}


@st.composite
def faults(draw: st.DrawFn, data: Data) -> Data:
    """One fault of any kind, anywhere in the scenario and in time."""
    kind = draw(st.sampled_from(("latency", "errors", "hang", "refuse", "capacity", "surge")))
    places = data["clients"] if kind == "surge" else data["services"]
    on = draw(st.sampled_from(sorted(places)))
    lasts = draw(st.just(0.0) | _times(200, 6000))
    fault: Data = {"kind": kind, "on": on, "for": lasts}
    fault["at"] = draw(_times(0, int(1000 * data["duration"])))
    fault["ramp"] = draw(st.sampled_from((0.0, 0.0, lasts / 4, lasts / 2)))
    match kind:
        case "latency":
            if draw(st.booleans()):
                fault["add"] = draw(_times(0, 1000))
            if "add" not in fault or draw(st.booleans()):
                fault["times"] = draw(st.floats(0.0, 8.0))
        case "errors":
            fault["rate"] = draw(shares())
        case "capacity":
            fault["times"] = draw(shares())
        case "surge":
            fault["times"] = draw(st.floats(0.0, 3.0))
    if kind not in ("capacity", "surge"):
        fault["share"] = draw(st.just(1.0) | shares())
    if kind != "surge" and draw(st.booleans()):
        numbers = st.integers(0, places[on]["replicas"] - 1)
        fault["replicas"] = draw(st.lists(numbers, min_size=1, unique=True))
    return fault


@st.composite
def scenario_data(draw: st.DrawFn, *, most_faults: int = 4) -> Data:
    """A scenario in the file's own words, with seconds and per-second numbers."""
    names = SERVICES[: draw(st.integers(1, 3))]
    duration = draw(_times(2000, 12000))
    data: Data = {
        "name": "generated",
        "duration": duration,
        "sample_every": draw(st.sampled_from((0.5, 1.0, 0.7))),
        "clients": {},
        "services": {},
    }
    for place, name in enumerate(names):
        service: Data = {
            "replicas": draw(st.integers(1, 3)),
            "workers": draw(st.integers(1, 4)),
            "work": draw(works()),
        }
        if draw(st.booleans()):
            service["queue"] = {"limit": draw(st.integers(0, 6))}
        if draw(st.booleans()):
            service["errors"] = draw(shares()) * 0.5
        # A service calls only those after it, so no request runs in circles.
        below = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
        service["calls"] = {to: draw(calls()) for to in below if names.index(to) > place}
        data["services"][name] = service
    for group in GROUPS[: draw(st.integers(1, 2))]:
        needs = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=2))
        clients: Data = {
            "arrivals": draw(arrivals(duration)),
            "calls": {to: draw(calls()) for to in needs},
        }
        if draw(st.booleans()):
            after, times = draw(_times(50, 1500)), draw(st.integers(0, 3))
            clients["refresh"] = {"after": after, "times": times}
        data["clients"][group] = clients
    data["faults"] = [draw(faults(data)) for _ in range(draw(st.integers(0, most_faults)))]
    return data


def scenarios(*, most_faults: int = 4) -> st.SearchStrategy[Scenario]:
    """A small valid scenario, as the library sees it.

    Args:
        most_faults: how many things go wrong at most; 0 for an undisturbed one.
    """
    return scenario_data(most_faults=most_faults).map(lambda data: Scenario(**data))
