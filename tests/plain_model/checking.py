"""Health checks by the book: a question now and then, and what is made of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from plain_model import conditions
from plain_model.stage import Job, Process
from simpy import Event

from simcb.scenario.calls import Call
from simcb.world.clock import Order
from simcb.world.streams import AttemptStreams, GroupStreams, StreamTree

if TYPE_CHECKING:
    from plain_model.model import PlainWorld
    from plain_model.record import AttemptRecord
    from plain_model.serving import Replica


class Question(Job):
    """A check at the replica that it asks.

    Attributes:
        before: who waited there when it came.
        good_at: when it has its answer, inf for never.
    """

    def __init__(self, caller: str, streams: AttemptStreams, number: int, nothing: Event) -> None:
        row: AttemptRecord = None  # type: ignore[assignment]
        super().__init__(row, -1, caller, Call(), streams, number, nothing, nothing)
        self.before: list[Job] = []
        self.open = True
        self.good_at = inf

    def look(self, replica: Replica, getting: Job | None) -> None:
        """Have a worker if one is free, or about to go to `getting`, and nobody was before."""
        workers, now = replica.workers, replica.env.now
        waiting = {id(seat.job) for seat in workers.queue if not seat.triggered}
        waiting |= set() if getting is None else {id(getting)}
        if not self.open or any(id(job) in waiting for job in self.before):
            return
        self.open = False
        faults, service = replica.faults, replica.service
        work = self.streams.work.at(self.number)
        work = conditions.work_with(faults, now, self, work, replica.served_since)
        bad = conditions.fails(faults, now, self) or conditions.hung_until(faults, now, self) > now
        if not bad and self.streams.errors.at(self.number) >= service.errors:
            self.good_at = conditions.done_at(faults, replica.crew, now, work)


class Checker:
    """Asks on behalf of one replica, and lets that start anew.

    Args:
        world: where it lives.
        name, place: the replica.
        streams: where the questions' draws come from.
    """

    def __init__(self, world: PlainWorld, name: str, place: int, streams: AttemptStreams) -> None:
        self.world, self.name, self.place, self.streams = world, name, place, streams
        self.wrong = 0

    def checking(self) -> Process:
        """Ask again and again."""
        env, desk = self.world.env, self.world.desks[self.name]
        own, many = desk.replicas[self.place], len(desk.replicas)
        spec = desk.service.liveness
        assert spec is not None
        nth = 0
        while True:
            yield env.at((nth + (self.place + 1) / many) * spec.every, Order.CONDITIONS)
            if desk.is_away(own) or own.is_down():
                self.wrong = 0
            else:
                others = self.world.desks[spec.asks]
                asked = others.replicas[(nth + self.place) % others.count]
                question = Question(self.name, self.streams, nth * many + self.place, env.event())
                asked.hear(question)
                end = env.at(env.now + spec.timeout, Order.CONDITIONS)
                assert end.callbacks is not None
                since = env.now
                end.callbacks.append(lambda _, q=question, a=asked, t=since: self.judge(q, a, t))
            nth += 1

    def judge(self, question: Question, asked: Replica, since: float) -> None:
        """Count how a question came out."""
        desk = self.world.desks[self.name]
        own, spec = desk.replicas[self.place], desk.service.liveness
        assert spec is not None
        question.open = False
        if question in asked.questions:
            asked.questions.remove(question)
        if (
            desk.is_away(own)
            or own.is_down()
            or own.down_until > since
            or question.good_at <= self.world.env.now
        ):
            self.wrong = 0
        else:
            self.wrong += 1
        if self.wrong == spec.failures:
            self.wrong = 0
            own.down_until = self.world.env.now + spec.restart
            own.start_anew()


def checkers(world: PlainWorld, name: str) -> Iterator[Checker]:
    """Yield one for each replica of a service."""
    desk = world.desks[name]
    spec = desk.service.liveness
    assert spec is not None
    path = f"services/{name}/liveness"
    tree = StreamTree(world.streams, world.scenario.services)
    (calls,) = GroupStreams(tree, path, None).calls(path, {spec.asks: Call()})
    for place in range(len(desk.replicas)):
        yield Checker(world, name, place, calls.attempt(0))
