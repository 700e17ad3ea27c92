"""How large a study will be, before anything of it is allocated.

The estimate is arithmetic on the scenario: expected arrivals, the attempts they make if every
call fails as often as its retries and the time allow, and the callers and users that have to
exist before the first of them. Nothing is simulated here. Users in a closed loop who are turned
away at once ask more often than is expected; how often is told beside it, and the world's
budgets of events and rows end such runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import islice, pairwise

from simcb.errors import SimcbError
from simcb.outcomes import AttemptOutcome
from simcb.scenario import Scenario
from simcb.scenario.arrivals import (
    Arrivals,
    Backlog,
    Closed,
    OpenArrivals,
    RatePoint,
    Replay,
    rate_at,
)
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.calls import Call
from simcb.scenario.faults import Errors, Fault, Refuse, Restart, Surge
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Discipline
from simcb.scenario.retries import MOST_RETRIES
from simcb.trace import ATTEMPTS, REQUESTS, SAMPLES, Table
from simcb.trace.rows_file import ROWS_HELD

MOST_REQUESTS = 20_000_000
"""Requests of all runs of a study together, beyond which it has to be allowed explicitly."""

MOST_MEGABYTES = 8_000
"""Memory in the worst case, beyond which a study has to be allowed explicitly."""

MEASURING_BYTES = 30
"""Memory per row, of the run being measured, beyond the row itself."""

CALLER_BYTES = 4_000
"""Memory of one call of one caller process, and about that of a breaker."""

KEY_BYTES = 150
"""Memory of one answer that a cache keeps."""

USER_BYTES = 1_000
"""Memory of one user of a closed loop: what is awaited, and the next random numbers."""


@dataclass(frozen=True)
class SizeEstimate:
    """How large a study is expected to be.

    Args:
        requests: expected user requests, of all runs together.
        worst_attempts: attempts they make if every call fails until its retries are used up
            or the time is up, and every user presses refresh as often as possible; the truth is
            mostly far below.
        most_requests: requests if users in a closed loop are turned away all the time as fast
            as can be; without such users those that are expected.
        megabytes: memory with that many attempts; traces of all runs are held until the end, but
            for rows that leave for a file.
    """

    requests: float
    worst_attempts: float
    megabytes: float
    most_requests: float = 0.0


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
    """Estimate the size of a study; where it changes while it runs, that of its largest stage.

    Args:
        scenario: what would be simulated.
        runs: how often.
    """
    if scenario.changes:
        faults = {"faults": scenario.faults}
        stages = [stage.model_copy(update=faults) for _, stage in scenario.stages]
        every = [estimate_size(stage, runs=runs) for stage in stages]
        return SizeEstimate(*(max(each) for each in zip(*map(astuple, every), strict=True)))
    tree = CallTree(scenario)
    requests = most_requests = attempts = standing = 0.0
    for name, group in scenario.clients.items():
        surges = [f for f in scenario.faults if isinstance(f, Surge) and f.on == name]
        answer = tree.seconds(group.calls)
        arriving = expected_arrivals(group.arrivals, surges, scenario.duration, answer)
        making = _attempts(tree, group, arriving, scenario.duration)
        requests += arriving
        most_requests += max(arriving, _turned_away(tree, group, scenario.duration))
        attempts += making
        standing += _caller_bytes(scenario, group.instances, group.calls, arriving, making)
        if isinstance(group.arrivals, Closed):
            standing += group.arrivals.users * USER_BYTES
        if isinstance(group.arrivals, Backlog):
            standing += arriving * USER_BYTES
    for service in scenario.services.values():
        standing += _caller_bytes(
            scenario, service.most_replicas, service.calls, service.most_replicas, attempts
        )
    replicas = sum(service.most_replicas for service in scenario.services.values())
    samples = replicas * (scenario.duration / scenario.sample_every + 1.0)
    rows = _held_bytes(REQUESTS, requests, runs) + _held_bytes(ATTEMPTS, attempts, runs)
    rows += samples * SAMPLES.row.size * runs
    megabytes = (rows + (requests + attempts) * MEASURING_BYTES + standing) / 1e6
    return SizeEstimate(requests * runs, attempts * runs, megabytes, most_requests * runs)


def _held_bytes(table: Table, rows: float, runs: int) -> float:
    """Return the memory of a table with so many rows in each run.

    Where they leave for a file, only the run that is being made holds some.
    """
    return table.row.size * (rows * runs if rows <= ROWS_HELD else float(ROWS_HELD))


def _attempts(tree: CallTree, group: ClientGroup, arriving: float, duration: float) -> float:
    """Return the attempts that a group's requests lead to if all of their calls fail.

    No request makes more of them than the time to its user's deadline, or the run's end,
    allows; and a user of a closed loop makes the next request only when one has failed.
    """
    horizon = duration if group.deadline is None else min(duration, group.deadline)
    once, most = tree.once(group.calls), tree.attempts(group.calls)
    seconds = tree.failing_seconds(group.calls)
    if seconds > horizon:
        most = min(most, once + most * horizon / seconds)
    presses = 1 + (group.refresh.times if group.refresh else 0)
    if isinstance(group.arrivals, Backlog):
        law = group.arrivals
        again = 1 + (law.redeliver.times if law.redeliver else 0)
        put_back = 0.0 if law.pause_when is None else law.consumers * duration / law.poll
        return arriving * again * most + put_back
    if not isinstance(group.arrivals, Closed):
        return arriving * presses * most
    cycle = group.arrivals.think.mean_value + min(seconds, horizon)
    requests = group.arrivals.users * max(1.0, duration / cycle) if cycle > 0.0 else math.inf
    return presses * max(requests * most, arriving * once)


def _turned_away(tree: CallTree, group: ClientGroup, duration: float) -> float:
    """Return how often a closed loop's users ask if each request ends as soon as it can."""
    if not isinstance(group.arrivals, Closed):
        return 0.0
    cycle = group.arrivals.think.mean_value + tree.turned_away_seconds(group.calls)
    return group.arrivals.users * (1.0 + duration / cycle) if cycle > 0.0 else math.inf


def _caller_bytes(
    scenario: Scenario, processes: int, calls: Mapping[str, Call], used: float, attempts: float
) -> float:
    """Return the memory of so many caller processes, of which at most `used` are made.

    A breaker is made when an attempt first asks it.
    """
    total, guarded = 0.0, by_breaker(calls)
    for name, call in calls.items():
        service = call.target(name)
        replicas = scenario.services[service].most_replicas
        breakers = call.breakers(processes, replicas) if name in guarded else 0
        total += (min(processes, used) + min(breakers, attempts)) * CALLER_BYTES
        stored = [call.cache, call.fallback.cache if call.fallback else None]
        total += sum(min(each.keys, attempts) for each in stored if each) * KEY_BYTES
    return total


def check_size(size: SizeEstimate) -> None:
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
            there = arrivals.initial if isinstance(arrivals, Backlog) else 0
            return there + _integral(points, surges, duration)
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


def _hedged(call: Call) -> int:
    """Return the most attempts of one try of a call."""
    return 1 if call.hedge is None else 1 + call.hedge.times


class CallTree:
    """The calls of a scenario; each service is worked out once.

    Args:
        scenario: whose services answer.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._services = scenario.services
        self._duration = scenario.duration
        self._faults: dict[str, set[type[Fault]]] = {name: set() for name in scenario.services}
        for fault in scenario.faults:
            if fault.service in self._faults:
                self._faults[fault.service].add(type(fault))
        self._once: dict[str, float] = {}
        self._attempts: dict[str, float] = {}
        self._seconds: dict[str, float] = {}

    def once(self, calls: Mapping[str, Call]) -> float:
        """Return the attempts that these calls lead to if nothing is retried."""
        total = 0.0
        for name, call in calls.items():
            service = call.target(name)
            if service not in self._once:
                self._once[service] = self.once(self._services[service].calls)
            total += _hedged(call) * (1.0 + self._once[service])
        return total

    def attempts(self, calls: Mapping[str, Call]) -> float:
        """Return the attempts that these calls lead to if all of them fail to the last try."""
        total = 0.0
        for name, call in calls.items():
            service = call.target(name)
            if service not in self._attempts:
                self._attempts[service] = self.attempts(self._services[service].calls)
            tries, _ = self._tries(service, call)
            total += tries * _hedged(call) * (1.0 + self._attempts[service])
        return total

    def seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the mean seconds that these calls take, if nothing fails and no call waits."""
        return sum(
            call.share * self._answer(call.target(name), call) for name, call in calls.items()
        )

    def failing_seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the mean seconds that these calls take at least, if all fail to the last try."""
        total = 0.0
        for name, call in calls.items():
            service = call.target(name)
            tries, seconds = self._tries(service, call)
            total += seconds if tries > 1 else self._answer(service, call)
        return total

    def turned_away_seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the seconds after which one of these calls fails for good, at the earliest."""
        soonest, before = math.inf, 0.0
        for name, call in calls.items():
            service = call.target(name)
            ends = math.inf
            for outcome, after in self._failures(service, call):
                if call.retry is not None and outcome in call.retry.on:
                    after = (1 + call.retry.max_retries) * after + call.retry.whole_wait
                ends = min(ends, after)
            soonest = min(soonest, before + ends)
            before += min(ends, call.share * self._answer(service, call))
        return soonest

    def _answer(self, service: str, call: Call) -> float:
        if service not in self._seconds:
            asked = self._services[service]
            self._seconds[service] = asked.work.mean_value + self.seconds(asked.calls)
        return _ways(call) + self._seconds[service]

    def _tries(self, service: str, call: Call) -> tuple[float, float]:
        """Return the most tries of a call and the mean seconds they take at least.

        Who retries for ever does so until the run is over.
        """
        retry, after = call.retry, self._retried_after(service, call)
        if retry is None or math.isinf(after):
            return 1.0, after
        if not retry.endless:
            return 1.0 + retry.max_retries, (1 + retry.max_retries) * after + retry.whole_wait
        tries, seconds, step = 1.0, after, 0.0
        for wait in islice(retry.mean_waits(), MOST_RETRIES):
            step = wait + after
            if seconds + step > self._duration:
                return tries, seconds
            tries, seconds = tries + 1.0, seconds + step
        more = (self._duration - seconds) // step if step else math.inf
        return tries + more, seconds + more * step

    def _retried_after(self, service: str, call: Call) -> float:
        """Return the seconds after which an attempt fails that is retried; inf if none can."""
        on = () if call.retry is None else call.retry.on
        ends = (after for outcome, after in self._failures(service, call) if outcome in on)
        return min(ends, default=math.inf)

    def _failures(self, service: str, call: Call) -> Iterator[tuple[AttemptOutcome, float]]:
        """Yield how an attempt can fail, each with the mean seconds after which it does."""
        asked, faults = self._services[service], self._faults[service]
        if call.breaker is not None and call.breaker.enabled:
            yield AttemptOutcome.REJECTED, 0.0
        if call.throttle is not None or call.rate_limit is not None:
            yield AttemptOutcome.SHED, 0.0
        elif call.bulkhead is not None:
            yield AttemptOutcome.SHED, call.bulkhead.max_wait
        if asked.queue.limit is not None or asked.falls or faults & {Refuse, Restart}:
            yield AttemptOutcome.REFUSED, _ways(call)
        if asked.admit is not None or asked.queue.discipline is Discipline.PRIORITY:
            yield AttemptOutcome.THROTTLED, _ways(call)
        if Restart in faults or asked.falls:
            yield AttemptOutcome.ERROR, _ways(call)
        elif asked.errors > 0.0 or Errors in faults or asked.calls:
            yield AttemptOutcome.ERROR, self._answer(service, call)
        if call.timeout is not None:
            yield AttemptOutcome.TIMEOUT, call.timeout


def _ways(call: Call) -> float:
    return 2.0 * call.network.mean_value if call.network else 0.0
