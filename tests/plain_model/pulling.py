"""Who pulls: a queue of messages and the consumers that work on them, each a process."""

from __future__ import annotations

from plain_model.asking import Group, Want
from plain_model.record import RequestRecord
from plain_model.stage import Process
from simpy import Event

from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario.arrivals import Backlog
from simcb.scenario.groups import ClientGroup
from simcb.world.clock import Order


class Queue(Group):
    """Messages and their consumers."""

    def begin(self) -> None:
        """Let what lies there from the start lie there, and messages and consumers come."""
        self.waiting: list[Want] = []
        self.idle: list[Event] = []
        self.taken = 0
        self.env.process(self.opening())
        self.env.process(self.passers_by())

    @property
    def law(self) -> Backlog:
        """How consumers pull at present."""
        law = self.spec.arrivals
        assert isinstance(law, Backlog)
        return law

    def opening(self) -> Process:
        """Put the first messages there, then let consumers begin."""
        yield self.env.at(0.0, Order.ASK)
        self.waiting += [self.produce(number) for number in range(self.first)]
        self.let_work()

    @property
    def first(self) -> int:
        """How many messages lie there from the start, which have the first numbers."""
        law = self.world.stages[0][1].clients[self.name].arrivals
        assert isinstance(law, Backlog)
        return law.initial

    def follow(self, spec: ClientGroup) -> None:
        """Pull in another way from now on."""
        super().follow(spec)
        self.let_work()

    def let_work(self) -> None:
        """Let consumers come, or come back, who have a place now."""
        for consumer in range(self.law.consumers):
            if consumer in self.away:
                self.away.pop(consumer).succeed()
            elif consumer >= self.came:
                self.env.process(self.consumer(consumer))
                self.came = consumer + 1

    def come(self, number: int) -> None:
        """Let a message be produced."""
        self.put(self.produce(self.first + number))

    def produce(self, number: int) -> Want:
        """Return a new message, which may get too old."""
        requests = self.world.record.requests
        row = RequestRecord(self.name, self.asked, self.env.now)
        want = Want(number, row, len(requests), self.env.event())
        self.asked += 1
        requests.append(row)
        if self.spec.deadline is not None:
            self.env.process(self.ageing(want, self.spec.deadline))
        return want

    def ageing(self, want: Want, deadline: float) -> Process:
        """Give a message up that is too old."""
        yield self.env.at(self.env.now + deadline, Order.EXPIRE)
        if not want.met.triggered:
            want.row.cause = AttemptOutcome.ABANDONED
            want.close(RequestOutcome.FAILED, self.env.now)

    def put(self, want: Want) -> None:
        """Put a message behind all that wait, and tell who has waited longest for one."""
        self.waiting.append(want)
        self.env.process(self.telling())

    def telling(self) -> Process:
        """Tell idle consumers of the messages, one after the other, until each is taken once."""
        left = len([want for want in self.waiting if not want.met.triggered])
        while self.idle and self.waiting and left:
            before = self.taken
            self.idle.pop(0).succeed()
            yield self.env.last()
            left -= self.taken - before

    def consumer(self, consumer: int) -> Process:
        """Take one message after the other."""
        while True:
            law, env = self.law, self.env
            if consumer >= law.consumers:
                self.away[consumer] = env.event()
                yield self.away[consumer]
                continue
            while self.waiting and self.waiting[0].met.triggered:
                self.waiting.pop(0)
            if not self.waiting:
                self.idle.append(env.event())
                yield self.idle[-1]
                continue
            sites = self.instances[consumer % len(self.instances)].sites
            if law.pause_when is not None and any(site.is_open() for site in sites):
                yield env.at(env.now + law.poll, Order.ASK)
                continue
            want = self.waiting.pop(0)
            self.taken += 1
            yield from self.deliver(want, consumer)

    def deliver(self, want: Want, consumer: int) -> Process:
        """Work on a message once; it is done, hidden for a while, put back, or a dead letter."""
        env = self.env
        want.row.presses += 1
        over = env.event()
        env.process(self.working(want, consumer, over))
        yield env.any_of([over, want.met])
        law, wait = self.law, 0.0
        if not want.met.triggered:
            if want.row.cause is AttemptOutcome.REJECTED and law.pause_when is not None:
                want.row.presses -= 1
                self.waiting.insert(0, want)
                wait = law.poll
            elif law.redeliver is not None and want.row.presses <= law.redeliver.times:
                env.process(self.hidden(want, law.redeliver.after))
            else:
                want.close(RequestOutcome.FAILED, env.now)
        yield env.at(env.now + wait, Order.ASK)

    def hidden(self, want: Want, after: float) -> Process:
        """Put a message back after a while."""
        yield self.env.at(self.env.now + after, Order.ASK)
        if not want.met.triggered:
            self.put(want)

    def working(self, want: Want, consumer: int, over: Event) -> Process:
        """Make the calls of a message once."""
        answer = yield from self.once(want, self.instances[consumer % len(self.instances)])
        if answer is None:
            return
        want.row.cause = answer.outcome
        if answer.outcome is AttemptOutcome.OK:
            outcome = RequestOutcome.DEGRADED if answer.degraded else RequestOutcome.OK
            want.close(outcome, self.env.now)
        else:
            over.succeed()
