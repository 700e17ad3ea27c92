"""The written scenario as a tree in which every value knows its place.

Nodes are plain and frozen: overlays and overrides build new trees from old ones, and each value
keeps the mark of the file or override it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from simcb.scenario.problems import Mark
from simcb.scenario.refusal import Refused, quoted

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Scalar:
    """A null, flag, number or text; `broken` if it was reported already."""

    value: bool | int | float | str | None
    mark: Mark
    broken: bool = False


@dataclass(frozen=True)
class Items:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True)
class Entry:
    """A value under a key, with the key's own mark."""

    key_mark: Mark
    node: Node


@dataclass(frozen=True)
class Tree:
    """A mapping."""

    entries: Mapping[str, Entry]
    mark: Mark

    def get(self, key: object) -> Node | None:
        """Return the value under a key, or None."""
        entry = self.entries.get(key) if isinstance(key, str) else None
        return entry.node if entry else None

    def with_entry(self, key: str, node: Node) -> Tree:
        """Return the same mapping with one value added, exchanged, or changed inside.

        A key keeps its mark as long as its value does; with another value it is where that is.
        """
        known = self.entries.get(key)
        kept = known is not None and known.node.mark == node.mark
        entry = replace(known, node=node) if known and kept else Entry(node.mark, node)
        return replace(self, entries={**self.entries, key: entry})

    def without(self, keys: set[str]) -> Tree:
        """Return the same mapping without some keys."""
        return replace(self, entries={k: e for k, e in self.entries.items() if k not in keys})


Node: TypeAlias = Scalar | Items | Tree


def plain(node: Node) -> object:
    """Return a tree as plain Python data, without marks; broken values are null."""
    match node:
        case Scalar(value):
            return value
        case Items(items):
            return [plain(item) for item in items]
        case Tree(entries):
            return {key: plain(entry.node) for key, entry in entries.items()}


def whole_text(text: str) -> str:
    """Return the text, if every character of it is whole, or raise `Refused`."""
    if _SURROGATE.search(text):
        raise Refused(f"{quoted(text)} holds half a character", "write whole characters")
    return text


def from_plain(value: object, mark: Mark) -> Node:
    """Return plain Python data as a tree, every value at the same mark, or raise `Refused`."""
    if isinstance(value, str):
        return Scalar(whole_text(value), mark)
    if value is None or isinstance(value, (bool, int, float)):
        return Scalar(value, mark)
    if isinstance(value, (list, tuple)):
        return Items(tuple(from_plain(item, mark) for item in value), mark)
    if isinstance(value, Mapping):
        return Tree(
            {
                whole_text(str(key)): Entry(mark, from_plain(item, mark))
                for key, item in value.items()
            },
            mark,
        )
    raise Refused(f"{type(value).__name__} has no place in a scenario", "give numbers and text")
