"""The plain model's world: everyone in it, made in a fixed order, and the run."""

from __future__ import annotations

from itertools import count

from plain_model.asking import Group
from plain_model.checking import checkers
from plain_model.policies import Fridge, Larder
from plain_model.pulling import Queue
from plain_model.record import Record
from plain_model.serving import Desk
from plain_model.stage import Moments, Process

from simcb.breaker import CircuitBreaker, Transition
from simcb.scenario.arrivals import Closed
from simcb.scenario.breakers import Breaker
from simcb.scenario.calls import Call
from simcb.scenario.faults import Flush
from simcb.scenario.model import Scenario
from simcb.world.clock import Order
from simcb.world.conditions import drawn_faults
from simcb.world.samplers import uniform
from simcb.world.streams import Streams, StreamTree

KINDS: dict[str, type[Group]] = {"backlog": Queue}


class PlainWorld:
    """One run.

    Args:
        scenario: what to simulate.
        seed, replicate: name the streams.
    """

    def __init__(self, scenario: Scenario, seed: int = 0, replicate: int = 0) -> None:
        self.env = Moments()
        self.scenario = scenario
        self.record = Record()
        # The turns of a replica that is just back, by its breaker: callers who share one count on.
        self.turns_since: dict[str, tuple[list[tuple[float, float]], int]] = {}
        self.stages = scenario.stages
        first = self.stages[0][1]
        scenario = scenario.model_copy(
            update={"clients": first.clients, "services": first.services}
        )
        self.env.process(self.changing())
        laws = [g.arrivals for _, stage in self.stages for g in stage.clients.values()]
        most_users = max((law.users for law in laws if isinstance(law, Closed)), default=0)
        self.streams = Streams(seed, replicate, most_users)
        faults = tuple(fault for _, fault in drawn_faults(scenario, self.streams))
        self.scenario = scenario.model_copy(update={"faults": faults})
        self.breakers: dict[str, CircuitBreaker] = {}
        self.guarding: dict[tuple[str, int], list[str]] = {}
        self.larders: dict[str, Larder] = {}
        self.fridges: dict[str, Fridge] = {}
        self.desks = {name: Desk(self, name) for name in sorted(scenario.services)}
        tree = StreamTree(self.streams, scenario.services)
        self.groups = [
            KINDS.get(scenario.clients[name].arrivals.kind, Group)(self, tree, name)
            for name in sorted(scenario.clients)
        ]
        for name, desk in self.desks.items():
            if desk.service.liveness is not None:
                for checker in checkers(self, name):
                    self.env.process(checker.checking())
        self.env.process(self.sampling())

    def run(self) -> Record:
        """Run to the scenario's end and return what happened."""
        self.env.run(until=self.scenario.duration)
        for name, breaker in self.breakers.items():
            now = breaker.snapshot()
            if now.admitted + now.rejected == 0:
                continue  # nobody asked it
            self.record.counters[name] = (
                now.admitted,
                now.rejected,
                now.successes,
                now.failures,
                now.ignored,
                now.stale,
            )
        return self.record

    def changing(self) -> Process:
        """Make what somebody changes while it runs."""
        for at, stage in self.stages[1:]:
            yield self.env.at(at, Order.CONDITIONS)
            self.scenario = stage.model_copy(update={"faults": self.scenario.faults})
            for group in self.groups:
                if stage.clients[group.name] != group.spec:
                    group.follow(stage.clients[group.name])
            for name, desk in self.desks.items():
                if stage.services[name] != desk.service:
                    desk.follow(stage.services[name])
            for name, kept in [*self.fridges.items(), *self.larders.items()]:
                kept.follow(call_in(stage, *name.split("->")))

    def ever(self, caller: str, name: str) -> list[Call]:
        """Return a call as it is at any time."""
        return [call_in(stage, caller, name) for _, stage in self.stages]

    def most_replicas(self, service: str) -> int:
        """Return the most replicas that a service has at any time."""
        return max(stage.services[service].most_replicas for _, stage in self.stages)

    def sampling(self) -> Process:
        """Write the state of every replica down at regular moments."""
        for nth in count():
            yield self.env.at(nth * self.scenario.sample_every, Order.SAMPLE)
            for desk in self.desks.values():
                for replica in desk.replicas:
                    workers = replica.workers
                    left = 0 if desk.is_away(replica) and not replica.present else workers.left
                    state = (replica.name, workers.waiting, workers.busy, left)
                    self.record.samples.append((self.env.now, *state))

    def breaker(self, name: str, policy: Breaker, service: str) -> CircuitBreaker:
        """Return the real breaker of that name, before a service, on this world's clock."""
        if name in self.breakers:
            return self.breakers[name]
        jitter = self.streams.column(f"breakers/{name}", "recovery", uniform)
        openings = count()

        kept: list[str] = []

        def write(change: Transition) -> None:
            states = (change.before.value, change.after.value)
            if policy.max_open is not None and change.after.value == "open":
                beside = self.desks[service].count + 1e-12
                now_open = self.open_beside(name, change.at)
                if name in now_open and len(now_open) > policy.max_open * beside:
                    kept.append(change.before.value)
                    self.breakers[name].reset()
                    return
            elif kept and change.reason.value == "reset":
                states = (kept.pop(), "closed")
            if states[0] != states[1]:
                self.record.transitions.append((change.at, name, *states))

        self.breakers[name] = CircuitBreaker(
            name,
            trip=policy.rules(),
            recovery=policy.recovery_policy(),
            half_open=policy.half_open_policy(),
            clock=lambda: self.env.now,
            random=lambda: jitter.at(next(openings)),
            listeners=(write,),
        )
        return self.breakers[name]

    def open_beside(self, name: str, now: float) -> list[str]:
        """Return which breakers of the same caller and service reject calls at a moment."""
        caller = name.rpartition(".")[0]
        like = [each for each in self.breakers if each.rpartition(".")[0] == caller]
        until = {each: self.breakers[each].snapshot().next_probe_at for each in like}
        return [each for each, moment in until.items() if moment is not None and moment > now]

    def fridge(self, name: str, service: str, call: Call) -> Fridge:
        """Return the cache that all callers of a kind have before a call."""
        if name not in self.fridges:
            caller = name.partition("->")[0]
            flushes = [
                (label, fault.share, [each for each in fault.windows if each[0] < each[1]])
                for label, fault in self.scenario.labelled_faults
                if isinstance(fault, Flush)
                and fault.service == service
                and (fault.link is None or fault.link[0] == caller)
            ]
            columns = {
                label: self.streams.column(f"caches/{name}", f"fault:{label}", uniform)
                for label, _, _ in flushes
            }
            assert call.cache is not None
            self.fridges[name] = Fridge(
                call.cache, flushes, lambda label, key: columns[label].at(key)
            )
        return self.fridges[name]

    def larder(self, name: str, call: Call) -> Larder:
        """Return the cache that all callers of a kind share for a call."""
        assert call.fallback is not None
        assert call.fallback.cache is not None
        return self.larders.setdefault(name, Larder(call.fallback.cache))


def call_in(stage: Scenario, caller: str, name: str) -> Call:
    """Return a call as it is in a stage."""
    if caller in stage.clients:
        return stage.clients[caller].calls[name]
    return stage.services[caller].calls[name]


def simulate_plainly(scenario: Scenario, seed: int = 0, replicate: int = 0) -> Record:
    """Run a scenario once the textbook way and return what happened."""
    return PlainWorld(scenario, seed, replicate).run()
