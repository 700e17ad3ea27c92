"""The formats a document is written in: a new one is one function and one line here."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

    from simcb.views.document import Document, Page


class Format(StrEnum):
    """How a document is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    JUNIT = "junit"
    OPENMETRICS = "openmetrics"


class ListFormat(StrEnum):
    """How a list of what simcb knows is written."""

    TABLE = "table"
    JSON = "json"


def render(document: Document, form: Format, page: Page, *, details: bool = False) -> Text:
    """Write a document; only the table has colours, and all forms end with a line break.

    Args:
        document: what a study says.
        form: the format.
        page: what a table is written on.
        details: all of a document that has a brief form, where people read it.
    """
    from rich.text import Text

    from simcb.views.data import as_csv, as_json
    from simcb.views.junit import as_junit
    from simcb.views.markdown import as_markdown
    from simcb.views.openmetrics import as_openmetrics
    from simcb.views.screen import as_screen

    if form in (Format.TABLE, Format.MD) and not details:
        document = document.brief or document
    if form is Format.TABLE:
        return as_screen(document, page)
    writers = {
        Format.JSON: lambda: as_json(document) + "\n",
        Format.CSV: lambda: as_csv(document),
        Format.MD: lambda: as_markdown(document),
        Format.JUNIT: lambda: as_junit(document),
        Format.OPENMETRICS: lambda: as_openmetrics(document),
    }
    return Text(writers[form]())
