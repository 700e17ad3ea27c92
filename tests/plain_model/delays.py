"""Limits on the wait in a queue, as RFC 8289 and folly tell them: one story of who is next."""

from __future__ import annotations

from collections.abc import Generator
from math import sqrt
from typing import NamedTuple

from simcb.scenario.admission import Admission, Codel, Slough


class Next(NamedTuple):
    """Who is next for a worker: when, after which wait, and how many stay behind."""

    now: float
    delay: float
    left: int


Story = Generator[bool, Next, None]
"""It is told who is next, and says whether that one is thrown out."""


def codel(rule: Codel) -> Story:
    """Tell it as the RFC does: take from the queue until there is one to serve."""
    first_above, drop_next, count, last_count, dropping = 0.0, 0.0, 0, 0, False

    def too_long(each: Next) -> bool:
        nonlocal first_above
        if each.delay < rule.target or each.left <= 1:
            first_above = 0.0
        elif not first_above:
            first_above = each.now + rule.interval
        else:
            return each.now >= first_above
        return False

    each = yield False
    while True:
        drop = too_long(each)
        if dropping:
            dropping = drop
            while dropping and each.now >= drop_next:
                count += 1
                each = yield True
                dropping = too_long(each)
                if dropping:
                    drop_next += rule.interval / sqrt(count)
        elif drop:
            now = each.now
            each = yield True
            too_long(each)
            delta = count - last_count
            count = delta if delta > 1 and now - drop_next < 16 * rule.interval else 1
            drop_next, last_count, dropping = now + rule.interval / sqrt(count), count, True
        each = yield False


def slough(rule: Slough) -> Story:
    """Tell it by intervals, each as long as it takes until one comes after its end."""
    each, overloaded, end = (yield False), False, 0.0
    while True:
        shortest = each.delay
        each = yield False
        while each.now <= end:
            shortest = min(shortest, each.delay)
            each = yield overloaded and each.delay > 2.0 * rule.target
        end = each.now + rule.interval
        overloaded = shortest > rule.target


def story_of(rule: Admission | None) -> Story | None:
    """Return the story that a rule tells of a queue, begun; None if it tells none."""
    story = codel(rule) if isinstance(rule, Codel) else None
    story = slough(rule) if isinstance(rule, Slough) else story
    if story is not None:
        next(story)
    return story
