"""Rows that leave memory are the same rows, and whatever is made of them is the same."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.world_speed import storm

from simcb.metrics import audit, hidden_stalls, measure, series, verdict
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import ATTEMPTS, RowsFile, RowsFileError, Trace, rows_file
from simcb.world import simulate

STUCK = parse_scenario("""
name: stuck
duration: 300s
clients:
  few: {arrivals: {kind: closed, users: 5, think: 1s}, calls: {back: {timeout: 2s}}}
  web:
    instances: 40
    arrivals: {kind: poisson, rate: 20/s}
    calls: {front: {retry: {max_retries: 1}, breaker: {failure_threshold: 3}}}
services:
  front: {workers: 400, work: 5ms, calls: {back: {}}}
  back: {workers: 8, work: {kind: exponential, mean: 40ms}}
faults:
  - {kind: hang, on: back, share: 10%, at: 40s, for: 250s}
""")
"""Requests of the first minute are answered in the last: their rows are long gone then."""


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many rows as make a few pieces of memory are held."""
    monkeypatch.setattr(rows_file, "ROWS_HELD", 1024)


@pytest.mark.parametrize("scenario", [storm(6000), STUCK], ids=["storm", "stuck"])
def test_a_run_with_its_rows_in_a_file_is_the_same(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Digest, measures, verdict, series, laws and the saved bytes do not tell where rows were."""
    held = simulate(scenario, 3)
    held.save(tmp_path / "held.npz")
    monkeypatch.setattr(rows_file, "ROWS_HELD", 1024)
    filed = simulate(scenario, 3)
    filed.save(tmp_path / "filed.npz")
    assert not isinstance(filed.requests.base, np.ndarray)
    assert not filed.attempts.flags.writeable
    loaded = Trace.load(tmp_path / "filed.npz", held.digest())
    for trace in (filed, loaded):
        assert trace.digest() == held.digest()
        assert measure(trace) == measure(held)
        assert verdict(trace) == verdict(held)
        assert hidden_stalls(trace) == hidden_stalls(held)
        assert audit(trace) == audit(held)
        columns = zip(series(trace).columns(), series(held).columns(), strict=True)
        assert all(np.array_equal(a, b, equal_nan=True) for (_, a), (_, b) in columns)
    assert (tmp_path / "filed.npz").read_bytes() == (tmp_path / "held.npz").read_bytes()


def test_rows_are_put_right_after_they_left() -> None:
    """A row that is filled in late stands where it was reserved, however many there are."""
    file, size = RowsFile(ATTEMPTS), ATTEMPTS.row.size
    right = np.zeros(20_000, ATTEMPTS.dtype)
    right["start"] = np.arange(len(right))
    late = np.arange(0, len(right), 2)
    packed = bytearray(right.tobytes())
    for row in late:
        packed[row * size : (row + 1) * size] = bytes(size)
    file.take(packed, 15_000)
    file.take(packed[15_000 * size :], 5_000)
    for row in late:
        table, place = file.late(int(row))
        table[place * size : (place + 1) * size] = right[row].tobytes()
    assert file.rows().tobytes() == right.tobytes()


def test_a_full_disk_is_told_with_a_remedy(
    little_room: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says where, after how much, what the system says, and what to do."""
    written = 0

    def write(file: int, data: bytes) -> int:
        nonlocal written
        written += len(data)
        if written > 100_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(file, data)

    real = os.write
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(RowsFileError, match=r"after 0 MB: No space left on device; make room"):
        simulate(storm(6000))


def test_no_place_for_a_file_is_told(little_room: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is not there is no traceback."""
    monkeypatch.setattr(rows_file.tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(RowsFileError, match=r"^/nowhere/at/all: cannot keep .* No such file"):
        simulate(storm(6000))


LEFT = """
import os, signal, sys, tempfile
tempfile.tempdir = sys.argv[1]
from benchmarks.world_speed import storm
from simcb.trace import rows_file
from simcb.world import simulate
rows_file.ROWS_HELD = 1024
trace = simulate(storm(6000))
assert not os.listdir(sys.argv[1]), "it has a name"
# What runs in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a file can lose its name on POSIX alone")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_killed_process(kill: signal.Signals, tmp_path: Path) -> None:
    """The file has no name while it is used, so nobody has to remove it."""
    tests = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", LEFT, str(tmp_path), str(int(kill))],
        cwd=tests,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -kill, done.stderr
    assert not list(tmp_path.iterdir())
