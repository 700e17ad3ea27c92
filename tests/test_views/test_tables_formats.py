import csv
import io
import json
import math

import pytest
from rich.text import Text
from test_views.small_runs import BARE, GUARDED, answer

from simcb.metrics import METRICS
from simcb.scenario import parse_scenario
from simcb.views import data
from simcb.views.data import number
from simcb.views.document import JsonValue, Page
from simcb.views.formats import Format
from simcb.views.formats import render as render_document
from simcb.views.run import Answer, run_document

HOSTILE = BARE.replace("name: bare", 'name: "\\e[31m[red]=1+1|<b>`x`"').replace(
    "duration", 'about: "=cmd()\\r\\n\\e]0;title\\a"\nduration'
)


def render(shown: Answer, form: Format, page: Page, *, details: bool = False) -> Text:
    return render_document(run_document(shown), form, page, details=details)


def as_json(shown: Answer, indent: int | None = None) -> str:
    return data.as_json(run_document(shown), indent)


def as_object(shown: Answer) -> dict[str, JsonValue]:
    return data.as_object(run_document(shown))


@pytest.mark.parametrize("form", list(Format))
def test_every_format_ends_with_a_line_break(form: Format) -> None:
    """Output can be appended to a file or followed by a prompt."""
    assert render(answer(), form, Page()).plain.endswith("\n")


@pytest.mark.parametrize("form", list(Format))
def test_a_hostile_name_reaches_no_output_raw(form: Format) -> None:
    """Escape sequences and carriage returns in a file are shown, or escaped, in any format."""
    written = render(answer(HOSTILE), form, Page()).plain
    assert all(char.isprintable() or char == "\n" for char in written)


def test_json_has_the_promised_keys() -> None:
    """Programs find name, verdict, thresholds, phases, metrics, breakers, digest, repeat."""
    found = json.loads(as_json(answer(baseline=True, fail_if=("p99 > 1h",))))
    assert found["schema_version"] == 1
    assert found["scenario"] == "small"
    assert (found["seed"], found["replicates"], found["duration"]) == (3, 1, 40.0)
    assert set(found["verdict"]) == {"verdict", "reason", "counts"}
    assert [each["passed"] for each in found["thresholds"]] == [True, False]
    assert found["thresholds"][1]["phase"] == "fault"
    assert found["thresholds"][1]["op"] == ">="
    assert {"name": "fault", "windows": [[10.0, 20.0]]} in found["phases"]
    assert found["fail_if"][0]["passed"] is False
    assert found["passed"] is False
    assert found["repeat"] == "simcb run small.yaml --seed 3"
    assert found["digest"] == answer(baseline=True).result.digest
    assert found["baseline"]["breakers"] == []
    assert found["baseline"]["scenario"] == "small"
    assert set(found["metrics"]) == set(METRICS)
    (breaker,) = found["breakers"]
    assert breaker["name"] == "shop->store"
    assert breaker["transitions"][0][1:] == ["closed", "open"]
    assert sum(breaker["seconds"].values()) == pytest.approx(40.0)


def test_json_values_are_the_measured_ones_to_the_last_bit() -> None:
    """Floats read back as they were measured; undefined ones are null."""
    shown = answer()
    found = json.loads(as_json(shown))["metrics"]
    for item in shown.result.measures:
        (entry,) = [
            each
            for each in found[item.name]["values"]
            if (each["phase"], each["of"]) == (item.phase, item.of)
        ]
        assert entry["mean"] == number(item.value)
        assert found[item.name]["unit"] == item.unit.value


def test_json_knows_null_and_never_but_no_infinity() -> None:
    """Undefined is null, a time that never came is a word."""
    assert number(None) is None
    assert number(math.inf) == "never"
    assert number(-math.inf) == "-never"
    text = GUARDED.replace("failure_threshold: 3", "failure_threshold: 1000000")
    found = as_json(answer(text))
    entry = json.loads(found, parse_constant=pytest.fail)["metrics"]["time_to_trip"]["values"][0]
    assert (entry["mean"], entry["never"]) == ("never", 1)


def test_json_is_the_same_for_the_same_answer() -> None:
    """Keys are sorted, so equal answers are equal bytes, indented or not."""
    once, again = as_json(answer()), as_json(Answer(answer().result, (), answer().repeat))
    assert once == again
    assert json.loads(as_json(answer(), indent=2)) == json.loads(once) == as_object(answer())
    assert list(json.loads(once)) == sorted(json.loads(once))


def test_csv_is_tidy() -> None:
    """One line for each variant, metric, phase and service, with its unit."""
    shown = answer(baseline=True)
    rows = list(csv.DictReader(io.StringIO(render(shown, Format.CSV, Page()).plain)))
    assert {row["variant"] for row in rows} == {"scenario", "baseline", "difference"}
    keys = [(row["variant"], row["metric"], row["phase"], row["of"]) for row in rows]
    assert len(set(keys)) == len(keys)
    (row,) = [
        row
        for row in rows
        if (row["variant"], row["metric"], row["phase"]) == ("scenario", "success", "fault")
    ]
    value = shown.result.measures.value("success", "fault")
    assert float(row["mean"]) == value
    assert (row["unit"], row["of"], row["low"], row["high"]) == ("share", "", "", "")


def test_markdown_has_the_tables_of_the_screen() -> None:
    """Every table has a rule under its header and rows of equal length."""
    text = render(answer(baseline=True), Format.MD, Page(), details=True).plain
    blocks = [block.split("\n") for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 5
    for block in blocks:
        assert set(block[1]) <= set("|-: ")
        assert len({line.count("|") for line in block}) == 1


def test_the_hostile_scenario_is_what_it_seems() -> None:
    """The name under test really has an escape character in it."""
    assert "\x1b" in parse_scenario(HOSTILE).name
