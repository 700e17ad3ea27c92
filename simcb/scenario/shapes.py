"""The shape of a scenario file, derived from the models: which words may stand where.

Messages, overrides, the writer and the JSON Schema all walk the same shapes, so a new field
or kind is known to all of them at once. This module must not know any particular part.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal, TypeAlias, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from simcb.scenario.forms import Form, KindWord
from simcb.scenario.part import Family, OneAlone, OneOrMore, Part, Table


@dataclass(frozen=True)
class Leaf:
    """A scalar of some form."""

    form: Form


@dataclass(frozen=True)
class Object:
    """A mapping with the words of one part."""

    part: type[Part]


@dataclass(frozen=True)
class Kinds:
    """A mapping whose `kind` says which part it is."""

    family: Family


@dataclass(frozen=True)
class Entries:
    """A mapping from free names to shapes alike."""

    item: Shape
    table: Table


@dataclass(frozen=True)
class Listing:
    """A list of shapes alike; `brief` if one scalar, or one item alone, may stand for it."""

    item: Shape
    brief: OneOrMore | OneAlone | None

    @property
    def lone(self) -> bool:
        """Whether one item may be written without its list."""
        return isinstance(self.brief, OneAlone)


Shape: TypeAlias = Leaf | Object | Kinds | Entries | Listing


@dataclass(frozen=True)
class Slot:
    """One word of a part: the place in a file where its value stands.

    Args:
        word: the file's word.
        attribute: the Python attribute.
        shape: what may be written.
        optional: whether `null` may be written.
        field: the model's field, with its default, description and example.
    """

    word: str
    attribute: str
    shape: Shape
    optional: bool
    field: FieldInfo

    @property
    def required(self) -> bool:
        """Whether a file must have the word."""
        return self.field.is_required() or (isinstance(self.shape, Leaf) and self.word == "kind")

    @property
    def example(self) -> str:
        """The word with a value, as a file might have it."""
        value = self.field.examples[0] if self.field.examples else "…"
        return f"{self.word}: {value}"


@cache
def slots(part: type[Part]) -> Mapping[str, Slot]:
    """Return every word of a part, in the model's order; what no file holds is left out."""
    found: dict[str, Slot] = {}
    for attribute, field in part.model_fields.items():
        if field.exclude:
            continue
        word = field.serialization_alias or attribute
        shape, optional = _shape(field.annotation, tuple(field.metadata))
        found[word] = Slot(word, attribute, shape, optional, field)
    return types.MappingProxyType(found)


def member(family: Family, kind: object) -> Object | None:
    """Return the shape of a family's member, or None for an unknown kind."""
    part = family.members.get(kind) if isinstance(kind, str) else None
    return Object(part) if part else None


def to_data(value: object, shape: Shape) -> object:
    """Return a part as plain data in the file's words, without what was never set.

    Reading the result back gives an equal part.
    """
    if value is None:
        return None
    match shape:
        case Leaf(form):
            return form.write(value)
        case Entries(item) if isinstance(value, Mapping):
            return {name: to_data(part, item) for name, part in value.items()}
        case Listing(item, brief) if isinstance(value, tuple):
            items = [to_data(one, item) for one in value]
            return brief.in_brief(items) if brief else items
        case Kinds(family) if isinstance(value, Part):
            return _in_brief(family, _words(value))
    if isinstance(value, Part):
        return _words(value)
    raise TypeError(f"{value!r} does not belong in a scenario")


def _words(part: Part) -> dict[str, object]:
    words: dict[str, object] = {}
    for word, slot in slots(type(part)).items():
        value = getattr(part, slot.attribute)
        chosen = slot.required or slot.attribute in part.model_fields_set
        if chosen and not (value is None and slot.field.default is None):
            words[word] = to_data(value, slot.shape)
    return words


def _in_brief(family: Family, words: dict[str, object]) -> object:
    if family.shorthand and words.get("kind") == family.shorthand[0] and len(words) == 2:
        return words[family.shorthand[1]]
    return words


def _shape(annotation: object, marks: tuple[object, ...]) -> tuple[Shape, bool]:
    """Return the shape an annotation stands for, and whether it may be null."""
    if get_origin(annotation) is Annotated:
        inner, *outer = get_args(annotation)
        return _shape(inner, (*outer, *marks))
    if get_origin(annotation) in (Union, types.UnionType):
        inner = next(arg for arg in get_args(annotation) if arg is not type(None))
        return _shape(inner, marks)[0], True
    for mark in marks:
        if isinstance(mark, Form):
            return Leaf(mark), False
        if isinstance(mark, Family):
            return Kinds(mark), False
        if isinstance(mark, Table):
            return Entries(_shape(get_args(annotation)[1], ())[0], mark), False
    if get_origin(annotation) is Literal:
        return Leaf(KindWord(get_args(annotation)[0])), False
    if get_origin(annotation) is tuple:
        brief = next((mark for mark in marks if isinstance(mark, (OneOrMore, OneAlone))), None)
        return Listing(_shape(get_args(annotation)[0], ())[0], brief), False
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return Object(annotation), False
    raise TypeError(f"a field of type {annotation!r} has no place in a scenario file")
