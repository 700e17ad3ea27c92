"""What the breaker's tests stand on: a clock to turn, calls that end as told, coroutines driven
by hand, a scheduler that decides which thread runs at every bytecode, and interrupts at any
moment at which the interpreter lets one in.
"""

from __future__ import annotations

import dis
import gc
import random
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any

import simcb.breaker
from simcb.version import is_compiled

PATIENCE = 10.0
"""Seconds of real time after which something that should have ended is taken for stuck."""


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def good(value: object = "good") -> object:
    return value


def bad(error: BaseException | None = None) -> None:
    raise ValueError("down") if error is None else error


def fail(breaker: Any, times: int = 1) -> None:
    """Makes calls through the breaker that raise ValueError."""
    for _ in range(times):
        try:
            breaker.call(bad)
        except ValueError:
            continue
        raise AssertionError("the exception did not arrive")


def passes(room: ModuleType, breaker: Any) -> bool:
    """Whether a call is let through now; it succeeds."""
    try:
        breaker.call(good)
    except room.CircuitOpenError:
        return False
    return True


def tripped(room: ModuleType, clock: Clock, **settings: Any) -> Any:
    """A breaker that has just opened, for ten seconds unless said otherwise."""
    settings.setdefault("failure_threshold", 1)
    if "recovery" not in settings:
        settings.setdefault("recovery_timeout", 10.0)
    breaker = room.CircuitBreaker("upstream", clock=clock, **settings)
    fail(breaker)
    while breaker.state is room.CircuitState.CLOSED:
        fail(breaker)
    return breaker


def balanced(breaker: Any) -> bool:
    """Whether every admitted call is counted once, and none is missing."""
    seen = breaker.snapshot()
    ended = seen.successes + seen.failures + seen.ignored + seen.stale
    return seen.in_flight == 0 and seen.admitted == ended


def recovers(room: ModuleType, breaker: Any, clock: Clock, within: float) -> None:
    """Demands that healthy calls, one a second, close the breaker within so many seconds."""
    end = clock.now + within
    while breaker.state is not room.CircuitState.CLOSED or not passes(room, breaker):
        assert clock.now <= end, f"still {breaker.state} after {within} s: {breaker.snapshot()}"
        passes(room, breaker)
        if breaker.state is not room.CircuitState.CLOSED:
            clock.advance(1.0)


def elsewhere(work: Callable[[], object]) -> object:
    """Runs the function in another thread and returns its result; a stuck one is an error."""
    results: list[object] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(10.0)
    if errors:
        raise errors[0]
    assert results, "another thread is stuck"
    return results[0]


class Pause:
    """Something to await that hands control back to whoever drives the coroutine."""

    def __await__(self) -> Any:
        return (yield self)


def drive(coroutine: Coroutine[Any, Any, Any]) -> object:
    """Runs a coroutine to its end without an event loop."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as end:
        return end.value


def lines_of(room: ModuleType) -> str:
    """The folder whose lines count as the room's own."""
    return str(Path(room.__file__ or "").parent)


def at_least(moments: int, room: ModuleType) -> int:
    """The fewest moments there have to be; what is compiled of a room lets nothing in."""
    return 2 if room is simcb.breaker and is_compiled() else moments


CALLS = ("CALL", "CALL_KW", "CALL_FUNCTION_EX")
"""Instructions after which the interpreter looks for signals, if they have called C."""

LOOPS = "JUMP_BACKWARD"
"""The instruction at which it looks, before a loop goes round."""

_points: dict[CodeType, dict[int, str]] = {}


def points_of(code: CodeType) -> dict[int, str]:
    """The instructions of a function at which signals are looked for, by their place."""
    if code not in _points:
        _points[code] = {
            one.offset: one.opname
            for one in dis.get_instructions(code)
            if one.opname in CALLS or one.opname == LOOPS
        }
    return _points[code]


class Interrupts:
    """Does something at the n-th moment at which the room may be interrupted by a signal.

    Those are the moments at which the interpreter looks for signals: when a function begins or
    goes on, after it has called something of C, and when a loop goes round. `where` names the
    function that was about to begin, if it was one.
    """

    def __init__(self, room: ModuleType, number: int, action: Callable[[], object]) -> None:
        self.folder = lines_of(room)
        self.number = number
        self.action = action
        self.seen = 0
        self.busy = False
        self.where = ""
        self.after: dict[int, str] = {}

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        own = frame.f_code.co_filename.startswith(self.folder)
        if event == "call" and self.after.get(id(frame.f_back)) != "CALL_FUNCTION_EX":
            # A call that has entered Python ends without a look, but for the spread-out ones.
            self.after.pop(id(frame.f_back), None)
        if not own or self.busy:
            return None if event == "call" else self._trace
        if event == "call":
            frame.f_trace_opcodes = True
            self._look(frame.f_code.co_name)
        elif event == "opcode":
            if self.after.pop(id(frame), None):
                self._look("")
            found = points_of(frame.f_code).get(frame.f_lasti)
            if found == LOOPS:
                self._look("")
            elif found:
                self.after[id(frame)] = found
        elif event in ("exception", "return"):  # a call that raises ends without a look
            self.after.pop(id(frame), None)
        return self._trace

    def _look(self, where: str) -> None:
        self.seen += 1
        if self.seen == self.number:
            self.busy = True
            self.where = where
            try:
                self.action()
            finally:
                self.busy = False

    @property
    def reached(self) -> bool:
        return self.seen >= self.number

    def __enter__(self) -> Interrupts:
        gc.disable()
        self.before = sys.gettrace()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self.before)
        gc.enable()


def raise_interrupt() -> None:
    raise KeyboardInterrupt


SPELLS = (0, 0, 1, 2, 5, 20, 100, 400)
"""For how many bytecodes a thread goes on: races hide in short spells and in long ones."""


class _Worker:
    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.turn = threading.Semaphore(0)
        self.blocked_on: object = None
        self.error: BaseException | None = None


class Schedule:
    """Runs functions in threads of which exactly one runs at a time, chosen at every bytecode.

    The choice is drawn from the seed, so a schedule that finds a race finds it every time.
    Locks made by `locks()` hand over the turn instead of blocking.
    """

    def __init__(self, room: ModuleType, seed: int) -> None:
        self.folder = lines_of(room)
        self.draw = random.Random(seed)
        self.workers: list[_Worker] = []
        self.current: _Worker | None = None
        self.done = threading.Event()
        self.left = 0

    def run(self, *functions: Callable[[], object]) -> None:
        """Runs all of them to their end; an exception in any is raised here."""
        self.workers = workers = [_Worker(function) for function in functions]
        for worker in workers:
            threading.Thread(target=self._live, args=(worker,), daemon=True).start()
        self._next()
        assert self.done.wait(PATIENCE), "the threads are stuck"
        for worker in workers:
            if worker.error is not None:
                raise worker.error

    def _live(self, worker: _Worker) -> None:
        worker.turn.acquire()
        sys.settrace(self._trace)
        try:
            worker.work()
        except BaseException as error:
            worker.error = error
        finally:
            sys.settrace(None)
            self.workers = [one for one in self.workers if one is not worker]
            self._next()

    def _trace(self, frame: FrameType, event: str, _: object) -> Any:
        if not frame.f_code.co_filename.startswith(self.folder):
            return None
        frame.f_trace_opcodes = True
        if event in ("line", "opcode"):
            self.left -= 1
            if self.left < 0:
                self.left = self.draw.choice(SPELLS)
                self.switch()
        return self._trace

    def _next(self) -> _Worker | None:
        ready = [one for one in self.workers if one.blocked_on is None]
        if not ready:
            if not self.workers:
                self.done.set()
            return None
        self.current = chosen = self.draw.choice(ready)
        chosen.turn.release()
        return chosen

    def switch(self) -> None:
        """Lets any thread that can run go on, perhaps this one."""
        me = self.current
        if me is not None and threading.current_thread() is not threading.main_thread():
            self._next()
            me.turn.acquire()
            self.current = me

    def lock(self) -> _TurnLock:
        """A re-entrant lock that these threads share."""
        return _TurnLock(self)


class _TurnLock:
    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.owner: object = None
        self.depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = threading.get_ident()
        while self.owner not in (None, me):
            if not blocking:
                return False
            worker = self.schedule.current
            assert worker is not None
            worker.blocked_on = self
            self.schedule.switch()
        self.owner = me
        self.depth += 1
        return True

    def release(self) -> None:
        self.depth -= 1
        if not self.depth:
            self.owner = None
            for worker in self.schedule.workers:
                if worker.blocked_on is self:
                    worker.blocked_on = None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()
