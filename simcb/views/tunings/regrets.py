"""Regrets as people read them: percent where they are relative, else in the aim's own unit."""

from __future__ import annotations

from dataclasses import dataclass

from simcb.metrics import Estimate, Unit
from simcb.studies.sweep.objective import Better
from simcb.studies.tune import TuneResult, is_until
from simcb.views.tables.quantities import difference, interval

IN_POINTS = "in points"
"""Of shares a regret is a difference, not a part of the best."""


@dataclass(frozen=True)
class Reading:
    """How the regrets of an aim are to be read.

    Args:
        name: the aim, after `of`.
        factor: what makes a number of `unit` of a regret.
        unit: the unit it is then in.
        share: what a regret is a share of, as words, or "" if of nothing.
    """

    name: str
    factor: float
    unit: Unit
    share: str

    def words(self, found: Estimate) -> str:
        """Return a regret with its interval: `3.1 ±0.4%`, `3.1 ±0.4 pp`, `12.1 ±1.4 s`."""
        return self._written(found.mean, found.low, found.high)

    def amount(self, regret: float | None) -> str:
        """Return a regret alone: `3.1%`, `12.1 s`."""
        return self._written(regret, None, None)

    def _written(self, *numbers: float | None) -> str:
        mean, low, high = (None if each is None else each * self.factor for each in numbers)
        write = difference if self.share == IN_POINTS else interval
        return write(mean, low, high, self.unit)

    @property
    def drawn(self) -> float:
        """What to multiply a regret with to draw it."""
        return 100.0 if self.unit is Unit.SHARE else self.factor

    @property
    def mark(self) -> str:
        """The unit beside an axis: ` (%)`, ` (s)`, or nothing."""
        return {Unit.SHARE: " (%)", Unit.SECONDS: " (s)"}.get(self.unit, "")


def readings(result: TuneResult) -> tuple[Reading, ...]:
    """Return how each aim's regrets are to be read.

    Of times until something happens a regret is a share of the storm's duration: where all
    storms last equally long that is a number of seconds.
    """
    first, *others = dict.fromkeys(storm.scenario.duration for storm in result.storms)
    found = []
    for aim in result.aims:
        name = str(aim)
        if is_until(aim) and not others:
            found.append(Reading(name, first, Unit.SECONDS, ""))
        elif is_until(aim):
            found.append(Reading(f"the duration in {name}", 1.0, Unit.SHARE, "of the duration"))
        elif aim.unit in (Unit.COUNT, Unit.RATIO):
            found.append(Reading(name, 1.0, aim.unit, ""))
        elif aim.unit is Unit.SHARE:
            found.append(Reading(name, 1.0, Unit.SHARE, IN_POINTS))
        else:
            least = "" if aim.better is Better.HIGHER else ", or to what is usual if that is more"
            found.append(Reading(name, 1.0, Unit.SHARE, f"relative to it{least}"))
    return tuple(found)


def explained(result: TuneResult) -> str:
    """Return what a regret is, in a line."""
    pairs = zip(result.aims, readings(result), strict=True)
    alone = len(result.aims) == 1
    shares = [each.share if alone else f"{aim} {each.share}" for aim, each in pairs if each.share]
    how = f" ({'; '.join(shares)})" if shares else ""
    return (
        f"regret: what is lost to the best setting known for a scenario alone{how}; "
        "behind: how much more than the best loses"
    )
