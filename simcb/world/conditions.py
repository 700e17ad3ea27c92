"""Faults as functions of the clock: what is wrong with a replica at a moment.

Nothing is accumulated. A window knows from the time alone how strong it is; a replica asks
which of its windows are active and applies them in file order to the attempt at hand. So
overlapping faults cannot leave anything behind when they end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import NamedTuple

from simcb.scenario.distributions import Distribution
from simcb.scenario.faults import (
    Capacity,
    Cold,
    Errors,
    Fault,
    Hang,
    Latency,
    Loss,
    Refuse,
    Restart,
    Surge,
)
from simcb.scenario.model import Scenario
from simcb.world.streams import Streams, sampler_of


@dataclass(frozen=True, eq=False)
class FaultWindow:
    """One window of a fault in time.

    Args:
        label: the fault's unique name, which also names its stream of draws.
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


def drawn_faults(scenario: Scenario, streams: Streams) -> tuple[tuple[str, Fault], ...]:
    """Return the labelled faults as one run has them: their begins and lengths drawn.

    Each has a stream of its own, so that all variants of a scenario meet the same ones.
    """

    def number(label: str, purpose: str, law: Distribution) -> float:
        return streams.column(f"faults/{label}", purpose, sampler_of(law)).at(0)

    return tuple(
        (
            label,
            fault.drawn(number(label, "at", fault.at), number(label, "for", fault.lasts))
            if fault.by_lot
            else fault,
        )
        for label, fault in scenario.labelled_faults
    )


def windows_of(labelled: Iterable[tuple[str, Fault]], until: float) -> tuple[FaultWindow, ...]:
    """Return the faults' windows that begin before `until`, in file order.

    A window of no length, or one that strikes nobody, never happens.
    """
    windows = []
    for label, fault in labelled:
        if fault.lasts.mean_value <= 0 or fault.share <= 0:
            continue
        for start, end in fault.windows:
            if start >= until:
                break
            windows.append(FaultWindow(label, fault, start, end))
    return tuple(windows)


class Calendar:
    """Fault windows by time, so that not all are searched for those in force at a moment.

    It goes on from the moment asked before, so moments that mostly ascend are cheap.

    Args:
        windows: in file order.
    """

    def __init__(self, windows: Sequence[FaultWindow]) -> None:
        self._windows = tuple(window for window in windows if window.start < window.end)
        self._changes = sorted(
            change
            for index, window in enumerate(self._windows)
            for change in ((window.start, index, True), (window.end, index, False))
        )
        self._bounds = [moment for moment, _, _ in self._changes]
        self._in_force: set[int] = set()
        self._passed = 0
        self._known: tuple[FaultWindow, ...] = ()
        self._known_from = self._known_until = -inf

    def active(self, now: float) -> tuple[FaultWindow, ...]:
        """Return the windows in force at `now`, in file order."""
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
        self._known = tuple(self._windows[index] for index in sorted(self._in_force))
        self._known_from = self._bounds[place - 1] if place else -inf
        self._known_until = self._bounds[place] if place < len(self._bounds) else inf

    def next_change(self, now: float) -> float:
        """Return the first moment after `now` at which another set is active; inf if never."""
        place = bisect_right(self._bounds, now)
        return self._bounds[place] if place < len(self._bounds) else inf


Draw = Callable[[str, int, bool], float]
"""(a fault's label, request number, whether it sticks to the user) -> an attempt's draw for that
fault: uniform in [0, 1), the same however often asked."""


class FaultTarget(NamedTuple):
    """An attempt as far as faults are concerned.

    Args:
        caller: who sent it.
        draw: its draws.
        number: its request's number.
    """

    caller: str
    draw: Draw
    number: int

    def by(self, window: FaultWindow) -> float:
        """Return the attempt's draw for a window; 2, which nothing strikes, on another link."""
        caller = window.caller
        if caller is not None and caller != self.caller:
            return 2.0
        return self.draw(window.label, self.number, window.fault.sticky)


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
    """The windows that touch one replica.

    Args:
        windows: in file order.
    """

    def __init__(self, windows: Sequence[FaultWindow]) -> None:
        self._windows = tuple(windows)
        calendar = Calendar(windows)
        self.active = calendar.active
        self.next_change = calendar.next_change
        self._hangs = _merged(
            (window.start, window.end) for window in windows if isinstance(window.fault, Hang)
        )
        self._hang_ends = [end for _, end in self._hangs]
        self.hangs = bool(self._hangs)
        self.hangs_ramp = any(each.fault.ramp for each in windows if isinstance(each.fault, Hang))
        self.loses_attempts = any(isinstance(window.fault, Loss) for window in windows)

    def refuses(self, active: Sequence[FaultWindow], now: float, attempt: FaultTarget) -> bool:
        """Tell whether an attempt that arrives at `now` finds no one listening."""
        for window in active:
            if isinstance(window.fault, Restart):
                return True
            if isinstance(window.fault, Refuse):
                threshold = window.fault.share * window.strength(now)
                if attempt.by(window) < threshold:
                    return True
        return False

    def loses(self, active: Sequence[FaultWindow], now: float, attempt: FaultTarget) -> bool:
        """Tell whether the network loses an attempt that is sent at `now`."""
        return any(
            isinstance(window.fault, Loss)
            and attempt.by(window) < window.fault.share * window.strength(now)
            for window in active
        )

    def effect(
        self,
        active: Sequence[FaultWindow],
        now: float,
        attempt: FaultTarget,
        work: float,
        warmed: Callable[[FaultWindow], int],
    ) -> Effect:
        """Return what becomes of an attempt with `work` seconds to do that begins at `now`.

        Args:
            active: the windows in force.
            now: seconds.
            attempt: whose draws decide.
            work: seconds.
            warmed: how many attempts were served well since a window began.
        """
        fails = hung = False
        for window in active:
            fault = window.fault
            if isinstance(fault, Latency):
                if attempt.by(window) < fault.share:
                    strength = window.strength(now)
                    work *= 1.0 + (fault.multiplied - 1.0) * strength
                    work += fault.added * strength
            elif isinstance(fault, Errors):
                fails |= attempt.by(window) < fault.share * fault.rate * window.strength(now)
            elif isinstance(fault, Hang):
                hung |= attempt.by(window) < fault.share * window.strength(now)
            elif isinstance(fault, Cold):
                left = max(0.0, 1.0 - warmed(window) / fault.successes)
                work *= 1.0 + (fault.times - 1.0) * left
        return Effect(work, fails, hung)

    def hang_ends(self, now: float, attempt: FaultTarget) -> float:
        """Return when the last of the hangs that hold an attempt at `now` ends; `now` if none."""
        return max(
            (
                window.end
                for window in self.active(now)
                if isinstance(window.fault, Hang)
                and attempt.by(window) < window.fault.share * window.strength(now)
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

    def beginnings(self, kind: type[Fault]) -> list[FaultWindow]:
        """Return the windows of one kind, which matter when they begin."""
        return [window for window in self._windows if isinstance(window.fault, kind)]


def windows_on(windows: Iterable[FaultWindow], service: str, replica: int) -> list[FaultWindow]:
    """Return the windows that touch one replica of a service."""
    return [
        window
        for window in windows
        if not isinstance(window.fault, Surge)
        and window.fault.service == service
        and (window.fault.replicas is None or replica in window.fault.replicas)
    ]


def _merged(windows: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the union of windows, in order and apart from each other."""
    union: list[tuple[float, float]] = []
    for start, end in sorted(windows):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(end, union[-1][1]))
        else:
            union.append((start, end))
    return union
