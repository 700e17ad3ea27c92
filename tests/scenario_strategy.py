"""Hypothesis strategies for small valid scenarios with everything in them.

Sizes are kept small so that an example runs in a few hundredths of a second: some hundred
requests, a dozen simulated seconds, and few workers, so that queues, timeouts, retries and
breakers all happen. With `whole=False` a scenario has only the words that most files use,
for relations that the others do not have; policies of callers are in `call_strategy`.
"""

from __future__ import annotations

from call_strategy import Data, calls, grouped, limits, one_in, shares, times, works
from change_strategy import changes, made
from hypothesis import strategies as st

from simcb.scenario import Scenario

__all__ = ["Data", "arrivals", "calls", "scenario_data", "scenarios", "shares", "works"]

SERVICES = ("api", "basket", "cache", "database")
GROUPS = ("browsers", "apps")

BASIC_FAULTS = ("latency", "errors", "hang", "refuse", "capacity", "surge")
FAULTS = (*BASIC_FAULTS, "pause", "restart", "cold", "loss", "flush")
ON_LINKS = ("latency", "errors", "hang", "refuse", "loss", "flush")


@st.composite
def arrivals(draw: st.DrawFn, duration: float) -> Data:
    """Poisson or constant arrivals with steps and ramps of the rate."""
    rates = st.just(0.0) | st.integers(100, 4000).map(lambda n: n / 100)
    points: list[Data] = []
    at = 0.0
    for _ in range(draw(st.integers(1, 3))):
        span = draw(times(200, 4000))
        ramp = draw(st.sampled_from((0.0, span / 2, span)))
        points.append({"at": at, "rate": draw(rates), "ramp": ramp})
        at += span
    rate = points if draw(st.booleans()) else draw(st.integers(300, 4000)) / 100
    return {"kind": draw(st.sampled_from(("poisson", "constant"))), "rate": rate}


@st.composite
def closed_arrivals(draw: st.DrawFn) -> Data:
    """A few users who think for some tenths of a second, so that time goes on."""
    thinking = st.sampled_from(
        (
            {"kind": "exponential", "mean": 0.3},
            {"kind": "constant", "value": 0.1},
            {"kind": "uniform", "low": 0.05, "high": 1.0},
        )
    )
    return {"kind": "closed", "users": draw(st.integers(1, 12)), "think": draw(thinking)}


@st.composite
def backlogs(draw: st.DrawFn, duration: float) -> Data:
    """A few consumers of a queue that may be full at first."""
    found: Data = {
        **draw(arrivals(duration)),
        "kind": "backlog",
        "consumers": draw(st.integers(1, 6)),
        "initial": draw(st.integers(0, 30)),
    }
    if draw(st.booleans()):
        found["pause_when"], found["poll"] = "open", draw(times(50, 1500))
    if draw(st.booleans()):
        found["redeliver"] = {"after": draw(times(50, 2000)), "times": draw(st.integers(1, 3))}
    return found


@st.composite
def replays(draw: st.DrawFn, duration: float) -> Data:
    """Recorded timestamps, equal ones and ones after the end too, or recorded rates."""
    if draw(st.booleans()):
        moments = draw(st.lists(times(0, int(1200 * duration)), min_size=5, max_size=60))
        return {"kind": "replay", "file": "moments.csv", "moments": tuple(sorted(moments))}
    rates = draw(st.lists(st.integers(0, 2500).map(lambda n: n / 100), min_size=1, max_size=6))
    every = draw(times(200, 4000))
    return {"kind": "replay", "file": "rates.csv", "interval": every, "rates": tuple(rates)}


@st.composite
def groups(draw: st.DrawFn, names: tuple[str, ...], duration: float, whole: bool) -> Data:
    """A client group that needs one or two of the services."""
    needs = draw(st.lists(st.sampled_from(names), unique=True, min_size=1, max_size=2))
    asking = arrivals(duration)
    if whole:
        asking = asking | closed_arrivals() | replays(duration) | backlogs(duration)
    group: Data = {
        "arrivals": draw(asking),
        "calls": {to: draw(calls(whole)) for to in needs},
    }
    if whole and draw(one_in(4)):
        group["calls"]["again"] = {**draw(calls(whole)), "to": needs[0]}
    if whole:
        group["calls"] = draw(grouped(group["calls"]))
    pulls = group["arrivals"]["kind"] == "backlog"
    if draw(st.booleans()) and not pulls:
        group["refresh"] = {"after": draw(times(50, 1500)), "times": draw(st.integers(0, 3))}
    if whole and draw(one_in(3)):
        group["instances"] = draw(st.integers(1, 4))
        if draw(st.booleans()) and not pulls:
            group["spread"] = draw(st.sampled_from(("random", "round_robin")))
    if whole and draw(st.booleans()):
        group["priority"] = draw(st.integers(0, 2))
    if whole and draw(one_in(3)):
        group["deadline"] = draw(times(50, 2500))
    return group


@st.composite
def admissions(draw: st.DrawFn) -> Data:
    """A limit at a replica's door, tight enough to turn some away."""
    match kind := draw(st.sampled_from(("rate", "concurrency", "adaptive", "codel", "slough"))):
        case "rate":
            law: Data = {"kind": "rate", "rate": draw(st.integers(100, 3000)) / 97}
            if draw(st.booleans()):
                law["burst"] = draw(st.integers(1, 6))
        case "adaptive":
            law = {"kind": "adaptive", "limit": draw(limits())}
        case "codel" | "slough":
            law = {"kind": kind, "target": draw(times(5, 100)), "interval": draw(times(20, 400))}
        case _:
            law = {"kind": "concurrency", "limit": draw(st.integers(1, 5))}
    if draw(st.booleans()):
        law["retry_after"] = draw(times(20, 1500))
    return law


@st.composite
def scales(draw: st.DrawFn) -> Data:
    """An autoscaler that looks some times in a run, and goes up and down."""
    least = draw(st.integers(1, 3))
    return {
        "target": draw(st.integers(1, 10)) / 10,
        "measure": draw(st.sampled_from(("working", "held"))),
        "every": draw(times(200, 1500)),
        "delay": draw(times(0, 1500)),
        "least": least,
        "most": least + draw(st.integers(0, 4)),
        "tolerance": draw(st.sampled_from((0.0, 0.1))),
        "window": draw(times(0, 3000)),
    }


@st.composite
def services(draw: st.DrawFn, name: str, names: tuple[str, ...], whole: bool) -> Data:
    """A service that calls up to two of those after it, so no request runs in circles."""
    service: Data = {
        "replicas": draw(st.integers(1, 3)),
        "workers": draw(st.integers(1, 4)),
        "work": draw(works()),
    }
    if draw(st.booleans()):
        service["queue"] = {"limit": draw(st.integers(0, 6))}
    if draw(st.booleans()):
        service["errors"] = draw(shares()) * 0.5
    below = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    further = names[names.index(name) + 1 :]
    service["calls"] = {to: draw(calls(whole)) for to in below if to in further}
    if not whole:
        return service
    if service["calls"] and draw(one_in(4)):
        service["calls"]["again"] = {**draw(calls(whole)), "to": next(iter(service["calls"]))}
    service["calls"] = draw(grouped(service["calls"]))
    if draw(one_in(4)):
        service["admit"] = draw(admissions())
    if draw(one_in(3)):
        service.setdefault("queue", {})["discipline"] = draw(st.sampled_from(("lifo", "priority")))
    if draw(one_in(3)):
        service["balance"] = draw(st.sampled_from(("random", "least_busy")))
    if draw(one_in(4)):
        service["contention"] = draw(times(0, 20))
    if draw(one_in(3)):
        service["blocking"] = False
    if draw(one_in(4)):
        above, lasts, down = draw(st.integers(5, 10)), draw(times(50, 800)), draw(times(50, 2000))
        service["crash"] = {"above": above / 10, "for": lasts, "restart": down}
    if draw(one_in(4)):
        service["scale"] = draw(scales())
    if further and draw(one_in(3)):
        service["liveness"] = {
            "asks": draw(st.sampled_from(further)),
            "every": draw(times(100, 1000)),
            "timeout": draw(times(50, 800)),
            "failures": draw(st.integers(1, 3)),
            "restart": draw(times(50, 2000)),
        }
    if draw(one_in(2)):
        service["on_abandon"] = draw(st.sampled_from(("drop_queued", "stop")))
    return service


def _surgeable(group: Data) -> bool:
    """Tell whether a group has a rate that a surge can multiply."""
    law = group["arrivals"]
    return law["kind"] in ("poisson", "constant") or "rates" in law


@st.composite
def faults(draw: st.DrawFn, data: Data, whole: bool) -> Data:
    """One fault of any kind, anywhere in the scenario and in time."""
    crowds = sorted(name for name, group in data["clients"].items() if _surgeable(group))
    kinds = FAULTS if whole else BASIC_FAULTS
    kind = draw(st.sampled_from([each for each in kinds if crowds or each != "surge"]))
    on = draw(st.sampled_from(crowds if kind == "surge" else sorted(data["services"])))
    lasts = draw(st.just(0.0) | times(200, 6000))
    fault: Data = {"kind": kind, "on": on, "for": lasts}
    fault["at"] = draw(times(0, int(1000 * data["duration"])))
    if kind not in ("pause", "restart", "cold", "flush"):
        fault["ramp"] = draw(st.sampled_from((0.0, 0.0, lasts / 4, lasts / 2)))
    match kind:
        case "latency":
            if draw(st.booleans()):
                fault["add"] = draw(times(0, 1000))
            if "add" not in fault or draw(st.booleans()):
                fault["times"] = draw(st.floats(0.0, 8.0))
        case "errors":
            fault["rate"] = draw(shares())
        case "capacity":
            fault["times"] = draw(shares())
        case "surge":
            fault["times"] = draw(st.floats(0.0, 3.0))
        case "cold":
            fault["times"] = draw(st.floats(1.0, 8.0))
            fault["successes"] = draw(st.integers(1, 40))
    if kind in ON_LINKS:
        fault["share"] = draw(st.just(1.0) | shares())
    if kind not in ("surge", "flush") and draw(st.booleans()):
        numbers = st.integers(0, _most_replicas(data["services"][on]) - 1)
        fault["replicas"] = draw(st.lists(numbers, min_size=1, unique=True))
    if whole:
        _elaborate(draw, fault, data)
    return fault


def _most_replicas(service: Data) -> int:
    """Return how many replicas a service has at most."""
    most: int = service["scale"]["most"] if "scale" in service else service["replicas"]
    return most


def _elaborate(draw: st.DrawFn, fault: Data, data: Data) -> None:
    """Let a fault strike one link only, the same users always, or again and again."""
    callers = {**data["clients"], **data["services"]}
    on = fault["on"]
    links = sorted(f"{name}->{on}" for name, each in callers.items() if on in each["calls"])
    if fault["kind"] in ON_LINKS:
        if links and draw(one_in(3)):
            fault["on"] = draw(st.sampled_from(links))
        fault["sticky"] = fault["kind"] != "flush" and draw(one_in(3))
    if fault["for"] > 0 and draw(one_in(3)):
        gap = draw(st.just(0.0) | times(50, 2000))
        fault["repeat"] = {"every": fault["for"] + gap, "times": draw(st.integers(1, 4))}
    elif draw(one_in(4)):
        fault["for"] = {"kind": "uniform", "low": fault["for"], "high": 2.0 * fault["for"]}
    if draw(one_in(4)):
        fault["at"] = {"kind": "exponential", "mean": fault["at"] + 0.001}


@st.composite
def scenario_data(draw: st.DrawFn, *, most_faults: int = 4, whole: bool = True) -> Data:
    """A scenario in the file's own words, with seconds and per-second numbers."""
    names = SERVICES[: draw(st.integers(1, 3))]
    duration = draw(times(2000, 12000))
    data: Data = {
        "name": "generated",
        "duration": duration,
        "sample_every": draw(st.sampled_from((0.5, 1.0, 0.7))),
        "clients": {},
        "services": {},
    }
    for name in names:
        data["services"][name] = draw(services(name, names, whole))
    for group in GROUPS[: draw(st.integers(1, 2))]:
        data["clients"][group] = draw(groups(names, duration, whole))
    count = draw(st.integers(0, most_faults))
    data["faults"] = [draw(faults(data, whole)) for _ in range(count)]
    if whole and draw(st.booleans()):
        data["changes"] = [draw(changes(data)) for _ in range(draw(st.integers(1, 3)))]
    return data


def scenarios(*, most_faults: int = 4, whole: bool = True) -> st.SearchStrategy[Scenario]:
    """A small valid scenario, as the library sees it.

    Args:
        most_faults: how many things go wrong at most; 0 for an undisturbed one.
        whole: whether every word of a scenario file may be in it, or only the usual ones.
    """
    return scenario_data(most_faults=most_faults, whole=whole).map(made)
