"""Who asks: client groups, their users' requests, and people who press refresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.scenario.model import Refresh
from simcb.world.calls import CallSite, Task
from simcb.world.clock import Clock, Expiries, Occurrence, Order
from simcb.world.luck import CallLuck
from simcb.world.recorder import Recorder

_OK = REQUEST_CODE[RequestOutcome.OK]
_DEGRADED = REQUEST_CODE[RequestOutcome.DEGRADED]
_FAILED = REQUEST_CODE[RequestOutcome.FAILED]
_ANSWERED = ATTEMPT_CODE[AttemptOutcome.OK]
_NO_CAUSE = ATTEMPT_CODE[AttemptOutcome.IN_FLIGHT]
_ASK = int(Order.ASK)


class Request:
    """What a user wants: asked once or, with refreshes, several times.

    The first good answer to any press ends it; it fails when every press has failed.
    """

    __slots__ = ("alive", "cause", "closed", "group", "number", "presses", "request_row", "start")

    def __init__(self, group: Group, number: int, start: float) -> None:
        self.group = group
        self.number = number
        self.start = start
        self.presses = 0
        self.closed = False
        self.cause = _NO_CAUSE
        self.alive: list[Press] = []
        self.request_row = -1


class Press(Task):
    """One time a user asked: the calls of the request, made once."""

    def __init__(self, request: Request, luck: Sequence[CallLuck], now: float) -> None:
        self.request = request
        self.number = request.number
        self.request_row = request.request_row
        self.sites = request.group.sites
        self.luck = luck
        self.start = now

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


class Group:
    """A client group at work.

    Args:
        clock: the run's clock.
        recorder: where requests are written down.
        index: the group's index in the layout.
        arrivals: when its requests arrive, in order, seconds.
        sites: the calls each request makes.
        refresh: how its users press refresh, or None if they wait.
        press_luck: returns the luck of the first (0), second (1), … press.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        index: int,
        arrivals: Iterator[float],
        sites: Sequence[CallSite],
        refresh: Refresh | None,
        press_luck: PressLuck,
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self.index = index
        self._arrivals = arrivals
        self.sites = tuple(sites)
        self._refresh_times = 0 if refresh is None else refresh.times
        self._refreshes: Expiries[Press] | None = None
        if refresh is not None:
            self._refreshes = Expiries(clock, refresh.after, Order.ASK, self._press_again)
        self._press_luck = press_luck
        self._first_luck = press_luck.at(0)
        self._number = 0
        self._event = Occurrence()
        self._callbacks = (self._arrive,)
        self._await_next()

    def _await_next(self) -> None:
        moment = next(self._arrivals, None)
        if moment is not None:
            self._event.callbacks = self._callbacks  # type: ignore[assignment]
            self._clock.at(moment, _ASK, self._event)

    def _arrive(self, _: object) -> None:
        now = self._clock._now
        request = Request(self, self._number, now)
        self._number += 1
        request.request_row = self._recorder.open_request(request)
        self._await_next()
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
        if not request.closed:
            self._press(request, self._press_luck.at(request.presses), self._clock._now)

    def close(self, request: Request, outcome: int) -> None:
        """End a request; presses still under way are abandoned."""
        request.closed = True
        for press in request.alive:
            press.settled = True
            press.over = True
            attempt = press.current
            if attempt is not None:
                attempt.site.abandon(attempt)
        request.alive.clear()
        self._recorder.close_request(request, outcome, self._clock._now)


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
