"""What the steps of a tune have in common: its scenarios, what was run in them, and who runs it."""

from __future__ import annotations

from collections.abc import Callable

from simcb.studies.evaluation.backends import Backend
from simcb.studies.evaluation.contenders import unchanged, without_breaker
from simcb.studies.evaluation.dispatch import Lost
from simcb.studies.evaluation.evaluator import Changes, Evaluator, ResultCache, Tally
from simcb.studies.evaluation.store import Store
from simcb.studies.tune.contenders import Default, with_default
from simcb.studies.tune.losses import Filled, filled_in
from simcb.studies.tune.plan import TunePlan
from simcb.studies.tune.regret import Guard


class TuneContext:
    """The scenarios of a tune and who runs them; the evaluators of its steps are made here.

    Args:
        plan: what is to be done.
        store: where finished cells are kept; None keeps nothing.
        backend: returns who runs cells.
        stop: asked again and again whether to send out no more.
    """

    def __init__(
        self,
        plan: TunePlan,
        store: Store | None,
        backend: Callable[[], Backend],
        stop: Callable[[], bool],
    ) -> None:
        self.scenarios = plan.scenarios
        self._services = plan.services
        self.libraries = plan.options.libraries
        self._budget = plan.options.day_budget
        self._engine = plan.engine
        self._cache = ResultCache(store, [len(scenario.columns) for scenario in plan.scenarios])
        self._backend = backend
        self._stop = stop
        self._evaluators: list[Evaluator] = []

    def guard(self, reference: int | None) -> Guard | None:
        """Return what an ordinary day may lose beside a candidate without a breaker, if any."""
        days = any(each.is_day for each in self.scenarios)
        return Guard(reference, self._budget) if days and reference is not None else None

    def unchanged(self) -> Changes:
        """Return no changes: the scenarios as their files have them."""
        return tuple(unchanged(each.base) for each in self.scenarios)

    def without_breaker(self) -> Changes:
        """Return what switches off the breakers that are tuned, in each scenario."""
        return tuple(without_breaker(each.base, self._services) for each in self.scenarios)

    def with_default(self, default: Default) -> Changes:
        """Return what gives the breakers that are tuned a library's default."""
        return tuple(with_default(each.base, default, self._services) for each in self.scenarios)

    def evaluator(self, replicates: int, seed: int) -> Evaluator:
        """Return a new evaluator on the random streams of a seed."""
        found = Evaluator(
            [(scenario.base, scenario.columns) for scenario in self.scenarios],
            replicates=replicates,
            seed=seed,
            engine=self._engine,
            cache=self._cache,
            backend=self._backend,
            stop=self._stop,
        )
        self._evaluators.append(found)
        return found

    @property
    def lost(self) -> tuple[Lost, ...]:
        """The runs that could not be made."""
        return tuple(lost for each in self._evaluators for lost in each.lost)

    @property
    def filled(self) -> tuple[Filled, ...]:
        """Where aims had no number, over all evaluators."""
        found = []
        for place, scenario in enumerate(self.scenarios):
            for index, aim in enumerate(scenario.aims):
                each = [filled_in(one.tables[place], aim) for one in self._evaluators]
                filled = Filled(place, index, *(sum(counts) for counts in zip(*each, strict=True)))
                if filled.never or filled.undefined:
                    found.append(filled)
        return tuple(found)

    @property
    def tally(self) -> Tally:
        """How much work it was so far."""
        ran = sum(each.ran for each in self._evaluators)
        reused = sum(each.reused for each in self._evaluators)
        return Tally(ran, reused, self._cache.damaged)
