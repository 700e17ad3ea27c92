"""The calls of a scenario, and what goes through each of them on an ordinary day."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.outcomes import AttemptOutcome
from simcb.scenario.calls import Call
from simcb.scenario.model import Scenario
from simcb.scenario.retries import Concurrent, FailureTokens, PerMinute, Retry, TokenBucket
from simcb.scenario.scalars import LINK


@dataclass(frozen=True)
class Link:
    """A call and whose it is."""

    caller: str
    service: str
    call: Call
    of_clients: bool
    called: str

    @property
    def name(self) -> str:
        """The call, by its name."""
        return f"{self.caller}{LINK}{self.called}"

    @property
    def path(self) -> str:
        """The call's place in the file."""
        kind = "clients" if self.of_clients else "services"
        return f"{kind}.{self.caller}.calls.{self.called}"

    @property
    def guarded(self) -> bool:
        """Whether a breaker is there and switched on."""
        return self.call.breaker is not None and self.call.breaker.enabled

    @property
    def retries(self) -> float:
        """The most retries of a request; inf if they go on for ever."""
        retry = self.call.retry
        if retry is None:
            return 0
        return math.inf if retry.endless else retry.max_retries

    @property
    def ways(self) -> float:
        """The mean time on the network, there and back, in seconds."""
        return 2.0 * self.call.network.mean_value if self.call.network else 0.0


@dataclass(frozen=True)
class Flow:
    """What goes through a call on an ordinary day.

    Args:
        asked: requests that need it and are not answered by its cache, per second.
        attempts: attempts it makes, per second, retries and hedges included.
        tries: the same without hedges.
        errors: chance that an attempt is answered with an error.
        timeouts: chance that an attempt outlasts its timeout.
    """

    asked: float
    attempts: float
    tries: float
    errors: float
    timeouts: float

    def chance(self, outcomes: tuple[AttemptOutcome, ...]) -> float:
        """Return the chance that an attempt has one of these outcomes."""
        found = self.errors if AttemptOutcome.ERROR in outcomes else 0.0
        return found + (self.timeouts if AttemptOutcome.TIMEOUT in outcomes else 0.0)


def links_of(scenario: Scenario) -> Iterator[Link]:
    """Yield every call, the clients' first."""
    for name, group in scenario.clients.items():
        yield from (
            Link(name, call.target(each), call, True, each) for each, call in group.calls.items()
        )
    for name, service in scenario.services.items():
        yield from (
            Link(name, call.target(each), call, False, each) for each, call in service.calls.items()
        )


def retries_allowed(retry: Retry, asked: float, processes: int) -> float:
    """Return the retries a request may have in the long run by its budget; inf without one.

    Args:
        retry: the policy.
        asked: requests per second, of all caller processes.
        processes: how many there are, each with a budget of its own.
    """
    match retry.budget:
        case TokenBucket(ratio=ratio):
            return ratio
        case PerMinute(retries=retries):
            return retries * processes / 60.0 / asked if asked else math.inf
        case Concurrent(share=share) if share < 1.0:
            # Where all attempts last alike: of n under way s·n are retries, of (1 - s)·n requests.
            return share / (1.0 - share)
        case FailureTokens(earn=earn):
            # In the long run each failure is paid for by a good answer's part of a token.
            return earn
    return math.inf
