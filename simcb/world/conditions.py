"""Faults as functions of the clock: what is wrong with a replica at a moment.

Nothing is accumulated. A window knows from the time alone how strong it is; a replica asks
which of its windows are active and applies them in file order to the attempt at hand. So
overlapping faults cannot leave anything behind when they end.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import inf

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
from simcb.world.samplers import sampler_of
from simcb.world.streams import AttemptStreams, Streams


class FaultWindow:
    """One window of a fault in time.

    Args:
        label: the fault's unique name, which also names its stream of draws.
        fault: the fault as the file has it.
        start, end: seconds; active while start <= t < end.

    Attributes:
        kind: the fault's class.
        caller: the caller whose attempts alone are struck, or None if every caller's are.
        reach: the part of those attempts that it strikes at full strength.
        ramp: seconds in which it grows to its strength, and fades at its end.
        fault_factor: what it multiplies a rate or a number of workers by at full strength.
    """

    __slots__ = (
        "_added",
        "_multiplied",
        "_sticky",
        "caller",
        "end",
        "fault",
        "fault_factor",
        "kind",
        "label",
        "ramp",
        "reach",
        "start",
    )

    def __init__(self, label: str, fault: Fault, start: float, end: float) -> None:
        self.label = label
        self.fault = fault
        self.start = start
        self.end = end
        self.kind = type(fault)
        self.caller: str | None = None if fault.link is None else fault.link[0]
        self.reach = fault.share * fault.rate if isinstance(fault, Errors) else fault.share
        self.ramp = fault.ramp
        self.fault_factor = fault.times if isinstance(fault, Surge | Capacity) else 1.0
        self._sticky = fault.sticky
        self._multiplied = fault.multiplied if isinstance(fault, Latency) else 1.0
        self._added = fault.added if isinstance(fault, Latency) else 0.0

    def draw(self, caller: str, node: AttemptStreams, number: int) -> float:
        """Return the draw of an attempt for this fault; 2, which nothing strikes, elsewhere.

        Args:
            caller: who sent it.
            node: its streams.
            number: its request's number.
        """
        if self.caller is not None and self.caller != caller:
            return 2.0
        return node.draw(self.label, number, self._sticky)

    def strikes(self, now: float, caller: str, node: AttemptStreams, number: int) -> bool:
        """Tell whether it strikes an attempt at `now`, when it is in force."""
        reach = self.reach * self.strength(now) if self.ramp else self.reach
        return self.draw(caller, node, number) < reach

    @property
    def corners(self) -> tuple[float, ...]:
        """The moments at which the strength's course changes."""
        ramp = self.ramp
        if ramp == 0:
            return (self.start, self.end)
        return (self.start, self.start + ramp, self.end - ramp, self.end)

    def is_ramping(self, t: float) -> bool:
        """Tell whether the strength is changing at `t`."""
        ramp = self.ramp
        return self.start <= t < self.start + ramp or self.end - ramp <= t < self.end

    def strength(self, t: float) -> float:
        """Return how much of the fault is in force at `t`, from 0 to 1."""
        if not self.start <= t < self.end:
            return 0.0
        ramp = self.ramp
        if ramp == 0:
            return 1.0
        return min(1.0, (t - self.start) / ramp, (self.end - t) / ramp)

    def slowed(self, now: float, work: float) -> float:
        """Return the seconds of work that a latency fault makes of `work` begun at `now`."""
        strength = self.strength(now)
        work *= 1.0 + (self._multiplied - 1.0) * strength
        return work + self._added * strength

    def cold_factor(self, warmed: int) -> float:
        """Return what a cold cache multiplies work by, when so many were served well since."""
        fault = self.fault
        assert isinstance(fault, Cold)
        return 1.0 + (fault.times - 1.0) * max(0.0, 1.0 - warmed / fault.successes)

    def factor_at(self, t: float, inside: float) -> float:
        """Return the factor at `t`, an edge of a stretch that contains `inside`."""
        ramp = self.ramp
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


class InForce:
    """The windows in force on a replica, in file order, by when they matter to an attempt.

    Args:
        windows: those in force.

    Attributes:
        refusing: when it arrives.
        losing: when it is sent.
        working: when its work begins.
        hanging: those of `working` that hold it and its worker.
    """

    __slots__ = ("hanging", "losing", "refusing", "working")

    def __init__(self, windows: Sequence[FaultWindow]) -> None:
        self.refusing = [each for each in windows if each.kind in (Restart, Refuse)]
        self.losing = [each for each in windows if each.kind is Loss]
        self.working = [each for each in windows if each.kind in (Latency, Errors, Hang, Cold)]
        self.hanging = [each for each in windows if each.kind is Hang]

    def refuses(self, now: float, caller: str, node: AttemptStreams, number: int) -> bool:
        """Tell whether an attempt that arrives at `now` finds no one listening."""
        for window in self.refusing:
            if window.kind is Restart or window.strikes(now, caller, node, number):
                return True
        return False

    def loses(self, now: float, caller: str, node: AttemptStreams, number: int) -> bool:
        """Tell whether the network loses an attempt that is sent at `now`."""
        for window in self.losing:  # noqa: SIM110 - a generator costs more than the loop
            if window.strikes(now, caller, node, number):
                return True
        return False

    def effect(
        self,
        now: float,
        caller: str,
        node: AttemptStreams,
        number: int,
        work: float,
        warmed: Callable[[FaultWindow], int],
    ) -> tuple[float, bool, bool]:
        """Return what becomes of an attempt with `work` seconds to do that begins at `now`.

        Those are its seconds of work, changed by latency faults and cold caches; whether its
        answer is an error; and whether a hang holds the worker, so that no answer comes.

        Args:
            now: seconds.
            caller: who sent it.
            node: its streams.
            number: its request's number.
            work: seconds.
            warmed: how many attempts were served well since a window began.
        """
        fails = hung = False
        for window in self.working:
            kind = window.kind
            if kind is Errors:
                if window.strikes(now, caller, node, number):
                    fails = True
            elif kind is Hang:
                if window.strikes(now, caller, node, number):
                    hung = True
            elif kind is Latency:
                if window.draw(caller, node, number) < window.reach:
                    work = window.slowed(now, work)
            else:
                work *= window.cold_factor(warmed(window))
        return work, fails, hung

    def hang_ends(self, now: float, caller: str, node: AttemptStreams, number: int) -> float:
        """Return when the last of the hangs that hold an attempt at `now` ends; `now` if none."""
        ends = now
        for window in self.hanging:
            if window.end > ends and window.strikes(now, caller, node, number):
                ends = window.end
        return ends


class Conditions:
    """The windows that touch one replica.

    Args:
        windows: in file order.
    """

    def __init__(self, windows: Sequence[FaultWindow]) -> None:
        self._windows = tuple(windows)
        self._calendar = Calendar(windows)
        self._known: tuple[FaultWindow, ...] = ()
        self._in_force = InForce(())
        self._hangs = _merged((each.start, each.end) for each in windows if each.kind is Hang)
        self._hang_ends = [end for _, end in self._hangs]
        self.hangs = bool(self._hangs)
        self.loses_attempts = any(each.kind is Loss for each in windows)
        self.next_change = self._calendar.next_change

    def active(self, now: float) -> InForce:
        """Return what is in force at `now`: the same object for as long as nothing changes."""
        known = self._calendar.active(now)
        if known is not self._known:
            self._known, self._in_force = known, InForce(known)
        return self._in_force

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
        return [window for window in self._windows if window.kind is kind]


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
