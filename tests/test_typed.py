"""A value is held against its annotations, down to its smallest part."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from simcb.typed import mistyped


@dataclass(frozen=True)
class Point:
    """Two of the kinds that records have."""

    x: float
    name: str | None = None


@pytest.mark.parametrize(
    ("value", "hint", "places"),
    [
        (1, float, []),
        (True, float, ["it"]),
        (True, int, ["it"]),
        (1, bool, ["it"]),
        (1.5, int, ["it"]),
        (None, str | None, []),
        (3, str | None, ["it"]),
        ((1, 2, "3"), tuple[int, ...], ["it.2"]),
        ([1], tuple[int, ...], ["it"]),
        ({"a": 1, "b": "c"}, dict[str, int], ["it.b"]),
        ({1: 1}, dict[str, int], ["it.1"]),
        (Point(1.0, "a"), Point, []),
        (Point("1", 2), Point, ["it.x", "it.name"]),  # type: ignore[arg-type]
        ((Point(1.0), Point([])), tuple[Point, ...], ["it.1.x"]),  # type: ignore[arg-type]
        ("a", Point, ["it"]),
    ],
)
def test_what_is_of_another_type_is_named(value: object, hint: object, places: list[str]) -> None:
    """A whole number is a number, a truth value is none, a list is no tuple."""
    assert list(mistyped(value, hint, "it")) == places
