"""Whether a result or an exception speaks against the service.

Predicates are the user's code: they run outside every lock, and one that raises is logged
and taken for "it failed", so that a mistake in it neither reaches the caller nor leaves a
call unsettled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simcb.breaker.errors import BulkheadFullError, CircuitOpenError, ParameterError
from simcb.breaker.records import Outcome

ErrorTypes: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
Expected: TypeAlias = ErrorTypes | Callable[[BaseException], bool]


class Judge:
    """Sorts the ends of calls into successes, failures, and those that say nothing.

    In this order: what is not an `Exception` (cancellation, KeyboardInterrupt, SystemExit,
    GeneratorExit) says nothing, whatever the parameters; so does what `ignore` matches, and a
    rejection by another breaker or a bulkhead further in, because the service was not asked
    (unless `expected` names that very error); what `expected` matches is a failure; any other
    exception is an answer, hence a success.
    """

    __slots__ = ("expected", "failed_result", "ignore", "unasked")

    def __init__(
        self,
        expected: Expected,
        ignore: Expected,
        failed_result: Callable[[object], bool] | None,
    ) -> None:
        check_expected("expected_exception", expected)
        check_expected("ignore", ignore)
        if failed_result is not None and not callable(failed_result):
            raise ParameterError("failed_result", failed_result, "a function of the result")
        self.expected = expected
        self.ignore = ignore
        self.failed_result = failed_result
        named = expected if isinstance(expected, tuple) else (expected,)
        rejections = (CircuitOpenError, BulkheadFullError)
        self.unasked = tuple(one for one in rejections if one not in named)

    def of_result(self, result: object) -> Outcome:
        """Judges a call that returned."""
        if self.failed_result is None:
            return Outcome.SUCCESS
        return Outcome.FAILURE if _ask(self.failed_result, result) else Outcome.SUCCESS

    def of_error(self, error: BaseException) -> Outcome:
        """Judges a call that raised."""
        if not isinstance(error, Exception):
            return Outcome.IGNORED
        if isinstance(error, self.unasked):
            return Outcome.IGNORED
        if self.ignore != () and matches(self.ignore, error):
            return Outcome.IGNORED
        return Outcome.FAILURE if matches(self.expected, error) else Outcome.SUCCESS


def matches(expected: Expected, error: BaseException) -> bool:
    """Whether an exception is of these types, or the predicate says so."""
    if isinstance(expected, (type, tuple)):
        return isinstance(error, expected)
    return _ask(expected, error)


def _ask(predicate: Callable[..., bool], value: object) -> bool:
    try:
        return bool(predicate(value))
    except Exception:
        log_failure("predicate %r raised; its call counts as failed", predicate)
        return True


def log_failure(message: str, *values: object) -> None:
    """Logs the exception being handled, to the logger `simcb.breaker`.

    Logging is imported here because most breakers never need it and it is slow to import.
    """
    import logging

    logging.getLogger("simcb.breaker").exception(message, *values)


def check_expected(parameter: str, expected: object) -> None:
    """Refuses what is neither exception types nor a predicate."""
    types = expected if isinstance(expected, tuple) else (expected,)
    if all(isinstance(one, type) and issubclass(one, BaseException) for one in types):
        return
    if callable(expected) and not isinstance(expected, type):
        return
    raise ParameterError(
        parameter, expected, "an exception type, a tuple of them, or a function of the exception"
    )
