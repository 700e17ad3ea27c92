"""Laws of breakers: legal steps, whole lives, counts that agree, states that are obeyed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simcb.metrics.laws.case import Broken, Case, Finding, LawCheck, agree, groups
from simcb.metrics.openings import state_intervals
from simcb.metrics.rows import AttemptRows, Booleans
from simcb.metrics.spans import Floats, Integers
from simcb.trace import STATE_CODE, STATE_NAMES, AttemptOutcome, pieces

_CLOSED, _OPEN = STATE_CODE["closed"], STATE_CODE["open"]

_LEGAL = {
    ("closed", "open"),
    ("open", "half_open"),
    ("half_open", "closed"),
    ("half_open", "open"),
    # Somebody closes an open breaker by hand.
    ("open", "closed"),
}


def _steps_are_legal(case: Case) -> Finding:
    state = [STATE_CODE["closed"]] * len(case.trace.layout.breakers)
    latest = 0.0
    for row, (at, breaker, before, after) in _transitions(case):
        where = f"transition {row} at {at!r} s"
        if not 0.0 <= at <= case.trace.duration or at < latest:
            return Finding(False, f"{where} is out of order")
        step = (STATE_NAMES[before], STATE_NAMES[after])
        if before != state[breaker]:
            was = STATE_NAMES[state[breaker]]
            return Finding(False, f"{where} leaves {step[0]}, but the breaker was {was}")
        if step not in _LEGAL:
            return Finding(False, f"{where} goes from {step[0]} to {step[1]}")
        latest, state[breaker] = at, after
    return Finding(True, f"{len(case.trace.transitions)} transitions")


def _transitions(case: Case) -> Iterator[tuple[int, tuple[float, int, int, int]]]:
    """Yield each transition with its row."""
    for first, rows in pieces(case.trace.transitions):
        yield from enumerate(rows.tolist(), first)


def _lives_are_complete(case: Case) -> Finding:
    names = [breaker.name for breaker in case.trace.layout.breakers]
    lives = state_intervals(case.trace)
    pairs = []
    for name, life in zip(names, lives, strict=True):
        lasts = math.fsum(interval.end - interval.start for interval in life)
        pairs.append((name, lasts, case.trace.duration))
    return agree(pairs, " s") if pairs else Finding(True, "no breakers")


def _counts_agree(case: Case) -> Finding:
    """Compare each breaker's own counts with the attempts that carry its index.

    A caller with one breaker for each replica asks them in turn and writes down the last, so
    such a breaker may have turned away more attempts than name it. A permit is settled when
    the attempt ends; that of a breaker around requests when the last of its attempts has, so
    there the count lies between the calls that must be over and those that began.
    """
    layout = case.trace.layout
    names = ("granted", "refused", "over", "call over")
    world = {name: np.zeros(len(layout.breakers), np.int64) for name in names}
    orphans = Broken()
    for part in case.attempts():
        rejected = part.are(AttemptOutcome.REJECTED)
        asked = part.breaker >= 0
        orphans.add(rejected & ~asked, part.first)
        admitted = asked & ~rejected
        kinds = (
            admitted,
            asked & rejected,
            admitted & ~np.isnan(part.end),
            admitted & _call_is_over(part),
        )
        for counts, rows in zip(world.values(), kinds, strict=True):
            counts += np.bincount(part.breaker[rows], minlength=len(counts))
    own_counts = {int(row["breaker"]): row for row in case.trace.counters}
    total = 0
    for index, info in enumerate(layout.breakers):
        if layout.calls[info.call].by_code:
            continue  # What one of its calls is, only the code knows.
        own = own_counts.get(index)
        if own is None:
            return Finding(False, f"{info.name} has no counts")
        granted, refused, over, call_over = (int(counts[index]) for counts in world.values())
        if own["admitted"] != granted:
            return Finding(False, f"{info.name} admitted {own['admitted']}, the world {granted}")
        if own["rejected"] < refused or (info.replica < 0 and own["rejected"] != refused):
            return Finding(False, f"{info.name} rejected {own['rejected']}, the world {refused}")
        settled = int(own["successes"] + own["failures"] + own["ignored"] + own["stale"])
        by_request = layout.calls[info.call].around == "request"
        least, most = (call_over, granted) if by_request else (over, over)
        if not least <= settled <= most:
            span = f"{least}" if least == most else f"{least} to {most}"
            return Finding(False, f"{info.name} settled {settled} permits, the world {span}")
        total += granted
    return orphans.finding("attempts rejected by no breaker", f"{total} attempts admitted")


def _call_is_over(part: AttemptRows) -> Booleans:
    """Return whether the call that each attempt is part of must be over.

    It is when the user's request has ended or the service that makes it has answered.
    """
    over: Booleans = ~np.isnan(part.trace.requests["end"][part.rows["request"]])
    over[part.children] = part.parents.are(AttemptOutcome.OK, AttemptOutcome.ERROR)
    return over


def _states_are_obeyed(case: Case) -> Finding:
    """Check that nothing passes an open breaker and nothing is turned away by a closed one.

    At the very moment of a change either may happen, before or after it.
    """
    layout, lives, broken = case.trace.layout, _lives(case), Broken()
    # A permit of the code's may be for several attempts.
    by_code = [layout.calls[each.call].by_code for each in layout.breakers]
    for part in case.attempts():
        rejected = part.are(AttemptOutcome.REJECTED)
        wrong = np.zeros(len(rejected), dtype=np.bool_)
        for index, mine in groups(part.breaker, np.flatnonzero(part.breaker >= 0)):
            if not by_code[index]:
                state = lives[index].state_at(part.start[mine])
                wrong[mine] = state == np.where(rejected[mine], _CLOSED, _OPEN)
        broken.add(wrong, part.first)
    return broken.finding("attempts passed while open, or rejected while closed", "all obeyed")


@dataclass(frozen=True, eq=False)
class _Life:
    """The states of one breaker.

    Args:
        starts: when it entered each, from 0 on.
        codes: which they are.
        changes: the moments at which it changed, ascending, also twice.
    """

    starts: Floats
    codes: Integers
    changes: Floats

    def state_at(self, moments: Floats) -> Integers:
        """Return the code of the state at each moment, -1 at a moment of change."""
        place = np.searchsorted(self.starts, moments, side="right") - 1
        changed = np.searchsorted(self.changes, moments, side="right")
        changing = changed != np.searchsorted(self.changes, moments)
        return np.where(changing, -1, self.codes[place])


def _lives(case: Case) -> list[_Life]:
    """Return the states of every breaker."""
    rows = case.trace.transitions
    by_breaker = dict(groups(rows["breaker"], np.arange(len(rows))))
    return [
        _Life(
            starts=np.array([each.start for each in life]),
            codes=np.array([STATE_CODE[each.state] for each in life]),
            changes=np.sort(rows["at"][by_breaker.get(index, np.empty(0, np.int64))]),
        )
        for index, life in enumerate(state_intervals(case.trace))
    ]


CHECKS = (
    LawCheck("breakers only take legal steps", _steps_are_legal),
    LawCheck("times in the states add up to the run", _lives_are_complete),
    LawCheck("breakers' counts = the world's", _counts_agree),
    LawCheck("nothing passes an open breaker, a closed one rejects nothing", _states_are_obeyed),
)
