"""JSON, and the object literals of JavaScript and Go, as marked trees; nothing is evaluated.

A value that is no literal (a name, a call, a function) stays as its text, `Code`; only products of
numbers and Go's `30 * time.Second` are worked out. Comments and commas at an end are welcome.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right

from simcb.scenario.problems import Findings, Mark, Source
from simcb.scenario.refusal import Refused
from simcb.scenario.tree import Entry, Items, Node, Scalar, Tree

MOST_DEPTH = 32
MOST_NODES = 50_000

_SKIPPED = re.compile(r"(?:\s+|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_PIECE = re.compile(
    r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|[\[\](){},;]""",
    re.DOTALL,
)
_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`', re.DOTALL)
_KEY = re.compile(r"[A-Za-z_$][\w$.-]*")
_FACTOR = re.compile(r"\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_GO_UNITS = {
    "time.Nanosecond": 1,
    "time.Microsecond": 1_000,
    "time.Millisecond": 1_000_000,
    "time.Second": 1_000_000_000,
    "time.Minute": 60_000_000_000,
    "time.Hour": 3_600_000_000_000,
}
_FIXED: dict[str, bool | float | None] = {
    "true": True,
    "false": False,
    "null": None,
    "undefined": None,
    "nil": None,
    "NaN": math.nan,
    "Infinity": math.inf,
    "-Infinity": -math.inf,
}


class Code(str):
    """What stands where a value would, and is known only when the program runs."""

    __slots__ = ()


class _Stop(Exception):
    """Reading cannot usefully go on; the reason is among the findings."""


class Literals:
    """Reads literals out of one text.

    Args:
        text: the file.
        label: what messages call it.
        findings: where problems go.
    """

    def __init__(self, text: str, label: str, findings: Findings) -> None:
        self.text = text
        self._source = Source.of(label, text)
        self._findings = findings
        self._nodes = 0
        self._starts: list[int] = [0]
        for found in re.finditer("\r\n|[\r\n\x85\u2028\u2029]", text):
            self._starts.append(found.end())

    def document(self) -> Node | None:
        """Return the one value that the text is, or None if it cannot be read."""
        begin = self._skip(0)
        try:
            node, end = self._value(begin, 0)
            end = self._skip(end)
            if end < len(self.text):
                self._stop(end, Refused("something stands after the end", "keep one value"))
        except _Stop:
            return None
        return node

    def at(self, begin: int) -> Tree | None:
        """Return the object that begins at a brace, or None if it cannot be read."""
        try:
            node, _ = self._value(begin, 0)
        except _Stop:
            return None
        return node if isinstance(node, Tree) else None

    def braces_around(self, keys: re.Pattern[str]) -> list[int]:
        """Return where the innermost braces begin around each match of a pattern, in order."""
        wanted = [found.start() for found in keys.finditer(self.text)]
        found: list[int] = []
        opened: list[int] = []
        place = 0
        for piece in _PIECE.finditer(self.text):
            while place < len(wanted) and wanted[place] <= piece.start():
                if opened and opened[-1] not in found and self.text[opened[-1]] == "{":
                    found.append(opened[-1])
                place += 1
            while place < len(wanted) and wanted[place] < piece.end():
                place += 1  # in a comment or a string
            if piece[0] in "[({":
                opened.append(piece.start())
            elif piece[0] in "])}" and opened:
                opened.pop()
        return sorted(found)

    def mark(self, place: int) -> Mark:
        """Return the mark of a place in the text."""
        line = bisect_right(self._starts, place)
        return Mark(self._source, line, place - self._starts[line - 1] + 1)

    def _skip(self, place: int) -> int:
        found = _SKIPPED.match(self.text, place)
        return found.end() if found else place

    def _stop(self, place: int, refused: Refused) -> None:
        self._findings.add(self.mark(min(place, len(self.text))), "", refused)
        raise _Stop

    def _value(self, place: int, depth: int) -> tuple[Node, int]:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            remedy = "give only the part with the settings"
            self._stop(place, Refused(f"has more than {MOST_NODES} values", remedy))
        if depth > MOST_DEPTH:
            what = f"nests deeper than {MOST_DEPTH} levels"
            self._stop(place, Refused(what, "give only the part with the settings"))
        begin = self.text[place : place + 1]
        if begin == "{":
            return self._object(place, depth)
        if begin == "[":
            return self._list(place, depth)
        end = self._end_of_code(place)
        return Scalar(self._scalar(place, end), self.mark(place)), end

    def _object(self, begin: int, depth: int) -> tuple[Node, int]:
        entries: dict[str, Entry] = {}
        place = self._skip(begin + 1)
        while self.text[place : place + 1] != "}":
            key_at = place
            key, place = self._key(place)
            place = self._skip(place)
            if key is None or self.text[place : place + 1] != ":":
                # Shorthand, a spread or a method: nothing that can be read.
                place = self._end_of_code(key_at)
                name = key or self.text[key_at:place].strip()
                node: Node = Scalar(Code(self.text[key_at:place].strip()), self.mark(key_at))
            else:
                name = key
                node, place = self._value(self._skip(place + 1), depth + 1)
            if name in entries:
                first = entries[name].key_mark.line
                twice = Refused(f"is given twice (first on line {first})", "keep one of them")
                self._findings.add(self.mark(key_at), name, twice)
            else:
                entries[name] = Entry(self.mark(key_at), node)
            place = self._after_item(place, "}", begin)
        return Tree(entries, self.mark(begin)), place + 1

    def _list(self, begin: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        place = self._skip(begin + 1)
        while self.text[place : place + 1] != "]":
            node, place = self._value(place, depth + 1)
            items.append(node)
            place = self._after_item(place, "]", begin)
        return Items(tuple(items), self.mark(begin)), place + 1

    def _after_item(self, place: int, close: str, begin: int) -> int:
        place = self._skip(place)
        after = self.text[place : place + 1]
        if after in (",", ";"):
            return self._skip(place + 1)
        if after != close:
            what = "does not end" if not after else "has no comma behind a value"
            self._stop(place if after else begin, Refused(what, f"write `,` or `{close}`"))
        return place

    def _key(self, place: int) -> tuple[str | None, int]:
        found = _STRING.match(self.text, place)
        if found:
            return _unquoted(found[0]), found.end()
        found = _KEY.match(self.text, place)
        return (found[0], found.end()) if found else (None, place)

    def _end_of_code(self, place: int) -> int:
        """Return where a value that is neither object nor list ends."""
        depth = 0
        begin = place
        for piece in _PIECE.finditer(self.text, place):
            sign = piece[0]
            if sign in "[({":
                depth += 1
            elif sign in ("]", ")", "}"):
                if not depth:
                    return piece.start()
                depth -= 1
            elif sign in (",", ";") and not depth:
                return piece.start()
        if depth:
            self._stop(begin, Refused("does not end", "close the brackets and quotes"))
        return len(self.text)

    def _scalar(self, begin: int, end: int) -> bool | int | float | str | None:
        text = self.text[begin:end]
        text = re.sub(r"//[^\n]*$", "", text).strip() if '"' not in text else text.strip()
        if not text:
            self._stop(begin, Refused("a value is missing", "write one"))
        found = _STRING.fullmatch(text)
        if found:
            return _unquoted(text)
        return _FIXED[text] if text in _FIXED else _worked_out(text)


def _unquoted(text: str) -> str:
    body = text[1:-1]
    if text[0] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return body
    return Code(text) if text[0] == "`" and "${" in body else body


def _worked_out(text: str) -> int | float | str:
    """Return a product of numbers and Go's units, or the text as code."""
    product: float = 1
    bare = re.sub(r"^time\.Duration\(([^()]*)\)", r"\1", text)
    negative = bare.startswith("-")
    for factor in bare.removeprefix("-").split("*"):
        word = factor.strip()
        if word in _GO_UNITS:
            product *= _GO_UNITS[word]
        elif _FACTOR.fullmatch(word):
            digits = word.replace("_", "")
            product *= int(digits) if digits.isdigit() and len(digits) < 30 else float(digits)
        else:
            return Code(text)
    if not math.isfinite(product):
        return Code(text)
    return -product if negative else product
