"""Warnings of `check` and `explain` name the line of the file, or of what was laid over it."""

from __future__ import annotations

import json
from pathlib import Path

from test_cli.commands import simcb

FILE = """name: w
duration: 30s
clients:
  shop:
    arrivals: {kind: poisson, rate: 20/s}
    calls:
      store:
        timeout: 500ms
        retry: {max_retries: 2, backoff: {kind: fixed, delay: 0s}, jitter: full}
        breaker:
          trip: {kind: slow_call_rate, slow: 2s, rate: 50%, calls: 10, minimum_calls: 5}
          recovery_timeout: 2s
services:
  store: {workers: 8, work: 20ms}
faults:
  - {kind: refuse, on: store, at: 40s, for: 4s}
thresholds:
  - success >= 60%
  - success{fault} >= 60%
"""


def test_warnings_name_their_lines(tmp_path: Path) -> None:
    """What was laid over the file is named with its own; what was set has none."""
    file, over = tmp_path / "w.yaml", tmp_path / "over.yaml"
    file.write_text(FILE)
    over.write_text("\nbreaker.per_replica: true\n")
    (said,) = json.loads(simcb("check", str(file), "--format", "json").stdout)
    lines = [each.partition(":")[0] for each in said["warnings"]]
    assert lines == ["line 16", "line 9", "line 11", "line 19"]
    words = ["-f", str(over), "--set", "thresholds.0=success{recovery} > 1%", "--format", "json"]
    warned = json.loads(simcb("explain", str(file), *words).stdout)["warnings"]
    assert next(each for each in warned if "per_replica" in each).startswith(f"{over}, line 2: ")
    assert any(each.startswith("threshold `success{recovery} > 1%`") for each in warned)
    assert any(each.startswith("line 19: threshold `success{fault}") for each in warned)


def test_standard_input_has_no_lines() -> None:
    """It can be read only once."""
    done = simcb("check", "-", stdin=FILE.encode())
    assert "warning: fault `refuse:store` begins at 40s" in done.stdout
