"""Laws of breakers: legal steps, whole lives, counts that agree, states that are obeyed."""

from __future__ import annotations

import math

import numpy as np

from simcb.metrics.laws.case import Case, Finding, LawCheck, agree, broken
from simcb.metrics.openings import StateInterval, state_intervals
from simcb.metrics.rows import Booleans
from simcb.trace import STATE_CODE, STATE_NAMES, AttemptOutcome

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
    for row, (at, breaker, before, after) in enumerate(case.trace.transitions.tolist()):
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
    rejected = case.is_outcome(AttemptOutcome.REJECTED)
    attempt_over, call_over = ~np.isnan(case.end), _call_is_over(case)
    admitted = 0
    counters = {int(row["breaker"]): row for row in case.trace.counters}
    for index, rows in case.by_breaker():
        info = layout.breakers[index]
        if layout.calls[info.call].by_code:
            continue  # What one of its calls is, only the code knows.
        own = counters.get(index)
        if own is None:
            return Finding(False, f"{info.name} has no counts")
        mine = rows[~rejected[rows]]
        granted, refused = len(mine), len(rows) - len(mine)
        if own["admitted"] != granted:
            return Finding(False, f"{info.name} admitted {own['admitted']}, the world {granted}")
        if own["rejected"] < refused or (info.replica < 0 and own["rejected"] != refused):
            return Finding(False, f"{info.name} rejected {own['rejected']}, the world {refused}")
        settled = int(own["successes"] + own["failures"] + own["ignored"] + own["stale"])
        if layout.calls[info.call].around == "request":
            least, most = int(np.sum(call_over[mine])), granted
        else:
            least = most = int(np.sum(attempt_over[mine]))
        if not least <= settled <= most:
            world = f"{least}" if least == most else f"{least} to {most}"
            return Finding(False, f"{info.name} settled {settled} permits, the world {world}")
        admitted += granted
    orphans = rejected & (case.trace.attempts["breaker"] < 0)
    return broken(orphans, "attempts rejected by no breaker", f"{admitted} attempts admitted")


def _call_is_over(case: Case) -> Booleans:
    """Return whether the call that each attempt is part of must be over.

    It is when the user's request has ended or the service that makes it has answered.
    """
    rows = case.trace.attempts
    of_client = rows["parent"] < 0
    if not len(rows):
        return of_client
    request_over = ~np.isnan(case.trace.requests["end"])[rows["request"]]
    answered = case.is_outcome(AttemptOutcome.OK, AttemptOutcome.ERROR)[rows["parent"]]
    over: Booleans = np.where(of_client, request_over, answered)
    return over


def _states_are_obeyed(case: Case) -> Finding:
    """Check that nothing passes an open breaker and nothing is turned away by a closed one.

    At the very moment of a change either may happen, before or after it.
    """
    rejected = case.is_outcome(AttemptOutcome.REJECTED)
    wrong = np.zeros(len(rejected), dtype=np.bool_)
    lives = state_intervals(case.trace)
    for index, mine in case.by_breaker():
        if case.trace.layout.calls[case.trace.layout.breakers[index].call].by_code:
            continue  # A permit of the code's may be for several attempts.
        changes = case.trace.transitions["at"][case.trace.transitions["breaker"] == index]
        state = _state_at(case.start[mine], lives[index], changes)
        wrong[mine] = np.where(
            rejected[mine], state == STATE_CODE["closed"], state == STATE_CODE["open"]
        )
    return broken(wrong, "attempts passed while open, or rejected while closed", "all obeyed")


def _state_at(
    moments: np.ndarray, life: tuple[StateInterval, ...], changes: np.ndarray
) -> np.ndarray:
    """Return the code of the state at each moment, -1 at a moment of change."""
    starts = np.array([interval.start for interval in life])
    codes = np.array([STATE_CODE[interval.state] for interval in life])
    place = np.searchsorted(starts, moments, side="right") - 1
    return np.where(np.isin(moments, changes), -1, codes[place])


CHECKS = (
    LawCheck("breakers only take legal steps", _steps_are_legal),
    LawCheck("times in the states add up to the run", _lives_are_complete),
    LawCheck("breakers' counts = the world's", _counts_agree),
    LawCheck("nothing passes an open breaker, a closed one rejects nothing", _states_are_obeyed),
)
