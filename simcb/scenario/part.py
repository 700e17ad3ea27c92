"""The frozen building blocks of a scenario: parts, tables by name, and families by kind.

A part is a frozen model that knows no other words than its fields. A table maps names to
parts. A family is a set of parts told apart by their `kind`; an explicit dictionary lists
its members, so a new member is one class and one line. This module must not know which
parts exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict
from pydantic_core import core_schema

from simcb.scenario.forms import Form, Name
from simcb.scenario.refusal import Refused, choice_remedy, listed, quoted, with_article

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

V = TypeVar("V", covariant=True)

KIND_TAG = "kind="
"""Prefix of the path element that names a family's member; no written name can hold `=`."""


@dataclass(frozen=True)
class Twins:
    """Two words of a part that say the same in two ways, of which a file gives one.

    A change from outside that names one of them drops the other; see `overrides`. Both words
    are the attributes' names, too.

    Args:
        one: a word; it is the one to blame if a file gives both.
        other: its twin.
        key: if `one` is short for a part, the word of that part that has its value.
        rest: the other words of that part, as a file has them.
    """

    one: str
    other: str
    key: str = ""
    rest: tuple[tuple[str, str], ...] = ()

    def twin_of(self, word: str) -> str | None:
        """Return the other word of the two; None for a word that is neither."""
        return {self.one: self.other, self.other: self.one}.get(word)


class Part(BaseModel):
    """One object of a scenario: frozen, and closed to unknown words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    twins: ClassVar[tuple[Twins, ...]] = ()
    """Words of which only one may be given."""

    named_whole: ClassVar[bool] = False
    """Whether a place inside it goes by its whole path alone, so that it makes no other unclear."""

    def demand_no_twins(self) -> None:
        """Refuse a part that has two words of which only one may be given.

        Raises:
            Refused: it has both; the remedy shows how the short word is spelt in the long form.
        """
        for twins in self.twins:
            words = (twins.one, twins.other)
            if all(w in self.model_fields_set and getattr(self, w) is not None for w in words):
                remedy = "keep one of the two"
                if twins.key:
                    examples = type(self).model_fields[twins.one].examples or ["…"]
                    spelt = (*twins.rest, (twins.key, examples[0]))
                    inside = ", ".join(f"{word}: {value}" for word, value in spelt)
                    remedy += f"; in `{twins.other}` write `{{{inside}}}`"
                raise Refused(f"is given beside `{twins.other}`", remedy, twins.one)


class Named(Mapping[str, V], Generic[V]):
    """A mapping from names to parts that nobody can change, in the file's order.

    It can be hashed and pickled, which a `MappingProxyType` cannot; two of them are equal
    whatever their order.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Mapping[str, V]) -> None:
        self._parts = dict(parts)

    def __getitem__(self, name: str) -> V:
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __hash__(self) -> int:
        return hash(frozenset(self._parts.items()))

    def __repr__(self) -> str:
        return repr(self._parts)

    def __reduce__(self) -> tuple[type[Named[V]], tuple[dict[str, V]]]:
        return (type(self), (self._parts,))


@dataclass(frozen=True)
class Table:
    """Annotation of a `Mapping[str, Part]` field: names are checked, the result is frozen."""

    at_least: int = 0
    most: int = 1000
    names: Form = field(default_factory=Name)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        entries = core_schema.dict_schema(
            self.names.__get_pydantic_core_schema__(str, handler),
            handler.generate_schema(get_args(source)[1]),
        )
        return core_schema.no_info_before_validator_function(
            self._counted,
            core_schema.no_info_after_validator_function(Named, entries),
            serialization=core_schema.plain_serializer_function_ser_schema(dict),
        )

    def _counted(self, value: object) -> object:
        if not isinstance(value, Mapping):
            what = "is null" if value is None else "is not a mapping"
            raise Refused(what, "write one line `name:` for each, with its words below")
        if len(value) < self.at_least:
            raise Refused("is empty", f"write at least {self.at_least}")
        if len(value) > self.most:
            raise Refused(f"has {len(value)} entries", f"write at most {self.most}")
        return value


@dataclass(frozen=True)
class Family:
    """Annotation of a field whose part is chosen by `kind` from an explicit dictionary.

    Args:
        noun: what the family is called in messages.
        members: kind → class; the class has a `kind` field of that one value.
        shorthand: (kind, field) that a bare scalar stands for, if one may be written.
        scalar: the form of that scalar.
    """

    noun: str
    members: Mapping[str, type[Part]] = field(hash=False)
    shorthand: tuple[str, str] | None = None
    scalar: Form | None = None

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        choices = {
            KIND_TAG + kind: handler.generate_schema(member)
            for kind, member in self.members.items()
        }
        return core_schema.no_info_before_validator_function(
            self.spelt_out,
            core_schema.tagged_union_schema(choices, discriminator=_tag),
        )

    def spelt_out(self, value: object) -> object:
        """Return the value with its kind known, a bare scalar spelt out as a mapping."""
        if isinstance(value, tuple(self.members.values())):
            return value
        if isinstance(value, Mapping):
            self._check_kind(value)
            return value
        if self.shorthand and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            kind, key = self.shorthand
            return {"kind": kind, key: value}
        remedy = f"write a mapping like `{{kind: {next(iter(self.members))}, …}}`"
        if isinstance(value, str) and value in self.members:
            remedy = f"write a mapping: `{{kind: {value}, …}}`"
        what = "is null" if value is None else f"is not {with_article(self.noun)}"
        raise Refused(what, remedy)

    def _check_kind(self, value: Mapping[object, object]) -> None:
        if "kind" not in value:
            raise Refused("has no `kind`", f"add {self._kinds()}")
        kind = value["kind"]
        if isinstance(kind, str) and kind in self.members:
            return
        word = kind if isinstance(kind, str) else str(kind)
        known = f"the kinds are {listed(self.members)}"
        remedy = choice_remedy(word, self.members)
        if remedy.startswith("did"):
            remedy = f"{remedy} ({known})"
        raise Refused(f"{quoted(word)} is not a kind of {self.noun}", remedy, "kind")

    def _kinds(self) -> str:
        return f"`kind:` with one of: {listed(self.members)}"


@dataclass(frozen=True)
class OneOrMore:
    """Annotation of a tuple of parts for which one bare scalar may stand.

    Args:
        key: the field that the scalar is the value of.
        rest: the other required fields of that one part, as a file has them.
    """

    key: str
    rest: tuple[tuple[str, str], ...]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.spelt_out, handler(source))

    def spelt_out(self, value: object) -> object:
        """Return the value as a list."""
        if isinstance(value, (list, tuple)):
            return value
        return [{**dict(self.rest), self.key: value}]

    def in_brief(self, items: list[object]) -> object:
        """Return the one scalar that says the same as the list, or the list."""
        match items:
            case [dict() as only] if {**only, self.key: None} == {
                **dict(self.rest),
                self.key: None,
            }:
                return only[self.key]
        return items


@dataclass(frozen=True)
class OneAlone:
    """Annotation of a tuple of parts of which a single one may be written without its list.

    Args:
        noun: what the parts are called in messages.
    """

    noun: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self.spelt_out, handler(source))

    def spelt_out(self, value: object) -> object:
        """Return the value as a list."""
        if value is None:
            raise Refused("is null", f"write a list of {self.noun}, or one alone")
        return value if isinstance(value, (list, tuple)) else [value]

    def in_brief(self, items: list[object]) -> object:
        """Return the one item of a list, or the list."""
        return items[0] if len(items) == 1 else items


def _tag(value: object) -> str:
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
    return f"{KIND_TAG}{kind}"
