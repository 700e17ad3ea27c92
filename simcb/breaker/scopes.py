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
from types import FrameType, TracebackType
from typing import Generic, Literal, Protocol, TypeVar

from simcb.breaker.errors import UnpairedExitError
from simcb.breaker.kinds import ASYNC_GENERATOR, GENERATOR


class Held(Protocol):
    """What a block holds: a permit or a place."""

    def release(self) -> None:
        """Lets it go without a verdict, unless it has been; a second time does nothing."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]: ...


H = TypeVar("H", bound=Held)

PAUSING = GENERATOR | ASYNC_GENERATOR
"""Of these, not running does not mean ended."""


class Scopes(Generic[H]):
    """What is held by the blocks that have been entered and not left.

    Every change is one step on a dictionary, and nothing iterates over it but over a copy, so
    threads need no lock here.
    """

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks: dict[int, Block[H]] = {}

    def enter(self, frame: FrameType, held: H) -> H:
        """Remembers what the block in this frame holds, and returns it."""
        place = _place(frame)
        number = id(place)
        self._blocks[number] = Block(number, place, _doer(), held, self._blocks.get(number))
        return held

    def last(self, frame: FrameType) -> Block[H]:
        """Returns the block that this frame entered last, and changes nothing.

        A manager that passes `__enter__` and `__exit__` on has them in two frames. Then it is
        the last block that this thread or task entered in a frame that has ended since.

        Raises:
            UnpairedExitError: if there is no such block.
        """
        block = self._blocks.get(id(_place(frame)))
        return self._passed_on(frame) if block is None else block

    def _passed_on(self, frame: FrameType) -> Block[H]:
        doer, running = _doer(), list(_stack(frame))
        for block in reversed(self._blocks.copy().values()):
            if block.doer == doer and _has_ended(block.place, running):
                return block
        raise UnpairedExitError

    def forget(self, block: Block[H]) -> None:
        """Forgets a block; a second time does nothing."""
        if self._blocks.get(block.number) is block:
            if block.outer is None:
                del self._blocks[block.number]
            else:
                self._blocks[block.number] = block.outer

    def drop(self, frame: FrameType, held: H) -> None:
        """Lets go of what an entry that did not come to its end has taken."""
        block = self._blocks.get(id(_place(frame)))
        if block is not None and block.held is held:
            self.forget(block)
        held.release()


class Block(Generic[H]):
    """What was entered in one place; it keeps the place alive, so its number stays its own."""

    __slots__ = ("doer", "held", "number", "outer", "place")

    def __init__(
        self, number: int, place: object, doer: object, held: H, outer: Block[H] | None
    ) -> None:
        self.number = number
        self.place = place
        self.doer = doer
        self.held = held
        self.outer = outer


class Scoped(Generic[H]):
    """Makes `with` and `async with` blocks of `acquire`.

    An interrupt at any moment lets go of what the block holds, but for the very first of an
    exit, before its `try`. A block is found, then forgotten, then left, and none of it harms
    if it is done again. Nobody else gives `depth`, how far up the stack the block stands.
    """

    __slots__ = ()

    _scopes: Scopes[H]

    def acquire(self) -> H:
        """Returns what the block holds."""
        raise NotImplementedError

    def __enter__(self) -> H:
        held = None
        try:
            held = self.acquire()
            return self._scopes.enter(sys._getframe(1), held)
        except BaseException:
            if held is not None:
                self._scopes.drop(sys._getframe(1), held)
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        depth: int = 1,
        block: Block[H] | None = None,
    ) -> Literal[False]:
        try:
            block = self._scopes.last(sys._getframe(depth))
            self._scopes.forget(block)
            return block.held.__exit__(kind, error, traceback)
        except UnpairedExitError:
            raise
        except BaseException:
            if block is None:
                block = self._scopes.last(sys._getframe(depth))
            self._scopes.forget(block)
            block.held.release()
            raise

    async def _acquire_later(self) -> H:
        return self.acquire()

    async def __aenter__(self) -> H:
        held = None
        try:
            held = await self._acquire_later()
            return self._scopes.enter(sys._getframe(1), held)
        except BaseException:
            if held is not None:
                self._scopes.drop(sys._getframe(1), held)
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        return self.__exit__(kind, error, traceback, 2)


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
