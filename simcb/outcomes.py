"""How an attempt and a request can end, and the phases of a run: closed sets every room shares.

The numeric code of an outcome in a trace column is its place in the enum, so members are
only ever added at the end.
"""

from __future__ import annotations

from enum import StrEnum


class AttemptOutcome(StrEnum):
    """How one try at one call ends, as its caller sees it."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    REJECTED = "rejected"
    SHED = "shed"
    ABANDONED = "abandoned"
    IN_FLIGHT = "in_flight"
    THROTTLED = "throttled"


class RequestOutcome(StrEnum):
    """How a user's request ends; `unfinished` is alive when the run stops."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    UNFINISHED = "unfinished"


PHASES = ("healthy", "fault", "between", "recovery")
"""The phases of a run with faults, in time."""

ATTEMPT_CODE = {outcome: code for code, outcome in enumerate(AttemptOutcome)}
REQUEST_CODE = {outcome: code for code, outcome in enumerate(RequestOutcome)}
