"""How a client group's requests arrive: the `arrivals` of the file.

A new kind of arrivals is one class here and one line in `ARRIVALS`. This module must not
know how arrivals are drawn.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from simcb.scenario.part import OneOrMore, Part
from simcb.scenario.quantities import Rate, Seconds
from simcb.scenario.refusal import Refused


class RatePoint(Part):
    """A rate that holds from a moment on, reached linearly over a ramp.

    Before the first point the rate is 0, so a ramp at 0s begins there.
    """

    at: Seconds = Field(description="when the change begins, seconds", examples=["1m"])
    rate: Annotated[float, Rate()] = Field(
        description="rate after the ramp, per second", examples=["40/s"]
    )
    ramp: Seconds = Field(
        default=0.0, description="how long the change takes, seconds", examples=["10s"]
    )

    @property
    def reached(self) -> float:
        """The moment from which the rate is constant, in seconds."""
        return self.at + self.ramp


RatePoints = Annotated[tuple[RatePoint, ...], OneOrMore("rate", (("at", "0s"),))]
"""One rate, or a list of points."""


class Arrivals(Part):
    """Base of all kinds of arrivals."""

    kind: str


class OpenArrivals(Arrivals):
    """Requests that come whether or not earlier ones are answered."""

    rate: RatePoints = Field(
        description="requests per second: one rate, or a list of {at, rate, ramp}",
        examples=["40/s"],
    )

    @model_validator(mode="after")
    def _in_order(self) -> OpenArrivals:
        if not self.rate:
            raise Refused("has no points", "write a rate like `40/s`", "rate")
        if self.rate[0].at != 0:
            raise Refused("does not begin at 0s", "give the first point `at: 0s`", "rate")
        for before, after in zip(self.rate, self.rate[1:], strict=False):
            if after.at <= before.at:
                raise Refused("is not in order of time", "sort the points by `at`", "rate")
            if after.at < before.reached:
                raise Refused(
                    "has a ramp that goes on past the next point",
                    "shorten the `ramp` or move the next point",
                    "rate",
                )
        return self


class Poisson(OpenArrivals):
    """Requests that arrive independently of each other: exponential gaps at the given rate."""

    kind: Literal["poisson"] = "poisson"


class Constant(OpenArrivals):
    """Requests that arrive evenly spaced at the given rate."""

    kind: Literal["constant"] = "constant"


ARRIVALS: dict[str, type[Part]] = {"poisson": Poisson, "constant": Constant}
