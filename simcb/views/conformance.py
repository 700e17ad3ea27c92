"""What conformity says: a table of breakers and lines, and the history behind each cross."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from simcb.conformance import LINES, Conformity, Finding, Standing
from simcb.version import __version__
from simcb.views.document import (
    FAILED,
    PASSED,
    Block,
    CheckResult,
    Document,
    Entries,
    JsonValue,
    Row,
    Table,
)
from simcb.views.safe_text import one_line

SIGNS = {
    Standing.HOLDS: PASSED,
    Standing.VIOLATED: FAILED,
    Standing.NOT_APPLICABLE: "–",
    Standing.NOT_TRIED: "?",
}
"""How a cell shows a standing."""

_COLUMNS = ("breaker", "version", "line", "contract", "standing", "what", "history")


def conformance_document(
    found: Sequence[Conformity], missing: Sequence[str], repeat: str
) -> Document:
    """Return what was found of breakers.

    Args:
        found: each breaker, line by line.
        missing: who is not installed.
        repeat: the command that gives the same document.
    """
    blocks: tuple[Block, ...] = (_lines(found[0]),)
    crosses: tuple[Block, ...] = ()
    if len(found) > 1:
        blocks = (_matrix(found), _contract())
        crosses = (Entries(tuple(_crosses(found))),)
    left: tuple[Block, ...] = ()
    if missing:
        left = (f"not installed: {', '.join(missing)}; pip install 'simcb[peers]'",)
    count = f"{len(found)} breakers" if len(found) > 1 else found[0].about.rstrip(".")
    whole = Document(
        one_line(f"{count}, {len(LINES)} lines of the contract", 200),
        lambda: _object(found, missing),
        lambda: _rows(found),
        findings=(_headline(found),),
        blocks=(*blocks, *crosses, *left),
        checks=tuple(_check(each, finding) for each in found for finding in each.findings),
        repeat=repeat,
        versions={"simcb": __version__} | {each.name: each.version for each in found},
    )
    if not crosses:
        return whole
    more = "--details has the shortest history that shows each ✗"
    return replace(whole, brief=replace(whole, blocks=(*blocks, *left, more)))


def _crosses(found: Sequence[Conformity]) -> Iterator[tuple[str, str]]:
    """Yield each line that is broken, and how."""
    for each in found:
        for finding in each.violated:
            yield f"{_name(each)} {finding.line.number}", _shown(finding)


def _headline(found: Sequence[Conformity]) -> str:
    if len(found) == 1:
        broken = len(found[0].violated)
        lines = "line" if broken == 1 else "lines"
        held = sum(each.standing is Standing.HOLDS for each in found[0].findings)
        words = f"breaks {broken} {lines} of the contract" if broken else "breaks no line"
        return f"{_name(found[0])} {words}, and keeps {held} of {len(LINES)}"
    clean = [_name(each) for each in found if not each.violated]
    if not clean:
        return f"each of {len(found)} breakers breaks a line of the contract"
    names = ", ".join(clean)
    breaks = "breaks" if len(clean) == 1 else "break"
    return f"{names} {breaks} no line of the contract; {len(found) - len(clean)} do"


def _name(found: Conformity) -> str:
    return one_line(found.name, 40)


def _matrix(found: Sequence[Conformity]) -> Table:
    return Table(
        ("breaker", "version", *(str(line.number) for line in LINES)),
        tuple(
            (
                _name(each),
                one_line(each.version or "–"),
                *(SIGNS[f.standing] for f in each.findings),
            )
            for each in found
        ),
        words=frozenset({1}),
        heading="Who keeps which line",
        notes=("✓ holds, ✗ violated, – says nothing of it, ? not tried",),
    )


def _contract() -> Table:
    return Table(
        ("line", "what has to hold"),
        tuple((str(line.number), line.words) for line in LINES),
        words=frozenset({1}),
        heading="The contract",
    )


def _lines(found: Conformity) -> Table:
    return Table(
        ("line", "what has to hold", ""),
        tuple(
            (
                str(each.line.number),
                each.line.words,
                f"{SIGNS[each.standing]} {each.standing.value}",
            )
            for each in found.findings
        ),
        words=frozenset({1, 2}),
        heading="Line by line",
        notes=tuple(f"{f.line.number}: {_shown(f)}" for f in found.findings if f.what),
    )


def _shown(finding: Finding) -> str:
    history = f"; the shortest: {finding.history}" if finding.history else ""
    return one_line(f"{finding.what}{history}", 400)


def _check(found: Conformity, finding: Finding) -> CheckResult:
    problem = _shown(finding) if finding.standing is Standing.VIOLATED else ""
    return CheckResult(found.name, f"{finding.line.number}: {finding.line.words}", problem, "line")


def _rows(found: Sequence[Conformity]) -> Iterator[Row]:
    yield _COLUMNS
    for each in found:
        for finding in each.findings:
            line = finding.line
            yield (
                *(each.name, each.version, line.number, line.words),
                *(finding.standing.value, finding.what, finding.history),
            )


def _object(found: Sequence[Conformity], missing: Sequence[str]) -> dict[str, JsonValue]:
    breakers: list[JsonValue] = [
        {
            "name": each.name,
            "about": each.about,
            "version": each.version,
            "lines": [
                {
                    "line": finding.line.number,
                    "contract": finding.line.words,
                    "standing": finding.standing.value,
                    "what": finding.what,
                    "history": finding.history,
                }
                for finding in each.findings
            ],
        }
        for each in found
    ]
    return {"breakers": breakers, "not_installed": [*missing]}
