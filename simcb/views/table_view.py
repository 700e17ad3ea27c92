"""A table by itself: what a notebook shows as a table and a script prints as text."""

from __future__ import annotations

from dataclasses import dataclass

from simcb.views.document import Document, Page, Table
from simcb.views.html import card


@dataclass(frozen=True, repr=False)
class TableView:
    """A table as one looks at it in a notebook, or prints it.

    Args:
        table: its header, rows and notes, as text.
    """

    table: Table

    def __repr__(self) -> str:
        # rich is slow to load, and only text needs it.
        from simcb.views.screen import as_screen

        text = as_screen(Document("", blocks=(self.table,)), Page())
        return text.plain.strip("\n")

    def _repr_html_(self) -> str:
        return card(Document("", blocks=(self.table,)))
