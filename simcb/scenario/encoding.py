"""Bytes to text that YAML may hold, or why they are none.

This module must not know YAML's notation.
"""

from __future__ import annotations

import re

from simcb.scenario.nodes import Findings, Mark, Source
from simcb.scenario.refusal import Refused

MOST_BYTES = 1024 * 1024
"""The largest file, in bytes."""

_BYTE_ORDER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def decode(data: bytes, label: str, findings: Findings) -> str | None:
    """Return the text of a file, or note why it is none."""
    whole = Mark(Source(label))
    if len(data) > MOST_BYTES:
        findings.add(whole, "", Refused("is larger than 1 MiB", "write a smaller scenario"))
        return None
    for prefix, name in _BYTE_ORDER_MARKS.items():
        if data.startswith(prefix):
            findings.add(whole, "", Refused(f"is {name} text", "save it as UTF-8"))
            return None
    if b"\x00" in data:
        findings.add(whole, "", Refused("is binary", "give a YAML file"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        source = Source.of(label, data.decode("utf-8-sig", "replace"))
        what = f"byte 0x{data[error.start]:02x} is not UTF-8"
        findings.add(Mark(source, line, column), "", Refused(what, "save the file as UTF-8"))
        return None


def is_printable(text: str, source: Source, findings: Findings) -> bool:
    """Tell whether a text holds only characters that YAML allows, noting the first other."""
    if len(text) > MOST_BYTES:
        what = Refused("is larger than 1 MiB", "write a smaller scenario")
        findings.add(Mark(source), "", what)
        return False
    found = _UNPRINTABLE.search(text)
    if not found:
        return True
    before = Source.of("", text[: found.start()]).lines
    mark = Mark(source, len(before), len(before[-1]) + 1)
    what = Refused(f"character U+{ord(found[0]):04X} may not stand in YAML", "remove it")
    findings.add(mark, "", what)
    return False
