"""Who asks: client groups, their users' requests, and users who refresh or leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from simcb.scenario.groups import ClientGroup
from simcb.world.clock import Clock, Expiries, Order
from simcb.world.occurrence import Occurrence
from simcb.world.recorder import Recorder
from simcb.world.streams import CallStreams, Column
from simcb.world.tasks import ABANDONED, REQUEST_FAILED, Origin, Request, Site, UserAttempt

_ASK = int(Order.ASK)


class UserAttemptStreams:
    """The streams of a group's user attempts, made when a user first asks so often."""

    def __init__(self, make: Callable[[int], tuple[CallStreams, ...]]) -> None:
        self._make = make
        self._made: list[tuple[CallStreams, ...]] = []

    def at(self, attempt: int) -> tuple[CallStreams, ...]:
        """Return the streams of the first (0), second (1), … attempt."""
        while len(self._made) <= attempt:
            self._made.append(self._make(len(self._made)))
        return self._made[attempt]


class Instances:
    """The call sites of a group's processes, each made when a request first goes through it.

    Args:
        count: how many processes there are.
        make: makes the sites of the process of a number, from 0.
        draws: which process a request goes through, by its number in the group and uniform in
            [0, 1); None if the users take turns.
    """

    def __init__(
        self, count: int, make: Callable[[int], tuple[Site, ...]], draws: Column | None
    ) -> None:
        self._count = count
        self._make = make
        self._draws = draws
        self._made: dict[int, tuple[Site, ...]] = {}

    def sites(self, number: int, user: int) -> tuple[Site, ...]:
        """Return the sites that request number `number`, which is `user`'s, goes through."""
        draws, count = self._draws, self._count
        place = user % count if draws is None else int(draws.at(number) * count)
        made = self._made.get(place)
        if made is None:
            made = self._made[place] = self._make(place)
        return made

    def clear(self) -> None:
        """Forget them; the run is over."""
        self._made.clear()

    def every(self) -> tuple[tuple[Site, ...], ...]:
        """Return the sites of all processes; those that nobody has asked through are made."""
        for place in range(self._count):
            if place not in self._made:
                self._made[place] = self._make(place)
        return tuple(self._made.values())


class Group(Origin):
    """A client group at work; how its requests arrive, its subclasses say.

    Args:
        clock: the run's clock.
        recorder: where requests are written down.
        index: the group's index in the layout.
        spec: the group as the file has it.
        instances: its processes.
        user_attempts: the streams of the first, second, … attempt.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        spec: ClientGroup,
        instances: Instances,
        user_attempts: UserAttemptStreams,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self.instances = instances
        self.priority = spec.priority
        self.follow(spec)
        self._user_attempts = user_attempts
        self._first_attempt = user_attempts.at(0)
        self._attempt: Callable[[Request, Sequence[CallStreams]], UserAttempt] | None = None

    def follow(self, spec: ClientGroup) -> None:
        """Be as patient as the file has it from now on.

        Who has asked before leaves when it was said then, but presses as often as is said now.
        """
        self._refresh_times = 0 if spec.refresh is None else spec.refresh.times
        self._refreshes: Expiries | None = None
        if spec.refresh is not None:
            again = self._ask_again
            self._refreshes = self._clock.timers(spec.refresh.after, Order.ASK, again)
        self._deadlines: Expiries | None = None
        if spec.deadline is not None:
            leave = self._user_leaves
            self._deadlines = self._clock.timers(spec.deadline, Order.EXPIRE, leave)

    def let_ask(self, attempt: Callable[[Request, Sequence[CallStreams]], UserAttempt]) -> None:
        """Let requests be made in another way than by the calls of the scenario."""
        self._attempt = attempt

    def _open(self, number: int, user: int) -> None:
        """Let a user ask now: request number `number`, which is `user`'s."""
        now = self._clock.now
        request = Request.__new__(Request)
        request.prepare(self, number, self.instances.sites(number, user), now)
        request.request_row = self._recorder.open_request(request)
        if self._deadlines is not None:
            self._deadlines.add(request)
        self._ask_once(request, self._first_attempt, now)

    def _ask_once(self, request: Request, streams: Sequence[CallStreams], now: float) -> None:
        if self._attempt is None:
            attempt = UserAttempt.__new__(UserAttempt)
            attempt.prepare(request, streams)
        else:
            attempt = self._attempt(request, streams)
        attempt.since = now
        request.user_attempts += 1
        request.alive.append(attempt)
        if self._refreshes is not None and request.user_attempts <= self._refresh_times:
            self._refreshes.add(attempt)
        attempt.proceed()

    def _ask_again(self, attempt: UserAttempt) -> None:
        request = attempt.request
        if not request.settled:
            self._ask_once(request, self._user_attempts.at(request.user_attempts), self._clock.now)

    def _user_leaves(self, request: Request) -> None:
        request.cause = ABANDONED
        self.close(request, REQUEST_FAILED)

    def close(self, request: Request, outcome: int) -> None:
        """End a request; user attempts still under way are abandoned."""
        request.settled = True
        for attempt in request.alive:
            attempt.settled = True
            attempt.stop()
        del request.alive[:]
        self._recorder.close_request(request, outcome, self._clock.now)


class OpenGroup(Group):
    """Users who come from outside, whether or not those before them have been answered."""

    def let_arrive(self, blocks: Iterable[list[float]]) -> None:
        """Let requests arrive at these moments, seconds, in order, in blocks."""
        self._moments = chain.from_iterable(blocks)
        self._number = 0
        self._next = Occurrence(self._arrive)
        self._await_next()

    def _await_next(self) -> None:
        moment = next(self._moments, None)
        if moment is not None:
            self._clock.at(moment, _ASK, self._next)

    def _arrive(self, _: object) -> None:
        number = self._number
        self._number = number + 1
        self._await_next()
        self._open(number, number)


class ClosedGroup(Group):
    """A fixed number of users: each waits for the answer, thinks, and asks again.

    A user's i-th request has the number `i * users + user`, so its streams do not depend on
    how fast other users are.
    """

    def let_think(self, most: int, users: int, times: Column) -> None:
        """Let every user think for the first time.

        Args:
            most: how many users there ever are.
            users: how many there are at first.
            times: how long they think, seconds, by request number.
        """
        self._users = most
        self._here = self._came = 0
        self._gone: dict[int, int] = {}
        self._callback = self._ask
        self.let_be(users, times)

    def let_be(self, users: int, times: Column) -> None:
        """Let there be so many users from now on, and let them think so long.

        Those who are too many go when they have been answered, or would ask; the first who went
        come back first.
        """
        self._times = times
        before, self._here = self._here, users
        for user in range(before, users):
            if user >= self._came:
                self._came = user + 1
                self._think(user)
            elif user in self._gone:
                self._think(self._gone.pop(user))

    def _think(self, number: int) -> None:
        if number % self._users >= self._here:
            self._gone[number % self._users] = number
            return
        event = _Thought.__new__(_Thought)
        event.callback = self._callback
        event.number = number
        self._clock.at(self._clock.now + self._times.at(number), _ASK, event)

    def _ask(self, event: _Thought) -> None:
        user = event.number % self._users
        if user >= self._here:
            self._gone[user] = event.number
            return
        self._open(event.number, user)

    def close(self, request: Request, outcome: int) -> None:
        """End a request; its user begins to think about the next."""
        Group.close(self, request, outcome)
        self._think(request.number + self._users)


class _Thought(Occurrence):
    """A user has thought long enough to make request number `number`."""

    __slots__ = ("number",)

    number: int
