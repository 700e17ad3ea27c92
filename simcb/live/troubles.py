"""Trouble made and ended by hand while a scenario's services are at work."""

from __future__ import annotations

import math

from simcb.scenario.faults import Fault, Hang, Latency, Refuse
from simcb.world import World
from simcb.world.conditions import Conditions, FaultWindow

SLOWER = 10.0
"""How many times as long work takes in a service that is slow."""

_KINDS: dict[str, tuple[type[Fault], dict[str, object]]] = {
    "hang": (Hang, {}),
    "slow": (Latency, {"times": SLOWER}),
    "stop": (Refuse, {}),
}


def _trouble(action: str, service: str, now: float) -> FaultWindow:
    """Return the window of a trouble that begins now and has no end."""
    kind, settings = _KINDS[action]
    fault = kind.model_validate({"on": service, "at": now, "lasts": 1.0, **settings})
    return FaultWindow(f"{action} by hand", fault, now, math.inf)


class Troubles:
    """What is wrong with the services, by the scenario and by hand.

    Args:
        world: where they are at work.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        services = world.scenario.services
        self._windows = {
            name: [world.windows_on(name, number) for number in range(service.replicas)]
            for name, service in services.items()
        }

    def act(self, service: str, action: str) -> None:
        """Hang, slow or stop a service until it is healed, or heal it now.

        Healing also ends what the scenario has in force; what is still to come comes. Workers
        that a scenario's fault has taken away stay away.

        Raises:
            KeyError: there is no such service.
        """
        now = self._world.clock.now
        windows = self._windows[service]
        trouble = None if action == "heal" else _trouble(action, service, now)
        for number, replica in enumerate(self._world.replicas(service)):
            if trouble is None:
                windows[number] = [w for w in windows[number] if not w.start <= now < w.end]
            elif all(w.label != trouble.label for w in windows[number]):
                windows[number] = [*windows[number], trouble]
            replica.meet(Conditions(windows[number]))

    def of(self, service: str) -> list[str]:
        """Return the kinds of what is wrong with a service now, each once."""
        now = self._world.clock.now
        known = self._windows[service]
        found = (w.fault.kind for each in known for w in each if w.start <= now < w.end)
        return list(dict.fromkeys(found))
