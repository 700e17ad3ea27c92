"""Lists: scenarios that were checked, scenarios there are, laws that were audited."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from simcb.metrics import Law
from simcb.scenario import Scenario
from simcb.studies.limits import SizeEstimate, in_words
from simcb.views.answer import Page
from simcb.views.safe_text import one_line, to_ascii
from simcb.views.tables.quantities import clock
from simcb.views.tables.run import FAILED, PASSED

if TYPE_CHECKING:
    from simcb.studies.sweep import SweepSize

_BETWEEN = 2
_WIDEST = 100


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
    words = (
        f"{one_line(scenario.name, 80)}, {clock(scenario.duration)}, "
        f"about {in_words(size.requests)} requests"
    )
    if size.most_requests > 2.0 * size.requests:
        words += f" ({in_words(size.most_requests)} if users are turned away at once all the time)"
    if swept is not None:
        words += f"; its sweep {swept.settings:,} settings, {swept.cells:,} runs"
    return f"ok  {one_line(source)}: {words}\n"


def catalogue(scenarios: Mapping[str, Scenario], page: Page) -> str:
    """Return each scenario's name with what it is about, wrapped to the page."""
    widest = max((len(name) for name in scenarios), default=0)
    width = max(widest + 30, min(page.width, _WIDEST))
    lines = []
    for name, scenario in scenarios.items():
        about = one_line(scenario.about or scenario.name, 10_000)
        lines += textwrap.wrap(
            about,
            width,
            initial_indent=f"{name:<{widest + _BETWEEN}}",
            subsequent_indent=" " * (widest + _BETWEEN),
        )
    text = "".join(f"{line}\n" for line in lines)
    return to_ascii(text) if page.ascii_only else text


def law_list(audits: Sequence[Sequence[Law]], width: int) -> Text:
    """Return every law with its sign and numbers; of several runs, a broken one's or the first's.

    Args:
        audits: each run's laws, the same ones in the same order.
        width: columns after which the numbers go on in the next line.
    """
    lines = []
    for each in zip(*audits, strict=True):
        shown = next((law for law in each if not law.holds), each[0])
        sign = PASSED if shown.holds else FAILED
        name = f"{sign} {one_line(shown.name)}"
        first, *rest = textwrap.wrap(
            f"{name}  {one_line(shown.detail, 2000)}", max(width, 40), subsequent_indent="    "
        )
        if first.startswith(name):
            lines.append(Text(name).append(first.removeprefix(name), "dim"))
        else:
            lines.append(Text(first))
        lines.extend(Text(line, "dim") for line in rest)
    return Text("\n").join(lines)
