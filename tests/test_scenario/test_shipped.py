"""What comes with simcb: its scenarios, the starter, and the JSON Schema of the format."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from test_scenario.generated import scenarios
from test_scenario.written import SMALL

from simcb.scenario import (
    Scenario,
    ScenarioError,
    find_shipped,
    list_shipped,
    parse_scenario,
    parse_value,
    read_scenario,
    schema,
    template,
)


def test_the_two_stories_are_shipped() -> None:
    """Both scenarios of the introduction are found by name."""
    assert {"flaky-payments", "slow-replica"} <= set(list_shipped())


@pytest.mark.parametrize("name", list_shipped())
def test_every_shipped_scenario_reads_and_tells_what_to_look_for(name: str) -> None:
    """A shipped scenario is called what its file is called, and begins with a comment."""
    scenario = read_scenario(name)
    assert scenario.name == name
    assert scenario.about
    assert find_shipped(name).read_text(encoding="utf-8").startswith("# ")
    assert parse_scenario(scenario.to_yaml()) == scenario


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    """A slip in a shipped name is recognised."""
    with pytest.raises(ScenarioError, match="did you mean `slow-replica`"):
        read_scenario("slow-replca")


def test_a_file_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that exists as a file is that file."""
    monkeypatch.chdir(tmp_path)
    Path("slow-replica").write_text(SMALL)
    assert read_scenario("slow-replica").name == "small"
    assert read_scenario("./slow-replica").name == "small"


def test_a_directory_is_no_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of results called like a shipped scenario hides it from nobody."""
    monkeypatch.chdir(tmp_path)
    for name in ("slow-replica", "other"):
        Path(name).mkdir()
    assert read_scenario("slow-replica").name == "slow-replica"
    for name in ("other", "./slow-replica"):
        with pytest.raises(ScenarioError, match="is a directory; name a file in it"):
            read_scenario(name)


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text piped in is read, and called so in messages."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SMALL.encode())))
    assert read_scenario("-").name == "small"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x")))
    with pytest.raises(ScenarioError, match="<stdin>:1:1"):
        read_scenario("-")


def test_the_starter_reads_cleanly() -> None:
    """What `simcb init` writes is a scenario, and its words are explained."""
    scenario = parse_scenario(template())
    assert scenario.faults
    assert scenario.thresholds
    assert template().count("#") >= 10


def test_the_schema_is_a_schema() -> None:
    """The JSON Schema is valid in its own dialect."""
    jsonschema.Draft202012Validator.check_schema(schema())


@cache
def validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize(
    "text", [SMALL, template(), *(find_shipped(n).read_text() for n in list_shipped())]
)
def test_the_schema_accepts_real_files(text: str) -> None:
    """Shipped scenarios and the starter fit the schema as they are written."""
    validator().validate(parse_value(text))


@given(scenarios())
def test_the_schema_accepts_what_the_reader_accepts(scenario: Scenario) -> None:
    """Any scenario, as it is written, fits the schema."""
    validator().validate(scenario.to_data())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("workers: 8", "wokers: 8"),
        ("workers: 8", "workers: 0"),
        ("duration: 5m", "duration: 5"),
        ("kind: poisson", "kind: poison"),
        ("kind: hang, ", ""),
        ("  shop:\n", "  shop front:\n"),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(old: str, new: str) -> None:
    """Common mistakes are seen by an editor that knows the schema."""
    data = parse_value(SMALL.replace(old, new))
    assert not validator().is_valid(data)


def test_reading_scenarios_loads_no_simulator() -> None:
    """The room stays light: no numpy, no SimPy, no plotting."""
    code = "import sys, simcb.scenario; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"numpy", "simpy", "matplotlib", "typer"} & set(loaded)
