"""What a service's `admit` turns away, and what it costs to ask again."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.outcomes import AttemptOutcome
from simcb.predictions.formulas import (
    erlang_b,
    full_queue,
    load_of_retries,
    turned_away_by_one_token,
)
from simcb.predictions.links import Link, retries_allowed
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
from simcb.scenario.admission import Admission, ConcurrencyLimit, RateLimit
from simcb.scenario.arrivals import Poisson
from simcb.scenario.model import Service

MOST_PLACES = 20_000
"""Places beyond which a queue is taken to be endless."""

_HALVINGS = 60


@dataclass(frozen=True)
class Limited:
    """A service that turns away, in the long run of an ordinary day.

    Args:
        service: its name.
        admit: what turns away.
        offered: attempts a second if none were turned away.
        made: those that are made, retries of throttled ones included.
        throttled: the share of them that is turned away.
        tries: of the call that asks again most often, the most tries of a request.
    """

    service: str
    admit: Admission
    offered: float
    made: float
    throttled: float
    tries: float

    @property
    def let_in(self) -> float:
        """Attempts a second that are let in."""
        return self.made * (1.0 - self.throttled)

    @property
    def gives_up(self) -> float:
        """The share of requests whose every try is turned away."""
        return self.throttled**self.tries if self.throttled else 0.0


def limited_services(traffic: Traffic) -> Iterator[Limited]:
    """Yield each service with an `admit` that somebody asks."""
    for name, service in traffic.scenario.services.items():
        links = traffic.links_to(name)
        if service.admit is None or not links:
            continue
        # The more is turned away the more is asked again: where both agree lies between 0 and 1.
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2.0
            if _turned_away(traffic, name, _made(traffic, links, middle)) > middle:
                low = middle
            else:
                high = middle
        tries = max(1.0 + (link.retries if _asks_again(link) else 0.0) for link in links)
        made = _made(traffic, links, low)
        yield Limited(name, service.admit, traffic.arriving(name), made, low, tries)


def _asks_again(link: Link) -> bool:
    retry = link.call.retry
    return retry is not None and AttemptOutcome.THROTTLED in retry.on


def _made(traffic: Traffic, links: tuple[Link, ...], throttled: float) -> float:
    """Return the attempts made a second, if so large a share of them is throttled."""
    total = 0.0
    for link in links:
        flow, retry = traffic.flows[link.path], link.call.retry
        more = 0.0
        if retry is not None and _asks_again(link):
            more = load_of_retries(min(throttled, 1.0 - 1e-9), link.retries) - 1.0
            more = min(more, retries_allowed(retry, flow.asked, traffic.processes(link)))
        total += flow.attempts * (1.0 + more)
    return total


def _turned_away(traffic: Traffic, name: str, made: float) -> float:
    """Return the share of so many attempts a second that is turned away."""
    service = traffic.scenario.services[name]
    rate, held = made / service.replicas, traffic.held(name, waits=False)
    admit = service.admit
    if rate <= 0.0:
        return 0.0
    if isinstance(admit, RateLimit):
        if admit.tokens <= 1.0 and _poisson(traffic, name):
            return turned_away_by_one_token(rate, admit.rate)
        return max(0.0, 1.0 - admit.rate / rate)
    if isinstance(admit, ConcurrencyLimit):
        if admit.limit <= service.workers:
            return erlang_b(admit.limit, rate * held)
        if admit.limit <= MOST_PLACES:
            return full_queue(service.workers, rate * held, admit.limit)[0]
    return max(0.0, 1.0 - service.workers / (rate * held)) if held else 0.0


def _poisson(traffic: Traffic, name: str) -> bool:
    """Tell whether a service is asked at random moments, and by nobody again."""
    groups = traffic.scenario.clients
    return all(
        link.of_clients
        and isinstance(groups[link.caller].arrivals, Poisson)
        and not _asks_again(link)
        and traffic.flows[link.path].attempts == traffic.flows[link.path].asked
        for link in traffic.links_to(name)
    )


def admission_predictions(traffic: Traffic) -> Iterator[Prediction]:
    """Yield what each service's `admit` turns away."""
    for each in limited_services(traffic):
        service = traffic.scenario.services[each.service]
        formula, sureness, valid = _law(traffic, each, service)
        remark = ""
        if each.throttled and each.made > each.offered * (1.0 + 1e-9):
            times = each.made / each.offered
            remark = f"asking again makes {times:.3g} times the attempts, and lets no more in"
        symbols = {"λ": (each.made, PER_SECOND)}
        if isinstance(each.admit, RateLimit):
            symbols["r"] = (each.admit.rate * service.replicas, PER_SECOND)
        else:
            symbols["S"] = (traffic.held(each.service, waits=False), SECONDS)
            places = getattr(each.admit, "limit", None)
            many = places if isinstance(places, int) else service.workers
            symbols["c"] = (many * service.replicas, COUNT)
        lines = [f"services.{each.service}.admit"]
        lines += [f"clients.{group}.arrivals" for group in traffic.scenario.clients]
        yield Prediction(
            "throttled",
            each.service,
            each.throttled,
            SHARE,
            formula,
            numbers(**symbols),
            sureness,
            valid,
            tuple(lines),
            remark=remark,
        )


def _law(traffic: Traffic, each: Limited, service: Service) -> tuple[str, Sureness, str]:
    """Return the formula of what is turned away, how sure it is, and what it supposes."""
    alone, long = _poisson(traffic, each.service), "it lasts: a full bucket pays for the first"
    random = alone and service.replicas == 1
    if isinstance(each.admit, RateLimit):
        if each.admit.tokens <= 1.0 and alone:
            return "{λ}/({λ} + {r})", Sureness.EXACT if random else Sureness.ABOUT, ""
        return "max(0, 1 − {r}/{λ})", Sureness.ABOUT, long
    if isinstance(each.admit, ConcurrencyLimit):
        bare = each.admit.limit <= service.workers and random and not service.calls
        return "B({c}, {λ} × {S})", Sureness.EXACT if bare else Sureness.ABOUT, ""
    return "max(0, 1 − {c}/({λ} × {S}))", Sureness.LEAST, "its workers never wait for work"


def held_back(each: Limited) -> float:
    """Return how long a request waits by Retry-After alone on average, in seconds."""
    hold, q, tries = each.admit.retry_after or 0.0, each.throttled, each.tries
    if q == 0.0 or hold == 0.0:
        return 0.0
    # A wait follows each try but the last that was turned away.
    return hold * (load_of_retries(q, tries - 1.0) - 1.0) if math.isfinite(tries) else math.inf
