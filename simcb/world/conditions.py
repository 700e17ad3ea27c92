"""Faults as functions of the clock: what is wrong with a replica at a moment.

Nothing is accumulated. A spell knows from the time alone how strong it is; a replica asks
which of its spells are active and applies them in file order to the attempt at hand. So
overlapping faults cannot leave anything behind when they end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf
from typing import NamedTuple

from simcb.scenario.faults import (
    Capacity,
    Cold,
    Errors,
    Fault,
    Hang,
    Latency,
    Loss,
    Pause,
    Refuse,
    Restart,
    Surge,
)

_CAPACITY_STEPS = 64
"""Steps in which a ramping capacity fault takes workers away or gives them back."""


@dataclass(frozen=True, eq=False)
class Spell:
    """One window of a fault in time.

    Args:
        label: the fault's unique name, which also names its stream of lots.
        fault: the fault as the file has it.
        start, end: seconds; active while start <= t < end.
    """

    label: str
    fault: Fault
    start: float
    end: float

    @cached_property
    def caller(self) -> str | None:
        """The caller whose attempts alone are struck, or None if every caller's are."""
        return None if self.fault.link is None else self.fault.link[0]

    @property
    def corners(self) -> tuple[float, ...]:
        """The moments at which the strength's course changes."""
        ramp = self.fault.ramp
        if ramp == 0:
            return (self.start, self.end)
        return (self.start, self.start + ramp, self.end - ramp, self.end)

    def is_ramping(self, t: float) -> bool:
        """Tell whether the strength is changing at `t`."""
        ramp = self.fault.ramp
        return self.start <= t < self.start + ramp or self.end - ramp <= t < self.end

    def strength(self, t: float) -> float:
        """Return how much of the fault is in force at `t`, from 0 to 1."""
        if not self.start <= t < self.end:
            return 0.0
        ramp = self.fault.ramp
        if ramp == 0:
            return 1.0
        return min(1.0, (t - self.start) / ramp, (self.end - t) / ramp)

    @cached_property
    def fault_factor(self) -> float:
        """What the fault at full strength multiplies a rate or a number of workers by."""
        return self.fault.times if isinstance(self.fault, Surge | Capacity) else 1.0

    def factor_at(self, t: float, inside: float) -> float:
        """Return the factor at `t`, an edge of a stretch that contains `inside`."""
        ramp = self.fault.ramp
        if ramp == 0:
            return self.fault_factor
        within = min(1.0, (t - self.start) / ramp, (self.end - t) / ramp)
        return 1.0 + within * (self.fault_factor - 1.0)


def spells_of(labelled: Iterable[tuple[str, Fault]], until: float) -> tuple[Spell, ...]:
    """Return the faults' windows that begin before `until`, in file order.

    A window of no length, or one that strikes nobody, never happens.
    """
    spells = []
    for label, fault in labelled:
        if fault.lasts <= 0 or fault.share <= 0:
            continue
        for start, end in fault.windows:
            if start >= until:
                break
            spells.append(Spell(label, fault, start, end))
    return tuple(spells)


class Calendar:
    """Spells by time: whoever asks what is in force does not look through all of them.

    It walks along with whoever asks, so moments that mostly ascend are cheap.

    Args:
        spells: in file order.
    """

    def __init__(self, spells: Sequence[Spell]) -> None:
        self._spells = tuple(spell for spell in spells if spell.start < spell.end)
        self._changes = sorted(
            change
            for index, spell in enumerate(self._spells)
            for change in ((spell.start, index, True), (spell.end, index, False))
        )
        self._bounds = [moment for moment, _, _ in self._changes]
        self._in_force: set[int] = set()
        self._passed = 0
        self._known: tuple[Spell, ...] = ()
        self._known_from = self._known_until = -inf

    def active(self, now: float) -> tuple[Spell, ...]:
        """Return the spells in force at `now`, in file order."""
        if not self._known_from <= now < self._known_until:
            self._walk_to(now)
        return self._known

    def _walk_to(self, now: float) -> None:
        if now < self._known_from:
            self._in_force.clear()
            self._passed = 0
        place = bisect_right(self._bounds, now)
        for _, index, begins in self._changes[self._passed : place]:
            if begins:
                self._in_force.add(index)
            else:
                self._in_force.discard(index)
        self._passed = place
        self._known = tuple(self._spells[index] for index in sorted(self._in_force))
        self._known_from = self._bounds[place - 1] if place else -inf
        self._known_until = self._bounds[place] if place < len(self._bounds) else inf

    def next_change(self, now: float) -> float:
        """Return the first moment after `now` at which another set is active; inf if never."""
        place = bisect_right(self._bounds, now)
        return self._bounds[place] if place < len(self._bounds) else inf


Lot = Callable[[str, int, bool], float]
"""(a fault's label, request number, whether it sticks to the user) -> an attempt's lot for that
fault: uniform in [0, 1), the same however often asked."""


class Struck(NamedTuple):
    """An attempt as far as faults are concerned.

    Args:
        caller: who sent it.
        lot: its lots.
        number: its request's number.
    """

    caller: str
    lot: Lot
    number: int

    def by(self, spell: Spell) -> float:
        """Return the attempt's lot for a spell; 2, which nothing strikes, on another link."""
        caller = spell.caller
        if caller is not None and caller != self.caller:
            return 2.0
        return self.lot(spell.label, self.number, spell.fault.sticky)


class Effect(NamedTuple):
    """What the conditions do to one attempt whose work begins.

    Args:
        work: seconds of work, changed by latency faults and cold caches.
        fails: the answer is an error.
        hung: a hang holds the worker and no answer comes.
    """

    work: float
    fails: bool
    hung: bool


class Conditions:
    """The spells that touch one replica.

    Args:
        spells: in file order.
    """

    def __init__(self, spells: Sequence[Spell]) -> None:
        self._spells = tuple(spells)
        calendar = Calendar(spells)
        self.active = calendar.active
        self.next_change = calendar.next_change
        self._hangs = _merged(
            (spell.start, spell.end) for spell in spells if isinstance(spell.fault, Hang)
        )
        self._hang_ends = [end for _, end in self._hangs]
        self.hangs = bool(self._hangs)
        self.loses_attempts = any(isinstance(spell.fault, Loss) for spell in spells)

    def refuses(self, active: Sequence[Spell], now: float, attempt: Struck) -> bool:
        """Tell whether an attempt that arrives at `now` finds no one listening."""
        for spell in active:
            if isinstance(spell.fault, Restart):
                return True
            if isinstance(spell.fault, Refuse):
                threshold = spell.fault.share * spell.strength(now)
                if attempt.by(spell) < threshold:
                    return True
        return False

    def loses(self, active: Sequence[Spell], now: float, attempt: Struck) -> bool:
        """Tell whether the network loses an attempt that is sent at `now`."""
        return any(
            isinstance(spell.fault, Loss)
            and attempt.by(spell) < spell.fault.share * spell.strength(now)
            for spell in active
        )

    def effect(
        self,
        active: Sequence[Spell],
        now: float,
        attempt: Struck,
        work: float,
        warmed: Callable[[Spell], int],
    ) -> Effect:
        """Return what becomes of an attempt with `work` seconds to do that begins at `now`.

        Args:
            active: the spells in force.
            now: seconds.
            attempt: whose lots decide.
            work: seconds.
            warmed: how many attempts were served well since a spell began.
        """
        fails = hung = False
        for spell in active:
            fault = spell.fault
            if isinstance(fault, Latency):
                if attempt.by(spell) < fault.share:
                    strength = spell.strength(now)
                    work *= 1.0 + (fault.multiplied - 1.0) * strength
                    work += fault.added * strength
            elif isinstance(fault, Errors):
                fails |= attempt.by(spell) < fault.share * fault.rate * spell.strength(now)
            elif isinstance(fault, Hang):
                hung |= attempt.by(spell) < fault.share * spell.strength(now)
            elif isinstance(fault, Cold):
                left = max(0.0, 1.0 - warmed(spell) / fault.successes)
                work *= 1.0 + (fault.times - 1.0) * left
        return Effect(work, fails, hung)

    def hang_ends(self, now: float, attempt: Struck) -> float:
        """Return when the last of the hangs that hold an attempt at `now` ends; `now` if none."""
        return max(
            (
                spell.end
                for spell in self.active(now)
                if isinstance(spell.fault, Hang)
                and attempt.by(spell) < spell.fault.share * spell.strength(now)
            ),
            default=now,
        )

    def hangs_until(self, now: float) -> float:
        """Return from when on no hang is in force any more; `now` if none is.

        Windows that adjoin or overlap are one.
        """
        place = bisect_right(self._hang_ends, now)
        if place < len(self._hangs) and self._hangs[place][0] <= now:
            return self._hang_ends[place]
        return now

    def beginnings(self, kind: type[Fault]) -> list[Spell]:
        """Return the spells of one kind, to be told of when they begin."""
        return [spell for spell in self._spells if isinstance(spell.fault, kind)]


class Workforce:
    """How many of a replica's workers there are over time, and how fast they work.

    Capacity faults leave a part of the workers. Where that is no whole number, one more is
    there and all of them are the slower: half of three workers are two that each do three
    quarters of a second's work in a second. While it pauses, nobody works.

    Args:
        spells: the spells that touch the replica, in file order.
        workers: how many it has.

    Attributes:
        changes: moments at which the number of workers is looked up anew, seconds, ascending.
        steady: they always work at full speed.
    """

    def __init__(self, spells: Sequence[Spell], workers: int) -> None:
        chosen = [spell for spell in spells if isinstance(spell.fault, Capacity | Pause)]
        self.changes = _capacity_moments(chosen)
        self._moments = [-inf, *self.changes]
        self._counts: list[int] = []
        self._paces = _Paces()
        self._paces_but_pauses = _Paces()
        calendar = Calendar(chosen)
        for moment in self._moments:
            left, pauses = _workers_left(calendar.active(moment), workers, moment)
            count = ceil(left)
            pace = left / count if count else 0.0
            self._counts.append(0 if pauses else count)
            self._paces.add(moment, 0.0 if pauses else pace)
            self._paces_but_pauses.add(moment, pace)
        self.steady = self._paces.are_full

    def count(self, now: float) -> int:
        """Return how many workers there are at `now`."""
        return self._counts[bisect_right(self._moments, now) - 1]

    def left(self, now: float) -> float:
        """Return how much is left of the workers at `now`: how many of full speed do as much."""
        return self.count(now) * self._paces.at(now)

    def finish(self, now: float, work: float) -> float:
        """Return when so many seconds of work, begun at `now`, are done; inf if never."""
        return self._paces.finish(now, work)

    def released(self, begun: float, now: float) -> float:
        """Return when a worker that has waited since `begun`, until `now`, is free again.

        Of workers that are not all there nobody may do more by waiting than by working.
        """
        return max(now, self._paces_but_pauses.finish(begun, now - begun))


class _Paces:
    """Seconds of work done in a second, over time, in steps."""

    def __init__(self) -> None:
        self._moments: list[float] = []
        self._paces: list[float] = []

    def add(self, moment: float, pace: float) -> None:
        """Let `pace` hold from `moment` on, which is not before those added earlier."""
        if not self._paces or self._paces[-1] != pace:
            self._moments.append(moment)
            self._paces.append(pace)

    @property
    def are_full(self) -> bool:
        """Whether a second's work always takes a second."""
        return self._paces == [1.0]

    def at(self, now: float) -> float:
        """Return the seconds of work done in a second at `now`."""
        return self._paces[bisect_right(self._moments, now) - 1]

    def finish(self, now: float, work: float) -> float:
        """Return when work begun at `now` is done; inf if it never is."""
        last = len(self._moments) - 1
        for place in range(bisect_right(self._moments, now) - 1, last + 1):
            pace, until = self._paces[place], self._moments[place + 1] if place < last else inf
            if pace > 0.0 and now + work / pace <= until:
                return now + work / pace
            work -= pace * (until - now) if pace > 0.0 else 0.0
            now = until
        return inf


def spells_on(spells: Iterable[Spell], service: str, replica: int) -> list[Spell]:
    """Return the spells that touch one replica of a service."""
    return [
        spell
        for spell in spells
        if not isinstance(spell.fault, Surge)
        and spell.fault.service == service
        and (spell.fault.replicas is None or replica in spell.fault.replicas)
    ]


def _workers_left(active: Sequence[Spell], workers: int, now: float) -> tuple[float, bool]:
    """Return what is left of so many workers at `now`, and whether they pause."""
    left = float(workers)
    for spell in active:
        if isinstance(spell.fault, Capacity):
            left *= spell.factor_at(now, now)
    # A billionth of a worker is rounding.
    return round(left, 9), any(isinstance(spell.fault, Pause) for spell in active)


def _capacity_moments(spells: Sequence[Spell]) -> list[float]:
    moments: set[float] = set()
    for spell in spells:
        ramp = spell.fault.ramp
        moments |= {spell.start, spell.end}
        if ramp > 0:
            for step in range(1, _CAPACITY_STEPS + 1):
                moments.add(spell.start + ramp * step / _CAPACITY_STEPS)
                moments.add(spell.end - ramp * step / _CAPACITY_STEPS)
    return sorted(moments)


def _merged(windows: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of windows, in order and apart from each other."""
    union: list[tuple[float, float]] = []
    for start, end in sorted(windows):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union
