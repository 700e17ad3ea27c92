"""Lines 12 and 15 of the contract: windows are exact, and every way of calling is the same."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from itertools import count, islice
from types import ModuleType
from typing import Any

import pytest
from test_breaker.stage import Clock, Interrupts, at_least, bad, drive, fail, good, passes
from test_breaker.unfinished import Acquiring, awaited, entered, submitted


def feed(room: ModuleType, breaker: Any, outcomes: str) -> int:
    """Makes one call for each letter, `f` failing, and returns how many it took to open."""
    for number, outcome in enumerate(outcomes, 1):
        permit = breaker.acquire()
        permit.failure() if outcome == "f" else permit.success()
        if breaker.state is room.CircuitState.OPEN:
            return number
    return 0


def test_line_12_a_count_window_holds_the_last_n_outcomes(room: ModuleType, clock: Clock) -> None:
    """Sliding, not tumbling: the oldest outcome leaves when a new one comes."""
    cases = {"ssssssff": 0, "ssssssfff": 9, "sffssssfsf": 0, "fssfsfff": 6, "ffssssssssff": 0}
    for outcomes, opens in cases.items():
        rule = room.FailureRate(0.5, calls=6, minimum_calls=6)
        assert feed(room, room.CircuitBreaker(clock=clock, trip=rule), outcomes) == opens


def test_line_12_a_window_is_exact_after_it_was_quiet(room: ModuleType) -> None:
    """Runs of successes between failures, single ones and bursts: as counted by hand."""
    openings = 0
    for seed in range(400):
        draw = random.Random(seed)
        size, window, clock = draw.randint(1, 12), float(draw.randint(1, 20)), Clock()
        share = room.FailureRate(
            draw.choice([0.1, 0.3, 0.5, 1.0]), calls=size, minimum_calls=draw.randint(1, size)
        )
        count = room.FailuresInWindow(draw.randint(2, 5), window=window)
        breaker = room.CircuitBreaker(clock=clock, trip=[share, count])
        log: list[tuple[float, bool]] = []
        while breaker.state is room.CircuitState.CLOSED and len(log) < 300:
            failing = draw.random() < 0.5
            for _ in range(draw.choice([1, 1, 2] if failing else [1, 3, 10, 40])):
                clock.advance(draw.choice([0.0, 0.5, 3.0]))
                with contextlib.suppress(ValueError, room.CircuitOpenError):
                    breaker.call(bad if failing else good)
                log.append((clock.now, failing))
                last = [failed for _, failed in log[-size:]]
                young = [failed for at, failed in log if clock.now - at < window]
                opens = sum(young) >= count.threshold or (
                    len(last) >= share.minimum_calls and sum(last) / len(last) >= share.rate
                )
                assert (breaker.state is room.CircuitState.OPEN) is opens, (seed, len(log))
                if opens:
                    openings += 1
                    break
    assert openings > 200


def test_line_12_a_window_is_exact_after_a_handler_has_entered(
    room: ModuleType, clock: Clock
) -> None:
    """Whenever in a call a handler makes calls of its own: the last of all are in the window."""
    for handled in range(3, 10):
        moment = 0
        while True:
            moment += 1
            breaker = room.CircuitBreaker(clock=clock, trip=room.FailureRate(1.0, calls=3))
            breaker.count_only()
            fail(breaker, 2)
            passes(room, breaker)

            def handler(breaker: Any = breaker, handled: int = handled) -> None:
                fail(breaker, handled - 3)
                for _ in range(3):
                    passes(room, breaker)

            with Interrupts(room, moment, handler) as interrupts:
                breaker.call(good)
            if not interrupts.reached:
                break
            for last in ("ssf", "sfs", "fss", "ssf", "sfs", "fsf", "sff", "fff"):
                fail(breaker) if last[-1] == "f" else passes(room, breaker)
                seen = breaker.snapshot().rules[0]
                assert (seen.calls, seen.counted) == (3, last.count("f")), (handled, moment)
        assert moment > at_least(10, room)


def test_line_12_a_listener_that_comes_late_finds_every_call_in_the_window(
    room: ModuleType, clock: Clock
) -> None:
    """What a quiet window has not been told of counts when somebody begins to listen."""
    rule = room.FailureRate(0.5, calls=6, minimum_calls=6)
    breaker = room.CircuitBreaker(clock=clock, trip=rule)
    for _ in range(20):
        breaker.call(good)
    breaker.add_call_listener(lambda record: None)
    fail(breaker, 2)
    assert breaker.state is room.CircuitState.CLOSED
    fail(breaker)
    assert breaker.state is room.CircuitState.OPEN


def test_line_12_a_time_window_drops_what_is_exactly_its_age(
    room: ModuleType, clock: Clock
) -> None:
    """An outcome counts while it is less than the window old, and not at that age."""
    for age, opens in ((9.75, True), (10.0, False), (10.25, False)):
        for rule in (
            room.FailuresInWindow(2, window=10.0),
            room.FailureRate(1.0, window=10.0, minimum_calls=2),
        ):
            breaker = room.CircuitBreaker(clock=clock, trip=rule)
            fail(breaker)
            clock.advance(age)
            fail(breaker)
            assert (breaker.state is room.CircuitState.OPEN) is opens


def test_line_12_a_crowded_time_window_is_exact_to_a_ten_thousandth(
    room: ModuleType, clock: Clock
) -> None:
    """With more moments in it than it keeps apart, it miscounts only what is about to leave."""
    size, minimum, fine = 100_000.0, 13_000, 10.0
    rule = room.FailureRate(1.0, window=size, minimum_calls=minimum)
    breaker = room.CircuitBreaker(clock=clock, trip=rule)
    inside: deque[float] = deque()
    spacings = (8.0 if number < 23_100 else 5.0 for number in count())
    while breaker.state is room.CircuitState.CLOSED:
        clock.advance(next(spacings))
        inside.append(clock.now)
        while clock.now - inside[0] >= size:
            inside.popleft()
        breaker.acquire().failure()
        surely = sum(clock.now - at < size - fine for at in islice(inside, 4))
        assert breaker.state is room.CircuitState.OPEN or len(inside) - 4 + surely < minimum
    assert len(inside) >= minimum
    assert clock.now > 185_000.0


def test_line_12_no_rate_trips_below_minimum_calls(room: ModuleType, clock: Clock) -> None:
    """Failures alone do not trip a rate rule before it has seen enough; then at `>=`."""
    for rule in (
        room.FailureRate(0.3, calls=30, minimum_calls=10),
        room.FailureRate(0.3, window=60.0, minimum_calls=10),
        room.SlowCallRate(1e-9, 0.3, calls=30, minimum_calls=10),
    ):
        breaker = room.CircuitBreaker(clock=clock, trip=rule)
        for _ in range(3):
            permit = breaker.acquire()
            clock.advance(0.1)
            permit.failure()
        for _ in range(6):
            passes(room, breaker)
        assert breaker.state is room.CircuitState.CLOSED
        passes(room, breaker)
        assert breaker.state is room.CircuitState.OPEN
        assert rule.reason.value in ("failure_rate", "slow_call_rate")


def test_line_12_windows_begin_anew_with_every_generation(room: ModuleType, clock: Clock) -> None:
    """What led to the last opening, or was before a reset, does not count again."""
    rule = room.FailureRate(0.5, calls=4, minimum_calls=2)
    breaker = room.CircuitBreaker(clock=clock, trip=rule, recovery_timeout=10.0)
    fail(breaker, 2)
    clock.advance(10.0)
    assert passes(room, breaker)
    fail(breaker)
    assert breaker.state is room.CircuitState.CLOSED
    breaker.reset()
    fail(breaker)
    assert breaker.state is room.CircuitState.CLOSED
    fail(breaker)
    assert breaker.state is room.CircuitState.OPEN


def test_line_12_a_full_sliding_window_trips_as_the_markov_chain_says(room: ModuleType) -> None:
    """20 % failures, 10 calls, rate 50 %: 117.77 calls to a false trip; tumbling takes 305."""
    draw = random.Random(11)
    rule = room.FailureRate(0.5, calls=10, minimum_calls=10)
    breaker = room.CircuitBreaker(clock=lambda: 0.0, trip=rule)
    taken = []
    for _ in range(1500):
        calls = 0
        while breaker.state is room.CircuitState.CLOSED:
            permit = breaker.acquire()
            permit.failure() if draw.random() < 0.2 else permit.success()
            calls += 1
        taken.append(calls)
        breaker.reset()
    mean = sum(taken) / len(taken)
    error = (sum((one - mean) ** 2 for one in taken) / len(taken) ** 2) ** 0.5
    assert abs(mean - 117.77) < 4 * error


def test_line_12_slow_calls_trip_and_slow_probes_do_not_close(
    room: ModuleType, clock: Clock
) -> None:
    """Calls of `slow` seconds or more count, successes too; a slow probe opens it again."""
    rule = room.SlowCallRate(2.0, 0.5, calls=4, minimum_calls=4)
    breaker = room.CircuitBreaker(clock=clock, trip=rule, recovery_timeout=10.0)
    for took in (2.0, 1.9, 1.0, 0.0):
        breaker.call(clock.advance, took)
    assert breaker.state is room.CircuitState.CLOSED
    breaker.call(clock.advance, 2.0)
    breaker.call(clock.advance, 2.5)
    assert breaker.state is room.CircuitState.OPEN
    for too_long in (2.0, 3.0):
        clock.advance(10.0)
        breaker.call(clock.advance, too_long)
        assert breaker.state is room.CircuitState.OPEN
    clock.advance(10.0)
    breaker.call(clock.advance, 1.75)
    assert breaker.state is room.CircuitState.CLOSED


def test_line_12_a_failure_rate_may_take_slow_calls_for_failures(
    room: ModuleType, clock: Clock
) -> None:
    """One rule counts both, each call once; with a verdict the probes are judged so, too."""
    rule = room.FailureRate(0.75, calls=4, minimum_calls=4, slow=2.0)
    half_open = room.HalfOpen(4, verdict=0.5)
    breaker = room.CircuitBreaker(
        clock=clock, trip=rule, recovery_timeout=10.0, half_open=half_open
    )

    def end(failed: bool, took: float) -> None:
        permit = breaker.acquire()
        clock.advance(took)
        permit.failure() if failed else permit.success()

    for failed, took in ((True, 2.0), (False, 1.9), (False, 2.0), (False, 0.0)):
        end(failed, took)
    reading = breaker.snapshot().rules[0]
    assert (reading.calls, reading.counted, reading.rate) == (4, 2, 0.5)
    for failed, took in ((True, 0.0), (False, 0.0), (False, 3.0)):
        end(failed, took)
        assert breaker.state is room.CircuitState.CLOSED
    end(failed=True, took=0.0)
    assert breaker.snapshot().reason is room.Reason.FAILURE_RATE
    for last, then in ((2.0, room.CircuitState.OPEN), (0.0, room.CircuitState.CLOSED)):
        clock.advance(10.0)
        for failed, took in ((True, 2.0), (False, 1.0), (False, 1.0), (False, last)):
            end(failed, took)
        assert breaker.state is then


def test_several_rules_trip_when_any_of_them_does(room: ModuleType, clock: Clock) -> None:
    """The transition says which one it was."""
    heard: list[Any] = []
    rules = [room.ConsecutiveFailures(3), room.FailuresInWindow(4, 60.0)]
    breaker = room.CircuitBreaker(clock=clock, trip=rules, listeners=[heard.append])
    assert feed(room, breaker, "fff") == 3
    breaker.reset()
    assert feed(room, breaker, "ffsfsf") == 6
    assert [t.reason for t in heard if t.after is room.CircuitState.OPEN] == [
        room.Reason.CONSECUTIVE_FAILURES,
        room.Reason.FAILURES_IN_WINDOW,
    ]


def test_recovery_grows_to_its_maximum_and_starts_anew(room: ModuleType, clock: Clock) -> None:
    """Each failed probe multiplies the wait, up to the maximum; closing forgets it."""
    recovery = room.Recovery(10.0, factor=2.0, max=35.0)
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=1, recovery=recovery)
    waits = []
    for _ in range(4):
        fail(breaker)
        wait = breaker.snapshot().next_probe_at - clock.now
        waits.append(wait)
        clock.advance(wait)
    passes(room, breaker)
    fail(breaker)
    waits.append(breaker.snapshot().next_probe_at - clock.now)
    assert waits == [10.0, 20.0, 35.0, 35.0, 10.0]


def test_jitter_is_drawn_once_per_opening(room: ModuleType, clock: Clock) -> None:
    """From the injected source, spreading the wait around the timeout on both sides."""
    numbers = iter([0.0, 0.5, 0.75, 0.99])
    breaker = room.CircuitBreaker(
        clock=clock,
        failure_threshold=1,
        recovery=room.Recovery(10.0, jitter=0.5),
        random=lambda: next(numbers),
    )
    waits = []
    for _ in range(3):
        fail(breaker)
        opened = breaker.snapshot()
        for _ in range(5):
            assert not passes(room, breaker)
        assert breaker.snapshot().next_probe_at == opened.next_probe_at
        waits.append(opened.next_probe_at - clock.now)
        clock.now = opened.next_probe_at
    assert waits == [5.0, 10.0, 12.5]


def test_no_opening_lasts_longer_than_the_longest_with_jitter(
    room: ModuleType, clock: Clock
) -> None:
    """`max` holds for what is drawn, too, and the longest openings still end apart."""
    draw = random.Random(3)
    numbers = iter([0.5, 0.5, *(draw.random() for _ in range(50)), 1.0 - 2**-53])
    breaker = room.CircuitBreaker(
        clock=clock,
        failure_threshold=1,
        recovery=room.Recovery(10.0, factor=2.0, max=30.0, jitter=0.2),
        random=lambda: next(numbers),
    )
    waits = []
    for _ in range(53):
        fail(breaker)
        waits.append(breaker.snapshot().next_probe_at - clock.now)
        clock.now = breaker.snapshot().next_probe_at
    assert waits[:2] == [10.0, 20.0]
    longest = waits[2:]
    assert max(longest) == pytest.approx(30.0, abs=1e-9)
    assert max(longest) <= 30.0 + 1e-9
    assert min(longest) == pytest.approx(20.0, abs=1.0)
    assert len({round(wait, 6) for wait in longest}) == len(longest)


def test_line_15_every_way_of_calling_gives_the_same_states(room: ModuleType) -> None:
    """call, await, decorator, with, async with and bare permits: one story, one history."""
    draw = random.Random(5)
    story = [(draw.random() < 0.45, draw.choice([0.0, 0.5, 3.0])) for _ in range(300)]

    async def later(error: BaseException | None) -> None:
        await asyncio.sleep(0)
        if error is not None:
            raise error

    def work(error: BaseException | None) -> None:
        if error is not None:
            raise error

    def by_permit(breaker: Any, error: BaseException | None) -> None:
        permit = breaker.acquire()
        permit.success() if error is None else permit.failure(error)

    def by_with(breaker: Any, error: BaseException | None) -> None:
        with breaker:
            work(error)

    async def by_async_with(breaker: Any, error: BaseException | None) -> None:
        async with breaker:
            await later(error)

    async def by_task(breaker: Any, error: BaseException | None) -> None:
        await breaker.call(lambda: asyncio.ensure_future(later(error)))

    ways: list[Any] = [
        by_permit,
        by_with,
        lambda b, e: b.call(work, e),
        lambda b, e: b(work)(e),
        lambda b, e: asyncio.run(b.call(later, e)),
        lambda b, e: drive(by_async_with(b, e)),
        lambda b, e: drive(b(later)(e)),
        lambda b, e: drive(b.call(lambda: later(e))),
        lambda b, e: drive(awaited(b.call(Acquiring, e, later))),
        lambda b, e: drive(entered(b.call(Acquiring, e, later))),
        lambda b, e: b.call(submitted, e),
        lambda b, e: asyncio.run(by_task(b, e)),
    ]
    histories = []
    for way in ways:
        clock = Clock()
        heard: list[Any] = []
        rules = [room.ConsecutiveFailures(4), room.FailureRate(0.5, calls=8, minimum_calls=6)]
        breaker = room.CircuitBreaker(
            clock=clock,
            trip=rules,
            recovery_timeout=4.0,
            half_open=room.HalfOpen(successes=2),
            listeners=[heard.append],
        )
        steps = story[:60] if "run" in way.__code__.co_names else story
        for failing, gap in steps:
            clock.advance(gap)
            with contextlib.suppress(ValueError, room.CircuitOpenError):
                way(breaker, ValueError() if failing else None)
        # Two exceptions are never equal, so it is what they say that is compared.
        heard, *ended = (
            [one._replace(last_error=repr(one.last_error)) for one in records]
            for records in (heard, *([[breaker.snapshot()]] if steps is story else []))
        )
        histories.append((heard, ended))
    whole = histories[0]
    assert len(whole[0]) > 20
    for heard, ended in histories[1:]:
        assert heard == whole[0][: len(heard)]
        assert ended in (whole[1], [])
        assert len(heard) > 3


def test_a_snapshot_tells_how_full_each_window_is_and_of_what(
    room: ModuleType, clock: Clock
) -> None:
    """Calls, the least of them, how many count and their share, of every rule; at this moment."""
    rules = [
        room.ConsecutiveFailures(9),
        room.FailuresInWindow(7, 10.0),
        room.FailureRate(0.9, calls=4, minimum_calls=3),
        room.FailureRate(0.9, window=10.0, minimum_calls=8),
        room.SlowCallRate(2.0, 1.0, calls=100, minimum_calls=50),
    ]
    breaker = room.CircuitBreaker(clock=clock, trip=rules)

    def read() -> list[tuple[object, ...]]:
        readings = breaker.snapshot().rules
        assert [one.rule for one in readings] == rules
        return [tuple(one)[1:] for one in readings]

    assert read() == [(0, 9, 0, None), (0, 7, 0, None), *((0, n, 0, None) for n in (3, 8, 50))]
    assert passes(room, breaker)
    breaker.call(clock.advance, 2.0)
    fail(breaker, 2)
    assert read() == [
        (2, 9, 2, None),
        (2, 7, 2, None),
        (4, 3, 2, 0.5),
        (4, 8, 2, 0.5),
        (4, 50, 1, 0.25),
    ]
    assert passes(room, breaker)
    clock.advance(8.0)
    assert read()[2:] == [(4, 3, 2, 0.5), (4, 8, 2, 0.5), (5, 50, 1, 0.2)]
    clock.advance(2.0)
    assert read() == [
        (0, 9, 0, None),
        (0, 7, 0, None),
        (4, 3, 2, 0.5),
        (0, 8, 0, None),
        (5, 50, 1, 0.2),
    ]
    breaker.force_open()
    assert all(one.calls == 0 and one.rate is None for one in breaker.snapshot().rules)


def test_a_snapshot_of_a_calm_breaker_counts_its_successes(room: ModuleType, clock: Clock) -> None:
    """Also those that only made a step, beyond the size of the window, and after a failure."""
    breaker = room.CircuitBreaker(clock=clock, trip=room.FailureRate(1.0, calls=5))
    for calls in range(1, 9):
        assert passes(room, breaker)
        assert tuple(breaker.snapshot().rules[0])[1:] == (min(calls, 5), 5, 0, 0.0)
    fail(breaker)
    for _ in range(7):
        assert passes(room, breaker)
    assert tuple(breaker.snapshot().rules[0])[1:] == (5, 5, 0, 0.0)


def test_a_calm_call_and_a_failed_one_are_what_they_seem(room: ModuleType, clock: Clock) -> None:
    """A success between failures starts the row anew; nothing else does."""
    breaker = room.CircuitBreaker(clock=clock, failure_threshold=3)
    fail(breaker, 2)
    assert breaker.call(good, 7) == 7
    fail(breaker, 2)
    with pytest.raises(KeyboardInterrupt):
        breaker.call(bad, KeyboardInterrupt())
    assert breaker.state is room.CircuitState.CLOSED
    fail(breaker)
    assert breaker.state is room.CircuitState.OPEN


@pytest.mark.parametrize(
    ("moments", "opens"),
    [((7.0, 7.5, 7.9), True), ((7.0, 7.9, 8.0), False), ((8.0, 8.5, 15.9), True)],
)
def test_line_12_failures_in_a_row_are_those_since_the_counts_were_cleared(
    room: ModuleType, clock: Clock, moments: tuple[float, ...], opens: bool
) -> None:
    """By the clock since it closed; an outcome at the very moment is of the new period."""
    breaker = room.CircuitBreaker(trip=room.ConsecutiveFailures(3, every=8.0), clock=clock)
    began = clock.now
    for moment in moments:
        clock.advance(began + moment - clock.now)
        breaker.acquire().failure()
    assert (breaker.state is room.CircuitState.OPEN) is opens


def test_line_12_a_success_ends_the_row_within_a_period(room: ModuleType, clock: Clock) -> None:
    """Both hold: in a row, and since the counts were cleared; a snapshot shows the smaller."""
    breaker = room.CircuitBreaker(trip=room.ConsecutiveFailures(3, every=8.0), clock=clock)
    for outcome in ("failure", "failure", "success", "failure", "failure"):
        getattr(breaker.acquire(), outcome)()
    assert breaker.state is room.CircuitState.CLOSED
    assert breaker.snapshot().rules[0].counted == 2
    clock.advance(8.0)
    assert breaker.snapshot().rules[0].counted == 0
    assert breaker.failure_threshold == 3


def test_line_12_a_rate_is_of_the_calls_since_the_counts_were_cleared(
    room: ModuleType, clock: Clock
) -> None:
    """Calls do not age one by one; the minimum has to be reached anew in each period."""
    rule = room.FailureRate(0.5, every=10.0, minimum_calls=4)
    breaker = room.CircuitBreaker(trip=rule, clock=clock)
    for _ in range(3):
        breaker.acquire().failure()
    clock.advance(10.0)
    for outcome in ("success", "success", "failure"):
        breaker.acquire()
        getattr(breaker.acquire(), outcome)()
    assert breaker.state is room.CircuitState.CLOSED
    assert breaker.snapshot().rules[0].calls == 3
    breaker.acquire().failure()
    assert breaker.state is room.CircuitState.OPEN
    with pytest.raises(room.ParameterError, match="one of calls, window and every"):
        room.FailureRate(0.5, calls=4, every=1.0)
