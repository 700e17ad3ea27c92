"""What a caller tells its breaker of how a call came out."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from simcb.breaker import Permit
from simcb.outcomes import ATTEMPT_CODE
from simcb.scenario.breakers import Breaker
from simcb.world.tasks import ABANDONED, OK, REJECTED, SHED, THROTTLED, Grant, Task

Tell = Callable[[Grant, int, Task], None]
"""(permit, code of the outcome, whose call it was)."""


@lru_cache(maxsize=256)
def verdicts_of(policy: Breaker | None) -> Tell:
    """Return the rule by which a breaker is told of outcomes."""
    failing = frozenset(ATTEMPT_CODE[outcome] for outcome in (policy.counts if policy else ()))
    said = frozenset(ATTEMPT_CODE[outcome] for outcome in (policy.ignores if policy else ()))
    ignored = said | {ABANDONED, SHED, REJECTED}

    def tell(permit: Grant, outcome: int, task: Task) -> None:
        if outcome == OK:
            permit.success()
        elif outcome in failing:
            if outcome == THROTTLED and isinstance(permit, Permit):
                permit.failure(retry_after=task.told or None)
            else:
                permit.failure()
        elif outcome in ignored:
            permit.ignore()
        else:
            permit.success()

    return tell
