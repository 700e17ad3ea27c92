"""What a focused scenario is: a small file made for one part of the semantics."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.scenario.arrivals import Replay

A = AttemptOutcome
R = RequestOutcome


@dataclass(frozen=True)
class Focused:
    """A scenario and what it would be pointless without.

    Args:
        text: the scenario file, without name.
        attempts, requests: outcomes that must occur.
        trips: whether a breaker must open.
        marks: facts that must be true of some attempt, as an `AttemptRecord` names them.
        replays: recorded arrivals that take the place of each group's own.
    """

    text: str
    attempts: Collection[AttemptOutcome]
    requests: Collection[RequestOutcome] = ()
    trips: bool = False
    marks: Collection[str] = ()
    replays: dict[str, Replay] = field(default_factory=dict)

    def scenario(self, name: str) -> Scenario:
        """Return the scenario, called `name`."""
        scenario = parse_scenario(f"name: {name}\n{self.text}")
        return scenario.with_(
            {f"clients.{group}.arrivals": law for group, law in self.replays.items()}
        )
