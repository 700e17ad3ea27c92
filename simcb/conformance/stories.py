"""Stories: what callers do to a breaker step by step, and what it answers."""

from __future__ import annotations

from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simcb.adapters import AdapterError
from simcb.adapters.protocol import BUSY, Adapter, CallFailed

TIMEOUT = 10.0
"""Seconds that a breaker stays open in every story."""

DAY = 86_400.0
"""Seconds after which nobody waits for a probe any more."""

CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"


class Act(StrEnum):
    """What a caller can do, and that time passes."""

    ASK = "asks"
    SUCCEED = "succeeds"
    FAIL = "fails"
    CANCEL = "is cancelled"
    WAIT = "pass"


class Answer(StrEnum):
    """What a call is told when it asks."""

    IN = "let through"
    REJECTED = "rejected"
    QUEUED = "made to wait"


@dataclass(frozen=True)
class Step:
    """One step of a story.

    Args:
        act: what happens.
        call: the number of the call it happens to, from 1; 0 where none is meant.
        seconds: how much time passes.
    """

    act: Act
    call: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        if self.act is Act.WAIT:
            return "a day passes" if self.seconds == DAY else f"{self.seconds:g} s {self.act}"
        return f"call {self.call} {self.act}"


@dataclass
class Call:
    """A call that was let through.

    Args:
        number: from 1, in the order of asking.
        entry: what the breaker wants back when it ends.
        at: when it was let through, in seconds.
        generation: how often the breaker had opened or closed by then.
        probe: whether the breaker had not closed since it opened.
    """

    number: int
    entry: Any
    at: float
    generation: int
    probe: bool


@dataclass(frozen=True)
class Event:
    """A step, and what was seen of the breaker.

    Args:
        step: what happened.
        at: when, in seconds.
        before: the state before it.
        after: the state after it.
        answer: what a call was told that asked.
        call: the call that ended, or was let through.
        stale: whether the call that ended was let through before it last opened or closed.
        opened_at: when it last opened, in seconds; None if it has closed since.
        probed: how many calls were let through since then.
        others: calls that were let through and have not ended, beside this one.
    """

    step: Step
    at: float
    before: str
    after: str
    answer: Answer | None
    call: Call | None
    stale: bool
    opened_at: float | None
    probed: int
    others: tuple[Call, ...]

    @property
    def deadline(self) -> float:
        """From when on a probe may pass, in seconds; infinite if it is closed."""
        return float("inf") if self.opened_at is None else self.opened_at + TIMEOUT

    @property
    def probes(self) -> tuple[Call, ...]:
        """The other probes of this opening that have not ended."""
        return tuple(each for each in self.others if each.probe and each.at >= self.deadline)

    @property
    def asks(self) -> bool:
        """Whether a call asks."""
        return self.step.act is Act.ASK


@dataclass
class Story:
    """A breaker under way in virtual time.

    Args:
        adapter: whose breaker it is.
        settings: its own parameters.
    """

    adapter: Adapter
    settings: dict[str, object]
    now: float = 0.0
    asked: int = 0
    under_way: dict[int, Call] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # The last of them: a story of thousands must not be what grows.
        self._steps: deque[Step] = deque(maxlen=10)
        with self._whose(f"making one with {self.settings}"):
            self.breaker = self.adapter.build(lambda: self.now, self.settings, lambda: 0.5)
        self._generation = 0
        self._opened_at: float | None = None
        self._probed = 0

    def run(self, steps: Sequence[Step]) -> list[Event]:
        """Do the steps one after another, and return what was seen of each."""
        return [self.do(step) for step in steps]

    def do(self, step: Step) -> Event:
        """Do a step, and return what was seen."""
        if step.act is Act.WAIT:
            self.now += step.seconds
        self._steps.append(step)
        before = self._state()
        answer, call, stale = None, None, False
        opened_at, probed = self._opened_at, self._probed
        if step.act is Act.ASK:
            answer, call = self._ask()
        elif step.act is not Act.WAIT:
            call = self.under_way.pop(step.call)
            stale = call.generation != self._generation
            with self._whose("`leave()`"):
                self.breaker.leave(call.entry, _ERRORS[step.act]())
        after = self._state()
        others = tuple(each for each in self.under_way.values() if each is not call)
        event = Event(step, self.now, before, after, answer, call, stale, opened_at, probed, others)
        self._note(before, after, reopened=before == HALF_OPEN and after == OPEN)
        return event

    def _state(self) -> str:
        with self._whose("`state`"):
            return self.breaker.state

    @contextmanager
    def _whose(self, what: str) -> Iterator[None]:
        """Say of an error whose it is, and what came before."""
        try:
            yield
        except Exception as error:
            after = f" after: {told([*self._steps])}" if self._steps else ""
            raised = f"{what} of {self.adapter.name} raised {type(error).__name__}: {error}"
            raise AdapterError(f"{raised}{after}; mend its adapter") from error

    def end(self) -> None:
        """Let go of the calls that are under way, so that none ends when nobody looks."""
        for call in self.under_way.values():
            with suppress(Exception, CancelledError):
                self.breaker.leave(call.entry, CancelledError())
        self.under_way.clear()

    def _ask(self) -> tuple[Answer, Call | None]:
        self.asked += 1
        with self._whose("`enter()`"):
            entry = self.breaker.enter()
        if entry is None:
            return Answer.REJECTED, None
        if entry is BUSY:
            return Answer.QUEUED, None
        probe = self._opened_at is not None
        self._probed += probe
        call = Call(self.asked, entry, self.now, self._generation, probe)
        self.under_way[self.asked] = call
        return Answer.IN, call

    def _note(self, before: str, after: str, *, reopened: bool) -> None:
        """Keep in mind when it opened, and whether it has closed since."""
        if after == CLOSED and self._opened_at is not None:
            self._generation += 1
            self._opened_at, self._probed = None, 0
        elif after == OPEN and (reopened or self._opened_at is None):
            self._generation += 1
            self._opened_at, self._probed = self.now, 0


_ERRORS: dict[Act, Callable[[], BaseException | None]] = {
    Act.SUCCEED: lambda: None,
    Act.FAIL: lambda: CallFailed("the call failed"),
    Act.CANCEL: CancelledError,
}


def told(steps: Sequence[Step]) -> str:
    """Return a story in words."""
    return ", ".join(map(str, steps))
