"""Evidence as people and programs read it: each number expected, got, its interval, verdict.

This module must not know how evidence is made.
"""

from __future__ import annotations

import csv
import io
import json
import math
import textwrap
from collections.abc import Callable, Iterable
from itertools import groupby

from rich.text import Text

from simcb import __version__
from simcb.studies.evidence import Case, Claim, Evidence, Finding, Outcome, Relation
from simcb.views.answer import Page
from simcb.views.formats.names import Format
from simcb.views.safe_text import csv_cell, to_ascii
from simcb.views.tables.grid import Grid
from simcb.views.tables.quantities import UNDEFINED
from simcb.views.tables.run import FAILED, PASSED

SCHEMA_VERSION = 1

_HEADER = ("number", "expected", "got", "interval", "verdict")
_COLUMNS = (
    "case", "number", "relation", "expected", "slack", "unit", "got", "low", "high",
    "replicates", "verdict", "law", "source",
)  # fmt: skip
_VERDICT = len(_HEADER) - 1
_WIDEST = 100
_GOOD, _BAD = "#56B4E9", "bold #D55E00"

_LETTERS = str.maketrans(
    {
        "λ": "lambda", "μ": "mu", "ρ": "rho", "ν": "nu", "σ": "sigma", "Σ": "sum ", "∞": "inf",
        "·": "*", "²": "^2", "³": "^3", "⁴": "^4", "ⁿ": "^n", "₀": "0", "₁": "1", "₂": "2",
        "á": "a",
    }
)  # fmt: skip


def evidence_as(evidence: Evidence, form: Format, page: Page) -> Text:
    """Write evidence in a format; only the table has colours, and all end with a line break."""
    return _FORMATS[form](evidence, page)


def case_list(cases: Iterable[Case], page: Page) -> str:
    """Return each case's name with its law, and whether it is left to the full set."""
    lines = []
    for case in cases:
        mark = "" if case.quick else " (with --full)"
        lines += _wrapped(f"{case.name}{mark}: {case.law}. {case.source}", page)
    return _legible("".join(f"{line}\n" for line in lines), page)


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


def evidence_table(findings: Iterable[Finding]) -> Grid:
    """Return one row for each number."""
    rows = tuple(_row(finding) for finding in findings)
    return Grid(_HEADER, rows, words=frozenset({_VERDICT}))


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
        return "no chance in it"
    return f"{_number(finding.low)} … {_number(finding.high)}"


def _number(value: float) -> str:
    return UNDEFINED if math.isnan(value) else f"{value:.5g}".replace("-", "−")


def _as_screen(evidence: Evidence, page: Page) -> Text:
    header, *rows = evidence_table(evidence.findings).text(ascii_only=page.ascii_only).split("\n")
    text = Text("\n").join([Text("  ").append_text(header)])
    lines = iter(rows)
    for case, findings in groupby(evidence.findings, key=lambda finding: finding.case):
        title, *rest = _wrapped(f"{case.name}  {case.law}. {case.source}", page)
        text.append("\n").append(case.name, "bold").append(title.removeprefix(case.name), "dim")
        for line in rest:
            text.append(f"\n{line}", "dim")
        for _ in findings:
            text.append("\n  ").append_text(next(lines))
    text.append(f"\n\n{summary_line(evidence)}\n")
    if page.ascii_only:
        return Text(_legible(text.plain, page))
    text.highlight_words([f"{PASSED} {Outcome.HOLDS.value}"], _GOOD)
    for outcome in Outcome:
        text.highlight_words([f"{FAILED} {outcome.value}"], _BAD)
    return text


def _wrapped(line: str, page: Page) -> list[str]:
    width = max(40, min(page.width, _WIDEST))
    return textwrap.wrap(line, width, subsequent_indent="    ", drop_whitespace=True)


def _legible(text: str, page: Page) -> str:
    return to_ascii(text.translate(_LETTERS)) if page.ascii_only else text


def _as_markdown(evidence: Evidence, _: Page) -> Text:
    rows = tuple((finding.case.name, *_row(finding)) for finding in evidence.findings)
    words = frozenset({1, len(_HEADER)})
    table = Grid(("case", *_HEADER), rows, words=words).markdown()
    cases = dict.fromkeys(finding.case for finding in evidence.findings)
    laws = Grid(
        ("case", "law", "source"),
        tuple((case.name, case.law, case.source) for case in cases),
        words=frozenset({1, 2}),
    ).markdown()
    return Text(f"**{summary_line(evidence)}**\n\n{table}\n\n{laws}\n")


def _as_csv(evidence: Evidence, _: Page) -> Text:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for finding in evidence.findings:
        case, claim = finding.case, finding.claim
        cells = (
            csv_cell(case.name),
            csv_cell(claim.name),
            # An equals sign alone is what a spreadsheet would take for a formula.
            claim.relation.name.lower(),
            repr(claim.expected),
            repr(claim.slack),
            csv_cell(claim.unit),
            *("" if math.isnan(each) else repr(each) for each in _values(finding)),
            finding.replicates,
            finding.outcome.value,
            csv_cell(case.law),
            csv_cell(case.source),
        )
        writer.writerow(cells)
    return Text(text.getvalue())


def _as_json(evidence: Evidence, _: Page) -> Text:
    cases = [
        {
            "name": case.name,
            "law": case.law,
            "source": case.source,
            "scenarios": case.texts,
            "numbers": [_object(finding) for finding in findings],
        }
        for case, findings in groupby(evidence.findings, key=lambda finding: finding.case)
    ]
    whole = {
        "schema_version": SCHEMA_VERSION,
        "simcb": __version__,
        "full": evidence.full,
        "holds": evidence.holds,
        "cases": cases,
    }
    return Text(json.dumps(whole, sort_keys=True, allow_nan=False, ensure_ascii=True) + "\n")


def _object(finding: Finding) -> dict[str, str | float | int | None]:
    claim = finding.claim
    got, low, high = (None if math.isnan(each) else each for each in _values(finding))
    return {
        "name": claim.name,
        "unit": claim.unit,
        "relation": claim.relation.name.lower(),
        "expected": claim.expected,
        "slack": claim.slack,
        "got": got,
        "low": low,
        "high": high,
        "replicates": finding.replicates,
        "verdict": finding.outcome.value,
    }


def _values(finding: Finding) -> tuple[float, float, float]:
    return finding.got, finding.low, finding.high


_FORMATS: dict[Format, Callable[[Evidence, Page], Text]] = {
    Format.TABLE: _as_screen,
    Format.JSON: _as_json,
    Format.CSV: _as_csv,
    Format.MD: _as_markdown,
}
