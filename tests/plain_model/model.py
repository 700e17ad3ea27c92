"""The processes of the plain model: users, calls, attempts, and the workers that serve them.

Everything happens by `yield`, in the order in which a reader would tell it.
"""

from __future__ import annotations

from collections.abc import Generator

from plain_model import conditions
from plain_model.backoff import backoff
from plain_model.record import AttemptRecord, Record, RequestRecord
from plain_model.stage import Answer, Answering, Caller, Desk, Errand, Moments, Replica
from simpy import Event

from simcb.breaker import CircuitBreaker, CircuitOpenError, Permit, Transition
from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario.calls import Call
from simcb.scenario.faults import Surge
from simcb.scenario.model import Scenario
from simcb.world.arrivals import arrival_times
from simcb.world.clock import Order
from simcb.world.conditions import spells_of
from simcb.world.luck import AttemptLuck, CallLuck, Root, Tree
from simcb.world.streams import Streams

OK = AttemptOutcome.OK
ERROR = AttemptOutcome.ERROR
TIMEOUT = AttemptOutcome.TIMEOUT
REFUSED = AttemptOutcome.REFUSED
REJECTED = AttemptOutcome.REJECTED
ABANDONED = AttemptOutcome.ABANDONED


class PlainWorld:
    """One run.

    Args:
        scenario: what to simulate.
        seed, replicate: name the luck.
    """

    def __init__(self, scenario: Scenario, seed: int = 0, replicate: int = 0) -> None:
        self.env = Moments()
        self.scenario = scenario
        self.record = Record()
        self.streams = Streams(seed, replicate)
        tree = Tree(self.streams, scenario.services)
        self.roots = {name: Root(tree, f"clients/{name}", None) for name in scenario.clients}
        self.press_luck: dict[tuple[str, int], tuple[CallLuck, ...]] = {}
        self.breakers: dict[str, CircuitBreaker] = {}
        self.callers = {
            name: Caller(self, name, name, group) for name, group in scenario.clients.items()
        }
        self.desks = {name: Desk(self, name) for name in sorted(scenario.services)}
        for desk in self.desks.values():
            for replica in desk.replicas:
                self.env.process(self.capacity(replica))
        for name in sorted(scenario.clients):
            self.env.process(self.arrivals(name))
        self.env.process(self.sampling())

    def run(self) -> Record:
        """Run to the scenario's end and return what happened."""
        self.env.run(until=self.scenario.duration)
        for name, breaker in self.breakers.items():
            now = breaker.snapshot()
            self.record.counters[name] = (
                now.admitted,
                now.rejected,
                now.successes,
                now.failures,
                now.ignored,
                now.stale,
            )
        return self.record

    def make_breaker(self, name: str, call: Call) -> CircuitBreaker:
        """Make the real breaker, on this world's clock."""
        assert call.breaker is not None

        def write(change: Transition) -> None:
            states = (change.before.value, change.after.value)
            self.record.transitions.append((change.at, name, *states))

        self.breakers[name] = CircuitBreaker(
            name,
            failure_threshold=call.breaker.failure_threshold,
            recovery_timeout=call.breaker.recovery_timeout,
            clock=lambda: self.env.now,
            listeners=(write,),
        )
        return self.breakers[name]

    # -- What happens by itself --

    def capacity(self, replica: Replica) -> Generator[Event, None, None]:
        """Take a replica's workers away and give them back as its faults say."""
        for moment in conditions.capacity_moments(replica.faults):
            yield self.env.at(moment, Order.CONDITIONS)
            workers = replica.service.workers
            replica.workers.leave(conditions.workers_left(replica.faults, workers, self.env.now))

    def sampling(self) -> Generator[Event, None, None]:
        """Write the state of every replica down at regular moments."""
        count = 0
        while True:
            yield self.env.at(count * self.scenario.sample_every, Order.SAMPLE)
            for desk in self.desks.values():
                for replica in desk.replicas:
                    workers = replica.workers
                    left = workers.capacity - len(workers.taken)
                    state = (replica.name, workers.waiting, workers.busy, left)
                    self.record.samples.append((self.env.now, *state))
            count += 1

    # -- Who asks --

    def arrivals(self, name: str) -> Generator[Event, None, None]:
        """Let a group's users come."""
        group = self.scenario.clients[name]
        surges = [
            spell
            for spell in spells_of(self.scenario.labelled_faults, self.scenario.duration)
            if isinstance(spell.fault, Surge) and spell.fault.on == name
        ]
        until = self.scenario.duration
        moments = arrival_times(group.arrivals, surges, self.streams, f"clients/{name}", until)
        for number, moment in enumerate(moments):
            yield self.env.at(moment, Order.ASK)
            self.env.process(self.user(name, number))

    def user(self, name: str, number: int) -> Generator[Event, None, None]:
        """Ask, and ask again whenever the last press has brought nothing for too long."""
        refresh = self.scenario.clients[name].refresh
        want = RequestRecord(name, number, self.env.now)
        errand = Errand(number, len(self.record.requests), -1, self.env.event())
        self.record.requests.append(want)
        under_way: list[int] = []
        while True:
            under_way.append(want.presses)
            self.env.process(self.press(want, errand, want.presses, under_way))
            want.presses += 1
            if refresh is None or want.presses > refresh.times:
                return
            assert errand.over is not None
            yield errand.over | self.env.at(self.env.now + refresh.after, Order.ASK)
            if errand.over.triggered:
                return

    def press(
        self, want: RequestRecord, errand: Errand, nth: int, under_way: list[int]
    ) -> Generator[Event, None, None]:
        """Make the calls of a request once; the first press with an answer ends the want."""
        caller = self.callers[want.group]
        if (want.group, nth) not in self.press_luck:
            path = f"clients/{want.group}/{nth}"
            luck = self.roots[want.group].calls(path, caller.calls)
            self.press_luck[want.group, nth] = luck
        answer = yield from self.calls(caller, self.press_luck[want.group, nth], errand)
        if answer.outcome is ABANDONED:
            return
        under_way.remove(nth)
        want.cause = answer.outcome
        if answer.outcome is OK:
            want.outcome = RequestOutcome.DEGRADED if answer.degraded else RequestOutcome.OK
        elif under_way:
            return
        else:
            want.outcome = RequestOutcome.FAILED
        want.end = self.env.now
        assert errand.over is not None
        errand.over.succeed()

    # -- How they ask: fallback( retry( breaker( timeout( service )))) --

    def calls(self, caller: Caller, luck: tuple[CallLuck, ...], errand: Errand) -> Answering:
        """Make a caller's calls in turn, until one fails for good."""
        degraded = False
        for (service, call), node in zip(caller.calls.items(), luck, strict=True):
            answer = yield from self.call(caller, service, call, node, errand)
            degraded |= answer.degraded
            if answer.outcome is not OK:
                return answer
        return Answer(OK, degraded)

    def call(
        self, caller: Caller, service: str, call: Call, luck: CallLuck, errand: Errand
    ) -> Answering:
        """Make one call: try, try again, and fall back."""
        answer = yield from self.attempt(caller, service, call, luck.attempt(0), errand, 0)
        wait: float | None = None
        retries = 0 if call.retry is None else call.retry.max_retries
        for retry in range(1, retries + 1):
            assert call.retry is not None
            if answer.outcome not in call.retry.on:
                break
            lot = luck.attempt(retry - 1).jitter.at(errand.number)
            wait = backoff(call.retry, retry, wait, lot)
            if wait > 0:
                again = self.env.at(self.env.now + wait, Order.ASK)
                yield again if errand.over is None else again | errand.over
                if errand.over is not None and errand.over.triggered:
                    return Answer(ABANDONED)
            answer = yield from self.attempt(
                caller, service, call, luck.attempt(retry), errand, retry
            )
        if answer.outcome in (OK, ABANDONED) or call.fallback is None:
            return answer
        stored = luck.fallback.at(errand.number) < call.fallback.hit_rate
        return Answer(OK, degraded=True) if stored else answer

    def attempt(
        self,
        caller: Caller,
        service: str,
        call: Call,
        luck: AttemptLuck,
        errand: Errand,
        retry: int,
    ) -> Answering:
        """Try once: through the breaker to a replica, and wait for whatever comes first."""
        env = self.env
        name = f"{caller.kind}->{service}"
        row = AttemptRecord(errand.request, errand.parent, name, retry, env.now)
        place = len(self.record.attempts)
        self.record.attempts.append(row)
        permit, breaker, replica = self.admit(caller, service)
        if breaker is not None:
            row.breaker = breaker.name
        if replica is None:
            row.outcome, row.end = REJECTED, env.now
            return Answer(REJECTED)
        row.replica = replica.name
        degraded = False
        if not self.takes_in(replica, luck, errand.number):
            row.outcome = REFUSED
        else:
            answer = env.event()
            env.process(self.serve(replica, row, place, luck, errand, answer))
            waits = [answer]
            if call.timeout is not None:
                waits.append(env.at(env.now + call.timeout, Order.EXPIRE))
            if errand.over is not None:
                waits.append(errand.over)
            yield env.any_of(waits)
            if answer.triggered:
                row.outcome, degraded = answer.value
            elif errand.over is not None and errand.over.triggered:
                row.outcome = ABANDONED
            else:
                row.outcome = TIMEOUT
        row.end = env.now
        if permit is not None:
            if row.outcome is OK:
                permit.success()
            elif row.outcome is ABANDONED:
                permit.ignore()
            else:
                permit.failure()
        return Answer(row.outcome, degraded)

    def admit(
        self, caller: Caller, service: str
    ) -> tuple[Permit | None, CircuitBreaker | None, Replica | None]:
        """Ask the breakers; return the permit, who gave or refused it, and where to send."""
        desk = self.desks[service]
        breakers = caller.breakers.get(service)
        if breakers is None:
            return None, None, desk.take(desk.turn)
        breaker = None
        # One breaker for the service stands before the replica whose turn it is.
        candidates = desk.in_turn() if caller.calls[service].breaker.per_replica else [desk.turn]  # type: ignore[union-attr]
        for number in candidates:
            breaker = breakers[number if len(breakers) > 1 else 0]
            try:
                return breaker.acquire(), breaker, desk.take(number)
            except CircuitOpenError:
                continue
        return None, breaker, None

    # -- Who answers --

    def takes_in(self, replica: Replica, luck: AttemptLuck, number: int) -> bool:
        """Tell whether a replica lets an attempt in, to work or to wait."""
        if conditions.refuses(replica.faults, self.env.now, lambda label: luck.lot(label, number, False)):
            return False
        workers, limit = replica.workers, replica.service.queue.limit
        return limit is None or workers.count < workers.capacity or workers.waiting < limit

    def serve(
        self,
        replica: Replica,
        row: AttemptRecord,
        place: int,
        luck: AttemptLuck,
        errand: Errand,
        answer: Event,
    ) -> Generator[Event, None, None]:
        """Hold a worker for the work and for the calls it takes, then answer.

        The service never learns that its caller has gone. What a hang has caught is never
        answered: its worker is held until no hang holds it any more.
        """
        env, number = self.env, errand.number

        def lot(label: str) -> float:
            return luck.lot(label, number, False)

        with replica.workers.request() as turn:
            yield turn
            row.begin = env.now
            work = conditions.work_with(replica.faults, env.now, lot, luck.work.at(number))
            fails = conditions.fails(replica.faults, env.now, lot)
            fails |= luck.errors.at(number) < replica.service.errors
            while (until := conditions.hung_until(replica.faults, env.now, lot)) > env.now:
                row.hung = True
                yield env.at(until, Order.CONDITIONS)
            if row.hung:
                row.freed = env.now
                return
            yield env.at(env.now + work, Order.DONE)
            result = Answer(ERROR if fails else OK)
            if not fails:
                inner = Errand(number, errand.request, place, None)
                result = yield from self.calls(replica.caller, luck.calls, inner)
            row.freed = env.now
        if result.outcome is OK:
            row.degraded = result.degraded
            answer.succeed(result)
        else:
            answer.succeed(Answer(ERROR))


def simulate_plainly(scenario: Scenario, seed: int = 0, replicate: int = 0) -> Record:
    """Run a scenario once the textbook way and return what happened."""
    return PlainWorld(scenario, seed, replicate).run()
