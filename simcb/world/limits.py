"""What holds an attempt back before its caller sends it: a rate limit, and bulkheads behind it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from simcb.scenario.calls import Bulkhead as BulkheadSpec
from simcb.scenario.calls import Call, RateLimiter
from simcb.world.adapting import ANSWERED, DROPPED, NEITHER
from simcb.world.admission import AdaptiveGate, Gate, PlacesGate
from simcb.world.clock import Clock, Expiries, Order, Waiter
from simcb.world.occurrence import Occurrence
from simcb.world.routing import LoadBalancer
from simcb.world.streams import AttemptStreams
from simcb.world.tasks import OK, REFUSED, THROTTLED, TIMEOUT, Attempt, Server
from simcb.world.tokens import Tokens

_ASK = int(Order.ASK)
_NEXT = 0
"""Before all orders: after the present event, before all others of the moment."""
_ROUNDING = 1e-9
"""Seconds by which a wait may be longer than is allowed, for sums of rates are not exact."""
_FOR_A_PLACE = math.inf
_MEANING = {OK: ANSWERED, TIMEOUT: DROPPED, REFUSED: DROPPED, THROTTLED: DROPPED}
"""What an outcome is to a limit that adapts itself."""


class Pace:
    """A caller's rate limit: who may not go at once is told when, or not at all.

    Args:
        spec: the limits.
    """

    def __init__(self, spec: RateLimiter) -> None:
        self._tokens = Tokens(spec.rate, spec.tokens)
        self._longest = spec.max_wait + _ROUNDING

    def take_over(self, before: Pace, now: float) -> None:
        """Go on with the tokens of the limit that held before."""
        self._tokens.take_over(before._tokens, now)

    def reserve(self, now: float) -> float | None:
        """Return after how many seconds an attempt made at `now` may go; None if it is shed."""
        wait = self._tokens.due_in(now)
        if wait > 0.0 and wait > self._longest:
            return None
        self._tokens.take(now)
        return wait


class _Place(Waiter):
    """An attempt's wait for a place in a bulkhead."""

    __slots__ = ("attempt",)

    def __init__(self, attempt: Attempt, now: float) -> None:
        self.settled = False
        self.since = now
        self.attempt = attempt


class Bulkhead:
    """The bulkhead in virtual time: so many attempts at once, others wait a while for a place.

    Args:
        clock: the run's clock.
        spec: the limits.
        send: sends an attempt that has got a place.
        shed: gives up on an attempt that has waited too long.
    """

    def __init__(
        self,
        clock: Clock,
        spec: BulkheadSpec,
        send: Callable[[Attempt], None],
        shed: Callable[[Attempt], None],
    ) -> None:
        self._clock = clock
        self._gate: Gate = (
            PlacesGate(spec.most, 0.0) if spec.limit is None else AdaptiveGate(spec.limit, 0.0)
        )
        self._may_wait = spec.max_wait > 0
        self._longest_queue = spec.queue
        self._send = send
        self._shed = shed
        self._queue: deque[_Place] = deque()
        self._expiries: Expiries = clock.timers(spec.max_wait, Order.EXPIRE, self._late)

    def follow(self, spec: BulkheadSpec) -> None:
        """Have other limits from now on.

        Who waits goes on waiting as long as was said; with more places the first may go. With
        fewer nobody is thrown out.
        """
        self._may_wait = spec.max_wait > 0
        self._longest_queue = spec.queue
        self._expiries = self._clock.timers(spec.max_wait, Order.EXPIRE, self._late)
        now = self._clock.now
        if isinstance(self._gate, PlacesGate):
            gate = PlacesGate(spec.most, 0.0)
            gate.take_over(self._gate, now)
            self._gate = gate
        self._fill(now)

    @property
    def may_wait(self) -> bool:
        """Whether another attempt may wait for a place."""
        if self._longest_queue is None or not self._may_wait:
            return self._may_wait
        waiting = (each for each in self._queue if not (each.settled or each.attempt.settled))
        self._queue = deque(waiting)
        return len(self._queue) < self._longest_queue

    def enter(self) -> bool:
        """Take a place if one is free."""
        now = self._clock.now
        if not self._gate.has_room(now):
            return False
        self._gate.enter(now)
        return True

    def wait(self, attempt: Attempt) -> None:
        """Let an attempt wait for a place from now on, first come first served."""
        place = _Place(attempt, self._clock.now)
        self._queue.append(place)
        self._expiries.add(place)

    def _late(self, place: _Place) -> None:
        place.settled = True
        if not place.attempt.settled:
            self._shed(place.attempt)

    def leave(self, since: float, how: int) -> None:
        """Give a place back that was taken at `since`; those that still wait get what is free.

        They are sent when whoever leaves has done all that follows from leaving: that may end
        the requests for which they wait, or ask for another place, behind them.
        """
        now = self._clock.now
        self._gate.leave(now, since, how)
        self._fill(now)

    def _fill(self, now: float) -> None:
        while self._queue and self._gate.has_room(now):
            place = self._queue.popleft()
            if not place.settled:
                place.settled = True
                if not place.attempt.settled:
                    self._gate.enter(now)
                    self._clock.at(now, _NEXT, _Handover(self, place.attempt))

    def hand_on(self, event: _Handover) -> None:
        """Send the attempt that a place was given to, unless its caller has gone meanwhile."""
        if event.attempt.settled:
            self.leave(self._clock.now, NEITHER)
        else:
            self._send(event.attempt)


class _Handover(Occurrence):
    """A place on its way to the attempt that waited for it."""

    __slots__ = ("attempt",)

    def __init__(self, bulkhead: Bulkhead, attempt: Attempt) -> None:
        super().__init__(bulkhead.hand_on)
        self.attempt = attempt


class Limits:
    """The limits of one call site.

    Args:
        clock: the run's clock.
        call: the policy as the file has it.
        balancer: chooses the replica, where each has a bulkhead of its own.
        send: sends an attempt that has waited.
        shed: gives up on an attempt that has waited too long.
    """

    def __init__(
        self,
        clock: Clock,
        call: Call,
        balancer: LoadBalancer,
        send: Callable[[Attempt], None],
        shed: Callable[[Attempt], None],
    ) -> None:
        self._clock = clock
        self._balancer = balancer
        self._send = send
        self._shed = shed
        self._pace = None if call.rate_limit is None else Pace(call.rate_limit)
        self._bulkheads: tuple[Bulkhead, ...] = ()
        self._first_replica = -1
        if call.bulkhead is not None:
            if call.bulkhead.per_replica:
                self._first_replica = balancer.every[0].index
            many = len(balancer.every) if call.bulkhead.per_replica else 1
            self._bulkheads = tuple(Bulkhead(clock, call.bulkhead, send, shed) for _ in range(many))

    def follow(self, call: Call) -> None:
        """Have the limits that a call has from now on."""
        before = self._pace
        self._pace = None if call.rate_limit is None else Pace(call.rate_limit)
        if before is not None and self._pace is not None:
            self._pace.take_over(before, self._clock.now)
        if call.bulkhead is not None:
            for bulkhead in self._bulkheads:
                bulkhead.follow(call.bulkhead)

    def turn(
        self, node: AttemptStreams, number: int, replica: Server | None, now: float
    ) -> tuple[float | None, Server | None]:
        """Return how long an attempt has to `wait`, and its replica, if that is settled now.

        The wait is None if the attempt is shed, 0 if it may be sent, and already has its places.
        """
        if self._pace is not None:
            wait = self._pace.reserve(now)
            if wait != 0.0:
                return wait, replica
        if not self._bulkheads:
            return 0.0, replica
        if replica is None and self._first_replica >= 0:
            replica = self._balancer.pick(node, number)
        bulkhead = self._bulkhead_to(replica)
        if bulkhead.enter():
            return 0.0, replica
        return (_FOR_A_PLACE if bulkhead.may_wait else None), replica

    def wait(self, attempt: Attempt, wait: float) -> None:
        """Let an attempt that was just made wait as long as `turn` has said."""
        if wait == _FOR_A_PLACE:
            self._bulkhead_to(attempt.replica).wait(attempt)
        else:
            self._clock.at(self._clock.now + wait, _ASK, _Turn(self, attempt))

    def go_on(self, event: _Turn) -> None:
        """Let an attempt go on for which the rate limit has a token now."""
        attempt = event.attempt
        if attempt.settled:
            return
        if self._bulkheads:
            if attempt.replica is None and self._first_replica >= 0:
                attempt.replica = self._balancer.pick(attempt.node, attempt.number)
            bulkhead = self._bulkhead_to(attempt.replica)
            if not bulkhead.enter():
                if bulkhead.may_wait:
                    bulkhead.wait(attempt)
                else:
                    self._shed(attempt)
                return
        self._send(attempt)

    def leave(self, attempt: Attempt) -> None:
        """Take note that an attempt that was sent is over."""
        if self._bulkheads:
            how = _MEANING.get(attempt.outcome, NEITHER)
            self._bulkhead_to(attempt.replica).leave(attempt.since, how)

    def _bulkhead_to(self, replica: Server | None) -> Bulkhead:
        """Return the bulkhead before a replica, or before all of them."""
        if self._first_replica < 0 or replica is None:
            return self._bulkheads[0]
        return self._bulkheads[replica.index - self._first_replica]


class _Turn(Occurrence):
    """An attempt's wait for a token of its caller's rate limit."""

    __slots__ = ("attempt",)

    def __init__(self, limits: Limits, attempt: Attempt) -> None:
        super().__init__(limits.go_on)
        self.attempt = attempt
