"""What a sweep shows beside its settings: the file's own setting, and no breaker, in each world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcb.scenario import Scenario
from simcb.scenario.axes import Axis, to_plain
from simcb.studies.evaluation.contenders import NO_BREAKER, YOURS, unchanged, without_breaker
from simcb.studies.evaluation.settings import Setting, applied, policies
from simcb.studies.sweep.ranking import World, world_of

_MAKERS = ((YOURS, unchanged), (NO_BREAKER, without_breaker))


@dataclass(frozen=True)
class Contender:
    """What the settings of a world are held against.

    Args:
        name: `yours` or `no breaker`.
        world: the world it meets.
        changes: what it changes in the base scenario.
    """

    name: str
    world: World
    changes: Mapping[str, object]


def contenders_of(
    base: Scenario, axes: Sequence[Axis], settings: Sequence[Setting]
) -> tuple[Contender, ...]:
    """Return the contenders of each world in which settings are ranked.

    None where only the world is varied. Without a breaker in the file there is only your own.

    Raises:
        StudyError: the scenario refuses a world.
    """
    chosen = policies(base, axes)
    if not any(chosen):
        return ()
    worlds = Counter(world_of(setting, chosen) for setting in settings)
    found = []
    for world, count in worlds.items():
        if count == 1 and len(worlds) > 1:
            continue
        given = (axis.path for axis, policy in zip(axes, chosen, strict=True) if not policy)
        met = {path: to_plain(value) for path, value in zip(given, world, strict=True)}
        scenario = applied(base, met)
        for name, make in _MAKERS:
            changes = make(scenario)
            if changes or name == YOURS:
                found.append(Contender(name, world, met | changes))
    return tuple(found)
