"""A YAML parser's complaints, said as what is wrong and what to write."""

from __future__ import annotations

from simcb.scenario.refusal import Refused

_SYNTAX = (
    (r"'\t'", "a tab begins or indents a value", "use spaces instead"),
    (
        "mapping values are not allowed",
        "a second `:` stands in one line",
        "indent by the same number of spaces as the lines around it, "
        "or put text that holds `: ` in double quotes",
    ),
    ("could not find expected ':'", "a key has no `:` behind it", "write `key: value`"),
    (
        "expected ',' or ']'",
        "a list in brackets does not end",
        "write `,` between its items and `]` at its end",
    ),
    (
        "expected ',' or '}'",
        "a mapping in braces does not end",
        "write `,` between its pairs and `}` at its end",
    ),
    ("found unexpected end of stream", "a quoted text does not end", "close the quotes"),
    (
        "expected <block end>",
        "the indentation does not fit the lines above",
        "give all keys of one mapping the same indentation",
    ),
    (
        "sequence entries are not allowed",
        "a list item may not begin here",
        "begin it with `- ` on a line of its own",
    ),
    ("found undefined alias", "aliases are not allowed", "write the value out"),
    ("while parsing a tag", "tags are not allowed", "write the plain value"),
    ("while scanning a tag", "tags are not allowed", "write the plain value"),
    ("found undefined tag handle", "tags are not allowed", "write the plain value"),
    ("while scanning an anchor", "anchors are not allowed", "write the value out"),
    ("while scanning an alias", "aliases are not allowed", "write the value out"),
    ("while scanning a directive", "directives are not allowed", "remove the line with `%`"),
    ("directive", "directives are not allowed", "remove the line with `%`"),
    (
        "expected '<document start>'",
        "something stands after the end of the scenario",
        "keep one mapping in a file, its keys all at the margin",
    ),
    (
        "found unknown escape character",
        "a backslash stands before a character that needs none",
        "write `\\\\`, or use single quotes",
    ),
    (
        "that cannot start any token",
        "a value begins with a character that YAML reserves",
        "put the value in double quotes",
    ),
    (
        "while scanning a block scalar",
        "a text after `|` or `>` begins in the wrong way",
        "put it in double quotes",
    ),
    (
        "expected the node content",
        "a value is missing",
        "write one, and look for a comma or bracket too many",
    ),
)
"""Part of the parser's message, what is wrong, and what to write; the first that fits."""


def in_our_words(context: str, problem: str) -> Refused:
    """Return the refusal that a parser's context and problem amount to."""
    message = f"{context} {problem}"
    for part, what, remedy in _SYNTAX:
        if part in message:
            return Refused(what, remedy)
    cause = problem.strip() or "unknown cause"
    remedy = "check brackets, quotes and indentation here"
    return Refused(f"is not valid YAML ({cause})", remedy)
