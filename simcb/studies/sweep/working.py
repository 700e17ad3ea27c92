"""A study at work: its directory and whoever runs its cells, for as long as it lasts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from simcb.options import JobOptions
from simcb.studies.run import StudyError
from simcb.studies.sweep.backends import Backend, Borrowed, Cluster, Inline, usable_cores
from simcb.studies.sweep.manifest import Spec
from simcb.studies.sweep.pool import Pool
from simcb.studies.sweep.store import Store

MOST_WORKERS = 1024


@contextmanager
def working(job: JobOptions, spec: Spec) -> Iterator[tuple[Store | None, Callable[[], Backend]]]:
    """Open the directory of a study, and close it with all workers that were needed.

    Yields:
        The store, if there is one, and what returns the backend, which is made when it is
        first asked for.
    """
    store = Store.begin(job.out, spec, resume=job.resume) if job.out is not None else None
    made: list[Backend] = []

    def backend() -> Backend:
        if not made:
            made.append(backend_of(job))
        return made[0]

    orderly = False
    try:
        yield store, backend
        orderly = True
    finally:
        try:
            for each in made:
                each.close(at_once=not orderly)
        finally:
            if store is not None:
                store.close()


def backend_of(job: JobOptions) -> Backend:
    """Return who is to run a study's cells.

    Raises:
        StudyError: both an executor and a cluster are given, or a number makes no sense.
        MissingExtraError: Dask is asked for and not installed.
    """
    if job.workers is not None and not 0 <= job.workers <= MOST_WORKERS:
        raise StudyError(f"workers is {job.workers}", f"give 0 to {MOST_WORKERS}, or auto")
    if job.executor is not None and job.dask is not None:
        raise StudyError("both an executor and a Dask address are given", "give one of them")
    count = usable_cores() if job.workers is None else job.workers
    if job.dask is not None:
        return Cluster(job.dask, max(1, count))
    if job.executor is not None:
        return Borrowed(job.executor, max(1, count))
    return Pool(count) if count else Inline()
