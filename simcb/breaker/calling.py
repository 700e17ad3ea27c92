"""How a breaker is called: the primitive, and functions called by way of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from simcb.breaker.awaitables import follow
from simcb.breaker.errors import CircuitOpenError
from simcb.breaker.guards import function, guarded
from simcb.breaker.kinds import LASTING, PLAIN, lasting, unfinished
from simcb.breaker.machine import Machine
from simcb.breaker.nesting import enter, leave
from simcb.breaker.permit import NO_PROBE, Permit
from simcb.breaker.states import SETTLED

P = ParamSpec("P")
R = TypeVar("R")


class UNSEEN:
    """Stands for code one has to look for more closely: it may be of any kind."""

    co_flags = LASTING


def _succeed(permit: Permit) -> None:
    permit.success()


class Calls(Machine):
    """Lets calls through, and hears how they ended."""

    __slots__ = ()

    def acquire(self) -> Permit:
        """Returns the permit for one call, which then has to be settled.

        Raises:
            CircuitOpenError: if the breaker lets no call through now.
        """
        permit = Permit.__new__(Permit)
        permit._breaker = self
        permit._probe = None
        permit._generation = SETTLED
        try:
            refusal = self._admit(permit)
        except BaseException:
            permit.ignore()
            raise
        if refusal is not None:
            raise CircuitOpenError(*refusal)
        return permit

    def call(self, func: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls the function and returns what it returns, or raises what it raises.

        A coroutine function gives a coroutine to await, a generator function a generator; it
        is the awaiting or the iterating that is guarded then. It is the same with what a plain
        function hands back unfinished. A coroutine, or whatever else can be awaited, counts by
        how the awaiting ends, or the entering by `async with`; thrown away unawaited it counts
        as nothing. A task or future of asyncio's, and the future of an executor's `submit`,
        comes back as it is and counts when it is done, whether or not anybody waits for it.

        A timeout belongs inside, `breaker.call(lambda: asyncio.wait_for(f(), 1.0))`: around
        the call it cancels the call, and what is cancelled is neither success nor failure.

        Raises:
            CircuitOpenError: if the breaker lets no call through now.
            ParameterError: if it is nothing to call; that is not the service's failure.
        """
        if getattr(func, "__code__", UNSEEN).co_flags & LASTING:
            kind = lasting(function(func))
            if kind:
                started: Any = self._guarded(kind, func)(*args, **kwargs)
                started.__name__ = getattr(func, "__name__", type(func).__name__)
                started.__qualname__ = getattr(func, "__qualname__", type(func).__qualname__)
                return cast("R", started)
        return self._call(func, args, kwargs)

    def _guarded(self, kind: int, func: Callable[P, R]) -> Callable[P, R]:
        return guarded(kind, func, self.acquire, _succeed)

    def _call(self, func: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]) -> R:
        """Makes a call whose work ends when it returns, unless what it returns has yet to end.

        The inner `try` settles by how the call ended, the outer one catches an interrupt that
        arrives while the inner one is at it, or while the breaker admits the call.
        """
        permit = Permit.__new__(Permit)
        permit._breaker = self
        permit._probe = NO_PROBE
        permit._generation = SETTLED
        mark = None
        try:
            refusal = self._admit(permit)
            if refusal is None:
                try:
                    if permit._probe is not None:
                        mark = enter(permit)
                    result = func(*args, **kwargs)
                    if mark is not None:
                        leave(mark)
                    if id(type(result)) not in PLAIN and unfinished(result):
                        return follow(result, permit)
                    if self._judge.failed_result is None:
                        self._succeed(permit)
                    else:
                        permit.returned(result)
                    return result
                except BaseException as error:
                    leave(mark)
                    permit.raised(error)
                    raise
        except BaseException:
            permit.ignore()
            raise
        raise CircuitOpenError(*refusal)
