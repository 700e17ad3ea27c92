"""The words of a breaker: its states and modes, why it changes, how calls end."""

from __future__ import annotations

from enum import StrEnum


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
    RAMP_ENDED = "ramp_ended"
    OPENED_BY_HAND = "opened_by_hand"
    HALF_OPENED_BY_HAND = "half_opened_by_hand"
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
