"""The right to make one call, and the duty to say how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from simcb.breaker.records import Outcome
from simcb.breaker.states import SETTLED, Probe

if TYPE_CHECKING:
    from types import TracebackType

    from simcb.breaker.breaker import CircuitBreaker


class Permit:
    """One admitted call; `CircuitBreaker.acquire` makes it, and it settles once.

    Whichever of `success`, `failure`, `ignore`, `returned` and `raised` comes first counts;
    the others then do nothing. A permit whose breaker has changed its state since counts as
    stale and moves nothing else. As a context manager it settles by how the block ends:

        with breaker.acquire():
            ask_upstream()
    """

    __slots__ = ("_began", "_breaker", "_generation", "_probe")

    _began: float
    _breaker: CircuitBreaker
    _generation: int
    _probe: Probe | None

    def __init__(self) -> None:
        raise TypeError("a permit comes from CircuitBreaker.acquire()")

    @property
    def settled(self) -> bool:
        """Whether nothing is to be told: it has been, or it is part of a probe's own call."""
        return self._generation == SETTLED

    def __repr__(self) -> str:
        settled = "settled" if self.settled else "out"
        return f"<Permit of {self._breaker.name!r}, {settled}>"

    def success(self) -> None:
        """Settles the call as a success."""
        breaker = self._breaker
        if breaker._call_listeners:
            breaker._settle(self, Outcome.SUCCESS, None)
            return
        with breaker._lock: breaker._succeed_locked(self)  # fmt: skip  # noqa: E701
        if breaker._news:
            breaker._announce()

    def failure(self, error: BaseException | None = None) -> None:
        """Settles the call as a failure; the error is shown to whoever asks why it opened."""
        self._breaker._settle(self, Outcome.FAILURE, error)

    def ignore(self) -> None:
        """Settles the call as neither: it is not counted, and a probe gives its place back."""
        self._breaker._settle(self, Outcome.IGNORED, None)

    release = ignore

    def returned(self, result: object) -> None:
        """Settles the call by its result, as the breaker's `failed_result` judges it."""
        breaker = self._breaker
        outcome = breaker._judge.of_result(result)
        if outcome is Outcome.SUCCESS:
            self.success()
        else:
            breaker._settle(self, outcome, None)

    def raised(self, error: BaseException) -> None:
        """Settles the call by its exception, as the breaker's parameters judge it."""
        if self._generation:
            breaker = self._breaker
            breaker._settle(self, breaker._judge.of_error(error), error)

    def __enter__(self) -> Permit:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        try:
            if error is None:
                self.success()
            else:
                self.raised(error)
        except BaseException:
            self.ignore()
            raise
        return False
