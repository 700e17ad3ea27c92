"""A library's own call, held where the protected function would wait for its answer.

A coroutine is driven by hand, without an event loop: it runs up to the protected function, which
waits, and goes on when the simulator knows the outcome. So all of the library's code around a
call runs unchanged, in virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from simcb.adapters.protocol import CallFailed


class _Answer:
    """The answer that the protected function waits for."""

    def __await__(self) -> Generator[None, None, None]:
        yield


async def protected() -> None:
    """Wait for the answer: what every breaker here protects."""
    await _Answer()


class CoroutineCalls:
    """The calls of a breaker whose call is a coroutine.

    Args:
        call: makes a call of `protected`.
        rejection: what that raises when the breaker lets no call through.
        within: entered around every step of the library's code.
    """

    def __init__(
        self,
        call: Callable[[], Coroutine[Any, Any, None]],
        rejection: type[Exception],
        within: AbstractContextManager[Any] | None = None,
    ) -> None:
        self._call = call
        self._rejection = rejection
        self._within = within or nullcontext()

    def enter(self) -> Any:
        """Begin a call; return it, held in the protected function, or None if it is rejected."""
        with self._within:
            call = self._call()
            try:
                call.send(None)
            except self._rejection:
                return None
            return call

    def leave(self, entry: Coroutine[Any, Any, None], error: BaseException | None) -> None:
        """Let the protected function return, or raise `error`, and the call end."""
        with self._within:
            try:
                if error is None:
                    entry.send(None)
                else:
                    entry.throw(error)
            except StopIteration:
                return
            except BaseException as raised:
                # Some raise the error of an open breaker from the very call that opens it.
                if raised is not error and not isinstance(raised, (self._rejection, CallFailed)):
                    raise
                return
        raise AssertionError("a call of the library waits for something else than its answer")
