"""What a world asks of a network that is real, if one lies between callers and services."""

from __future__ import annotations

from typing import Protocol

from simcb.world.clock import Clock
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.tasks import Server


class Carrier(Protocol):
    """A network that is real: what takes attempts to the services in their callers' stead.

    Args:
        asked: whether the scenario's client groups ask.
    """

    asked: bool

    def recorder(self, clock: Clock, most_rows: int | None) -> Recorder:
        """Return where attempts are written down."""

    def way(self, service: str, number: int, replica: Replica) -> Server:
        """Return what stands for a replica where it is called."""
