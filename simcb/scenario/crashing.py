"""Load that breaks a process: the `crash` of a service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationInfo, model_validator

from simcb.scenario.fields import Model
from simcb.scenario.scalars import FROM_FILE, PositiveSeconds, Share, word


class Crash(Model):
    """A replica that is full for too long starts anew: its queue and its work are lost.

    It is what an out-of-memory killer does, or a liveness check that a full process no longer
    answers. While it starts it refuses connections.
    """

    above: Annotated[
        float, Share(above=0.0), word("share of its workers that are held when it is full", "95%")
    ] = 1.0
    lasts: Annotated[PositiveSeconds, Field()] = Field(
        validation_alias="for",
        serialization_alias="for",
        description="how long it is full before it falls, seconds",
        examples=["10s"],
    )
    restart: Annotated[PositiveSeconds, word("how long it takes to start anew, seconds", "30s")]

    @model_validator(mode="before")
    @classmethod
    def _python_spelling(cls, data: object, info: ValidationInfo) -> object:
        # `for` cannot be a keyword argument; in a file `lasts` is no word of ours.
        if info.context == FROM_FILE or not isinstance(data, Mapping) or "lasts" not in data:
            return data
        return {("for" if key == "lasts" else key): value for key, value in data.items()}
