"""The metrics' definitions, as a list, one by one, and as JSON.

What a metric means is said once, where it is computed; here its words are only laid out.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable

from simcb.metrics import Metric, Per
from simcb.views.answer import Page
from simcb.views.safe_text import to_ascii
from simcb.views.tables.grid import Grid

_WIDEST = 110
_NARROWEST_WORDS = 30
_GAP = "  "

OF_A_GROUP = (
    "Of a client group, where there are several: over its own requests, and the attempts made "
    "for them."
)


def definition_list(metrics: Iterable[Metric], page: Page) -> str:
    """Return each metric's name, unit and what it is for, with the sentence that defines it."""
    known = tuple(metrics)
    rows = tuple((each.name, each.unit.value, each.per.words) for each in known)
    grid = Grid(("metric", "unit", "per"), rows, words=frozenset({1, 2}))
    indent = " " * (grid.width + len(_GAP))
    width = max(len(indent) + _NARROWEST_WORDS, min(page.width, _WIDEST))
    heads = [line.ljust(grid.width) + _GAP for line in grid.text().plain.splitlines()]
    lines = [f"{heads[0]}definition"]
    for head, each in zip(heads[1:], known, strict=True):
        lines += textwrap.wrap(each.summary, width, initial_indent=head, subsequent_indent=indent)
    return _written("\n".join([*lines, "", "simcb metrics NAME has the whole definition."]), page)


def definition(metric: Metric, page: Page) -> str:
    """Return all there is to know about a metric."""
    phases = "by phase" if metric.phased else "for the whole run"
    head = f"{metric.name}  ({metric.unit.value}; per {metric.per.words}; {phases})"
    missing = f"Undefined where {metric.undefined}."
    of_a_group = [OF_A_GROUP] if Per.GROUP in metric.per else []
    return _written("\n\n".join([head, metric.definition, *of_a_group, missing]), page)


def definitions_json(metrics: Iterable[Metric]) -> str:
    """Return the metrics as a JSON array of objects."""
    content = [
        {
            "name": each.name,
            "unit": each.unit.value,
            "per": each.per.words,
            "phased": each.phased,
            "summary": each.summary,
            "definition": each.definition,
            "undefined": each.undefined,
        }
        for each in metrics
    ]
    return json.dumps(content, indent=2) + "\n"


def _written(text: str, page: Page) -> str:
    if page.ascii_only:
        text = "\n".join(to_ascii(line) for line in text.splitlines())
    return f"{text}\n"
