"""How large a study will be, before anything of it is allocated.

The estimate is arithmetic on the scenario: expected arrivals, the attempts they make if every
call fails as often as its retries allow, and the callers and users that have to exist before
the first of them. Nothing is simulated here. Users in a closed loop whom the service turns
away at once ask more often than is expected here; the world's event budget ends such runs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from simcb.errors import SimcbError
from simcb.scenario import Scenario
from simcb.scenario.arrivals import Arrivals, Closed, OpenArrivals, RatePoint, Replay
from simcb.scenario.calls import Call
from simcb.scenario.faults import Surge
from simcb.trace import ATTEMPTS, REQUESTS, SAMPLES

MOST_REQUESTS = 20_000_000
"""Requests of all runs of a study together, beyond which it has to be allowed explicitly."""

MOST_MEGABYTES = 8_000
"""Memory in the worst case, beyond which a study has to be allowed explicitly."""

MEASURING_BYTES = 200
"""Memory per row, of the run being measured, beyond the row itself."""

CALLER_BYTES = 4_000
"""Memory of one call of one caller process, and about that of a breaker."""

USER_BYTES = 1_000
"""Memory of one user of a closed loop: what is awaited, and the luck of the next requests."""


@dataclass(frozen=True)
class SizeEstimate:
    """How large a study is expected to be.

    Args:
        requests: expected user requests, of all runs together.
        worst_attempts: attempts they make if every call fails until its retries are used up
            and every user presses refresh as often as possible; the truth is mostly far below.
        megabytes: memory with that many attempts; traces of all runs are held until the end.
    """

    requests: float
    worst_attempts: float
    megabytes: float


class TooLargeError(SimcbError):
    """A study is larger than what is run without being asked for explicitly.

    Args:
        requests: expected requests.
        worst_attempts: attempts in the worst case.
        megabytes: memory in the worst case.
    """

    def __init__(self, requests: float, worst_attempts: float, megabytes: float) -> None:
        super().__init__(requests, worst_attempts, megabytes)
        self.requests = requests
        self.worst_attempts = worst_attempts
        self.megabytes = megabytes

    def __str__(self) -> str:
        return (
            f"this would be about {in_words(self.requests)} requests with up to "
            f"{in_words(self.worst_attempts)} attempts and {in_words(self.megabytes / 1000)} GB; "
            f"the limit is {in_words(MOST_REQUESTS)} requests or {MOST_MEGABYTES // 1000} GB: "
            "shorten it, lower rates, users, retries, instances or replicates, or allow it with "
            "--allow-large (in Python allow_large=True)"
        )


def estimate_size(scenario: Scenario, *, runs: int = 1) -> SizeEstimate:
    """Estimate the size of a study.

    Args:
        scenario: what would be simulated.
        runs: how often: replicates, times two with a baseline.
    """
    tree = _Tree(scenario)
    requests = attempts = 0.0
    for name, group in scenario.clients.items():
        surges = [f for f in scenario.faults if isinstance(f, Surge) and f.on == name]
        answer = tree.seconds(group.calls)
        arriving = expected_arrivals(group.arrivals, surges, scenario.duration, answer)
        presses = 1 + (group.refresh.times if group.refresh else 0)
        requests += arriving
        attempts += arriving * presses * tree.attempts(group.calls)
    replicas = sum(service.replicas for service in scenario.services.values())
    samples = replicas * (scenario.duration / scenario.sample_every + 1.0)
    rows = requests * REQUESTS.row.size + attempts * ATTEMPTS.row.size + samples * SAMPLES.row.size
    alive = (requests + attempts) * MEASURING_BYTES + _standing_bytes(scenario)
    return SizeEstimate(requests * runs, attempts * runs, (rows * runs + alive) / 1e6)


def _standing_bytes(scenario: Scenario) -> float:
    """Return the memory of what exists from the beginning of one run to its end."""
    total = 0.0
    callers = [(group.instances, group.calls) for group in scenario.clients.values()]
    callers += [(service.replicas, service.calls) for service in scenario.services.values()]
    for processes, calls in callers:
        for service, call in calls.items():
            breakers = 0
            if call.breaker is not None and call.breaker.enabled:
                breakers = 1 if call.breaker.shared else processes
                if call.breaker.per_replica:
                    breakers *= scenario.services[service].replicas
            total += (processes + breakers) * CALLER_BYTES
    for group in scenario.clients.values():
        if isinstance(group.arrivals, Closed):
            total += group.arrivals.users * USER_BYTES
    return total


def demand_size(size: SizeEstimate) -> None:
    """Refuse a study that is too large to be run without being asked for explicitly.

    Raises:
        TooLargeError: it is beyond `MOST_REQUESTS` or `MOST_MEGABYTES`.
    """
    if size.requests > MOST_REQUESTS or size.megabytes > MOST_MEGABYTES:
        raise TooLargeError(size.requests, size.worst_attempts, size.megabytes)


def expected_arrivals(
    arrivals: Arrivals, surges: Sequence[Surge], duration: float, answer: float = 0.0
) -> float:
    """Return the expected number of requests in a run of `duration` seconds.

    For given rates that is their integral; a surge counts at its full strength from begin to
    end, its ramps too. Users in a closed loop ask once in think time and answer; users whose
    answers take no time and who do not think ask endlessly often.

    Args:
        arrivals: how requests arrive.
        surges: the surges of their group.
        duration: seconds.
        answer: mean seconds that an undisturbed answer takes, for closed loops.
    """
    match arrivals:
        case OpenArrivals(rate=points):
            return _integral(points, surges, duration)
        case Closed(users=users, think=think):
            cycle = think.mean_value + answer
            return users * (1.0 + duration / cycle) if cycle > 0.0 else math.inf
        case Replay() if arrivals.interval is None:
            return float(sum(moment < duration for moment in arrivals.moments))
        case Replay():
            return _integral(arrivals.points, surges, duration)
    raise TypeError(f"arrivals of kind {arrivals.kind} cannot be estimated")


def _integral(points: tuple[RatePoint, ...], surges: Sequence[Surge], duration: float) -> float:
    strong = [(start, end, surge.times) for surge in surges for start, end in surge.windows]
    corners = {0.0, duration}
    corners |= {moment for point in points for moment in (point.at, point.reached)}
    corners |= {moment for start, end, _ in strong for moment in (start, end)}
    moments = sorted(moment for moment in corners if moment <= duration)
    total = 0.0
    for start, end in pairwise(moments):
        # The rate is linear between corners, so its mean is its value in the middle.
        middle = (start + end) / 2.0
        rate = rate_at(points, middle)
        for begins, ends, times in strong:
            if begins <= middle < ends:
                rate *= times
        total += rate * (end - start)
    return total


def rate_at(points: tuple[RatePoint, ...], moment: float) -> float:
    """Return the rate at a moment, in arrivals per second."""
    rate = 0.0
    for point in points:
        if moment < point.at:
            break
        if moment < point.reached:
            return rate + (point.rate - rate) * (moment - point.at) / point.ramp
        rate = point.rate
    return rate


class _Tree:
    """What making calls leads to, all the way down; each service is worked out once."""

    def __init__(self, scenario: Scenario) -> None:
        self._services = scenario.services
        self._attempts: dict[str, float] = {}
        self._seconds: dict[str, float] = {}

    def attempts(self, calls: Mapping[str, Call]) -> float:
        """Return the attempts that these calls lead to if all of them fail to the last try."""
        total = 0.0
        for service, call in calls.items():
            if service not in self._attempts:
                self._attempts[service] = self.attempts(self._services[service].calls)
            total += tries(call) * (1.0 + self._attempts[service])
        return total

    def seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the mean seconds that these calls take, if nothing fails and nobody waits."""
        total = 0.0
        for service, call in calls.items():
            if service not in self._seconds:
                asked = self._services[service]
                self._seconds[service] = asked.work.mean_value + self.seconds(asked.calls)
            network = 2.0 * call.network.mean_value if call.network else 0.0
            total += call.share * (network + self._seconds[service])
        return total


def tries(call: Call) -> int:
    """Return how often a call is attempted at most."""
    if call.retry is None or not call.retry.on:
        return 1
    return 1 + call.retry.max_retries


def in_words(number: float) -> str:
    """Write a large number with three digits of it: `28,800`, `4.6 million`, `2.1e+15`."""
    if math.isinf(number):
        return "endlessly many"
    if number < 1e6:
        return f"{number:,.0f}"
    for size, word in ((1e6, "million"), (1e9, "billion")):
        if number < size * 1000:
            return f"{number / size:.3g} {word}"
    return f"{number:.2g}"
