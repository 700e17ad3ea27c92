"""The text of another program's file, and its trees in whatever notation it has."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from simcb.exchange.literals import Literals
from simcb.plain_files import read_plain
from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.reader import MOST_BYTES, MOST_DEPTH, read_foreign
from simcb.scenario.refusal import Refused, shown
from simcb.scenario.tree import Entry, Items, Node, Scalar, Tree

_PROPERTY = re.compile(r"\s*([\w.\[\]-]+)\s*=\s*(.*?)\s*")
_BEFORE = re.compile(r"(?:\s+|//[^\n]*)*")


@dataclass(frozen=True)
class Document:
    """One file.

    Args:
        text: all of it.
        label: what messages call it.
        findings: where problems go.
    """

    text: str
    label: str
    findings: Findings

    def trees(self) -> list[Tree]:
        """Return the mappings of the file: JSON, properties, or the documents of YAML."""
        begin = _BEFORE.sub("", self.text, count=1)[:1]
        found: list[Node]
        if begin in ("{", "["):
            node = self.literals().document()
            found = [] if node is None else [node]
        elif _are_properties(self.text):
            found = [self._properties()]
        else:
            found = read_foreign(self.text, self.label, self.findings)
        flat = [
            each for node in found for each in (node.items if isinstance(node, Items) else [node])
        ]
        return [node for node in flat if isinstance(node, Tree)]

    def literals(self) -> Literals:
        """Return what reads object literals out of the text."""
        return Literals(self.text, self.label, self.findings)

    def mark(self, line: int) -> Mark:
        """Return the mark of a line, counted from 1."""
        return Mark(Source.of(self.label, self.text), line)

    def _properties(self) -> Tree:
        source = Source.of(self.label, self.text)
        entries: dict[str, Entry] = {}
        for number, line in enumerate(source.lines, 1):
            found = None if line.lstrip()[:1] in ("#", "!") else _PROPERTY.fullmatch(line)
            if found:
                mark = Mark(source, number)
                entries.setdefault(found[1], Entry(mark, Scalar(found[2] or None, mark)))
        return Tree(entries, Mark(source))


def _are_properties(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and line.lstrip()[:1] not in "#!"]
    return bool(lines) and all(_PROPERTY.fullmatch(line) for line in lines)


def read_document(source: str | Path, findings: Findings) -> Document:
    """Read a file of at most 1 MiB.

    Raises:
        ScenarioError: it cannot be read, or is no text.
    """
    label = str(source)
    mark = Mark(Source(shown(label)))
    data = b""
    try:
        data = read_plain(source, MOST_BYTES)
        return Document(data.decode("utf-8-sig"), label, findings)
    except UnicodeDecodeError:
        refused = Refused("is not UTF-8 text", "save the file as UTF-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        refused = Refused(f"cannot be read ({shown(reason)})", "name a file of settings")
    findings.add(mark, "", refused)
    findings.raise_if_any()
    raise AssertionError("a file that cannot be read was reported")


def nested(tree: Tree) -> Tree:
    """Return a mapping in which keys with dots are mappings inside each other, as in Spring."""
    entries: dict[str, Entry] = {}
    for key, entry in tree.entries.items():
        node = nested(entry.node) if isinstance(entry.node, Tree) else entry.node
        first, *rest = key.split(".")[:MOST_DEPTH]
        for step in reversed(rest):
            node = Tree({step: Entry(entry.key_mark, node)}, entry.key_mark)
        known = entries.get(first)
        if known and isinstance(known.node, Tree) and isinstance(node, Tree):
            node = _joined(known.node, node)
        entries[first] = Entry(known.key_mark if known else entry.key_mark, node)
    return replace(tree, entries=entries)


def _joined(one: Tree, other: Tree) -> Tree:
    entries: dict[str, Entry] = dict(one.entries)
    for key, entry in other.entries.items():
        known = entries.get(key)
        if known and isinstance(known.node, Tree) and isinstance(entry.node, Tree):
            entry = replace(known, node=_joined(known.node, entry.node))
        entries[key] = entry
    return replace(one, entries=entries)
