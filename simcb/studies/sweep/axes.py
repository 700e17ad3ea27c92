"""Axes as they are asked for: the scenario's own grammar, its refusals told as a study's.

What a spec means is known in `simcb.scenario.axes` alone, and the numbers in it in `units`;
their names are passed on from here.
"""

from __future__ import annotations

from collections.abc import Mapping

from simcb.options import Over
from simcb.scenario.axes import DIGITS, EXAMPLES, Axis, Span, parse_spec
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.units import Measuring, Value, quantity_of, written
from simcb.studies import StudyError

__all__ = [
    "DIGITS",
    "Axis",
    "Measuring",
    "Over",
    "Span",
    "Value",
    "axes_of",
    "axis_of",
    "parse_axis",
    "quantity_of",
    "written",
]


def parse_axis(text: str) -> Axis:
    """Read `PATH=SPEC`: what `--over` takes.

    Raises:
        StudyError: the text is not of that form, or the spec is none.
    """
    path, equals, spec = text.partition("=")
    if not equals or not path.strip() or not spec.strip():
        examples = " or ".join(f"PATH={each}" for each in EXAMPLES)
        raise StudyError(f"{quoted(text)} is not an axis", f"write {examples}")
    return axis_of(path.strip(), spec)


def axis_of(path: str, spec: object) -> Axis:
    """Return the axis of a path: a spec as text, or a list of the values themselves.

    Raises:
        StudyError: the spec is not one, or there are no values, or too many.
    """
    try:
        return parse_spec(spec).at(path)
    except Refused as refused:
        raise StudyError(f"{quoted(path)}: {refused.what}", refused.remedy) from None


def axes_of(over: Over) -> tuple[Axis, ...]:
    """Return all axes that are asked for.

    Raises:
        StudyError: one of them is none.
    """
    if isinstance(over, Mapping):
        return tuple(axis_of(path, values) for path, values in over.items())
    if isinstance(over, str):
        return (parse_axis(over),)
    return tuple(parse_axis(text) for text in over)
