"""The record of a run: tables of requests, attempts, transitions and samples.

The room knows numpy and nothing else: no simulator, no metric, no picture.
"""

from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace.checks import column_limits
from simcb.trace.layout import BreakerInfo, CallInfo, FaultInfo, Layout, ServiceInfo
from simcb.trace.tables import (
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    STATE_CODE,
    STATE_NAMES,
    TABLES,
    TRANSITIONS,
    Flag,
    Table,
)
from simcb.trace.trace import Trace, TraceFileError

__all__ = [
    "ATTEMPTS",
    "ATTEMPT_CODE",
    "COUNTERS",
    "REQUESTS",
    "REQUEST_CODE",
    "SAMPLES",
    "STATE_CODE",
    "STATE_NAMES",
    "TABLES",
    "TRANSITIONS",
    "AttemptOutcome",
    "BreakerInfo",
    "CallInfo",
    "FaultInfo",
    "Flag",
    "Layout",
    "RequestOutcome",
    "ServiceInfo",
    "Table",
    "Trace",
    "TraceFileError",
    "column_limits",
]
