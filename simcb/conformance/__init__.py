"""The contract of a circuit breaker, held against any breaker that an adapter drives.

`conformity` tries every history up to a length in virtual time, each step an event that a caller
causes, and a monitor of each line watches: what it finds first is the shortest history that shows
the defect. What no such history can show is tried on the library's own guard. A line that is not
tried says so. The room prints nothing.
"""

from simcb.conformance.conform import (
    ConformanceError,
    Conformity,
    Finding,
    Standing,
    chosen,
    conformity,
)
from simcb.conformance.lines import LINES, Line
from simcb.conformance.suite import contract_test

__all__ = [
    "LINES",
    "ConformanceError",
    "Conformity",
    "Finding",
    "Line",
    "Standing",
    "chosen",
    "conformity",
    "contract_test",
]
