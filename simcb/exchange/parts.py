"""A mapping of another program's file, read key by key; what is never asked for is left over.

So nothing is dropped in silence: whatever a format does not know is said at its line. Keys are
compared without case, hyphens and underscores, as Spring's relaxed binding, .NET and the two
spellings of protobuf have it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from simcb.exchange.durations import is_bare, seconds_of
from simcb.exchange.literals import Code
from simcb.scenario.problems import Findings, Mark
from simcb.scenario.refusal import Refused, quoted, shown
from simcb.scenario.tree import Entry, Items, Node, Scalar, Tree, plain

T = TypeVar("T")

_PLACEHOLDER = re.compile(r"\$\{([^${}:]+)(?::([^${}]*))?\}")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,3})?")


@dataclass(frozen=True)
class Got(Generic[T]):
    """A value of a file, or the default of what was left out.

    Args:
        value: what it is.
        at: where it stands; None for a default.
        key: its key as the file has it.
        said: what has to be said of how it was read; "" if nothing.
    """

    value: T
    at: Mark | None = None
    key: str = ""
    said: str = ""

    @property
    def given(self) -> bool:
        """Whether the file has it."""
        return self.at is not None


def folded(key: str) -> str:
    """Return a key without case, hyphens and underscores."""
    return key.replace("-", "").replace("_", "").casefold()


class Part:
    """One mapping of a file, and which of its keys have been read.

    Args:
        node: the mapping; None for one that is not there.
        path: what messages call it.
        findings: where problems go.
        beneath: what has the values that this mapping leaves out.
        bare: what a bare number counts where a duration is wanted.
        odd: whether it is to be said that a bare number counts that.
    """

    def __init__(
        self,
        node: Tree | None,
        path: str,
        findings: Findings,
        *,
        beneath: Part | None = None,
        bare: str = "second",
        odd: bool = False,
    ) -> None:
        self.path = path
        self.at = node.mark if node else None
        self._findings = findings
        self._beneath = beneath
        self._bare = bare
        self._odd = odd
        self._entries: dict[str, tuple[str, Entry]] = {}
        self._read: set[str] = set()
        for key, entry in node.entries.items() if node else ():
            self._entries.setdefault(folded(key), (key, entry))

    def __bool__(self) -> bool:
        return bool(self._entries) or bool(self._beneath)

    def has(self, *names: str) -> bool:
        """Whether one of these keys is there, here or beneath."""
        here = any(folded(name) in self._entries for name in names)
        return here or (self._beneath is not None and self._beneath.has(*names))

    def names(self) -> tuple[str, ...]:
        """Return the keys of this mapping, as the file has them."""
        return tuple(key for key, _ in self._entries.values())

    def entry(self, *names: str) -> tuple[str, Entry] | None:
        """Return the key and the entry of the first of these names that is there."""
        for name in names:
            found = self._entries.get(folded(name))
            if found is not None:
                self._read.add(folded(name))
                if self._beneath:
                    self._beneath.entry(*names)  # what is hidden has been seen to
                return found
        return self._beneath.entry(*names) if self._beneath else None

    def part(self, *names: str, beneath: Part | None = None) -> Part:
        """Return a mapping inside; an empty one if it is not there."""
        found = self.entry(*names)
        path = f"{self.path}.{found[0] if found else names[0]}".lstrip(".")
        node = found[1].node if found else None
        if node is not None and not isinstance(node, Tree):
            if not (isinstance(node, Scalar) and node.value is None):
                self.refuse(found, Refused("is not a mapping", "write `key: value` below it"))
            node = None
        return Part(node, path, self._findings, beneath=beneath, bare=self._bare, odd=self._odd)

    def parts(self, *names: str) -> list[Part]:
        """Return the mappings of a list inside."""
        found = self.entry(*names)
        node = found[1].node if found else None
        if isinstance(node, Tree):
            return [
                Part(
                    node, f"{self.path}.{names[0]}", self._findings, bare=self._bare, odd=self._odd
                )
            ]
        items = node.items if isinstance(node, Items) else ()
        return [
            Part(
                item,
                f"{self.path}.{names[0]}.{number}",
                self._findings,
                bare=self._bare,
                odd=self._odd,
            )
            for number, item in enumerate(items)
            if isinstance(item, Tree)
        ]

    def duration(self, *names: str, default: float) -> Got[float]:
        """Return a duration in seconds."""
        got = self._got(names, default, lambda value: seconds_of(value, self._bare))
        found = self.entry(*names) if self._odd and got.value and not got.said else None
        node = found[1].node if found else None
        if isinstance(node, Scalar) and is_bare(node.value):
            return Got(got.value, got.at, got.key, f"a bare number counts {self._bare}s there")
        return got

    def maybe_duration(self, *names: str) -> Got[float] | None:
        """Return a duration in seconds, or None if it is not there."""
        return self.duration(*names, default=0.0) if self._says(*names) else None

    def whole(self, *names: str, default: int, least: int = 0, most: int = 10**9) -> Got[int]:
        """Return a whole number within bounds."""

        def read(value: object) -> int:
            number = _number(value)
            if number != int(number):
                raise Refused(f"{quoted(value)} is no whole number", f"write {least} or more")
            if not least <= number <= most:
                raise Refused(f"{quoted(value)} is out of range", f"write {least} to {most:,}")
            return int(number)

        return self._got(names, default, read)

    def number(
        self, *names: str, default: float, least: float = 0.0, most: float = math.inf
    ) -> Got[float]:
        """Return a number within bounds."""

        def read(value: object) -> float:
            number = _number(value)
            if not least <= number <= most:
                raise Refused(f"{quoted(value)} is out of range", f"write {least:g} to {most:g}")
            return number

        return self._got(names, default, read)

    def share(self, *names: str, default: float) -> Got[float]:
        """Return a share above 0 that the file has in percent."""
        got = self.number(*names, default=default * 100.0, least=0.0, most=100.0)
        if got.given and not got.value:
            self.refuse_at(got, Refused("is 0", "write a share above 0"))
            return Got(default, got.at, got.key)
        return Got(float(f"{got.value / 100.0:.15g}"), got.at, got.key, got.said)

    def flag(self, *names: str, default: bool) -> Got[bool]:
        """Return true or false."""

        def read(value: object) -> bool:
            known = {"true": True, "yes": True, "on": True, "false": False, "no": False}
            word = str(value).casefold()
            if word not in {*known, "off"}:
                raise Refused(f"{quoted(value)} is no flag", "write `true` or `false`")
            return known.get(word, False)

        return self._got(names, default, read)

    def word(self, *names: str, default: str = "") -> Got[str]:
        """Return a word; numbers and flags are taken as they are written."""

        def read(value: object) -> str:
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                raise Refused("is not a word", "write one")
            return str(value)

        return self._got(names, default, read)

    def raw(self, *names: str) -> Got[object]:
        """Return a value as plain data, whatever it is; None if it is not there."""
        found = self.entry(*names)
        if found is None:
            return Got(None)
        return Got(plain(found[1].node), found[1].key_mark, found[0])

    def left(self) -> Iterator[tuple[str, Mark, object]]:
        """Yield the keys that nobody has read, here or beneath, with their places and values."""
        for name, (key, entry) in self._entries.items():
            if name not in self._read:
                yield key, entry.key_mark, plain(entry.node)
        yield from self._beneath.left() if self._beneath else ()

    def refuse(self, found: tuple[str, Entry] | None, refused: Refused) -> None:
        """Note that a value cannot be taken."""
        mark = found[1].node.mark if found else self.at
        if mark is not None:
            path = f"{self.path}.{found[0]}" if found else self.path
            self._findings.add(mark, path, refused)

    def refuse_at(self, got: Got[T], refused: Refused) -> None:
        """Note that a value that was read cannot be meant."""
        if got.at is not None:
            self._findings.add(got.at, f"{self.path}.{got.key}", refused)

    def _says(self, *names: str) -> bool:
        found = self.entry(*names)
        node = found[1].node if found else None
        return node is not None and not (isinstance(node, Scalar) and node.value is None)

    def _got(self, names: tuple[str, ...], default: T, read: object) -> Got[T]:
        found = self.entry(*names)
        if found is None:
            return Got(default)
        key, entry = found
        node: Node = entry.node
        if isinstance(node, Scalar) and (node.broken or node.value is None):
            return Got(default)
        try:
            if not isinstance(node, Scalar):
                raise Refused("is not a single value", "write one")
            value, said = _resolved(node.value)
            if value is None:
                return Got(default, entry.key_mark, key, said)
            return Got(read(value), entry.key_mark, key, said)  # type: ignore[operator]
        except Refused as refused:
            self.refuse(found, refused)
            return Got(default, entry.key_mark, key)


def _number(value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip().replace("_", "")):
        value = float(value.strip().replace("_", ""))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{quoted(value)} is no number", "write one")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refused(f"{quoted(value)} is not finite", "write a finite number")
    return number


def _resolved(value: object) -> tuple[object, str]:
    """Return a value with placeholders and code replaced by what can be known of them."""
    if isinstance(value, Code):
        what = f"`{shown(' '.join(value.split()), 60)}` is known only when the program runs"
        return None, f"{what}, so the default is taken"
    if not isinstance(value, str) or "${" not in value:
        return value, ""
    unknown = [name for name, default in _PLACEHOLDER.findall(value) if not default]
    if unknown or not _PLACEHOLDER.search(value):
        what = f"`{shown(value, 60)}` is set where the program runs"
        return None, f"{what}, so the default is taken"
    resolved = _PLACEHOLDER.sub(lambda found: found[2] or "", value)
    return resolved, f"`{shown(value, 60)}`: its default is taken"
