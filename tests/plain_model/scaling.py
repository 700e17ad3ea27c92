"""An autoscaler by the book: what Kubernetes' documentation says that its HPA does."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from plain_model.stage import Process

from simcb.world.clock import Order

if TYPE_CHECKING:
    from plain_model.model import PlainWorld
    from plain_model.serving import Desk

SLACK = 1e-9


class Scaler:
    """Looks at a service's replicas every so often.

    Args:
        world: where it lives.
        desk: the service's replicas.
        name: the service.
    """

    def __init__(self, world: PlainWorld, desk: Desk, name: str) -> None:
        self.world, self.desk, self.name = world, desk, name
        self.starting: list[float] = []
        self.since = [0.0] * len(desk.replicas)
        self.wishes = [(0.0, desk.count)]

    def scaling(self) -> Process:
        """Look again and again."""
        env, nth = self.world.env, 0
        while True:
            scale = self.desk.service.scale
            assert scale is not None
            before, nth = nth * scale.every, nth + 1
            yield env.at(nth * scale.every, Order.CONDITIONS)
            self.look(before)

    def look(self, before: float) -> None:
        """Have more replicas or fewer, by how busy they were since the look before."""
        now, scale = self.world.env.now, self.desk.service.scale
        assert scale is not None
        there = self.desk.count + len(self.starting)
        self.wishes.append((now, self.wish(before, there)))
        wishes = [wish for at, wish in self.wishes if at >= now - scale.window - SLACK]
        aim = there
        if wishes[-1] > there:
            aim = wishes[-1]
        elif max(wishes) < there:
            aim = max(wishes)
        aim = max(scale.least, min(scale.most, aim))
        for _ in range(there - aim):
            if self.starting:
                self.starting.pop()
            else:
                self.desk.rotate(self.desk.count - 1)
        if aim > there:
            self.starting += [now + scale.delay] * (aim - there)
            if scale.delay == 0.0:
                self.join()
                return
            alarm = self.world.env.at(now + scale.delay, Order.CONDITIONS)
            assert alarm.callbacks is not None
            alarm.callbacks.append(lambda _: self.join())

    def wish(self, before: float, there: int) -> int:
        """Return how many replicas would bring the workers to the target."""
        now, scale = self.world.env.now, self.desk.service.scale
        assert scale is not None
        well = [
            (replica, max(before, since))
            for replica, since in zip(self.desk.replicas, self.since, strict=True)
            if not self.desk.is_away(replica) and not replica.is_down()
        ]
        room = sum(self.desk.service.workers * (now - since) for _, since in well)
        if room <= 0.0:
            return there
        busy = sum(replica.busy_between(since, now) for replica, since in well)
        load = busy / room / scale.target
        pods = len(well)
        if load > 1.0:
            load, pods = load * len(well) / there, there
            if load < 1.0:
                return there
        if 1.0 - scale.tolerance - SLACK <= load <= 1.0 + scale.tolerance + SLACK:
            return there
        return ceil(load * pods - SLACK)

    def join(self) -> None:
        """Let those into rotation that have started; breakers that guard them begin anew."""
        now = self.world.env.now
        while self.starting and self.starting[0] <= now:
            self.starting.pop(0)
            place = self.desk.count
            self.since[place] = now
            self.desk.rotate(place + 1)
            for breaker in self.world.guarding.get((self.name, place), ()):
                self.world.breakers[breaker].reset()
