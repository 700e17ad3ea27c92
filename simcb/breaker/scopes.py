"""Finds at the end of a `with` block what was taken at its beginning.

One breaker or bulkhead stands in many blocks at once, and `__exit__` is told nothing but the
exception. What the entry and the exit of one block have in common is the frame they stand
in, however threads, tasks and generators are interleaved; a variable of the context would be
lost where the two run in different contexts, as in the dependencies of web frameworks.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import get_ident
from types import FrameType
from typing import Generic, Protocol, TypeVar

from simcb.breaker.errors import UnpairedExitError
from simcb.breaker.kinds import ASYNC_GENERATOR, GENERATOR


class Held(Protocol):
    """What a block holds: a permit or a place."""

    def release(self) -> None:
        """Lets it go without a verdict."""
        ...


H = TypeVar("H", bound=Held)

PAUSING = GENERATOR | ASYNC_GENERATOR
"""Of these, not running does not mean ended."""


class Scopes(Generic[H]):
    """What is held by the blocks that have been entered and not left."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[int, _Block[H]] = {}

    def enter(self, frame: FrameType, held: H) -> H:
        """Remembers what the block in this frame holds, and returns it."""
        try:
            place = _place(frame)
            self._held.setdefault(id(place), _Block(place, _doer())).held.append(held)
            return held
        except BaseException:
            held.release()
            raise

    def leave(self, frame: FrameType) -> H:
        """Returns what the block in this frame entered with last, and forgets it.

        A manager that passes `__enter__` and `__exit__` on has them in two frames. Then it is
        the last block that this thread or task entered in a frame that has ended since.

        Raises:
            UnpairedExitError: if there is no such block.
        """
        number = id(_place(frame))
        if number not in self._held:
            number = self._passed_on(frame)
        block = self._held[number]
        held = block.held.pop()
        if not block.held:
            del self._held[number]
        return held

    def _passed_on(self, frame: FrameType) -> int:
        doer, running = _doer(), list(_stack(frame))
        for number, block in reversed(self._held.items()):
            if block.doer == doer and _has_ended(block.place, running):
                return number
        raise UnpairedExitError


class _Block(Generic[H]):
    """What was entered in one place; it keeps the place alive, so its number stays its own."""

    __slots__ = ("doer", "held", "place")

    def __init__(self, place: object, doer: object) -> None:
        self.place = place
        self.doer = doer
        self.held: list[H] = []


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _has_ended(place: object, running: list[FrameType]) -> bool:
    """Whether a place of this thread or task is a frame in which nothing will run any more."""
    if not isinstance(place, FrameType) or place.f_code.co_flags & PAUSING:
        return False
    return not any(frame is place for frame in running)


def _place(frame: FrameType) -> object:
    """Returns the frame; for an ExitStack, which enters and leaves in two, what it is to call.

    That list goes to another stack with `pop_all()`.
    """
    if frame.f_globals.get("__name__") == "contextlib":
        stack: object = frame.f_locals.get("self")
        place: object = getattr(stack, "_exit_callbacks", frame)
        return place
    return frame


def _doer() -> object:
    """Returns who is at it: the thread, and in it the task of asyncio's if there is one."""
    asyncio = sys.modules.get("asyncio")
    task = None
    if asyncio is not None and asyncio._get_running_loop() is not None:
        task = asyncio.current_task()
    return get_ident(), id(task)
