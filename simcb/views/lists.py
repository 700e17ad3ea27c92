"""Lists of what simcb knows: metrics, shipped scenarios, scenarios that were checked.

Each loads what it shows, so that a list of scenarios does not wait for numpy.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from simcb.scenario.problems import Problem, ScenarioError
from simcb.views.document import JsonValue, Page, Table
from simcb.views.safe_text import one_line, to_ascii

if TYPE_CHECKING:
    from simcb.errors import SimcbError
    from simcb.metrics import Metric
    from simcb.scenario import Scenario
    from simcb.studies.limits import SizeEstimate
    from simcb.studies.sweep import SweepSize

_WIDEST = 110
_NARROWEST_WORDS = 30
_GAP = "  "

OF_A_GROUP = (
    "Of a client group, where there are several: over its own requests, and the attempts made "
    "for them."
)


def definition_list(metrics: Iterable[Metric], page: Page) -> str:
    """Return each metric's name, unit and what it is for, with the sentence that defines it."""
    from simcb.views.screen import table_text, table_width

    known = tuple(metrics)
    rows = tuple((each.name, each.unit.value, each.per.words) for each in known)
    table = Table(("metric", "unit", "per"), rows, words=frozenset({1, 2}))
    names = table_width(table)
    width = max(names + len(_GAP) + _NARROWEST_WORDS, min(page.width, _WIDEST))
    head, *heads = (line.ljust(names) for line in table_text(table, Page()).plain.splitlines())
    lines = [f"{head}{_GAP}definition"]
    for head, each in zip(heads, known, strict=True):
        lines += _beside(head, each.summary, width)
    lines += ["", "simcb metrics NAME has the whole definition; of collapse (of a sweep), too."]
    return _written("\n".join(lines), page)


def definition(metric: Metric, page: Page) -> str:
    """Return all there is to know about a metric."""
    from simcb.metrics import Per

    phases = "by phase" if metric.phased else "for the whole run"
    head = f"{metric.name}  ({metric.unit.value}; per {metric.per.words}; {phases})"
    missing = f"Undefined where {metric.undefined}."
    of_a_group = [OF_A_GROUP] if Per.GROUP in metric.per else []
    return _written("\n\n".join([head, metric.definition, *of_a_group, missing]), page)


def definition_data(metric: Metric) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "name": metric.name,
        "unit": metric.unit.value,
        "per": metric.per.words,
        "phased": metric.phased,
        "summary": metric.summary,
        "definition": metric.definition,
        "undefined": metric.undefined,
    }


def as_list(items: Iterable[dict[str, JsonValue]]) -> str:
    """Return a list as a JSON array of objects."""
    return json.dumps(list(items), indent=2, allow_nan=False) + "\n"


def _written(text: str, page: Page) -> str:
    if page.ascii_only:
        text = "\n".join(to_ascii(line) for line in text.splitlines())
    return f"{text}\n"


def checked_line(
    source: str, scenario: Scenario, size: SizeEstimate, swept: SweepSize | None = None
) -> str:
    """Return what there is to say about a scenario that can be run, in a line.

    Args:
        source: what the user called it.
        scenario: what was checked.
        size: how large a run of it is.
        swept: how large its own sweep is, if it has one.
    """
    from simcb.studies.limits import in_words
    from simcb.views.quantities import clock

    words = (
        f"{one_line(scenario.name, 80)}, {clock(scenario.duration)}, "
        f"about {in_words(size.requests)} requests"
    )
    if size.most_requests > 2.0 * size.requests:
        words += f" ({in_words(size.most_requests)} if users are turned away at once all the time)"
    if swept is not None:
        words += f"; its sweep {swept.settings:,} settings, {swept.cells:,} runs"
    return f"ok  {one_line(source)}: {words}\n"


def checked_data(
    source: str, scenario: Scenario, size: SizeEstimate, swept: SweepSize | None
) -> dict[str, JsonValue]:
    """Return the same for programs; `most_requests` is null if there is no end to them."""
    return {
        "source": source,
        "ok": True,
        "name": scenario.name,
        "duration": scenario.duration,
        "requests": size.requests,
        "most_requests": size.most_requests if math.isfinite(size.most_requests) else None,
        "sweep": {"settings": swept.settings, "runs": swept.cells} if swept else None,
    }


def refused_data(source: str, error: SimcbError) -> dict[str, JsonValue]:
    """Return what is wrong with a scenario for programs: its problems, each with its place.

    What has no place in a file is one problem without a line.
    """
    problems: tuple[Problem, ...] = (Problem(source, None, None, "", str(error), ""),)
    omitted = 0
    if isinstance(error, ScenarioError):
        problems, omitted = error.problems, error.omitted
    return {
        "source": source,
        "ok": False,
        "problems": [asdict(each) for each in problems],
        "omitted": omitted,
    }


def catalogue(abouts: Mapping[str, str], page: Page) -> str:
    """Return each scenario's name with what it is about, wrapped to the page."""
    widest = max((len(name) for name in abouts), default=0)
    width = max(widest + _NARROWEST_WORDS, page.prose_width)
    lines = []
    for name, about in abouts.items():
        lines += _beside(f"{name:<{widest}}", one_line(about, 10_000), width)
    return _written("\n".join(lines), page) if lines else ""


def _beside(name: str, words: str, width: int) -> list[str]:
    """Return a name with its words beside it, wrapped."""
    indent = " " * (len(name) + len(_GAP))
    return textwrap.wrap(words, width, initial_indent=name + _GAP, subsequent_indent=indent)
