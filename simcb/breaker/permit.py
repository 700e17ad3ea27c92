"""The right to make one call, and the duty to say how it ended."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

from simcb.breaker.bounds import duration
from simcb.breaker.enums import Outcome
from simcb.breaker.flights import Flight
from simcb.breaker.judging import Judge, asked_by
from simcb.breaker.settings import Recovery
from simcb.breaker.sharing import Locked
from simcb.breaker.states import SETTLED, Probe

SUCCESSES, FAILURES, IGNORED, STALE, ADMITTED, REJECTED = range(6)
"""What a breaker counts; the first four are ends of calls."""

OUTCOMES = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.IGNORED, Outcome.STALE)
NO_PROBE: Probe | None = None
"""What the call of a new permit is on trial for: nothing as yet."""

KIND_OF = {outcome: kind for kind, outcome in enumerate(OUTCOMES)}


class Issuer(Locked):
    """What hands out permits, as far as they tell it how their calls ended."""

    __slots__ = ()

    name: str
    _judge: Judge
    _recovery: Recovery

    def _succeed(self, permit: Permit) -> None:
        raise NotImplementedError

    def _succeed_alone(self, permit: Permit) -> None:
        raise NotImplementedError

    def _settle_alone(self, permit: Permit, kind: int) -> None:
        raise NotImplementedError

    def _settle(self, permit: Permit, kind: int, error: BaseException | None) -> None:
        raise NotImplementedError


class Permit(Flight):
    """One admitted call; `CircuitBreaker.acquire` makes it, and it settles once.

    Whichever of `success`, `failure`, `ignore`, `returned` and `raised` comes first counts;
    the others then do nothing. A permit whose breaker has changed its state since counts as
    stale and moves nothing else. As a context manager it settles by how the block ends:

        with breaker.acquire():
            ask_upstream()
    """

    __slots__ = ("_breaker", "_probe", "_retry_after")

    _breaker: Issuer
    _probe: Probe | None
    _retry_after: float

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
        self._breaker._succeed(self)

    def _succeed(self) -> None:
        self._breaker._succeed_alone(self)

    def _fail(self) -> None:
        self._breaker._settle_alone(self, FAILURES)

    def failure(
        self, error: BaseException | None = None, *, retry_after: float | None = None
    ) -> None:
        """Settles the call as a failure; the error is shown to whoever asks why it opened.

        Args:
            error: what the call raised.
            retry_after: seconds for which the service asks to be left alone; a breaker that it
                opens stays open so long, if its `Recovery` has the `hint`.

        Raises:
            ParameterError: when those are no seconds; the call is settled all the same.
        """
        if retry_after is None:
            self._breaker._settle(self, FAILURES, error)
            return
        try:
            self._heed(duration("retry_after", retry_after))
        finally:
            self._breaker._settle(self, FAILURES, error)

    def _heed(self, retry_after: float) -> None:
        if self._generation:
            self._retry_after = retry_after

    def ignore(self) -> None:
        """Settles the call as neither: it is not counted, and a probe gives its place back."""
        self._breaker._settle(self, IGNORED, None)

    release = ignore

    def returned(self, result: object) -> None:
        """Settles the call by its result, as the breaker's `failed_result` judges it."""
        breaker = self._breaker
        if breaker._judge.of_result(result) is Outcome.SUCCESS:
            breaker._succeed(self)
        else:
            breaker._settle(self, FAILURES, None)

    def raised(self, error: BaseException) -> None:
        """Settles the call by its exception, as the breaker's parameters judge it."""
        if self._generation:
            breaker = self._breaker
            kind = KIND_OF[breaker._judge.of_error(error)]
            if breaker._recovery.hint:
                asked = asked_by(error)
                if asked is not None:
                    self._heed(asked)
            breaker._settle(self, kind, error)

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
                self._breaker._succeed(self)
            else:
                self.raised(error)
        except BaseException:
            self.ignore()
            raise
        return False
