"""The sweep that is kept beside a scenario: what `simcb sweep` tries unless it is told otherwise.

The block decides nothing about a run. Its axes name places of the scenario it stands in, which
`sweep_checks` looks for. This module must not know metrics, so `by` and `refine` are text here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field

from simcb.scenario.axes import Axis, Spec, parse_spec
from simcb.scenario.designs import MOST_AXES, Design, parse_design
from simcb.scenario.forms import Count, Form, Text, seen
from simcb.scenario.part import Part, Table
from simcb.scenario.refusal import Refused

REPLICATES = 10
"""Runs of each setting, unless it is told."""

MOST_REPLICATES = 10_000
"""The most runs of one setting."""

DEPTH = 3
"""How often a refinement halves the distance between neighbours, unless it is told."""

DEEPEST = 8
"""How often it can at most."""

LONGEST_PATH = 1000
"""The longest path of an axis, in characters."""

DESIGN = Design()
"""Every combination, unless it is told."""

_WORDS = {"null": None, "true": True, "false": False}


@dataclass(frozen=True)
class SpecForm(Form):
    """What an axis runs through: the text of a spec, or a list of values."""

    def read(self, value: object, from_file: bool) -> Spec:
        """Return what the text or the list means."""
        return value if isinstance(value, Spec) else parse_spec(value)

    def write(self, value: object) -> object:
        """Return the text or the list as it was written."""
        if not isinstance(value, Spec):
            return value
        if isinstance(value.written, str):
            return value.written
        return [_WORDS.get(each, each) if isinstance(each, str) else each for each in value.written]

    def described(self) -> dict[str, object]:
        """Describe a JSON string or array."""
        return {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "minItems": 1}]}


@dataclass(frozen=True)
class DesignForm(Form):
    """How settings are made of axes, in one word."""

    def read(self, value: object, from_file: bool) -> Design:
        """Return the design of that word."""
        if isinstance(value, Design):
            return value
        if not isinstance(value, str):
            raise Refused(f"{seen(value)} is no design", "write grid, zip or lhs:N, as in lhs:50")
        return parse_design(value)

    def write(self, value: object) -> object:
        """Return the word."""
        return str(value)

    def described(self) -> dict[str, object]:
        """Describe a JSON string that is one of the words."""
        return {"type": "string", "pattern": "^(grid|zip|lhs:[0-9]+)$"}


class Sweep(Part):
    """What `simcb sweep` tries unless it is told otherwise; it decides nothing about a run."""

    named_whole: ClassVar[bool] = True

    over: Annotated[
        Mapping[str, Annotated[Spec, SpecForm()]],
        Table(at_least=1, most=MOST_AXES, names=Text(most=LONGEST_PATH)),
    ] = Field(
        description="what is varied: a path, and the values that stand there in turn, as a list "
        "or as a spec like 5s..120s/8@log",
        examples=["{breaker.failure_threshold: [3, 5, 10]}"],
    )
    design: Annotated[Design, DesignForm()] = Field(
        default=DESIGN,
        description="every combination, the n-th values together, or N by Latin hypercube sampling",
        examples=["lhs:50"],
    )
    replicates: Annotated[int, Count(least=1, most=MOST_REPLICATES)] = Field(
        default=REPLICATES, description="runs of each setting", examples=["10"]
    )
    by: Annotated[str, Text(most=400, least=1)] | None = Field(
        default=None,
        description="the metric by which settings are ranked; goodput if absent",
        examples=['"success{fault}"'],
    )
    refine: Annotated[str, Text(most=400, least=1)] | None = Field(
        default=None,
        description="a border along which settings are added",
        examples=["collapse=50%"],
    )
    depth: Annotated[int, Count(least=1, most=DEEPEST)] = Field(
        default=DEPTH,
        description="how often the refinement halves the distance between neighbours",
        examples=["3"],
    )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What is varied, in the file's order."""
        return tuple(spec.at(path) for path, spec in self.over.items())
