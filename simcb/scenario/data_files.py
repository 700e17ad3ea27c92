"""The parts of a scenario whose numbers stand in a data file beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from simcb.scenario.fields import Model, Named
from simcb.scenario.recorded import Column, recording_text

M = TypeVar("M")


class DataBacked(Model):
    """Base of what has its numbers from a data file, or may have."""

    file: str | None

    @property
    def column(self) -> Column:
        """Which column of the file is meant."""
        raise NotImplementedError

    @property
    def numbers(self) -> tuple[float, ...]:
        """What the column holds."""
        raise NotImplementedError

    def to_csv(self) -> str:
        """Return the text of a data file that holds the same numbers."""
        return recording_text(self.numbers, self.column)


def data_backed(value: object, path: str = "") -> Iterator[tuple[str, DataBacked]]:
    """Yield each part of a model that has its numbers from a file, with its dotted path."""
    if isinstance(value, DataBacked) and value.file is not None:
        yield path, value
        return
    for name, inner in _inside(value):
        if isinstance(inner, Model | tuple | Mapping):  # most of a scenario is neither
            yield from data_backed(inner, f"{path}.{name}" if path else name)


def with_data_backed(value: M, change: Callable[[DataBacked], DataBacked]) -> M:
    """Return a model with each such part changed."""
    if isinstance(value, DataBacked) and value.file is not None:
        return change(value)  # type: ignore[return-value]
    if not any(True for _ in data_backed(value)):
        return value
    if isinstance(value, Model):
        inside = {name: with_data_backed(inner, change) for name, inner in _inside(value)}
        return value.model_copy(update=inside)
    if isinstance(value, Mapping):
        named = {name: with_data_backed(inner, change) for name, inner in value.items()}
        return Named(named)  # type: ignore[return-value]
    assert isinstance(value, tuple)
    return tuple(with_data_backed(inner, change) for inner in value)  # type: ignore[return-value]


def _inside(value: object) -> Iterator[tuple[str, object]]:
    """Yield what may hold models in a model, a mapping or a list of them."""
    if isinstance(value, Model):
        yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    elif isinstance(value, Mapping):
        yield from ((str(name), inner) for name, inner in value.items())
    elif isinstance(value, tuple) and value and isinstance(value[0], Model):
        yield from ((str(number), inner) for number, inner in enumerate(value))
