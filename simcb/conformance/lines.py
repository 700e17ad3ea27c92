"""The contract's lines, as short as a table has room for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A line of the contract.

    Args:
        number: its number in the contract.
        words: what has to hold.
        short: the same in the head of a column.
    """

    number: int
    words: str
    short: str


LINES = (
    Line(1, "open, no call passes before the deadline; exactly at it one does", "deadline"),
    Line(2, "half open, one probe at a time; all others are rejected, none queues", "one probe"),
    Line(3, "one opening leads to one half-open period, however many callers arrive", "once"),
    Line(4, "a result from before it last opened or closed changes nothing", "late results"),
    Line(5, "a call counts as what it came to; one cancelled gives its place back", "exits"),
    Line(6, "a probe that never ends counts as failed some day", "lease"),
    Line(7, "never stuck: healthy calls close it again", "never stuck"),
    Line(8, "setting the clock back has no effect", "clock"),
    Line(9, "listeners hear each change once, in order; their errors stay with them", "listeners"),
    Line(10, "calls run side by side, and may enter the breaker again", "parallel"),
    Line(11, "errors, results, names and kinds of functions come through untouched", "untouched"),
    Line(12, "a window holds exactly the last calls, and waits for its minimum", "windows"),
    Line(13, "memory is bounded, and a breaker that nobody holds is collected", "memory"),
    Line(14, "one state for functions and coroutine functions", "one state"),
    Line(15, "the same calls at the same times give the same states", "repeats"),
)
"""Every line of the contract that `simcb.breaker` keeps."""
