"""A pool whose worker processes are killed: real ones, that kill themselves."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from concurrent.futures import wait
from pathlib import Path

import pytest
from test_cli.commands import HANGS, environment
from test_studies.mortal_processes import ENDED, left, mortal
from test_studies.sweep_cases import OVER, SMALL, kept, scenario, sweep, swept

from simcb.studies.evaluation.backends import WorkersLostError
from simcb.studies.evaluation.pool import MOST_STILLBORN, Pool

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not hasattr(signal, "SIGKILL"), reason="this system kills processes otherwise"
    ),
]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that worker processes import from when they start."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


def killed_at_work(pool: Pool) -> bool:
    """Have a worker kill itself over a job, make the pool anew, and say if it had begun."""
    future = pool.submit(signal.raise_signal, signal.SIGKILL)
    wait([future])
    error = future.exception()
    assert error is not None
    assert pool.deaths(error) == 1
    return pool.renew()


def works(pool: Pool) -> bool:
    """Tell whether a pool does what it is asked."""
    return pool.submit(abs, -3).result() == 3


def test_workers_killed_while_starting_are_started_again(site: Path) -> None:
    """Four of five in a row, before any has worked: the sweep is as if nothing had been."""
    mortal(site, MOST_STILLBORN - 1)
    result = sweep(scenario(), OVER, replicates=4, workers=1)
    assert left(site) == 0
    assert result.lost == ()
    assert result.table.values.tobytes() == swept().table.values.tobytes()


def test_too_many_in_a_row_end_the_sweep_with_the_reason(tmp_path: Path, site: Path) -> None:
    """Nothing is given up as lost, and a later one goes on."""
    mortal(site, 100)
    with pytest.raises(WorkersLostError) as told:
        kept(tmp_path / "s", workers=1)
    assert str(told.value) == (
        "5 times in a row a worker process was killed (SIGKILL, out of memory?) while it "
        "started; free memory or give fewer workers, and resume; with an `out` directory "
        "nothing is lost"
    )
    assert left(site) == 100 - MOST_STILLBORN
    assert pickle.loads(pickle.dumps(told.value)).args == told.value.args
    again = kept(tmp_path / "s", resume=True)
    assert again.table.values.tobytes() == swept().table.values.tobytes()


def test_workers_that_end_by_themselves_at_once_never_will_work(site: Path) -> None:
    """That is a script's mistake, which does not go away by trying again."""
    mortal(site, 100, ENDED)
    with pytest.raises(WorkersLostError, match="no worker process could be started; in a script"):
        sweep(scenario(), OVER, replicates=4, workers=1)
    assert left(site) == 99


def test_a_pool_that_worked_survives_kills_at_work_and_at_the_start(site: Path) -> None:
    """In quick succession; a death at the start is no cell's, and one at work begins anew."""
    mortal(site, 0)
    pool = Pool(1)
    try:
        assert works(pool)
        for _ in range(2):
            assert killed_at_work(pool)
            mortal(site, MOST_STILLBORN - 1)
            assert [killed_at_work(pool) for _ in range(MOST_STILLBORN - 1)] == [False] * 4
            assert works(pool)
    finally:
        pool.close(at_once=False)


def test_a_system_that_has_no_more_processes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it says, and not as cells that are lost."""

    def refused(*args: object) -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("multiprocessing.util.spawnv_passfds", refused)
    with pytest.raises(WorkersLostError, match=r"could be started \(Resource temporarily unavail"):
        sweep(scenario(), OVER, replicates=4, workers=1)


def test_a_script_that_forgot_its_guard_is_told_how(tmp_path: Path) -> None:
    """Its workers run it again; they do not get far, and the sweep says why."""
    (tmp_path / "small.yaml").write_text(SMALL)
    script = tmp_path / "script.py"
    script.write_text(
        "import simcb\n"
        f"simcb.sweep({str(tmp_path / 'small.yaml')!r}, {OVER!r}, replicates=2, workers=1)\n"
        "print('swept')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, env=environment(), timeout=HANGS
    )
    assert done.returncode == 1
    assert done.stdout == b""
    said = b"no worker process could be started; in a script, call sweep below `if __name__"
    assert said in done.stderr.splitlines()[-1]
