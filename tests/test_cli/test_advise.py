"""`simcb advise`: five lines, an overlay that can be laid over the scenario, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_cli.commands import simcb

SMALL = """
name: "[red]=1+1"
duration: 20s
clients:
  shop:
    arrivals: {kind: constant, rate: 10/s}
    calls: {store: {timeout: 500ms, breaker: {failure_threshold: 2, recovery_timeout: 20s}}}
services:
  store: {workers: 8, work: 20ms, errors: 1%}
faults:
  - {kind: errors, rate: 40%, on: store, at: 6s, for: 6s}
"""

FEW = ("--trials", "2", "--batch", "2", "-n", "2", "--fresh", "2", "--storms", "day,partial,own")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return str(path)


@pytest.mark.slow
def test_five_lines_and_a_file_to_lay_over(file: str, tmp_path: Path) -> None:
    """Errors one by one are no overload: no breaker answers most, and the overlay says so."""
    out = tmp_path / "advice"
    found = simcb("advise", file, *FEW, "--workers", "0", "--out", str(out))
    assert found.exit_code == 0, found.output
    lines = found.stdout.replace("\n      ", " ").splitlines()
    assert lines[0] == "set no breaker: none of the settings is better than having none"
    assert [line.split(":")[0].strip() for line in lines[1:5]] == [
        "where each loses most",
        "an ordinary day",
        "the best of the settings searched",
        "guesses",
    ]
    assert "with yours (" in lines[1]
    assert "\x1b" not in found.stdout
    applied = simcb("run", file, "-f", str(out / "best.yaml"), "--alone", "--format", "json")
    assert applied.exit_code == 0, applied.output
    assert "breaker.enabled: false" in (out / "best.yaml").read_text()
    data = json.loads((out / "summary.json").read_text())
    assert data["guesses"]
    assert set(data["scenarios"]) == {"own", "partial", "day"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--storms", "day,hurricane"), "hurricane"),
        (("--set", "breaker.enabled=false"), "breaker"),
        (("nowhere.yaml",), "nowhere"),
    ],
)
def test_what_cannot_be_advised_is_said(file: str, words: tuple[str, ...], said: str) -> None:
    """With the place, and no traceback."""
    names = words if words[0].endswith(".yaml") else (file, *words)
    found = simcb("advise", *names, "--workers", "0")
    assert found.exit_code == 2
    assert said in found.output
    assert "Traceback" not in found.output
