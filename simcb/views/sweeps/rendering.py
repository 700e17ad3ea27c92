"""The table of a sweep's formats: a new one is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from simcb.views.answer import Page
from simcb.views.formats.names import Format
from simcb.views.sweeps.answer import SweepAnswer
from simcb.views.sweeps.json_object import as_json
from simcb.views.sweeps.screen import as_markdown, as_screen
from simcb.views.sweeps.tidy import ranking_lines

FORMATS: dict[Format, Callable[[SweepAnswer, Page], Text]] = {
    Format.TABLE: as_screen,
    Format.JSON: lambda answer, _: Text(as_json(answer) + "\n"),
    Format.CSV: lambda answer, _: Text("".join(ranking_lines(answer.result))),
    Format.MD: lambda answer, _: Text(as_markdown(answer)),
}


def render(answer: SweepAnswer, form: Format, page: Page) -> Text:
    """Write an answer in a format."""
    return FORMATS[form](answer, page)
