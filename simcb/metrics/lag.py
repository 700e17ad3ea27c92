"""Metrics of consumers that pull messages from a queue."""

from __future__ import annotations

import numpy as np

from simcb.metrics.backlog import Lag, consumers_of
from simcb.metrics.facts import Scope


def _lag(scope: Scope) -> Lag | None:
    facts, group = scope.facts, scope.group
    if not consumers_of(facts.trace, group):
        return None
    return facts.lag(group)


def lag(scope: Scope) -> float | None:
    """The most messages at once that were produced and neither done nor given up yet.

    Those in work are among them: what Kafka calls consumer lag. Of several queues their sum.
    """
    found = _lag(scope)
    return None if found is None else found.peak(scope.phase.windows)


def lag_at_end(scope: Scope) -> float | None:
    """The same at the end of the phase."""
    found = _lag(scope)
    return None if found is None else float(found.at(np.array([scope.phase.windows[-1][1]]))[0])


def time_to_catch_up(scope: Scope) -> float | None:
    """Time until all messages are in work, and none waits, for the first time.

    That is when the lag is no more than the number of consumers. It counts from the end of the
    last fault or, without any, from the begin of the run; `never` if it does not happen.
    """
    found = _lag(scope)
    if found is None:
        return None
    ends = [fault.end for fault in scope.facts.faults]
    since = max(ends, default=0.0)
    if since >= scope.facts.trace.duration:
        return None
    return found.falls_to(consumers_of(scope.facts.trace, scope.group), since) - since
