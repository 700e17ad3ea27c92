"""What holds of a call in every run: how often it is made at most, and how long it takes at least.

How many requests come is a matter of chance. A number of them is "the most" here if more come in
less than one run of a million million.
"""

from __future__ import annotations

import math

from simcb.metrics.phase import active_windows
from simcb.metrics.warnings.links import Link
from simcb.scenario.arrivals import Backlog, Closed, OpenArrivals, Replay
from simcb.scenario.distributions import Constant, Distribution, Empirical, Quantiles, Uniform
from simcb.scenario.faults import Latency, Restart, Surge
from simcb.scenario.groups import ClientGroup
from simcb.scenario.retries import Server

_CERTAIN = math.log(1e12)


def shortest(times: Distribution | None) -> float:
    """Return a time in seconds that no draw is below; 0 where a kind has no such time."""
    match times:
        case Constant():
            return times.value
        case Uniform():
            return times.low
        case Empirical():
            weights = times.weights or (1.0,) * len(times.numbers)
            return min(
                (n for n, weight in zip(times.numbers, weights, strict=True) if weight),
                default=0.0,
            )
        case Quantiles():
            return times.min or 0.0
    return 0.0


def least_time(link: Link) -> float:
    """Return the seconds that a good answer takes at least; 0 if a fault makes work shorter."""
    sooner = (isinstance(each, Latency) and each.multiplied < 1.0 for each in link.scenario.faults)
    if any(sooner):
        return 0.0
    return shortest(link.service.work) + 2.0 * shortest(link.call.network)


def at_once(link: Link) -> float:
    """Return how many requests of one process may need a call at the same time; inf if any number.

    They are its users or consumers, none of whom asks again beside a request that goes on, or the
    workers that are held while they wait, of a service that loses no work.
    """
    caller = link.caller
    if isinstance(caller, ClientGroup):
        law = caller.arrivals
        if caller.refresh is not None or not isinstance(law, Closed | Backlog):
            return math.inf
        many = law.users if isinstance(law, Closed) else law.consumers
        return math.ceil(many / caller.instances) if caller.spread_in_turn else many
    loses = caller.falls or any(isinstance(each, Restart) for each in link.scenario.faults)
    return math.inf if loses or not caller.blocking else caller.workers


def highest_rate(link: Link) -> float:
    """Return the highest rate of an open group's requests, surges included, 1/s; inf if unknown."""
    if not isinstance(link.caller, ClientGroup):
        return math.inf
    law = link.caller.arrivals
    points = law.points if isinstance(law, Replay) else getattr(law, "rate", ())
    if isinstance(law, Backlog) or not points:
        return math.inf
    surges = (each for each in link.scenario.faults if isinstance(each, Surge))
    mine = (max(1.0, each.times) for each in surges if each.on == link.keys[1])
    return max(point.rate for point in points) * math.prod(mine)


def lowest_rate(link: Link) -> float:
    """Return the rate below which an open group never asks, 1/s; 0 if it is unknown."""
    law = link.caller.arrivals if isinstance(link.caller, ClientGroup) else None
    if not isinstance(law, OpenArrivals) or isinstance(law, Backlog):
        return 0.0
    if any(point.ramp for point in law.rate):
        return 0.0
    surges = (each for each in link.scenario.faults if isinstance(each, Surge))
    mine = (min(1.0, each.times) for each in surges if each.on == link.keys[1])
    return min(point.rate for point in law.rate) * math.prod(mine)


def most_requests(link: Link, seconds: float, processes: int = 1) -> float:
    """Return the most requests that need a call within so long, of one in so many processes.

    By Bernstein's inequality for Poisson numbers of mean m, P(N ≥ m + x) ≤ exp(-x² / 2(m + x/3)).
    """
    caller = link.caller
    rate = highest_rate(link)
    if math.isinf(rate) or not isinstance(caller, ClientGroup):
        return math.inf
    mean = rate * link.call.share * seconds / processes
    beyond = _CERTAIN / 3.0 + math.sqrt((_CERTAIN / 3.0) ** 2 + 2.0 * _CERTAIN * mean)
    times = 1 if caller.refresh is None else 1 + caller.refresh.times
    return math.ceil(mean + beyond) * times


def tries(link: Link) -> float:
    """Return how many tries a request may make at a call, hedges not counted."""
    retry = link.call.retry
    return 1.0 if retry is None else math.inf if retry.endless else 1.0 + retry.max_retries


def life(link: Link) -> float:
    """Return after how many seconds a request makes no attempt at a call any more; inf if unknown.

    It is known if users leave, or if it is their first call, whose tries and waits all have ends.
    """
    call, caller = link.call, link.caller
    if not isinstance(caller, ClientGroup):
        return math.inf
    longest, retry = math.inf, call.retry
    first = next(iter(caller.calls)) == link.keys[3] and caller.refresh is None
    if first and call.timeout is not None and (retry is None or not retry.endless):
        hedges = 0.0 if call.hedge is None else call.hedge.times * call.hedge.after
        longest = tries(link) * (call.timeout + call.longest_wait + hedges)
        if retry is not None and isinstance(retry.backoff, Server):
            longest = math.inf
        elif retry is not None:
            wait = 0.0
            for number in range(1, 1 + retry.max_retries):
                wait = retry.backoff.delay_before(number, wait)
                longest += wait
    return longest if caller.deadline is None else min(longest, caller.deadline)


def ever_struck(link: Link, *kinds: type) -> bool:
    """Tell whether a fault of one of these kinds strikes a call within the run."""
    return any(
        isinstance(fault, kinds)
        and link.is_struck(fault)
        and active_windows(fault, link.scenario.duration)
        for fault in link.scenario.faults
    )
