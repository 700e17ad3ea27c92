"""The pool: worker processes on this machine, and what becomes of them.

They die of what kills processes: a lack of memory, an administrator, a script that starts
itself again. A pool says which of these it was, and is made anew as long as that can help.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, ParamSpec, TypeVar

from simcb.studies.evaluation.backends import Backend, WorkersLostError, interrupts_held_back

P = ParamSpec("P")
T = TypeVar("T")

MOST_STILLBORN = 5
"""Pools in a row that may break before any of their workers began to work."""

_IN_A_SCRIPT = (
    "in a script, call sweep below `if __name__ == '__main__':`; or give it "
    "workers=0, which runs everything in this process"
)
_RESUME = "free memory or give fewer workers, and resume; with an `out` directory nothing is lost"


class _Births(SpawnContext):
    """Spawns processes, and knows those it has spawned."""

    def __init__(self) -> None:
        self.born: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        process = SpawnProcess(*args, **kwargs)
        self.born.append(process)
        return process


class Pool(Backend):
    """Worker processes on this machine.

    They are spawned, so they inherit no threads or locks; they ignore Ctrl-C, which is the
    parent's to understand; and each watches a pipe whose other end the parent holds: when it
    closes, by the parent's will or its death, the worker ends at once.

    Args:
        workers: how many.
    """

    falls_together = True

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._worked = False
        self._stillborn = 0
        self._start()

    def _start(self) -> None:
        self._births = _Births()
        watched, self._lifeline = self._births.Pipe(duplex=False)
        # A pipe has no lock that a worker could take with it when it is killed.
        self._signs, sign = self._births.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(
            self.workers,
            mp_context=self._births,
            initializer=begin_work,
            initargs=(watched, sign),
        )

    def submit(self, job: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a job run in a worker, which may be spawned for it.

        Raises:
            WorkersLostError: no worker can be spawned.
        """
        try:
            with interrupts_held_back():
                return self._executor.submit(job, *args, **kwargs)
        except BrokenExecutor as error:
            # It broke a moment ago, and says so once more.
            future: Future[T] = Future()
            future.set_exception(error)
            return future
        except OSError as error:
            why = f"no worker process could be started ({error.strerror or error})"
            raise WorkersLostError(why, _RESUME) from None
        except RuntimeError:
            # Only a process that is itself being started may not start others.
            raise WorkersLostError("a worker process starts this again", _IN_A_SCRIPT) from None

    def deaths(self, error: BaseException) -> int:
        """Tell a dead worker from a failed job."""
        return 1 if isinstance(error, BrokenExecutor) else 0

    def renew(self) -> bool:
        """Put a new pool in the place of the broken one; false if it never began to work.

        Raises:
            WorkersLostError: too many in a row never did, or none can.
        """
        self._executor.shutdown(wait=True, cancel_futures=True)
        began = self._signs.poll()
        reason = self._reason()
        self.close(at_once=True)
        if began:
            self._worked, self._stillborn = True, 0
        else:
            self._stillborn += 1
            if not self._worked and reason is None:
                raise WorkersLostError("no worker process could be started", _IN_A_SCRIPT)
            if self._stillborn >= MOST_STILLBORN:
                how = reason or "ended by itself"
                why = f"{MOST_STILLBORN} times in a row a worker process {how} while it started"
                raise WorkersLostError(why, _RESUME)
        self._start()
        return began

    def _reason(self) -> str | None:
        """Return how the first worker of a broken pool was killed; None if none was.

        The executor ends the others with SIGTERM, so that is the reason only if it is the only
        one.
        """
        codes = [each.exitcode or 0 for each in self._births.born]
        killed = sorted((code for code in codes if code < 0), key=lambda c: c == -signal.SIGTERM)
        if not killed or (killed[0] == -signal.SIGTERM and any(code > 0 for code in codes)):
            return None
        name = signal.Signals(-killed[0]).name
        return f"was killed ({name}{', out of memory?' if name == 'SIGKILL' else ''})"

    def close(self, *, at_once: bool) -> None:
        """Let the workers end."""
        if at_once:
            self._lifeline.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()


def begin_work(lifeline: Connection, sign: Connection) -> None:
    """Prepare a worker process: it ignores Ctrl-C, and ends when the lifeline does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    sign.send_bytes(b".")


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv_bytes()
    except (EOFError, OSError):
        # The parent has gone or wants no more: nothing that is left to do is of use to anyone.
        os._exit(1)
