"""What a world asks of a network that is real, if one lies between callers and services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from simcb.world.clock import Clock
from simcb.world.recorder import Recorder
from simcb.world.replicas import Replica
from simcb.world.tasks import Server

if TYPE_CHECKING:
    from simcb.world.code.hosts import Host, Unheard


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

    def host(self, unheard: Unheard) -> Host:
        """Return what runs the code of client groups.

        Args:
            unheard: told of exceptions that nobody looked at.
        """
