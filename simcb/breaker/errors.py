"""What the breaker room refuses: a call, a parameter, a clock.

Every error keeps its fields in `args`, so it survives pickling and being built again from
them, and makes its sentence only when somebody asks for it: a rejected call costs no text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.breaker.causes import sendable
from simcb.errors import SimcbError

if TYPE_CHECKING:
    from simcb.breaker.records import Reason


class CircuitOpenError(SimcbError):
    """A call is rejected without being made, because the breaker does not let it through.

    Args:
        name: the breaker's name.
        retry_after: seconds, at least 0, until it is worth asking again; 0 when every probe
            of a half-open breaker is taken, because one may come back at any moment.
        forced: somebody has opened the breaker by hand, so it closes by hand only.
        reason: why the breaker opened, if that is known.
        last_error: what the call that opened it raised, without its traceback; None if it
            raised nothing: it was slow, its result was judged bad, its lease ran out.
    """

    if TYPE_CHECKING:  # at run time the inherited constructor stores them in half the time

        def __init__(
            self,
            name: str,
            retry_after: float,
            forced: bool = False,
            reason: Reason | None = None,
            last_error: BaseException | None = None,
        ) -> None: ...

    @property
    def name(self) -> str:
        """The name of the breaker that rejected the call."""
        name: str = self.args[0]
        return name

    @property
    def retry_after(self) -> float:
        """Seconds, at least 0, until it is worth asking again."""
        seconds: float = self.args[1]
        return seconds

    @property
    def forced(self) -> bool:
        """Whether the breaker was opened by hand."""
        return len(self.args) > 2 and bool(self.args[2])

    @property
    def reason(self) -> Reason | None:
        """Why the breaker opened."""
        return self.args[3] if len(self.args) > 3 else None

    @property
    def last_error(self) -> BaseException | None:
        """What the call that opened it raised, without its traceback."""
        return self.args[4] if len(self.args) > 4 else None

    def __reduce__(self) -> tuple[type[CircuitOpenError], tuple[object, ...], object]:
        return type(self), tuple(map(sendable, self.args)), vars(self) or None

    def __str__(self) -> str:
        if self.forced:
            return f"circuit {self.name!r} was opened by hand and lets no call through"
        if not self.retry_after:
            return f"circuit {self.name!r} is half-open and its probes are out; try again shortly"
        why = f" ({self.reason})" if self.reason else ""
        if self.last_error is not None:
            why = f" ({self.reason}, last by {type(self.last_error).__name__})"
        return f"circuit {self.name!r} is open{why}; try again in {self.retry_after:.3g} s"


class BulkheadFullError(SimcbError):
    """A call is rejected because too many are already running.

    Args:
        name: the bulkhead's name.
        max_concurrent: how many calls it lets run at once.
        waited: seconds this caller waited for a place.
    """

    def __init__(self, name: str, max_concurrent: int, waited: float) -> None:
        super().__init__(name, max_concurrent, waited)
        self.name = name
        self.max_concurrent = max_concurrent
        self.waited = waited

    def __str__(self) -> str:
        return (
            f"bulkhead {self.name!r} is full: {self.max_concurrent} calls are running, "
            f"no place came free in {self.waited:.3g} s; raise max_concurrent or max_wait, "
            "or send less"
        )


class ParameterError(SimcbError, ValueError):
    """A setting makes no sense, and is refused when the object is built.

    Args:
        parameter: its name.
        value: what was given.
        allowed: what may be given instead.
    """

    def __init__(self, parameter: str, value: object, allowed: str) -> None:
        super().__init__(parameter, value, allowed)
        self.parameter = parameter
        self.value = value
        self.allowed = allowed

    def __str__(self) -> str:
        return f"{self.parameter}={self.value!r} is not allowed; give {self.allowed}"


class UnkeyableError(SimcbError, TypeError):
    """A call cannot be remembered, because something it depends on is not known by its value.

    Args:
        function: the function's full name.
        variable: what cannot be in the key: an argument, `self`, a captured variable.
        trouble: what is wrong with it.
    """

    def __init__(self, function: str, variable: str, trouble: str) -> None:
        super().__init__(function, variable, trouble)
        self.function = function
        self.variable = variable
        self.trouble = trouble

    def __str__(self) -> str:
        return (
            f"answers of {self.function}() cannot be told apart: {self.variable} {self.trouble}; "
            "give CachedFallback a key=, a function of the call's arguments"
        )


class UnpairedExitError(SimcbError):
    """A breaker or bulkhead is left in a `with` block's way without having been entered so."""

    def __str__(self) -> str:
        return (
            "__exit__ without the __enter__ it belongs to, in the same function, ExitStack, "
            "thread or task; hold what acquire() returns and leave that: with breaker.acquire()"
        )


class ClockError(SimcbError):
    """The clock gave something that is not a moment; nothing in the breaker has changed.

    Args:
        name: the breaker's name.
        reading: what the clock returned.
    """

    def __init__(self, name: str, reading: object) -> None:
        super().__init__(name, reading)
        self.name = name
        self.reading = reading

    def __str__(self) -> str:
        return (
            f"the clock of circuit {self.name!r} returned {self.reading!r}; "
            "it has to return a finite number of seconds"
        )
