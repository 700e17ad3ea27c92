"""The state strip: what each breaker does over time, one character for each stretch of it.

Nothing that happened is lost to the coarse grain: a stretch in which a breaker opened for a
moment only has a sign of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from simcb.metrics import StateInterval
from simcb.trace import BreakerInfo, ChangeInfo, FaultInfo
from simcb.views.quantities import clock
from simcb.views.safe_text import one_line

CLOSED, HALF_OPEN, PARTLY_OPEN, OPEN = "·", "▒", "▄", "█"
FAULT = "━"
CHANGE = "▲"
CRASH = "▼"

# These differ for the colour-blind as well, which the usual green and red do not.
STYLES = {CLOSED: "#56B4E9", HALF_OPEN: "#F0E442", PARTLY_OPEN: "#D55E00", OPEN: "#D55E00"}

MOST_LINES = 8
"""Breakers shown one by one; more than these are shown as a share."""

_LEVELS = CLOSED + "▁▂▃▄▅▆▇█"
_WIDEST_NAME = 32
_STEPS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600)


@dataclass(frozen=True)
class Stretches:
    """How long a breaker is open and half-open in each of the equal stretches of a run."""

    opened: tuple[float, ...]
    half_opened: tuple[float, ...]
    length: float

    def signs(self) -> str:
        """Return one character a stretch."""
        pairs = zip(self.opened, self.half_opened, strict=True)
        return "".join(self._sign(opened, half) for opened, half in pairs)

    def _sign(self, opened: float, half_opened: float) -> str:
        closed = self.length - opened - half_opened
        if opened >= self.length / 2:
            return OPEN
        if half_opened > max(opened, closed):
            return HALF_OPEN
        return PARTLY_OPEN if opened > 0.0 else CLOSED


def stretches(intervals: Sequence[StateInterval], duration: float, count: int) -> Stretches:
    """Cut a breaker's states into `count` equal stretches of a run of `duration` seconds."""
    length = duration / count
    times = {"open": [0.0] * count, "half_open": [0.0] * count}
    for interval in intervals:
        spent = times.get(interval.state)
        if spent is None:
            continue
        first = min(count - 1, int(interval.start / length))
        last = min(count - 1, int(interval.end / length))
        for number in range(first, last + 1):
            begin, end = number * length, (number + 1) * length
            spent[number] += max(0.0, min(end, interval.end) - max(begin, interval.start))
    return Stretches(tuple(times["open"]), tuple(times["half_open"]), length)


def state_strip(
    breakers: Sequence[BreakerInfo],
    states: Sequence[Sequence[StateInterval]],
    faults: Sequence[FaultInfo],
    duration: float,
    width: int,
    total: int | None = None,
    changes: Sequence[ChangeInfo] = (),
    crashes: Mapping[str, Sequence[float]] | None = None,
) -> Text:
    """Draw the strip: a line a fault, a change, a breaker, a line of time, and what signs mean.

    A service whose replicas started anew has a line with a mark for each time, or several.

    A fault that comes again and again has one line with all its windows.

    Args:
        breakers: the run's breakers that were asked.
        states: for each of these its states from 0 to `duration`.
        faults: the windows of the run's faults.
        duration: the run's length, in seconds.
        width: terminal columns to fill.
        total: how many breakers there are, with those that no call went through.
        changes: what somebody changed in the run.
        crashes: when replicas started anew by themselves, seconds, by the service's name.
    """
    total = len(breakers) if total is None else total
    names = [one_line(each.name, _WIDEST_NAME) for each in breakers]
    windows: dict[str, list[FaultInfo]] = {}
    for fault in faults:
        windows.setdefault(one_line(fault.name, _WIDEST_NAME), []).append(fault)
    many = len(breakers) > MOST_LINES
    crowd = f"{total:,} breakers"
    made = [(one_line(each.name, _WIDEST_NAME), each.at) for each in changes]
    fallen = {
        f"{one_line(name, _WIDEST_NAME)} restarts": at for name, at in (crashes or {}).items()
    }
    labels = [*([crowd] if many else names), *windows, *(name for name, _ in made), *fallen]
    margin = max(map(len, labels), default=0)
    count = max(20, min(72, width - margin - 2))
    lines = []
    for label, same in windows.items():
        lines.append(Text(f"{label:<{margin}}  {_fault_line(same, duration, count)}".rstrip()))
    for name, at in made:
        place = min(count - 1, int(at / duration * count))
        lines.append(Text(f"{name:<{margin}}  {' ' * place}{CHANGE} {clock(round(at, 6))}"))
    for label, moments in fallen.items():
        places = {min(count - 1, int(at / duration * count)) for at in moments}
        signs = "".join(CRASH if place in places else " " for place in range(count)).rstrip()
        lines.append(Text(f"{label:<{margin}}  {signs} {len(moments)}"))
    cut = [stretches(each, duration, count) for each in states]
    if many:
        lines.append(Text(f"{crowd:<{margin}}  ").append(_share_line(cut, total), STYLES[OPEN]))
    else:
        for name, each in zip(names, cut, strict=True):
            lines.append(Text(f"{name:<{margin}}  ").append_text(_coloured(each.signs())))
        if idle := total - len(breakers):
            lines.append(Text(f"{'':<{margin}}  and {idle:,} more without a call", "dim"))
    lines.append(Text(f"{'':<{margin}}  {_axis(duration, count)}", "dim"))
    lines.append(Text(f"{'':<{margin}}  ").append_text(_legend(many, crowded=total > 0)))
    return Text("\n").join(lines)


def _coloured(signs: str) -> Text:
    text = Text()
    for sign in signs:
        text.append(sign, STYLES[sign])
    return text


def _share_line(cut: Sequence[Stretches], total: int) -> str:
    """Draw what share of all breakers' time is open, in eighths; any at all is at least one."""
    signs = []
    for together in zip(*(each.opened for each in cut), strict=True):
        share = sum(together) / (total * cut[0].length)
        eighths = min(8, round(share * 8))
        signs.append(_LEVELS[max(1, eighths) if share > 0.0 else 0])
    return "".join(signs)


def _fault_line(windows: Sequence[FaultInfo], duration: float, count: int) -> str:
    length = duration / count
    signs = [" "] * count
    for each in windows:
        # A window shorter than one character still is one character long.
        first = int(each.start / length)
        last = min(count, max(first + 1, round(min(each.end, duration) / length)))
        if each.end > each.start and first < count:
            signs[first:last] = FAULT * (last - first)
    return "".join(signs)


def _axis(duration: float, count: int) -> str:
    """Write moments under the strip, round ones, far enough apart to be read."""
    roomy = duration / max(1, count // 10)
    step = next((each for each in _STEPS if each >= roomy), 0.0)
    if duration < 4.0:
        step = duration / 4.0
    while step < roomy:
        step = step * 2 if step else 7200.0
    line = ""
    number = 0
    while number * step < duration:
        place = round(number * step / duration * count)
        line = f"{line:<{place}}{clock(round(number * step, 6))}"
        number += 1
    end = clock(round(duration, 6))
    if len(line) + 1 + len(end) <= count:
        line = f"{line:<{count - len(end)}}{end}"
    return line


def _legend(many: bool, crowded: bool) -> Text:
    if not crowded:
        return Text("no breaker guards any call", "dim")
    if many:
        return Text(f"{CLOSED} all closed  {_LEVELS[1]} … {_LEVELS[-1]} share of them open", "dim")
    words = {CLOSED: "closed", HALF_OPEN: "half-open", PARTLY_OPEN: "partly open", OPEN: "open"}
    text = Text()
    for sign, word in words.items():
        text.append(sign, STYLES[sign]).append(f" {word}  ", "dim")
    text.rstrip()
    return text
