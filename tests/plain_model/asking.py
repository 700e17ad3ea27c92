"""Who asks: users of a client group, who wait, press again, leave, and come back."""

from __future__ import annotations

from collections.abc import Generator
from itertools import chain
from typing import TYPE_CHECKING

from plain_model.calling import Caller
from plain_model.record import RequestRecord
from plain_model.stage import Answer, Errand, Process
from simpy import Event

from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario.arrivals import Closed
from simcb.scenario.faults import Surge
from simcb.scenario.groups import ClientGroup, Spread
from simcb.world.arrivals import arrival_times
from simcb.world.clock import Order
from simcb.world.conditions import windows_of
from simcb.world.samplers import sampler_of, uniform
from simcb.world.streams import CallStreams, GroupStreams, StreamTree

if TYPE_CHECKING:
    from plain_model.model import PlainWorld


class Want:
    """What a user wants, asked for once or several times.

    Attributes:
        number: which request it is, for its streams.
        presses: the errand of every press that is under way.
        met: happens when the user has an answer, or none can come any more, or has left.
    """

    def __init__(self, number: int, row: RequestRecord, place: int, met: Event) -> None:
        self.number = number
        self.row = row
        self.place = place
        self.met = met
        self.presses: list[Errand] = []

    def close(self, outcome: RequestOutcome, now: float) -> None:
        """End it: whatever is still done for it is done for nothing."""
        self.row.outcome, self.row.end = outcome, now
        for errand in self.presses:
            errand.over.succeed()
        self.met.succeed()


class Group:
    """A client group."""

    def __init__(self, world: PlainWorld, tree: StreamTree, name: str) -> None:
        self.world = world
        self.env = world.env
        self.name = name
        self.path = f"clients/{name}"
        self.spec = world.scenario.clients[name]
        law = self.spec.arrivals
        self.users: int | None = None
        self.here = 0
        self.away: dict[int, Event] = {}
        if isinstance(law, Closed):
            stages = [stage.clients[name].arrivals for _, stage in world.stages]
            self.users = max(each.users for each in stages if isinstance(each, Closed))
        self.root = GroupStreams(tree, self.path, self.users)
        self.asked = 0
        self.streams: dict[int, tuple[CallStreams, ...]] = {}
        numbers = [None] if self.spec.instances == 1 else range(self.spec.instances)
        self.instances = [Caller(world, name, number, self.spec) for number in numbers]
        self.lots = world.streams.column(self.path, "instance", uniform)
        self.came = 0
        self.begin()

    def begin(self) -> None:
        """Let users come."""
        law = self.spec.arrivals
        if isinstance(law, Closed):
            self.let_be(law)
        else:
            self.env.process(self.passers_by())

    def follow(self, spec: ClientGroup) -> None:
        """Ask in another way from now on."""
        self.spec = spec
        for instance in self.instances:
            instance.follow(spec)
        if isinstance(spec.arrivals, Closed):
            self.let_be(spec.arrivals)

    def let_be(self, law: Closed) -> None:
        """Let there be so many users, who think so long."""
        self.thoughts = self.world.streams.column(self.path, "think", sampler_of(law.think))
        before, self.here = self.here, law.users
        for user in range(before, law.users):
            if user >= self.came:
                self.env.process(self.regular(user))
                self.came = user + 1
            elif user in self.away:
                self.away.pop(user).succeed()

    def passers_by(self) -> Process:
        """Let users come from outside, each with one want."""
        scenario = self.world.scenario
        surges = [
            window
            for window in windows_of(scenario.labelled_faults, scenario.duration)
            if isinstance(window.fault, Surge) and window.fault.on == self.name
        ]
        laws = [(at, stage.clients[self.name].arrivals) for at, stage in self.world.stages]
        blocks = arrival_times(
            laws[0][1], surges, self.world.streams, self.name, scenario.duration, laws[1:]
        )
        for number, moment in enumerate(chain.from_iterable(blocks)):
            yield self.env.at(moment, Order.ASK)
            self.come(number)

    def come(self, number: int) -> None:
        """Let one come from outside."""
        self.env.process(self.want(number, number))

    def regular(self, user: int) -> Process:
        """Be a user who thinks, asks, waits for the answer, and thinks again.

        One who is too many goes, and comes back if there is room again.
        """
        number = user
        while True:
            if user >= self.here:
                self.away[user] = self.env.event()
                yield self.away[user]
            yield self.env.at(self.env.now + self.thoughts.at(number), Order.ASK)
            if user < self.here:
                yield from self.want(number, user)
                assert self.users is not None
                number += self.users

    def want(self, number: int, user: int) -> Process:
        """Ask, and ask again whenever the last press has brought nothing for too long."""
        env, requests = self.env, self.world.record.requests
        row = RequestRecord(self.name, self.asked, env.now)
        want = Want(number, row, len(requests), env.event())
        self.asked += 1
        requests.append(row)
        ends = [want.met]
        if self.spec.deadline is not None:
            ends.append(env.at(env.now + self.spec.deadline, Order.EXPIRE))
        caller = self.instances[self.place(number, user)]
        while True:
            env.process(self.press(want, caller))
            waits, refresh = list(ends), self.spec.refresh
            want.row.presses += 1
            if refresh is not None and want.row.presses <= refresh.times:
                waits.append(env.at(env.now + refresh.after, Order.ASK))
            yield env.any_of(waits)
            if want.met.triggered:
                return
            if ends[-1].processed:
                want.row.cause = AttemptOutcome.ABANDONED
                want.close(RequestOutcome.FAILED, env.now)
                return

    def place(self, number: int, user: int) -> int:
        """Return which process a user's request goes through."""
        count = len(self.instances)
        usual = Spread.RANDOM if self.users is None else Spread.ROUND_ROBIN
        if (self.spec.spread or usual) is Spread.ROUND_ROBIN:
            return user % count
        return int(self.lots.at(number) * count)

    def once(self, want: Want, caller: Caller) -> Generator[Event, None, Answer | None]:
        """Make the calls once; return the answer, or None if nobody wants it any more."""
        nth = want.row.presses - 1
        if nth not in self.streams:
            self.streams[nth] = self.root.calls(f"{self.path}/{nth}", self.spec.calls)
        errand = Errand(want.number, want.place, -1, self.env.event())
        want.presses.append(errand)
        answer = yield from caller.make_calls(errand, self.streams[nth])
        if errand.over.triggered:
            return None
        want.presses.remove(errand)
        return answer

    def press(self, want: Want, caller: Caller) -> Process:
        """Make the calls of a request once; the first press with an answer ends the want."""
        answer = yield from self.once(want, caller)
        if answer is None:
            return
        want.row.cause = answer.outcome
        if answer.outcome is AttemptOutcome.OK:
            outcome = RequestOutcome.DEGRADED if answer.degraded else RequestOutcome.OK
            want.close(outcome, self.env.now)
        elif not want.presses:
            want.close(RequestOutcome.FAILED, self.env.now)
