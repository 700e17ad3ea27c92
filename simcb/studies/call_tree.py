"""What making calls leads to, all the way down: attempts and seconds, without running anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from simcb.outcomes import AttemptOutcome
from simcb.scenario import Scenario
from simcb.scenario.calls import Call
from simcb.scenario.faults import Errors, Fault, Refuse, Restart
from simcb.scenario.retries import Decorrelated, Jitter, Retry

_KEPT_OF_A_WAIT = {Jitter.NONE: 1.0, Jitter.FULL: 0.5, Jitter.EQUAL: 0.75}
"""What is left of a wait on average, by its jitter."""


class CallTree:
    """The calls of a scenario; each service is worked out once.

    Args:
        scenario: whose services answer.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._services = scenario.services
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
        for service in calls:
            if service not in self._once:
                self._once[service] = self.once(self._services[service].calls)
            total += 1.0 + self._once[service]
        return total

    def attempts(self, calls: Mapping[str, Call]) -> float:
        """Return the attempts that these calls lead to if all of them fail to the last try."""
        total = 0.0
        for service, call in calls.items():
            if service not in self._attempts:
                self._attempts[service] = self.attempts(self._services[service].calls)
            total += self._tries(service, call) * (1.0 + self._attempts[service])
        return total

    def seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the mean seconds that these calls take, if nothing fails and nobody waits."""
        return sum(call.share * self._answer(service, call) for service, call in calls.items())

    def failing_seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the mean seconds that these calls take at least, if all fail to the last try."""
        total = 0.0
        for service, call in calls.items():
            tries = self._tries(service, call)
            if tries > 1 and call.retry is not None:
                total += tries * self._retried_after(service, call) + _waits(call.retry)
            else:
                total += self._answer(service, call)
        return total

    def turned_away_seconds(self, calls: Mapping[str, Call]) -> float:
        """Return the seconds after which one of these calls fails for good, at the earliest."""
        soonest, before = math.inf, 0.0
        for service, call in calls.items():
            ends = math.inf
            for outcome, after in self._failures(service, call):
                if call.retry is not None and outcome in call.retry.on:
                    after = (1 + call.retry.max_retries) * after + _waits(call.retry)
                ends = min(ends, after)
            soonest = min(soonest, before + ends)
            before += min(ends, call.share * self._answer(service, call))
        return soonest

    def _answer(self, service: str, call: Call) -> float:
        if service not in self._seconds:
            asked = self._services[service]
            self._seconds[service] = asked.work.mean_value + self.seconds(asked.calls)
        return _ways(call) + self._seconds[service]

    def _tries(self, service: str, call: Call) -> int:
        if call.retry is None or math.isinf(self._retried_after(service, call)):
            return 1
        return 1 + call.retry.max_retries

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
        if call.throttle is not None:
            yield AttemptOutcome.SHED, 0.0
        elif call.bulkhead is not None:
            yield AttemptOutcome.SHED, call.bulkhead.max_wait
        if asked.queue.limit is not None or faults & {Refuse, Restart}:
            yield AttemptOutcome.REFUSED, _ways(call)
        if Restart in faults:
            yield AttemptOutcome.ERROR, _ways(call)
        elif asked.errors > 0.0 or Errors in faults or asked.calls:
            yield AttemptOutcome.ERROR, self._answer(service, call)
        if call.timeout is not None:
            yield AttemptOutcome.TIMEOUT, call.timeout


def _ways(call: Call) -> float:
    return 2.0 * call.network.mean_value if call.network else 0.0


def _waits(retry: Retry) -> float:
    """Return the mean seconds that all of a policy's waits take together."""
    total = wait = 0.0
    for number in range(1, 1 + retry.max_retries):
        longest = retry.backoff.delay_before(number, wait)
        if isinstance(retry.backoff, Decorrelated):
            wait = (min(retry.backoff.base, longest) + longest) / 2.0
        else:
            wait = _KEPT_OF_A_WAIT[retry.jitter] * longest
        total += wait
    return total
