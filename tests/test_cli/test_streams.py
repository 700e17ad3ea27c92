"""Streams that are full, closed, gone or read once change neither what is said nor the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from test_cli.commands import process, shell, simcb
from test_studies.sweep_cases import SMALL
from test_views.small_runs import BARE, GUARDED

from simcb.scenario import template

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
REMARK = "  # with the same scenario on standard input"


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return the path of a scenario with a threshold that fails."""
    file = tmp_path / "small.yaml"
    file.write_text(GUARDED)
    return str(file)


@FULL
@pytest.mark.parametrize(
    ("words", "redirection", "code"),
    [
        # It would warn that the fault never strikes.
        pytest.param(
            "run {small} --set duration=5s --format csv", "2>/dev/full", 99, marks=pytest.mark.slow
        ),
        pytest.param(
            "run {small} --set duration=5s --format csv", "2>&-", 99, marks=pytest.mark.slow
        ),
        ("run {small} --sed 3", "2>/dev/full", 2),
        pytest.param("run {small} --set store.workers=0", "2>/dev/full", 2, marks=pytest.mark.slow),
    ],
)
def test_a_standard_error_that_takes_nothing_changes_nothing(
    small: str, words: str, redirection: str, code: int
) -> None:
    """Warnings, usage errors and errors of content are lost, and the rest is as always."""
    words = words.format(small=small)
    usual, done = simcb(*words.split()), shell(f"$SIMCB {words} {redirection}")
    assert usual.exit_code == done.returncode == code
    assert done.stdout.decode() == usual.stdout
    assert usual.stderr
    assert done.stderr == b""


@FULL
@pytest.mark.parametrize(
    "words",
    ["--help", *(pytest.param(each, marks=pytest.mark.slow) for each in ("run --help", "init -"))],
)
def test_a_full_disk_ends_any_verb_with_one_line(words: str) -> None:
    """Help as well: no traceback, no bug, and the code of what could not be done."""
    done = shell(f"$SIMCB {words} >/dev/full")
    assert done.returncode == 2
    said = b"standard output cannot be written (No space left on device); make room, or write else"
    assert done.stderr.startswith(said)
    assert done.stderr.count(b"\n") == 1


@FULL
def test_with_both_full_the_code_is_left() -> None:
    """Nobody can be told anything else."""
    assert shell("$SIMCB --help >/dev/full 2>/dev/full").returncode == 2


def test_a_help_whose_reader_has_gone_is_no_failure() -> None:
    """As any other output."""
    done = shell("{ $SIMCB --help; echo code $? >&2; } | :")
    assert done.stderr == b"code 0\n"


@pytest.mark.slow
def test_what_is_closed_is_not_handed_to_a_file(small: str, tmp_path: Path) -> None:
    """Files that are opened meanwhile do not become a standard stream by getting its number."""
    out = tmp_path / "out"
    done = shell(f"exec $SIMCB run '{small}' --out '{out}' <&- >&- 2>&-")
    assert done.returncode == 99
    assert json.loads((out / "summary.json").read_text())["passed"] is False


@pytest.mark.slow
def test_a_closed_standard_input_is_an_empty_scenario() -> None:
    """It is told as a file without text is."""
    done = shell("$SIMCB run - <&-")
    assert done.returncode == 2
    assert done.stderr.startswith("<stdin>:1:1: is empty; begin with `name: …`".encode())
    assert simcb("run", "-", stdin=b"").stderr.encode() == done.stderr


@pytest.mark.slow
def test_a_standard_input_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """One that is open for writing only."""
    done = shell(f"$SIMCB run - 0>'{tmp_path}/file'")
    assert done.returncode == 2
    assert done.stderr.startswith(b"<stdin>: cannot be read (")


@pytest.mark.slow
def test_nonsense_in_the_environment_is_left_out(small: str, tmp_path: Path) -> None:
    """Pictures need no window system, and a page has a width anyway."""
    words = ("run", small, "--quiet", "--plot", str(tmp_path / "p.png"))
    done = process(*words, MPLBACKEND="nonsense")
    assert (done.returncode, done.stderr) == (99, b"")
    for name in ("TERMINAL_WIDTH", "COLUMNS"):
        done = process("--help", **{name: "nonsense"})
        assert (done.returncode, done.stderr) == (0, b"")


def test_init_and_copy_write_to_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `-` for a file, and no file of that name."""
    monkeypatch.chdir(tmp_path)
    assert simcb("init", "-").stdout == template()
    shown = simcb("scenarios", "show", "slow-replica").stdout
    assert simcb("scenarios", "copy", "slow-replica", "-").stdout == shown
    assert list(tmp_path.iterdir()) == []


def test_repeat_after_standard_input_says_what_it_needs(tmp_path: Path) -> None:
    """The command reads it again, which a reader of the line has to know."""
    done = simcb("run", "-", "--set", "duration=4s", stdin=BARE.encode())
    assert done.stdout.endswith(f"repeat: simcb run - --set duration=4s --seed 0{REMARK}\n")
    out = str(tmp_path / "s")
    words = ("sweep", "-", "--over", "store.workers=1,2", "-n", "2", "--workers", "0")
    done = simcb(*words, "--out", out, stdin=SMALL.encode())
    assert f"repeat: simcb sweep - --over store.workers=1,2 --replicates 2 --seed 0{REMARK}" in (
        done.stdout
    )


@pytest.mark.slow
def test_repeat_after_a_pipe_of_the_shell_does_not_name_it(small: str) -> None:
    """`simcb run <(…)` has a name that nobody can read again."""
    done = shell(f"cat '{small}' | $SIMCB run /dev/stdin --format json")
    assert json.loads(done.stdout)["repeat"] == f"simcb run - --seed 0{REMARK}"


def test_repeat_of_a_run_that_was_written_names_what_was_written(tmp_path: Path) -> None:
    """The effective scenario lies there, and gives the same result."""
    out = str(tmp_path / "out")
    words = ("--seed", "5", "--format", "json")
    done = simcb("run", "-", "--set", "duration=4s", "--out", out, *words, stdin=BARE.encode())
    first = json.loads(done.stdout)
    assert first["repeat"] == f"simcb run {out}/scenario.yaml --seed 5"
    again = json.loads(simcb("run", f"{out}/scenario.yaml", *words).stdout)
    assert again["digest"] == first["digest"]


def test_resume_after_standard_input_is_a_command(tmp_path: Path) -> None:
    """What has to be given besides stands at its end."""
    from simcb.cli.repeat import resume_command

    line = resume_command(f"simcb sweep - --seed 0{REMARK}", tmp_path)
    assert line == f"simcb sweep - --seed 0 --out {tmp_path} --resume{REMARK}"
    assert re.sub(" *#.*", "", line).endswith("--resume")
