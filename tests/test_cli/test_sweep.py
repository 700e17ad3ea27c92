"""`simcb sweep` on the command line: words in, tables and a directory out, codes for scripts."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

import pytest
from test_cli.commands import simcb
from test_studies.mortal_processes import mortal
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


def test_the_command_that_repeats_needs_no_directory(small: str, tmp_path: Path) -> None:
    """A sweep that was kept can be repeated as it is printed, beside what it left."""
    words = ["sweep", small, *OVER, "-n", "2", "--out", str(tmp_path / "out")]
    done = simcb(*words, "--workers", "0")
    repeat = shlex.split(done.stdout.splitlines()[-1].removeprefix("repeat: simcb "))
    assert "--out" not in repeat
    assert simcb(*repeat, "--workers", "0").stdout == done.stdout


BLOCK = """
sweep:
  over: {breaker.failure_threshold: [1, 3], breaker.recovery_timeout: 1s..8s/2}
  design: zip
  replicates: 2
  by: p99{fault}
"""


@pytest.fixture
def swept(tmp_path: Path) -> str:
    """Return the path of the same scenario with a sweep of its own."""
    file = tmp_path / "swept.yaml"
    file.write_text(SMALL + BLOCK)
    return str(file)


@pytest.mark.parametrize(
    ("words", "settings", "replicates", "metric"),
    [
        ([], 2, 2, "p99"),
        (["--over", "store.workers=2,4,8"], 3, 2, "p99"),
        (["--sample", "grid", "-n", "3"], 4, 3, "p99"),
        (["--sample", "lhs:3", "--by", "goodput"], 3, 2, "goodput"),
        (["--set", "sweep.replicates=1", "--set", "sweep.by=null"], 2, 1, "goodput"),
    ],
)
def test_a_scenarios_own_sweep_is_what_is_not_given(
    swept: str, words: list[str], settings: int, replicates: int, metric: str
) -> None:
    """Each option takes the place of one word; the repeating command has only what was given."""
    done = simcb("sweep", swept, *words, "--workers", "0", "--format", "json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert len(found["settings"]) == settings
    assert (found["replicates"], found["objective"]["metric"]) == (replicates, metric)
    long = ["--replicates" if word == "-n" else word for word in words]
    program, *repeat = shlex.split(found["repeat"])
    assert program == "simcb"
    assert sorted(repeat) == sorted(["sweep", swept, *long, "--seed", "0"])
    assert simcb(*repeat, "--workers", "0", "--format", "json").stdout == done.stdout


def test_a_run_does_not_notice_the_sweep_beside_it(swept: str) -> None:
    """The same bytes, digest and all, with the block and without."""
    words = ["run", swept, "-n", "2", "--format", "json"]
    with_block = simcb(*words).stdout
    Path(swept).write_text(SMALL)
    assert simcb(*words).stdout == with_block


def test_check_looks_at_the_sweep_too(swept: str) -> None:
    """A good one is counted; what only its metrics or settings show is told with the file."""
    assert simcb("check", swept).stdout.endswith("; its sweep 2 settings, 8 runs\n")
    for old, new, said in (
        ("p99{fault}", "p98{fault}", f"{swept}: sweep: there is no metric `p98`; did you mean"),
        ("[1, 3]", "[1, 0]", f"{swept}: sweep: with breaker.failure_threshold=0"),
        ("failure_threshold: [1, 3]", "failure: [1, 3]", f"{swept}:19:10: sweep.over.breaker.fail"),
    ):
        Path(swept).write_text(SMALL + BLOCK.replace(old, new))
        done = simcb("check", swept)
        assert done.exit_code == 2
        assert done.stderr.startswith(said)


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
    monkeypatch.setattr("simcb.studies.sweep.sweep", lambda *_, **__: pytest.fail("it was run"))
    done = simcb("sweep", small, *OVER, "--dry-run", "--workers", "2")
    assert done.exit_code == 0
    assert "settings  4, and 2 beside them\n" in done.stdout
    assert "runs      60 (10 replicates each)\n" in done.stdout
    assert "on 2 workers" in done.stdout
    assert "memory" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "or write a `sweep:` block into the scenario"),
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
    assert said in done.stderr
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

    def failing(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr("simcb.studies.evaluation.cells.run_once", failing)
    done = simcb("sweep", small, *OVER, "-n", "2", "--workers", "0")
    assert done.exit_code == 1
    assert "12 runs could not be made" in done.stderr
    assert "no setting has a value of goodput" in done.stdout


def test_workers_that_are_killed_end_a_sweep_with_how_to_go_on(
    small: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason, the command that resumes, and the code of runs that could not be made."""
    (tmp_path / "site").mkdir()
    monkeypatch.setenv("PYTHONPATH", mortal(tmp_path / "site", 99), prepend=os.pathsep)
    out = str(tmp_path / "s")
    words = ["sweep", small, *OVER, "-n", "2", "--workers", "1"]
    done = simcb(*words, "--out", out)
    assert (done.exit_code, done.stdout) == (1, "")
    reason, resume = done.stderr.splitlines()
    assert reason.startswith("5 times in a row a worker process was killed (SIGKILL")
    monkeypatch.undo()
    going_on = shlex.split(resume.removeprefix("resume: simcb "))
    assert going_on[-3:] == ["--out", out, "--resume"]
    assert simcb(*going_on, "--workers", "0").exit_code == 0


def test_a_piped_table_leaves_nothing_out(small: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no terminal has no width, whatever the last terminal's was."""
    monkeypatch.setenv("COLUMNS", "40")
    words = ("failure_threshold=1,30", "recovery_timeout=1s,2s", "half_open.probes=1,2")
    over = [word for each in words for word in ("--over", each)]
    text = simcb("sweep", small, *over, "-n", "2", "--workers", "0").stdout
    header = next(line for line in text.splitlines() if line.startswith("rank"))
    assert header.split() == [
        "rank",
        "failure_threshold",
        "recovery_timeout",
        "half_open.probes",
        *("goodput", "behind", "success{fault}", "p99{fault}", "time_to_recover"),
        *("collapsed", "thresholds"),
    ]
    assert "no room" not in text
    ran = simcb("run", small, "-n", "2", "--baseline", "none", "--details").stdout
    assert "no room" not in ran
    assert all(phase in ran for phase in (" healthy ", " fault ", " recovery ", " whole "))


def test_an_axis_over_the_world_prints_a_curve_and_no_best(small: str) -> None:
    """In every format alike."""
    words = ("sweep", small, "--over", "arrivals.rate=5/s,40/s", "-n", "2", "--workers", "0")
    first, curve, *rest = simcb(*words).stdout.splitlines()
    assert first == "no best: arrivals.rate is no policy but the world, so nothing is ranked"
    assert curve.startswith("  success ")
    assert " at arrivals.rate = 5/s to " in curve
    assert not any("rank" in line or "behind" in line for line in rest)
    found = json.loads(simcb(*words, "--format", "json").stdout)
    assert (found["best"], found["bests"], found["no_best"]) == (None, [], first)
    assert [each["rank"] for each in found["settings"]] == [None, None]
    assert found["axes"][0]["policy"] is False
    header, *lines = simcb(*words, "--format", "csv").stdout.splitlines()
    assert header.startswith("rank,setting,arrivals.rate,tied,")
    assert [line.split(",")[:4] for line in lines] == [["", "0", "5/s", ""], ["", "1", "40/s", ""]]


def test_each_world_prints_its_own_best(small: str) -> None:
    """Beside a policy, a line for each value of what is none; JSON names the same settings."""
    words = ("sweep", small, "--over", "arrivals.rate=5/s,40/s", "--over", "failure_threshold=1,30")
    text = simcb(*words, "-n", "3", "--workers", "0").stdout
    head, low, high, *_ = text.replace("\n      ", " ").splitlines()
    assert head == "best for each arrivals.rate, which is no policy but the world:"
    assert low.startswith("  5/s: failure_threshold = ")
    assert high.startswith("  40/s: failure_threshold = ")
    found = json.loads(simcb(*words, "-n", "3", "--workers", "0", "--format", "json").stdout)
    assert found["best"] is None
    assert [each["world"] for each in found["bests"]] == [
        {"arrivals.rate": "5/s"},
        {"arrivals.rate": "40/s"},
    ]
    ranks = {each["setting"]: each["rank"] for each in found["settings"]}
    assert [ranks[each["setting"]] for each in found["bests"]] == [1, 1]
