"""The table of a tune's formats: a new one is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from simcb.views.answer import Page
from simcb.views.formats.names import Format
from simcb.views.tunings.answer import TuneAnswer
from simcb.views.tunings.json_object import as_json
from simcb.views.tunings.screen import as_markdown, as_screen
from simcb.views.tunings.tidy import trial_lines

FORMATS: dict[Format, Callable[[TuneAnswer, Page], Text]] = {
    Format.TABLE: as_screen,
    Format.JSON: lambda answer, _: Text(as_json(answer) + "\n"),
    Format.CSV: lambda answer, _: Text("".join(trial_lines(answer.result))),
    Format.MD: lambda answer, _: Text(as_markdown(answer)),
}


def render(answer: TuneAnswer, form: Format, page: Page) -> Text:
    """Write an answer in a format."""
    return FORMATS[form](answer, page)
