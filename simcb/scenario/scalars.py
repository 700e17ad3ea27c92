"""The scalars of a scenario: how each kind is read, bounded, written back and described.

They are annotations of a model's fields. In a file a duration or a rate carries its unit; in
Python a plain number of seconds (or per second) is accepted too.
"""

from __future__ import annotations

import enum
import math
import numbers
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, TypeGuard

from pydantic import Field, GetCoreSchemaHandler, PlainValidator, WithJsonSchema
from pydantic_core import core_schema

from simcb.scenario import units
from simcb.scenario.refusal import Refused, choice_remedy, quoted

FROM_FILE: Final = "from file"
"""Validation context of everything written by a person: numbers need their units."""

LINK: Final = "->"  # what stands between a caller and the service it calls

_NUMBER = r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?"


def word(description: str, example: str) -> Any:
    """Return what messages and the JSON Schema say of a field: what it is, and a value for it."""
    return Field(description=description, examples=[example])


class ScalarType:
    """Annotation of one scalar of the file; subclasses say how it is read and written."""

    def _read(self, value: object, from_file: bool) -> object:
        raise NotImplementedError

    def _written(self, value: Any) -> object:
        """Return the value as a file has it, such that it reads back to the same."""
        return value

    def _schema(self) -> dict[str, Any]:
        return {}

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self._read(value, info.context == FROM_FILE),
            serialization=core_schema.plain_serializer_function_ser_schema(self._written),
        )

    def __get_pydantic_json_schema__(self, *_: object) -> dict[str, Any]:
        return self._schema()

    @property
    def described(self) -> dict[str, Any]:
        """The JSON Schema of the file's word."""
        return self._schema()


@dataclass(frozen=True)
class Count(ScalarType):
    """A whole number within bounds, or a word for one beyond them."""

    least: int = 0
    most: int = 10**9
    beyond: tuple[str, int] | None = None  # the word, and its number in Python

    def _read(self, value: object, from_file: bool) -> int:
        if self.beyond is not None and not isinstance(value, bool) and value in self.beyond:
            return self.beyond[1]
        if is_number(value):
            number = int(value) if isinstance(value, numbers.Integral) else finite(value, "number")
            if number == int(number):
                return self._bounded(int(number))
        example = max(self.least, min(self.most, 3))
        remedy = f"write a whole number like `{example}`"
        if self.beyond is not None:
            remedy += f", or `{self.beyond[0]}`"
        raise Refused(f"{seen(value)} is not a whole number", remedy)

    def _bounded(self, number: int) -> int:
        if number < self.least:
            what = "is negative" if number < 0 else "is too small"
            raise Refused(f"{quoted(number)} {what}", f"write {self.least} or more")
        if number > self.most:
            remedy = f"write at most {self.most}"
            if self.beyond is not None:
                remedy += f", or `{self.beyond[0]}`"
            raise Refused(f"{quoted(number)} is too large", remedy)
        return number

    def _written(self, value: int) -> object:
        return self.beyond[0] if self.beyond is not None and value == self.beyond[1] else value

    def _schema(self) -> dict[str, object]:
        whole = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return whole if self.beyond is None else {"anyOf": [{"const": self.beyond[0]}, whole]}


@dataclass(frozen=True)
class Number(ScalarType):
    """A finite number within bounds; `above` is exclusive, the others inclusive."""

    noun: ClassVar[str] = "number"
    hint: ClassVar[str] = "write a number like `2` or `0.5`"
    suffix: ClassVar[str] = ""
    parse: ClassVar[Callable[[str], float] | None] = None
    text: ClassVar[Callable[[float], str] | None] = None
    schema: ClassVar[dict[str, Any] | None] = None

    least: float = 0.0
    most: float = math.inf
    above: float | None = None

    def _read(self, value: object, from_file: bool) -> float:
        parse = type(self).parse
        if parse is not None and (isinstance(value, str) or (from_file and is_number(value))):
            return self._bounded(parse(f"{value}"))
        if not is_number(value):
            raise Refused(f"{seen(value)} is not a {self.noun}", self.hint)
        return self._bounded(finite(value, self.noun))

    def _bounded(self, value: float) -> float:
        shown = self._shown
        if self.above is not None and value <= self.above:
            raise Refused(f"{shown(value)} is too small", f"write more than {shown(self.above)}")
        if value < self.least:
            what = "is negative" if self.least == 0 else "is too small"
            raise Refused(f"{shown(value)} {what}", f"write {shown(self.least)} or more")
        if value > self.most:
            raise Refused(f"{shown(value)} is too large", f"write at most {shown(self.most)}")
        return value

    def _shown(self, value: float) -> str:
        return f"{value:g}{self.suffix}"

    def _written(self, value: float) -> object:
        if text := type(self).text:
            return text(value)
        # Files show `2`, not `2.0`.
        return int(value) if value == int(value) else value

    def _schema(self) -> dict[str, Any]:
        if self.schema is not None:
            return self.schema
        low = {"minimum": self.least} if self.above is None else {"exclusiveMinimum": self.above}
        return {
            "type": "number",
            **low,
            **({} if self.most == math.inf else {"maximum": self.most}),
        }


@dataclass(frozen=True)
class Duration(Number):
    """Seconds; in a file always with a unit: `250ms`, `30s`, `1m30s`."""

    noun = "duration"
    hint = "write it like `250ms`, `30s`, `5m`, `1m30s` or `2h`"
    suffix = "s"
    parse = units.parse_duration
    text = units.format_duration
    schema: ClassVar = {"type": "string", "pattern": rf"^({_NUMBER}(ns|us|ms|s|m|h|d))+$"}

    most: float = units.LONGEST_DURATION

    def _shown(self, value: float) -> str:
        return units.format_duration(value) if value >= 0 else super()._shown(value)


@dataclass(frozen=True)
class Rate(Number):
    """Events per second; in a file always with a unit: `100/s`, `30/m`."""

    noun = "rate"
    hint = "write it like `100/s` or `30/m`"
    suffix = "/s"
    parse = units.parse_rate
    text = units.format_rate
    schema: ClassVar = {"type": "string", "pattern": rf"^{_NUMBER} ?/ ?(ms|s|m|h)$"}

    most: float = units.HIGHEST_RATE


@dataclass(frozen=True)
class Share(Number):
    """A part of a whole, 0 to 1; in a file `5%` or `0.05`."""

    noun = "share"
    hint = "write it like `5%` or `0.05`"
    parse = units.parse_share
    text = units.format_share
    schema: ClassVar = {
        "anyOf": [
            {"type": "string", "pattern": rf"^{_NUMBER} ?%$"},
            {"type": "number", "minimum": 0, "maximum": 1},
        ]
    }

    most: float = 1.0


def _flag(value: object) -> bool:
    """Return true or false; `yes` and `on` are words, not flags, and told what to write."""
    if isinstance(value, bool):
        return value
    spoken = value.casefold() if isinstance(value, str) else ""
    meant = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false"}
    remedy = f"write `{meant[spoken]}`" if spoken in meant else "write `true` or `false`"
    raise Refused(f"{seen(value)} is neither true nor false", remedy)


@dataclass(frozen=True)
class Text(ScalarType):
    """Free text of bounded length."""

    most: int = 2000
    least: int = 0

    def _read(self, value: object, from_file: bool) -> str:
        if not isinstance(value, str):
            raise Refused(f"{seen(value)} is not text", "write it in double quotes")
        if len(value) < self.least:
            raise Refused("is empty", "write some text")
        if len(value) > self.most:
            raise Refused(f"has {len(value)} characters", f"write at most {self.most} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            what = f"{quoted(value)} holds half a character"
            raise Refused(what, "write whole characters") from None
        return value

    def _schema(self) -> dict[str, object]:
        return {"type": "string", "minLength": self.least, "maxLength": self.most}


@dataclass(frozen=True)
class Name(ScalarType):
    """The name of a client group, a service or a fault.

    Names become parts of paths, labels and file columns, so they are plain: a letter, then
    letters, digits, `_` or `-`, 64 characters at most.
    """

    reserved: frozenset[str] = frozenset()

    pattern: ClassVar[str] = r"[A-Za-z][A-Za-z0-9_-]{0,63}"

    def _read(self, value: object, from_file: bool) -> str:
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise Refused(
                f"{seen(value)} is not a name",
                "begin with a letter and go on with letters, digits, `_` or `-` (64 at most)",
            )
        if value in self.reserved:
            what = f"`{value}` is the name of a phase"
            raise Refused(what, f"name it otherwise, like `{value}-1`")
        return value

    def _schema(self) -> dict[str, object]:
        known: dict[str, object] = {"type": "string", "pattern": f"^{self.pattern}$"}
        return {**known, "not": {"enum": sorted(self.reserved)}} if self.reserved else known


@dataclass(frozen=True)
class Choice(ScalarType):
    """One word of some members of an enum."""

    allowed: tuple[enum.StrEnum, ...]

    def _read(self, value: object, from_file: bool) -> enum.StrEnum:
        words = {member.value: member for member in self.allowed}
        if isinstance(value, str) and value in words:
            return words[value]
        raise no_choice(value, words)

    def _schema(self) -> dict[str, object]:
        return {"enum": [member.value for member in self.allowed]}


def no_choice(value: object, words: Iterable[str]) -> Refused:
    """Return the refusal of what is none of the words that may be chosen."""
    remedy = choice_remedy(value if isinstance(value, str) else "", words)
    return Refused(f"{seen(value)} is not one of its words", remedy)


Seconds = Annotated[float, Duration()]
"""A duration of 0 or more seconds."""

PositiveSeconds = Annotated[float, Duration(above=0.0)]
"""A duration of more than 0 seconds."""

PerSecond = Annotated[float, Rate()]
"""A rate of 0 or more."""

Portion = Annotated[float, Share()]
"""A share from 0 to 1."""

Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})]
"""True or false."""


def is_number(value: object) -> TypeGuard[numbers.Real]:
    """Tell numbers, numpy's included, from flags, which Python counts as numbers too."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def seen(value: object) -> str:
    """Show a value as its author wrote it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return quoted("true" if value else "false")
    if isinstance(value, (str, numbers.Number)):
        return quoted(str(value))
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return quoted(value)


def finite(value: numbers.Real, noun: str) -> float:
    """Return a number as a float, or raise `Refused`."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused(f"{number} is not a finite {noun}", "write a finite number")
    return number
