"""Virtual time keeps its order, and constant delays are timed without filling the heap."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.world.clock import Clock, Expiries, Order, Waiter


class Wait(Waiter):
    """Somebody waiting since `start`."""

    number = 0

    def __init__(self, start: float) -> None:
        super().__init__()
        self.since = start


@dataclass
class Timed:
    """Timers of 1 s whose expiry may start another."""

    again: int = 0
    expired: list[tuple[float, float]] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.expiries = Expiries(self.clock, 1.0, Order.EXPIRE, self.expire)

    def add(self) -> Wait:
        """Begin to wait now."""
        wait = Wait(self.clock.now)
        self.expiries.add(wait)
        return wait

    def expire(self, wait: Wait) -> None:
        """Write down when a wait was over, and begin another one if there are any left."""
        self.expired.append((wait.since, self.clock.now))
        if self.again:
            self.again -= 1
            self.add()


def test_events_of_one_moment_happen_in_their_order() -> None:
    """At one moment conditions change first and samples are taken last, however scheduled."""
    clock, seen = Clock(), []
    for order in sorted(Order, reverse=True):
        clock.tell(1.0, order, lambda order=order: seen.append(order))  # type: ignore[misc]
    clock.run()
    assert seen == sorted(Order)


def test_event_happens_at_the_very_moment_it_was_scheduled_for() -> None:
    """A moment is not now plus a difference: it is kept to the last bit."""
    clock, seen = Clock(), []
    clock.tell(0.1, Order.ASK, lambda: clock.tell(0.3, Order.ASK, lambda: seen.append(clock.now)))
    clock.run()
    assert seen == [0.3]


def test_retry_at_an_expiry_does_not_delay_the_others() -> None:
    """A wait that begins while another expires leaves those in between their own moments."""
    timed = Timed(again=3)
    for moment in (0.0, 0.25, 0.5):
        timed.clock.tell(moment, Order.ASK, timed.add)
    timed.clock.run()
    assert timed.expired == [(s, s + 1.0) for s in (0.0, 0.25, 0.5, 1.0, 1.25, 1.5)]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.none() | st.integers(0, 40)), max_size=30),
    st.integers(0, 5),
)
def test_each_wait_that_is_not_settled_expires_once_and_in_time(
    waits: list[tuple[int, int | None]], again: int
) -> None:
    """Every wait ends exactly its delay after its start, unless it was settled before."""
    timed = Timed(again)
    settled: set[float] = set()

    def begin(settle_after: int | None) -> None:
        wait = timed.add()
        if settle_after is not None:
            moment = timed.clock.now + settle_after / 8
            timed.clock.tell(moment, Order.DONE, lambda: setattr(wait, "settled", True))
            if settle_after <= 8:
                settled.add(wait.since)

    for start, settle_after in waits:
        timed.clock.tell(start / 8, Order.ASK, lambda after=settle_after: begin(after))  # type: ignore[misc]
    timed.clock.run()
    assert all(now == start + 1.0 for start, now in timed.expired)
    unsettled = sum(after is None or after > 8 for _, after in waits)
    assert len(timed.expired) == unsettled + again - timed.again


@pytest.mark.parametrize("outstanding", [10, 2000])
def test_settled_waits_do_not_pile_up(outstanding: int) -> None:
    """The heap holds one entry for a delay, however many wait."""
    timed = Timed()
    waits = [timed.add() for _ in range(outstanding)]
    for wait in waits[:-1]:
        wait.settled = True
    timed.clock.run(until=1.0)
    assert timed.expired == []
    timed.clock.run()
    assert timed.expired == [(0.0, 1.0)]


def test_a_wait_ends_in_its_own_turn_after_those_before_it_were_thrown_out() -> None:
    """Of waits in two queues that end together the one that began first ends first."""
    clock, ended = Clock(), []
    one, other = (
        clock.timers(1.0, Order.EXPIRE, lambda wait, name=name: ended.append((name, wait.number)))  # type: ignore[misc]
        for name in ("one", "other")
    )

    def wait(queue: Expiries, number: int) -> Wait:
        begun = Wait(clock.now)
        begun.number = number
        queue.add(begun)
        return begun

    wait(one, 0).settled = True
    wait(other, 1)
    wait(one, 2)
    for number in range(3, 1030):  # so many that those who are settled are thrown out
        wait(one, number).settled = True
    clock.run()
    assert ended == [("other", 1), ("one", 2)]
