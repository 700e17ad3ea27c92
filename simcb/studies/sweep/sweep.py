"""The study: which settings are run, what a border asks for next, and what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from simcb.metrics import Estimate
from simcb.options import JobOptions, SweepOptions
from simcb.scenario import Scenario
from simcb.studies.evaluation.backends import Backend, Inline
from simcb.studies.evaluation.cells import Done, effective_digest
from simcb.studies.evaluation.evaluator import Evaluator, ResultCache, Tally, working
from simcb.studies.evaluation.manifest import MANIFEST, StoreError, SweepSpec, read_manifest
from simcb.studies.evaluation.objective import parse_objective, recorded_border
from simcb.studies.evaluation.settings import Setting, changes_of, parse_design, policies
from simcb.studies.evaluation.store import Store, check_store
from simcb.studies.evaluation.table import Table
from simcb.studies.run import Clients, read_kept
from simcb.studies.sweep.contenders import Contender, contenders_of
from simcb.studies.sweep.plan import Plan, check_plan, make_plan
from simcb.studies.sweep.ranking import badness
from simcb.studies.sweep.refining import Refinement
from simcb.studies.sweep.result import Beside, SweepResult
from simcb.studies.tags import checked_tags


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Args:
        done: cells whose numbers are known.
        total: all cells known of; a refinement may find more.
        lost: cells that were given up.
        seconds: since the first cell of this process was sent out.
        ran: how many of the done cells were run since then.
        best: the best of the settings that are complete, and its objective; None where there
            is no one best.
    """

    done: int
    total: int
    lost: int
    seconds: float
    ran: int
    best: tuple[Setting, Estimate] | None


class SweepRun:
    """A sweep under way.

    Args:
        plan: what is to be done.
        digests: the effective scenario of each of the plan's settings.
        evaluator: what runs its settings.
        beside: what runs those of its contenders that are none of its settings.
        progress: called after each chunk.
    """

    def __init__(
        self,
        plan: Plan,
        digests: Sequence[str],
        evaluator: Evaluator,
        beside: Evaluator,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._plan = plan
        self._evaluator = evaluator
        self._table = evaluator.tables[0]
        self._beside = beside
        self._progress = progress
        self._numbers: dict[Setting, int] = {}
        self._begun = time.monotonic()
        self._best: tuple[Setting, Estimate] | None = None
        # Of several worlds each has a best of its own.
        self._crowning = all(policies(plan.scenario, plan.axes))
        self._refinement = Refinement(plan.axes, plan.depth) if plan.border else None
        evaluator.taken = self._tell
        beside.taken = lambda done: self._report()
        count = len(plan.settings)
        self._add(plan.settings, digests[:count])
        self._contenders = self._entered(dict(zip(digests, range(count), strict=False)), digests)

    def run(self) -> SweepResult:
        """Run what is missing, then what the refinement asks for, until it is stopped."""
        complete = self._run_all()
        while complete and self._refine():
            complete = self._run_all()
        plan, beside = self._plan, self._beside
        # What is known of them is looked up even if nothing more is to be run.
        complete = beside.run_in([0], range(len(beside)), plan.replicates) and complete
        return SweepResult(
            scenario=plan.scenario,
            axes=plan.axes,
            design=plan.design,
            settings=tuple(self._numbers),
            replicates=plan.replicates,
            seed=plan.seed,
            objective=plan.objective,
            border=plan.border,
            fine_settings=self._refinement.fine_settings if self._refinement else 0,
            table=self._table,
            lost=self._evaluator.lost,
            complete=complete,
            tally=self._tally,
            contenders=tuple(map(self._found, plan.contenders, self._contenders)),
            clients=plan.clients,
            told=self._evaluator.told,
        )

    def _found(self, contender: Contender, place: tuple[Table, int]) -> Beside:
        table, number = place
        if table is self._table:
            return Beside(contender, table, number)
        lost = (each for each in self._beside.lost if each.cell.setting == number)
        return Beside(contender, table, number, tuple(lost))

    @property
    def _tally(self) -> Tally:
        settings, others = self._evaluator.tally, self._beside.tally
        ran, reused = settings.ran + others.ran, settings.reused + others.reused
        return Tally(ran, reused, settings.damaged)

    def _run_all(self) -> bool:
        return self._evaluator.run_in([0], range(len(self._numbers)), self._plan.replicates)

    def _add(self, settings: Sequence[Setting], digests: Sequence[str]) -> None:
        for setting in settings:
            self._numbers[setting] = len(self._numbers)
        changes = [(changes_of(self._plan.axes, setting),) for setting in settings]
        self._evaluator.add(changes, [(digest,) for digest in digests])

    def _entered(
        self, settings: Mapping[str, int], digests: Sequence[str]
    ) -> list[tuple[Table, int]]:
        """Return where the numbers of each contender are: a setting's, or a row of its own."""
        places = []
        for contender, digest in zip(
            self._plan.contenders, digests[len(self._plan.settings) :], strict=True
        ):
            if digest in settings:
                places.append((self._table, settings[digest]))
            else:
                places.append((self._beside.tables[0], len(self._beside)))
                self._beside.add([(contender.changes,)], [(digest,)])
        return places

    def _tell(self, done: tuple[Done, ...]) -> None:
        if self._progress is None:
            return
        settings = list(self._numbers)
        for number in sorted({each.cell.setting for each in done}):
            self._compare(number, settings[number])
        self._report()

    def _report(self) -> None:
        if self._progress is None:
            return
        tally, runs = self._tally, len(self._numbers) + len(self._beside)
        lost = len(self._evaluator.lost) + len(self._beside.lost)
        total, seconds = runs * self._plan.replicates, time.monotonic() - self._begun
        known = tally.ran + tally.reused
        self._progress(Progress(known, total, lost, seconds, tally.ran, self._best))

    def _compare(self, number: int, setting: Setting) -> None:
        """Keep a setting in mind that is complete and better than any before."""
        if not self._crowning or not self._table.is_complete(number):
            return
        objective = self._plan.objective
        found = self._table.estimate(number, objective)
        if not found.n or self._evaluator.outcome(number, 0).failure:
            return
        if self._best is None or badness(found, objective) < badness(self._best[1], objective):
            self._best = setting, found

    def _refine(self) -> bool:
        """Add the settings that the border asks for; false if it asks for no more."""
        if self._refinement is None:
            return False
        while True:
            points = self._refinement.points
            sides = {point: self._side(self._refinement.setting_at(point)) for point in points}
            found = [self._refinement.setting_at(point) for point in self._refinement.more(sides)]
            if not found:
                return False
            # Points between neighbouring whole numbers are no settings of their own.
            added = [each for each in dict.fromkeys(found) if each not in self._numbers]
            if added:
                self._add(added, [self._digest(each) for each in added])
                return True

    def _side(self, setting: Setting) -> bool | None:
        """Return on which side of the border a setting lies; None if that is undefined."""
        border = self._plan.border
        if border is None:
            return None
        mean = self._table.estimate(self._numbers[setting], border.objective).mean
        return None if mean is None else mean >= border.value

    def _digest(self, setting: Setting) -> str:
        changes = changes_of(self._plan.axes, setting)
        return effective_digest(self._plan.scenario, changes, self._plan.clients)


def sweep(
    scenario: Scenario,
    options: SweepOptions,
    job: JobOptions,
    *,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
    clients: Clients | None = None,
) -> SweepResult:
    """Run a scenario at many settings, each with the same random streams, and rank them.

    Where an axis is no policy but the world (see `is_policy` in `simcb.scenario.sweep`), settings
    are ranked within each world alone; where all are, none is, and success is what is shown.

    Only numbers come back from the workers, and the numbers depend on nothing but the
    scenario, the settings, the seed and the versions of `Engine`: not on who ran what, when,
    or how often it had to be tried.

    Args:
        scenario: what is varied.
        options: what is asked for; what is not given is as the scenario's `sweep` has it, and
            where that says nothing, a grid, 10 replicates, ranked by goodput or by what is
            refined.
        job: who runs it. An executor must be able to run `simcb` where its workers are, as
            `mpi4py.futures.MPIPoolExecutor()` does. It is neither repaired nor shut down: if it
            breaks, make a new one and go on with `resume`.
        progress: called after each chunk of cells.
        stop: asked again and again: once it says true no more cells are sent out, those that
            run are finished and saved, and the result is not `complete`.
        clients: code in the place of client groups' calls, in every setting.

    Raises:
        StudyError: something does not make sense.
        ClientError: code cannot be loaded.
        SweepTooLargeError: it is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds a sweep of something else.
        MissingExtraError: Dask is asked for and not installed.
    """
    plan = make_plan(scenario, options, clients)
    if job.out is not None:
        check_store(job.out, resume=job.resume)
    digests = _digests(plan, job)
    with working(job, plan.manifest(digests)) as (store, backend):
        made = SweepRun(plan, digests, *_evaluators(plan, store, backend, stop), progress)
        return replace(made.run(), tags=checked_tags(job.tags))


def _evaluators(
    plan: Plan,
    store: Store | None,
    backend: Callable[[], Backend],
    stop: Callable[[], bool] | None,
) -> tuple[Evaluator, Evaluator]:
    """Return what runs the settings, and what runs the contenders."""
    cache = ResultCache(store, [len(plan.columns)])

    def evaluator() -> Evaluator:
        return Evaluator(
            [(plan.scenario, plan.columns)],
            replicates=plan.replicates,
            seed=plan.seed,
            engine=plan.engine,
            cache=cache,
            backend=backend,
            stop=stop or (lambda: False),
            clients=plan.clients,
        )

    return evaluator(), evaluator()


def _digests(plan: Plan, job: JobOptions) -> tuple[str, ...]:
    """Return the digests of `plan.changes`: the directory's, or made anew and checked."""
    if job.out is not None and (Path(job.out) / MANIFEST).exists():
        held = read_manifest(Path(job.out))
        # Whatever differs besides is told when the directory is opened.
        if isinstance(held, SweepSpec):
            digests = (*held.digests, *held.beside)
            if len(digests) == len(plan.changes):
                return digests
    return check_plan(plan, allow_large=job.allow_large)[0]


def is_sweep(directory: str | Path) -> bool:
    """Tell whether a directory is a sweep's, or a tune's."""
    return (Path(directory) / MANIFEST).is_file()


def open_sweep(directory: str | Path, *, by: str | None = None) -> SweepResult:
    """Read what a sweep has kept in a directory, whether it came to its end or not.

    What the log lacks is missing from the result, which then is not `complete`. The versions
    that made it do not matter: numbers are read, not made. The data that a scenario replays is
    not read again, so the result can be looked at and not be run from.

    Args:
        directory: what `out` named.
        by: the number to rank by; what it was first ranked by if None.

    Raises:
        StoreError: there is no sweep in it, or it is damaged, or it is a tune's.
        StudyError: there is no number `by` in it.
    """
    folder = Path(directory)
    held = read_manifest(folder)
    if not isinstance(held, SweepSpec):
        raise StoreError(
            str(folder),
            "holds a tune, whose steps cannot be shown again",
            "read summary.json in it, or lay its best.yaml over the scenario with -f",
        )
    plan = _plan_of(held, str(folder / MANIFEST), by)
    evaluators = _evaluators(plan, Store(folder), Inline, lambda: True)
    made = SweepRun(plan, (*held.digests, *held.beside), *evaluators)
    return replace(made.run(), tags=held.tags)


def _plan_of(held: SweepSpec, file: str, by: str | None) -> Plan:
    asked = held.options
    try:
        scenario = read_kept(held.scenarios[0], f"{file}, its scenario")
        contenders = contenders_of(scenario, held.axes, held.settings) if held.beside else ()
        if len(contenders) != len(held.beside):
            raise ValueError(file)
        border = recorded_border(asked.refine, scenario, held.columns) if asked.refine else None
        return Plan(
            scenario=scenario,
            axes=held.axes,
            design=parse_design(asked.design or ""),
            settings=held.settings,
            replicates=asked.replicates or 0,
            seed=asked.seed,
            columns=held.columns,
            objective=parse_objective(by or asked.by or "", scenario, held.columns),
            border=border,
            depth=asked.depth or 0,
            engine=held.engine,
            contenders=contenders,
            alone=asked.alone,
            clients=held.clients,
            source=held.source,
        )
    except (ValueError, TypeError):
        remedy = "name the directory of a sweep, or sweep anew in another"
        raise StoreError(file, "is damaged: it is no manifest of a sweep", remedy) from None
