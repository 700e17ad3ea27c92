"""A warning, and the calls that most warnings are about: whose they are, and whom they ask."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.scenario.faults import Fault
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import OnAbandon, Scenario, Service
from simcb.scenario.refusal import quoted
from simcb.scenario.scalars import LINK

Keys = tuple[str | int, ...]
"""What leads to a place in a scenario's file."""


class NoEffect(str):
    """A sentence about what can never matter, and which place of the file says it.

    Args:
        words: the sentence.
        keys: what leads to the place.
    """

    keys: Keys

    def __new__(cls, words: str, keys: Keys = ()) -> NoEffect:
        """Return the sentence."""
        made = super().__new__(cls, words)
        made.keys = keys
        return made


@dataclass(frozen=True)
class Link:
    """A call, whose it is and whom it asks.

    Args:
        scenario: where it stands.
        keys: what leads to it: the part, the caller's name, `calls` and the call's own name.
        caller: who asks.
        call: how.
    """

    scenario: Scenario
    keys: tuple[str, str, str, str]
    caller: ClientGroup | Service
    call: Call

    @property
    def name(self) -> str:
        """Its name as sentences have it, in the form that faults have for it."""
        return quoted(f"{self.keys[1]}{LINK}{self.keys[3]}")

    @property
    def to(self) -> str:
        """The name of the service that it asks."""
        return self.call.target(self.keys[3])

    @property
    def service(self) -> Service:
        """The service that it asks."""
        return self.scenario.services[self.to]

    @property
    def gives_up(self) -> bool:
        """Whether the caller may stop waiting although the call has no timeout."""
        if self.call.hedge is not None:
            return True
        if isinstance(self.caller, ClientGroup):
            return self.caller.deadline is not None or self.caller.refresh is not None
        return self.caller.on_abandon is OnAbandon.STOP

    @property
    def longest(self) -> float:
        """How long what its breaker takes for one call lasts at most, in seconds; inf if for ever.

        A user who leaves makes an end to it, too, which the breaker ignores.
        """
        call, retry = self.call, self.call.retry
        longest = math.inf if call.timeout is None else call.timeout
        longest += call.longest_wait
        if retry is not None and call.breaker is not None and call.breaker.around is Around.REQUEST:
            wait, longest = 0.0, math.inf if retry.endless else (1 + retry.max_retries) * longest
            for number in () if retry.endless else range(1, 1 + retry.max_retries):
                wait = retry.backoff.delay_before(number, wait)
                longest += wait
        if isinstance(self.caller, ClientGroup) and self.caller.deadline is not None:
            longest = min(longest, self.caller.deadline)
        return longest

    def is_struck(self, fault: Fault) -> bool:
        """Tell whether a fault is on the service that it asks, or on this call of it."""
        return fault.on in (self.to, f"{self.keys[1]}{LINK}{self.to}")

    def told(self, words: str, *place: str | int) -> NoEffect:
        """Return a warning about a place in it."""
        return NoEffect(words, (*self.keys, *place))

    def one_replica(self, part: str, word: str = "per_replica") -> Iterator[NoEffect]:
        """Yield that a word about several replicas is said of a service that has one."""
        if self.service.most_replicas == 1:
            yield self.told(
                f"`{word}` changes nothing in the {part} of {self.name}, whose service has one "
                "replica; leave it out, or give the service more like `replicas: 3`",
                *(part, word),
            )


@dataclass(frozen=True)
class Asked:
    """A service and its name.

    Args:
        scenario: where it stands.
        name: its name.
        service: what it is.
    """

    scenario: Scenario
    name: str
    service: Service

    def told(self, words: str, *place: str | int) -> NoEffect:
        """Return a warning about a place in it."""
        return NoEffect(words, ("services", self.name, *place))


def links(scenario: Scenario) -> Iterator[Link]:
    """Yield every call of a scenario, those of client groups first."""
    for name, group in scenario.clients.items():
        for called, call in group.calls.items():
            yield Link(scenario, ("clients", name, "calls", called), group, call)
    for name, service in scenario.services.items():
        for called, call in service.calls.items():
            yield Link(scenario, ("services", name, "calls", called), service, call)
