"""Which calls have a breaker, and what each breaker hears on an ordinary day."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from simcb.breaker import SlowCallRate, TripRule
from simcb.breaker.settings import slow_from
from simcb.outcomes import AttemptOutcome
from simcb.predictions.links import Flow, Link
from simcb.predictions.rates import mean_rate
from simcb.predictions.spread import beyond
from simcb.predictions.traffic import Traffic
from simcb.scenario.arrivals import Backlog
from simcb.scenario.breakers import Around, Breaker
from simcb.scenario.scalars import LINK

NO_BREAKER = "no call has a breaker that is switched on and simcb's own"
"""What is said where there is nothing to predict; of others' breakers nothing is known."""

ONE_FOR_SEVERAL = "what faults do to the breaker of {} is left out: several calls have it together"
"""What is said of the breakers of groups of calls."""


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
        parts: of a breaker that several calls have together, what each of them adds; `link` and
            `flow` are the first's then, at which its settings stand.
    """

    link: Link
    breaker: Breaker
    count: int
    rate: float
    flow: Flow
    coming: float | None = None
    parts: tuple[Guarded, ...] = ()

    @property
    def name(self) -> str:
        """The call, or the caller and the group of its calls."""
        return f"{self.link.caller}{LINK}{self.breaker.group}" if self.parts else self.link.name

    @property
    def services(self) -> tuple[str, ...]:
        """The services that it guards calls of, each once."""
        return tuple(dict.fromkeys(each.link.service for each in self.parts or (self,)))

    @property
    def failing(self) -> float:
        """The chance that it counts a call as failed, whatever is slow."""
        if self.parts:
            return self.mean(each.failing for each in self.parts)
        return self.flow.chance(self.breaker.counts)

    def mean(self, of_parts: Iterable[float]) -> float:
        """Return the mean of something of each part, by how often it is heard."""
        weighed = (each.rate * value for each, value in zip(self.parts, of_parts, strict=True))
        return math.fsum(weighed) / self.rate if self.rate else 0.0

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


def guarded_calls(traffic: Traffic) -> tuple[Guarded, ...]:
    """Return every call whose breaker is its own, switched on and shipped: others have no rules."""
    return tuple(calls[0] for calls in _by_breaker(traffic).values() if len(calls) == 1)


def guarded_groups(traffic: Traffic) -> tuple[Guarded, ...]:
    """Return every breaker that several calls of a caller have together.

    It hears the sum of what they ask, and of all that it hears their failures are the mean of
    theirs, each as often as the call is made.
    """
    found = []
    for calls in _by_breaker(traffic).values():
        if len(calls) > 1:
            rate = sum(each.rate for each in calls)
            found.append(replace(calls[0], rate=rate, parts=tuple(calls)))
    return tuple(found)


def _by_breaker(traffic: Traffic) -> dict[str, list[Guarded]]:
    found: dict[str, list[Guarded]] = {}
    for link in traffic.links:
        breaker = link.call.breaker
        if breaker is None or not breaker.enabled or breaker.use is not None:
            continue
        replicas = traffic.scenario.services[link.service].replicas
        count = link.call.breakers(traffic.processes(link), replicas)
        flow = traffic.flows[link.path]
        heard = flow.asked if breaker.around is Around.REQUEST else flow.attempts
        coming = _coming(traffic, link)
        one = Guarded(link, breaker, count, heard / count, flow, coming)
        name = link.name if breaker.group is None else f"{link.caller}{LINK}{breaker.group}"
        found.setdefault(name, []).append(one)
    return found


def _coming(traffic: Traffic, link: Link) -> float | None:
    group = traffic.scenario.clients[link.caller] if link.of_clients else None
    if group is None or not isinstance(group.arrivals, Backlog) or not group.arrivals.pause_when:
        return None
    return mean_rate(group, traffic.scenario.duration)


def failing_for(traffic: Traffic, guarded: Guarded, rule: TripRule) -> float:
    """Return the chance that a rule counts a call on an ordinary day."""
    if guarded.parts:
        return guarded.mean(failing_for(traffic, each, rule) for each in guarded.parts)
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
