"""Racing: bad settings get few replicates, good ones get all.

All entries of a batch are run a few times on the same luck; whoever is then beaten beyond
doubt is out, and the others are run on. So most of the work goes to the settings between which
it is hard to choose ("racing", Maron and Moore, 1994).
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.studies.tune.arena import Arena
from simcb.studies.tune.standings import Standings

FEWEST = 3
"""Replicates before anyone is sent home: fewer say nothing of how sure one is."""


def rungs(replicates: int) -> tuple[int, ...]:
    """Return after how many replicates the field is looked at, the full number last."""
    found = [replicates]
    while found[0] > FEWEST:
        found.insert(0, max(FEWEST, found[0] // 2))
    return tuple(found)


def race(arena: Arena, entries: Sequence[int], margin: float = 0.0) -> bool:
    """Run entries as far as each deserves; return false if it was stopped.

    Args:
        arena: where they are run.
        entries: who races, against each other and against all that were complete before.
        margin: the regret by which one may be behind and still stay in.
    """
    live = list(dict.fromkeys(entries))
    for replicates in rungs(arena.replicates):
        if not arena.run_everywhere(live, replicates):
            return False
        standings = Standings.of(arena)
        field = standings.with_count(replicates)
        if not field:
            return True
        live = [each for each in live if each in field]
        live = [each for each in live if not beaten(standings, each, replicates, margin)]
    return True


def beaten(standings: Standings, entry: int, replicates: int, margin: float = 0.0) -> bool:
    """Return whether an entry is worse than another by more than a margin, beyond doubt.

    With several aims it has to be worse than one and the same entry in all of them. Whoever
    surely misses a limit is beaten by anyone who keeps all.
    """
    leaders = [each for each in standings.front(replicates) if each != entry]
    if not leaders:
        return False
    if standings.surely_violates(entry, replicates):
        return True
    return any(
        all(lead.low is not None and lead.low > margin for lead in leads)
        for leads in (standings.leads(entry, other, replicates) for other in leaders)
    )
