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
from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.outcomes import AttemptOutcome
from simcb.predictions.chance import is_exact, looks_back, time_to_trip
from simcb.predictions.formulas import probe_cycle
from simcb.predictions.rates import mean_rate
from simcb.predictions.spread import beyond
from simcb.predictions.traffic import Flow, Link, Traffic
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.arrivals import Backlog
from simcb.scenario.breakers import Around, Breaker
from simcb.scenario.scalars import LINK

NO_BREAKER = "no call has a breaker that is switched on and simcb's own"
"""What is said where there is nothing to predict; of others' breakers nothing is known."""

ONE_FOR_SEVERAL = "the formulas are about breakers of one call each, so that of {} is left out"
"""What is said of the breaker of a group of calls."""


@dataclass(frozen=True)
class Guarded:
    """A call with a breaker, and what each of its breakers hears on an ordinary day.

    Args:
        link: the call.
        breaker: its settings.
        count: how many breakers there are.
        rate: calls that each of them hears, per second.
        flow: what goes through all of them.
        coming: messages per second that come while the callers pause, if they are consumers who
            do so when it is open; None of callers that go on asking.
    """

    link: Link
    breaker: Breaker
    count: int
    rate: float
    flow: Flow
    coming: float | None = None

    @property
    def scope(self) -> str:
        """Whose each breaker is, in words."""
        words = []
        if not self.breaker.shared and self.count > 1:
            words.append("instance" if self.link.of_clients else f"replica of {self.link.caller}")
        if self.breaker.per_replica:
            words.append(f"replica of {self.link.service}")
        return f"one for each {' and '.join(words)}" if words else "one for all"

    def rule_path(self, place: int) -> str:
        """Return where one of its rules stands in the file."""
        if self.breaker.trip is None:
            return self.place("failure_threshold")
        return self.place("trip") + (f".{place}" if len(self.breaker.trip) > 1 else "")

    @property
    def recovery_path(self) -> str:
        """Where the length of an opening stands in the file."""
        long = self.breaker.recovery is not None
        return self.place("recovery.timeout" if long else "recovery_timeout")

    def place(self, *words: str) -> str:
        """Return a place of the breaker in the file."""
        return ".".join((self.link.path, "breaker", *words))


def grouped_calls(traffic: Traffic) -> dict[str, tuple[str, ...]]:
    """Return the calls behind each breaker that several have together, by the breaker's name.

    The formulas are about a breaker that hears of one call, and leave these out.
    """
    found: dict[str, tuple[str, ...]] = {}
    for link in traffic.links:
        breaker = link.call.breaker
        if breaker is not None and breaker.enabled and breaker.group is not None:
            name = f"{link.caller}{LINK}{breaker.group}"
            found[name] = (*found.get(name, ()), link.name)
    return {name: calls for name, calls in found.items() if len(calls) > 1}


def guarded_calls(traffic: Traffic) -> tuple[Guarded, ...]:
    """Return every call whose breaker is its own, switched on and shipped: others have no rules."""
    found = []
    together = {call for calls in grouped_calls(traffic).values() for call in calls}
    for link in traffic.links:
        breaker = link.call.breaker
        if breaker is None or not breaker.enabled or breaker.use is not None:
            continue
        if link.name in together:
            continue
        replicas = traffic.scenario.services[link.service].replicas
        count = link.call.breakers(traffic.processes(link), replicas)
        flow = traffic.flows[link.path]
        heard = flow.asked if breaker.around is Around.REQUEST else flow.attempts
        coming = _coming(traffic, link)
        found.append(Guarded(link, breaker, count, heard / count, flow, coming))
    return tuple(found)


def _coming(traffic: Traffic, link: Link) -> float | None:
    group = traffic.scenario.clients[link.caller] if link.of_clients else None
    if group is None or not isinstance(group.arrivals, Backlog) or not group.arrivals.pause_when:
        return None
    return mean_rate(group, traffic.scenario.duration)


def breaker_predictions(traffic: Traffic, guarded: Guarded) -> Iterator[Prediction]:
    """Yield what there is to say of a call's breakers on an ordinary day, and of its openings."""
    yield heard(traffic, guarded)
    for place, rule in enumerate(guarded.breaker.rules()):
        yield can_trip(guarded, rule, guarded.rule_path(place))
    yield _false_trips(traffic, guarded)
    yield _rejected(guarded) if guarded.coming is None else _left_waiting(guarded, guarded.coming)
    if guarded.breaker.half_open_policy().probes:
        yield _probes(traffic, guarded)


def failing_for(traffic: Traffic, guarded: Guarded, rule: TripRule) -> float:
    """Return the chance that a rule counts a call on an ordinary day."""
    link, retry = guarded.link, guarded.link.call.retry
    slow, counts = 0.0, guarded.breaker.counts
    if math.inf > slow_from(rule) <= (link.call.timeout or math.inf):
        work = traffic.scenario.services[link.service].work
        slow = beyond(work, slow_from(rule) - link.ways)
        counts = tuple(one for one in counts if one is not AttemptOutcome.TIMEOUT)  # slow already
    if isinstance(rule, SlowCallRate):
        return slow
    chance = guarded.flow.chance(counts)
    if guarded.breaker.around is Around.REQUEST and retry is not None:
        chance = float(chance ** (1 + retry.max_retries))
    return chance + slow - chance * slow


def _false_trips(traffic: Traffic, guarded: Guarded) -> Prediction:
    """Return the mean time between openings without a fault, of each breaker."""
    rules = guarded.breaker.rules()
    chances = [failing_for(traffic, guarded, each) for each in rules]
    times = [
        time_to_trip(each, chance, guarded.rate)
        for each, chance in zip(rules, chances, strict=True)
    ]
    value = min(times)
    rule = rules[times.index(value)]
    failing = chances[times.index(value)]
    if isinstance(rule, ConsecutiveFailures):
        formula = "({p}^-{k} - 1) / (1 - {p}) / {λ}"
        given = numbers(p=(failing, SHARE), k=(rule.threshold, COUNT), λ=(guarded.rate, PER_SECOND))
    else:
        formula = "the rule at {p} of {λ}"
        given = numbers(p=(failing, SHARE), λ=(guarded.rate, PER_SECOND))
    service = guarded.link.service
    remark = "" if failing else f"{service} never fails on an ordinary day, says the file"
    if failing and guarded.count > 1 and value < 1e9:
        remark = f"one of the {guarded.count:,} each {value / guarded.count:,.3g} s"
    return Prediction(
        "false_trips",
        guarded.link.name,
        value,
        SECONDS,
        formula,
        given,
        Sureness.EXACT
        if is_exact(rule) and not guarded.flow.timeouts and guarded.link.call.retry is None
        else Sureness.ABOUT,
        "calls fail by themselves; for a rate, from drawn calls: it may be off by a third",
        (f"services.{service}.errors", guarded.rule_path(rules.index(rule))),
        remark=remark,
    )


def opening_length(guarded: Guarded) -> float:
    """Return how long an opening lasts on average, in seconds, if probes fail for long."""
    recovery = guarded.breaker.recovery_policy()
    return recovery.timeout if recovery.factor == 1.0 else recovery.max


def _rejected(guarded: Guarded) -> Prediction:
    """Return the calls that one opening turns away."""
    opened = guarded.breaker.recovery_policy().timeout
    return Prediction(
        "rejected_by_one",
        guarded.link.name,
        guarded.rate * opened,
        COUNT,
        "{λ} × {D}",
        numbers(λ=(guarded.rate, PER_SECOND), D=(opened, SECONDS)),
        Sureness.LEAST,
        "callers go on asking, and the first probe closes it",
        (guarded.recovery_path,),
    )


def _left_waiting(guarded: Guarded, coming: float) -> Prediction:
    """Return the messages that come in one opening, in which paused consumers take none.

    Where another breaker may be closed, its consumers go on, and fewer may wait.
    """
    opened = guarded.breaker.recovery_policy().timeout
    alone = guarded.count == 1
    return Prediction(
        "lag_by_one",
        guarded.link.name,
        coming * opened,
        COUNT,
        "{λ} × {D}",
        numbers(λ=(coming, PER_SECOND), D=(opened, SECONDS)),
        Sureness.LEAST if alone else Sureness.MOST,
        "consumers that pause take no message, and the first probe closes it"
        if alone
        else "the first probe closes it; the other breakers' consumers go on",
        (guarded.recovery_path,),
    )


def _probes(traffic: Traffic, guarded: Guarded) -> Prediction:
    """Return the probes that reach a service that is down, from all breakers together."""
    link = guarded.link
    opened = opening_length(guarded)
    probe = link.call.timeout or traffic.held(link.service) + link.ways
    seen = probe
    if guarded.rate:
        # What is out for too long is found out by the next call that asks.
        found = _patience(guarded.breaker) + 1.0 / guarded.rate
        seen = min(probe, found)
    cycle = probe_cycle(guarded.rate, opened, seen) if guarded.rate else math.inf
    value = guarded.count / cycle
    remark = ""
    if not link.of_clients and link.call.timeout:
        caller = traffic.scenario.services[link.caller]
        held = value * probe / (caller.workers * caller.replicas)
        if caller.blocking and held >= 0.01:
            remark = f"if they hang they hold {held:.0%} of the workers of {link.caller}"
    return Prediction(
        "probes",
        link.name,
        value,
        PER_SECOND,
        "{N} / ({D} + 1 / {λ} + {s})",
        numbers(
            N=(guarded.count, COUNT),
            D=(opened, SECONDS),
            λ=(guarded.rate, PER_SECOND),
            s=(seen, SECONDS),
        ),
        Sureness.EXACT if guarded.breaker.half_open_policy().probes == 1 else Sureness.LEAST,
        "every probe hangs until its timeout, or until it counts as slow; one is made at a time",
        (guarded.recovery_path, f"{link.path}.timeout"),
        remark=remark,
    )


def _patience(breaker: Breaker) -> float:
    """Return the seconds after which a probe that is still out has failed or is slow."""
    rules = breaker.rules()
    return min(
        breaker.half_open.lease, *(slow_from(r) for r in rules if counts_in_flight(r)), math.inf
    )


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


def can_trip(guarded: Guarded, rule: TripRule, path: str) -> Prediction:
    """Return the calls that a rule has to judge by, beside those it needs, if all of them fail."""
    name, rate = guarded.link.name, guarded.rate
    if isinstance(rule, ConsecutiveFailures):
        needed, window = rule.threshold, math.inf
    elif isinstance(rule, FailuresInWindow):
        needed, window = rule.threshold, looks_back(rule) or math.inf
    else:
        assert isinstance(rule, FailureRate | SlowCallRate)
        needed, window = rule.minimum_calls, looks_back(rule) or math.inf
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
        (least, f"{path}.{'window' if getattr(rule, 'every', None) is None else 'every'}"),
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
