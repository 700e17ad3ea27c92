"""A health check that asks a dependency: the `liveness` of a service."""

from __future__ import annotations

from typing import Annotated

from simcb.scenario.fields import Model
from simcb.scenario.scalars import Count, Name, PositiveSeconds, word


class Liveness(Model):
    """A replica starts anew when so many checks in a row go wrong; they load nobody that they ask.

    It does so as one that crashes does. A check asks one replica of the service `asks`, those in
    rotation in turn, for as long as that service's own `work` takes, and meets its faults as an
    attempt of this service would. It waits until nobody waits for a worker who did so before it,
    but holds none; no breaker, limit or admission concerns it, and no attempt is written down for
    it. What it found counts when its timeout is over. The checks of several replicas are spread
    over the time between them; one that is out of rotation or down makes none, and begins to count
    anew.
    """

    asks: Annotated[Annotated[str, Name()], word("the service that a check asks", "database")]
    every: Annotated[PositiveSeconds, word("time from check to check, seconds", "10s")] = 10.0
    timeout: Annotated[PositiveSeconds, word("how long a check may take, seconds", "1s")] = 1.0
    failures: Annotated[
        int, Count(1, 1000), word("checks in a row that go wrong before it starts anew", "3")
    ] = 3
    restart: Annotated[PositiveSeconds, word("how long it takes to start anew, seconds", "30s")]
