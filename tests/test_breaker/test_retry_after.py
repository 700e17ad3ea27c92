"""A service that says when to come back: how long the breaker it opens stays open."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from simcb.breaker import CircuitBreaker, CircuitOpenError, ParameterError, Recovery


class Clock:
    """Turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class BusyError(Exception):
    """An answer that says when to come back."""

    def __init__(self, retry_after: object) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


def made(clock: Clock, recovery: Recovery, draw: float = 0.0) -> CircuitBreaker:
    """Return a breaker that opens at the first failure."""
    return CircuitBreaker(failure_threshold=1, recovery=recovery, clock=clock, random=lambda: draw)


def open_for(breaker: CircuitBreaker) -> float:
    """Return the seconds that a rejection suggests."""
    with pytest.raises(CircuitOpenError) as rejected:
        breaker.acquire()
    return rejected.value.retry_after


HINTED = Recovery(10.0, hint=True)


@pytest.mark.parametrize("asked", [0.5, 10.0, 42.0, 100.0])
def test_it_stays_open_as_long_as_the_service_asks(asked: float) -> None:
    """Shorter or longer than the timeout; at exactly that moment a probe passes."""
    clock = Clock()
    breaker = made(clock, HINTED)
    breaker.acquire().failure(retry_after=asked)
    assert open_for(breaker) == asked
    clock.now = math.nextafter(asked, 0.0)
    assert open_for(breaker) > 0.0
    clock.now = asked
    breaker.acquire().success()
    assert breaker.state == "closed"


def test_the_longest_opening_holds_all_the_same() -> None:
    """`max` bounds what a service may ask for: ten times the timeout unless given."""
    for recovery, longest in ((HINTED, 100.0), (Recovery(10.0, max=15.0, hint=True), 15.0)):
        breaker = made(Clock(), recovery)
        breaker.acquire().failure(retry_after=1e6)
        assert open_for(breaker) == longest


def test_jitter_never_lets_it_come_back_earlier_than_asked() -> None:
    """It spreads the openings over what comes after the moment asked for."""
    for draw, lasts in ((0.0, 20.0), (0.5, 22.0), (1.0, 24.0)):
        breaker = made(Clock(), Recovery(10.0, jitter=0.2, hint=True), draw)
        breaker.acquire().failure(retry_after=20.0)
        assert open_for(breaker) == pytest.approx(lasts)


def test_without_hint_nobody_is_listened_to() -> None:
    """The setting is off unless it is asked for."""
    breaker = made(Clock(), Recovery(10.0))
    breaker.acquire().failure(retry_after=42.0)
    assert open_for(breaker) == 10.0


def test_only_the_failure_that_opens_it_has_a_say() -> None:
    """Those before it are counted, and those of before are stale."""
    clock = Clock()
    breaker = CircuitBreaker(failure_threshold=2, recovery=HINTED, clock=clock)
    late = breaker.acquire()
    breaker.acquire().failure(retry_after=42.0)
    breaker.acquire().failure()
    assert open_for(breaker) == 10.0
    late.failure(retry_after=77.0)
    assert open_for(breaker) == 10.0


def test_a_probe_that_is_told_to_wait_opens_it_for_so_long() -> None:
    """What grows is the timeout, from where it was: one answer's wish does not enter into it."""
    clock = Clock()
    breaker = made(clock, Recovery(10.0, factor=2.0, hint=True))
    breaker.acquire().failure()
    clock.now += 10.0
    breaker.acquire().failure(retry_after=3.0)
    assert open_for(breaker) == 3.0
    clock.now += 3.0
    breaker.acquire().failure()
    assert open_for(breaker) == 40.0


def test_an_exception_may_say_it() -> None:
    """A `retry_after` in seconds on what was raised is heard; another kind is none."""
    for asked, lasts in ((42, 42.0), (7.5, 7.5), ("7", 10.0), (-1, 10.0), (timedelta(1), 10.0)):
        breaker = made(Clock(), HINTED)

        def ask(asked: object = asked) -> None:
            raise BusyError(asked)

        with pytest.raises(BusyError):
            breaker.call(ask)
        assert open_for(breaker) == lasts


@pytest.mark.parametrize("asked", ["7", -1.0, math.nan, math.inf, True])
def test_what_is_no_time_is_refused_and_the_call_settled(asked: object) -> None:
    """A mistake is told; it leaves neither a call unsettled nor the failure uncounted."""
    breaker = made(Clock(), HINTED)
    permit = breaker.acquire()
    with pytest.raises(ParameterError, match="retry_after"):
        permit.failure(retry_after=asked)  # type: ignore[arg-type]
    assert permit.settled
    assert open_for(breaker) == 10.0


def test_hint_is_yes_or_no() -> None:
    """A number of seconds, say, is refused."""
    with pytest.raises(ParameterError, match="hint"):
        Recovery(hint=30.0)  # type: ignore[arg-type]
    assert Recovery(hint=True) != Recovery()
