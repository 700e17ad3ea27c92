"""The heap, compiled or not, lets things happen in the one order there is."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.world.heap import Heap
from simcb.world.occurrence import Occurrence

MOMENTS = st.sampled_from((0.0, 0.5, 1.0, 1.5, float("inf"))) | st.floats(0.0, 3.0)
PLANS = st.lists(
    st.tuples(MOMENTS, st.integers(0, 5), st.lists(st.tuples(MOMENTS, st.integers(0, 5)))),
    max_size=60,
)
"""When something happens and in which order, and what follows after how long."""


class Told(Occurrence):
    """Something that happens, and what follows of it."""

    def __init__(self, name: int, follows: list[tuple[float, int]]) -> None:
        super().__init__()
        self.name = name
        self.follows = follows


@given(PLANS, st.lists(st.floats(0.0, 4.0), max_size=4).map(sorted))
def test_all_happens_in_the_order_of_time_order_and_turn(
    plan: list[tuple[float, int, list[tuple[float, int]]]], stops: list[float]
) -> None:
    heap, entries = Heap(), list[tuple[float, int, int, list[tuple[float, int]]]]()
    happened: list[tuple[float, int]] = []
    expected: list[tuple[float, int]] = []
    turns = 0

    def push(time: float, order: int, follows: list[tuple[float, int]]) -> None:
        nonlocal turns
        event = Told(turns, follows)
        event.callback = happen
        heap.push(time, order, turns, event)
        turns += 1

    def happen(event: Told) -> None:
        happened.append((heap.now, event.name))
        for after, order in event.follows:
            push(heap.now + after, order, [])

    for time, order, follows in plan:
        push(time, order, follows)
    for stop in [*stops, float("inf")]:
        heap.advance(stop)
        assert all(at < stop for at, _ in happened)
        assert heap.due() >= stop

    turn = 0
    for time, order, follows in plan:
        heappush(entries, (time, order, turn, follows))
        turn += 1
    while entries and entries[0][0] < float("inf"):
        time, _, number, follows = heappop(entries)
        expected.append((time, number))
        for after, order in follows:
            heappush(entries, (time + after, order, turn, []))
            turn += 1
    assert happened == expected
    heap.clear()
    assert heap.due() == float("inf")


def test_an_error_in_what_happens_leaves_the_rest_to_happen() -> None:
    heap = Heap()

    def fail(_: object) -> None:
        raise ValueError("down")

    heap.push(1.0, 0, 0, Occurrence(fail))
    later: list[float] = []
    heap.push(2.0, 0, 1, Occurrence(lambda _: later.append(heap.now)))
    with pytest.raises(ValueError, match="down"):
        heap.advance(3.0)
    heap.advance(3.0)
    assert later == [2.0]
