"""Who asks: client groups, their users' requests, and people who press refresh or leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.scenario.model import ClientGroup
from simcb.world.clock import Clock, Expiries, Occurrence, Order, Waiter
from simcb.world.luck import CallLuck
from simcb.world.recorder import Recorder
from simcb.world.streams import Column
from simcb.world.tasks import Task

if TYPE_CHECKING:
    from simcb.world.sites import CallSite

_OK = REQUEST_CODE[RequestOutcome.OK]
_DEGRADED = REQUEST_CODE[RequestOutcome.DEGRADED]
_FAILED = REQUEST_CODE[RequestOutcome.FAILED]
_ANSWERED = ATTEMPT_CODE[AttemptOutcome.OK]
_LEFT = ATTEMPT_CODE[AttemptOutcome.ABANDONED]
_NO_CAUSE = ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]
_ASK = int(Order.ASK)


class Request(Waiter):
    """What a user wants: asked once or, with refreshes, several times.

    The first good answer to any press ends it; it fails when every press has failed.
    """

    def __init__(self, group: Group, number: int, sites: Sequence[CallSite], start: float) -> None:
        self.group = group
        self.number = number
        self.sites = sites
        self.since = self.start = start
        self.presses = 0
        self.cause = _NO_CAUSE
        self.alive: list[Press] = []
        self.request_row = -1


class Press(Task):
    """One time a user asked: the calls of the request, made once."""

    def __init__(self, request: Request, luck: Sequence[CallLuck], now: float) -> None:
        self.request = request
        self.number = request.number
        self.request_row = request.request_row
        self.sites = request.sites
        self.luck = luck
        self.since = now

    def deliver(self) -> None:
        """Give the user the answer."""
        request = self.request
        request.cause = _ANSWERED
        request.group.close(request, _DEGRADED if self.degraded else _OK)

    def break_off(self, outcome: int) -> None:
        """Show the user an error, unless another press of the same request is under way."""
        self.over = True
        request = self.request
        request.cause = outcome
        request.alive.remove(self)
        if not request.alive:
            request.group.close(request, _FAILED)


class PressLuck:
    """The luck of a group's presses, made as users first press so often."""

    def __init__(self, make: Callable[[int], tuple[CallLuck, ...]]) -> None:
        self._make = make
        self._presses: list[tuple[CallLuck, ...]] = []

    def at(self, press: int) -> tuple[CallLuck, ...]:
        """Return the luck of the first (0), second (1), … press."""
        while len(self._presses) <= press:
            self._presses.append(self._make(len(self._presses)))
        return self._presses[press]


class Instances:
    """The call sites of a group's processes, each made when a request first goes through it.

    Args:
        count: how many processes there are.
        make: makes the sites of the process of a number, from 0.
        lots: which process a request goes through, by its number in the group and uniform in
            [0, 1); None if the users take turns.
    """

    def __init__(
        self, count: int, make: Callable[[int], tuple[CallSite, ...]], lots: Column | None
    ) -> None:
        self._count = count
        self._make = make
        self._lots = lots
        self._made: dict[int, tuple[CallSite, ...]] = {}

    def sites(self, number: int, user: int) -> tuple[CallSite, ...]:
        """Return the sites that request number `number`, which is `user`'s, goes through."""
        lots, count = self._lots, self._count
        place = user % count if lots is None else int(lots.at(number) * count)
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self._make(place)
        return made


class Group:
    """A client group at work; how its requests arrive is its subclasses' business.

    Args:
        clock: the run's clock.
        recorder: where requests are written down.
        index: the group's index in the layout.
        spec: the group as the file has it.
        instances: its processes.
        press_luck: the luck of the first, second, … press.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        spec: ClientGroup,
        instances: Instances,
        press_luck: PressLuck,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self._sites = instances.sites
        self._refresh_times = 0 if spec.refresh is None else spec.refresh.times
        self._refreshes: Expiries[Press] | None = None
        if spec.refresh is not None:
            self._refreshes = Expiries(clock, spec.refresh.after, Order.ASK, self._press_again)
        self._deadlines: Expiries[Request] | None = None
        if spec.deadline is not None:
            self._deadlines = Expiries(clock, spec.deadline, Order.EXPIRE, self._user_leaves)
        self._press_luck = press_luck
        self._first_luck = press_luck.at(0)

    def _open(self, number: int, user: int) -> None:
        """Let a user ask now: request number `number`, which is `user`'s."""
        now = self._clock._now
        request = Request(self, number, self._sites(number, user), now)
        request.request_row = self._recorder.open_request(request)
        if self._deadlines is not None:
            self._deadlines.add(request)
        self._press(request, self._first_luck, now)

    def _press(self, request: Request, luck: Sequence[CallLuck], now: float) -> None:
        press = Press(request, luck, now)
        request.presses += 1
        request.alive.append(press)
        if self._refreshes is not None and request.presses <= self._refresh_times:
            self._refreshes.add(press)
        press.proceed()

    def _press_again(self, press: Press) -> None:
        request = press.request
        if not request.settled:
            self._press(request, self._press_luck.at(request.presses), self._clock._now)

    def _user_leaves(self, request: Request) -> None:
        request.cause = _LEFT
        self.close(request, _FAILED)

    def close(self, request: Request, outcome: int) -> None:
        """End a request; presses still under way are abandoned."""
        request.settled = True
        for press in request.alive:
            press.settled = True
            if press.current is None and press.permit is None:
                press.over = True
            else:
                press.stop()
        request.alive.clear()
        self._recorder.close_request(request, outcome, self._clock._now)


class OpenGroup(Group):
    """Users who come from outside, whether or not those before them have been answered."""

    def let_arrive(self, moments: Iterator[float]) -> None:
        """Let requests arrive at these moments, in order, seconds."""
        self._moments = moments
        self._number = 0
        self._event = Occurrence()
        self._callbacks = (self._arrive,)
        self._await_next()

    def _await_next(self) -> None:
        moment = next(self._moments, None)
        if moment is not None:
            self._event.callbacks = self._callbacks  # type: ignore[assignment]
            self._clock.at(moment, _ASK, self._event)

    def _arrive(self, _: object) -> None:
        number = self._number
        self._number = number + 1
        self._await_next()
        self._open(number, number)


class ClosedGroup(Group):
    """A fixed number of users: each waits for the answer, thinks, and asks again.

    A user's i-th request has the number `i * users + user`, so its luck does not depend on
    how fast other users are.
    """

    def let_think(self, users: int, times: Column) -> None:
        """Let every user think for the first time; `times` has seconds by request number."""
        self._users = users
        self._times = times
        self._callbacks = (self._ask,)
        for user in range(users):
            self._think(user)

    def _think(self, number: int) -> None:
        event = _Thought()
        event.callbacks = self._callbacks  # type: ignore[assignment]
        event.number = number
        self._clock.at(self._clock._now + self._times.at(number), _ASK, event)

    def _ask(self, event: _Thought) -> None:
        self._open(event.number, event.number % self._users)

    def close(self, request: Request, outcome: int) -> None:
        """End a request; its user begins to think about the next."""
        super().close(request, outcome)
        self._think(request.number + self._users)


class _Thought(Occurrence):
    """A user has thought long enough to make request number `number`."""

    number: int
