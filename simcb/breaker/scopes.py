"""Finds at the end of a `with` block what was taken at its beginning.

One breaker or bulkhead stands in many blocks at once, and `__exit__` is told nothing but the
exception. What the entry and the exit of one block have in common is the frame they stand
in, however threads, tasks and generators are interleaved; a variable of the context would be
lost where the two run in different contexts, as in the dependencies of web frameworks.
"""

from __future__ import annotations

from types import FrameType
from typing import Generic, Protocol, TypeVar


class Held(Protocol):
    """What a block holds: a permit or a place."""

    def release(self) -> None:
        """Lets it go without a verdict."""
        ...


H = TypeVar("H", bound=Held)


class Scopes(Generic[H]):
    """What is held by the blocks that have been entered and not left."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[object, list[H]] = {}

    def enter(self, frame: FrameType, held: H) -> H:
        """Remembers what the block in this frame holds, and returns it."""
        try:
            self._held.setdefault(_block(frame), []).append(held)
            return held
        except BaseException:
            held.release()
            raise

    def leave(self, frame: FrameType) -> H:
        """Returns what the block in this frame entered with last, and forgets it."""
        block = _block(frame)
        if block not in self._held:  # the ExitStack that entered was emptied by pop_all()
            block = list(self._held)[-1]
        stack = self._held[block]
        held = stack.pop()
        if not stack:
            del self._held[block]
        return held


def _block(frame: FrameType) -> object:
    """Returns the frame, or the ExitStack whose frame it is: it enters and leaves in two."""
    if frame.f_globals.get("__name__") == "contextlib":
        stack: object = frame.f_locals.get("self", frame)
        return stack
    return frame
