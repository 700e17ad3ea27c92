"""What evidence says: each number expected, got, its interval and verdict, case by case."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from simcb.evidence import Case, Claim, Evidence, Finding, Outcome, Relation
from simcb.views.data import plain
from simcb.views.document import FAILED, PASSED, CheckResult, Document, JsonValue, Page, Row, Table
from simcb.views.quantities import UNDEFINED
from simcb.views.safe_text import to_ascii

_HEADER = ("number", "expected", "got", "interval", "verdict")
_COLUMNS = (
    "case", "number", "relation", "expected", "slack", "unit", "got", "low", "high",
    "replicates", "verdict", "law", "source",
)  # fmt: skip


def evidence_document(evidence: Evidence) -> Document:
    """Return what evidence says."""
    by_case = groupby(evidence.findings, key=lambda finding: finding.case)
    sections = ((case, len(list(findings))) for case, findings in by_case)
    table = Table(
        _HEADER,
        tuple(map(_row, evidence.findings)),
        words=frozenset({len(_HEADER) - 1}),
        sections=tuple((case.name, (case.law, case.source), count) for case, count in sections),
        section_header=("case", "law", "source"),
        heading="Numbers by case",
    )
    return Document(
        "",
        lambda: _object(evidence),
        lambda: _rows(evidence),
        blocks=(table,),
        checks=tuple(map(_check, evidence.findings)),
        summary=summary_line(evidence),
    )


def _check(finding: Finding) -> CheckResult:
    got, wanted = f"got {_number(finding.got)}", f"expected {_expected(finding.claim)}"
    problem = f"{finding.outcome.value}: {wanted}, {got}, {_interval(finding)}"
    good = finding.outcome is Outcome.HOLDS
    return CheckResult(finding.case.name, finding.claim.name, "" if good else problem, "evidence")


def case_list(cases: Iterable[Case], page: Page) -> str:
    """Return each case's name with its law, and whether it is left to the full set."""
    lines = []
    for case in cases:
        mark = "" if case.quick else " (with --full)"
        about = f"{case.name}{mark}: {case.law}. {case.source}"
        lines += textwrap.wrap(about, page.prose_width, subsequent_indent="    ")
    text = "".join(f"{line}\n" for line in lines)
    return to_ascii(text) if page.ascii_only else text


def summary_line(evidence: Evidence) -> str:
    """Return how many numbers hold, in a line."""
    numbers = len(evidence.findings)
    cases = len({finding.case.name for finding in evidence.findings})
    wrong = [each for each in evidence.findings if each.outcome is not Outcome.HOLDS]
    if not wrong:
        if numbers == 1:
            return "the one number of one case holds"
        return f"all {numbers} numbers of {_cases(cases)} hold"
    names = ", ".join(dict.fromkeys(finding.case.name for finding in wrong))
    verb = "does" if len(wrong) == 1 else "do"
    return f"{len(wrong)} of {numbers} numbers of {_cases(cases)} {verb} not hold: {names}"


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"


def _row(finding: Finding) -> tuple[str, ...]:
    sign = PASSED if finding.outcome is Outcome.HOLDS else FAILED
    return (
        finding.claim.name,
        _expected(finding.claim),
        _number(finding.got),
        _interval(finding),
        f"{sign} {finding.outcome.value}",
    )


def _expected(claim: Claim) -> str:
    relation = "" if claim.relation is Relation.EQUAL else f"{claim.relation.value} "
    slack = f" ±{claim.slack:.2g}" if claim.slack else ""
    unit = "" if not claim.unit else claim.unit if claim.unit.startswith("/") else f" {claim.unit}"
    return f"{relation}{_number(claim.expected)}{slack}{unit}"


def _interval(finding: Finding) -> str:
    if math.isnan(finding.got):
        return UNDEFINED
    if finding.low == finding.high:
        return "deterministic"
    return f"{_number(finding.low)} … {_number(finding.high)}"


def _number(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.5g}".replace("-", "−")


def _rows(evidence: Evidence) -> Iterator[Row]:
    yield _COLUMNS
    for finding in evidence.findings:
        case, claim = finding.case, finding.claim
        yield (
            case.name,
            claim.name,
            # An equals sign alone is what a spreadsheet would take for a formula.
            claim.relation.name.lower(),
            *(claim.expected, claim.slack, claim.unit),
            *(finding.got, finding.low, finding.high, finding.replicates),
            *(finding.outcome.value, case.law, case.source),
        )


def _object(evidence: Evidence) -> dict[str, JsonValue]:
    cases: list[JsonValue] = [
        {
            **plain(case, "name", "law", "source"),
            "scenarios": {**case.texts},
            "numbers": [_number_object(finding) for finding in findings],
        }
        for case, findings in groupby(evidence.findings, key=lambda finding: finding.case)
    ]
    return {"full": evidence.full, "holds": evidence.holds, "cases": cases}


def _number_object(finding: Finding) -> dict[str, JsonValue]:
    claim = finding.claim
    values = (finding.got, finding.low, finding.high)
    got, low, high = (None if math.isnan(each) else each for each in values)
    return {
        **plain(claim, "name", "unit", "expected", "slack"),
        "relation": claim.relation.name.lower(),
        "got": got,
        "low": low,
        "high": high,
        "replicates": finding.replicates,
        "verdict": finding.outcome.value,
    }
