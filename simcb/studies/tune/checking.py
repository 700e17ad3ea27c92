"""Checking: the winner on luck that nobody was tuned on, beside what it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simcb.metrics import difference, judge
from simcb.scenario import Scenario
from simcb.studies.sweep.objective import Better
from simcb.studies.tune.arena import Arena, Contest, Wanted
from simcb.studies.tune.contenders import (
    DEFAULTS,
    NO_BREAKER,
    YOURS,
    unchanged,
    with_default,
    without_breaker,
)
from simcb.studies.tune.result import Check, Contender, InStorm
from simcb.studies.tune.standings import Standings, judged

WINNER = ""
"""The name under which the winner stands among the contenders."""

Maker = Callable[[Scenario], Mapping[str, object]]


def check(
    contest: Contest,
    searched: Arena,
    known: Standings,
    winner: int,
    *,
    replicates: int,
    seed: int,
    taken: Callable[[], None],
) -> tuple[bool, Check | None]:
    """Run the winner and the others on the luck of another seed.

    The best setting found for each storm alone runs there, too: it is what regret is measured
    against.

    Args:
        contest: the storms.
        searched: where the winner was found.
        known: how the entries stood there.
        winner: its entry there.
        replicates: runs of each contender in each storm.
        seed: names the luck.
        taken: called whenever runs have come back.

    Returns:
        Whether it came to its end, and the check if it did.
    """
    arena = contest.arena(replicates, seed)
    arena.taken = taken
    entries = {WINNER: arena.enter(searched.changes(winner))}
    for name, maker in _others():
        changes = tuple(maker(storm.scenario) for storm in contest.storms)
        # Who changes nothing is you, and is among them already.
        if name == YOURS or any(changes):
            entries[name] = arena.enter(changes)
    wanted = [
        Wanted(arena.enter(searched.changes(int(entry))), storm, replicates)
        for standards in known.standards(searched.replicates)
        for storm, entry in enumerate(standards)
    ]
    storms = range(len(contest.storms))
    wanted += [Wanted(entry, storm, replicates) for entry in entries.values() for storm in storms]
    if not arena.run(wanted):
        return False, None
    standings = Standings.of(arena)
    if standings.counts[entries[WINNER]] < replicates:
        return True, None
    contenders = [
        _contender(name, entry, entries[WINNER], arena, standings)
        for name, entry in entries.items()
        if standings.counts[entry] == replicates
    ]
    return True, Check(seed, replicates, tuple(contenders))


def _others() -> list[tuple[str, Maker]]:
    defaults: list[tuple[str, Maker]] = [
        (each.name, lambda scenario, each=each: with_default(scenario, each))  # type: ignore[misc]
        for each in DEFAULTS
    ]
    return [(YOURS, unchanged), (NO_BREAKER, without_breaker), *defaults]


def _contender(name: str, entry: int, winner: int, arena: Arena, standings: Standings) -> Contender:
    count = arena.replicates
    return Contender(
        name=name,
        worst=standings.worst_estimates(entry, count),
        behind=None if name == WINNER else standings.leads(entry, winner, count),
        storms=tuple(
            _in_storm(name, entry, winner, arena, standings, storm)
            for storm in range(len(arena.storms))
        ),
        differs=next((each.differs for each in DEFAULTS if each.name == name), ""),
    )


def _in_storm(
    name: str, entry: int, winner: int, arena: Arena, standings: Standings, place: int
) -> InStorm:
    storm, table = arena.storms[place], arena.tables[place]
    outcome = arena.outcome(entry, place)
    behind = []
    for aim in storm.aims:
        ours, theirs = table.series(winner, aim), table.series(entry, aim)
        turned = (theirs, ours) if aim.better is Better.HIGHER else (ours, theirs)
        behind.append(difference(*turned))
    return InStorm(
        aims=tuple(table.estimate(entry, aim) for aim in storm.aims),
        regret=standings.regret_estimates(entry, place, arena.replicates),
        behind=None if name == WINNER else tuple(behind),
        verdicts=outcome.verdicts,
        thresholds=judge(storm.scenario.thresholds, outcome),
        limits=judged(arena, entry, place),
    )
