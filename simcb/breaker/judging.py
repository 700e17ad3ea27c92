"""Whether a result or an exception speaks against the service.

Predicates are the user's code: they run outside every lock. One that raises is logged, and
the call counts as failed, so that a mistake in it neither reaches the caller nor leaves a call
unsettled nor disables the breaker.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from simcb.breaker.bounds import duration
from simcb.breaker.enums import Outcome
from simcb.breaker.errors import BulkheadFullError, CircuitOpenError, ParameterError
from simcb.breaker.kinds import is_plain

ErrorTypes: TypeAlias = type[BaseException] | tuple[type[BaseException], ...]
Expected: TypeAlias = ErrorTypes | Callable[[BaseException], bool]

GENERAL = (BaseException, BaseExceptionGroup)
"""Kinds that are no kinds of Exception, and yet some Exceptions are of them."""

WORST_FIRST = (Outcome.FAILURE, Outcome.SUCCESS, Outcome.IGNORED)


class Judge:
    """Sorts the ends of calls into successes, failures, and those that say nothing.

    In this order: what is not an `Exception` (cancellation, KeyboardInterrupt, SystemExit,
    GeneratorExit) says nothing, whatever the parameters; so does what `ignore` matches, and a
    rejection by another breaker or a bulkhead further in, because the service was not asked
    (unless `expected` names that very error); what `expected` matches is a failure; any other
    exception is an answer, hence a success. A group that nothing names is judged by what is in
    it: one failure makes it one, and it says nothing if nothing in it does.
    """

    __slots__ = ("expected", "failed_result", "groups", "ignore", "unasked")

    def __init__(
        self,
        expected: Expected,
        ignore: Expected,
        failed_result: Callable[[object], bool] | None,
    ) -> None:
        check_expected("expected_exception", expected)
        check_expected("ignore", ignore)
        if failed_result is not None and not is_plain(failed_result):
            raise ParameterError("failed_result", failed_result, "a plain function of the result")
        self.expected = expected
        self.ignore = ignore
        self.failed_result = failed_result
        named = expected if isinstance(expected, tuple) else (expected,)
        for one in named:
            if isinstance(one, type) and not (issubclass(one, Exception) or one in GENERAL):
                remedy = "kinds of Exception: cancellation and interrupts never count"
                raise ParameterError("expected_exception", one, remedy)
        rejections = (CircuitOpenError, BulkheadFullError)
        self.unasked = tuple(one for one in rejections if one not in named)
        kinds = [one for one in named if isinstance(one, type)]
        self.groups = tuple(one for one in kinds if issubclass(one, BaseExceptionGroup))

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
        if self.ignore != () and matches(self.ignore, error, in_doubt=False):
            return Outcome.IGNORED
        if isinstance(error, ExceptionGroup) and not self._means(error):
            outcomes = {self.of_error(one) for one in error.exceptions}
            return next(one for one in WORST_FIRST if one in outcomes)
        return Outcome.FAILURE if matches(self.expected, error) else Outcome.SUCCESS

    def _means(self, group: Exception) -> bool:
        """Whether the parameters speak of groups themselves, and not of what is in them."""
        if isinstance(self.expected, (type, tuple)):
            return isinstance(group, self.groups)
        return _ask(self.expected, group)


def asked_by(error: BaseException) -> float | None:
    """Returns the seconds for which an exception asks the caller to wait, if it has such."""
    try:
        asked = getattr(error, "retry_after", None)
        return None if asked is None else duration("retry_after", asked)
    except Exception:  # of another kind, or a property that fails: then nothing is asked
        return None


def matches(expected: Expected, error: BaseException, in_doubt: bool = True) -> bool:
    """Whether an exception is of these types, or the predicate says so.

    A predicate that raises is logged, and `in_doubt` stands for what it would have said.
    """
    if isinstance(expected, (type, tuple)):
        return isinstance(error, expected)
    return _ask(expected, error, in_doubt)


def _ask(predicate: Callable[..., bool], value: object, in_doubt: bool = True) -> bool:
    try:
        return bool(predicate(value))
    except Exception:
        log_failure("predicate %r raised; its call counts as failed", predicate)
        return in_doubt


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
    if is_plain(expected) and not isinstance(expected, type):
        return
    raise ParameterError(
        parameter, expected, "an exception type, a tuple of them, or a plain function of it"
    )


_USUAL = Judge(Exception, (), None)


def judge_of(
    expected: Expected, ignore: Expected, failed_result: Callable[[object], bool] | None
) -> Judge:
    """Returns the judge with these parameters: most breakers share the usual one."""
    if expected is Exception and type(ignore) is tuple and not ignore and failed_result is None:
        return _USUAL
    return Judge(expected, ignore, failed_result)
