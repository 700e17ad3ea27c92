"""Trials: what is shown by a story made for it, or by the library's own guard in real time.

A trial returns what it has shown, or why it does not apply. A new one is a function here and its
line in `TRIALS`.
"""

from __future__ import annotations

import gc
import inspect
import logging
import random
import threading
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simcb.adapters import AdapterError
from simcb.adapters.protocol import Adapter
from simcb.conformance.guarding import as_coroutine, as_it_is, guarded, hears, outcome, shares
from simcb.conformance.search import Shown
from simcb.conformance.stories import CLOSED, TIMEOUT, Act, Answer, Event, Step, Story, told
from simcb.garbage import passed_over

HOUR = 3600.0

_PATIENCE = 1.0
"""Seconds after which a call counts as never ending."""


@dataclass(frozen=True)
class Left:
    """A line that says nothing of a breaker, or was not tried with it.

    Args:
        why: in a few words.
        applies: whether the line says something of it all the same.
    """

    why: str
    applies: bool = False


@dataclass(frozen=True)
class Subject:
    """A breaker that is tried.

    Args:
        adapter: whose it is.
        settings: returns the settings for a threshold, and a timeout in seconds.
    """

    adapter: Adapter
    settings: Callable[[int, float], dict[str, object]]

    def story(self, threshold: int = 1, timeout: float = TIMEOUT) -> Story:
        """Return a new story of one that opens at so many failures in a row."""
        return Story(self.adapter, self.settings(threshold, timeout))

    def guard(self, threshold: int = 1) -> Callable[[Any], Any] | None:
        """Return the library's own decorator of a new breaker, if the adapter knows it."""
        found: Callable[[Any], Any] | None = getattr(
            self.story(threshold, HOUR).breaker, "guard", None
        )
        return found


def jumps(subject: Subject) -> Shown | Left:
    """Try whether it opens for its timeout if somebody sets the clock back meanwhile."""
    if not subject.adapter.wall_clock:
        return Shown(True)
    story = subject.story()
    story.now = 2 * HOUR
    story.run((Step(Act.ASK, 1), Step(Act.FAIL, 1)))
    story.now -= HOUR
    event = story.run((Step(Act.WAIT, seconds=2 * TIMEOUT), Step(Act.ASK, 2)))[-1]
    story.end()
    if event.answer is Answer.IN:
        return Shown(True)
    history = f"call 1 asks, call 1 fails, the clock is set back an hour, {2 * TIMEOUT:g} s pass"
    return Shown(True, f"{history}, call 2 asks", "call 2 is rejected: it reads the wall clock")


def repeats(subject: Subject) -> Shown | Left:
    """Try whether the same calls at the same times give the same states, twice."""
    drawn = random.Random(0)
    kept: list[list[Event]] = []
    steps = [Step(Act.ASK, 1)]
    first = subject.story()
    kept.append([first.do(steps[0])])
    for _ in range(200):
        under_way = sorted(first.under_way)
        choices = [Step(Act.ASK, first.asked + 1), Step(Act.WAIT, seconds=TIMEOUT / 2)]
        for number in under_way[:3]:
            choices += [Step(Act.SUCCEED, number), Step(Act.FAIL, number)]
        steps.append(drawn.choice(choices))
        kept[0].append(first.do(steps[-1]))
    first.end()
    second = subject.story()
    kept.append(second.run(steps))
    second.end()
    for place, (one, other) in enumerate(zip(*kept, strict=True)):
        if (one.before, one.after, one.answer) != (other.before, other.after, other.answer):
            return Shown(True, told(steps[: place + 1]), "the second time it is otherwise")
    return Shown(True)


def bounded(subject: Subject) -> Shown | Left:
    """Try whether memory grows with the calls, and whether what nobody holds is collected."""
    # What was there before is nothing to look through again and again.
    with passed_over():
        return _bounded(subject)


def _bounded(subject: Subject) -> Shown:
    story = subject.story(threshold=3)

    def calls(count: int) -> None:
        for number in range(count):
            event = story.do(Step(Act.ASK, story.asked + 1))
            if event.call is not None:
                fails = number % 50 > 40
                story.do(Step(Act.FAIL if fails else Act.SUCCEED, event.call.number))
            story.do(Step(Act.WAIT, seconds=0.25))

    calls(1_000)
    grown = _growth(lambda: calls(2_000))
    if grown > 20_000:
        history = "2,000 calls, of which some fail"
        return Shown(True, history, f"it keeps {grown / 1000:,.0f} kB of them")

    def breakers(count: int) -> int:
        for made in range(1, count + 1):
            subject.story().run((Step(Act.ASK, 1), Step(Act.FAIL, 1)))
            guard = subject.guard()
            if guard is not None:
                guarded(guard, as_coroutine(lambda: None))
            if made % 100 == 0:
                gc.collect()
        return len(gc.get_objects())

    # Books that are put in order now and then are shorter after some round; a leak never is.
    before = breakers(_ROUND // 5)
    kept = 0.0
    for _ in range(_ROUNDS):
        after = breakers(_ROUND)
        kept = (after - before) / _ROUND
        if kept < 0.5:
            return Shown(True)
        before = after
    history = f"{_ROUNDS * _ROUND:,} breakers that nobody holds"
    return Shown(True, history, f"each leaves {kept:.1f} objects")


def _growth(work: Callable[[], None]) -> int:
    """Return by how many bytes memory has grown."""
    gc.collect()
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    work()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    if not tracing:
        tracemalloc.stop()
    return after - before


_ROUND, _ROUNDS = 500, 10
"""Breakers that are made and dropped at a time, and how often at most."""

RATE, CALLS, MINIMUM = 0.5, 10, 4


def windows(subject: Subject) -> Shown | Left:
    """Try whether a window of calls holds the last ones, and opens at its rate and minimum."""
    comparable = subject.adapter.comparable
    if comparable is None or comparable.window is None:
        why = "" if comparable is None else comparable.no_window
        return Left(why or "its adapter names no window of calls", applies=not why)
    for seed in range(40):
        settings = comparable.window(RATE, CALLS, MINIMUM, TIMEOUT)
        story, drawn = Story(subject.adapter, settings), random.Random(seed)
        last: deque[bool] = deque(maxlen=CALLS)
        outcomes: list[bool] = []
        opened = False
        while not opened and len(last) < 10 * CALLS and len(outcomes) < 60:
            failed = drawn.random() < 0.4
            outcomes.append(failed)
            last.append(failed)
            story.do(Step(Act.ASK, story.asked + 1))
            event = story.do(Step(Act.FAIL if failed else Act.SUCCEED, story.asked))
            due = len(last) >= MINIMUM and sum(last) >= RATE * len(last)
            opened = event.after != CLOSED
            if opened != due:
                words = "".join("✗" if each else "·" for each in outcomes)
                does = "opens" if opened else "stays closed"
                rate = f"{sum(last)} of the last {len(last)} failed"
                return Shown(True, f"calls {words} (✗ fails)", f"it {does} where {rate}")
    return Shown(True)


def untouched(subject: Subject) -> Shown | Left:
    """Try whether errors, results and names come through the guard as they are."""
    guard = subject.guard(threshold=1000)
    if guard is None:
        return Left("its adapter names no decorator", applies=True)
    error, result = ValueError("whose it is"), object()

    def fails() -> None:
        raise error.with_traceback(None)

    def answers() -> object:
        """Say something."""
        return result

    shown = False
    for kind, plain in (("function", as_it_is), ("coroutine function", as_coroutine)):
        made = guarded(guard, plain(answers))
        if made is None or outcome(made) is not result:
            continue
        shown = True
        depths = []
        failing = guard(plain(fails))
        for _ in range(3):
            got = outcome(failing)
            if got is not error:
                what = f"the error of a {kind} comes out as {type(got).__name__}"
                return Shown(True, "a guarded call raises", what)
            depths.append(sum(1 for _ in _frames(error)))
        if depths[1] != depths[2]:
            return Shown(True, "one error raised again and again", "its traceback grows")
        if getattr(made, "__name__", "") != "answers" or made.__doc__ != answers.__doc__:
            return Shown(True, f"a guarded {kind}", "it has lost its name or docstring")
        if kind != "function" and not inspect.iscoroutinefunction(made):
            return Shown(True, f"a guarded {kind}", "iscoroutinefunction says it is none")
    return Shown(True) if shown else Left("its decorator guards neither kind of function")


def one_state(subject: Subject) -> Shown | Left:
    """Try whether functions and coroutine functions share one state."""
    guard = subject.guard()
    if guard is None:
        return Left("its adapter names no decorator", applies=True)
    calls: list[str] = []

    def fails() -> None:
        calls.append("called")
        raise ValueError

    kinds = [
        made
        for plain in (as_it_is, as_coroutine)
        if (made := guarded(guard, plain(fails))) is not None and hears(subject.guard(), plain)
    ]
    if len(kinds) < 2:
        return Left("its decorator guards one kind of function only")
    if not shares(subject.guard()):
        return Left("each function that it guards has a breaker of its own")
    for made in kinds:
        outcome(made)
    if len(calls) > 1:
        history = "a function fails, a coroutine function is called"
        return Shown(True, history, "it is called, though the breaker is open")
    return Shown(True)


def unheard(subject: Subject) -> Shown | Left:
    """Try whether the failure of a coroutine function is heard, where one may be guarded."""
    guard = subject.guard()
    if guard is None:
        return Left("its adapter names no decorator", applies=True)
    made = guarded(guard, as_coroutine(lambda: None))
    if made is None:
        return Left("it refuses coroutine functions")
    if not hears(subject.guard(), as_coroutine):
        history = "a guarded coroutine function raises when it is awaited"
        return Shown(True, history, "the failure is not heard: it never opens")
    return Shown(True)


def entered_again(subject: Subject) -> Shown | Left:
    """Try whether a guarded function may call itself through its breaker."""
    guard = subject.guard(threshold=1000)
    if guard is None:
        return Left("its adapter names no decorator", applies=True)
    entered: list[Callable[[], object]] = []

    def nested() -> object:
        return entered.pop()() if entered else None

    made = guarded(guard, nested)
    if made is None:
        return Left("it guards coroutine functions only")
    entered.append(made)
    thread = threading.Thread(target=outcome, args=(made,), daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    if thread.is_alive():
        return Shown(True, "a guarded function calls itself", "it never returns")
    return Shown(True)


def told_of(subject: Subject) -> Shown | Left:
    """Try whether a listener hears each change once and in order, and may raise."""
    story = subject.story()
    listen = getattr(story.breaker, "listen", None)
    if listen is None:
        return Left("its adapter names no listener", applies=True)
    heard: list[tuple[str, str]] = []

    def listener(old: str, new: str) -> None:
        heard.append((old, new))
        raise RuntimeError("a listener that raises")

    listen(listener)
    steps = (
        *(Step(Act.ASK, 1), Step(Act.FAIL, 1), Step(Act.WAIT, seconds=TIMEOUT)),
        *(Step(Act.ASK, 2), Step(Act.SUCCEED, 2)),
    )
    for place, step in enumerate(steps):
        try:
            with _unlogged():
                story.do(step)
        except AdapterError:
            return Shown(True, told(steps[: place + 1]), "the listener's error reaches the caller")
    wanted = [("closed", "open"), ("open", "half_open"), ("half_open", "closed")]
    if heard != wanted:
        words = ", ".join(f"{old} to {new}" for old, new in heard) or "nothing"
        return Shown(True, told(steps), f"a listener hears {words}")
    return Shown(True)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Log nothing: an error that is raised on purpose is no news."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        yield
    finally:
        logging.disable(before)


def _frames(error: BaseException) -> Iterator[object]:
    frame = error.__traceback__
    while frame is not None:
        yield frame
        frame = frame.tb_next


TRIALS: dict[int, tuple[Callable[[Subject], Shown | Left], ...]] = {
    5: (unheard,),
    8: (jumps,),
    9: (told_of,),
    10: (entered_again,),
    11: (untouched,),
    12: (windows,),
    13: (bounded,),
    14: (one_state,),
    15: (repeats,),
}
"""What is tried for each line, beside what histories show."""
