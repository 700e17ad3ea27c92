"""The world again, the textbook way: slow, short and obviously right.

One SimPy process for each want of a user, each time they ask, and each attempt that is sent
to a service; a `Resource` for workers and bulkheads; `any_of` for whatever ends a wait. It
runs the same breaker on the same random numbers as `simcb.world`, and shares no event logic
with it: what the two agree on is right, or wrong twice in unrelated ways.
"""

from plain_model.agreement import differences
from plain_model.model import PlainWorld, simulate_plainly
from plain_model.record import AttemptRecord, Record, RequestRecord, record_of

__all__ = [
    "AttemptRecord",
    "PlainWorld",
    "Record",
    "RequestRecord",
    "differences",
    "record_of",
    "simulate_plainly",
]
