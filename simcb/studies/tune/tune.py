"""The study: propose, race, learn, walk around the winner, and check it on fresh luck."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from simcb.scenario import Scenario
from simcb.scenario.sweep import MOST_REPLICATES
from simcb.studies import StudyError
from simcb.studies.limits import demand_size, estimate_size, in_words
from simcb.studies.sweep.axes import Axis, Over, Value, axes_of
from simcb.studies.sweep.crews import crew_of
from simcb.studies.sweep.engine import scenario_digest, this_engine
from simcb.studies.sweep.manifest import Manifest
from simcb.studies.sweep.plan import Setting, changes_of
from simcb.studies.sweep.planning import MOST_CELLS, MOST_REQUESTS, spec_of
from simcb.studies.sweep.store import Store, check_store
from simcb.studies.tune.arena import Changes, Ledger
from simcb.studies.tune.checking import Contest, check
from simcb.studies.tune.racing import race
from simcb.studies.tune.reach import STEPS, Reach, neighbours, reach_of
from simcb.studies.tune.result import Check, Trial, TuneResult
from simcb.studies.tune.search import Search, Tried
from simcb.studies.tune.standings import Standings
from simcb.studies.tune.storms import Storm, demand_space, make_storms

TRIALS = 60
BATCH = 8
REPLICATES = 10
FRESH = 20
TOLERANCE = 0.01
MOST_TRIALS = 10_000
MOST_BATCH = 1_000

WALKS = 3
"""How often the walk begins anew because it has found a better winner."""


@dataclass(frozen=True)
class TuneProgress:
    """How far a tune is.

    Args:
        stage: `searching`, `walking` around the winner, or `checking` it.
        done: settings of the stage that are settled.
        total: settings of the stage.
        ran: runs made so far.
        seconds: since the first run.
        best: the best so far and its worst regret, if any is known.
    """

    stage: str
    done: int
    total: int
    ran: int
    seconds: float
    best: tuple[Setting, float] | None


def tune(
    scenarios: Scenario | Sequence[Scenario],
    space: Over,
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    subject_to: Sequence[str] = (),
    trials: int = TRIALS,
    batch: int = BATCH,
    replicates: int = REPLICATES,
    fresh: int = FRESH,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    out: str | Path | None = None,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    dask: str | None = None,
    allow_large: bool = False,
    progress: Callable[[TuneProgress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> TuneResult:
    """Find the setting whose worst regret over all scenarios is smallest, and check it.

    All settings have the same luck, and bad ones get few replicates. What comes out depends on
    the scenarios, the space, the aims, the seed, the batch and the versions, and not on who
    ran what.

    Args:
        scenarios: the storms that the setting has to hold in.
        space: where to look: `{"breaker.recovery_timeout": "1s..2m@log"}`, or texts
            `PATH=SPEC`; ranges, or lists of values.
        minimize: numbers to make small, such as `p99` or `max:` for none.
        maximize: numbers to make large; with neither, goodput.
        subject_to: what has to hold in every scenario, such as `success >= 99%`.
        trials: settings that are tried at most.
        batch: settings that are tried at a time, before the search learns from them.
        replicates: runs of a good setting in each scenario.
        fresh: runs of the winner, and of each contender, in each scenario on other luck.
        seed: names the luck; the check uses the next one.
        tolerance: the loss that does not matter, as a share.
        out: a directory in which every finished run is kept.
        resume: go on with what the directory holds.
        workers: processes on this machine; 0 runs everything in this one, None takes every
            core. With `executor`, how many jobs it runs at once.
        executor: somebody to run the cells instead.
        dask: the address of a Dask scheduler, or `local`.
        allow_large: run even what is estimated to be huge.
        progress: called as runs come back.
        stop: asked again and again; once it says true, no more runs are sent out.

    Raises:
        StudyError: something does not make sense, or is too large to be run unasked.
        StoreError: the directory cannot be used; what it held is still there.
        StoreChangedError: the directory holds something else.
        MissingExtraError: Optuna, or Dask if it is asked for, is not installed.
    """
    given = [scenarios] if isinstance(scenarios, Scenario) else list(scenarios)
    storms = make_storms(given, minimize=minimize, maximize=maximize, subject_to=subject_to)
    axes = axes_of(space)
    demand_space(storms, axes)
    _demand_sense(
        trials=trials, batch=batch, replicates=replicates, fresh=fresh, tolerance=tolerance
    )
    if not allow_large:
        _demand_small(storms, axes, trials, replicates, fresh)
    search = Search(axes, len(storms[0].aims), batch, seed)
    engine = this_engine()
    store = None
    if out is not None:
        check_store(out, resume=resume)
        manifest = _manifest(storms, axes, engine.items, trials, batch, replicates, fresh, seed)
        store = Store.begin(out, manifest, resume=resume)
    try:
        ledger = Ledger(store, storms)
        crew = crew_of(workers=workers, executor=executor, dask=dask)
        orderly = False
        try:
            contest = Contest(storms, engine, ledger, crew, stop or _never)
            tuning = Tuning(contest, axes, search, trials, replicates, seed, tolerance, progress)
            result = tuning.run(fresh, batch)
            orderly = True
        finally:
            crew.close(at_once=not orderly)
    finally:
        if store is not None:
            store.close()
    return result


class Tuning:
    """A tune under way.

    Args:
        contest: the storms, and who runs them.
        axes: the space.
        search: what proposes settings.
        trials: settings to try at most.
        replicates: the most runs of a setting in a storm.
        seed: names the luck.
        tolerance: the loss that does not matter.
        progress: called as runs come back.
    """

    def __init__(
        self,
        contest: Contest,
        axes: Sequence[Axis],
        search: Search,
        trials: int,
        replicates: int,
        seed: int,
        tolerance: float,
        progress: Callable[[TuneProgress], None] | None,
    ) -> None:
        self._contest = contest
        self._axes = tuple(axes)
        self._search = search
        self._trials = trials
        self._seed = seed
        self._tolerance = tolerance
        self._arena = contest.arena(replicates, seed)
        self._arena.taken = self._tell
        self._tried: dict[Setting, int | str] = {}
        self._standings: Standings | None = None
        self._winner: int | None = None
        self._progress = progress
        self._stage, self._done, self._total = "searching", 0, trials
        self._begun = time.monotonic()
        self._best: tuple[Setting, float] | None = None

    def run(self, fresh: int, batch: int) -> TuneResult:
        """Search, walk and check; what was not reached before a stop is missing."""
        complete = self._look()
        searched = len(self._tried)
        reach: tuple[Reach, ...] = ()
        checked: Check | None = None
        if complete and self._winner is not None:
            complete, reach = self._walk()
        if complete and self._winner is not None:
            self._stage, self._done, self._total = "checking", 0, 1
            changes = self._arena.changes(self._winner)
            complete, checked = check(
                self._contest, self._arena, self._known, changes, fresh, self._seed + 1, self._tell
            )
        return self._result(searched, reach, checked, batch, complete=complete)

    # Searching.

    def _look(self) -> bool:
        while len(self._tried) < self._trials:
            settings = self._search.propose(self._history())
            settings = settings[: self._trials - len(self._tried)]
            if not settings:
                # Everything there is has been tried.
                break
            self._done = len(self._tried)
            if not race(self._arena, self._enter(settings)):
                return False
            self._choose()
        self._done = len(self._tried)
        return True

    def _enter(self, settings: Iterable[Setting]) -> list[int]:
        """Return the entries of settings, and note those that a scenario refuses.

        Raises:
            StudyError: none was ever accepted.
        """
        entries = []
        for setting in settings:
            try:
                found = self._arena.enter(self._changes(setting))
            except StudyError as error:
                self._tried.setdefault(setting, f"{error.what}; {error.remedy}")
                refusal = error
            else:
                self._tried.setdefault(setting, found)
                entries.append(found)
        if not len(self._arena):
            raise refusal
        return entries

    def _changes(self, setting: Setting) -> Changes:
        return tuple(changes_of(self._axes, setting) for _ in self._contest.storms)

    @property
    def _known(self) -> Standings:
        if self._standings is None or len(self._standings.ran) < len(self._arena):
            self._standings = Standings.of(self._arena)
        return self._standings

    def _history(self) -> list[Tried]:
        known = [
            self._trial(number, setting, entry)
            for number, (setting, entry) in enumerate(self._tried.items())
        ]
        ran = [each for each in known if each.worst]
        if not ran:
            return [Tried(each.setting, (), 1.0) for each in known]
        # What cannot even be run is as bad as the worst that can, and against the limits.
        worst = tuple(max(each.worst[aim] for each in ran) for aim in range(len(ran[0].worst)))
        return [
            Tried(each.setting, each.worst or worst, each.violation if each.worst else 1.0)
            for each in known
        ]

    def _trial(self, number: int, setting: Setting, entry: int | str) -> Trial:
        if isinstance(entry, str):
            return Trial(number, setting, 0, (), 0.0, entry)
        known = self._known
        count = int(known.counts[entry])
        if not count:
            return Trial(number, setting, 0, (), 0.0)
        return Trial(number, setting, count, known.worst(entry), known.violation(entry))

    def _choose(self) -> None:
        self._standings = Standings.of(self._arena)
        known = self._standings
        if known.complete:
            self._winner = known.champion(known.complete, self._arena.replicates)
            setting = next(s for s, entry in self._tried.items() if entry == self._winner)
            self._best = (setting, max(known.worst(self._winner)))

    # Walking.

    def _walk(self) -> tuple[bool, tuple[Reach, ...]]:
        for _ in range(WALKS):
            winner = self._setting_of(self._winner)
            paths = [neighbours(self._axes, winner, index) for index in range(len(self._axes))]
            settings = list(dict.fromkeys(s for path in paths for s in path.values()))
            self._stage, self._done, self._total = "walking", 0, len(settings)
            if not race(self._arena, self._enter(settings), self._tolerance):
                return False, ()
            self._standings = Standings.of(self._arena)
            if not self._improved():
                break
        winner = self._setting_of(self._winner)
        return True, tuple(self._reach(index, winner) for index in range(len(self._axes)))

    def _improved(self) -> bool:
        """Put a winner that was found on the way in the old one's place, if it is worth it.

        It is if it is better beyond doubt, or by more than the tolerance.
        """
        known, count = self._known, self._arena.replicates
        assert self._winner is not None
        found = known.champion(known.complete, count)
        if found == self._winner:
            return False
        leads = known.leads(found, self._winner, count)
        surely = all(each.high is not None and each.high < 0.0 for each in leads)
        clearly = all(each.mean is not None and each.mean < -self._tolerance for each in leads)
        # Of several aims one alone may be better, and the others the same to the last digit.
        beaten = len(leads) > 1 and self._winner not in known.front(count)
        kept = known.feasible[found] and not known.feasible[self._winner]
        if surely or clearly or beaten or kept:
            self._winner = found
            return True
        return False

    def _reach(self, index: int, winner: Setting) -> Reach:
        path = neighbours(self._axes, winner, index)
        entries: dict[Value, int] = {}
        for value, setting in path.items():
            entry = self._tried.get(setting)
            if isinstance(entry, int):
                entries[value] = entry
        assert self._winner is not None
        axis, value = self._axes[index], winner.values[index]
        return reach_of(axis, value, entries, self._known, self._winner, self._tolerance)

    def _setting_of(self, entry: int | None) -> Setting:
        return next(setting for setting, number in self._tried.items() if number == entry)

    # Telling.

    def _result(
        self,
        searched: int,
        reach: tuple[Reach, ...],
        checked: Check | None,
        batch: int,
        *,
        complete: bool,
    ) -> TuneResult:
        known, arena = self._known, self._arena
        trials = tuple(
            self._trial(number, setting, entry)
            for number, (setting, entry) in enumerate(self._tried.items())
        )
        numbers = {entry: number for number, entry in enumerate(self._tried.values())}
        winner = None if self._winner is None else numbers[self._winner]
        ended = self._winner is not None and complete
        history = self._history()[:searched]
        return TuneResult(
            storms=self._contest.storms,
            axes=self._axes,
            replicates=arena.replicates,
            batch=batch,
            seed=self._seed,
            tolerance=self._tolerance,
            trials=trials,
            searched=searched,
            winner=winner,
            feasible=self._winner is not None and bool(known.feasible[self._winner]),
            front=tuple(numbers[each] for each in known.front(arena.replicates) if each in numbers),
            reach=reach,
            importance=self._search.importance(history) if ended else (None,) * len(self._axes),
            check=checked,
            lost=self._contest.lost,
            complete=complete,
            tally=self._contest.tally,
        )

    def _tell(self) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self._begun
            ran = self._contest.tally.ran
            self._progress(
                TuneProgress(self._stage, self._done, self._total, ran, seconds, self._best)
            )


def _demand_sense(
    *, trials: int, batch: int, replicates: int, fresh: int, tolerance: float
) -> None:
    bounds = (
        ("trials", trials, 1, MOST_TRIALS),
        ("batch", batch, 1, MOST_BATCH),
        ("replicates", replicates, 2, MOST_REPLICATES),
        ("fresh", fresh, 2, MOST_REPLICATES),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise StudyError(f"{name} is {value}", f"give {least} to {most}")
    if not 0.0 <= tolerance < 1.0:
        raise StudyError(f"tolerance is {tolerance!r}", "give a share from 0 to below 1")


def _demand_small(
    storms: Sequence[Storm], axes: Sequence[Axis], trials: int, replicates: int, fresh: int
) -> None:
    """Refuse a tune that is too large to be run without being asked for explicitly."""
    sizes = [estimate_size(storm.scenario) for storm in storms]
    for size in sizes:
        demand_size(size)
    walked = sum(len(axis.values) or STEPS for axis in axes)
    each = (trials + walked) * replicates + Contest.most_contenders() * fresh
    runs, requests = each * len(storms), each * sum(size.requests for size in sizes)
    if runs > MOST_CELLS or requests > MOST_REQUESTS:
        raise StudyError(
            f"this would be up to {runs:,} runs with about {in_words(requests)} requests",
            "give fewer trials, replicates or scenarios, or allow it with --allow-large",
        )


def _manifest(
    storms: Sequence[Storm],
    axes: Sequence[Axis],
    engine: Mapping[str, str],
    trials: int,
    batch: int,
    replicates: int,
    fresh: int,
    seed: int,
) -> Manifest:
    first = storms[0]
    aims = [f"{aim.better.value}:{aim}" for aim in first.aims]
    limits = [limit.text for limit in first.limits]
    return Manifest(
        engine=dict(engine),
        scenario="---\n".join(storm.scenario.to_yaml() for storm in storms),
        digest="-".join(scenario_digest(storm.scenario) for storm in storms),
        axes=tuple(f"{axis.path}={spec_of(axis)}" for axis in axes),
        design=f"a search of {trials} settings, {batch} at a time, checked {fresh} times",
        replicates=replicates,
        seed=seed,
        refine="",
        columns=tuple(column for storm in storms for column in storm.columns),
        settings=(),
        digests=(),
        goal=", ".join([*aims, *limits]),
    )


def _never() -> bool:
    return False
