"""Who pulls: consumers that take messages from a queue, one each, and the next when it is over."""

from __future__ import annotations

from collections import deque

from simcb.scenario.arrivals import Backlog
from simcb.world.clients import Group, OpenGroup
from simcb.world.clock import Order
from simcb.world.occurrence import Occurrence
from simcb.world.tasks import ABANDONED, REJECTED, REQUEST_FAILED, Request

_ASK = int(Order.ASK)


class ConsumerGroup(OpenGroup):
    """A queue of messages, each a request, and the consumers that work on them.

    Of consumers that find the queue empty the one that has waited longest gets the next message.
    Each goes through the sites of the process that its number says.
    """

    def let_pull(self, law: Backlog) -> None:
        """Let there be the queue and its consumers; call it before messages arrive."""
        self._lag: deque[Request] = deque()
        self._idle: deque[int] = deque()
        self._gone: set[int] = set()
        self._at_work: dict[int, int] = {}
        self._came = 0
        self._law = law
        self._first = law.initial
        self._look_callback = self._look_again
        self._return_callback = self._return
        self._clock.at(self._clock.now, _ASK, Occurrence(self._begin))

    def _begin(self, _: object) -> None:
        """Put what lies in the queue from the start there, and let consumers begin."""
        for number in range(self._first):
            self._lag.append(self._produce(number))
        self.let_be(self._law)

    def let_be(self, law: Backlog) -> None:
        """Let consumers pull as the file has it from now on.

        Those who are too many go when their message is over; they come back if there is room again.
        """
        self._law = law
        for consumer in range(law.consumers):
            if consumer >= self._came or consumer in self._gone:
                self._gone.discard(consumer)
                self._look(consumer)
        self._came = max(self._came, law.consumers)

    def _produce(self, number: int) -> Request:
        now = self._clock.now
        request = Request.__new__(Request)
        request.prepare(self, number, (), now)
        request.request_row = self._recorder.open_request(request)
        if self._deadlines is not None:
            self._deadlines.add(request)
        return request

    def _open(self, number: int, user: int) -> None:
        """Let a message be produced now; those from the start have the first numbers."""
        self._enqueue(self._produce(self._first + number))

    def _enqueue(self, request: Request) -> None:
        lag, idle = self._lag, self._idle
        lag.append(request)
        if idle:
            left = sum(not each.settled for each in lag)
            while idle and lag and left:
                left -= self._look(idle.popleft())

    def _look(self, consumer: int) -> bool:
        """Let a consumer take the next message, and say so; or wait for one, or pause."""
        lag, law = self._lag, self._law
        if consumer >= law.consumers:
            self._gone.add(consumer)
            return False
        while lag and lag[0].settled:
            lag.popleft()
        if not lag:
            self._idle.append(consumer)
            return False
        now = self._clock.now
        sites = self.instances.sites(0, consumer)
        if law.pause_when is not None and any(site.is_open(now) for site in sites):
            self._pause(consumer, law.poll)
            return False
        request = lag.popleft()
        request.sites = sites
        self._at_work[request.number] = consumer
        self._ask_once(request, self._user_attempts.at(request.user_attempts), now)
        return True

    def _pause(self, consumer: int, seconds: float) -> None:
        event = _Look()
        event.callback = self._look_callback
        event.consumer = consumer
        self._clock.at(self._clock.now + seconds, _ASK, event)

    def _look_again(self, event: _Look) -> None:
        self._look(event.consumer)

    def close(self, request: Request, outcome: int) -> None:
        """End a delivery: the message is done, comes again, is put back, or is a dead letter.

        What was put back waits for the consumer that did it, or for the next to come.
        """
        consumer = self._at_work.pop(request.number)
        law, redeliver = self._law, self._law.redeliver
        if outcome == REQUEST_FAILED and request.cause == REJECTED and law.pause_when is not None:
            request.user_attempts -= 1
            self._lag.appendleft(request)
            self._pause(consumer, law.poll)
            return
        if (
            outcome == REQUEST_FAILED
            and redeliver is not None
            and request.user_attempts <= redeliver.times
        ):
            event = _Hidden()
            event.callback = self._return_callback
            event.request = request
            self._clock.at(self._clock.now + redeliver.after, _ASK, event)
        else:
            Group.close(self, request, outcome)
        self._pause(consumer, 0.0)

    def _return(self, event: _Hidden) -> None:
        if not event.request.settled:
            self._enqueue(event.request)

    def _user_leaves(self, request: Request) -> None:
        """End a message that is too old, wherever it is."""
        request.cause = ABANDONED
        Group.close(self, request, REQUEST_FAILED)
        consumer = self._at_work.pop(request.number, -1)
        if consumer >= 0:
            self._pause(consumer, 0.0)


class _Look(Occurrence):
    """A consumer looks for a message."""

    __slots__ = ("consumer",)

    consumer: int


class _Hidden(Occurrence):
    """A message that failed is in the queue again."""

    __slots__ = ("request",)

    request: Request
