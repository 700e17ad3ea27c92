"""JUnit XML: a case for each check, counted, escaped, and read back by a parser."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_studies.sweep_cases import swept
from test_studies.tune_cases import briefly, tuned_with
from test_views.small_runs import BARE, GUARDED, answer

from simcb.evidence import CASES, Outcome, validate
from simcb.metrics import Law
from simcb.views.document import CheckResult, Document
from simcb.views.junit import as_junit
from simcb.views.run import run_document
from simcb.views.sweep import sweep_document
from simcb.views.tune import tune_document
from simcb.views.validate import evidence_document


def read(document: Document) -> Element:
    """Return the report read back, its counts held against its cases."""
    root = fromstring(as_junit(document))
    for each in (root, *root.iter("testsuite")):
        found = {
            "tests": len([*each.iter("testcase")]),
            "failures": len([*each.iter("failure")]),
            "errors": len([*each.iter("error")]),
        }
        assert {name: int(each.attrib[name]) for name in found} == found
    return root


def properties(suite: Element) -> dict[str, str]:
    """Return a suite's properties."""
    return {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}


def test_each_threshold_is_a_case_and_one_that_fails_has_what_was_measured() -> None:
    """The one for a healthy run holds, that under the fault does not, and neither a condition."""
    shown = answer(GUARDED, fail_if=("success < 99%", "p99{healthy} > 1h"))
    root = read(run_document(shown))
    (suite,) = root.iter("testsuite")
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert list(cases) == [
        "success{healthy} >= 99%",
        "success{fault} >= 99%",
        "fail if success < 99%",
        "fail if p99{healthy} > 1h",
    ]
    assert {case.attrib["classname"] for case in cases.values()} == {"small"}
    problems = {name: case.find("failure") for name, case in cases.items()}
    good = [name for name, found in problems.items() if found is None]
    assert good == ["success{healthy} >= 99%", "fail if p99{healthy} > 1h"]
    missed = problems["success{fault} >= 99%"]
    assert missed is not None
    assert missed.attrib["message"].startswith("measured ")
    assert missed.attrib["message"].partition(";")[0].endswith("%")
    assert missed.attrib["type"] == "threshold"
    assert properties(suite)["seed"] == "3"
    assert properties(suite)["repeat"] == "simcb run small.yaml --seed 3"
    assert properties(suite)["digest"] == shown.result.digest


def test_a_run_without_a_threshold_is_a_report_of_one_case() -> None:
    """A report without any reads as if nothing had been run."""
    assert read(run_document(answer(BARE))).attrib["tests"] == "1"


def test_laws_are_a_suite_and_a_broken_one_is_an_error() -> None:
    """It says that the simulator is wrong, not the scenario."""
    shown = answer(GUARDED, laws=True)
    thresholds, laws = read(run_document(shown)).iter("testsuite")
    assert (thresholds.attrib["name"], laws.attrib["name"]) == ("small", "small, laws")
    assert int(laws.attrib["tests"]) == len(shown.audits[0])
    assert laws.attrib["errors"] == "0"
    broken = replace(shown, audits=((Law("a = b", False, "1 is not 2"),),))
    (error,) = read(run_document(broken)).iter("error")
    assert error.attrib["message"] == "1 is not 2"


def test_sweeps_and_tunes_report_lost_runs_and_limits_nothing_keeps() -> None:
    """These are what their exit codes tell as well."""
    (case,) = read(sweep_document(swept())).iter("testcase")
    assert case.attrib["name"] == "every run could be made"
    assert read(tune_document(briefly())).attrib["failures"] == "0"
    (failure,) = read(tune_document(tuned_with(subject_to=("success >= 100%",)))).iter("failure")
    assert failure.attrib["message"].startswith("no setting keeps success >= 100%")


def test_each_number_of_evidence_is_a_case() -> None:
    """Its suite is the case of evidence that it belongs to."""
    evidence = validate([CASES["idle-fault"]])
    root = read(evidence_document(evidence))
    (suite,) = root.iter("testsuite")
    assert suite.attrib["name"] == "idle-fault"
    assert int(suite.attrib["tests"]) == len(evidence.findings)
    wrong = replace(evidence.findings[0], got=7.0, low=7.0, high=7.0)
    assert wrong.outcome is Outcome.FAILS
    worse = replace(evidence, findings=(wrong, *evidence.findings[1:]))
    (failure,) = read(evidence_document(worse)).iter("failure")
    assert failure.attrib["message"].startswith("fails: expected ")


@given(st.text())
def test_no_text_breaks_the_report(text: str) -> None:
    """XML 1.0 knows no control characters, and a name may be anything."""
    checks = (
        CheckResult(text, text, text),
        CheckResult(text, "]]><!--", "<&\"'\x00\ud800\ufffe", broken=True),
    )
    document = Document("", checks=checks, facts={text: text, "a\x08": "\x1b[31m"}, repeat=text)
    report = as_junit(document)
    assert report.isascii()
    assert all(each.isprintable() for each in report.splitlines())
    root = read(document)
    assert root.attrib["tests"] == "2"
    if text.isprintable() and len(text) < 1000:
        assert next(root.iter("testcase")).attrib["name"] == text


@pytest.mark.parametrize("form", ["run", "sweep", "tune", "validate"])
def test_equal_documents_are_equal_bytes(form: str) -> None:
    """No moment and no length of real time is in a report."""
    made = {
        "run": lambda: run_document(answer()),
        "sweep": lambda: sweep_document(swept()),
        "tune": lambda: tune_document(briefly()),
        "validate": lambda: Document("", checks=(CheckResult("a", "b"),)),
    }[form]
    assert as_junit(made()) == as_junit(made())
