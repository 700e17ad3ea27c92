"""How many replicas there are, by how busy they are: the `scale` of a service."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import model_validator

from simcb.scenario.faults import MOST_REPLICAS
from simcb.scenario.fields import Model
from simcb.scenario.refusal import Refused
from simcb.scenario.scalars import Count, PositiveSeconds, Seconds, Share, word


class Measured(StrEnum):
    """When a worker is busy: while it works itself, or for as long as anything holds it."""

    WORKING = "working"
    HELD = "held"


class Scale(Model):
    """An autoscaler, whose rule is that of Kubernetes' HorizontalPodAutoscaler.

    Every so often it takes the busy share of the workers since it last looked, of the replicas
    that take work and are not down, and wants ⌈their number × share / target⌉ of them, or as many
    as there are if that share is within `tolerance` of the target. Replicas on their way count as
    idle ones while more are wanted, and not at all while fewer are. More are started at once and
    take work after `delay`; fewer there are once no more were wanted for all of `window`.

    `working` is what a processor's time says: a worker that hangs, or waits for the answer of a
    call, uses none. To `held` it is as busy as any other.
    """

    target: Annotated[
        float, Share(above=0.0), word("busy share of its workers that it aims at", "60%")
    ]
    measure: Annotated[
        Measured,
        word(
            "when a worker is busy: `working`, as a processor's time has it, or `held`, while it "
            "hangs or waits for calls too",
            "held",
        ),
    ] = Measured.WORKING
    every: Annotated[PositiveSeconds, word("time from look to look, seconds", "15s")] = 15.0
    delay: Annotated[
        Seconds, word("time from the start of a replica until it takes work, seconds", "30s")
    ] = 30.0
    least: Annotated[int, Count(1, MOST_REPLICAS), word("replicas that there always are", "2")] = 1
    most: Annotated[int, Count(1, MOST_REPLICAS), word("replicas that there are at most", "20")]
    tolerance: Annotated[
        float,
        Share(),
        word("how far from the target, as a share of it, the busy share is let be", "10%"),
    ] = 0.1
    window: Annotated[
        Seconds,
        word("for how long no more were wanted before there are fewer, seconds", "5m"),
    ] = 300.0

    @model_validator(mode="after")
    def _in_order(self) -> Scale:
        if self.least > self.most:
            raise Refused(
                f"is {self.least} at least and {self.most} at most",
                f"write a `least` of {self.most} or less",
                "least",
            )
        return self

    def bounded(self, replicas: int) -> int:
        """Return a number of replicas, or the nearest that is allowed."""
        return min(max(replicas, self.least), self.most)
