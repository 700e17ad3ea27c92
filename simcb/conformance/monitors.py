"""Monitors: each watches the events of a story for what a line of the contract forbids.

A new one is a class here and its line in `MONITORS`.
"""

from __future__ import annotations

from simcb.conformance.stories import CLOSED, DAY, HALF_OPEN, OPEN, TIMEOUT, Act, Answer, Event


class Monitor:
    """Watches one story.

    Attributes:
        tried: whether anything happened that the line speaks of.
    """

    def __init__(self) -> None:
        self.tried = False

    def see(self, event: Event) -> str:
        """Take in an event; return what it breaks, or ""."""
        raise NotImplementedError


class Deadline(Monitor):
    """Open before its deadline no call passes; at exactly the deadline one does."""

    def __init__(self) -> None:
        super().__init__()
        self._disturbed = False

    def see(self, event: Event) -> str:
        """Look at who asks while it is open."""
        if event.after == CLOSED:
            self._disturbed = False
        if event.stale:
            # What that does to the deadline is another line's.
            self._disturbed = True
        if not event.asks or event.opened_at is None or self._disturbed:
            return ""
        if event.at < event.deadline:
            self.tried = True
            if event.answer is not Answer.REJECTED:
                early = event.deadline - event.at
                return f"call {event.step.call} passes {early:g} s before the deadline"
        elif not event.probed:
            self.tried = True
            if event.answer is Answer.REJECTED:
                return f"call {event.step.call} is rejected {_past(event.at - event.deadline)}"
        return ""


def _past(late: float) -> str:
    return "at the deadline" if late == 0.0 else f"{late:g} s after the deadline"


class Probes(Monitor):
    """Half open, one probe at a time; all others are rejected and do not queue."""

    def see(self, event: Event) -> str:
        """Look at who asks beside a probe."""
        beside = [each for each in event.probes if each.at == event.at]
        if not event.asks or not beside:
            return ""
        self.tried = True
        if event.answer is Answer.IN:
            return f"call {event.step.call} is a second probe beside call {beside[0].number}"
        if event.answer is Answer.QUEUED:
            return f"call {event.step.call} waits for call {beside[0].number}, and is not rejected"
        return ""


class Once(Monitor):
    """One opening leads to one half-open period, however many callers arrive together."""

    def __init__(self) -> None:
        super().__init__()
        self._opened_at: float | None = None
        self._periods = self._asked = 0

    def see(self, event: Event) -> str:
        """Count how often it becomes half open."""
        if event.opened_at != self._opened_at:
            self._opened_at, self._periods, self._asked = event.opened_at, 0, 0
        self._asked += event.asks and event.at >= event.deadline
        self.tried |= self._asked > 1
        if event.opened_at is not None and event.before != HALF_OPEN == event.after:
            self._periods += 1
            if self._periods > 1:
                return "it becomes half open twice in one opening"
        return ""


class Generations(Monitor):
    """What ends late, after it has opened or closed, changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._late = 0

    def see(self, event: Event) -> str:
        """Look at what a late result does."""
        if event.stale and event.step.act in (Act.SUCCEED, Act.FAIL):
            self.tried = True
            self._late = event.step.call if event.step.act is Act.FAIL else self._late
            if (event.before, event.after) not in _NO_CHANGE:
                does = {CLOSED: "closes it", OPEN: "opens it", HALF_OPEN: "makes it half open"}
                return f"the late result of call {event.step.call} {does[event.after]}"
        elif event.after == CLOSED:
            self._late = 0
        rejected = event.asks and event.answer is Answer.REJECTED
        if self._late and rejected and event.at >= event.deadline and not event.probed:
            return f"the late failure of call {self._late} puts the deadline off"
        return ""


_NO_CHANGE = {(each, each) for each in (CLOSED, OPEN, HALF_OPEN)} | {(OPEN, HALF_OPEN)}


class Exits(Monitor):
    """A call settles as what it came to; one that is cancelled gives its place back."""

    def __init__(self) -> None:
        super().__init__()
        self._gone: Event | None = None
        self._ended = 0

    def see(self, event: Event) -> str:
        """Look at how calls end."""
        gone, self._gone = self._gone, None
        if event.asks and gone is not None and event.answer is not Answer.IN:
            return f"the place of call {gone.step.call}, which was cancelled, is not given back"
        if event.stale or event.call is None or event.asks:
            return ""
        number = event.step.call
        self._ended += 1
        # Where failures are a share of calls, only that of the first opens it for certain.
        if event.step.act is Act.FAIL and event.before == CLOSED and self._ended == 1:
            self.tried = True
            if event.after == CLOSED:
                return f"the failure of call {number} is not heard"
        if event.step.act is Act.CANCEL:
            self.tried = True
            if event.before == CLOSED != event.after:
                return f"call {number}, which was cancelled, opens it"
            if event.call.probe and event.after == CLOSED:
                return f"call {number}, a probe that was cancelled, closes it"
            if event.call.probe and event.after == OPEN and event.before == HALF_OPEN:
                return f"call {number}, a probe that was cancelled, counts as failed"
            if event.call.probe and not event.probes:
                self._gone = event
        return ""


class Leases(Monitor):
    """A probe that never ends counts as failed some day, and another may go."""

    def __init__(self) -> None:
        super().__init__()
        self._rejected_at: float | None = None

    def see(self, event: Event) -> str:
        """Look at who asks long after a probe began."""
        old = [each for each in event.others if each.probe and event.at - each.at >= DAY]
        if not event.asks or not old or event.opened_at is None:
            return ""
        if event.answer is Answer.IN:
            self.tried = True
            return ""
        # Whoever asks first may learn that the probe has failed, and that it is open anew.
        if self._rejected_at is None:
            self._rejected_at = event.at
            return ""
        if event.at - self._rejected_at < TIMEOUT:
            return ""
        self.tried = True
        return f"call {event.step.call} still waits for call {old[0].number}, which never ends"


class Parallel(Monitor):
    """While it is closed, calls run side by side."""

    def see(self, event: Event) -> str:
        """Look at who asks while another call is under way."""
        if not event.asks or event.before != CLOSED or not event.others:
            return ""
        self.tried = True
        if event.answer is Answer.QUEUED:
            return f"call {event.step.call} waits until call {event.others[0].number} has ended"
        return ""


MONITORS: dict[int, type[Monitor]] = {
    1: Deadline,
    2: Probes,
    3: Once,
    4: Generations,
    5: Exits,
    6: Leases,
    10: Parallel,
}
"""Which line of the contract each watches."""
