"""What goes wrong: faults by kind, each for a while, on one service or client group.

A new fault is one class here and one line in `FAULTS`. Faults only describe; the conditions
at a moment are derived from them elsewhere. This module must not know the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, model_validator

from simcb.scenario.forms import FROM_FILE, Count, Name
from simcb.scenario.part import Part
from simcb.scenario.quantities import Portion, Quantity, Seconds
from simcb.scenario.refusal import Refused

MOST_REPLICAS = 1000
"""The most replicas of one service."""

GREATEST_TIMES = 1e6
"""The greatest multiple a fault may cause."""

Times = Annotated[float, Quantity(most=GREATEST_TIMES)]


class Target(StrEnum):
    """What a fault's `on` names."""

    SERVICE = "service"
    CLIENTS = "client group"


class Fault(Part):
    """Base of all faults: where, when, for how long, and for what share."""

    target: ClassVar[Target] = Target.SERVICE
    not_for_this: ClassVar[tuple[str, ...]] = ()

    kind: str
    on: Annotated[str, Name()] = Field(
        description="the service it strikes (for a surge: the client group)",
        examples=["payments"],
    )
    at: Seconds = Field(description="when it begins, seconds", examples=["1m"])
    lasts: Seconds = Field(
        validation_alias="for",
        serialization_alias="for",
        description="how long it lasts, seconds",
        examples=["2m"],
    )
    replicas: tuple[Annotated[int, Count(most=MOST_REPLICAS - 1)], ...] | None = Field(
        default=None,
        description="the replicas it strikes, counted from 0; all if absent",
        examples=["[1]"],
    )
    share: Portion = Field(
        default=1.0, description="share of attempts it strikes, by lot", examples=["20%"]
    )
    ramp: Seconds = Field(
        default=0.0,
        description="how long it takes to grow to its strength and, at its end, to fade, seconds",
        examples=["10s"],
    )
    name: Annotated[str, Name()] | None = Field(
        default=None, description="its name in tables and plots", examples=["outage"]
    )

    @model_validator(mode="before")
    @classmethod
    def _python_spelling(cls, data: object, info: ValidationInfo) -> object:
        # `for` cannot be a keyword argument; in a file `lasts` is no word of ours.
        if info.context == FROM_FILE or not isinstance(data, Mapping) or "lasts" not in data:
            return data
        return {("for" if key == "lasts" else key): value for key, value in data.items()}

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        if 2 * self.ramp > self.lasts:
            raise Refused(
                "goes in and out for longer than the fault lasts",
                "write a ramp of half of `for` or less",
                "ramp",
            )
        if self.replicas is not None and not self.replicas:
            raise Refused("is empty", "name a replica like `[0]`, or leave it out", "replicas")
        if self.replicas is not None and len(set(self.replicas)) != len(self.replicas):
            raise Refused("names a replica twice", "write each replica once", "replicas")
        for key in self.not_for_this:
            if getattr(self, key) != type(self).model_fields[key].default:
                raise Refused(f"means nothing to {self.kind}", "leave it out", key)
        return self

    @property
    def until(self) -> float:
        """The moment it is over, in seconds: it strikes while at ≤ t < until."""
        return self.at + self.lasts


class Latency(Fault):
    """Work takes longer: `times` as long, and `add` more."""

    kind: Literal["latency"] = "latency"
    add: Seconds | None = Field(
        default=None, description="extra time for each attempt, seconds", examples=["200ms"]
    )
    times: Times | None = Field(
        default=None, description="multiple of the usual time", examples=["3"]
    )

    @model_validator(mode="after")
    def _does_something(self) -> Latency:
        if self.add is None and self.times is None:
            raise Refused(
                "says neither how much nor how many times", "add `add: 200ms` or `times: 3`"
            )
        return self

    @property
    def added(self) -> float:
        """Extra seconds, 0 if not given."""
        return 0.0 if self.add is None else self.add

    @property
    def multiplied(self) -> float:
        """Multiple of the usual time, 1 if not given."""
        return 1.0 if self.times is None else self.times


class Errors(Fault):
    """A share of the answers fails, after the usual time."""

    kind: Literal["errors"] = "errors"
    rate: Portion = Field(description="share of answers that fail", examples=["30%"])


class Hang(Fault):
    """Work never ends while the fault lasts, and holds its worker."""

    kind: Literal["hang"] = "hang"


class Refuse(Fault):
    """Connections are refused at once, as by a crashed process."""

    kind: Literal["refuse"] = "refuse"


class Capacity(Fault):
    """Only a part of the workers is left."""

    not_for_this: ClassVar[tuple[str, ...]] = ("share",)

    kind: Literal["capacity"] = "capacity"
    times: Annotated[float, Quantity(most=1.0)] = Field(
        description="part of the workers that is left, 0 to 1", examples=["0.25"]
    )


class Surge(Fault):
    """A client group sends `times` its usual rate."""

    target: ClassVar[Target] = Target.CLIENTS
    not_for_this: ClassVar[tuple[str, ...]] = ("share", "replicas")

    kind: Literal["surge"] = "surge"
    times: Times = Field(description="multiple of the usual rate", examples=["3"])


FAULTS: dict[str, type[Part]] = {
    "latency": Latency,
    "errors": Errors,
    "hang": Hang,
    "refuse": Refuse,
    "capacity": Capacity,
    "surge": Surge,
}
