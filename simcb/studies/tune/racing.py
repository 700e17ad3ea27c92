"""The race: candidates are run as far as each deserves, and those that are beaten go no further."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np

from simcb.studies.evaluation.evaluator import Evaluator
from simcb.studies.tune.regret import Evaluation, Guard
from simcb.studies.tune.scenarios import TuneScenario, is_family

FAR, CLEARLY = 0.2, 0.05
"""The regret, beyond the margin, by which a mean is too far behind in a family of storms: of one
run, and of a few. Of all runs there may be it is the margin itself, as it is for who wins."""

FEWEST = 3
"""Replicates before any candidate is eliminated for sure: fewer say nothing of how sure one is."""


def rungs(replicates: int) -> tuple[int, ...]:
    """Return after how many replicates the field is looked at, the full number last."""
    found = [replicates]
    while found[0] > FEWEST:
        found.insert(0, max(FEWEST, found[0] // 2))
    return tuple(found)


def race(
    scenarios: tuple[TuneScenario, ...],
    evaluator: Evaluator,
    candidates: Sequence[int],
    margin: float = 0.0,
    guard: Guard | None = None,
    least: int = 0,
    beside: Collection[int] = (),
) -> bool:
    """Run candidates as far as each deserves; return false if it was stopped.

    In a family of storms one after the other is run, those first where the candidates that have
    been run everywhere lose most: a candidate is as bad as its worst storm, so one is enough to
    know. Whoever is far behind there after a single run goes no further; and who has lost least in
    the first storm is run in all others before anybody else, to be held against.

    Args:
        scenarios: the scenarios.
        evaluator: what runs them.
        candidates: who races, against each other and against all that were complete before.
        margin: the regret by which one may be behind and still stay in.
        guard: what an ordinary day may lose, if there is one.
        least: how many go on in any case, those that keep what has to hold and lose least.
        beside: candidates that eliminate nobody.
    """
    live = list(dict.fromkeys(candidates))
    before = Evaluation.of(scenarios, evaluator, guard)
    full = evaluator.replicates
    looks = rungs(full)
    looks = (1, *looks) if is_family(scenarios) else looks

    def remaining(replicates: int) -> list[int]:
        evaluation = Evaluation.of(scenarios, evaluator, guard)
        # What could not be run there goes no further.
        able = [each for each in live if (evaluation.ran[each, places] >= replicates).all()]
        field = [each for each in able if not beaten(evaluation, each, replicates, margin, beside)]
        if len(field) < least:
            worst = {each: evaluation.worst(each, replicates) for each in able}
            able.sort(key=lambda each: (not evaluation.feasible[each], worst[each], each))
            field = able[:least]
        return field

    first, *others = in_turn(before, full)
    for places in (first, *others):
        for replicates in looks:
            if not evaluator.run_in(places, live, replicates):
                return False
            live = remaining(replicates)
        if places is first and others and len(live) > 1:
            evaluation = Evaluation.of(scenarios, evaluator, guard)
            lost = {
                each: evaluation.regrets(each, full)[:, places].mean(axis=(1, 2)).max()
                for each in {*live, *evaluation.complete} - set(beside)
            }
            ahead = min(live, key=lambda each: (lost[each], each))
            if all(lost[each] > lost[ahead] + margin for each in lost if each in before.complete):
                if not evaluator.run_in(range(len(scenarios)), [ahead], full):
                    return False
                live = remaining(full)
    return True


def in_turn(evaluation: Evaluation, replicates: int) -> list[list[int]]:
    """Return which scenarios are run at the same time, in their order.

    Those of a family come one by one, first where those that were run everywhere lose most.
    """
    places = list(range(len(evaluation.scenarios)))
    known = evaluation.with_count(replicates)
    if not known or not is_family(evaluation.scenarios):
        return [places]
    regrets = [evaluation.regrets(each, replicates).mean(axis=(0, 2)) for each in known]
    means = np.nan_to_num(np.mean(regrets, axis=0), nan=-1.0)
    return [[place] for place in sorted(places, key=lambda place: (-means[place], place))]


def beaten(
    evaluation: Evaluation,
    candidate: int,
    replicates: int,
    margin: float = 0.0,
    beside: Collection[int] = (),
) -> bool:
    """Return whether a candidate is worse than another by more than a margin, beyond doubt.

    In a family, whose storms are many runs, a mean that is `FAR` or `CLEARLY` worse is enough,
    and at last one that is worse at all.

    With several aims it has to be worse than one and the same candidate in all of them. One that
    surely misses a limit is beaten by any that keeps all.
    """
    among = [each for each in evaluation.with_count(replicates) if each not in beside]
    leaders = [each for each in evaluation.front(replicates, among) if each != candidate]
    if not leaders:
        return False
    if evaluation.surely_violates(candidate, replicates):
        return True
    enough = math.inf
    if is_family(evaluation.scenarios):
        full = replicates == evaluation.losses.shape[3]
        enough = margin + (0.0 if full else CLEARLY if replicates >= FEWEST else FAR)
    return any(
        all(
            (lead.low is not None and lead.low > margin)
            or (lead.mean is not None and lead.mean > enough)
            for lead in leads
        )
        for leads in (evaluation.leads(candidate, other, replicates) for other in leaders)
    )
