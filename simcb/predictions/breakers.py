"""Whether a breaker can trip at its traffic, and how often it does so by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.breaker import (
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    SlowCallRate,
    TripRule,
)
from simcb.predictions.traffic import Flow, Link, Traffic
from simcb.predictions.values import COUNT, PER_SECOND, SECONDS, Prediction, Sureness, numbers
from simcb.scenario.breakers import Around, Breaker
from simcb.world.build import breakers_of


@dataclass(frozen=True)
class Guarded:
    """A call with a breaker, and what each of its breakers hears on an ordinary day.

    Args:
        link: the call.
        breaker: its settings.
        count: how many breakers there are.
        rate: calls that each of them hears, per second.
        flow: what goes through all of them.
    """

    link: Link
    breaker: Breaker
    count: int
    rate: float
    flow: Flow

    @property
    def scope(self) -> str:
        """Whose each breaker is, in words."""
        words = []
        if not self.breaker.shared and self.count > 1:
            words.append("instance" if self.link.of_clients else "replica")
        if self.breaker.per_replica:
            words.append(f"replica of {self.link.service}")
        return f"one for each {' and '.join(words)}" if words else "one for all"

    def place(self, *words: str) -> str:
        """Return a place of the breaker in the file."""
        return ".".join((self.link.path, "breaker", *words))


def guarded_calls(traffic: Traffic) -> tuple[Guarded, ...]:
    """Return every call whose breaker is switched on."""
    found = []
    for link in traffic.links:
        breaker = link.call.breaker
        if breaker is None or not breaker.enabled:
            continue
        replicas = traffic.scenario.services[link.service].replicas
        count = breakers_of(link.call, traffic.processes(link), replicas)
        flow = traffic.flows[link.path]
        heard = flow.asked if breaker.around is Around.REQUEST else flow.attempts
        found.append(Guarded(link, breaker, count, heard / count, flow))
    return tuple(found)


def breaker_predictions(traffic: Traffic, guarded: Guarded) -> Iterator[Prediction]:
    """Yield what there is to say of a call's breakers."""
    yield heard(traffic, guarded)
    for place, rule in enumerate(guarded.breaker.rules()):
        yield can_trip(guarded, rule, rule_path(guarded, place))


def heard(traffic: Traffic, guarded: Guarded) -> Prediction:
    """Return the calls that each breaker hears."""
    flow, breaker = guarded.flow, guarded.breaker
    total = guarded.rate * guarded.count
    lines = [f"{guarded.link.path}.breaker.{'shared' if breaker.shared else 'per_replica'}"]
    if guarded.link.of_clients:
        lines = [f"clients.{guarded.link.caller}.instances", *lines]
    return Prediction(
        "calls_heard",
        guarded.link.name,
        guarded.rate,
        PER_SECOND,
        "{λ} / {N}",
        numbers(λ=(total, PER_SECOND), N=(guarded.count, COUNT)),
        Sureness.EXACT if flow.timeouts == 0.0 else Sureness.ABOUT,
        "calls are spread evenly",
        tuple(lines),
        remark=f"{guarded.count:,} breakers, {guarded.scope}" if guarded.count > 1 else "",
    )


def rule_path(guarded: Guarded, place: int) -> str:
    """Return where a rule stands in the file."""
    if guarded.breaker.trip is None:
        return guarded.place("failure_threshold")
    several = f".{place}" if len(guarded.breaker.trip) > 1 else ""
    return guarded.place("trip") + several


def can_trip(guarded: Guarded, rule: TripRule, path: str) -> Prediction:
    """Return the calls that a rule has to judge by, beside those it needs, if all of them fail."""
    name, rate = guarded.link.name, guarded.rate
    if isinstance(rule, ConsecutiveFailures):
        needed, window = rule.threshold, math.inf
    elif isinstance(rule, FailuresInWindow):
        needed, window = rule.threshold, rule.window
    else:
        assert isinstance(rule, FailureRate | SlowCallRate)
        needed, window = rule.minimum_calls, rule.window or math.inf
    if math.isinf(window):
        seconds = needed / rate if rate else math.inf
        return Prediction(
            "calls_needed",
            name,
            seconds,
            SECONDS,
            "{k} / {λ}",
            numbers(k=(needed, COUNT), λ=(rate, PER_SECOND)),
            Sureness.EXACT if rate else Sureness.ABOUT,
            "every call fails at once",
            (path,),
            remark=f"until it has heard the {needed:,} it needs" if rate else "it hears nothing",
        )
    inside = rate * window
    least = path if path.endswith("failure_threshold") else f"{path}.minimum_calls"
    if isinstance(rule, FailuresInWindow):
        least = f"{path}.threshold"
    return Prediction(
        "calls_in_window",
        name,
        inside,
        COUNT,
        "{λ} × {T}",
        numbers(λ=(rate, PER_SECOND), T=(window, SECONDS)),
        Sureness.EXACT,
        "the traffic is that of an ordinary day",
        (least, f"{path}.window"),
        remark=_enough(inside, needed, rate),
    )


def _enough(inside: float, needed: int, rate: float) -> str:
    if inside >= needed:
        return f"{needed:,} needed: it can open"
    seldom = chance_of_enough(inside, needed)
    if rate == 0.0 or seldom * rate < 1e-9:
        return f"{needed:,} needed: it can never open"
    return f"{needed:,} needed: it opens by chance only"


def chance_of_enough(inside: float, needed: int) -> float:
    """Return the chance that a call makes the window hold `needed` calls, by Poisson's law."""
    if inside == 0.0:
        return 0.0
    return math.exp((needed - 1) * math.log(inside) - inside - math.lgamma(needed))
