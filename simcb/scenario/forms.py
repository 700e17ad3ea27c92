"""Forms: how one scalar of the file is read, bounded, written back and described.

A form is the annotation of a model's field; it holds what the file's word may be and within
which bounds. Numbers with units have a module of their own. This module must not know any
model.
"""

from __future__ import annotations

import enum
import math
import numbers
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, TypeGuard

from pydantic_core import core_schema

from simcb.scenario.refusal import Refused, choice_remedy, quoted

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

FROM_FILE: Final = "from file"
"""Validation context of everything written by a person: numbers need their units."""


LINK: Final = "->"
"""What stands between a caller and the service it calls."""


class Form(ABC):
    """One kind of scalar; subclasses say how it is read, written and described."""

    @abstractmethod
    def read(self, value: object, from_file: bool) -> object:
        """Return the value as simcb keeps it, or raise `Refused`."""

    def write(self, value: object) -> object:
        """Return the value as a file has it."""
        return value

    def described(self) -> dict[str, object]:
        """Return the JSON Schema of the file's word; what no file can have has none."""
        return {}

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.with_info_plain_validator_function(
            lambda value, info: self.read(value, info.context == FROM_FILE)
        )


@dataclass(frozen=True)
class Count(Form):
    """A whole number within bounds."""

    least: int = 0
    most: int = 10**9

    def read(self, value: object, from_file: bool) -> int:
        """Return an int; a float is taken only when it is whole."""
        if is_number(value):
            number = int(value) if isinstance(value, numbers.Integral) else finite(value, "number")
            if number == int(number):
                return self._bounded(int(number))
        raise Refused(
            f"{seen(value)} is not a whole number", f"write a whole number like `{self.example}`"
        )

    @property
    def example(self) -> int:
        """A number that is allowed, for remedies."""
        return max(self.least, min(self.most, 3))

    def _bounded(self, number: int) -> int:
        if number < self.least:
            what = "is negative" if number < 0 else "is too small"
            raise Refused(f"{quoted(number)} {what}", f"write {self.least} or more")
        if number > self.most:
            raise Refused(f"{quoted(number)} is too large", f"write at most {self.most}")
        return number

    def described(self) -> dict[str, object]:
        """Describe a JSON integer with its bounds."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Flag(Form):
    """True or false; `yes` and `on` are words, not flags."""

    def read(self, value: object, from_file: bool) -> bool:
        """Return a bool, and for the words of older YAML say what to write."""
        if isinstance(value, bool):
            return value
        word = value.casefold() if isinstance(value, str) else ""
        meant = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false"}
        remedy = f"write `{meant[word]}`" if word in meant else "write `true` or `false`"
        raise Refused(f"{seen(value)} is neither true nor false", remedy)

    def described(self) -> dict[str, object]:
        """Describe a JSON boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text(Form):
    """Free text of bounded length."""

    most: int = 2000
    least: int = 0

    def read(self, value: object, from_file: bool) -> str:
        """Return the text; a number or a flag must be quoted to be one."""
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

    def described(self) -> dict[str, object]:
        """Describe a JSON string with its length."""
        return {"type": "string", "minLength": self.least, "maxLength": self.most}


@dataclass(frozen=True)
class Name(Form):
    """The name of a client group, a service or a fault.

    Names become parts of paths, labels and file columns, so they are plain: a letter, then
    letters, digits, `_` or `-`, 64 characters at most.
    """

    reserved: frozenset[str] = frozenset()

    pattern: ClassVar[str] = r"[A-Za-z][A-Za-z0-9_-]{0,63}"

    def read(self, value: object, from_file: bool) -> str:
        """Return the name, or say what a name looks like."""
        if not isinstance(value, str) or not re.fullmatch(self.pattern, value):
            raise Refused(
                f"{seen(value)} is not a name",
                "begin with a letter and go on with letters, digits, `_` or `-` (64 at most)",
            )
        if value in self.reserved:
            raise Refused(
                f"`{value}` is the name of a phase", f"name it otherwise, like `{value}-1`"
            )
        return value

    def described(self) -> dict[str, object]:
        """Describe a JSON string with the pattern of names."""
        known: dict[str, object] = {"type": "string", "pattern": f"^{self.pattern}$"}
        return {**known, "not": {"enum": sorted(self.reserved)}} if self.reserved else known


@dataclass(frozen=True)
class Struck(Form):
    """What a fault strikes: a name, or one call as `CALLER->SERVICE`."""

    pattern: ClassVar[re.Pattern[str]] = re.compile(f"{Name.pattern}({LINK}{Name.pattern})?")

    def read(self, value: object, from_file: bool) -> str:
        """Return the name or the call, or say what they look like."""
        if isinstance(value, str) and self.pattern.fullmatch(value):
            return value
        remedy = "write the name of a service, or a call like `shop->payments`"
        if isinstance(value, str) and self.pattern.fullmatch(tight := re.sub(r"\s", "", value)):
            remedy = f"write `{tight}`, without blanks"
        raise Refused(f"{seen(value)} names nothing that can be struck", remedy)

    def described(self) -> dict[str, object]:
        """Describe a JSON string with the pattern of names and calls."""
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$"}


@dataclass(frozen=True)
class Choice(Form):
    """One word of a closed set, an enum whose values are the file's words."""

    of: type[enum.StrEnum]
    only: tuple[enum.StrEnum, ...] = ()

    @property
    def allowed(self) -> tuple[enum.StrEnum, ...]:
        """The members that may be written."""
        return self.only or tuple(self.of)

    def read(self, value: object, from_file: bool) -> enum.StrEnum:
        """Return the enum's member, or say which word was probably meant."""
        words = {str(member.value): member for member in self.allowed}
        if isinstance(value, str) and value in words:
            return words[value]
        raise Refused(
            f"{seen(value)} is not one of its words",
            choice_remedy(value if isinstance(value, str) else "", words),
        )

    def write(self, value: object) -> object:
        """Return the member's word."""
        return str(value)

    def described(self) -> dict[str, object]:
        """Describe a JSON enum."""
        return {"enum": [str(member.value) for member in self.allowed]}


@dataclass(frozen=True)
class KindWord(Form):
    """The one word that a part's `kind` may be."""

    word: str

    def read(self, value: object, from_file: bool) -> str:
        """Return the word."""
        if value != self.word:
            raise Refused(f"{seen(value)} is another kind", f"write `{self.word}`")
        return self.word

    def described(self) -> dict[str, object]:
        """Describe a JSON constant."""
        return {"const": self.word}


def is_number(value: object) -> TypeGuard[numbers.Real]:
    """Tell numbers, numpy's included, from flags, which Python counts as numbers too."""
    if isinstance(value, bool):
        return False
    return isinstance(value, numbers.Real)


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
    """Return a number as a float.

    Raises:
        Refused: it is endless or no number.
    """
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused(f"{number} is not a finite {noun}", "write a finite number")
    return number
