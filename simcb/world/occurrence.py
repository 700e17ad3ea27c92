"""What happens at a moment: the thing that a heap holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Callback = Callable[[Any], None]


class Occurrence:
    """Something that happens at a moment: its callback is called with it.

    There are slots, for an attempt, which is its own completion event, is made for every try of
    every request.
    """

    __slots__ = ("callback",)

    def __init__(self, callback: Callback | None = None) -> None:
        self.callback = callback
