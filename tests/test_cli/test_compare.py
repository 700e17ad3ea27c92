"""`simcb compare`: exit codes, saved runs, formats, and clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli.commands import simcb

from simcb import studies
from simcb.scenario import parse_scenario
from simcb.views.run import Answer
from simcb.views.study_files import write_run

SMALL = """
name: small
duration: 12s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    calls: {store: {timeout: 500ms, breaker: {failure_threshold: 3, recovery_timeout: 2s}}}
services:
  store: {workers: 8, work: 20ms}
faults:
  - {kind: refuse, on: store, at: 4s, for: 4s}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return str(path)


def test_a_comparison_is_the_same_in_every_format(file: str) -> None:
    """The headline of the screen is that of JSON; CSV has a row for every number."""
    words = ("compare", file, "--with", "none", "-n", "2", "--workers", "0")
    screen, data, rows = (simcb(*words, "--format", each) for each in ("table", "json", "csv"))
    assert screen.exit_code == data.exit_code == rows.exit_code == 0, screen.output
    found = json.loads(data.stdout)
    assert screen.stdout.startswith(found["headline"])
    assert [each["name"] for each in found["variants"]] == ["small", "no breaker"]
    assert found["paired"] is True
    assert rows.stdout.startswith("variant,metric,unit,phase,of,mean")
    assert screen.stdout.rstrip().endswith("--workers 0") is False
    assert "--with none" in screen.stdout.splitlines()[-1]
    assert "--seed 0" in screen.stdout.splitlines()[-1]
    assert max(map(len, screen.stdout.splitlines()[:-1])) <= 100


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("answered < 1%", 0),
        ("none: answered{fault} < 50%", 99),
        ("small: answered < 1%", 0),
        ("time_to_trip > 1h", 99),
        ("change answered < -50%", 0),
        ("nobody: answered < 1%", 2),
    ],
)
def test_a_condition_decides_the_exit_code(file: str, condition: str, code: int) -> None:
    """99 if it holds or is undefined, 2 if it names nobody."""
    done = simcb(
        *("compare", file, "--with", "none", "-n", "1", "--workers", "0", "--fail-if", condition)
    )
    assert done.exit_code == code, done.output


def test_saved_runs_are_compared_without_running_them(tmp_path: Path) -> None:
    """Of one seed they are pairs; of different ones not, and that is said."""
    scenario = parse_scenario(SMALL)
    for name, seed, each in (
        ("a", 1, scenario),
        ("b", 1, scenario.without_breakers()),
        ("c", 2, scenario),
    ):
        write_run(Answer(studies.run(each, seed=seed, replicates=2)), tmp_path / name)
    pairs = simcb("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--format", "json")
    assert json.loads(pairs.stdout)["paired"] is True
    apart = simcb("compare", str(tmp_path / "a"), str(tmp_path / "c"))
    assert "share no random streams" in " ".join(apart.stdout.split())
    refused = simcb("compare", str(tmp_path / "a"), "--with", "none", "--set", "duration=5s")
    assert refused.exit_code == 2
    assert "change no saved run" in refused.output


def test_a_directory_of_a_sweep_is_no_variant(file: str, tmp_path: Path) -> None:
    """What it holds is said, and what to name instead."""
    kept = str(tmp_path / "kept")
    sweep = simcb(
        *("sweep", file, "--over", "failure_threshold=3,5", "-n", "1"),
        *("--workers", "0", "--out", kept),
    )
    assert sweep.exit_code == 0, sweep.output
    done = simcb("compare", kept, file)
    assert done.exit_code == 2
    assert "holds a sweep" in done.output


def test_hostile_names_reach_no_output_raw(file: str) -> None:
    """Escapes are shown, and a spreadsheet sees no formula."""
    words = ("compare", file, "--with", "\x1b31m<b>: none", "--with", "+1+x: none", "-n", "1")
    for form in ("table", "md", "json", "csv"):
        done = simcb(*words, "--workers", "0", "--format", form)
        assert done.exit_code == 0, done.output
        assert "\x1b" not in done.stdout
    assert "\n'+1+x," in done.stdout
    assert "\n+1" not in done.stdout
