"""The table of formats: a new one is one function and one line here."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from simcb.views.answer import Answer, Page
from simcb.views.formats.json_object import as_json
from simcb.views.formats.markdown import as_markdown
from simcb.views.formats.names import Format
from simcb.views.formats.screen import as_screen
from simcb.views.formats.tidy import as_csv

FORMATS: dict[Format, Callable[[Answer, Page], Text]] = {
    Format.TABLE: as_screen,
    Format.JSON: lambda answer, _: Text(as_json(answer) + "\n"),
    Format.CSV: lambda answer, _: Text(as_csv(answer)),
    Format.MD: lambda answer, _: Text(as_markdown(answer)),
}


def render(answer: Answer, form: Format, page: Page) -> Text:
    """Write an answer in a format; only the table has colours, and all end with a line break."""
    return FORMATS[form](answer, page)
