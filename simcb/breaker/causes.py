"""What is kept of an exception, and what of it goes to another process.

An exception holds its traceback, which holds the frames of the call that failed and of all
its callers, with whatever their variables hold: connections, requests, the breaker itself. An
open breaker that kept it would keep all that alive until it closes. So it keeps a copy, which
has the type, the arguments and the attributes, but no traceback, cause or context.
"""

from __future__ import annotations

from simcb.errors import SimcbError


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
