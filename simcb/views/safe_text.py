"""Text from a file on its way to a terminal, a spreadsheet or a Markdown page.

Names and descriptions come from a scenario's file. A terminal would act upon
escape sequences, a spreadsheet upon `=`, a Markdown page upon `|` and `<`; here they become
characters that mean nothing. What the text says is for others to know.
"""

from __future__ import annotations

import re

from simcb.scenario.refusal import shown

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# An underscore inside a word, as in a metric's name, means nothing to Markdown.
_MARKDOWN = re.compile(r"([\\`*\[\]<|~&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")

_ASCII = {
    "✓": "ok  ",
    "✗": "FAIL",
    "█": "#",
    "▄": "+",
    "▒": "~",
    "·": ".",
    "━": "=",
    "─": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "±": "+-",
    "×": "x",
    "≥": ">=",
    "≤": "<=",
    "≈": "~",
    "…": "...",
    "’": "'",
    "“": '"',
    "”": '"',
    "→": "->",
    "µ": "u",
    "\u00a0": " ",
    "\u202f": " ",
    "λ": "lambda",
    "μ": "mu",
    "ρ": "rho",
    "ν": "nu",
    "σ": "sigma",
    "Σ": "sum ",
    "∞": "inf",
    "²": "^2",
    "³": "^3",
    "⁴": "^4",
    "ⁿ": "^n",
    "ᵏ": "^k",
    "⁺": "+",
    "¹": "1",
    "β": "beta",
    "√": "sqrt ",
    "½": "1/2",
    "₀": "0",
    "₁": "1",
    "₂": "2",
    "á": "a",
} | dict(zip("▁▂▃▅▆▇", "123567", strict=True))

_TO_ASCII = str.maketrans(_ASCII)


def one_line(text: str, longest: int = 400) -> str:
    """Return text fit for one line of a terminal: control characters shown, not sent."""
    return shown(text, longest)


def csv_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    A number keeps its sign; any other text that begins like a formula gets an apostrophe.
    """
    cell = shown(text, 10_000)
    if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{cell}"
    return cell


def markdown_cell(text: str) -> str:
    """Return text that Markdown shows as it is, in a table cell or a paragraph."""
    return _MARKDOWN.sub(r"\\\1", shown(text, 10_000))


def to_ascii(text: str) -> str:
    """Return text for a terminal that has no more than ASCII.

    Signs that simcb draws with get a counterpart; any other character is shown escaped.
    """
    plain = text.translate(_TO_ASCII)
    return plain.encode("ascii", "backslashreplace").decode("ascii")
