"""OpenMetrics text, read back by the reference parser: every number, its unit and its labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_studies.sweep_cases import OVER, scenario, sweep
from test_views.small_runs import GUARDED, answer

from simcb.views.document import CheckResult, Document, Measure
from simcb.views.openmetrics import as_openmetrics
from simcb.views.run import run_document
from simcb.views.sweep import sweep_document

parser = pytest.importorskip("prometheus_client.openmetrics.parser")

Labels = frozenset[tuple[str, str]]


def read(document: Document) -> dict[tuple[str, Labels], float]:
    """Return each sample by its name and labels, as a server reads them."""
    families = [*parser.text_string_to_metric_families(as_openmetrics(document))]
    assert {family.type for family in families} <= {"gauge"}
    assert all(family.documentation for family in families)
    samples = [sample for family in families for sample in family.samples]
    found = {(each.name, frozenset(each.labels.items())): each.value for each in samples}
    assert len(found) == len(samples)
    return found


def test_every_number_of_a_run_is_a_gauge_with_its_labels() -> None:
    """What is undefined is left out, a time that never came is infinite."""
    shown = answer(GUARDED, replicates=3, baseline=True)
    found = read(run_document(shown).tagged({"env": "prod"}))
    units = {"s": "_seconds", "share": "_ratio"}
    expected: dict[tuple[str, Labels], float] = {}
    for variant, result in (("scenario", shown.result), ("baseline", shown.result.baseline)):
        assert result is not None
        for item in result.summary:
            labels = {"scenario": "small", "variant": variant, "phase": item.phase}
            labels |= {"of": item.of, "tag_env": "prod"}
            key = frozenset((name, value) for name, value in labels.items() if value)
            ends = {"": item.estimate.mean, "_lower": item.estimate.low}
            for end, value in (ends | {"_upper": item.estimate.high}).items():
                if value is not None:
                    name = f"simcb_{item.name}{end}{units.get(item.unit.value, '')}"
                    expected[name, key] = value
    checks = {key: value for key, value in found.items() if key[0] == "simcb_check_passed"}
    assert {key: value for key, value in found.items() if key not in checks} == expected
    assert sorted(checks.values()) == [0.0, 1.0]


def test_a_sweep_has_the_numbers_of_its_ranking() -> None:
    """Each setting by its number and its values, and what they are held against by its name."""
    result = sweep(scenario(), OVER, replicates=2, workers=0, alone=False)
    found = read(sweep_document(result))
    (checked,) = (labels for name, labels in found if name == "simcb_check_passed")
    assert ("check", "every run could be made") in checked
    means = {
        dict(labels)["setting"]: (value, dict(labels))
        for (name, labels), value in found.items()
        if name == "simcb_goodput"
    }
    assert len(means) == len(result) + 2
    for each in result.ranking:
        value, labels = means[str(each.setting)]
        assert value == each.estimate.mean
        values = [str(each) for each in result.settings[each.setting].values]
        assert [
            labels["set_breaker_failure_threshold"],
            labels["set_breaker_recovery_timeout"],
        ] == values
    assert means["yours"][1]["set_breaker_recovery_timeout"] == "2s"
    assert "set_breaker_recovery_timeout" not in means["no breaker"][1]
    assert {name for name, _ in found} >= {"simcb_collapse_ratio", "simcb_success_ratio"}


@given(st.text(), st.floats(allow_nan=False))
def test_no_text_breaks_the_lines(text: str, value: float) -> None:
    """Quotes, backslashes and line breaks in a label or a help text are those of the text."""
    measure = Measure("p99", "s", text or "p99", {"scenario": text, "of": '"\\\n'}, value)
    checks = (CheckResult(text, "same"), CheckResult(text, "same", "is not"))
    document = Document("", checks=checks, measures=lambda: iter([measure]))
    found = read(document.tagged({"t": text}))
    (passed,) = (value for (name, _), value in found.items() if name == "simcb_check_passed")
    assert passed == 0.0
    ((labels, read_value),) = (
        (dict(labels), each)
        for (name, labels), each in found.items()
        if name == "simcb_p99_seconds"
    )
    assert read_value == value
    assert labels["of"] == '"\\\\n'
    if text.isprintable() and 0 < len(text) < 400:
        assert labels["scenario"] == labels["tag_t"] == text
