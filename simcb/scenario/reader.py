"""YAML text to a marked tree, event by event, within limits and without constructing.

Nothing recursive ever touches the text: events are counted and nested on an explicit stack,
so no file can exhaust the interpreter. Tags, anchors, aliases, directives, duplicate keys
and second documents are refused where they stand. This module is the only one that knows
PyYAML; it must not know models.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from simcb.scenario.encoding import is_printable
from simcb.scenario.nodes import (
    Entry,
    Findings,
    Items,
    Mark,
    Node,
    Scalar,
    Source,
    Tree,
    plain,
    whole_text,
)
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.scalars import resolve_plain
from simcb.scenario.syntax import in_our_words

MOST_DEPTH = 32
"""The deepest nesting of lists and mappings."""

MOST_NODES = 50_000
"""The most values and keys in one file."""


class _Events(Reader, Scanner, Parser):
    """PyYAML's reader, scanner and parser, and nothing that builds anything.

    The parser in pure Python keeps its states in a list, so depth costs no stack, and its
    messages and marks are the same on every installation.
    """

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


@dataclass
class _OpenItems:
    mark: Mark
    items: list[Node] = field(default_factory=list)

    def step(self) -> str:
        return str(len(self.items))


@dataclass
class _OpenTree:
    mark: Mark
    entries: dict[str, Entry] = field(default_factory=dict)
    key: str | None = None
    key_mark: Mark | None = None
    discarded: bool = False

    def step(self) -> str:
        return self.key or ""


_Open: TypeAlias = _OpenItems | _OpenTree


class _Place(Protocol):
    """Where PyYAML says something stands, counted from 0."""

    line: int
    column: int


class _Stop(Exception):
    """Reading cannot usefully go on; the reason is among the findings."""


def read_tree(text: str, label: str, findings: Findings) -> Node | None:
    """Return the marked tree of a YAML text, noting every problem of its notation.

    Returns None when nothing useful could be read.
    """
    source = Source.of(label, text.removeprefix("\ufeff"))
    return _Builder(source, findings).build(text.removeprefix("\ufeff"))


def read_value(text: str, label: str, findings: Findings) -> Node | None:
    """Return the tree of one value given outside a file; its label is its only mark."""
    return _Builder(Source(label), findings).build(text)


def parse_value(text: str, label: str = "value") -> object:
    """Read one value as `--set` does: a YAML scalar, list or mapping, as plain Python data.

    Raises:
        ScenarioError: the text is not a value.
    """
    findings = Findings()
    node = read_value(text, label, findings)
    findings.raise_if_any()
    return plain(node) if node is not None else None


class _Builder:
    """Turns events into nodes on an explicit stack."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._stack: list[_Open] = []
        self._root: Node | None = None
        self._nodes = 0

    def build(self, text: str) -> Node | None:
        try:
            if not is_printable(text, self._source, self._findings):
                return None
            self._take_all(_Events(text))
        except _Stop:
            return None
        if self._root is None:
            in_file = bool(self._source.lines)
            empty = ("is empty", "begin with `name: …`; see `simcb init`")
            blank = ("has no value", "write one, or `null` for none")
            self._findings.add(Mark(self._source), "", Refused(*(empty if in_file else blank)))
        return self._root

    def _take_all(self, events: _Events) -> None:
        try:
            while events.check_event():
                self._take(events.get_event())  # type: ignore[no-untyped-call]
        except yaml.MarkedYAMLError as error:
            self._note_syntax(error)
            raise _Stop from error
        except (yaml.YAMLError, ValueError, OverflowError):
            # PyYAML hands escapes such as "\UFFFFFFFF" to chr() unchecked.
            mark = Mark(self._source, events.line + 1, events.column + 1)
            self._stop(mark, Refused("is not valid YAML", "check the escapes in quotes here"))

    def _take(self, event: yaml.Event) -> None:
        match event:
            case DocumentStartEvent():
                self._begin_document(event)
            case NodeEvent():
                self._take_node(event)
            case SequenceEndEvent() | MappingEndEvent():
                self._close()

    def _begin_document(self, event: DocumentStartEvent) -> None:
        if self._root is not None:
            self._stop(
                self._mark(event.start_mark),
                Refused("a second document begins", "keep one scenario in a file"),
            )
        if event.version or event.tags:
            self._note(event, Refused("directives are not allowed", "remove the line with `%`"))

    def _take_node(self, event: NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            what = f"has more than {MOST_NODES} values"
            self._stop(self._mark(event.start_mark), Refused(what, "write a smaller scenario"))
        mark = self._mark(event.start_mark)
        if isinstance(event, AliasEvent):
            what = f"alias {quoted('*' + str(event.anchor))} is not allowed"
            self._note(event, Refused(what, "write the value out"))
            self._place(Scalar(None, mark, broken=True))
            return
        self._check_bare(event)
        if isinstance(event, CollectionStartEvent):
            if len(self._stack) >= MOST_DEPTH:
                what = f"nests deeper than {MOST_DEPTH} levels"
                self._stop(mark, Refused(what, "write it flatter"))
            self._stack.append(
                _OpenTree(mark) if isinstance(event, MappingStartEvent) else _OpenItems(mark)
            )
        elif isinstance(event, ScalarEvent):
            self._place(self._scalar(event, mark))

    def _check_bare(self, event: NodeEvent) -> None:
        if event.anchor is not None:
            what = f"anchor {quoted('&' + str(event.anchor))} is not allowed"
            self._note(event, Refused(what, "write the value out where it is needed"))
        tag = getattr(event, "tag", None)
        if tag is not None:
            what = f"tag {quoted(str(tag))} is not allowed"
            self._note(event, Refused(what, "write the plain value"))

    def _scalar(self, event: ScalarEvent, mark: Mark) -> Scalar:
        text = str(event.value)
        top = self._stack[-1] if self._stack else None
        is_key = isinstance(top, _OpenTree) and top.key is None and not top.discarded
        try:
            text = whole_text(text)
            return Scalar(text if event.style is not None or is_key else resolve_plain(text), mark)
        except Refused as refused:
            self._note(event, refused)
            return Scalar("?" if is_key else None, mark, broken=True)

    def _close(self) -> None:
        closed = self._stack.pop()
        if isinstance(closed, _OpenItems):
            self._place(Items(tuple(closed.items), closed.mark))
        else:
            self._place(Tree(closed.entries, closed.mark))

    def _place(self, node: Node) -> None:
        """Put a finished node where the innermost open collection expects one."""
        if not self._stack:
            self._root = node
            return
        top = self._stack[-1]
        if isinstance(top, _OpenItems):
            top.items.append(node)
        elif top.key is None and not top.discarded:
            self._place_key(top, node)
        else:
            if top.key is not None and top.key_mark is not None and not top.discarded:
                top.entries[top.key] = Entry(top.key_mark, node)
            top.key, top.discarded = None, False

    def _place_key(self, top: _OpenTree, node: Node) -> None:
        if isinstance(node, Scalar) and node.broken:
            top.discarded = True
            return
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            refused = Refused("a key is not one word", "write `key: value`")
            self._findings.add(node.mark, self._path(), refused)
            top.discarded = True
            return
        top.key, top.key_mark = node.value, node.mark
        if node.value in top.entries:
            first = top.entries[node.value].key_mark
            where = f" (first on line {first.line})" if self._source.lines else ""
            refused = Refused(f"is given twice{where}", "keep one of them")
            self._findings.add(node.mark, self._path(), refused)
            top.discarded = True

    def _path(self) -> str:
        return ".".join(step for step in (frame.step() for frame in self._stack) if step)

    def _mark(self, mark: _Place | None) -> Mark:
        if mark is None:
            return Mark(self._source)
        return Mark(self._source, mark.line + 1, mark.column + 1)

    def _note(self, event: yaml.Event, refused: Refused) -> None:
        self._findings.add(self._mark(event.start_mark), self._path(), refused)

    def _stop(self, mark: Mark, refused: Refused) -> None:
        self._findings.add(mark, "", refused)
        raise _Stop

    def _note_syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = self._mark(error.problem_mark or error.context_mark)
        self._findings.add(mark, "", in_our_words(error.context or "", error.problem or ""))
