"""The formats' names, apart from the code that writes them."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """How an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MD = "md"


class ListFormat(StrEnum):
    """How a list of what simcb knows is written."""

    TABLE = "table"
    JSON = "json"
