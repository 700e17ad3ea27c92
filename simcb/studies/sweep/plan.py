"""From what is asked for to a plan that is known to work: checked whole before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simcb.errors import SimcbError
from simcb.metrics import check_thresholds
from simcb.options import SweepOptions
from simcb.scenario import Scenario
from simcb.scenario.axes import Axis
from simcb.scenario.sweep import DEPTH, DESIGN, REPLICATES, Design
from simcb.studies import StudyError
from simcb.studies.clients import check_paths_beside, examined, named_clients, with_code
from simcb.studies.evaluation.backends import usable_cores
from simcb.studies.evaluation.cells import (
    ROW,
    Column,
    Engine,
    columns_of,
    effective_digest,
    scenario_digest,
    this_engine,
)
from simcb.studies.evaluation.manifest import SweepSpec
from simcb.studies.evaluation.objective import (
    DEFAULT,
    OF_THE_WORLD,
    Border,
    Objective,
    parse_border,
    parse_objective,
)
from simcb.studies.evaluation.settings import (
    Setting,
    applied,
    axes_of,
    changes_of,
    check_places,
    make_settings,
    parse_design,
    policies,
)
from simcb.studies.evaluation.size import MOST_CELLS, MOST_REQUESTS, pace
from simcb.studies.limits import SizeEstimate, check_size, estimate_size, in_words
from simcb.studies.run import Clients, check_ranges, coded
from simcb.studies.sweep.contenders import Contender, contenders_of
from simcb.studies.sweep.refining import check_refinable


@dataclass(frozen=True)
class Plan:
    """A sweep that is known to make sense.

    Args:
        scenario: the base, without its `sweep`, which decides nothing about its runs.
        axes: what is varied.
        design: how settings are made of the axes.
        settings: the settings known before anything is run.
        replicates: how many runs each has.
        seed: random seed.
        columns: the numbers of a cell.
        objective: by what settings are ranked.
        border: what to refine, if anything.
        depth: how deep.
        engine: the versions it is run with.
        contenders: what the settings are held against.
        alone: whether they are to be held against nothing.
        clients: the code of client groups, `module:function` each.
        source: identifies its source; "" if there is none.
    """

    scenario: Scenario
    axes: tuple[Axis, ...]
    design: Design
    settings: tuple[Setting, ...]
    replicates: int
    seed: int
    columns: tuple[Column, ...]
    objective: Objective
    border: Border | None
    depth: int
    engine: Engine
    contenders: tuple[Contender, ...] = ()
    alone: bool = False
    clients: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    @property
    def cells(self) -> int:
        """How many runs there are, those of a refinement not counted."""
        return (len(self.settings) + len(self.contenders)) * self.replicates

    @property
    def changes(self) -> tuple[Mapping[str, object], ...]:
        """What each setting changes in the scenario, and after them what each contender does."""
        made = (changes_of(self.axes, setting) for setting in self.settings)
        return (*made, *(each.changes for each in self.contenders))

    def manifest(self, digests: tuple[str, ...]) -> SweepSpec:
        """Return what the plan's directory says of it.

        Args:
            digests: the effective scenarios of `changes`.
        """
        options = SweepOptions(
            design=str(self.design),
            replicates=self.replicates,
            seed=self.seed,
            by=f"{self.objective.better.value}:{self.objective}",
            refine=str(self.border) if self.border else None,
            depth=self.depth if self.border else None,
            alone=self.alone,
        )
        return SweepSpec(
            engine=self.engine,
            scenarios=(self.scenario.to_yaml(),),
            digest=scenario_digest(self.scenario),
            axes=self.axes,
            options=options,
            columns=self.columns,
            settings=self.settings,
            digests=digests[: len(self.settings)],
            beside=digests[len(self.settings) :],
            clients=self.clients,
            source=self.source,
        )


@dataclass(frozen=True)
class SweepSize:
    """How large a sweep is expected to be.

    Args:
        settings: how many settings.
        cells: how many runs.
        requests: expected user requests, of all runs together.
        largest: the largest run's requests, attempts and memory, in the worst case.
        parent_megabytes: memory of the results.
    """

    settings: int
    cells: int
    requests: float
    largest: SizeEstimate
    parent_megabytes: float


class SweepTooLargeError(SimcbError):
    """A sweep is larger than what is run without being asked for explicitly.

    Args:
        cells: how many runs.
        requests: expected requests.
    """

    def __init__(self, cells: int, requests: float) -> None:
        super().__init__(cells, requests)
        self.cells = cells
        self.requests = requests

    def __str__(self) -> str:
        return (
            f"this would be {self.cells:,} runs with about {in_words(self.requests)} requests; "
            f"the limit is {MOST_CELLS:,} runs or {in_words(MOST_REQUESTS)} requests: give "
            "fewer values or replicates, sample with --sample lhs:N, or allow it with "
            "--allow-large"
        )


@dataclass(frozen=True)
class TimeEstimate:
    """How much a sweep will be.

    Args:
        size: settings, runs, requests and memory.
        seconds: how long it takes on so many workers.
        workers: how many there are.
    """

    size: SweepSize
    seconds: float
    workers: int


def make_plan(scenario: Scenario, options: SweepOptions, clients: Clients | None = None) -> Plan:
    """Return the plan of a sweep.

    Raises:
        StudyError: something does not make sense.
        ClientError: code cannot be loaded.
        ThresholdError: a threshold of the scenario names what does not exist.
    """
    named = named_clients(clients)
    scenario = coded(scenario, named)
    check_thresholds(scenario.thresholds, scenario)
    axes, design, wanted = _asked(scenario, options)
    named, source = examined(named, axes)
    base = scenario.without_sweep()
    settings = make_settings(axes, design, options.seed)
    columns = columns_of(base)
    depth, border = wanted.depth or 0, None
    if wanted.refine is not None:
        border = parse_border(wanted.refine, base, columns)
        check_refinable(axes, design, depth)
    check_paths_beside(base, (each.path for axis in axes for each in axis.each_place), named)
    check_places(base, axes, named)
    if wanted.by is not None or border is None:
        usual = DEFAULT if any(policies(base, axes)) else OF_THE_WORLD
        objective = parse_objective(wanted.by or usual, base, columns)
    else:
        objective = border.objective
    return Plan(
        scenario=base,
        axes=axes,
        design=design,
        settings=settings,
        replicates=wanted.replicates or REPLICATES,
        seed=options.seed,
        columns=columns,
        objective=objective,
        border=border,
        depth=depth,
        engine=this_engine(),
        contenders=() if wanted.alone else contenders_of(base, axes, settings),
        alone=wanted.alone,
        clients=named,
        source=source,
    )


def _asked(
    scenario: Scenario, options: SweepOptions
) -> tuple[tuple[Axis, ...], Design, SweepOptions]:
    """Return what is asked for: what is given, else the scenario's `sweep`, else what is usual.

    Only axes take more with them: a design, a border to refine and its depth were chosen for
    the block's own axes, and mean nothing for others.

    Raises:
        StudyError: nothing is varied, or a word of it makes no sense.
    """
    block, own = scenario.sweep, options.over is None
    axes: tuple[Axis, ...] = ()
    design = DESIGN
    usual = SweepOptions(replicates=REPLICATES, depth=DEPTH)
    if block is not None:
        usual = replace(usual, replicates=block.replicates, by=block.by)
        if own:
            axes, design = block.axes, block.design
            usual = replace(usual, refine=block.refine, depth=block.depth)
    elif own:
        raise StudyError(
            "nothing is varied",
            "give an axis, as in --over breaker.failure_threshold=3,5,10, or write a `sweep:` "
            "block into the scenario",
        )
    given = {name: value for name, value in vars(options).items() if value is not None}
    wanted = replace(usual, **given)
    if options.over is not None:
        axes = axes_of(options.over)
    if options.design is not None:
        design = parse_design(options.design)
    check_ranges(wanted, "replicates")
    return axes, design, wanted


def measure_plan(plan: Plan) -> tuple[tuple[str, ...], SweepSize]:
    """Make the scenario of every one of `changes`; return their digests, and the size of it all.

    Raises:
        StudyError: the scenario refuses a setting.
    """
    digests, sizes = [], []
    for changes in plan.changes:
        scenario = applied(plan.scenario, changes)
        sizes.append(estimate_size(scenario))
        digests.append(effective_digest(plan.scenario, changes, plan.clients))
    largest = SizeEstimate(
        max(size.requests for size in sizes),
        max(size.worst_attempts for size in sizes),
        max(size.megabytes for size in sizes),
    )
    size_of_all = SweepSize(
        settings=len(plan.settings),
        cells=plan.cells,
        requests=sum(size.requests for size in sizes) * plan.replicates,
        largest=largest,
        parent_megabytes=plan.cells * len(plan.columns) * ROW.itemsize / 1e6,
    )
    return tuple(digests), size_of_all


def estimate_time(plan: Plan, workers: int | None = None) -> TimeEstimate:
    """Run the beginning of a middle setting, and estimate from it how long all of them take.

    What comes later in the scenario, its faults and their retries, may cost more by the request
    than its beginning, so the estimate is rough.

    Raises:
        StudyError: the scenario refuses a setting.
    """
    _, size = measure_plan(plan)
    middle = plan.settings[len(plan.settings) // 2]
    changes = changes_of(plan.axes, middle)
    variant, clients = applied(plan.scenario, changes), with_code(plan.clients, changes)
    concurrency = max(1, usable_cores() if workers is None else workers)
    return TimeEstimate(
        size, pace(variant, plan.seed, clients) * size.requests / concurrency, concurrency
    )


def check_plan(plan: Plan, *, allow_large: bool = False) -> tuple[tuple[str, ...], SweepSize]:
    """Examine a plan, and refuse it if it is too large to be run without being asked for.

    Raises:
        StudyError: the scenario refuses a setting.
        SweepTooLargeError: it is beyond `MOST_CELLS` or `MOST_REQUESTS`.
        TooLargeError: a single run is.
    """
    if not allow_large:
        check_few_cells(plan)
    digests, size = measure_plan(plan)
    if not allow_large:
        check_sweep_size(plan, size)
    return digests, size


def check_block(scenario: Scenario) -> SweepSize | None:
    """Examine the sweep that a scenario has in its own file, without running anything.

    Returns None if it has none.

    Raises:
        StudyError: it does not make sense, or the scenario refuses a setting.
        SweepTooLargeError: it is too large to be run without being asked for explicitly.
        TooLargeError: a single run is.
    """
    if scenario.sweep is None:
        return None
    try:
        return check_plan(make_plan(scenario, SweepOptions()))[1]
    except StudyError as error:
        raise StudyError(f"sweep: {error.what}", error.remedy) from None


def check_few_cells(plan: Plan) -> None:
    """Refuse a sweep of too many runs at once, without making its settings' scenarios first.

    Raises:
        SweepTooLargeError: it is beyond `MOST_CELLS`.
    """
    if plan.cells > MOST_CELLS:
        each = estimate_size(plan.scenario).requests
        raise SweepTooLargeError(plan.cells, each * plan.cells)


def check_sweep_size(plan: Plan, size: SweepSize) -> None:
    """Refuse a sweep that is too large to be run without being asked for explicitly.

    Raises:
        SweepTooLargeError: it is beyond `MOST_CELLS` or `MOST_REQUESTS`.
        TooLargeError: a single run is.
    """
    check_few_cells(plan)
    if size.requests > MOST_REQUESTS:
        raise SweepTooLargeError(size.cells, size.requests)
    check_size(size.largest)
