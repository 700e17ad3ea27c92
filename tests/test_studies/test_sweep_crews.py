"""Who runs the cells: processes that die, a cluster that loses a worker, executors that break."""

from __future__ import annotations

import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from test_studies.sweep_cases import OVER, scenario, sweep, swept

from simcb.studies import StudyError
from simcb.studies.evaluation.cells import Base, Cell, Done, Order, columns_of
from simcb.studies.evaluation.dispatch import MOST_DEATHS, Dispatcher
from simcb.studies.sweep import Progress


class Mortal:
    """A crew in this process whose workers die of certain cells.

    Args:
        deadly: cell to how many workers it kills before it lets one live.
        together: whether a death takes everything in flight with it.
        began: whether workers die at their work, or before they begin with it.
    """

    max_in_flight = 4
    concurrency = 2

    def __init__(
        self, deadly: dict[Cell, int], *, together: bool = True, began: bool = True
    ) -> None:
        self.deadly = dict(deadly)
        self.began = began
        self.falls_together = together
        self.renewed = 0
        self._queue: list[tuple[Future[object], tuple[object, ...]]] = []

    def submit(self, job, /, *args):  # type: ignore[no-untyped-def]
        """Take a job; it runs when the crew is full or asked alone."""
        future: Future[object] = Future()
        self._queue.append((future, (job, *args)))
        self._work()
        return future

    def _work(self) -> None:
        future, (job, *args) = self._queue.pop()
        killers = [o.cell for o in args[1] if self.deadly.get(o.cell, 0) > 0]
        if killers:
            self.deadly[killers[0]] -= 1
            future.set_exception(BrokenProcessPool("killed"))
        else:
            future.set_result(job(*args))  # type: ignore[operator]

    def deaths(self, error: BaseException) -> int:
        """Count a death."""
        return 1 if isinstance(error, BrokenProcessPool) else 0

    def renew(self) -> bool:
        """Count a new beginning."""
        self.renewed += 1
        return self.began

    def close(self, *, at_once: bool) -> None:
        """Do nothing."""


def dispatched(crew: Mortal, cells: int = 6) -> tuple[list[Done], Dispatcher]:
    """Run some cells of one setting with a crew."""
    base = Base.of([(scenario(), columns_of(scenario()))], 0)
    taken: list[Done] = []
    dispatcher = Dispatcher(crew, base, taken.extend, lambda: False)
    orders = [Order(Cell(0, replicate), {}) for replicate in range(cells)]
    assert dispatcher.run(orders, cells)
    return taken, dispatcher


@pytest.mark.parametrize("together", [True, False])
def test_a_cell_that_keeps_killing_is_given_up_and_no_other(together: bool) -> None:
    """Three deaths are enough; the innocent beside it are run."""
    crew = Mortal({Cell(0, 2): 99}, together=together)
    taken, dispatcher = dispatched(crew)
    assert [each.cell for each in dispatcher.lost] == [Cell(0, 2)]
    assert "died 3 times" in dispatcher.lost[0].reason
    assert sorted(each.cell for each in taken) == [Cell(0, r) for r in (0, 1, 3, 4, 5)]
    assert crew.renewed == MOST_DEATHS


def test_a_cell_that_kills_once_is_tried_again() -> None:
    """Out of memory because of its neighbours, it succeeds alone."""
    taken, dispatcher = dispatched(Mortal({Cell(0, 1): 2}))
    assert dispatcher.lost == []
    assert len({each.cell for each in taken}) == len(taken) == 6


def test_a_worker_that_dies_before_it_begins_is_no_cells_death() -> None:
    """However often that happens to one; how often in a row is the crew's to decide."""
    crew = Mortal({Cell(0, 2): 3 * MOST_DEATHS}, began=False)
    taken, dispatcher = dispatched(crew)
    assert dispatcher.lost == []
    assert len(taken) == 6
    assert crew.renewed == 3 * MOST_DEATHS


def test_every_cell_may_be_deadly() -> None:
    """Then none is left, and the sweep still ends."""
    crew = Mortal({Cell(0, replicate): 99 for replicate in range(6)})
    taken, dispatcher = dispatched(crew)
    assert taken == []
    assert len(dispatcher.lost) == 6


class Breaking(ThreadPoolExecutor):
    """Threads of which one is said to have died at the third job."""

    jobs = 0

    def submit(self, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Break at the third job."""
        self.jobs += 1
        if self.jobs >= 3:
            raise BrokenProcessPool("killed")
        return super().submit(*args, **kwargs)


def test_a_borrowed_executor_that_breaks_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    """Only its owner can mend it; what was done is kept."""
    with Breaking(1) as threads, pytest.raises(StudyError, match="the executor is broken"):
        sweep(scenario(), OVER, replicates=4, executor=threads, workers=1, out=tmp_path / "s")
    again = sweep(scenario(), OVER, replicates=4, workers=0, out=tmp_path / "s", resume=True)
    assert again.tally.reused >= 1
    assert again.table.values.tobytes() == swept().table.values.tobytes()


def test_a_borrowed_executor_that_was_shut_down_is_told() -> None:
    """No run is given up for it."""
    threads = ThreadPoolExecutor(1)
    threads.shutdown()
    with pytest.raises(StudyError, match=r"the executor is broken.*make a new one and resume"):
        sweep(scenario(), OVER, replicates=4, executor=threads, workers=1)


def test_an_executor_and_a_cluster_exclude_each_other() -> None:
    """One of them has to be chosen."""
    with ThreadPoolExecutor(1) as threads, pytest.raises(StudyError, match="give one of them"):
        sweep(scenario(), OVER, executor=threads, dask="local")


@pytest.mark.slow
def test_processes_give_the_same_bytes() -> None:
    """Two spawned workers or none."""
    result = sweep(scenario(), OVER, replicates=4, workers=2)
    assert result.table.values.tobytes() == swept().table.values.tobytes()
    assert result.ranking == swept().ranking


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes() -> None:
    """The scheduler runs elsewhere what was lost, and nothing shows it."""
    distributed = pytest.importorskip("distributed")
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:

        def kill_one(now: Progress) -> None:
            if not killed and now.ran >= 2:
                killed.append(cluster.workers[0].pid)
                os.kill(killed[0], signal.SIGKILL)

        result = sweep(
            scenario(), OVER, replicates=4, dask=cluster.scheduler_address, progress=kill_one
        )
    assert killed
    assert result.lost == ()
    assert result.table.values.tobytes() == swept().table.values.tobytes()
    assert result.ranking == swept().ranking


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_scheduler_that_is_not_there_is_told() -> None:
    """With how to start one."""
    pytest.importorskip("distributed")
    with pytest.raises(StudyError, match="dask scheduler"):
        sweep(scenario(), OVER, dask="tcp://127.0.0.1:9")
