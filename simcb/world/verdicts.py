"""What a caller tells its breaker of how a call came out."""

from __future__ import annotations

from functools import lru_cache

from simcb.breaker import Permit
from simcb.breaker.flights import Grant
from simcb.outcomes import ATTEMPT_CODE
from simcb.scenario.breakers import Breaker
from simcb.world.tasks import ABANDONED, OK, REJECTED, SHED, THROTTLED, Task


class Verdicts:
    """The rule by which a breaker is told of outcomes; what it does not name is a success.

    Args:
        failing: codes of the outcomes that are failures.
        ignored: codes of those that say nothing.
    """

    def __init__(self, failing: frozenset[int], ignored: frozenset[int]) -> None:
        self._failing = failing
        self._ignored = ignored

    def tell(self, permit: Grant, outcome: int, task: Task) -> None:
        """Settle the permit of a call of `task` that came out so."""
        if outcome == OK:
            permit._succeed()
        elif outcome in self._failing:
            if outcome == THROTTLED and isinstance(permit, Permit):
                permit.failure(retry_after=task.told or None)
            else:
                permit._fail()
        elif outcome in self._ignored:
            permit.ignore()
        else:
            permit._succeed()


@lru_cache(maxsize=256)
def verdicts_of(policy: Breaker | None) -> Verdicts:
    """Return the rule of a policy."""
    failing = frozenset(ATTEMPT_CODE[outcome] for outcome in (policy.counts if policy else ()))
    said = frozenset(ATTEMPT_CODE[outcome] for outcome in (policy.ignores if policy else ()))
    return Verdicts(failing, said | {ABANDONED, SHED, REJECTED})
