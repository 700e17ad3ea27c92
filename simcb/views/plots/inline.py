"""A figure as SVG that stands in a page among others: small, inert, and with ids of its own.

matplotlib writes a document: with a style that would hold for the whole page, styles in
attributes that a page's policy forbids, names in comments, and ids that two figures share.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib.figure import Figure

from simcb.views.plots.figures import drawn

_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_LEFT_OUT = (f"{_SVG}metadata", f"{_SVG}style")
_REFERENCE = re.compile(r"url\(#([^)]+)\)")
_FINE_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_SPACES = re.compile(r"\s+")


def inline_svg(figure: Figure, prefix: str, label: str) -> str:
    """Return a figure as an `svg` element of a page.

    Args:
        figure: what is drawn.
        prefix: what its ids begin with; no other figure of the page has it.
        label: what it shows, for those who do not see it.
    """
    root = ElementTree.fromstring(drawn(figure, "svg"))
    _prune(root)
    used = dict.fromkeys(name for each in root.iter() for name in _references(each))
    names = {name: f"{prefix}-{number}" for number, name in enumerate(used, start=1)}
    for element in root.iter():
        _rewrite(element, names)
    root.attrib = {"viewBox": root.attrib["viewBox"], "role": "img", "aria-label": label}
    return ElementTree.tostring(root, encoding="unicode")


def _prune(element: ElementTree.Element) -> None:
    """Remove what draws nothing; comments are gone since the text was parsed."""
    for child in list(element):
        _prune(child)
        empty = child.tag in (f"{_SVG}g", f"{_SVG}defs") and not len(child)
        if empty or child.tag in _LEFT_OUT:
            element.remove(child)


def _references(element: ElementTree.Element) -> list[str]:
    """Return the ids that an element refers to."""
    link = element.attrib.get(_LINK, "")
    found = [name for value in element.attrib.values() for name in _REFERENCE.findall(value)]
    return [link[1:], *found] if link.startswith("#") else found


def _rewrite(element: ElementTree.Element, names: dict[str, str]) -> None:
    """Make an element one of the page: no name space, no style, short numbers, ids of ours.

    A style's properties become attributes of the same names.
    """
    style = element.attrib.pop("style", "")
    declared = (each.partition(":") for each in style.split(";") if each.strip())
    given = element.attrib | {name.strip(): value.strip() for name, _, value in declared}
    element.attrib = {}
    for name, value in given.items():
        if name == _LINK:
            # What is no reference is a picture's own bytes.
            element.attrib["href"] = f"#{names[value[1:]]}" if value[0] == "#" else value
        elif name == "d":
            short = _FINE_NUMBER.sub(_rounded, value)
            element.attrib["d"] = _SPACES.sub(" ", short).strip()
        elif name != "id":
            element.attrib[name] = _REFERENCE.sub(lambda it: f"url(#{names[it[1]]})", value)
        elif value in names:
            element.attrib["id"] = names[value]
    element.tag = element.tag.removeprefix(_SVG)
    element.text = element.tail = None


def _rounded(found: re.Match[str]) -> str:
    """Write a coordinate in hundredths of a point, which nobody sees."""
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
