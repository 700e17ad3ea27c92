"""Who asks: users of a client group, who wait, press again, leave, and come back."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from plain_model.calling import Caller
from plain_model.record import RequestRecord
from plain_model.stage import Errand, Process
from simpy import Event

from simcb.outcomes import AttemptOutcome, RequestOutcome
from simcb.scenario.arrivals import Closed
from simcb.scenario.faults import Surge
from simcb.scenario.model import Spread
from simcb.world.arrivals import arrival_times
from simcb.world.clock import Order
from simcb.world.conditions import windows_of
from simcb.world.streams import CallStreams, GroupStreams, StreamTree, sampler_of, uniform

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
        self.users = law.users if isinstance(law, Closed) else None
        self.root = GroupStreams(tree, self.path, self.users)
        self.asked = 0
        self.streams: dict[int, tuple[CallStreams, ...]] = {}
        numbers = [None] if self.spec.instances == 1 else range(self.spec.instances)
        self.instances = [Caller(world, name, number, self.spec) for number in numbers]
        self.lots = world.streams.column(self.path, "instance", uniform)
        if isinstance(law, Closed):
            self.thoughts = world.streams.column(self.path, "think", sampler_of(law.think))
            for user in range(law.users):
                self.env.process(self.regular(user, law.users))
        else:
            self.env.process(self.passers_by())

    def passers_by(self) -> Process:
        """Let users come from outside, each with one want."""
        scenario = self.world.scenario
        surges = [
            window
            for window in windows_of(scenario.labelled_faults, scenario.duration)
            if isinstance(window.fault, Surge) and window.fault.on == self.name
        ]
        blocks = arrival_times(
            self.spec.arrivals, surges, self.world.streams, self.name, scenario.duration
        )
        for number, moment in enumerate(chain.from_iterable(blocks)):
            yield self.env.at(moment, Order.ASK)
            self.env.process(self.want(number, number))

    def regular(self, user: int, users: int) -> Process:
        """Be a user who thinks, asks, waits for the answer, and thinks again."""
        number = user
        while True:
            yield self.env.at(self.env.now + self.thoughts.at(number), Order.ASK)
            yield from self.want(number, user)
            number += users

    def want(self, number: int, user: int) -> Process:
        """Ask, and ask again whenever the last press has brought nothing for too long."""
        env, refresh, requests = self.env, self.spec.refresh, self.world.record.requests
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
            waits = list(ends)
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

    def press(self, want: Want, caller: Caller) -> Process:
        """Make the calls of a request once; the first press with an answer ends the want."""
        nth = want.row.presses - 1
        if nth not in self.streams:
            self.streams[nth] = self.root.calls(f"{self.path}/{nth}", self.spec.calls)
        errand = Errand(want.number, want.place, -1, self.env.event())
        want.presses.append(errand)
        answer = yield from caller.make_calls(errand, self.streams[nth])
        if errand.over.triggered:
            return
        want.presses.remove(errand)
        want.row.cause = answer.outcome
        if answer.outcome is AttemptOutcome.OK:
            outcome = RequestOutcome.DEGRADED if answer.degraded else RequestOutcome.OK
            want.close(outcome, self.env.now)
        elif not want.presses:
            want.close(RequestOutcome.FAILED, self.env.now)
