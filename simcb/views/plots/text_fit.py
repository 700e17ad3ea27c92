"""Letters on a plot: names shown as they are written, and how wide they come out.

A name is somebody else's text. It is never read as mathematics or as a hidden label, its
control characters are spelt out, and letters the font has not got become a box instead of a
warning.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from matplotlib.font_manager import FontProperties, findfont, get_font

from simcb.views.plots.style import FONT, INK

MISSING = "\N{WHITE SQUARE}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_POINTS_PER_INCH = 72.0
_MOST_CHARACTERS = 400


def letters(size: float, color: str = INK) -> dict[str, Any]:
    """Return how a text is drawn that is to be read as it is, in `size` points."""
    return {"fontsize": size, "fontfamily": FONT, "color": color, "parse_math": False}


@cache
def _known_letters() -> frozenset[int]:
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


def literal(name: str) -> str:
    """Return `name` as one line of letters that the font can show.

    Control characters and line breaks become their escapes, letters without a glyph a white
    square. To keep `$` and `^` literal as well, the text must be drawn with
    `parse_math=False`.
    """
    shown = []
    for letter in name:
        if not letter.isprintable():
            shown.append(letter.encode("unicode_escape").decode("ascii"))
        elif ord(letter) in _known_letters():
            shown.append(letter)
        else:
            shown.append(MISSING)
    return "".join(shown)


def shortened(name: str, width: float, size: float) -> str:
    """Return the literal `name`, its middle left out if it is wider than `width` inches.

    Both ends stay, because names of a kind differ there: `storefront.0->…base.2`.
    """
    text = literal(name[:_MOST_CHARACTERS])
    if len(name) > _MOST_CHARACTERS:
        text += ELLIPSIS
    if text_width(text, size) <= width:
        return text
    keep = len(text) - 1
    while keep > 1:
        head, tail = (keep + 1) // 2, keep // 2
        short = text[:head] + ELLIPSIS + text[len(text) - tail :]
        if text_width(short, size) <= width:
            return short
        keep -= 1
    return ELLIPSIS


@cache
def _letter_width(letter: str) -> float:
    """Return a letter's width in parts of the font's size."""
    font = get_font(findfont(FontProperties(family=FONT)))
    font.set_size(100, _POINTS_PER_INCH)
    # In 16.16 fixed point, and of the size set above.
    return float(font.load_char(ord(letter)).linearHoriAdvance) / 65536 / 100


def text_width(text: str, size: float) -> float:
    """Return about how wide `text` is, in inches, at `size` points."""
    return sum(_letter_width(letter) for letter in text) * size / _POINTS_PER_INCH
