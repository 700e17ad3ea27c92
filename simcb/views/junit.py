"""A document's checks as JUnit XML, as Jenkins, GitLab and GitHub's reporters read it.

A suite for each thing that was checked, a case for each check. What one could not rely on, a
broken law or a lost run, is an error; what was measured and is not good enough is a failure.
Times are 0, for they would make equal studies differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from simcb.views.document import CheckResult, Document
from simcb.views.safe_text import one_line

_LONGEST = 10_000
_NO_TIME = "0.000"


def as_junit(document: Document) -> str:
    """Return the document's checks as XML in ASCII.

    Every text is made one line of printable characters: XML 1.0 has no way to write others.
    """
    root = Element("testsuites", {"name": "simcb", **_counts(document.checks)})
    for group, checks in groupby(document.checks, key=lambda check: check.group):
        _add_suite(root, group, tuple(checks), document)
    indent(root)
    written: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii") + "\n"


def _add_suite(
    root: Element, group: str, checks: Sequence[CheckResult], document: Document
) -> None:
    suite = SubElement(root, "testsuite", {"name": _safe(group), **_counts(checks)})
    tags = {f"tag {key}": value for key, value in document.tags.items()}
    facts = {**tags, **document.facts, "repeat": document.repeat}
    known = {name: value for name, value in facts.items() if value}
    if known:
        properties = SubElement(suite, "properties")
        for name, value in known.items():
            SubElement(properties, "property", {"name": _safe(name), "value": _safe(value)})
    for check in checks:
        words = {"classname": _safe(group), "name": _safe(check.name), "time": _NO_TIME}
        case = SubElement(suite, "testcase", words)
        if check.problem:
            kind = "error" if check.broken else "failure"
            problem = SubElement(case, kind, {"message": _safe(check.problem), "type": check.kind})
            problem.text = f"{_safe(check.name)}: {_safe(check.problem)}"


def _counts(checks: Sequence[CheckResult]) -> dict[str, str]:
    errors = sum(bool(check.problem) and check.broken for check in checks)
    failures = sum(bool(check.problem) and not check.broken for check in checks)
    counts = {"tests": len(checks), "failures": failures, "errors": errors, "skipped": 0}
    return {**{name: str(count) for name, count in counts.items()}, "time": _NO_TIME}


def _safe(text: str) -> str:
    return one_line(text, _LONGEST)
