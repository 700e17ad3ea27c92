"""The search: which settings to try next, given what is known of those tried before.

It starts with a Latin hypercube and, if more is to be tried, goes on with Optuna's tree-structured
Parzen estimator.
Each proposal is made anew from the whole history, which is all the state there is: so it
depends on the history, the seed and how many settings are asked for, and on nothing else.
Optuna is a guest of this module alone.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simcb.errors import MissingExtraError
from simcb.scenario.axes import Axis, Span
from simcb.scenario.units import Measuring, Value, quantity_of
from simcb.studies.evaluation.settings import Setting, check_axes, sampled

EXTRA = "tune"
"""The extra of simcb that brings Optuna."""

STARTS = 2
"""Batches that cover the space evenly before anything is learnt from them."""

PATIENCE = 4
"""Proposals for each setting wanted, before a space counts as exhausted."""


@dataclass(frozen=True)
class Tried:
    """A setting that has been tried.

    Args:
        setting: its values.
        losses: its worst regret for each aim.
        violation: by how much it misses the limits; 0 if it keeps them.
    """

    setting: Setting
    losses: tuple[float, ...]
    violation: float


def starting(axes: Sequence[Axis], batch: int, seed: int) -> tuple[Setting, ...]:
    """Return the settings that a search begins with, spread evenly over the space.

    A small space has fewer than two batches.

    Raises:
        StudyError: the space makes no sense.
    """
    check_axes(axes, seed)
    return sampled(axes, STARTS * batch, seed)


class Search:
    """A search in a space.

    Args:
        axes: the space: ranges, or lists of values.
        aims: how many numbers are to be small.
        batch: how many settings are tried at a time.
        seed: random seed of the proposals.
        learns: whether more is tried than the settings that it begins with.

    Raises:
        MissingExtraError: it learns, and Optuna is not installed.
        StudyError: the space makes no sense.
    """

    def __init__(
        self, axes: Sequence[Axis], aims: int, batch: int, seed: int, *, learns: bool = True
    ) -> None:
        self._optuna: Any = _library() if learns else None
        self._axes = tuple(axes)
        self._aims = aims
        self._batch = batch
        self._seed = seed
        self._starts = starting(self._axes, batch, seed)

    def propose(self, history: Sequence[Tried]) -> tuple[Setting, ...]:
        """Return up to a batch of settings that are not in the history; none if none are left."""
        seen = {each.setting for each in history}
        fresh = [each for each in self._starts if each not in seen][: self._batch]
        return tuple(fresh or self._learnt(history, seen))

    def _learnt(self, history: Sequence[Tried], seen: set[Setting]) -> list[Setting]:
        fresh: dict[Setting, None] = {}
        if self._optuna is not None:
            distributions = {axis.path: self._distribution(axis) for axis in self._axes}
            with _in_peace():
                study = self._study(history, distributions)
                for _ in range(PATIENCE * self._batch):
                    setting = self._setting(study.ask(distributions).params)
                    if setting not in seen:
                        fresh[setting] = None
                    if len(fresh) == self._batch:
                        break
        # Where the model keeps to what it knows, chance looks elsewhere.
        stream = random.Random(f"simcb tune/{self._seed}/{len(history)}")
        for _ in range(PATIENCE * self._batch):
            if len(fresh) == self._batch:
                break
            setting = Setting(tuple(_drawn(axis, stream) for axis in self._axes))
            if setting not in seen:
                fresh[setting] = None
        return list(fresh)

    def _study(self, history: Sequence[Tried], distributions: dict[str, Any]) -> Any:
        """Return an Optuna study that knows the history and nothing else."""
        optuna = self._optuna
        stream = random.Random(f"simcb tune sampler/{self._seed}/{len(history)}")
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=1, multivariate=True, seed=stream.randrange(2**32)
        )
        study = optuna.create_study(sampler=sampler, directions=["minimize"] * self._aims)
        for each in history:
            study.add_trial(
                optuna.trial.create_trial(
                    params=self._parameters(each.setting),
                    distributions=distributions,
                    values=list(each.losses),
                    constraints={"limits": each.violation},
                )
            )
        return study

    def _distribution(self, axis: Axis) -> Any:
        kinds = self._optuna.distributions
        span = axis.span
        if axis.values:
            # Numbers in their order have neighbours; words have none.
            if axis.numbers is not None and list(axis.numbers) == sorted(axis.numbers):
                return kinds.IntDistribution(0, len(axis.values) - 1)
            return kinds.CategoricalDistribution(list(range(len(axis.values))))
        assert span is not None
        if span.measuring is Measuring.INTEGER:
            return kinds.IntDistribution(round(span.low), round(span.high), log=span.log)
        return kinds.FloatDistribution(span.low, span.high, log=span.log)

    def _setting(self, parameters: dict[str, float]) -> Setting:
        return Setting(tuple(_value(axis, parameters[axis.path]) for axis in self._axes))

    def _parameters(self, setting: Setting) -> dict[str, float]:
        pairs = zip(self._axes, setting.values, strict=True)
        return {axis.path: _parameter(axis, value) for axis, value in pairs}


def _value(axis: Axis, number: float) -> Value:
    """Return the value that a parameter of Optuna's stands for."""
    if axis.values:
        return axis.values[int(number)]
    assert axis.span is not None
    return axis.span.nearest(number)


def _parameter(axis: Axis, value: Value) -> float:
    if axis.values:
        return axis.values.index(value)
    quantity = quantity_of(value)
    assert quantity is not None
    assert axis.span is not None
    number = min(max(quantity.number, axis.span.low), axis.span.high)
    return round(number) if axis.span.measuring is Measuring.INTEGER else number


def _drawn(axis: Axis, stream: random.Random) -> Value:
    if axis.values:
        return axis.values[stream.randrange(len(axis.values))]
    assert isinstance(axis.span, Span)
    return axis.span.at(stream.random())


def _library() -> Any:
    # Optuna has types for some of what it does. In a notebook it warns of bars it cannot draw.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import optuna  # type: ignore[import, unused-ignore]
    except ImportError:
        raise MissingExtraError("optuna", EXTRA) from None
    return optuna


@contextmanager
def _in_peace() -> Iterator[None]:
    """Keep Optuna's notes of every study, and its warnings of what may change, to itself."""
    optuna = _library()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
