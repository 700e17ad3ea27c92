"""The one base of every error simcb raises on purpose.

An exception takes positional fields, hands them all to `super().__init__` and builds its
sentence in `__str__`: SimPy re-creates exceptions from their `args`, and process pools
pickle them, so an exception with keyword-only fields would crash in both.
"""

from __future__ import annotations


class SimcbError(Exception):
    """Something simcb refuses or reports: the value, the place, and the remedy."""


class MissingExtraError(SimcbError, ImportError):
    """An optional library is not installed.

    It is an `ImportError` as well, whose `name` is the library's: what is optional is usually
    imported in a `try` with an `except ImportError`.

    Args:
        library: the import name that failed.
        extra: the extra of simcb that brings it.
    """

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(library, extra, name=library)
        self.library = library
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.library} is not installed; run: pip install 'simcb[{self.extra}]'"
