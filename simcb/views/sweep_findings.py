"""What a sweep comes to, in sentences: the best setting, and what it cannot be told from.

A range says that all settings within it are as good: a box is named only if no other setting
lies inside. If they do not fill one, they are named by several, the best setting's first.
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.metrics import Estimate
from simcb.studies.sweep import TOLERANCE, Ranked, SweepResult, tolerance
from simcb.views.quantities import interval, quantity
from simcb.views.sweep_data import texts_of
from simcb.views.sweep_edges import edges
from simcb.views.sweep_regions import regions

_NO_MATTER = "what is varied does not matter for this"
_ARE = ("is no policy but the world", "are no policies but the world")

MOST_WORLDS = 8
"""Worlds whose best setting is named."""


def findings(result: SweepResult) -> tuple[str, ...]:
    """Return the best setting, and where those are that cannot be told from it, line by line.

    Where there is no one best, the first line says why, and what the settings come to.
    """
    if not result.known:
        return (f"no setting has a value of {result.objective}",)
    known = sum(each.estimate.n > 0 for each in result.ranking)
    best = result.best
    if best is not None:
        lines = [best_line(result, best), *beside(result, best), *_apart(result, result.ranking)]
        lines += edges(result, best)
    elif result.bests:
        lines = _best_of_each(result)
    else:
        lines = [f"no best: {why_none(result)}", _from_to(result), *_not_failing(result)]
    if known < len(result):
        lines.append(f"{len(result) - known} of {len(result)} settings have no value of it")
    return tuple(lines)


def why_none(result: SweepResult) -> str:
    """Say why a sweep has no best setting, one for all or one for each world."""
    given = [
        label for label, policy in zip(result.labels, result.policies, strict=True) if not policy
    ]
    names = " and ".join(given)
    if len(given) == len(result.axes):
        return f"{names} {_ARE[len(given) > 1]}, so nothing is ranked"
    if all(result.failures):
        causes = dict.fromkeys(failure for failure in result.failures if failure)
        return f"every setting {' or '.join(causes)}"
    if given:
        return f"{names} {_ARE[len(given) > 1]}, and no two settings to compare share it"
    return f"no setting that answers anything has a value of {result.objective}"


def _from_to(result: SweepResult) -> str:
    """Say between which values the objective lies, and in which settings."""
    means = {each.setting: each for each in result.ranking if each.estimate.mean is not None}
    if not means:
        return f"{result.objective} is undecided between never and -never"
    numbers = {setting: each.estimate.mean or 0.0 for setting, each in means.items()}
    ends = [means[pick(numbers, key=numbers.__getitem__)] for pick in (min, max)]
    # In the settings' order, a curve rises or falls.
    ends.sort(key=lambda each: each.setting)
    words = [f"{written(each.estimate, result)} at {_named(result, each.setting)}" for each in ends]
    return f"{result.objective} {' to '.join(dict.fromkeys(words))}"


def best_line(result: SweepResult, best: Ranked) -> str:
    """Return the best setting of all, or of its world, in a line."""
    world = ", ".join(map(str, result.world_of(best.setting)))
    head = f"best for {world}" if world else "best"
    return f"{head}: {_named(result, best.setting)}: {_worth(best, result)}"


def _best_of_each(result: SweepResult) -> list[str]:
    """Say which setting is the best in each world, line by line."""
    split = list(zip(result.labels, result.policies, strict=True))
    chosen = [label for label, policy in split if policy]
    given = [label for label, policy in split if not policy]
    lines = [f"best for each {' and '.join(given)}, which {_ARE[len(given) > 1]}:"]
    for best in result.bests[:MOST_WORLDS]:
        world = result.world_of(best.setting)
        rivals = [each for each in result.ranking if result.world_of(each.setting) == world]
        more = [*beside(result, best), *_apart(result, rivals, short=True)]
        lines.append(
            f"{', '.join(map(str, world))}: {_named(result, best.setting, chosen)}: "
            + "; ".join([_worth(best, result), *more])
        )
    left = len(result.bests) - MOST_WORLDS
    if left > 0:
        lines.append(f"and {left} more; --format csv has all")
    worlds = {result.world_of(number) for number in range(len(result))}
    if len(result.bests) < len(worlds):
        lines.append(
            f"none for {len(worlds) - len(result.bests)} others, where every setting fails"
        )
    return lines


def _apart(result: SweepResult, rivals: Sequence[Ranked], *, short: bool = False) -> list[str]:
    """Say which of the settings that meet one world can be told from the best of them."""
    tied = [each for each in rivals if each.tied]
    known = sum(each.estimate.n > 0 for each in rivals)
    if known < 2:
        return []
    if result.replicates == 1:
        return ["one replicate tells nothing of how sure this is; give --replicates 10"]
    if len(tied) == known:
        return [_none_apart(result, tied)]
    if len(tied) == 1:
        return ["every other setting can be told from it"]
    head = f"{len(tied)} of {known} settings cannot be told from it within {TOLERANCE:.0%}"
    if short:
        return [head]
    where = regions(result, tied)
    return [f"{head}: {where[0]}"] if len(where) == 1 else [f"{head}:", *where]


def beside(result: SweepResult, best: Ranked) -> list[str]:
    """Say what the best setting of a world is not better than: your own, or no breaker."""
    if result.replicates == 1:
        return []
    least = tolerance(best.estimate, result.objective)
    said: dict[str, list[str]] = {}
    for each in result.standings:
        if each.world != result.world_of(best.setting) or not (each.tied or each.better):
            continue
        if each.same_as == best.setting:
            how = "the same"
        elif each.better:
            how = "better"
        elif each.behind and (_within(each.behind, least)):
            how = "as good"
        else:
            how = ""
        said.setdefault(how, []).append(each.name)
    return [
        f"{' and '.join(names)} "
        + (f"{'are' if len(names) > 1 else 'is'} {how}" if how else "cannot be told from it")
        for how, names in said.items()
    ]


def outdone(result: SweepResult) -> str:
    """Say what is better than the best setting of its world, and what it comes to; "" if nothing.

    A picture has only settings: that a ring is around the best of them is not all there is.
    """
    found = []
    for each in result.standings:
        if each.better and result.replicates > 1:
            world = f" for {', '.join(map(str, each.world))}" if each.world else ""
            found.append(f"{each.name}{world}, {written(each.estimate, result)}")
    return f"better than the best setting: {'; '.join(found)}" if found else ""


def _within(behind: Estimate, least: float) -> bool:
    """Return whether a difference is shown to be no more than so much."""
    same = behind.alike == behind.n
    ends = (behind.mean,) if same else (behind.low, behind.high)
    return all(end is not None and abs(end) <= least for end in ends)


def _not_failing(result: SweepResult) -> list[str]:
    """Say what does not fail where every setting does."""
    if not all(result.failures):
        return []
    return [
        f"{each.name} does not: {result.objective} {written(each.estimate, result)}"
        for each in result.standings
        if each.outcome.runs and not each.outcome.failure
    ]


def _named(result: SweepResult, setting: int, labels: Sequence[str] | None = None) -> str:
    """Write a setting's values on all axes, or on some, with their names."""
    return ", ".join(
        f"{label} = {texts[setting]}"
        for label, texts in zip(result.labels, texts_of(result, 60), strict=True)
        if labels is None or label in labels
    )


def _worth(each: Ranked, result: SweepResult) -> str:
    return f"{result.objective} {written(each.estimate, result)}"


def _none_apart(result: SweepResult, tied: Sequence[Ranked]) -> str:
    """Say why no setting can be told from the best: because none differs, or nobody knows."""
    numbers = [each.setting for each in tied]
    if len({result.table.series(number, result.objective) for number in numbers}) == 1:
        return f"no setting differs from it in any replicate: {_NO_MATTER}"
    never = [each.estimate.never for each in tied]
    behind = [each.behind for each in tied if each.behind is not None]
    ends = [abs(end) for each in behind for end in (each.low, each.high) if end is not None]
    if max(never) > min(never) or len(ends) < 2 * len(behind):
        differ = f"never in {min(never)} to {max(never)} of {result.replicates} replicates"
    elif max(ends) <= tolerance(tied[0].estimate, result.objective):
        return f"no setting differs from it by {TOLERANCE:.0%}: {_NO_MATTER}"
    else:
        differ = f"differences up to {quantity(max(ends), result.objective.unit)}"
    return f"too few replicates to tell them apart ({differ})"


def written(found: Estimate, result: SweepResult) -> str:
    """Write the objective of a setting, with its interval."""
    unit = result.objective.unit
    if not found.never:
        return interval(found.mean, found.low, found.high, unit)
    others = f", else {quantity(found.finite, unit)}" if found.finite is not None else ""
    return f"never in {found.never}{others}"
