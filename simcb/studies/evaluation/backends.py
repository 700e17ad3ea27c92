"""Backends: executors with what a study has to know of them.

A backend says how many chunks to keep in flight, what an error means that a future ends with,
and how to go on after a worker's death. Any `concurrent.futures.Executor` can be one.
"""

from __future__ import annotations

import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from simcb.errors import MissingExtraError
from simcb.studies import StudyError

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 10
"""Seconds in which a scheduler has to answer."""

AHEAD = 2
"""Chunks in flight for each worker: one that runs and one that waits for it."""


class WorkersLostError(StudyError):
    """No worker is left to run cells; what was finished is kept where it was to be kept."""


class Backend(ABC):
    """Who runs chunks."""

    falls_together = False
    """Whether a worker's death takes everything with it that is in flight."""

    workers = 1

    @property
    def concurrency(self) -> int:
        """How many chunks run at once."""
        return self.workers

    @property
    def max_in_flight(self) -> int:
        """How many chunks to keep in flight."""
        return AHEAD * self.concurrency

    @abstractmethod
    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a job run somewhere."""

    def deaths(self, error: BaseException) -> int:
        """Return how many workers died of the job that ended with an error; 0 if none did."""
        return 0

    def renew(self) -> bool:
        """Go on after a death; false if the worker that died had not even begun to work.

        Raises:
            WorkersLostError: there is no going on.
        """
        return True

    @abstractmethod
    def close(self, *, at_once: bool) -> None:
        """Let go of the workers: when their jobs are done, or at once."""


class Inline(Backend):
    """No workers: every job runs in this process, before `submit` returns."""

    max_in_flight = 1

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run a job now."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        try:
            future.set_result(job(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self, *, at_once: bool) -> None:
        """There are no workers to let go of."""


@contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C waiting for a moment; processes begun meanwhile never get one.

    A terminal sends it to all of its processes, and one that is still being spawned would die
    of it with a traceback. So would one whose parent is interrupted before it has told the
    newborn what to do: a library's thread may take the signal that this thread keeps off, and
    Python then handles it in this one all the same.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    came: list[int] = []
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        handler = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    except ValueError:
        # Only the main thread is interrupted.
        handler = None
    try:
        yield
    finally:
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in came:
            signal.raise_signal(number)


class Borrowed(Backend):
    """An executor of the user's own, which the study neither repairs nor ends.

    Args:
        executor: any executor; a job and what it returns are pickled if it needs that.
        workers: how many jobs it runs at once.
    """

    falls_together = True

    def __init__(self, executor: Executor, workers: int) -> None:
        self._executor = executor
        self.workers = workers

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a job run by the executor."""
        try:
            return self._executor.submit(job, *args, **kwargs)
        except RuntimeError as error:
            # Broken, or shut down; a broken one tells of that with its futures as well.
            future: Future[T] = Future()
            future.set_exception(BrokenExecutor(str(error)))
            return future

    def deaths(self, error: BaseException) -> int:
        """Tell a broken executor from a failed job."""
        return 1 if isinstance(error, BrokenExecutor | CancelledError) else 0

    def renew(self) -> bool:
        """Give up: the executor is the user's.

        Raises:
            WorkersLostError: always.
        """
        raise WorkersLostError(
            "the executor is broken: one of its workers died, or it was shut down",
            "make a new one and resume; with an `out` directory nothing is lost",
        )

    def close(self, *, at_once: bool) -> None:
        """Leave the executor as it is."""


class Cluster(Backend):
    """Workers of a Dask cluster; the scheduler sees to those that are lost.

    Args:
        address: `tcp://host:port` of a scheduler, or `local` for a cluster in processes of
            this machine.
        workers: how many processes a local cluster has.

    Raises:
        MissingExtraError: Dask is not installed.
        StudyError: there is no scheduler at the address.
    """

    def __init__(self, address: str, workers: int) -> None:
        try:
            import distributed  # type: ignore[import, unused-ignore]
        except ImportError:
            raise MissingExtraError("distributed", "dask") from None
        # Dask has types for some of what it does.
        library: Any = distributed
        self._killed: type[BaseException] = library.KilledWorker
        self._local: Any = None
        try:
            if address == "local":
                with interrupts_held_back():
                    self._local = library.LocalCluster(
                        n_workers=workers, threads_per_worker=1, dashboard_address=None
                    )
            self._client: Any = library.Client(
                self._local or address, set_as_default=False, timeout=CONNECT_SECONDS
            )
        except (OSError, ValueError, TypeError) as error:
            raise StudyError(
                f"no Dask scheduler answers at {address!r} ({error})",
                "start one with `dask scheduler`, and give the address it prints",
            ) from None
        # A run is the same whoever makes it, but what it was asked twice for was lost once.
        self._executor = self._client.get_executor(pure=False)

    @property
    def concurrency(self) -> int:
        """How many jobs the cluster's workers, as many as there are now, run at once."""
        cores: int = sum(self._client.ncores().values())
        return max(1, cores)

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a job run by a worker of the cluster."""
        future: Future[T] = self._executor.submit(job, *args, **kwargs)
        return future

    def deaths(self, error: BaseException) -> int:
        """Return how many workers died of a job: the scheduler has tried it on several.

        Raises:
            WorkersLostError: the scheduler is gone.
        """
        if isinstance(error, CancelledError):
            raise WorkersLostError(
                "the Dask scheduler has gone, or has forgotten what it was asked",
                "start it again and resume; with an `out` directory nothing is lost",
            )
        return 3 if isinstance(error, self._killed) else 0

    def close(self, *, at_once: bool) -> None:
        """Take back what is not done, and leave the cluster."""
        self._executor.shutdown(wait=not at_once)
        self._client.close()
        if self._local is not None:
            self._local.close()


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
