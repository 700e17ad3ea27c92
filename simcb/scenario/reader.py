"""YAML text to a marked tree, within limits and without constructing anything.

Values are built from the parser's events, which are counted and nested no deeper than a limit,
so no file can exhaust the interpreter. Tags, anchors, aliases, directives, duplicate keys and
second documents are refused where they stand. Scalars follow YAML 1.2's core schema, and what
older rules read otherwise is refused with both spellings: `010` is neither 8 nor 10 here. This
module is the only one that knows PyYAML.
"""

from __future__ import annotations

import math
import re
from typing import NoReturn, Protocol

import yaml
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.syntax import in_our_words
from simcb.scenario.tree import Entry, Items, Node, Scalar, Tree, plain, whole_text

MOST_BYTES = 1024 * 1024  # the largest file, in bytes
MOST_DEPTH = 32  # the deepest nesting of lists and mappings
MOST_NODES = 50_000  # the most values and keys in one file

_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_FIXED: dict[str, bool | None] = {
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-9]{1,2})+(?:\.[0-9]*)?")
_MOST_DIGITS = 400


class _Events(Reader, Scanner, Parser):
    """PyYAML's reader, scanner and parser, and nothing that builds anything.

    The parser in pure Python keeps its states in a list, so depth costs no stack, and its
    messages and marks are the same on every installation.
    """

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


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
    text = text.removeprefix("\ufeff")
    return _Builder(Source.of(label, text), findings).build(text)


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
    """Builds the tree of a text; it recurses once for each level of nesting allowed."""

    _events: _Events
    _smaller = "write a smaller scenario"
    _empty = ("is empty", "begin with `name: …`; see `simcb init`")

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._steps: list[str] = []
        self._nodes = 0

    def build(self, text: str) -> Node | None:
        try:
            self._check_printable(text)
            root = self._root(_Events(text))
        except _Stop:
            return None
        if root is None:
            in_file = bool(self._source.lines)
            empty = self._empty
            blank = ("has no value", "write one, or `null` for none")
            self._findings.add(Mark(self._source), "", Refused(*(empty if in_file else blank)))
        return root

    def _root(self, events: _Events) -> Node | None:
        self._events = events
        try:
            return self._begin()
        except yaml.MarkedYAMLError as error:
            mark = self._mark(error.problem_mark or error.context_mark)
            self._stop(mark, in_our_words(error.context or "", error.problem or ""))
        except (yaml.YAMLError, ValueError, OverflowError):
            # PyYAML hands escapes such as "\UFFFFFFFF" to chr() unchecked.
            mark = Mark(self._source, events.line + 1, events.column + 1)
            self._stop(mark, Refused("is not valid YAML", "check the escapes in quotes here"))

    def _check_printable(self, text: str) -> None:
        if len(text) > MOST_BYTES:
            large = Refused("is larger than 1 MiB", self._smaller)
            self._stop(Mark(self._source), large)
        found = _UNPRINTABLE.search(text)
        if found:
            before = Source.of("", text[: found.start()]).lines
            mark = Mark(self._source, len(before), len(before[-1]) + 1)
            what = f"character U+{ord(found[0]):04X} may not stand in YAML"
            self._stop(mark, Refused(what, "remove it"))

    def _begin(self) -> Node | None:
        root = None
        while self._events.check_event():
            event = self._next()
            if isinstance(event, yaml.DocumentStartEvent):
                self._begin_document(event, root)
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, is_key=False)
        return root

    def _next(self) -> yaml.Event:
        return self._events.get_event()  # type: ignore[no-untyped-call, no-any-return]

    def _begin_document(self, event: yaml.DocumentStartEvent, root: Node | None) -> None:
        if root is not None:
            second = Refused("a second document begins", "keep one scenario in a file")
            self._stop(self._mark(event.start_mark), second)
        if event.version or event.tags:
            self._note(event, Refused("directives are not allowed", "remove the line with `%`"))

    def _node(self, event: yaml.Event, *, is_key: bool) -> Node:
        """Return the value that begins with an event, and leave the events behind it."""
        mark = self._mark(event.start_mark)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            what = f"has more than {MOST_NODES} values"
            self._stop(mark, Refused(what, self._smaller))
        if isinstance(event, yaml.AliasEvent):
            what = f"alias {quoted('*' + str(event.anchor))} is not allowed"
            self._note(event, Refused(what, "write the value out"))
            return Scalar(None, mark, broken=True)
        self._check_bare(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark, is_key)
        if len(self._steps) >= MOST_DEPTH:
            what = f"nests deeper than {MOST_DEPTH} levels"
            self._stop(mark, Refused(what, "write it flatter"))
        self._steps.append("")
        node = self._tree(mark) if isinstance(event, yaml.MappingStartEvent) else self._items(mark)
        self._steps.pop()
        return node

    def _check_bare(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            what = f"anchor {quoted('&' + str(anchor))} is not allowed"
            self._note(event, Refused(what, "write the value out where it is needed"))
        if tag is not None:
            what = f"tag {quoted(str(tag))} is not allowed"
            self._note(event, Refused(what, "write the plain value"))

    def _scalar(self, event: yaml.ScalarEvent, mark: Mark, is_key: bool) -> Scalar:
        text = str(event.value)
        try:
            text = whole_text(text)
            return Scalar(text if event.style is not None or is_key else self._plain(text), mark)
        except Refused as refused:
            self._note(event, refused)
            return Scalar(None, mark, broken=True)

    def _plain(self, text: str) -> bool | int | float | str | None:
        return resolve_plain(text)

    def _items(self, mark: Mark) -> Items:
        items: list[Node] = []
        self._steps[-1] = "0"
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, is_key=False))
            self._steps[-1] = str(len(items))
        return Items(tuple(items), mark)

    def _tree(self, mark: Mark) -> Tree:
        entries: dict[str, Entry] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            self._steps[-1] = ""
            key = self._node(event, is_key=True)
            kept = self._takes(key, entries)
            value = self._node(self._next(), is_key=False)
            if kept and isinstance(key, Scalar):
                entries[str(key.value)] = Entry(key.mark, value)
        return Tree(entries, mark)

    def _takes(self, key: Node, entries: dict[str, Entry]) -> bool:
        """Step into the value of a key; return False for a key that is refused."""
        if isinstance(key, Scalar) and key.broken:
            return False
        if not isinstance(key, Scalar) or not isinstance(key.value, str):
            self._findings.add(
                key.mark, self._path(), Refused("a key is not one word", "write `key: value`")
            )
            return False
        self._steps[-1] = key.value
        if key.value not in entries:
            return True
        first = entries[key.value].key_mark
        where = f" (first on line {first.line})" if self._source.lines else ""
        twice = Refused(f"is given twice{where}", "keep one of them")
        self._findings.add(key.mark, self._path(), twice)
        return False

    def _path(self) -> str:
        return ".".join(filter(None, self._steps))

    def _mark(self, mark: _Place | None) -> Mark:
        if mark is None:
            return Mark(self._source)
        return Mark(self._source, mark.line + 1, mark.column + 1)

    def _note(self, event: yaml.Event, refused: Refused) -> None:
        self._findings.add(self._mark(event.start_mark), self._path(), refused)

    def _stop(self, mark: Mark, refused: Refused) -> NoReturn:
        self._findings.add(mark, "", refused)
        raise _Stop


class _Foreign(_Builder):
    """Builds the trees of another program's file, of which there may be several in one text."""

    _smaller = "give only the part with the settings"
    _empty = ("is empty", "give a file that holds settings")

    def documents(self, text: str) -> list[Node]:
        self._found: list[Node] = []
        self.build(text)
        return self._found

    def _begin(self) -> Node | None:
        while self._events.check_event():
            event = self._next()
            if isinstance(event, yaml.DocumentStartEvent):
                self._begin_document(event, None)
            elif isinstance(event, yaml.NodeEvent):
                self._found.append(self._node(event, is_key=False))
        return self._found[0] if self._found else None

    def _plain(self, text: str) -> bool | int | float | str | None:
        """Return what a scalar means; what older rules read otherwise is text here."""
        if text == "":
            return None
        if _LEADING_ZERO.fullmatch(text) or _SEXAGESIMAL.fullmatch(text):
            return text
        return resolve_plain(text)


def read_foreign(text: str, label: str, findings: Findings) -> list[Node]:
    """Return the marked trees of another program's YAML, one for each of its documents.

    The limits are those of a scenario; a key may have no value, and `010` or `1:30` are text.
    """
    text = text.removeprefix("\ufeff")
    return _Foreign(Source.of(label, text), findings).documents(text)


def resolve_plain(text: str) -> bool | int | float | str | None:
    """Return what an unquoted scalar means, or raise `Refused`."""
    if text == "":
        raise Refused("has no value", "write one, or `null` for none")
    if text in _FIXED:
        return _FIXED[text]
    if text[0] not in "+-.0123456789":
        return text
    if _LEADING_ZERO.fullmatch(text):
        bare = text.lstrip("+-").lstrip("0") or "0"
        raise Refused(
            f"{quoted(text)} has a leading zero", f'write `{bare[:60]}`, or "{text[:60]}" for text'
        )
    if _SEXAGESIMAL.fullmatch(text):
        raise Refused(
            f"{quoted(text)} may be a time, a number or text",
            f'write a duration like `1m30s`, or "{text[:60]}" for text',
        )
    if _NOT_FINITE.fullmatch(text):
        raise Refused(f"{quoted(text)} is not finite", "write a finite number")
    return _number(text)


def _number(text: str) -> int | float | str:
    if _BASED.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text, 0)
    if not _FLOAT.fullmatch(text):
        return text
    if len(text) > _MOST_DIGITS:
        raise Refused(f"{quoted(text)} has too many digits", "write fewer")
    if _INTEGER.fullmatch(text):
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise Refused(f"{quoted(text)} is not finite", "write a smaller number")
    return number
