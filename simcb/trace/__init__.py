"""The record of a run: tables of requests, attempts, transitions and samples.

The room knows numpy and nothing else: no simulator, no metric, no picture.
"""

from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome, RequestOutcome
from simcb.trace.pieces import PIECE, ascends, column, pieces
from simcb.trace.rows_file import RowsFile, RowsFileError
from simcb.trace.tables import (
    ATTEMPTS,
    COUNTERS,
    REQUESTS,
    SAMPLES,
    STATE_CODE,
    STATE_NAMES,
    TABLES,
    TRANSITIONS,
    BreakerInfo,
    CacheInfo,
    CallInfo,
    ChangeInfo,
    CrashInfo,
    FaultInfo,
    Flag,
    Layout,
    Rows,
    ServiceInfo,
    Table,
)
from simcb.trace.trace import Trace, TraceFileError, column_limits

__all__ = [
    "ATTEMPTS",
    "ATTEMPT_CODE",
    "COUNTERS",
    "PIECE",
    "REQUESTS",
    "REQUEST_CODE",
    "SAMPLES",
    "STATE_CODE",
    "STATE_NAMES",
    "TABLES",
    "TRANSITIONS",
    "AttemptOutcome",
    "BreakerInfo",
    "CacheInfo",
    "CallInfo",
    "ChangeInfo",
    "CrashInfo",
    "FaultInfo",
    "Flag",
    "Layout",
    "RequestOutcome",
    "Rows",
    "RowsFile",
    "RowsFileError",
    "ServiceInfo",
    "Table",
    "Trace",
    "TraceFileError",
    "ascends",
    "column",
    "column_limits",
    "pieces",
]
