"""The frozen records a breaker hands out.

They are named tuples: frozen, comparable, cheap to make, and light to import.
"""

from __future__ import annotations

from typing import NamedTuple

from simcb.breaker.enums import CircuitState, Mode, Outcome, Reason
from simcb.breaker.errors import described, sendable
from simcb.breaker.settings import TripRule


class Transition(NamedTuple):
    """One change of state, in the breaker's own time.

    Taking a breaker by hand is one too where only its mode changes: `before` is `after` then.
    `last_error` is what the call that opened it raised; None if it raised nothing: it was slow,
    its result was judged bad, its lease ran out, or it was the success that brought the calls
    counted to the minimum. It is the exception itself: who keeps it keeps its traceback.
    """

    breaker: str
    at: float
    before: CircuitState
    after: CircuitState
    reason: Reason
    generation: int
    last_error: BaseException | None = None

    def __reduce__(self) -> tuple[type[Transition], tuple[object, ...]]:
        return type(self), tuple(map(sendable, self))


class CallRecord(NamedTuple):
    """One call that ended: when, how, and how long it took by the breaker's clock."""

    breaker: str
    at: float
    outcome: Outcome
    duration: float
    error: BaseException | None

    def __reduce__(self) -> tuple[type[CallRecord], tuple[object, ...]]:
        return type(self), tuple(map(sendable, self))


class RuleReading(NamedTuple):
    """What a trip rule has counted until this moment.

    Only a closed breaker counts; otherwise all is 0.

    Args:
        rule: the rule.
        calls: how many calls it looks at now: those in its window, or only the failures if
            that is all its rule is about.
        minimum_calls: with fewer it never trips.
        counted: how many of them are failures, or slow.
        rate: their share, which is compared with the rule's; None if there are no calls, or
            the rule is not about a share.
    """

    rule: TripRule
    calls: int
    minimum_calls: int
    counted: int
    rate: float | None


class Snapshot(NamedTuple):
    """A breaker at one moment: its state, and exact counts since it was built.

    `admitted == successes + failures + ignored + stale + in_flight` always holds. A result
    from an earlier generation is counted in `stale` and nowhere else. `since` and
    `next_probe_at` are readings of the breaker's clock; the latter is None unless the breaker
    is open and waiting for its deadline. `probes_ended` and `probes_failed` are those of the
    present half-open period. `reason` and `last_error` say why it opened, and are None once it
    is closed; of the exception it is a copy without its traceback. `rules` are in the order of
    the breaker's `trip`.
    """

    name: str
    state: CircuitState
    mode: Mode
    since: float
    next_probe_at: float | None
    generation: int
    consecutive_failures: int
    probes_out: int
    probes_ended: int
    probes_failed: int
    admitted: int
    rejected: int
    successes: int
    failures: int
    ignored: int
    stale: int
    in_flight: int
    reason: Reason | None
    last_error: BaseException | None
    rules: tuple[RuleReading, ...]

    def as_dict(self) -> dict[str, object]:
        """Returns plain data, as JSON takes it: the error as text, rules by their kind."""
        error = None if self.last_error is None else str(described(self.last_error))
        rules = [{**one._asdict(), "rule": one.rule.reason} for one in self.rules]
        return {**self._asdict(), "last_error": error, "rules": rules}

    def __reduce__(self) -> tuple[type[Snapshot], tuple[object, ...]]:
        return type(self), tuple(map(sendable, self))
