"""How much traffic each service and call has on an ordinary day, from the rates in the file.

Ordinary is the time before the first fault: nothing goes wrong but what the services' own
`errors` and the tails of their work make go wrong, and no breaker is open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

from simcb.outcomes import AttemptOutcome
from simcb.predictions.formulas import (
    hit_ratio,
    load_of_retries,
    machine_repair,
    settled_replicas,
    wait_ggc,
)
from simcb.predictions.links import Flow, Link, links_of, retries_allowed
from simcb.predictions.rates import mean_rate, ordinary_until
from simcb.predictions.spread import beyond, variation
from simcb.scenario.arrivals import Backlog, Closed, Constant
from simcb.scenario.fields import Named
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Balance, Scenario, Service
from simcb.scenario.scaling import Measured

MOST_USERS_SOLVED = 20_000
"""Users of a closed group for whom the chain of machine repair is solved; more get a bound."""


class Traffic:
    """The flows of a scenario whose client groups send so many requests per second.

    Args:
        scenario: what is looked at.
        rates: requests per second of each group.
    """

    def __init__(self, scenario: Scenario, rates: Mapping[str, float]) -> None:
        self.scenario = scenario
        self.rates = rates
        self.links = tuple(links_of(scenario))
        self._broken: dict[str, float] = {}
        self._held: dict[tuple[str, bool], float] = {}

    def processes(self, link: Link) -> int:
        """Return how many processes make a call, each with its own breaker and budget."""
        callers = self.scenario.clients if link.of_clients else self.scenario.services
        caller = callers[link.caller]
        return caller.instances if isinstance(caller, ClientGroup) else caller.replicas

    def links_to(self, name: str) -> tuple[Link, ...]:
        """Return the calls of a service."""
        return tuple(link for link in self.links if link.service == name)

    # What fails, from the last service up to the first.

    def errors(self, name: str) -> float:
        """Return the chance that a service answers with an error."""
        if name not in self._broken:
            service = self.scenario.services[name]
            fine = 1.0 - service.errors
            for link in self.links:
                if not link.of_clients and link.caller == name:
                    fine *= 1.0 - link.call.share * self.failing(link)
            self._broken[name] = 1.0 - fine
        return self._broken[name]

    def chances(self, link: Link) -> tuple[float, float]:
        """Return the chances that an attempt ends with an error, and with a timeout."""
        late = self.late(link)
        return self.errors(link.service) * (1.0 - late), late

    def late(self, link: Link) -> float:
        """Return the chance that an attempt outlasts its timeout though nobody waits.

        The time on the network and of nested calls counts with its mean.
        """
        if link.call.timeout is None:
            return 0.0
        service = self.scenario.services[link.service]
        nested = self.held(link.service, waits=False) - service.work.mean_value
        if not service.blocking:
            nested = self._nested(link.service, waits=False)
        return beyond(service.work, link.call.timeout - link.ways - nested)

    def failing(self, link: Link) -> float:
        """Return the chance that a call fails with all its retries, and nothing is at hand."""
        errors, late = self.chances(link)
        failing, retry = errors + late, link.call.retry
        if retry is not None and failing:
            again = (errors if AttemptOutcome.ERROR in retry.on else 0.0) + (
                late if AttemptOutcome.TIMEOUT in retry.on else 0.0
            )
            # It fails at once with what is not retried, or with the last of its tries.
            fails_at_once = failing - again
            failing = fails_at_once * load_of_retries(again, retry.max_retries)
            failing += again ** (retry.max_retries + 1)
        fallback = link.call.fallback
        hit = 0.0 if fallback is None else fallback.hit_rate or 0.0
        return failing * (1.0 - hit)

    # What is asked, from the clients down to the last service.

    @cached_property
    def in_order(self) -> tuple[Link, ...]:
        """The calls, each after all that lead to the service that makes it."""
        found: list[Link] = []
        left = list(self.links)
        while left:
            asked = {link.service for link in left}
            ready = [link for link in left if link.of_clients or link.caller not in asked]
            found += ready
            left = [link for link in left if link not in ready]
        return tuple(found)

    @cached_property
    def flows(self) -> dict[str, Flow]:
        """The flow of each call by its place in the file."""
        arriving = dict.fromkeys(self.scenario.services, 0.0)
        going_on: dict[tuple[str, bool], float] = {}
        found: dict[str, Flow] = {}
        for link in self.in_order:
            caller = (link.caller, link.of_clients)
            rate = self.rates[link.caller] if link.of_clients else arriving[link.caller]
            asking = going_on.get(caller, rate)
            going_on[caller] = asking * (1.0 - link.call.share * self.failing(link))
            asked = asking * link.call.share
            found[link.path] = self._flow(link, asked * (1.0 - self.hits(link, asked)))
            arriving[link.service] += found[link.path].attempts
        return found

    def _flow(self, link: Link, asked: float) -> Flow:
        errors, late = self.chances(link)
        hedged = 1.0 + self.hedges(link)
        flow = Flow(asked, asked * hedged, asked, errors, late)
        retry = link.call.retry
        if retry is None:
            return flow
        again = flow.chance(retry.on)
        more = load_of_retries(again, retry.max_retries) - 1.0
        if link.call.fallback is not None:
            more *= 1.0 - link.call.fallback.before_retries
        more = min(more, retries_allowed(retry, asked, self.processes(link)))
        tries = asked * (1.0 + more)
        return Flow(asked, tries * hedged, tries, errors, late)

    def hits(self, link: Link, lookups: float) -> float:
        """Return the share of so many lookups a second that a call's cache answers, warm."""
        cache = link.call.cache
        return 0.0 if cache is None else hit_ratio(cache.keys, cache.zipf, cache.ttl, lookups)

    def hedges(self, link: Link) -> float:
        """Return the mean number of hedges of a try, if nobody waits for a worker.

        The k-th is made if none of the k attempts before it has been answered, which have had
        k, k - 1, … times `after`; work is drawn for each anew.
        """
        hedge = link.call.hedge
        if hedge is None:
            return 0.0
        service = self.scenario.services[link.service]
        rest = link.ways + self._nested(link.service, waits=False)
        total, unanswered = 0.0, 1.0
        for number in range(1, 1 + hedge.times):
            if link.call.timeout is not None and hedge.after >= link.call.timeout:
                break
            unanswered *= beyond(service.work, number * hedge.after - rest)
            total += unanswered
        return total if hedge.budget is None else min(total, hedge.budget)

    def arriving(self, name: str) -> float:
        """Return the attempts that reach a service, per second."""
        return math.fsum(
            self.flows[link.path].attempts for link in self.links if link.service == name
        )

    # How long it takes.

    def held(self, name: str, *, waits: bool = True) -> float:
        """Return how long a worker is held by an attempt on average, in seconds.

        Args:
            name: the service.
            waits: whether its own calls have to wait for workers.
        """
        if (name, waits) not in self._held:
            service = self.scenario.services[name]
            seconds = service.work.mean_value
            if service.blocking:
                seconds += self._nested(name, waits=waits)
            if service.contention and waits:
                # Each other attempt in progress adds to it, and there are λ·S of them.
                others = self.arriving(name) / service.replicas * service.contention
                seconds = seconds / (1.0 - others) if others < 1.0 else math.inf
            self._held[name, waits] = seconds
        return self._held[name, waits]

    def busy(self, name: str) -> float:
        """Return the seconds of an attempt for which a service's autoscaler sees a busy worker."""
        service = self.scenario.services[name]
        held = service.scale is not None and service.scale.measure is Measured.HELD
        return self.held(name, waits=False) if held else service.work.mean_value

    def _nested(self, name: str, *, waits: bool) -> float:
        """Return the mean time that a service's own calls take, in seconds."""
        return math.fsum(
            link.call.share * self._answer(link, waits=waits)
            for link in self.links
            if not link.of_clients and link.caller == name
        )

    def _answer(self, link: Link, *, waits: bool) -> float:
        """Return the mean time a call takes with its retries, backoff not counted."""
        service = self.scenario.services[link.service]
        once = link.ways + self.held(link.service, waits=waits)
        if not service.blocking:
            once += self._nested(link.service, waits=waits)
        if waits:
            once += self.wait(link.service)
        if link.call.timeout is not None:
            once = min(once, link.call.timeout)
        flow = self.flows[link.path] if waits else None
        return once * (flow.tries / flow.asked if flow and flow.asked else 1.0)

    def utilisation(self, name: str) -> float:
        """Return the load on a service's workers; more than 1 is more than they can do."""
        service = self.scenario.services[name]
        return self.arriving(name) * self.held(name) / (service.workers * service.replicas)

    def wait(self, name: str) -> float:
        """Return the mean wait for a worker, in seconds; infinite if the queue never stops."""
        service = self.scenario.services[name]
        pools = 1 if service.balance is Balance.LEAST_BUSY else service.replicas
        servers = service.workers * service.replicas // pools
        rate, held = self.arriving(name) / pools, self.held(name)
        if rate == 0.0 or held == 0.0:
            return 0.0
        if rate * held >= servers:
            return math.inf
        gaps = self.burstiness(name)
        return wait_ggc(servers, rate, held, gaps, self.work_variation(name))

    def burstiness(self, name: str) -> float:
        """Return the squared variation of the gaps between arrivals at one replica, or the pool.

        Poisson has 1 and constant arrivals 0; sharing them out in turn makes them more regular.
        """
        service = self.scenario.services[name]
        total = self.arriving(name)
        regular = math.fsum(
            self.flows[link.path].attempts
            for link in self.links
            if link.service == name
            and link.of_clients
            and isinstance(self.scenario.clients[link.caller].arrivals, Constant)
        )
        spread = 1.0 - regular / total if total else 1.0
        if service.balance is Balance.ROUND_ROBIN:
            return spread / service.replicas
        return spread + (1.0 - spread) * (1.0 - 1.0 / service.replicas) * (
            service.balance is Balance.RANDOM
        )

    def work_variation(self, name: str) -> float:
        """Return the coefficient of variation of the time a worker is held.

        What nested calls take is supposed to vary as the work does.
        """
        return variation(self.scenario.services[name].work)


def ordinary(scenario: Scenario) -> Traffic:
    """Return the traffic of an ordinary day."""
    until = ordinary_until(scenario)
    return _settled(Traffic(scenario, {n: _rate(scenario, n, until) for n in scenario.clients}))


def _settled(traffic: Traffic) -> Traffic:
    """Return a day's traffic with as many replicas as autoscalers make in the long run."""
    scaled = {}
    for name, service in traffic.scenario.services.items():
        if service.scale is not None:
            load = traffic.arriving(name) * traffic.busy(name)
            wanted = settled_replicas(load, service.workers, service.scale.target)
            scaled[name] = service.model_copy(update={"replicas": service.scale.bounded(wanted)})
    if not scaled:
        return traffic
    services = Named({**traffic.scenario.services, **scaled})
    scenario = traffic.scenario.model_copy(update={"services": services})
    return Traffic(scenario, traffic.rates)


def _rate(scenario: Scenario, name: str, until: float) -> float:
    group = scenario.clients[name]
    law = group.arrivals
    if not isinstance(law, Closed | Backlog):
        return mean_rate(group, until)
    idle = Traffic(scenario, dict.fromkeys(scenario.clients, 0.0))
    if isinstance(law, Backlog):
        # Consumers work off what was there at first, too, as long as that lasts.
        coming = mean_rate(group, until) + law.initial / until
        return min(coming, _most_of(idle, name, law.consumers, 0.0))
    think = law.think.mean_value
    service = alone(scenario, name)
    if service is not None and law.users <= MOST_USERS_SOLVED:
        link = idle.links[0]
        held = service.work.mean_value
        return machine_repair(law.users, think + link.ways, held, service.workers)
    return _most_of(idle, name, law.users, think)


def _most_of(idle: Traffic, name: str, users: int, think: float) -> float:
    """Return the most requests a second of users who wait for each answer and think."""
    scenario = idle.scenario
    answer = math.fsum(
        link.call.share * (link.ways + idle.held(link.service, waits=False))
        for link in idle.links
        if link.of_clients and link.caller == name
    )
    cycle = think + answer
    most = users / cycle if cycle else math.inf
    for link in idle.links:
        held = idle.held(link.service, waits=False)
        if link.of_clients and link.caller == name and link.call.share and held:
            asked = scenario.services[link.service]
            most = min(most, asked.workers * asked.replicas / held / link.call.share)
    return most


def alone(scenario: Scenario, name: str) -> Service | None:
    """Return the one service of a scenario in which one closed group asks one replica."""
    if len(scenario.clients) > 1 or len(scenario.services) > 1:
        return None
    (service,) = scenario.services.values()
    (call,) = scenario.clients[name].calls.values()
    simple = service.replicas == 1 and call.share == 1.0 and call.bulkhead is None
    return service if simple and service.work.mean_value > 0.0 else None
