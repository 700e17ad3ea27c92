"""The names behind a trace's index columns: what the numbers in its rows point at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ServiceInfo:
    """A service and the block of replica indexes that belongs to it."""

    name: str
    first_replica: int
    replicas: int
    workers: int
    """Workers of each replica."""
    discipline: str = "fifo"
    """Who is next in its queues: `fifo` or `lifo`."""
    blocking: bool = True
    """True if a worker is held while the attempt's own calls are under way."""
    on_abandon: str = "finish"
    """What becomes of an attempt whose caller has gone: `finish`, `drop_queued` or `stop`."""


@dataclass(frozen=True)
class CallInfo:
    """A caller's policy towards one service."""

    caller: str
    service: str
    timeout: float | None
    """Seconds an attempt may take; None waits for ever."""
    from_client: bool
    """True if the caller is a client group, false if it is a service."""
    processes: int = 1
    """Caller processes: a group's instances, a service's replicas."""
    network: bool = False
    """True if attempts and answers take time on their way."""
    max_concurrent: int | None = None
    """Attempts under way at once from one process; None if nothing limits them."""
    max_wait: float = 0.0
    """Seconds an attempt may wait for a place among them before it is sent."""
    around: str = "attempt"
    """What one call of the breaker is: an `attempt`, or the `request` with its retries."""

    @property
    def name(self) -> str:
        """The call as text: `shop->payments`."""
        return f"{self.caller}->{self.service}"


@dataclass(frozen=True)
class BreakerInfo:
    """A breaker that was asked: the call it guards and, if it guards one replica only, which."""

    name: str
    call: int
    replica: int


@dataclass(frozen=True)
class FaultInfo:
    """A fault's window, in seconds of the run."""

    name: str
    kind: str
    on: str
    start: float
    end: float


@dataclass(frozen=True)
class Layout:
    """The entities of a run, in the order its index columns count them."""

    groups: tuple[str, ...]
    services: tuple[ServiceInfo, ...]
    calls: tuple[CallInfo, ...]
    breakers: tuple[BreakerInfo, ...]
    faults: tuple[FaultInfo, ...]
    deadlines: tuple[float | None, ...] = ()
    """Seconds after which the users of each group leave; None for ever, as if it is empty."""
    users: tuple[int | None, ...] = ()
    """Users of each group that ask again only when they are answered; None for any other group,
    and empty if there is no such group."""
    idle_breakers: int = 0
    """Breakers that nobody ever asked, which are not in `breakers` and were always closed."""

    @property
    def breaker_count(self) -> int:
        """How many breakers there are, asked or not."""
        return len(self.breakers) + self.idle_breakers

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that `from_dict` reads back to an equal layout."""
        data = asdict(self)
        if not self.users:
            # Digests of runs without such groups are older than the field.
            del data["users"]
        if not self.idle_breakers:
            del data["idle_breakers"]  # as in traces that were saved without it
        return data

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Layout:
        """Rebuild a layout from what `to_dict` returned."""
        return cls(
            groups=tuple(data["groups"]),
            services=tuple(ServiceInfo(**item) for item in data["services"]),
            calls=tuple(CallInfo(**item) for item in data["calls"]),
            breakers=tuple(BreakerInfo(**item) for item in data["breakers"]),
            faults=tuple(FaultInfo(**item) for item in data["faults"]),
            deadlines=tuple(data.get("deadlines", ())),
            users=tuple(data.get("users", ())),
            idle_breakers=data.get("idle_breakers", 0),
        )

    def service_index(self, name: str) -> int:
        """Return the index of the service called `name`; KeyError if there is none."""
        for index, service in enumerate(self.services):
            if service.name == name:
                return index
        raise KeyError(name)

    def calls_to(self, service: str) -> tuple[int, ...]:
        """Return the indexes of the calls that go to `service`."""
        return tuple(i for i, call in enumerate(self.calls) if call.service == service)
