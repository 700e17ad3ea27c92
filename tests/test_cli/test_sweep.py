"""`simcb sweep` on the command line: words in, tables and a directory out, codes for scripts."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_studies.sweep_cases import SMALL

OVER = ["--over", "breaker.failure_threshold=1,3", "--over", "breaker.recovery_timeout=1s..8s/2"]


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return the path of a scenario whose runs take milliseconds."""
    file = tmp_path / "small.yaml"
    file.write_text(SMALL)
    return str(file)


def test_a_sweep_prints_the_best_first_and_the_command_last(small: str) -> None:
    """The payload is on standard output, and standard error is silent."""
    done = simcb("sweep", small, *OVER, "-n", "2", "--workers", "0")
    assert done.exit_code == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("best: breaker.failure_threshold = ")
    assert last.startswith(f"repeat: simcb sweep {small} --over breaker.failure_threshold=1,3")
    assert done.stderr == ""


def test_the_command_that_repeats_repeats(small: str) -> None:
    """The printed command gives the same bytes."""
    words = ["sweep", small, *OVER, "-n", "2", "--by", "p99{fault}"]
    done = simcb(*words, "--workers", "0")
    repeat = shlex.split(done.stdout.splitlines()[-1].removeprefix("repeat: simcb "))
    assert simcb(*repeat, "--workers", "0").stdout == done.stdout


def test_a_directory_is_kept_and_gone_on_with(small: str, tmp_path: Path) -> None:
    """All files are written; a second time needs --resume, and then nothing changes."""
    out = tmp_path / "out"
    words = ["sweep", small, *OVER, "-n", "2", "--workers", "0", "--out", str(out)]
    first = simcb(*words)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    names = {path.name for path in before if path.parent == out}
    assert names == {"manifest.json", "summary.json", "ranking.csv", "cells.csv", "map.png"}
    refused = simcb(*words)
    assert refused.exit_code == 2
    assert "--resume" in refused.stderr
    again = simcb(*words, "--resume")
    assert again.stdout == first.stdout
    assert {path: path.read_bytes() for path in before} == before


def test_a_changed_sweep_is_refused_with_2(small: str, tmp_path: Path) -> None:
    """And the difference is named."""
    words = ["sweep", small, *OVER, "--workers", "0", "--out", str(tmp_path / "out")]
    simcb(*words, "-n", "2")
    done = simcb(*words, "-n", "3", "--resume")
    assert done.exit_code == 2
    assert "replicates was 2, is 3" in done.stderr


def test_a_dry_run_runs_nothing(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many runs there would be, for how long, with how much memory."""
    monkeypatch.setattr(
        "simcb.studies.sweep.sweep", lambda *_, **__: pytest.fail("it was run"), raising=False
    )
    done = simcb("sweep", small, *OVER, "--dry-run", "--workers", "2")
    assert done.exit_code == 0
    assert "settings  4\n" in done.stdout
    assert "runs      40 (10 replicates each)\n" in done.stdout
    assert "on 2 workers" in done.stdout
    assert "memory" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is varied"),
        (["--over", "failure_threshold"], "is not an axis"),
        (["--over", "breaker.nothing=1,2"], "names no place"),
        (["--over", "failure_threshold=1,2", "--by", "goodputt"], "did you mean"),
        (["--over", "failure_threshold=1,2", "--sample", "lhs"], "lhs:N"),
        (["--over", "failure_threshold=1,2", "--zip", "--sample", "lhs:3"], "exclude each other"),
        (["--over", "failure_threshold=1,2", "--workers", "two"], "neither a number nor auto"),
        (["--over", "failure_threshold=1,2", "--resume"], "--out DIR"),
        (["--over", "failure_threshold=1,2", "--parquet"], "--out DIR"),
        (["--over", "failure_threshold=1,2", "--plot", "x.gif"], ".png"),
        (["--over", "failure_threshold=1:20000:1"], "--allow-large"),
    ],
)
def test_wrong_words_are_2_and_told(small: str, words: list[str], said: str) -> None:
    """Each with its remedy, and no traceback."""
    done = simcb("sweep", small, *words)
    assert done.exit_code == 2
    told = " ".join(done.stderr.replace("│", " ").split())
    assert said in told
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("library", "words", "extra"),
    [("distributed", ["--dask", "local"], "dask"), ("pyarrow", ["--parquet"], "parquet")],
)
def test_a_missing_extra_is_3_with_the_line_that_installs_it(
    small: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
    words: list[str],
    extra: str,
) -> None:
    """Nothing else needs the library."""
    monkeypatch.setitem(sys.modules, library, None)
    done = simcb("sweep", small, *OVER, *words, "--out", str(tmp_path / "out"))
    assert done.exit_code == 3
    assert f"pip install 'simcb[{extra}]'" in done.stderr


def test_json_and_a_plot(small: str, tmp_path: Path) -> None:
    """One object on standard output, and a picture where it was wanted."""
    plot = tmp_path / "map.svg"
    words = ["-n", "2", "--workers", "0", "--format", "json", "--plot", str(plot)]
    done = simcb("sweep", small, *OVER, *words)
    assert len(json.loads(done.stdout)["settings"]) == 4
    assert plot.read_text().startswith("<?xml")


def test_runs_that_could_not_be_made_are_told(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is printed all the same, and the code is not that of success."""

    def failing(*_: object) -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("simcb.studies.sweep.cells.run_once", failing)
    done = simcb("sweep", small, *OVER, "-n", "2", "--workers", "0")
    assert done.exit_code == 1
    assert "8 runs could not be made" in done.stderr
    assert "no setting has a value of goodput" in done.stdout
