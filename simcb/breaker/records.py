"""The words of the room and the frozen records it hands out.

Records are named tuples: frozen, comparable, cheap to make, and light to import.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CircuitState(StrEnum):
    """Whether calls pass: all of them, none, or a few probes."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Mode(StrEnum):
    """Who decides: the breaker itself, or somebody who took it by hand."""

    AUTOMATIC = "automatic"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"
    COUNT_ONLY = "count_only"


class Reason(StrEnum):
    """Why a breaker changed its state."""

    CONSECUTIVE_FAILURES = "consecutive_failures"
    FAILURES_IN_WINDOW = "failures_in_window"
    FAILURE_RATE = "failure_rate"
    SLOW_CALL_RATE = "slow_call_rate"
    DEADLINE_PASSED = "deadline_passed"
    PROBE_FAILED = "probe_failed"
    PROBE_SLOW = "probe_slow"
    LEASE_EXPIRED = "lease_expired"
    PROBES_SUCCEEDED = "probes_succeeded"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"
    COUNT_ONLY = "count_only"
    RESET = "reset"


class Outcome(StrEnum):
    """How one call ended, as the breaker counts it."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    STALE = "stale"
    REJECTED = "rejected"


class Transition(NamedTuple):
    """One change of state, in the breaker's own time.

    Taking a breaker by hand is one too where only its mode changes: `before` is `after` then.
    """

    breaker: str
    at: float
    before: CircuitState
    after: CircuitState
    reason: Reason
    generation: int


class CallRecord(NamedTuple):
    """One call that ended: when, how, and how long it took by the breaker's clock."""

    breaker: str
    at: float
    outcome: Outcome
    duration: float
    error: BaseException | None


class Snapshot(NamedTuple):
    """A breaker at one moment: its state, and exact counts since it was built.

    `admitted == successes + failures + ignored + stale + in_flight` always holds. A result
    from an earlier generation is counted in `stale` and nowhere else. `since` and
    `next_probe_at` are readings of the breaker's clock; the latter is None unless the breaker
    is open and waiting for its deadline.
    """

    name: str
    state: CircuitState
    mode: Mode
    since: float
    next_probe_at: float | None
    generation: int
    consecutive_failures: int
    probes_out: int
    admitted: int
    rejected: int
    successes: int
    failures: int
    ignored: int
    stale: int
    in_flight: int
