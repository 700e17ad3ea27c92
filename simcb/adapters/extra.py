"""Other people's packages, which one extra of simcb brings."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import Signature, signature
from typing import Any

from simcb.errors import MissingExtraError

EXTRA = "peers"


def library(module: str) -> Any:  # each has its own contents
    """Return a module of another package.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(error.name or module, EXTRA) from None


def signature_of(module: str, name: str) -> Callable[[], Signature]:
    """Return what returns the signature of something in a module of another package."""
    return lambda: signature(getattr(library(module), name))
