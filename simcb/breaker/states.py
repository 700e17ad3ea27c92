"""What a breaker is at one moment: closed, open or half-open, each a value that is replaced.

A breaker's whole memory hangs on one reference to one of these, so a change is one
assignment (of the state, or of the tally of a closed one), and whatever interrupts it, be it
a signal, another thread or a garbage collection, finds what was before it or what is after
it. Results carry the `generation` of the state that let their call through; every transition
begins a new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Literal, TypeAlias

from simcb.breaker.probing import NONE_ENDED, Ended
from simcb.breaker.records import CircuitState, Mode, Reason
from simcb.breaker.tallies import Tally
from simcb.breaker.windows import Window

SETTLED = 0
"""The generation of a permit that has been settled, or was never granted."""


class ClosedState:
    """Calls pass, and their outcomes are counted.

    Everything counted is in `tally`, an immutable tuple that is replaced by one assignment.
    The windows beside it are caches of what the totals were earlier, and follow from it.
    `quick` says that a call may pass without asking the clock for the moment it began. A
    success of a calm state is one `step`, and if there are windows, that moves `passed` too.
    """

    __slots__ = ("generation", "mode", "passed", "quick", "since", "step", "tally", "windows")
    state = CircuitState.CLOSED

    def __init__(
        self,
        generation: int,
        since: float,
        mode: Mode,
        windows: tuple[Window, ...],
        tally: Tally,
        quick: bool,
        succeeded: count[int],
    ) -> None:
        self.generation = generation
        self.since = since
        self.mode = mode
        self.windows = windows
        self.tally = tally
        self.quick = quick
        self.step: Iterator[object] = succeeded
        if windows:
            self.passed = count()
            # The two move together: nothing can come between them inside `zip`.
            self.step = zip(succeeded, self.passed, strict=False)


class OpenState:
    """No call passes before `deadline`; `wait` is the timeout it was computed from.

    A breaker that was forced open has a deadline that never comes. `last_error` is what the
    call that opened it raised; see `causes` for what is kept of it.
    """

    __slots__ = ("deadline", "generation", "last_error", "mode", "reason", "since", "wait")
    state = CircuitState.OPEN
    quick: Literal[False] = False
    tally: Tally = ()

    def __init__(
        self,
        generation: int,
        since: float,
        mode: Mode,
        deadline: float,
        wait: float,
        reason: Reason,
        last_error: BaseException | None = None,
    ) -> None:
        self.generation = generation
        self.since = since
        self.mode = mode
        self.deadline = deadline
        self.wait = wait
        self.reason = reason
        self.last_error = last_error


class Probe:
    """One call on trial; it counts as failed from `until` on.

    It has made `inner` calls through its own breaker, of at most `most`.
    """

    __slots__ = ("inner", "most", "until")

    def __init__(self, until: float, most: int) -> None:
        self.until = until
        self.most = most
        self.inner = 0


class HalfOpenState:
    """A few probes are out, oldest first, and some have `ended`; `opened` was before."""

    __slots__ = ("ended", "generation", "opened", "probes", "since")
    state = CircuitState.HALF_OPEN
    quick: Literal[False] = False
    mode = Mode.AUTOMATIC
    tally: Tally = ()

    def __init__(
        self,
        generation: int,
        since: float,
        opened: OpenState,
        probes: tuple[Probe, ...],
        ended: Ended = NONE_ENDED,
    ) -> None:
        self.generation = generation
        self.since = since
        self.opened = opened
        self.probes = probes
        self.ended = ended


State: TypeAlias = ClosedState | OpenState | HalfOpenState


def opening(state: State) -> OpenState | None:
    """Returns the open state of a breaker that is open, or has been until it went half-open."""
    if isinstance(state, HalfOpenState):
        return state.opened
    return state if isinstance(state, OpenState) else None
