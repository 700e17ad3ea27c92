"""Closed loops: a fixed number of users, each asking again after the answer."""

from __future__ import annotations

from simcb.studies.evidence.case import Case, Claim
from simcb.studies.evidence.formulas import closed_network
from simcb.studies.evidence.observing import added, measured, product
from simcb.studies.evidence.writing import written


def _loop(
    name: str, law: str, source: str, users: int, think: str, works: dict[str, float], watch: float
) -> Case:
    """Return users who think for a second on average and then need each of the services."""
    throughput, response = closed_network(users, 1.0, tuple(works.values()))
    services = "".join(
        f"  {service}: {{workers: 1, work: {{kind: exponential, mean: {mean * 1000:g}ms}}}}\n"
        for service, mean in works.items()
    )
    calls = ", ".join(f"{service}: {{}}" for service in works)
    body = (
        f"clients:\n  users: {{arrivals: {{kind: closed, users: {users}, think: {think}}}, "
        f"calls: {{{calls}}}}}\nservices:\n{services}"
    )
    first = next(iter(works))
    rate, latency = measured("offered_rate"), measured("mean")
    return Case(
        name,
        law,
        source,
        {"": written(body, warm=50, watch=watch, tail=20, on=first)},
        (
            Claim("throughput", throughput, rate, "/s"),
            Claim("mean sojourn", response, latency, "s"),
            Claim("throughput × (sojourn + think)", users, product(rate, added(latency, 1.0))),
        ),
    )


_EXPONENTIAL_THINK = "{kind: exponential, mean: 1s}"
_REPAIR = "closed loop: machine-repair model, and Little's law N = X(W + Z)"

CASES = (
    _loop("closed-loop", _REPAIR, "Palm 1947", 20, _EXPONENTIAL_THINK, {"api": 0.1}, 400),
    _loop("closed-loop-light", _REPAIR, "Palm 1947", 8, _EXPONENTIAL_THINK, {"api": 0.1}, 400),
    _loop(
        "closed-loop-constant",
        "the same numbers with constant think times: a delay is insensitive",
        "Baskett, Chandy, Muntz and Palacios 1975",
        8,
        "1s",
        {"api": 0.1},
        400,
    ),
    _loop(
        "closed-tandem",
        "closed loop through two queues: mean value analysis",
        "Reiser and Lavenberg 1980",
        12,
        _EXPONENTIAL_THINK,
        {"front": 0.1, "back": 0.08},
        250,
    ),
)
