"""`simcb tune` on the command line: words in, the setting that holds out, codes for scripts."""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli.at_record import CTRL_C, at_record
from test_cli.commands import HANGS, environment, simcb
from test_studies.sweep_cases import SMALL
from test_studies.tune_cases import FEW, SLOW

from simcb.scenario import read_scenario

SPACE = [
    "--storms",
    "own",
    "--space",
    "failure_threshold=1,2,4",
    "--space",
    "recovery_timeout=500ms,2s,8s",
]
WIDE = [
    "--storms",
    "own",
    "--space",
    "failure_threshold=1..40@log",
    "--space",
    "recovery_timeout=200ms..8s@log",
]
SHORT = ["--trials", "4", "--batch", "4", "-n", "2", "--fresh", "2", "--workers", "0"]


@pytest.fixture
def storms(tmp_path: Path) -> list[str]:
    """Return the paths of two scenarios whose runs take milliseconds."""
    files = [tmp_path / "small.yaml", tmp_path / "slow.yaml"]
    for file, text in zip(files, (SMALL, SLOW), strict=True):
        file.write_text(text)
    return [str(file) for file in files]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave two libraries' defaults to be held against."""
    monkeypatch.setattr("simcb.studies.tune.checking.DEFAULTS", FEW)


@pytest.mark.usefixtures("few")
def test_the_best_comes_first_and_the_command_that_repeats_last(storms: list[str]) -> None:
    """What it beats, how far it can be moved, who else was there; standard error is silent."""
    done = simcb("tune", *storms, *SPACE, *SHORT)
    assert done.exit_code == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith("best: failure_threshold = ")
    assert "yours" in done.stdout
    assert "pybreaker 5/60s" in done.stdout
    assert "on a fresh seed (1; 2 runs of each in each scenario)" in done.stdout
    assert done.stderr == ""
    repeat = shlex.split(last.removeprefix("repeat: simcb "))
    assert simcb(*repeat, "--workers", "0").stdout == done.stdout


@pytest.mark.usefixtures("few")
def test_the_directory_holds_an_overlay_that_fits_every_scenario(
    storms: list[str], tmp_path: Path
) -> None:
    """best.yaml is short, says where it is from, and gives each scenario the winner's values."""
    out = tmp_path / "tune"
    done = simcb("tune", *storms, *SPACE, *SHORT, "--out", str(out))
    assert done.exit_code == 0
    names = {"best.yaml", "contenders.csv", "log", "manifest.json", "summary.json"}
    assert {path.name for path in out.iterdir()} == names | {"trials.csv", "tune.png"}
    text = (out / "best.yaml").read_text()
    assert text.startswith("# The best of ")
    assert "# Found by: simcb tune " in text
    best = json.loads((out / "summary.json").read_text())["best"]
    assert best.keys() == {"failure_threshold", "recovery_timeout"}
    for storm in storms:
        tuned = read_scenario(storm, overlays=[out / "best.yaml"])
        assert tuned == read_scenario(storm).with_(best)
    assert simcb("run", storms[0], "-f", str(out / "best.yaml"), "--format", "json").exit_code in (
        0,
        99,
    )
    rows = list(csv.DictReader((out / "trials.csv").read_text().splitlines()))
    assert sum(row["found"] == "best" for row in rows) == 1
    contenders = list(csv.DictReader((out / "contenders.csv").read_text().splitlines()))
    assert len({row["contender"] for row in contenders}) * 2 == len(contenders)


@pytest.mark.slow
@pytest.mark.usefixtures("few")
def test_a_finished_tune_is_drawn_again_without_a_run(
    storms: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `simcb plot`, and by `simcb.open`: the same picture, to the byte."""
    import simcb as window
    from simcb.views.tune_view import TuneView

    out = tmp_path / "tune"
    page = tmp_path / "page.html"
    words = ("tune", *storms, *SPACE, *SHORT, "--out", str(out), "--report", str(page))
    assert simcb(*words).exit_code == 0
    monkeypatch.setattr("simcb.world.simulate", lambda *_: pytest.fail("something was run"))
    assert simcb("report", str(out)).exit_code == 0
    assert (out / "report.html").read_bytes() == page.read_bytes()
    target = tmp_path / "again.png"
    done = simcb("plot", str(out), str(target))
    assert (done.exit_code, done.stderr) == (0, "")
    assert target.read_bytes() == (out / "tune.png").read_bytes()
    assert simcb("plot", str(out), str(tmp_path / "b.png"), "--by", "p99").exit_code == 2
    view = window.open(out)
    assert isinstance(view, TuneView)
    assert view.best == json.loads((out / "summary.json").read_text())["best"]
    with pytest.raises(window.SimcbError, match="no sweep"):
        window.open(out, by="p99")


@pytest.mark.usefixtures("few")
def test_every_format_says_the_same(storms: list[str]) -> None:
    """JSON is one object without NaN, CSV a line a setting, Markdown two tables."""
    words = ["tune", *storms, *SPACE, *SHORT, "--format"]
    found = json.loads(simcb(*words, "json").stdout, parse_constant=pytest.fail)
    rows = list(csv.DictReader(simcb(*words, "csv").stdout.splitlines()))
    assert len(rows) == len(found["trials"])
    best = next(row for row in rows if row["found"] == "best")
    assert best["recovery_timeout"] == found["best"]["recovery_timeout"]
    markdown = simcb(*words, "md").stdout
    assert markdown.startswith("### small, slow: max goodput")
    assert markdown.count("\n| --- |") == 2


@pytest.mark.usefixtures("few")
def test_a_limit_that_nothing_keeps_exits_with_99(storms: list[str]) -> None:
    """The nearest is told, and that it is only that."""
    done = simcb("tune", *storms, *SPACE, *SHORT, "--subject-to", "success >= 100%")
    assert done.exit_code == 99
    assert done.stdout.startswith("no setting keeps success >= 100%; the nearest: ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--storms", "day,hangs"], "there is no storm `hangs`; did you mean"),
        (["--storms", "day"], "name a storm besides"),
        (["--day-budget", "2"], "write `2%`"),
        (["--space", "recovery_timeout"], "is not an axis"),
        (["--space", "recovery_timeot=1s..2s"], "did you mean"),
        ([*SPACE, "--minimize", "p98"], "there is no metric"),
        ([*SPACE, "--subject-to", "success"], "not a threshold"),
        ([*SPACE, "--tolerance", "2"], "write `2%`"),
        ([*SPACE, "--tolerance", "much"], "--tolerance"),
        ([*SPACE, "--resume"], "--out DIR"),
        ([*SPACE, "--plot", "x.gif"], ".png"),
        ([*SPACE, "--workers", "two"], "neither a number nor auto"),
    ],
)
def test_wrong_words_are_2_and_told(storms: list[str], words: list[str], said: str) -> None:
    """Each with its remedy, and no traceback."""
    done = simcb("tune", *storms, *words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dry_run_runs_nothing(storms: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It says how many runs there would be, about and at most, and for how long."""
    monkeypatch.setattr("simcb.studies.tune.tune", lambda *_, **__: pytest.fail("it was run"))
    done = simcb("tune", *storms, *WIDE, "--dry-run", "--workers", "2")
    assert done.exit_code == 0
    assert "settings  60 searched, 18 around each of up to 3 bests, 13 contenders\n" in done.stdout
    # (60 + 3 × 18) of 10 replicates, 13 of 20 and the best there of 20, in each of two scenarios;
    # usually half of 60 + 18.
    assert "runs      about 1,340 in 2 scenarios, at most 2,840\n" in done.stdout
    assert " on 2 workers, at most " in done.stdout
    assert "memory    at most " in done.stdout
    assert simcb("tune", *storms, *WIDE, "--dry-run", "--trials", "0").exit_code == 2
    family = simcb("tune", *storms, "--dry-run", "--workers", "2").stdout
    assert "settings  16 searched, " in family
    # Both are one system, whose seven storms and own two are run.
    assert " in 9 scenarios, at most " in family


def test_without_optuna_the_code_is_3(storms: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the line that installs it, before anything runs."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = simcb("tune", *storms, *WIDE)
    assert done.exit_code == 3
    assert "pip install 'simcb[tune]'" in done.stderr


@pytest.mark.slow
def test_ctrl_c_saves_and_the_printed_command_ends_in_the_same_bytes(
    storms: list[str], tmp_path: Path
) -> None:
    """130, what runs is finished and kept, and going on gives what never stopping gives."""
    words = ["tune", *storms, *SPACE, *SHORT[:-2]]
    command = [sys.executable, "-m", "simcb", *words, "--out", "stopped", "--workers", "1"]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=at_record(tmp_path, CTRL_C),
        start_new_session=True,
    )
    stdout, stderr = running.communicate(timeout=HANGS)
    assert running.returncode == 130, stderr
    assert stdout == b""
    resume = stderr.decode().splitlines()[-1].removeprefix("resume: simcb ")
    done = subprocess.run(
        [sys.executable, "-m", "simcb", *shlex.split(resume), "--workers", "0"],
        cwd=tmp_path,
        capture_output=True,
        env=environment(),
        timeout=HANGS,
        check=True,
    )
    whole = simcb(*words, "--workers", "0")
    assert done.stdout.decode() == whole.stdout


def test_the_verb_and_the_notebook_do_what_the_study_does_by_default() -> None:
    """One set of defaults, said where one reads them because help has to be quick."""
    import inspect

    import simcb as window
    from simcb.cli.tune import tune as verb
    from simcb.options import TuneOptions
    from simcb.scenario.units import parse_share

    usual = TuneOptions()
    for other in (verb, window.tune):
        given = inspect.signature(other).parameters
        for name in ("trials", "batch", "replicates", "fresh", "seed"):
            assert given[name].default == getattr(usual, name), name
    assert inspect.signature(window.tune).parameters["tolerance"].default == usual.tolerance
    told = inspect.signature(verb).parameters["tolerance"].default
    assert parse_share(told) == usual.tolerance
