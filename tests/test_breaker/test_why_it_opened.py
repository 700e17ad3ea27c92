"""Why a breaker opened: in the transition, the rejection and the snapshot, until it closes."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, drive, fail, tripped

from simcb.errors import SimcbError


class Thing:
    """Something a failing call has in a variable."""


class Keyworded(Exception):
    """An exception that its arguments alone do not build again."""

    def __init__(self, *, code: int) -> None:
        super().__init__("down")
        self.code = code


class Wordless(Exception):
    """An exception that cannot even be told."""

    def __new__(cls, *args: object) -> Wordless:
        if args:
            raise RuntimeError
        return super().__new__(cls)

    def __init__(self, *args: object) -> None:
        self.args = ("x",)

    def __str__(self) -> str:
        raise RuntimeError


def rejection(room: ModuleType, breaker: Any) -> Any:
    with pytest.raises(room.CircuitOpenError) as caught:
        breaker.call(len, "")
    return caught.value


def opened_by(room: ModuleType, clock: Clock, error: BaseException) -> Any:
    """A breaker that a call through it has opened by this error."""
    breaker = room.CircuitBreaker(failure_threshold=1, clock=clock)

    def work() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        breaker.call(work)
    assert caught.value is error
    return breaker


def test_the_exception_that_opened_it_is_told_everywhere(room: ModuleType, clock: Clock) -> None:
    """The transition has the exception itself; the others a copy that says the same."""
    heard: list[Any] = []
    breaker = room.CircuitBreaker(failure_threshold=2, clock=clock, listeners=[heard.append])
    errors = [TimeoutError("slow"), ConnectionResetError(104, "reset")]
    for error in errors:
        with pytest.raises(type(error)):
            breaker.call(_raising, error)
    assert (heard[0].reason, heard[0].last_error) == (
        room.Reason.CONSECUTIVE_FAILURES,
        errors[1],
    )
    for seen in (breaker.snapshot(), rejection(room, breaker)):
        assert seen.reason is room.Reason.CONSECUTIVE_FAILURES
        assert type(seen.last_error) is ConnectionResetError
        assert (seen.last_error.errno, str(seen.last_error)) == (104, str(errors[1]))
        assert seen.last_error.__traceback__ is None
    assert str(rejection(room, breaker)) == (
        "circuit 'breaker' is open (consecutive_failures, last by ConnectionResetError); "
        "try again in 60 s"
    )


def _raising(error: BaseException) -> None:
    raise error


def test_awaited_calls_and_permits_tell_it_too(room: ModuleType, clock: Clock) -> None:
    """Every way of calling hands on what was raised; a permit what it is given, or nothing."""

    async def work() -> None:
        raise OSError("down")

    breaker = room.CircuitBreaker(failure_threshold=1, clock=clock)
    with pytest.raises(OSError, match="down"):
        drive(breaker.call(work))
    assert str(breaker.snapshot().last_error) == "down"
    for error in (None, ValueError("bad")):
        breaker.reset()
        breaker.acquire().failure(error)
        assert repr(breaker.snapshot().last_error) == repr(error)


def test_a_probe_that_fails_is_the_new_reason(room: ModuleType, clock: Clock) -> None:
    """A half-open breaker still says why it opened, until another failure takes its place."""
    breaker = tripped(room, clock)
    clock.advance(10.0)
    probe = breaker.acquire()
    refused = rejection(room, breaker)
    assert (refused.retry_after, str(refused.last_error)) == (0.0, "down")
    probe.failure(OSError("still down"))
    seen = breaker.snapshot()
    assert (seen.reason, str(seen.last_error)) == (room.Reason.PROBE_FAILED, "still down")


@pytest.mark.parametrize("way", ["closed again", "reset", "forced open", "forced closed", "counts"])
def test_it_is_forgotten_when_the_breaker_closes(room: ModuleType, clock: Clock, way: str) -> None:
    """Once it is closed, or taken by hand, nothing of the old exception is left."""
    breaker = tripped(room, clock)
    gone = weakref.ref(opening_error(breaker))
    if way == "closed again":
        clock.advance(10.0)
        breaker.call(len, "")
    else:
        take = {"reset": "reset", "forced open": "force_open", "forced closed": "force_closed"}
        getattr(breaker, take.get(way, "count_only"))()
    seen = breaker.snapshot()
    assert seen.last_error is None
    assert seen.reason is (room.Reason.FORCED_OPEN if way == "forced open" else None)
    assert gone() is None


def opening_error(breaker: Any) -> Any:
    """Opens it by hand of a permit, with an exception that can be referred to weakly."""

    class Down(Exception):
        pass

    breaker.reset()
    breaker.acquire().failure(Down())
    return breaker.snapshot().last_error


def test_what_raised_nothing_has_a_reason_and_no_exception(room: ModuleType, clock: Clock) -> None:
    """A slow call, a bad result, a lost lease, a success that completes the minimum."""
    slow = room.CircuitBreaker(trip=room.SlowCallRate(1.0, calls=1), clock=clock)
    slow.call(clock.advance, 2.0)
    bad = room.CircuitBreaker(failure_threshold=1, failed_result=bool, clock=clock)
    bad.call(len, "bad")
    lost = tripped(room, clock, half_open=room.HalfOpen(lease=1.0))
    clock.advance(10.0)
    lost.acquire()
    clock.advance(1.0)
    least = room.CircuitBreaker(trip=room.FailureRate(0.5, calls=2, minimum_calls=2), clock=clock)
    fail(least)
    least.call(len, "")
    found = [
        (refused.reason.value, refused.last_error)
        for refused in (rejection(room, breaker) for breaker in (slow, bad, lost, least))
    ]
    assert found == [
        ("slow_call_rate", None),
        ("consecutive_failures", None),
        ("lease_expired", None),
        ("failure_rate", None),
    ]


def test_line_11_the_exception_arrives_untouched_however_often_it_opens(
    room: ModuleType, clock: Clock
) -> None:
    """Same object, same attributes, and a traceback that rejections do not lengthen."""
    error = ValueError("down", {"code": 7})
    error.add_note("once")
    cause = KeyError("inner")
    error.__cause__ = cause
    breaker = opened_by(room, clock, error)
    length = _length(error)
    for _ in range(3):
        kept = rejection(room, breaker).last_error
    assert (kept.args, kept.__notes__, kept.__cause__) == (error.args, ["once"], None)
    assert (_length(error), error.__cause__, error.args) == (length, cause, ("down", {"code": 7}))
    assert error.__notes__ == ["once"]


def _length(error: BaseException) -> int:
    length, traceback = 0, error.__traceback__
    while traceback is not None:
        length, traceback = length + 1, traceback.tb_next
    return length


@pytest.mark.parametrize(
    "build",
    [
        lambda: Keyworded(code=503),
        lambda: Wordless(),
        lambda: FileNotFoundError(2, "no such file", "rates.csv"),
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        lambda: ExceptionGroup("both", [ValueError("a"), OSError("b")]),
    ],
)
def test_what_is_kept_says_the_same_as_the_exception(
    room: ModuleType, clock: Clock, build: Any
) -> None:
    """Same type, words and attributes; where no copy can be made, its name is left."""
    error = build()
    kept = opened_by(room, clock, error).snapshot().last_error
    if isinstance(error, Wordless):
        assert (type(kept), str(kept)) == (SimcbError, "Wordless")
        return
    assert (type(kept), str(kept), vars(kept)) == (type(error), str(error), vars(error))


def test_line_13_why_it_opened_keeps_no_frames_alive(room: ModuleType, clock: Clock) -> None:
    """What the failed call had in its variables dies with it, also inside groups of errors."""

    def work(wrapped: bool) -> None:
        thing = Thing()
        alive.append(weakref.ref(thing))
        try:
            raise ValueError("down")
        except ValueError as error:
            if wrapped:
                raise ExceptionGroup("all", [error, OSError(error)]) from None
            raise

    alive: list[weakref.ref[Thing]] = []
    gc.disable()
    try:
        for wrapped in (False, True):
            breaker = room.CircuitBreaker(failure_threshold=1, clock=clock, listeners=[bool])
            with pytest.raises((ValueError, ExceptionGroup)) as caught:
                breaker.call(work, wrapped)
            assert type(breaker.snapshot().last_error) is caught.type
            gc.collect()
            del caught
            gc.collect()
            assert alive[-1]() is None, wrapped
            assert breaker.state is room.CircuitState.OPEN
    finally:
        gc.enable()


@pytest.mark.parametrize("error", [Keyworded(code=1), ValueError(lambda: None), OSError("down")])
def test_what_it_is_told_by_can_be_pickled(
    room: ModuleType, clock: Clock, error: Exception
) -> None:
    """An exception that would not arrive in another process is described; others arrive."""
    heard: list[Any] = []
    calls: list[Any] = []
    breaker = room.CircuitBreaker(
        failure_threshold=1, clock=clock, listeners=[heard.append], call_listeners=[calls.append]
    )
    with pytest.raises(type(error)):
        breaker.call(_raising, error)
    refused = rejection(room, breaker)
    refused.add_note("for the log")
    told = [heard[0], refused, breaker.snapshot()]
    for one in told:
        for arrived in (pickle.loads(pickle.dumps(one)), copy.copy(one)):
            assert type(arrived) is type(one)
            assert arrived.reason is room.Reason.CONSECUTIVE_FAILURES
            _says(arrived.last_error, error)
    assert copy.copy(refused).__notes__ == ["for the log"]
    assert str(pickle.loads(pickle.dumps(refused))).startswith("circuit 'breaker' is open (")
    _says(pickle.loads(pickle.dumps(calls[0])).error, error)


def _says(arrived: BaseException, error: Exception) -> None:
    if type(error) is OSError:
        assert (type(arrived), str(arrived)) == (OSError, "down")
    else:
        assert type(arrived) is SimcbError
        assert str(arrived) == f"{type(error).__name__}: {error}"


def test_a_snapshot_is_plain_data_for_json(room: ModuleType, clock: Clock) -> None:
    """The error says what it was, and each rule has the word of a scenario file."""
    rules = [room.ConsecutiveFailures(1), room.FailureRate(calls=10)]
    breaker = room.CircuitBreaker(trip=rules, clock=clock)
    assert json.loads(json.dumps(breaker.snapshot().as_dict()))["last_error"] is None
    fail(breaker)
    told = json.loads(json.dumps(breaker.snapshot().as_dict()))
    assert (told["state"], told["reason"]) == ("open", "consecutive_failures")
    assert told["last_error"] == "ValueError: down"
    assert [one["rule"] for one in told["rules"]] == ["consecutive_failures", "failure_rate"]


def test_a_rejection_made_by_hand_has_no_reason(room: ModuleType) -> None:
    """Two arguments are enough, as they always were."""
    made = room.CircuitOpenError("b", 2.0)
    assert (made.reason, made.last_error, made.forced) == (None, None, False)
    assert str(made) == "circuit 'b' is open; try again in 2 s"
    again = pickle.loads(pickle.dumps(made))
    assert again.args == made.args
