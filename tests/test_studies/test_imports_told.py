"""Other programs' settings where a scenario is meant: refused with the command that reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcb.scenario import ScenarioError
from simcb.studies import read

RESILIENCE4J = """
resilience4j:
  circuitbreaker:
    instances:
      payments: {slidingWindowSize: 60, failureRateThreshold: 50}
"""


def refused(source: str | Path, *overlays: Path) -> str:
    with pytest.raises(ScenarioError) as error:
        read(source, overlays=overlays)
    return str(error.value)


def test_an_overlay_of_other_settings_names_the_import(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text(RESILIENCE4J)
    said = refused("flaky-payments", file)
    assert "holds settings of resilience4j application.yml" in said
    assert f"simcb import {file} --out imported.yaml`" in said
    assert "names no place" not in said


def test_a_scenario_that_is_none_names_the_import_of_a_whole_one(tmp_path: Path) -> None:
    file = tmp_path / "application.yml"
    file.write_text(RESILIENCE4J)
    said = refused(file)
    assert "--service payments`" in said
    assert "is missing" not in said


def test_a_scenario_that_speaks_of_others_keeps_its_own_problems(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: like-resilience4j\nabout: opossum and gobreaker\nduratoin: 5m\n")
    said = refused(file)
    assert "duratoin" in said
    assert "simcb import" not in said
