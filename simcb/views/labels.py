"""Values of an axis as short texts that still tell one from the other.

Values written inline, `{kind: failure_rate, rate: 50%, window: 10s}`, are long and often differ
in one word only, so what is cut has to be what they have in common.
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.views.safe_text import one_line

LONGEST = 30
"""Characters of a value, unless more are needed to tell it from another."""

_BETWEEN = ", "
_CUT = "…"


def distinct_labels(texts: Sequence[str], longest: int = LONGEST) -> tuple[str, ...]:
    """Return texts no longer than that where they can be, all different if they were.

    If one is too long, what all begin and end with goes first, whole words of it; then as
    much of the middle as can be spared.
    """
    safe = {text: one_line(text, 10_000) for text in texts}
    if max(map(len, safe.values()), default=0) <= longest:
        return tuple(safe[text] for text in texts)
    bare = dict(zip(safe, _differing(list(safe.values())), strict=True))
    while True:
        short = {text: _without_middle(each, longest) for text, each in bare.items()}
        if len(set(short.values())) == len(short) or longest >= max(map(len, bare.values())):
            return tuple(short[text] for text in texts)
        longest += 1


def _differing(texts: list[str]) -> list[str]:
    """Return texts without the words that all of them begin with, and end with."""
    parts = [text.split(_BETWEEN) for text in texts]
    least = min(map(len, parts)) - 1 if len(parts) > 1 else 0
    first = last = 0
    while first < least and len({each[first] for each in parts}) == 1:
        first += 1
    while first + last < least and len({each[-1 - last] for each in parts}) == 1:
        last += 1
    before, after = _CUT if first else "", _CUT if last else ""
    return [f"{before}{_BETWEEN.join(each[first : len(each) - last])}{after}" for each in parts]


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}{_CUT}{text[len(text) - (longest - head - 1) :]}"
