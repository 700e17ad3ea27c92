"""What the breaker refuses, and what it keeps of the exceptions of the calls it guards.

An exception holds its traceback, which holds the frames of the call that failed and of all
its callers, with whatever their variables hold: connections, requests, the breaker itself. An
open breaker that kept it would keep all that alive until it closes. So it keeps a copy, which
has the type, the arguments and the attributes, but no traceback, cause or context.
"""

from __future__ import annotations

from simcb.breaker.enums import Reason
from simcb.errors import FieldsError, SimcbError


class CircuitOpenError(FieldsError):
    """A call is rejected without being made, because the breaker does not let it through.

    Args:
        name: the breaker's name.
        retry_after: seconds, at least 0, until it is worth asking again; 0 when it is half-open,
            because a probe may come back, or its share let one through, at any moment.
        forced: somebody has opened the breaker by hand, so it closes by hand only.
        reason: why the breaker opened, if that is known.
        last_error: what the call that opened it raised, without its traceback; None if it
            raised nothing: it was slow, its result was judged bad, its lease ran out.
    """

    name: str
    retry_after: float
    forced: bool = False
    reason: Reason | None = None
    last_error: BaseException | None = None

    def __reduce__(self) -> tuple[type[CircuitOpenError], tuple[object, ...], object]:
        return type(self), tuple(map(sendable, self.args)), vars(self) or None

    def __str__(self) -> str:
        if self.forced:
            return f"circuit {self.name!r} was opened by hand and lets no call through"
        if not self.retry_after:
            return f"circuit {self.name!r} is half-open: few calls pass, try again shortly"
        why = f" ({self.reason})" if self.reason else ""
        if self.last_error is not None:
            why = f" ({self.reason}, last by {type(self.last_error).__name__})"
        return f"circuit {self.name!r} is open{why}; try again in {self.retry_after:.3g} s"


class BulkheadFullError(FieldsError):
    """A call is rejected because too many are already running.

    Args:
        name: the bulkhead's name.
        max_concurrent: how many calls it lets run at once.
        waited: seconds this caller waited for a place.
    """

    name: str
    max_concurrent: int
    waited: float

    def __str__(self) -> str:
        return (
            f"bulkhead {self.name!r} is full: {self.max_concurrent} calls are running, "
            f"no place came free in {self.waited:.3g} s; raise max_concurrent or max_wait, "
            "or send less"
        )


class ParameterError(FieldsError, ValueError):
    """A setting makes no sense, and is refused when the object is built.

    Args:
        parameter: its name.
        value: what was given.
        allowed: what may be given instead.
    """

    parameter: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.parameter}={self.value!r} is not allowed; give {self.allowed}"


class UnkeyableError(FieldsError, TypeError):
    """A call cannot be remembered, because something it depends on is not known by its value.

    Args:
        function: the function's full name.
        variable: what cannot be in the key: an argument, `self`, a captured variable.
        trouble: what is wrong with it.
    """

    function: str
    variable: str
    trouble: str

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


class ClockError(FieldsError):
    """The clock gave something that is not a moment; nothing in the breaker has changed.

    Args:
        name: the breaker's name.
        reading: what the clock returned.
    """

    name: str
    reading: object

    def __str__(self) -> str:
        return (
            f"the clock of circuit {self.name!r} returned {self.reading!r}; "
            "it has to return a finite number of seconds"
        )


def bare(error: BaseException) -> BaseException:
    """Returns a copy that holds no frames, also where exceptions are inside it.

    A constructor written in Python does not run for it: that may do anything. Where a copy
    cannot be made, what the exception says is left.
    """
    try:
        kind = type(error)
        # A file's name is among the arguments of an OSError only when it is pickled.
        given = OSError.__reduce__(error)[1] if isinstance(error, OSError) else error.args
        args = [_bare(value) for value in given]
        built_in = type(kind.__init__) is type(object.__init__)
        twin: BaseException = kind(*args) if built_in else kind.__new__(kind, *args)
        vars(twin).update({name: _bare(value) for name, value in vars(error).items()})
    except Exception:
        return described(error)
    return twin


def _bare(value: object) -> object:
    if isinstance(value, BaseException):
        return bare(value)
    if type(value) in (list, tuple):
        return type(value)(map(_bare, value))  # type: ignore[call-arg, call-overload]
    return value


def described(error: BaseException) -> SimcbError:
    """Returns an error that says what another one was and said."""
    name = type(error).__qualname__
    try:
        return SimcbError(f"{name}: {error}")
    except Exception:
        return SimcbError(name)


def sendable(value: object) -> object:
    """Returns what goes to another process; an exception that would not arrive is described.

    One that is pickled and cannot be built again would break the pool of processes that
    receives it.
    """
    if not isinstance(value, BaseException):
        return value
    import pickle  # only who sends pays for the import

    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return described(value)
    return value
