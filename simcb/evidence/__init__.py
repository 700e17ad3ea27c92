"""Evidence that the numbers are right: cases of known result, run and held against it.

Each case says a law or a published experiment, its source, its scenarios in simcb's own
words, and the numbers that have to come out. `validate` runs them and judges every number by
an interval of four standard errors over replicates.
"""

from simcb.evidence.case import Case, Claim, Observed, Relation, Seen
from simcb.evidence.validating import (
    CASES,
    Evidence,
    Finding,
    Outcome,
    UnknownCaseError,
    check_case,
    chosen,
    validate,
)

__all__ = [
    "CASES",
    "Case",
    "Claim",
    "Evidence",
    "Finding",
    "Observed",
    "Outcome",
    "Relation",
    "Seen",
    "UnknownCaseError",
    "check_case",
    "chosen",
    "validate",
]
