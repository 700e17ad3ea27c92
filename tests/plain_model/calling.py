"""Who calls: the processes of client groups and services, and their policies for each call.

Order: fallback( retry( breaker( bulkhead( timeout( network and service ))))), the throttle
in the breaker's place; a breaker `around: request` stands outside the retries, and a fallback
`around: attempt` inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from plain_model import conditions
from plain_model.adapting import heard
from plain_model.backoff import backoff
from plain_model.policies import Adaptive, Flight, Places, Purse, Turns, turns_after
from plain_model.record import AttemptRecord
from plain_model.stage import Answer, Answering, Errand, Job, Process
from simpy import Event
from simpy import Process as Running

from simcb.breaker import CircuitBreaker, CircuitOpenError, CircuitState, Permit
from simcb.outcomes import AttemptOutcome
from simcb.scenario.breakers import Around
from simcb.scenario.calls import Call
from simcb.scenario.groups import ClientGroup
from simcb.scenario.model import Service
from simcb.scenario.retries import Budget, TokenBucket
from simcb.world.clock import Order
from simcb.world.streams import AttemptStreams, CallStreams

if TYPE_CHECKING:
    from plain_model.model import PlainWorld
    from plain_model.serving import Replica

OK = AttemptOutcome.OK
TIMEOUT = AttemptOutcome.TIMEOUT
REJECTED = AttemptOutcome.REJECTED
SHED = AttemptOutcome.SHED
ABANDONED = AttemptOutcome.ABANDONED


class NoPermit:
    """What stands in a permit's place where no breaker was asked."""

    def success(self) -> None:
        """Tell nobody."""

    def failure(self, *, retry_after: float | None = None) -> None:
        """Tell nobody."""

    def ignore(self) -> None:
        """Tell nobody."""


class Caller:
    """A process that makes calls: an instance of a client group, or a replica of a service.

    Args:
        world: where it lives.
        kind: the name of all its like.
        number: which of them it is, None if there is only one.
        spec: what it is in the file.
    """

    def __init__(
        self, world: PlainWorld, kind: str, number: int | None, spec: ClientGroup | Service
    ) -> None:
        title = kind if number is None else f"{kind}.{number}"
        self.sites = [Site(world, kind, title, *call) for call in spec.calls.items()]

    def follow(self, spec: ClientGroup | Service) -> None:
        """Make the calls in another way from now on."""
        for site in self.sites:
            if spec.calls[site.label] != site.call:
                site.follow(spec.calls[site.label])

    def make_calls(self, errand: Errand, streams: Sequence[CallStreams]) -> Answering:
        """Make the calls in turn, until one fails for good."""
        degraded = False
        for site, node in zip(self.sites, streams, strict=True):
            answer = yield from site.make(errand, node)
            degraded |= answer.degraded
            if answer.outcome is not OK:
                return answer
        return Answer(OK, degraded)


def hedge_budget(call: Call) -> Budget | None:
    """Return what limits the hedges of a call; None for nothing."""
    ratio = 0.0 if call.hedge is None else call.hedge.budget
    return None if ratio is None else TokenBucket(ratio=ratio, burst=10.0)


class Site:
    """What one caller does about one service, and what it has of its own for that.

    Args:
        world: where it lives.
        kind, title: the caller's name, shared with all its like and its own.
        name: what the call is called.
        call: how.
    """

    def __init__(self, world: PlainWorld, kind: str, title: str, name: str, call: Call) -> None:
        self.world = world
        self.env = world.env
        self.kind = kind
        service = self.service = call.target(name)
        self.label, self.name = name, f"{kind}->{name}"
        self.call = call
        self.breakers: list[CircuitBreaker] = []
        if any(each.breaker and each.breaker.enabled for each in world.ever(kind, name)):
            assert call.breaker is not None
            owner = kind if call.breaker.shared else title
            replicas = range(world.most_replicas(service))
            guarded = [f"{name}.{number}" for number in replicas]
            self.breakers = [
                world.breaker(f"{owner}->{what}", call.breaker, service)
                for what in (guarded if call.breaker.per_replica else [call.breaker.group or name])
            ]
            for number, breaker in enumerate(self.breakers if call.breaker.per_replica else ()):
                guarding = world.guarding.setdefault((service, number), [])
                guarding += [] if breaker.name in guarding else [breaker.name]
        outside = call.breaker is not None and call.breaker.around is Around.REQUEST
        self.outer_breaker = self.breakers.pop() if outside and self.breakers else None
        self.purse = Purse(None if call.retry is None else call.retry.budget)
        self.hedges = Purse(hedge_budget(call))
        self.throttle = None if call.throttle is None else Adaptive(call.throttle)
        self.turns: Turns | None = turns_after(None, call.rate_limit, 0.0)
        limit, replicas = call.bulkhead, world.most_replicas(service)
        many = 0 if limit is None else replicas if limit.per_replica else 1
        self.places = [Places(world.env, limit) for _ in range(many)]
        cached = call.fallback is not None and call.fallback.cache is not None
        self.fridge = world.fridge(self.name, service, call) if call.cache else None
        self.flights: dict[float, Flight] = {}
        self.larder = world.larder(self.name, call) if cached else None

    def follow(self, call: Call) -> None:
        """Ask in another way from now on."""
        self.call = call
        self.purse.follow(None if call.retry is None else call.retry.budget)
        self.hedges.follow(hedge_budget(call))
        if call.throttle is None or self.throttle is None:
            self.throttle = None if call.throttle is None else Adaptive(call.throttle)
        else:
            self.throttle.policy = call.throttle
        self.turns = turns_after(self.turns, call.rate_limit, self.env.now)
        outer = [] if self.outer_breaker is None else [self.outer_breaker]
        for breaker in (*self.breakers, *outer):
            assert call.breaker is not None
            breaker.configure(
                trip=call.breaker.rules(),
                recovery=call.breaker.recovery_policy(),
                half_open=call.breaker.half_open_policy(),
            )
        for places in self.places:
            assert call.bulkhead is not None
            places.follow(call.bulkhead)

    @property
    def guards(self) -> bool:
        """Whether its breakers are switched on."""
        return self.call.breaker is not None and self.call.breaker.enabled

    def is_open(self) -> bool:
        """Tell whether its breaker is open until later, or that of every replica there is."""
        breakers = [self.outer_breaker] if self.outer_breaker else self.breakers
        policy = self.call.breaker
        if policy is None or not self.guards:
            return False
        if policy.per_replica:
            breakers = breakers[: self.world.desks[self.service].count]
        return all((each.snapshot().next_probe_at or 0.0) > self.env.now for each in breakers)

    def make(self, errand: Errand, streams: CallStreams) -> Answering:
        """Make the call, if it is needed, and fall back if there is no other way."""
        number = errand.number
        if streams.needed.at(number) >= self.call.share:
            return Answer(OK)
        if self.fridge is None or self.call.cache is None:
            return (yield from self.answer(errand, streams))
        key, over = streams.item.at(number), errand.over
        if self.fridge.has(key, self.env.now):
            return Answer(OK)
        flight = None
        if self.call.cache.coalesce and key in self.flights:
            told = self.env.event()
            self.flights[key].waiting.append((told, over))
            yield told | over
            if over.triggered:
                return Answer(ABANDONED)
            if isinstance(told.value, Answer):
                return told.value
            flight = told.value
        elif self.call.cache.coalesce:
            flight = self.flights[key] = Flight()
        answer = yield from self.answer(errand, streams)
        if answer.outcome is OK and not answer.degraded and not over.triggered:
            self.fridge.keep(key, self.env.now)
        if flight is not None:
            if self.flights.get(key) is flight:
                del self.flights[key]
            landed = self.env.last()
            landed.callbacks.append(  # type: ignore[union-attr]
                lambda _: self.land(flight, key, None if over.triggered else answer)
            )
        return answer

    def land(self, flight: Flight, key: float, answer: Answer | None) -> None:
        """Tell those who waited for a call what came of it, or let the next of them make it."""
        waiting = flight.still_waiting()
        if answer is not None:
            for told, _ in waiting:
                told.succeed(answer)
        elif waiting and key in self.flights:
            self.flights[key].waiting += waiting
        elif waiting:
            new = Flight(waiting[1:])
            if self.call.cache is not None and self.call.cache.coalesce:
                self.flights[key] = new
            waiting[0][0].succeed(new)

    def answer(self, errand: Errand, streams: CallStreams) -> Answering:
        """Make the call, and fall back if there is no other way."""
        answer = yield from self.guarded(errand, streams)
        return self.second_best(errand, streams, answer, Around.REQUEST)

    def second_best(
        self, errand: Errand, streams: CallStreams, answer: Answer, around: Around
    ) -> Answer:
        """Return a fallback's answer in a failure's place, if it stands there and has one."""
        number, fallback = errand.number, self.call.fallback
        if answer.outcome in (OK, ABANDONED) or fallback is None or fallback.around is not around:
            return answer
        if self.larder is not None:
            stored = self.larder.has(streams.key.at(number), self.env.now)
        else:
            assert fallback.hit_rate is not None
            stored = streams.fallback.at(number) < fallback.hit_rate
        return Answer(OK, degraded=True) if stored else answer

    def guarded(self, errand: Errand, streams: CallStreams) -> Answering:
        """Try, through the breaker around the request if there is one."""
        if self.outer_breaker is None or not self.guards:
            return (yield from self.try_and_try_again(errand, streams))
        try:
            permit = self.outer_breaker.acquire()
        except CircuitOpenError:
            row, _ = self.new_row(errand, 0)
            return self.settle(row, Answer(REJECTED))
        answer = yield from self.try_and_try_again(errand, streams)
        self.tell(permit, answer)
        return answer

    def try_and_try_again(self, errand: Errand, streams: CallStreams) -> Answering:
        """Try once, and again as often as the policy allows."""
        self.purse.first_attempt()
        tried: list[str] = []
        answer = yield from self.one_try(errand, streams, 0, tried)
        wait: float | None = None
        for nth in count(1):
            policy = self.call.retry
            if policy is None or answer.outcome not in policy.on:
                break
            self.purse.pay_for_failure()
            if nth > policy.max_retries and not policy.endless:
                break
            if not self.purse.may_retry(self.env.now):
                break
            lot = streams.attempt(nth - 1).jitter.at(errand.number)
            wait = backoff(policy, nth, wait, lot, answer.retry_after)
            if wait > 0:
                timer = self.env.at(self.env.now + wait, Order.ASK)
                yield timer | errand.over
                if errand.over.triggered:
                    self.env.process(self.forget_retry(timer))
                    return Answer(ABANDONED)
            answer = yield from self.one_try(errand, streams, nth, tried)
        return answer

    def one_try(
        self, errand: Errand, streams: CallStreams, retry: int, tried: list[str]
    ) -> Answering:
        """Try once, and fall back if the fallback stands around each try."""
        answer = yield from self.race(errand, streams, retry, tried)
        if answer.outcome is OK and self.larder is not None:
            self.larder.keep(streams.key.at(errand.number), self.env.now)
        return self.second_best(errand, streams, answer, Around.ATTEMPT)

    def forget_retry(self, timer: Event) -> Process:
        """Give a retry up that nobody wants any more, when its wait is over."""
        if not timer.processed:
            yield timer
        self.purse.retries -= 1
        yield from ()

    def race(self, errand: Errand, streams: CallStreams, retry: int, tried: list[str]) -> Answering:
        """Try once, with one more attempt whenever those under way take too long."""
        env = self.env
        if self.call.hedge is None:
            return (yield from self.attempt(errand, streams.attempt(retry), retry, tried))
        self.hedges.first_attempt()
        running: dict[Running, Event] = {}
        result, nth, timer = Answer(ABANDONED), 0, env.event()
        while not errand.over.triggered:
            if nth == 0 or timer.processed:
                timer = env.event()
                if nth == 0 or self.hedges.may_retry(env.now):
                    node = streams.hedge(retry, nth) if nth else streams.attempt(retry)
                    lost = env.event()
                    mine = Errand(errand.number, errand.request, errand.parent, lost)
                    made = self.attempt(mine, node, retry, tried, hedge=nth > 0)
                    running[env.process(made)] = lost
                    yield env.timeout(0)
                    nth += 1
                    assert self.call.hedge is not None
                    if nth <= self.call.hedge.times:
                        timer = env.at(env.now + self.call.hedge.after, Order.ASK)
            for each in [each for each in running if each.triggered]:
                del running[each]
                result = each.value
            if result.outcome is OK or not running:
                break
            yield env.any_of([*running, timer, errand.over])
        for lost in running.values():
            lost.succeed()
        for each in running:
            if not each.triggered:
                yield each
        return Answer(ABANDONED) if errand.over.triggered else result

    def attempt(
        self,
        errand: Errand,
        streams: AttemptStreams,
        retry: int,
        tried: list[str],
        hedge: bool = False,
    ) -> Answering:
        """Try once: past throttle, breaker and bulkhead to a replica."""
        env, number = self.env, errand.number
        row, place = self.new_row(errand, retry, hedge)
        if self.throttle is not None and self.throttle.sheds(env.now, streams.throttle.at(number)):
            return self.settle(row, Answer(SHED))
        permit: Permit | NoPermit | None = None
        replica: Replica | None = None
        if self.breakers and self.guards:
            permit, replica = self.admit(row, streams, number, tried)
            if permit is None:
                return self.settle(row, Answer(REJECTED))
        if self.elsewhere and tried and replica is None:
            replica = self.not_tried(streams, number, tried)
        if self.turns is not None and self.call.rate_limit is not None:
            turn = self.turns.turn(env.now, self.call.rate_limit.max_wait)
            if turn is None:
                return self.settle(row, Answer(SHED), permit)
            if turn > env.now:
                yield env.at(turn, Order.ASK) | errand.over
                if errand.over.triggered:
                    self.settle(row, Answer(SHED), permit)
                    return Answer(ABANDONED)
        if not self.places:
            return (yield from self.send(errand, streams, row, place, permit, replica, tried))
        places = self.places[0]
        if self.call.bulkhead is not None and self.call.bulkhead.per_replica:
            desk = self.world.desks[self.service]
            replica = replica or desk.take(desk.choice(streams, number))
            places = self.places[desk.replicas.index(replica)]
        waits, seat = places.may_wait, places.request()
        if not seat.triggered and waits:
            late = env.at(env.now + places.max_wait, Order.EXPIRE)
            places.wait(seat, late, errand.over)
            yield env.any_of([seat, late, errand.over])
            if seat.triggered:
                # Whoever has given the place up goes on first.
                yield env.last()
        since, good = env.now, None
        if seat.triggered and not errand.over.triggered:
            answer = yield from self.send(errand, streams, row, place, permit, replica, tried)
            good = heard(answer.outcome)
        else:
            answer = self.settle(row, Answer(SHED), permit)
        places.give_back(seat, since, good)
        return Answer(ABANDONED) if errand.over.triggered else answer

    def send(
        self,
        errand: Errand,
        streams: AttemptStreams,
        row: AttemptRecord,
        place: int,
        permit: Permit | NoPermit | None,
        replica: Replica | None,
        tried: list[str],
    ) -> Answering:
        """Send an attempt to a replica, and wait for whatever comes first."""
        env, call, desk = self.env, self.call, self.world.desks[self.service]
        replica = replica or desk.take(desk.choice(streams, errand.number))
        row.replica = replica.name
        if self.elsewhere:
            tried.append(replica.name)
            if {each.name for each in desk.replicas[: desk.count]} <= {*tried}:
                tried[:] = [replica.name]
        answer, cut = env.event(), env.event()
        group = self.world.record.requests[errand.request].group
        priority = self.world.scenario.clients[group].priority
        job = Job(row, place, self.kind, call, streams, errand.number, answer, cut, priority)
        if conditions.loses(replica.faults, env.now, job):
            row.lost = True
        else:
            env.process(replica.serve(job))
        waits = [answer, errand.over]
        if call.timeout is not None:
            waits.append(env.at(env.now + call.timeout, Order.EXPIRE))
        yield env.any_of(waits)
        if answer.triggered:
            return self.settle(row, answer.value, permit)
        result = self.settle(row, Answer(ABANDONED if errand.over.triggered else TIMEOUT), permit)
        if replica.deserted(job):
            # The worker is free again before the caller goes on.
            yield env.timeout(0)
        return result

    def settle(
        self,
        row: AttemptRecord,
        answer: Answer,
        permit: Permit | NoPermit | None = None,
    ) -> Answer:
        """End the caller's wait: write down how, and tell breaker, budget and throttle."""
        self.purse.attempt_ends(0 if row.hedge else row.retry, answer.outcome is OK)
        row.outcome, row.end = answer.outcome, self.env.now
        if permit is not None:
            self.tell(permit, answer)
        if self.throttle is not None and answer.outcome is OK:
            self.throttle.accepts.append(self.env.now)
        return answer

    def tell(self, permit: Permit | NoPermit, answer: Answer) -> None:
        """Tell a breaker how what it has let through came out."""
        assert self.call.breaker is not None
        outcome = answer.outcome
        if outcome in self.call.breaker.counts:
            permit.failure(retry_after=answer.retry_after or None)
        elif outcome in (SHED, REJECTED, ABANDONED, *self.call.breaker.ignores):
            permit.ignore()
        else:
            permit.success()

    def new_row(self, errand: Errand, retry: int, hedge: bool = False) -> tuple[AttemptRecord, int]:
        """Begin the row of an attempt; return it and its place."""
        row = AttemptRecord(errand.request, errand.parent, self.name, retry, self.env.now)
        row.hedge = hedge
        if self.outer_breaker is not None and self.guards and retry == 0 and not hedge:
            row.breaker = self.outer_breaker.name
        self.purse.attempt_begins()
        attempts = self.world.record.attempts
        attempts.append(row)
        return row, len(attempts) - 1

    @property
    def elsewhere(self) -> bool:
        """Whether it goes to other replicas than those it has asked."""
        return self.call.retry is not None and self.call.retry.elsewhere

    def not_tried(self, streams: AttemptStreams, number: int, tried: list[str]) -> Replica:
        """Take the first replica from the choice on that was not asked, or the choice itself."""
        desk = self.world.desks[self.service]
        first = desk.choice(streams, number)
        places = [(first + offset) % desk.count for offset in range(desk.count)]
        fresh = [place for place in places if desk.replicas[place].name not in tried]
        return desk.take((fresh or places)[0])

    def admit(
        self, row: AttemptRecord, streams: AttemptStreams, number: int, tried: list[str]
    ) -> tuple[Permit | NoPermit | None, Replica | None]:
        """Ask the breakers; return a permit if one grants it, and the replica if it matters."""
        desk, policy = self.world.desks[self.service], self.call.breaker
        assert policy is not None
        if not policy.per_replica:
            return self.ask(row, 0), None
        first, count = desk.choice(streams, number), desk.count
        out = [self.is_out(place) for place in range(count)]
        if policy.panic is not None and count - sum(out) < policy.panic * count - 1e-12:
            found = None if out[first] else self.ask(row, first)
            if found is None:
                row.breaker = ""
            return found or NoPermit(), desk.take(first)
        last: list[int] = []
        for place in [(first + offset) % count for offset in range(count)]:
            known = self.elsewhere and desk.replicas[place].name in tried
            if known or self.is_resting(place):
                last.append(place)
            elif permit := self.ask(row, place):
                return permit, desk.take(place)
        for place in last:
            if permit := self.ask(row, place):
                return permit, desk.take(place)
        return None, None

    def ask(self, row: AttemptRecord, place: int) -> Permit | None:
        """Ask one breaker; again if others kept it from opening when it was asked."""
        breaker = self.breakers[place]
        row.breaker = breaker.name
        try:
            return breaker.acquire()
        except CircuitOpenError:
            return breaker.acquire() if breaker.state is CircuitState.CLOSED else None

    def is_out(self, place: int) -> bool:
        """Tell whether a breaker is open and stays so."""
        return (self.breakers[place].snapshot().next_probe_at or 0.0) > self.env.now

    def is_resting(self, place: int) -> bool:
        """Tell whether a replica that is just back leaves this turn to the others.

        Of its turns since then it takes as many as their shares make whole.
        """
        assert self.call.breaker is not None
        lasts, name = self.call.breaker.slow_start, self.breakers[place].name
        told = [row for row in self.world.record.transitions if row[1] == name]
        if lasts is None or not told or told[-1][3] != "closed":
            return False
        back = told[-1][0]
        if self.env.now - back >= lasts:
            return False
        came, taken = self.world.turns_since.get(name, ([], 0))
        came = [(at, share) for at, share in came if at == back]
        taken = taken if came else 0
        came.append((back, (self.env.now - back) / lasts))
        takes = sum(share for _, share in came) - taken >= 1.0 - 1e-9
        self.world.turns_since[name] = came, taken + takes
        return not takes
