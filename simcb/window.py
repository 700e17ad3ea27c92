"""Packages that show the names of their modules and load a module when one is first looked at."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def window(package: str, shown: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a package, as PEP 562 has it.

    Args:
        package: its name.
        shown: the names that each of its modules has for it, parted by blanks; the package says
            the same to type checkers by imports that are not run.
    """
    modules = {name: module for module, names in shown.items() for name in names.split()}

    def found(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f"{package}.{modules[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return found
