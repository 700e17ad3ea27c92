"""Limits of how many attempts are under way at once that adapt themselves to what they see.

A service's admission and a caller's bulkhead have them alike. What counts: an attempt that was
answered well says how long it took; one that was not answered, or was turned away, is a drop; an
error says neither. A new limit is one class here, one line in `LIMITS`, and its rule at work in
the world.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from simcb.scenario.fields import Model
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import Count, Number, PositiveSeconds, Seconds, Share, word

MOST_AT_ONCE = 1_000_000  # the most attempts that one limit lets be under way at once
MOST_LOOKED_AT = 100_000  # the most answers of one window or one memory

Part = Annotated[float, Share(above=0.0)]


class Limit(Model):
    """Base of all limits that adapt themselves."""

    kind: str
    least: Annotated[int, Count(1, MOST_AT_ONCE), word("it never goes below this", "5")] = 1
    most: Annotated[int, Count(1, MOST_AT_ONCE), word("it never goes above this", "100")] = 200

    @property
    def at_first(self) -> int:
        """The limit at the beginning."""
        return self.least

    @model_validator(mode="after")
    def _in_order(self) -> Limit:
        if self.least > self.most:
            raise Refused(
                f"is more than `most`, which is {self.most}", "write less or a larger most", "least"
            )
        if not self.least <= self.at_first <= self.most:
            raise Refused(
                f"is not between `least` and `most`: {self.least} and {self.most}",
                "write a number between them, or move them",
                "initial",
            )
        return self


class _Windowed(Limit):
    """Base of those that begin somewhere and move once in a window of answers."""

    initial: Annotated[int, Count(1, MOST_AT_ONCE), word("the limit at the beginning", "10")] = 20
    window: Annotated[
        Seconds, word("it moves once in so long, seconds; 0s is after every answer", "500ms")
    ] = 1.0
    samples: Annotated[
        int,
        Count(1, MOST_LOOKED_AT),
        word("a window lasts until it has so many answers and drops", "5"),
    ] = 10

    @property
    def at_first(self) -> int:
        """The limit at the beginning."""
        return self.initial


class Aimd(_Windowed):
    """It grows by 1 after a good window and shrinks to `backoff` of itself after a bad one.

    A window is bad if an attempt in it was dropped, or if its answers took longer than `target`
    on average. One in which fewer than half of the limit were under way at once moves nothing.
    The rule and its numbers are those of AIMDLimit in Netflix's concurrency-limits.
    """

    kind: Literal["aimd"] = "aimd"
    backoff: Annotated[Part, word("what is left of the limit after a bad window", "50%")] = 0.9
    target: Annotated[
        PositiveSeconds | None,
        word("mean time of answers beyond which a window is bad, seconds; any if absent", "100ms"),
    ] = None

    @model_validator(mode="after")
    def _shrinks(self) -> Aimd:
        if self.backoff >= 1.0:
            raise Refused("never shrinks the limit", "write less than 100%", "backoff")
        return self


class Gradient(_Windowed):
    """It follows the ratio of how long answers take in the long run to how long they take now.

    With S the mean of a window and L the moving mean of `memory` windows, the limit goes a part
    `smoothing` of the way to limit · g + `headroom`, where g = tolerance · L / S, at least ½ and at
    most 1. L shrinks by a twentieth where it is more than twice S. One in which fewer than half
    of the limit were under way moves nothing. The rule and its numbers are those of Gradient2Limit
    in Netflix's concurrency-limits.
    """

    kind: Literal["gradient"] = "gradient"
    tolerance: Annotated[
        float,
        Number(least=1.0, most=1000.0),
        word("how many times as long as usual answers may take", "2"),
    ] = 1.5
    headroom: Annotated[
        int, Count(0, MOST_AT_ONCE), word("by how much it may grow in one step", "4")
    ] = 4
    smoothing: Annotated[Part, word("part of the way that it goes in one step", "20%")] = 0.2
    memory: Annotated[
        int, Count(1, MOST_LOOKED_AT), word("windows in the mean of the long run", "600")
    ] = 600


class MinRtt(Limit):
    """It follows the ratio of how long answers take with few under way to how long they take now.

    `every` so often no more than `least` are let in until `probes` answers of attempts begun since
    have come; their percentile M is what is usual. After each window with percentile S the limit
    is limit · g and its square root more, where g = (1 + buffer) · M / S, at least ½ and at most 2.
    It measures anew when it has been `least` five times in a row. The rule and its numbers are
    those of Envoy's gradient controller, without the jitter of its measurements.
    """

    kind: Literal["min_rtt"] = "min_rtt"
    least: Annotated[
        int,
        Count(1, MOST_AT_ONCE),
        word("how many are let in while it measures, and at first", "3"),
    ] = 3
    most: Annotated[int, Count(1, MOST_AT_ONCE), word("it never goes above this", "100")] = 1000
    window: Annotated[Seconds, word("it moves once in so long, seconds", "100ms")] = 0.1
    percentile: Annotated[Part, word("which percentile of the times counts", "90%")] = 0.5
    buffer: Annotated[
        float,
        Number(most=1000.0),
        word("how much longer than usual answers may take, as a part of it", "0.25"),
    ] = 0.25
    every: Annotated[PositiveSeconds, word("time between two measurements, seconds", "60s")] = 60.0
    probes: Annotated[int, Count(1, MOST_LOOKED_AT), word("answers that are measured", "50")] = 50


LIMITS: dict[str, type[Model]] = {"aimd": Aimd, "gradient": Gradient, "min_rtt": MinRtt}
