"""The models of a scenario: frozen, closed to unknown words, and walked by their shape.

A field holds a scalar, a model, a mapping by name, a list, or one of several models that are
told apart by their `kind`; an explicit dictionary lists those, so a new kind is one class and one
line.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

from simcb.scenario.problems import Mark, Source
from simcb.scenario.refusal import Refused, choice_remedy, listed, quoted, with_article
from simcb.scenario.scalars import Name, ScalarType
from simcb.scenario.tree import Node, from_plain

V = TypeVar("V", covariant=True)


@dataclass(frozen=True)
class Exclusive:
    """Two words of a model that say the same in two ways, of which a file gives one.

    A change from outside that names one of them drops the other; see `paths`. Both words
    are the attributes' names, too.
    """

    one: str  # a word; it is the one to blame if a file gives both
    other: str  # the word it excludes
    key: str = ""  # if `one` is short for a model, the word of that model that has its value
    rest: tuple[tuple[str, str], ...] = ()  # the other words of that model, as a file has them

    def excluded_by(self, word: str) -> str | None:
        """Return the other word of the two; None for a word that is neither."""
        return {self.one: self.other, self.other: self.one}.get(word)


def _shorten(schema: dict[str, Any], model: type[Model]) -> None:
    """Take out of a model's JSON Schema what says nothing to whoever writes a file."""
    schema.pop("title", None)
    if "description" in schema:
        schema["description"] = re.split(r"\n\s*\n", schema["description"])[0].replace("\n", " ")
    known = {word: schema["properties"][word] for word in fields(model)}
    for each in known.values():
        # Defaults and examples are in units of ours and not as a file has them.
        for key in ("title", "default", "examples"):
            each.pop(key, None)
    schema["properties"] = known
    if "kind" in known:
        schema["required"] = ["kind", *schema.get("required", ())]


class Model(BaseModel):
    """One object of a scenario: frozen, and closed to unknown words."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        defer_build=True,
        json_schema_extra=_shorten,
    )

    exclusive: ClassVar[tuple[Exclusive, ...]] = ()
    """Words of which only one may be given."""

    named_whole: ClassVar[bool] = False
    """Whether a place inside it goes by its whole path alone, so that it makes no other unclear."""

    def check_exclusive(self) -> None:
        """Refuse a model that has two words of which only one may be given, or raise `Refused`."""
        for pair in self.exclusive:
            words = (pair.one, pair.other)
            if all(w in self.model_fields_set and getattr(self, w) is not None for w in words):
                remedy = "keep one of the two"
                if pair.key:
                    example = fields(type(self))[pair.one].example.partition(": ")[2]
                    spelt = (*pair.rest, (pair.key, example))
                    inside = ", ".join(f"{word}: {value}" for word, value in spelt)
                    remedy += f"; in `{pair.other}` write `{{{inside}}}`"
                raise Refused(f"is given beside `{pair.other}`", remedy, pair.one)

    def to_data(self) -> dict[str, Any]:
        """Return plain data in the file's words, without what was never set.

        Reading it back gives an equal model.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kind = getattr(self, "kind", None)
        return ({"kind": kind} if kind else {}) | {
            word: value for word, value in handler(self).items() if value is not None
        }


class Named(Mapping[str, V], Generic[V]):
    """A mapping from names to models that nobody can change, in the file's order.

    It can be hashed and pickled, which a `MappingProxyType` cannot; two of them are equal
    whatever their order.
    """

    __slots__ = ("_models",)

    def __init__(self, models: Mapping[str, V]) -> None:
        self._models = dict(models)

    def __getitem__(self, name: str) -> V:
        return self._models[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def __hash__(self) -> int:
        return hash(frozenset(self._models.items()))

    def __repr__(self) -> str:
        return repr(self._models)

    def __reduce__(self) -> tuple[type[Named[V]], tuple[dict[str, V]]]:
        return (type(self), (self._models,))


@dataclass(frozen=True)
class ByName:
    """Annotation of a mapping from names: they are checked, the result is a `Named`."""

    at_least: int = 0
    most: int = 1000
    names: ScalarType = field(default_factory=Name)

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        entries = core_schema.dict_schema(
            handler.generate_schema(Annotated[str, self.names]),
            handler.generate_schema(get_args(source)[1]),
            min_length=self.at_least,
            max_length=self.most,
        )
        return core_schema.no_info_before_validator_function(
            self._checked,
            core_schema.no_info_after_validator_function(Named, entries),
            serialization=core_schema.wrap_serializer_function_ser_schema(
                lambda value, serialized: serialized(dict(value)), schema=entries
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "propertyNames": self.names.described}

    def _checked(self, value: object) -> object:
        if not isinstance(value, Mapping):
            what = "is null" if value is None else "is not a mapping"
            raise Refused(what, "write one line `name:` for each, with its words below")
        if len(value) < self.at_least:
            raise Refused("is empty", f"write at least {self.at_least}")
        if len(value) > self.most:
            raise Refused(f"has {len(value)} entries", f"write at most {self.most}")
        return value


def _abridged(
    schema: core_schema.CoreSchema,
    spelt_out: Callable[[object], object],
    in_brief: Callable[[Any], object],
) -> core_schema.CoreSchema:
    """Return the schema of what is also read in a short form, and written in it where it can be."""
    return core_schema.no_info_before_validator_function(
        spelt_out,
        schema,
        serialization=core_schema.wrap_serializer_function_ser_schema(
            lambda value, serialized: in_brief(serialized(value)), schema=schema
        ),
    )


@dataclass(frozen=True)
class OneOf:
    """Annotation of a field whose model is chosen by `kind` from an explicit dictionary."""

    noun: str  # what the models are called in messages
    kinds: Mapping[str, type[Model]] = field(hash=False)  # each has a `kind` of that one value
    shorthand: tuple[str, str] | None = None  # (kind, field) that a bare scalar stands for
    scalar: ScalarType | None = None  # what that scalar may be

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        choices = {kind: handler.generate_schema(model) for kind, model in self.kinds.items()}
        schema = core_schema.tagged_union_schema(choices, discriminator="kind")
        return _abridged(schema, self._spelt_out, self._in_brief)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described = handler(schema)
        return {"anyOf": [self.scalar.described, described]} if self.scalar else described

    def chosen(self, kind: object) -> Object | None:
        """Return the shape of one kind, or None for one that is unknown."""
        model = self.kinds.get(kind) if isinstance(kind, str) else None
        return Object(model) if model else None

    def _spelt_out(self, value: object) -> object:
        """Return the value with its kind known, a bare scalar spelt out as a mapping."""
        if isinstance(value, tuple(self.kinds.values())):
            return value
        if isinstance(value, Mapping):
            self._check_kind(value)
            return value
        if self.shorthand and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            kind, key = self.shorthand
            return {"kind": kind, key: value}
        remedy = f"write a mapping like `{{kind: {next(iter(self.kinds))}, …}}`"
        if isinstance(value, str) and value in self.kinds:
            remedy = f"write a mapping: `{{kind: {value}, …}}`"
        what = "is null" if value is None else f"is not {with_article(self.noun)}"
        raise Refused(what, remedy)

    def _check_kind(self, value: Mapping[object, object]) -> None:
        if "kind" not in value:
            raise Refused("has no `kind`", f"add `kind:` with one of: {listed(self.kinds)}")
        kind = value["kind"]
        if isinstance(kind, str) and kind in self.kinds:
            return
        written = kind if isinstance(kind, str) else str(kind)
        remedy = choice_remedy(written, self.kinds)
        if remedy.startswith("did"):
            remedy = f"{remedy} (the kinds are {listed(self.kinds)})"
        raise Refused(f"{quoted(written)} is not a kind of {self.noun}", remedy, "kind")

    def _in_brief(self, words: dict[str, object]) -> object:
        """Return the scalar that says the same as the words, or the words."""
        if self.shorthand and words["kind"] == self.shorthand[0] and len(words) == 2:
            return words[self.shorthand[1]]
        return words


@dataclass(frozen=True)
class OneOrMore:
    """Annotation of a tuple of models of which one may be written without its list."""

    noun: str  # what the models are called in messages
    key: str = ""  # if a bare scalar stands for one of them, the field that has its value
    rest: tuple[tuple[str, str], ...] = ()  # the other required fields of that one
    scalar: ScalarType | None = None  # what that scalar may be

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return _abridged(handler(source), self._spelt_out, self._in_brief)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        alone = self.scalar.described if self.scalar else several["items"]
        return {"anyOf": [alone, several]}

    def _spelt_out(self, value: object) -> object:
        """Return the value as a list."""
        if isinstance(value, (list, tuple)):
            return value
        if self.key:
            return [{**dict(self.rest), self.key: value}]
        if value is None:
            raise Refused("is null", f"write a list of {self.noun}, or one alone")
        return [value]

    def _in_brief(self, items: list[Any]) -> object:
        """Return what says the same as the list without it, or the list."""
        if len(items) != 1:
            return items
        if self.key:
            only, brief = {**items[0], self.key: None}, {**dict(self.rest), self.key: None}
            return items[0][self.key] if only == brief else items
        return items[0]


@dataclass(frozen=True)
class OrWord:
    """Annotation of a model for which a word may stand that says the same as one of its words."""

    word: str
    means: tuple[str, int]

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        key, value = self.means
        return _abridged(
            handler(source),
            lambda written: {key: value} if written == self.word else written,
            lambda words: self.word if words == {key: value} else words,
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"const": self.word}, handler(schema)]}


@dataclass(frozen=True)
class Object:
    """A mapping with the words of one model."""

    model: type[Model]


@dataclass(frozen=True)
class Entries:
    """A mapping from free names to shapes alike."""

    item: Shape


@dataclass(frozen=True)
class Listing:
    """A list of shapes alike; `lone` if one of them may be written without the list."""

    item: Shape
    lone: bool


Shape: TypeAlias = Object | OneOf | Entries | Listing | None
"""What may be written at a place; None for a scalar."""


@dataclass(frozen=True)
class ModelField:
    """One word of a model: the place in a file where its value stands."""

    word: str  # the file's word
    shape: Shape  # what may be written
    info: FieldInfo  # pydantic's description of it

    @property
    def required(self) -> bool:
        """Whether a file must have the word."""
        return self.info.is_required() or self.word == "kind"

    @cached_property
    def default(self) -> Node | None:
        """The model that stands where nothing is written, as if it were; None without one."""
        default = self.info.default
        if not isinstance(default, Model):
            return None
        return from_plain(default.to_data(), Mark(Source("default")))

    @property
    def example(self) -> str:
        """The word with a value, as a file might have it."""
        value = self.info.examples[0] if self.info.examples else "…"
        return f"{self.word}: {value}"


@cache
def fields(model: type[Model]) -> Mapping[str, ModelField]:
    """Return every word of a model, in its order; what no file holds is left out."""
    words = {info.serialization_alias or name: info for name, info in model.model_fields.items()}
    return types.MappingProxyType(
        {
            word: ModelField(word, _shape(info.annotation, tuple(info.metadata)), info)
            for word, info in words.items()
            if not info.exclude
        }
    )


def _shape(annotation: object, metadata: tuple[object, ...]) -> Shape:
    """Return the shape an annotation stands for; null beside it makes no difference."""
    if get_origin(annotation) is Annotated:
        inner, *outer = get_args(annotation)
        return _shape(inner, (*outer, *metadata))
    if get_origin(annotation) in (Union, types.UnionType):
        inner = next(arg for arg in get_args(annotation) if arg is not type(None))
        return _shape(inner, metadata)
    one_of = next((mark for mark in metadata if isinstance(mark, OneOf)), None)
    if one_of:
        return one_of
    if get_origin(annotation) is Mapping:
        return Entries(_shape(get_args(annotation)[1], ()))
    if get_origin(annotation) is tuple:
        lone = any(isinstance(mark, OneOrMore) and not mark.key for mark in metadata)
        return Listing(_shape(get_args(annotation)[0], ()), lone)
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return Object(annotation)
    return None
