"""Who answers: services, their replicas, and a process for every job that reaches one."""

from __future__ import annotations

from collections.abc import Generator
from math import inf
from typing import TYPE_CHECKING

from plain_model import conditions
from plain_model.calling import Caller
from plain_model.conditions import Window
from plain_model.policies import Door
from plain_model.scaling import Scaler
from plain_model.stage import Answer, Errand, Job, Process, Seat, Workers
from simpy import Event

from simcb.outcomes import AttemptOutcome
from simcb.scenario.faults import Cold, Restart
from simcb.scenario.model import Balance, OnAbandon, Service
from simcb.scenario.scaling import Measured
from simcb.world.clock import Order
from simcb.world.streams import AttemptStreams

if TYPE_CHECKING:
    from plain_model.checking import Question
    from plain_model.model import PlainWorld

OK = AttemptOutcome.OK
ERROR = AttemptOutcome.ERROR
REFUSED = AttemptOutcome.REFUSED
THROTTLED = AttemptOutcome.THROTTLED


class Replica:
    """One process of a service.

    Attributes:
        inside: the jobs that a worker has taken and that are not answered, oldest first.
        served: how many good answers it has given.
    """

    def __init__(self, world: PlainWorld, name: str, number: int) -> None:
        self.world = world
        self.env = world.env
        self.name = f"{name}.{number}"
        self.service: Service = world.scenario.services[name]
        self.faults = conditions.faults_on(world.scenario, name, number)
        self.drops = self.service.on_abandon is not OnAbandon.FINISH
        self.stops = self.service.on_abandon is OnAbandon.STOP
        most = max(stage.services[name].workers for _, stage in world.stages)
        self.workers = Workers(world.env, self.service, most)
        self.crew = [(at, stage.services[name].workers) for at, stage in world.stages]
        self.workers.leave(self.workers_left())
        self.door = Door(self.service.admit)
        self.inside: list[Job] = []
        self.served = 0
        self.served_before: dict[tuple[str, Window], int] = {}
        self.questions: list[Question] = []
        self.workers.granting = self.answer_questions
        self.worked: list[list[float]] = []
        self.held: list[list[float]] = []
        self.full_since: float | None = None
        self.down_until = -inf
        self.workers.told = self.look
        self.caller = Caller(world, name, number, self.service)
        self.expect_faults()

    # -- What happens to it --

    def expect_faults(self) -> None:
        """Start a process for every moment at which a fault does something by itself."""
        env, until = self.env, self.world.scenario.duration
        moments = {*conditions.capacity_moments(self.faults), *(at for at, _ in self.crew[1:])}
        for moment in sorted(moments):
            if moment < until:
                env.process(self.change_capacity(moment))
        for label, around in conditions.beginnings(self.faults, Cold, until):
            env.process(self.go_cold(label, around))
        for _, (start, _) in conditions.beginnings(self.faults, Restart, until):
            env.process(self.restart(start))

    def workers_left(self) -> int:
        """Return how many workers it has at this moment."""
        return conditions.workers_left(self.faults, self.crew, self.env.now)

    def follow(self, service: Service) -> None:
        """Serve in another way from now on."""
        self.service = service
        self.workers.limit = service.queue.limit
        self.door.follow(service.admit, self.env.now)
        self.caller.follow(service)

    def change_capacity(self, moment: float) -> Process:
        """Take workers away, or give them back, as the faults say."""
        yield self.env.at(moment, Order.CONDITIONS)
        self.workers.leave(self.workers_left())

    def go_cold(self, label: str, around: Window) -> Process:
        """Begin to count what warms it up."""
        yield self.env.at(around[0], Order.CONDITIONS)
        self.served_before[label, around] = self.served

    def served_since(self, label: str, around: Window) -> int:
        """Return how many good answers it has given since a window began."""
        # Nothing can have been served between the window's very beginning and its process.
        return self.served - self.served_before.get((label, around), self.served)

    def restart(self, moment: float) -> Process:
        """Start anew at some moment."""
        yield self.env.at(moment, Order.CONDITIONS)
        self.start_anew()

    def look(self) -> None:
        """See whether it has become full, or is no longer; one that stays full falls."""
        crash, workers = self.service.crash, self.workers
        if crash is None:
            return
        # A worker that is let go is held at once by whoever waits, unless a fault takes it.
        load = min(workers.busy + workers.waiting, max(workers.busy, workers.left))
        if load == 0 or load < crash.above * workers.left - 1e-9:
            self.full_since = None
        elif self.full_since is None:
            self.full_since = since = self.env.now
            alarm = self.env.at(since + crash.lasts, Order.CONDITIONS)
            assert alarm.callbacks is not None
            alarm.callbacks.append(lambda _: self.fall(since, crash.restart))

    def fall(self, since: float, lasts: float) -> None:
        """Start anew, if it has been full since then."""
        if self.full_since == since:
            self.down_until = self.env.now + lasts
            self.start_anew()

    def hear(self, question: Question) -> None:
        """Take a health check in, unless nobody listens or it is lost."""
        now = self.env.now
        if self.is_down() or conditions.refuses(self.faults, now, question):
            return
        if conditions.loses(self.faults, now, question):
            return
        question.before = [
            seat.job for seat in self.workers.queue if seat.job is not None and not seat.triggered
        ]
        self.questions.append(question)
        self.answer_questions(None)

    def answer_questions(self, getting: Job | None) -> None:
        """Let health checks have the worker that somebody is about to get, or one that is free."""
        if getting is not None or self.workers.count < self.workers.capacity:
            for question in self.questions:
                question.look(self, getting)

    def is_down(self) -> bool:
        """Tell whether it is about to start anew."""
        now = self.env.now
        restarts = [fault for _, fault in self.faults if isinstance(fault, Restart)]
        return now < self.down_until or any(conditions.window(each, now) for each in restarts)

    def busy_between(self, since: float, until: float) -> float:
        """Return the worker-seconds that lie between two moments, the second not after now."""
        scale = self.service.scale
        held = scale is not None and scale.measure is Measured.HELD
        spells = [(begin, min(end, until)) for begin, end in (self.held if held else self.worked)]
        return sum(max(0.0, end - max(begin, since)) for begin, end in spells)

    def start_anew(self) -> None:
        """Lose the queue and all work; callers then see their connections break."""
        for question in self.questions:
            if question.good_at > self.env.now:
                question.open, question.good_at = False, inf
        lost = [*self.inside, *self.workers.clear_queue()]
        for job in lost:
            job.cut.succeed()
            if job not in self.inside:
                self.door.lets_out(self.env.now, job.row.arrive, good=False)
        for job in lost:
            self.env.process(self.reply(job, Answer(ERROR)))

    def deserted(self, job: Job) -> bool:
        """Learn at once that a job's caller has gone, and tell whether anything comes of it."""
        cut = self.drops and self.workers.send_away(job)
        if cut:
            self.door.lets_out(self.env.now, job.row.arrive, good=False)
        cut |= self.stops and job in self.inside
        if cut:
            job.cut.succeed()
        return cut

    @property
    def present(self) -> int:
        """How many jobs it has, waiting for a worker or taken by one."""
        return len(self.inside) + self.workers.waiting

    # -- What it does for a job --

    def serve(self, job: Job) -> Process:
        """Take a job in from the network, work on it, make the calls it takes, and answer."""
        env, row = self.env, job.row
        if job.call.network is not None:
            yield env.at(env.now + job.streams.send.at(job.number), Order.ASK)
        row.arrive = env.now
        refused = conditions.refuses(self.faults, env.now, job) or env.now < self.down_until
        if not refused and job.deserted and self.drops:
            row.dropped, row.freed = True, env.now
            return
        let_in = not refused and self.door.lets_in(env.now, self.present)
        throttled = not refused and not let_in
        full = let_in and self.workers.full
        if full and self.workers.by_priority:
            seat = self.workers.displaced_by(job)
            if seat is None:
                throttled = True
            else:
                assert seat.job is not None
                seat.cancel()
                self.door.lets_out(env.now, env.now, good=False)
                seat.job.displaced = True
                seat.job.cut.succeed()
                full = False
        if let_in and (throttled or full):
            self.door.lets_out(env.now, env.now, good=False)
        if refused or throttled or full:
            row.freed, row.throttled = env.now, throttled
            answer = Answer(REFUSED)
            if throttled:
                answer = Answer(THROTTLED, retry_after=self.door.retry_after)
            yield from self.reply(job, answer)
            return
        seat = self.workers.seat_for(job)
        yield seat | job.cut
        if job.displaced or job.thrown_out:
            row.throttled, row.freed = True, env.now
            if job.thrown_out:
                # Whoever has set the worker free goes on first.
                yield env.last()
            answer = Answer(THROTTLED, retry_after=self.door.retry_after)
            yield from self.reply(job, answer)
            return
        if job.cut.triggered:
            row.dropped, row.freed = True, env.now
            return
        row.begin = env.now
        self.inside.append(job)
        self.held.append([env.now, inf])
        job.held = self.held[-1]
        result = yield from self.work(job, seat)
        self.inside.remove(job)
        good = None if result is not None and result.outcome is ERROR else result is not None
        self.door.lets_out(env.now, row.arrive, good)
        if result is not None and result.outcome is OK:
            self.served += 1
        if seat in self.workers.users:
            yield from self.let_go(job, seat)
        if job.cut.triggered:
            row.dropped = True
        elif result is not None:
            row.degraded = result.outcome is OK and result.degraded
            yield from self.reply(job, result)

    def work(self, job: Job, seat: Seat) -> Generator[Event, None, Answer | None]:
        """Work on a job that has a worker; return the answer, None if there will be none."""
        env, number, service = self.env, job.number, self.service
        work = job.streams.work.at(number) + service.contention * seat.company
        work = conditions.work_with(self.faults, env.now, job, work, self.served_since)
        fails = conditions.fails(self.faults, env.now, job)
        fails |= job.streams.errors.at(number) < service.errors
        while (until := conditions.hung_until(self.faults, env.now, job)) > env.now:
            job.row.hung = True
            yield env.at(until, Order.CONDITIONS) | job.cut
            if job.cut.triggered:
                return None
        if job.row.hung:
            return None
        begun = env.now
        done = conditions.done_at(self.faults, self.crew, env.now, work)
        spell = [begun, inf]
        self.worked.append(spell)
        yield env.at(done, Order.DONE) | job.cut
        spell[1] = env.now
        if job.cut.triggered:
            return None
        if fails:
            return Answer(ERROR)
        if not service.blocking and self.caller.sites:
            yield from self.let_go(job, seat)
        errand = Errand(number, job.row.request, job.place, job.cut)
        begun = env.now
        result = yield from self.caller.make_calls(errand, job.streams.calls)
        if job.cut.triggered:
            return None
        if env.now > begun and seat in self.workers.users:
            # A part of a worker does no more by waiting than by working.
            held = conditions.done_at(self.faults, self.crew, begun, env.now - begun, pausing=False)
            if held > env.now:
                yield env.at(held, Order.DONE) | job.cut
                if job.cut.triggered:
                    return None
        return result if result.outcome is OK else Answer(ERROR)

    def let_go(self, job: Job, seat: Seat) -> Process:
        """Release a job's worker; the next who waits begins before the job goes on."""
        job.row.freed = job.held[1] = self.env.now
        self.workers.release(seat)
        yield self.env.timeout(0)

    def reply(self, job: Job, answer: Answer) -> Process:
        """Send an answer back, for whom it may still concern."""
        if job.call.network is not None and not job.deserted:
            yield self.env.at(self.env.now + job.streams.reply.at(job.number), Order.DONE)
        if not job.answer.triggered:
            job.answer.succeed(answer)
        yield from ()


class Desk:
    """A service's replicas behind a balancer."""

    def __init__(self, world: PlainWorld, name: str) -> None:
        self.service = world.scenario.services[name]
        most = world.most_replicas(name)
        self.replicas = [Replica(world, name, number) for number in range(most)]
        self.count = self.service.first_replicas
        self.turn = 0
        if self.service.scale is not None:
            world.env.process(Scaler(world, self, name).scaling())

    def follow(self, service: Service) -> None:
        """Have another number of replicas in rotation, which serve in another way."""
        self.service = service
        if service.scale is None:
            self.rotate(service.replicas)
        for replica in self.replicas:
            replica.follow(service)

    def rotate(self, count: int) -> None:
        """Have so many replicas in rotation, the first ones."""
        self.count = count
        self.turn = self.turn if self.turn < count else 0

    def is_away(self, replica: Replica) -> bool:
        """Tell whether a replica is out of rotation."""
        return self.replicas.index(replica) >= self.count

    def in_turn(self) -> list[int]:
        """Return the replicas' numbers, the one whose turn it is first."""
        return [(self.turn + offset) % self.count for offset in range(self.count)]

    def choice(self, streams: AttemptStreams, number: int) -> int:
        """Return the number of the replica that an attempt should go to."""
        match self.service.balance:
            case Balance.ROUND_ROBIN:
                return self.turn
            case Balance.RANDOM:
                return int(streams.balance.at(number) * self.count)
            case Balance.LEAST_BUSY:
                return min(self.in_turn(), key=self.load)

    def load(self, number: int) -> int:
        """Return how many jobs a replica has, in work or waiting."""
        workers = self.replicas[number].workers
        return workers.busy + workers.waiting

    def take(self, number: int) -> Replica:
        """Return a replica; the one after it is next."""
        self.turn = (number + 1) % self.count if number < self.count else 0
        return self.replicas[number]
