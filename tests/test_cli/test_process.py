"""What only a process of its own shows: what is loaded, terminals, pipes and signals."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_cli.commands import HANGS, environment, process
from test_views.small_runs import BARE, GUARDED


@pytest.fixture
def small(tmp_path: Path) -> str:
    """Return the path of a scenario with a threshold that fails."""
    file = tmp_path / "small.yaml"
    file.write_text(GUARDED)
    return str(file)


def test_the_module_is_the_command(small: str) -> None:
    """`python -m simcb` calls itself simcb and passes the exit code on."""
    done = process("run", small)
    assert done.returncode == 99
    assert b"Usage: simcb" in process("--help").stdout


@pytest.mark.slow
def test_json_is_the_same_under_any_hash_seed(small: str) -> None:
    """No order of a set or of hashes reaches the output."""
    words = ("run", small, "--baseline", "none", "--format", "json")
    outputs = {process(*words, PYTHONHASHSEED=seed).stdout for seed in ("1", "4711")}
    assert len(outputs) == 1
    assert json.loads(outputs.pop())["digest"]


@pytest.mark.slow
def test_a_pipe_gets_plain_text(small: str) -> None:
    """Nothing but a terminal gets colours, and nobody gets a progress bar in a file."""
    done = process("run", small, FORCE_COLOR="1")
    assert b"\x1b" not in done.stdout
    assert done.stderr == b""


@pytest.mark.slow
def test_a_reader_that_has_gone_changes_nothing(small: str) -> None:
    """`simcb run … | head` is quiet, and its exit code is that of the run."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "simcb", "run", small, "--format", "csv"]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, env=environment(), timeout=HANGS
    )
    os.close(writing)
    assert done.returncode == 99
    assert done.stderr == b""


@pytest.mark.slow
def test_a_process_without_any_output_still_has_its_code(small: str) -> None:
    """A job started with closed streams runs, and says with its code how it went."""
    command = f"exec '{sys.executable}' -m simcb run '{small}' >&- 2>&-"
    done = subprocess.run(["sh", "-c", command], env=environment(), timeout=HANGS)
    assert done.returncode == 99


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told(small: str) -> None:
    """Output that could not be written is not passed off as good."""
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "simcb", "run", small]
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=HANGS
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_ascii(small: str) -> None:
    """The signs have counterparts; nothing ends in an encoding error."""
    done = process("run", small, "--baseline", "none", PYTHONIOENCODING="latin-1")
    assert done.returncode == 99
    assert done.stdout.isascii()
    assert b"FAIL success{fault} >= 99%" in done.stdout


def on_terminal(*words: str, **changes: str) -> tuple[int, bytes]:
    """Run a command with standard output on a terminal, and return its code and output."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "simcb", *words]
    running = subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, env=environment(**changes)
    )
    os.close(theirs)
    output = read_all(ours)
    running.communicate(timeout=HANGS)
    return running.returncode, output


def read_all(terminal: int) -> bytes:
    """Read a terminal until its other side is closed."""
    pieces = []
    try:
        while piece := os.read(terminal, 65536):
            pieces.append(piece)
    except OSError:
        # On Linux the end of a terminal is an input/output error.
        pass
    os.close(terminal)
    return b"".join(pieces)


@pytest.mark.slow
def test_a_terminal_gets_colours_unless_it_says_no(small: str) -> None:
    """NO_COLOR leaves no colour, and a dumb terminal gets no escape sequence at all."""
    code, coloured = on_terminal("run", small)
    assert code == 99
    assert b"38;5;" in coloured
    _, plain = on_terminal("run", small, NO_COLOR="1")
    assert b"\x1b[3" not in plain
    _, dumb = on_terminal("run", small, TERM="dumb")
    assert b"\x1b" not in dumb


@pytest.mark.slow
@pytest.mark.parametrize("form", ["table", "md"])
def test_a_name_cannot_command_a_terminal(tmp_path: Path, form: str) -> None:
    """Escape sequences and markup in a scenario reach a terminal as visible characters."""
    file = tmp_path / "hostile.yaml"
    name = '"\\e]0;owned\\a[bold red]x[/]"'
    file.write_text(BARE.replace("name: bare", f"name: {name}"))
    _, shown = on_terminal("run", str(file), "--format", form, NO_COLOR="1")
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert b"bold red" in shown


@contextlib.contextmanager
def interrupts_are_heard() -> Iterator[None]:
    """Let processes begun meanwhile hear of Ctrl-C, though this one may be in the background.

    A shell without job control lets what it starts with `&` ignore interrupts, and whoever
    ignores them hands that down.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_ends_a_run_with_130(small: str, tmp_path: Path) -> None:
    """Ctrl-C is one line, no traceback, and no files."""
    ours, theirs = pty.openpty()
    words = ["run", small, "-n", "5000", "--allow-large", "--out", str(tmp_path / "out")]
    with interrupts_are_heard():
        running = subprocess.Popen(
            [sys.executable, "-m", "simcb", *words],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=environment(),
        )
    os.close(theirs)
    # The progress bar appears once the simulation is under way.
    first = os.read(ours, 1)
    running.send_signal(signal.SIGINT)
    output = first + read_all(ours)
    stdout, _ = running.communicate(timeout=HANGS)
    assert running.returncode == 130
    assert stdout == b""
    assert output.rstrip().endswith(b"interrupted")
    assert b"Traceback" not in output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.yaml"]
