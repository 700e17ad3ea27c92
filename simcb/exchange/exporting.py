"""A scenario's settings out: the file that people paste, and what it does not say."""

from __future__ import annotations

from dataclasses import dataclass

from simcb.exchange.calls import Asked, Writing, calls_of
from simcb.exchange.formats import FORMATS
from simcb.exchange.importing import ExchangeError
from simcb.exchange.overlay import comment
from simcb.scenario import Scenario
from simcb.scenario.refusal import choice_remedy, quoted, shown

EXPORTED = tuple(FORMATS)
"""The names of the formats that can be written."""


@dataclass(frozen=True)
class Exported:
    """A file of settings.

    Args:
        format: the name of its format.
        text: what to paste, what it does not say in comments at its head.
        losses: for each name in the file, what it does not say or says otherwise.
    """

    format: str
    text: str
    losses: dict[str, tuple[str, ...]]


def export_settings(scenario: Scenario, to: str, *, call: str | None = None) -> Exported:
    """Write the settings of a scenario's calls in another program's words.

    Args:
        scenario: whose calls.
        to: the name of the format, one of `EXPORTED`.
        call: the service of a lone call, or any ending of its path; None for all calls.

    Raises:
        ExchangeError: there is no such format or call, or no call has any settings.
    """
    known = FORMATS.get(to)
    if known is None:
        raise ExchangeError(
            f"{quoted(to)} is no format that is written", choice_remedy(to, EXPORTED)
        )
    asked = calls_of(scenario)
    if call is not None:
        every = asked
        asked = [one for one in asked if _is_meant(call, one)]
        if len(asked) != 1:
            names = [one.name for one in (asked or every)]
            number = "no call" if not asked else "several calls"
            what = f"{quoted(call)} names {number} of {quoted(scenario.name)}"
            raise ExchangeError(what, choice_remedy("", names))
    if not asked:
        what = f"{quoted(scenario.name)} has no call with settings"
        raise ExchangeError(what, "give a call a `breaker`, a `retry` or a `timeout`")
    page = Writing(known.comment)
    known.write(asked, page)
    losses = {
        one.name: (*one.losses, *(f"{each}: left out" for each in one.left())) for one in asked
    }
    title = f"From {shown(scenario.name)}, as {known.title}, by simcb export."
    head = list(comment(title, ""))
    for name, said in losses.items():
        for each in said:
            head += comment(f"{name}: {shown(each, 500)}", "")
    marked = [known.comment + line[1:] for line in head]
    return Exported(to, "\n".join([*marked, *page.lines]) + "\n", losses)


def _is_meant(call: str, one: Asked) -> bool:
    return one.name == call or one.path == call or one.path.endswith(f".{call}")
