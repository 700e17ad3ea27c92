"""How busy services are, how long one waits, and what retries can make of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.outcomes import AttemptOutcome
from simcb.predictions.formulas import full_queue
from simcb.predictions.links import Link, retries_allowed
from simcb.predictions.traffic import Traffic, alone
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    RATIO,
    SECONDS,
    SHARE,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.arrivals import Backlog, Closed, Constant
from simcb.scenario.distributions import Exponential
from simcb.scenario.model import Balance, Service

MOST_ROOM = 20_000
"""Places of a queue beyond which it is taken to be endless."""

SOONER = "only where tries fail at once"
"""What is said of a load that retries reach by errors or at a full queue, and not by timeouts."""


def load_predictions(traffic: Traffic) -> Iterator[Prediction]:
    """Yield what there is to say of each service, those that are asked."""
    for name, service in traffic.scenario.services.items():
        if not any(link.service == name for link in traffic.links):
            continue
        yield _utilisation(traffic, name, service)
        yield _wait(traffic, name, service)
        if (refused := _refused(traffic, name, service)) is not None:
            yield refused
        chain = worst_chain(traffic, name)
        if chain.most > 1.0:
            yield from _amplification(traffic, name, chain)
            yield collapse_margin(traffic, name, service)


def _utilisation(traffic: Traffic, name: str, service: Service) -> Prediction:
    load = traffic.utilisation(name)
    formula, remark = "{λ} × {S} / {c}", ""
    if load >= 1.0:
        left = traffic.arriving(name) - capacity(traffic, name)
        formula = "min(1, {λ} × {S} / {c})"
        over = f"over by {load - 1.0:.3g} times what it can do"
        remark = f"{over}: {left:.3g} a second are left over"
    lines = [f"services.{name}.{word}" for word in ("workers", "work")]
    lines += [f"clients.{each}.arrivals" for each in traffic.scenario.clients]
    return Prediction(
        "utilisation",
        name,
        min(1.0, load),
        SHARE,
        formula,
        numbers(
            λ=(traffic.arriving(name), PER_SECOND),
            S=(traffic.held(name), SECONDS),
            c=(service.workers * service.replicas, COUNT),
        ),
        _sureness(traffic, name),
        "no fault is active and no breaker is open",
        tuple(lines),
        remark=remark,
    )


def _sureness(traffic: Traffic, name: str) -> Sureness:
    """Return how sure the load of a service is."""
    service = traffic.scenario.services[name]
    groups = traffic.scenario.clients
    closed = [each for each in groups if isinstance(groups[each].arrivals, Closed)]
    if any(alone(traffic.scenario, each) is None for each in closed):
        return Sureness.MOST
    if any(isinstance(group.arrivals, Backlog) for group in groups.values()):
        return Sureness.ABOUT
    simple = not service.calls and not service.contention and service.queue.limit is None
    markov = not closed or isinstance(service.work, Exponential)
    certain = not any(flow.timeouts for flow in traffic.flows.values())
    return Sureness.EXACT if simple and markov and certain else Sureness.ABOUT


def _wait(traffic: Traffic, name: str, service: Service) -> Prediction:
    groups = traffic.scenario.clients
    callers = [link for link in traffic.links if link.service == name]
    closed = any(
        link.of_clients and isinstance(groups[link.caller].arrivals, Closed) for link in callers
    )
    cv = traffic.work_variation(name)
    if closed and (alone(traffic.scenario, callers[0].caller) is not None):
        return _wait_of_users(traffic, name, callers[0])
    # What comes over another service, or again, is no Poisson stream any more.
    poisson = all(
        link.of_clients
        and not isinstance(groups[link.caller].arrivals, Constant | Backlog)
        and traffic.flows[link.path].attempts == traffic.flows[link.path].asked
        for link in callers
    )
    one_queue = service.replicas == 1 or service.balance is Balance.RANDOM
    plain = not service.calls and not service.contention and service.queue.limit is None
    exact = poisson and one_queue and plain and not closed and (cv == 1.0 or service.workers == 1)
    pools = 1 if service.balance is Balance.LEAST_BUSY else service.replicas
    return Prediction(
        "wait",
        name,
        traffic.wait(name),
        SECONDS,
        "M/G/c: {λ}, {S}, {c}, cv² {G}, {V}",
        numbers(
            λ=(traffic.arriving(name) / pools, PER_SECOND),
            S=(traffic.held(name), SECONDS),
            c=(service.workers * service.replicas // pools, COUNT),
            G=(traffic.burstiness(name), RATIO),
            V=(cv**2, RATIO),
        ),
        Sureness.EXACT if exact else Sureness.ABOUT,
        "the queue is endless and nobody leaves it; exact for Poisson arrivals at one queue "
        "with exponential work or one worker",
        tuple(f"services.{name}.{word}" for word in ("workers", "work", "replicas")),
    )


def _wait_of_users(traffic: Traffic, name: str, link: Link) -> Prediction:
    """Return the wait in a closed loop, where users who wait ask for nothing."""
    law = traffic.scenario.clients[link.caller].arrivals
    assert isinstance(law, Closed)
    rate = traffic.rates[link.caller]
    think, held = law.think.mean_value + link.ways, traffic.held(name)
    wait = max(0.0, law.users / rate - think - held) if rate else 0.0
    markov = isinstance(traffic.scenario.services[name].work, Exponential)
    return Prediction(
        "wait",
        name,
        wait,
        SECONDS,
        "{N} / {λ} - {Z} - {S}",
        numbers(N=(law.users, COUNT), λ=(rate, PER_SECOND), Z=(think, SECONDS), S=(held, SECONDS)),
        Sureness.EXACT if markov else Sureness.ABOUT,
        "nobody leaves, and work is exponential (machine repair)",
        (f"clients.{link.caller}.arrivals", f"services.{name}.workers", f"services.{name}.work"),
    )


def _refused(traffic: Traffic, name: str, service: Service) -> Prediction | None:
    """Return the share that a full queue turns away, where its room is limited."""
    limit = service.queue.limit
    if limit is None or service.workers + limit > MOST_ROOM:
        return None
    load = traffic.arriving(name) / service.replicas * traffic.held(name)
    if not math.isfinite(load):
        return None
    refused, _ = full_queue(service.workers, load, service.workers + limit)
    exact = isinstance(service.work, Exponential) and service.replicas == 1 and not service.calls
    return Prediction(
        "refused",
        name,
        refused,
        SHARE,
        "M/M/c/K: {a}, {c}, {K}",
        numbers(a=(load, RATIO), c=(service.workers, COUNT), K=(service.workers + limit, COUNT)),
        Sureness.EXACT if exact and traffic.burstiness(name) == 1.0 else Sureness.ABOUT,
        "arrivals are Poisson, work is exponential, and nobody leaves",
        (f"services.{name}.queue.limit", f"services.{name}.workers"),
    )


def capacity(traffic: Traffic, name: str) -> float:
    """Return the attempts a service can do, per second."""
    service, held = traffic.scenario.services[name], traffic.held(name)
    return service.workers * service.replicas / held if held else math.inf


@dataclass(frozen=True)
class Chain:
    """The calls from a client group to a service, along which most is tried again.

    Args:
        links: the calls, the clients' first.
        most: tries of the last for one request, at most.
        lasting: the same in the long run, where retry budgets hold it down.
    """

    links: tuple[Link, ...] = ()
    most: float = 1.0
    lasting: float = 1.0


def worst_chain(traffic: Traffic, name: str) -> Chain:
    """Return the chain of calls to a service with the most tries for one request."""
    found: dict[str, Chain] = {}
    for link in traffic.in_order:
        before = Chain() if link.of_clients else found.get(link.caller, Chain())
        most, lasting = tries(traffic, link)
        chain = Chain((*before.links, link), before.most * most, before.lasting * lasting)
        found[link.service] = max(found.get(link.service, chain), chain, key=lambda each: each.most)
    return found.get(name, Chain())


def tries(traffic: Traffic, link: Link) -> tuple[float, float]:
    """Return the tries of a call for one request at most, and in the long run by its budget."""
    hedge = link.call.hedge
    most = lasting = 1.0 + link.retries
    extra = 1.0 if hedge is None else 1.0 + hedge.times
    held = extra if hedge is None or hedge.budget is None else 1.0 + hedge.budget
    if link.call.retry is not None:
        asked = traffic.flows[link.path].asked
        allowed = retries_allowed(link.call.retry, asked, traffic.processes(link))
        lasting = 1.0 + min(float(link.retries), allowed)
    again = 1.0 + presses(traffic, link)
    return most * extra * again, lasting * held * again


def presses(traffic: Traffic, link: Link) -> int:
    """Return how often a waiting person asks again, of a client's call."""
    if not link.of_clients:
        return 0
    refresh = traffic.scenario.clients[link.caller].refresh
    return refresh.times if refresh else 0


def _amplification(traffic: Traffic, name: str, chain: Chain) -> Iterator[Prediction]:
    """Yield the bound on the tries of one request, and that in the long run where it is lower."""
    remark = "until its breaker opens" if any(link.guarded for link in chain.links) else ""
    valid = "every try fails, and no breaker is open"
    kinds = [("amplification", chain.most, remark)]
    if chain.lasting < chain.most:
        kinds.append(("lasting_amplification", chain.lasting, "once its budget is spent"))
    for kind, value, words in kinds:
        factors = [*_factors(traffic, chain, lasting=kind == "lasting_amplification")]
        yield Prediction(
            kind,
            name,
            value,
            RATIO,
            " × ".join(f"(1 + {{{symbol}}})" for symbol, *_ in factors),
            numbers(**{symbol: (factor, COUNT) for symbol, factor, _ in factors}),
            Sureness.MOST,
            valid,
            tuple(line for *_, line in factors if line),
            remark=words,
        )


def _factors(traffic: Traffic, chain: Chain, *, lasting: bool) -> Iterator[tuple[str, float, str]]:
    """Yield what multiplies tries along a chain: a symbol, how many more, the place in the file."""
    retried = [link for link in chain.links if link.retries]
    for place, link in enumerate(retried, 1):
        retry, more = link.call.retry, float(link.retries)
        line = f"{link.path}.retry.max_retries"
        if lasting and retry is not None:
            asked = traffic.flows[link.path].asked
            more = min(more, retries_allowed(retry, asked, traffic.processes(link)))
            line = f"{link.path}.retry.budget" if retry.budget else ""
        yield f"n{place}", more, line
    hedged = [(link, hedge) for link in chain.links if (hedge := link.call.hedge) is not None]
    for place, (link, hedge) in enumerate(hedged, 1):
        word, more = "times", float(hedge.times)
        if lasting and hedge.budget is not None:
            word, more = "budget", hedge.budget
        yield f"h{place}", more, f"{link.path}.hedge.{word}"
    if pressed := presses(traffic, chain.links[0]):
        line = "" if lasting else f"clients.{chain.links[0].caller}.refresh.times"
        yield "r", float(pressed), line


def worst_demand(traffic: Traffic, name: str, *, at_once: bool = True) -> float:
    """Return the attempts a second at a service if all that can fail is tried again.

    Args:
        traffic: the traffic of an ordinary day.
        name: the service.
        at_once: whether tries fail as soon as they are made, as by errors or at a full queue. If
            not, they fail by slowness alone, and callers who wait for a timeout between two tries
            cannot make more than so many of them.
    """
    found = dict.fromkeys(traffic.scenario.services, 0.0)
    for link in traffic.in_order:
        asking = traffic.rates[link.caller] if link.of_clients else found[link.caller]
        asked = asking * link.call.share
        if at_once:
            most = _most_at_once(traffic, link, asked) if asked else 0.0
        else:
            tried = asked * _tries_when_slow(traffic, link) if asked else 0.0
            most = min(tried, _most(traffic, link))
        found[link.service] += max(traffic.flows[link.path].attempts, most)
    return found[name]


def _most_at_once(traffic: Traffic, link: Link, asked: float) -> float:
    """Return the attempts a second of callers whose tries fail at once; users think in between."""
    _, lasting = tries(traffic, link)
    law = traffic.scenario.clients[link.caller].arrivals if link.of_clients else None
    if isinstance(law, Closed | Backlog) and math.isinf(lasting):
        # Endless retries: each user waits between two of them, and for the network.
        return _most(traffic, link, answer=link.ways)
    if isinstance(law, Closed) and (think := law.think.mean_value):
        asked = law.users / think * link.call.share
    return asked * lasting


def _most(traffic: Traffic, link: Link, answer: float | None = None) -> float:
    """Return the attempts a second that callers who wait for each can make at most.

    Args:
        traffic: the traffic of an ordinary day.
        link: their call.
        answer: seconds until each has failed; its timeout if None.
    """
    answer = link.call.timeout if answer is None else answer
    if answer is None:
        return math.inf
    retry = link.call.retry
    cycle = answer + (next(retry.mean_waits(), 0.0) if retry else 0.0)
    if link.of_clients:
        group = traffic.scenario.clients[link.caller]
        law, waiting = group.arrivals, math.inf
        if isinstance(law, Closed | Backlog):
            waiting = law.users if isinstance(law, Closed) else law.consumers
        most = waiting * (1 + presses(traffic, link))
        return most / cycle if cycle else math.inf
    caller = traffic.scenario.services[link.caller]
    return caller.workers * caller.replicas / cycle if caller.blocking and cycle else math.inf


def _tries_when_slow(traffic: Traffic, link: Link) -> float:
    """Return the tries of a call in the long run if the services behind it are overloaded."""
    retry, call = link.call.retry, link.call
    _, lasting = tries(traffic, link)
    again = 1.0 + presses(traffic, link)
    if retry is None:
        return again
    asked = traffic.scenario.services[link.service]
    slow = AttemptOutcome.TIMEOUT in retry.on and call.timeout is not None
    full = AttemptOutcome.REFUSED in retry.on and asked.queue.limit is not None
    behind = AttemptOutcome.ERROR in retry.on and any(
        each.call.timeout is not None for each in traffic.links if each.caller == link.service
    )
    return lasting if slow or full or behind else again


def again_by(traffic: Traffic, name: str) -> str:
    """Return what asks a service again: its callers' retries, and the people who do not wait."""
    pressed = any(presses(traffic, link) for link in worst_chain(traffic, name).links[:1])
    return "retries and refreshes" if pressed else "retries"


def _waits_its_turn(traffic: Traffic) -> bool:
    """Tell whether some clients ask the more often, the sooner they are answered."""
    groups = traffic.scenario.clients.values()
    return any(isinstance(each.arrivals, Closed | Backlog) for each in groups)


def collapse_margin(traffic: Traffic, name: str, service: Service) -> Prediction:
    """Return what is asked of a service if everything is retried, to what it can do."""
    able = capacity(traffic, name)
    most, slow = (worst_demand(traffic, name, at_once=each) for each in (True, False))
    # What lasts by itself matters more than what only a fault can make of it.
    lasts = slow >= able or not able
    demand = slow if lasts else most
    value = demand / able if able else math.inf
    again = again_by(traffic, name)
    if value < 1.0:
        remark = f"below 1: {again} alone cannot keep it down"
    elif traffic.utilisation(name) >= 1.0:
        remark = "above 1: it is overloaded from the start"
    elif lasts:
        remark = f"above 1: {again} alone can keep it down"
    else:
        remark = f"above 1 {SOONER}, and {slow / able:.3g} where each waits for its timeout"
    waits = "and callers wait for timeouts, " if demand < most else ""
    chain = worst_chain(traffic, name)
    return Prediction(
        "collapse_margin",
        name,
        value,
        RATIO,
        "{D} / {C}",
        numbers(D=(demand, PER_SECOND), C=(able, PER_SECOND)),
        Sureness.ABOUT if waits or _waits_its_turn(traffic) else Sureness.MOST,
        f"the traffic is that of an ordinary day, {waits}budgets of retries are spent, work takes "
        "as long as usual, and no breaker opens",
        (
            f"services.{name}.workers",
            f"services.{name}.work",
            *(f"{link.path}.retry.max_retries" for link in chain.links if link.retries),
        ),
        remark=remark,
    )
