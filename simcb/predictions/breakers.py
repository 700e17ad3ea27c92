"""Whether a breaker can trip at its traffic, and how often it does so by chance."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.breaker import (
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    SlowCallRate,
    TripRule,
)
from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.predictions.chance import is_exact, looks_back, time_to_trip
from simcb.predictions.formulas import probe_cycle
from simcb.predictions.guarded import Guarded, failing_for
from simcb.predictions.traffic import Traffic
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.breakers import Breaker


def breaker_predictions(traffic: Traffic, guarded: Guarded) -> Iterator[Prediction]:
    """Yield what there is to say of a call's breakers on an ordinary day, and of its openings."""
    yield heard(traffic, guarded)
    for place, rule in enumerate(guarded.breaker.rules()):
        yield can_trip(guarded, rule, guarded.rule_path(place))
    yield _false_trips(traffic, guarded)
    yield _rejected(guarded) if guarded.coming is None else _left_waiting(guarded, guarded.coming)
    if guarded.breaker.half_open_policy().probes and not guarded.parts:
        yield _probes(traffic, guarded)


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
    services = guarded.services
    remark = "" if failing else f"{' and '.join(services)} never fail on an ordinary day"
    if not failing and len(services) == 1:
        remark = f"{services[0]} never fails on an ordinary day, says the file"
    if failing and guarded.count > 1 and value < 1e9:
        remark = f"one of the {guarded.count:,} each {value / guarded.count:,.3g} s"
    return Prediction(
        "false_trips",
        guarded.name,
        value,
        SECONDS,
        formula,
        given,
        Sureness.EXACT
        if is_exact(rule)
        and not (guarded.parts or guarded.flow.timeouts or guarded.link.call.retry)
        else Sureness.ABOUT,
        "calls fail by themselves; for a rate, from drawn calls: it may be off by a third"
        if not guarded.parts
        else "answers of its calls come in any order, as where many are under way at a time",
        (
            *(f"services.{each}.errors" for each in services),
            guarded.rule_path(rules.index(rule)),
        ),
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
        guarded.name,
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
        guarded.name,
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
    parts, breaker = guarded.parts or (guarded,), guarded.breaker
    total = guarded.rate * guarded.count
    lines = [f"{guarded.link.path}.breaker.{'shared' if breaker.shared else 'per_replica'}"]
    if guarded.link.of_clients:
        lines = [f"clients.{guarded.link.caller}.instances", *lines]
    return Prediction(
        "calls_heard",
        guarded.name,
        guarded.rate,
        PER_SECOND,
        "{λ} / {N}",
        numbers(λ=(total, PER_SECOND), N=(guarded.count, COUNT)),
        Sureness.ABOUT if any(each.flow.timeouts for each in parts) else Sureness.EXACT,
        "calls are spread evenly",
        tuple(lines),
        remark=f"{guarded.count:,} breakers, {guarded.scope}" if guarded.count > 1 else "",
    )


def can_trip(guarded: Guarded, rule: TripRule, path: str) -> Prediction:
    """Return the calls that a rule has to judge by, beside those it needs, if all of them fail."""
    name, rate = guarded.name, guarded.rate
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
