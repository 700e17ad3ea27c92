"""Which cases there are, and whether they come out: their runs, intervals and verdicts.

Replicate i of a case has random streams of its own, always the same, so the same
version gives the same findings on any machine.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

from simcb.errors import SimcbError
from simcb.evidence import limits, losses, published, queues, relations, retrying, tripping
from simcb.evidence.case import Case, Claim, Observed, Relation
from simcb.metrics.student import two_sided_t
from simcb.world import simulate

STANDARD_ERRORS = 4.0
"""Half the width of an interval, in standard errors, if these were known exactly."""

CONFIDENCE = 2.0 * NormalDist().cdf(STANDARD_ERRORS) - 1.0
"""The chance that such an interval holds the truth: all but one in 16,000."""

FULL_TIMES = 4
"""How many times the replicates of the quick set `full` runs."""

ROUNDING = 1e-9
"""What floating point may change, as a share of the expected value."""


CASES: dict[str, Case] = {
    case.name: case
    for subject in (
        queues.CASES,
        losses.CASES,
        limits.CASES,
        queues.LOOPS,
        retrying.CASES,
        tripping.CASES,
        published.CASES,
        relations.CASES,
    )
    for case in subject
}
"""Name to case, in the order of reports."""


class UnknownCaseError(SimcbError):
    """No case has that name.

    Args:
        name: what was asked for.
        nearest: the name that is most like it, or "".
    """

    def __init__(self, name: str, nearest: str) -> None:
        super().__init__(name, nearest)
        self.name = name
        self.nearest = nearest

    def __str__(self) -> str:
        hint = f"did you mean `{self.nearest}`?" if self.nearest else "see `simcb validate --list`"
        return f"no case is called `{self.name}`; {hint}"


def chosen(names: Sequence[str] = (), *, full: bool = False) -> tuple[Case, ...]:
    """Return the cases of these names in the order given, or those of a set if there are none.

    Args:
        names: of cases, quick or not.
        full: all cases instead of the quick set.

    Raises:
        UnknownCaseError: a name is not in the table.
    """
    for name in names:
        if name not in CASES:
            near = difflib.get_close_matches(name, CASES, 1)
            raise UnknownCaseError(name, near[0] if near else "")
    if names:
        return tuple(CASES[name] for name in dict.fromkeys(names))
    return tuple(case for case in CASES.values() if full or case.quick)


class Outcome(StrEnum):
    """What came of a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    VAGUE = "vague"
    """The interval holds the value, but is too wide to mean anything."""
    UNSEEN = "unseen"
    """Some run does not show the number at all."""


@dataclass(frozen=True)
class Finding:
    """What came of one claim.

    Args:
        case: the case it belongs to.
        claim: what was expected.
        got: mean over the replicates.
        low: lower end of its interval: four standard errors, as many more by Student's t as
            the replicates are few.
        high: upper end.
        replicates: how many runs there were.
    """

    case: Case
    claim: Claim
    got: float
    low: float
    high: float
    replicates: int

    @property
    def outcome(self) -> Outcome:
        """Whether the number is right, and known well enough to say so."""
        claim = self.claim
        if math.isnan(self.got):
            return Outcome.UNSEEN
        slack = claim.slack + ROUNDING * abs(claim.expected)
        if claim.relation is Relation.AT_MOST:
            return Outcome.HOLDS if self.high <= claim.expected + slack else Outcome.FAILS
        if claim.relation is Relation.AT_LEAST:
            return Outcome.HOLDS if self.low >= claim.expected - slack else Outcome.FAILS
        if not self.low - slack <= claim.expected <= self.high + slack:
            return Outcome.FAILS
        widest = claim.precision * (abs(claim.expected) or 1.0)
        return Outcome.HOLDS if (self.high - self.low) / 2.0 <= widest else Outcome.VAGUE

    def __str__(self) -> str:
        claim = self.claim
        return (
            f"{self.case.name}: {claim.name}: expected {claim.relation} {claim.expected:.6g}, "
            f"got {self.got:.6g} [{self.low:.6g}, {self.high:.6g}]: {self.outcome}"
        )


@dataclass(frozen=True)
class Evidence:
    """The findings of a set of cases, in the order of the table.

    Args:
        findings: one for each claim.
        full: whether everything was run, or the quick set.
    """

    findings: tuple[Finding, ...]
    full: bool

    @property
    def holds(self) -> bool:
        """True if every number came out."""
        return all(finding.outcome is Outcome.HOLDS for finding in self.findings)


def check_case(
    case: Case, *, times: int = 1, progress: Callable[[float], None] | None = None
) -> tuple[Finding, ...]:
    """Run a case and hold every number against what is expected.

    Args:
        case: what to run, observe and expect.
        times: how many times the case's own number of replicates.
        progress: called with the share of the case that is done, from 0 to 1.
    """
    scenarios = case.parsed()
    replicates = case.replicates * times
    values: list[list[float]] = [[] for _ in case.claims]
    for replicate in range(replicates):
        seen = {
            label: Observed(scenario, simulate(scenario, 0, replicate))
            for label, scenario in scenarios.items()
        }
        for got, claim in zip(values, case.claims, strict=True):
            got.append(float(claim.observe(seen)))
        if progress is not None:
            progress((replicate + 1) / replicates)
    return tuple(_found(case, claim, got) for claim, got in zip(case.claims, values, strict=True))


def validate(
    cases: Sequence[Case],
    *,
    full: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Evidence:
    """Run cases and return what came of them.

    Args:
        cases: which; `CASES` has all, `chosen` those of a set or of some names.
        full: four times the replicates for cases of the quick set.
        progress: called with the share of the cases that is done, from 0 to 1.
    """
    findings: list[Finding] = []
    for place, case in enumerate(cases):

        def report(share: float, place: int = place) -> None:
            if progress is not None:
                progress((place + share) / len(cases))

        findings += check_case(
            case, times=FULL_TIMES if full and case.quick else 1, progress=report
        )
    return Evidence(tuple(findings), full)


def _found(case: Case, claim: Claim, values: Sequence[float]) -> Finding:
    count = len(values)
    mean = math.fsum(values) / count
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1) / count)
    if claim.once:
        spread *= math.sqrt(count + 1)
    half = two_sided_t(CONFIDENCE, count - 1) * spread
    return Finding(case, claim, mean, mean - half, mean + half, count)
