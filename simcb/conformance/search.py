"""The search: every history up to a length, the shortest first, and some long ones by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from simcb.adapters.protocol import Adapter
from simcb.conformance.monitors import MONITORS
from simcb.conformance.stories import CLOSED, DAY, TIMEOUT, Act, Answer, Event, Step, Story, told

LENGTH = 7
"""Steps of the longest histories."""

_AT_ONCE = 2
"""Calls under way at a time."""

_HALF = Step(Act.WAIT, seconds=TIMEOUT / 2)
_WHOLE = Step(Act.WAIT, seconds=TIMEOUT)
_DAY = Step(Act.WAIT, seconds=DAY)

LONG = (
    # A probe that hangs: whoever asks a day later may learn that it failed, the next may go.
    (
        *(Step(Act.ASK, 1), Step(Act.FAIL, 1), _DAY, Step(Act.ASK, 2), _DAY),
        *(Step(Act.ASK, 3), _DAY, Step(Act.ASK, 4)),
    ),
    # Two that hang under way while it opens, and end when it has closed.
    (
        *(Step(Act.ASK, 1), Step(Act.ASK, 2), Step(Act.ASK, 3), Step(Act.FAIL, 1), _WHOLE),
        *(Step(Act.ASK, 4), Step(Act.SUCCEED, 4), Step(Act.FAIL, 2), Step(Act.FAIL, 3)),
    ),
)
"""Histories too long to be found."""

_RECOVERY = 50
"""Healthy calls within which a breaker has to be closed again."""

STUCK = 7
"""The line that a breaker is never stuck."""


@dataclass(frozen=True)
class Shown:
    """What histories have shown of a line.

    Args:
        tried: whether any of them had to do with it.
        history: the shortest that breaks it, in words; "" if none does.
        what: what it breaks there.
    """

    tried: bool
    history: str = ""
    what: str = ""


def search(adapter: Adapter, settings: Mapping[str, object]) -> dict[int, Shown]:
    """Return what histories show of each line that can be watched.

    Args:
        adapter: whose breaker it is.
        settings: with which it opens at the first failure, for `TIMEOUT` seconds.
    """
    tried: set[int] = set()
    broken: dict[int, Shown] = {}
    layer: list[tuple[Step, ...]] = [(Step(Act.ASK, 1),)]
    while layer and len(layer[0]) <= LENGTH:
        following: list[tuple[Step, ...]] = []
        for steps in layer:
            story = Story(adapter, dict(settings))
            events = story.run(steps)
            _watch(steps, events, tried, broken)
            following += (
                (*steps, step) for step in (_next(story, events) if len(steps) < LENGTH else ())
            )
            if not story.under_way and STUCK not in broken and len(steps) < LENGTH - 1:
                tried.add(STUCK)
                if not _recovers(story):
                    what = f"it is {story.breaker.state} a day later, after healthy calls"
                    broken[STUCK] = Shown(True, told(steps), what)
            story.end()
        layer = following
    for steps in LONG:
        _watch(steps, _run_as_far(adapter, settings, steps), tried, broken)
    return {line: broken.get(line, Shown(line in tried)) for line in (*MONITORS, STUCK)}


def _watch(
    steps: Sequence[Step], events: Sequence[Event], tried: set[int], broken: dict[int, Shown]
) -> None:
    for line, made in MONITORS.items():
        if line in broken:
            continue
        monitor = made()
        for place, event in enumerate(events):
            what = monitor.see(event)
            if what:
                broken[line] = Shown(True, told(steps[: place + 1]), what)
                break
        if monitor.tried:
            tried.add(line)


def _next(story: Story, events: Sequence[Event]) -> Iterator[Step]:
    """Yield what may happen next, leaving out what shows nothing new."""
    last = events[-1]
    if last.answer in (Answer.REJECTED, Answer.QUEUED):
        return
    under_way = sorted(story.under_way)
    if len(under_way) < _AT_ONCE:
        yield Step(Act.ASK, story.asked + 1)
    for number in dict.fromkeys([*under_way[:1], *under_way[-1:]]):
        yield Step(Act.SUCCEED, number)
        yield Step(Act.FAIL, number)
    if under_way:
        yield Step(Act.CANCEL, under_way[-1])
    if last.after != CLOSED and (len(events) < 2 or events[-2].step.act is not Act.WAIT):
        yield _HALF
        if last.step.act is not Act.WAIT:
            yield _WHOLE


def _run_as_far(
    adapter: Adapter, settings: Mapping[str, object], steps: Sequence[Step]
) -> list[Event]:
    """Do the steps as long as there is the call that they happen to."""
    story, events = Story(adapter, dict(settings)), []
    for step in steps:
        if step.act not in (Act.ASK, Act.WAIT) and step.call not in story.under_way:
            break
        events.append(story.do(step))
    story.end()
    return events


def _recovers(story: Story) -> bool:
    """Tell whether healthy calls close it, a day later."""
    story.do(_DAY)
    for _ in range(_RECOVERY):
        event = story.do(Step(Act.ASK, story.asked + 1))
        if event.call is not None:
            event = story.do(Step(Act.SUCCEED, event.call.number))
        if event.after == CLOSED:
            return True
        story.do(Step(Act.WAIT, seconds=1.0))
    return False
