"""Functions behind a library's own decorator: whether it guards them, and what becomes of them."""

from __future__ import annotations

import inspect
import threading
from asyncio import run
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

Guard = Callable[[Any], Any]
"""What a library calls a decorator."""


def as_it_is(function: Callable[[], object]) -> Callable[[], object]:
    """Return a plain function as such."""
    return function


def as_coroutine(function: Callable[[], object]) -> Callable[[], Any]:
    """Return a coroutine function that does the same."""

    async def coroutine() -> object:
        return function()

    coroutine.__name__ = coroutine.__qualname__ = function.__name__
    coroutine.__doc__ = function.__doc__
    return coroutine


def guarded(guard: Guard, function: Callable[[], Any]) -> Any | None:
    """Return the guarded function; None if the library refuses to guard it."""
    with suppress(Exception):
        return guard(function)
    return None


def hears(
    guard: Guard | None, plain: Callable[[Callable[[], object]], Callable[[], object]]
) -> bool:
    """Tell whether a failure of this kind of function opens the breaker."""
    called: list[str] = []

    def fails() -> None:
        called.append("called")
        raise ValueError

    made = guarded(guard, plain(fails)) if guard else None
    if made is None:
        return False
    for _ in range(2):
        outcome(made)
    return len(called) == 1


def shares(guard: Guard | None) -> bool:
    """Tell whether two functions guarded by one decorator share its state."""
    called: list[str] = []

    def fails() -> None:
        called.append("called")
        raise ValueError

    for _ in range(2):
        made = guarded(guard, fails) if guard else None
        if made is not None:
            outcome(made)
    return len(called) == 1


def outcome(guarded: Callable[[], Any]) -> object:
    """Return what a guarded function comes to: its result, or what it raises."""
    try:
        found = guarded()
    except Exception as error:
        return error
    if not inspect.iscoroutine(found):
        return found
    # A loop that has run in a thread changes what asyncio finds there afterwards.
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.append(run(_awaited(found))))
    thread.start()
    thread.join()
    return ended[0]


async def _awaited(found: Coroutine[Any, Any, object]) -> object:
    try:
        return await found
    except Exception as error:
        return error
