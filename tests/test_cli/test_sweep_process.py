"""What only real processes show of a sweep: workers, Ctrl-C, and death at any moment."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_cli.at_record import CTRL_C, DIES, WORKER_DIES, at_record
from test_cli.commands import HANGS, environment
from test_studies.sweep_cases import SMALL

from simcb.cli.long_jobs import interrupts

pytestmark = pytest.mark.slow

WORDS = (
    "--over",
    "breaker.failure_threshold=1,3,10,30",
    "--over",
    "breaker.recovery_timeout=1s..8s/4@log",
    "-n",
    "8",
)
FILES = ("manifest.json", "summary.json", "ranking.csv", "cells.csv", "map.png")
CELLS = 136


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with a scenario in it."""
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def begun(
    folder: Path, out: str, *more: str, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a sweep in a process of its own, as the leader of a group."""
    words = ["sweep", "small.yaml", *WORDS, "--out", out, "--resume", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "simcb", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=env or environment(),
        start_new_session=True,
    )


def swept(
    folder: Path, out: str, *more: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run a sweep to its end."""
    running = begun(folder, out, *more, env=env)
    stdout, stderr = running.communicate(timeout=HANGS)
    return subprocess.CompletedProcess([], running.returncode, stdout, stderr)


def records(folder: Path, out: str) -> int:
    """Return how many records a directory holds."""
    return sum(path.read_bytes().count(b"\n") for path in (folder / out).glob("log/*.jsonl"))


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is so; fail if it never comes to be."""
    end = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < end, "it never comes to be so"
        select.select([], [], [], 0.02)


def group_of(leader: int) -> list[int]:
    """Return the processes that live in the group of a process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(status[2]) == leader and status[0] != "Z":
                found.append(int(entry.name))
    return found


def same_files(folder: Path, one: str, other: str) -> Iterator[bool]:
    """Say of each derived file whether two directories agree."""
    for name in FILES:
        # The repeating command has the directory's name in it.
        a = (folder / one / name).read_bytes().replace(one.encode(), b"")
        b = (folder / other / name).read_bytes().replace(other.encode(), b"")
        yield a == b


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it reads /proc")


@linux
def test_a_killed_sweep_resumes_to_the_same_bytes_and_its_workers_end(folder: Path) -> None:
    """Kill -9 of the parent, twice, then another number of workers: nothing shows it."""
    assert swept(folder, "sweep-a", "--workers", "0").returncode == 0
    for batches in (1, 2):
        env = at_record(folder, DIES, batches)
        running = begun(folder, "sweep-b", "--workers", "2", env=env)
        running.communicate(timeout=HANGS)
        assert running.returncode == -signal.SIGKILL
        wait_for(lambda pid=running.pid: not group_of(pid))
    assert 0 < records(folder, "sweep-b") < CELLS
    last = swept(folder, "sweep-b", "--workers", "1")
    assert last.returncode == 0, last.stderr
    assert all(same_files(folder, "sweep-a", "sweep-b"))


def test_a_killed_worker_costs_nothing(folder: Path) -> None:
    """The pool is made anew, what was in flight runs again, and nothing shows it."""
    done = swept(folder, "sweep-b", "--workers", "2", env=at_record(folder, WORKER_DIES))
    assert done.returncode == 0, done.stderr
    assert swept(folder, "sweep-a", "--workers", "0").returncode == 0
    assert all(same_files(folder, "sweep-a", "sweep-b"))


def test_one_ctrl_c_saves_and_prints_how_to_go_on(folder: Path) -> None:
    """What runs is finished and saved; the printed command goes on; the code is 130."""
    done = swept(folder, "sweep-b", "--workers", "2", env=at_record(folder, CTRL_C))
    assert done.returncode == 130, done.stderr
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr
    line = done.stderr.decode().splitlines()[-1]
    assert line.startswith("resume: simcb sweep small.yaml ")
    assert line.endswith("--resume")
    kept = records(folder, "sweep-b")
    assert 0 < kept < CELLS
    last = swept(folder, "sweep-b", "--workers", "0")
    assert last.returncode == 0
    assert last.stderr == b""
    assert records(folder, "sweep-b") == CELLS


def test_a_second_ctrl_c_ends_at_once(folder: Path) -> None:
    """No waiting for what runs, no traceback, and what was saved is whole."""
    running = begun(folder, "sweep-b", "--workers", "1", "--set", "duration=12000s")
    wait_for((folder / "sweep-b" / "manifest.json").exists)
    assert running.stderr is not None
    wait_for(lambda: len(group_of(running.pid)) > 1 or not Path("/proc").exists())
    os.killpg(running.pid, signal.SIGINT)
    assert b"\n" in os.read(running.stderr.fileno(), 1000)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=HANGS)
    assert running.returncode == 130
    assert b"Traceback" not in stderr
    assert stderr.decode().splitlines()[-1].endswith("--out sweep-b --resume")


INTERRUPTED_AT_BIRTH = """
import multiprocessing.util as util, signal, sys, threading
if "--multiprocessing-fork" in sys.orig_argv:
    signal.raise_signal(signal.SIGINT)
real = util.spawnv_passfds
def ctrl_c():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    signal.raise_signal(signal.SIGINT)
def spawn(path, words, handles):
    born = real(path, words, handles)
    if "--multiprocessing-fork" in words:
        for _ in range(2):
            thread = threading.Thread(target=ctrl_c)
            thread.start()
            thread.join()
    return born
util.spawnv_passfds = spawn
"""
"""Ctrl-C twice between a worker's birth and its first word from the parent, and once in it.

The parent's come by another thread, as they do where a library has threads of its own.
"""


@pytest.mark.parametrize(("resume", "why"), [(None, ""), ("simcb sweep …", ", to save it")])
def test_a_wish_to_stop_is_answered_with_what_will_be_done(
    capsys: pytest.CaptureFixture[str], resume: str | None, why: str
) -> None:
    """Nothing is said to be saved where nothing is kept."""
    with interrupts(resume, quiet=False) as wished:
        signal.raise_signal(signal.SIGINT)
        assert wished()
    shown = capsys.readouterr().err.strip()
    assert shown == f"finishing what runs{why}; press Ctrl-C again to stop now"


def test_ctrl_c_while_a_worker_is_born_shows_nothing_of_it(folder: Path) -> None:
    """The worker hears all of what it is to do, and ends in silence."""
    (folder / "sitecustomize.py").write_text(INTERRUPTED_AT_BIRTH)
    usual = environment()
    path = os.pathsep.join((str(folder), usual["PYTHONPATH"]))
    done = swept(folder, "sweep-b", "--workers", "1", env={**usual, "PYTHONPATH": path})
    assert done.returncode == 130, done.stderr
    wish, saved, how = done.stderr.decode().splitlines()[-3:]
    assert wish == "finishing what runs, to save it; press Ctrl-C again to stop now"
    assert saved == "interrupted; the runs that were finished are saved"
    assert how.endswith("--out sweep-b --resume")
    assert b"Traceback" not in done.stderr


def test_a_terminal_sees_how_far_it_is(folder: Path) -> None:
    """Runs done of all, the rate, the time left, and the best so far, on standard error."""
    ours, theirs = pty.openpty()
    words = ["sweep", "small.yaml", *WORDS, "--workers", "0"]
    running = subprocess.Popen(
        [sys.executable, "-m", "simcb", *words],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=folder,
        env=environment(COLUMNS="150"),
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65536):
            shown += piece
    os.close(ours)
    stdout, _ = running.communicate(timeout=HANGS)
    assert running.returncode == 0
    assert stdout.startswith(b"best: ")
    assert b"/136" in shown
    assert b"left" in shown
    assert b"best so far" in shown
