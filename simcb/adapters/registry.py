"""The breakers that a scenario may name: those of this room, and entry points of others.

A package registers one by an entry point of the group `simcb.breakers`: its name is the word in
a scenario, its value a class or function that makes a breaker, or an `Adapter`. A file names
only what is registered, never a module.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from simcb.adapters.protocol import Adapter
from simcb.errors import MissingExtraError, SimcbError

GROUP = "simcb.breakers"

ADAPTERS: dict[str, str] = {
    "pybreaker": "pybreaker:ADAPTER",
    "circuitbreaker": "circuitbreaker:ADAPTER",
    "aiobreaker": "aiobreaker:ADAPTER",
    "asyncbreaker": "asyncbreaker:ADAPTER",
    "purgatory": "purgatory:ADAPTER",
    "interlock-cb": "interlock:ADAPTER",
    "fluxgate": "fluxgate:ADAPTER",
    "pyresilience": "pyresilience:ADAPTER",
    "nopanic": "nopanic:ADAPTER",
    "textbook": "textbook:ADAPTER",
    "unawaited": "textbook:UNAWAITED",
    "resilience4j": "models.resilience4j:ADAPTER",
    "polly": "models.polly:ADAPTER",
    "gobreaker": "models.gobreaker:ADAPTER",
    "hystrix": "models.hystrix:ADAPTER",
    "opossum": "models.opossum:ADAPTER",
    "envoy": "models.envoy:ADAPTER",
    "nginx": "models.nginx:ADAPTER",
}
"""Where each breaker of this room is: its module, and its name there."""


class AdapterError(SimcbError):
    """A registered breaker is none."""


def names() -> tuple[str, ...]:
    """Return the word of every breaker that is registered, ours first."""
    return (*ADAPTERS, *(name for name in _registered() if name not in ADAPTERS))


def adapter(name: str) -> Adapter:
    """Return the breaker of a name.

    Raises:
        KeyError: there is none.
        AdapterError: what is registered makes no breaker.
    """
    if name in ADAPTERS:
        module, _, attribute = ADAPTERS[name].partition(":")
        found: Adapter = getattr(import_module(f"simcb.adapters.{module}"), attribute)
        return found
    return _of_entry_point(_registered()[name])


def installed(
    wanted: Sequence[str] = (), *, models: bool = False
) -> tuple[tuple[Adapter, ...], tuple[str, ...]]:
    """Return breakers, and the names of those whose package is not installed.

    Args:
        wanted: the names of those that are wanted; all if there are none.
        models: whether models of breakers of other languages come too, if none is named.

    Raises:
        KeyError: there is none of a name.
        MissingExtraError: one that is named is not installed.
    """
    found: list[Adapter] = []
    missing: list[str] = []
    for name in dict.fromkeys(wanted or names()):
        each = adapter(name)
        if each.model and not (models or wanted):
            continue
        try:
            each.parameters()
        except MissingExtraError:
            if wanted:
                raise
            missing.append(name)
        else:
            found.append(each)
    return tuple(found), tuple(missing)


@cache
def _registered() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}


def _of_entry_point(entry: EntryPoint) -> Adapter:
    try:
        value = entry.load()
    except Exception as error:
        what = f"the breaker {entry.name!r} ({entry.value}) cannot be loaded: {error}"
        raise AdapterError(f"{what}; mend its package, or uninstall it") from error
    if isinstance(value, Adapter):
        return value
    if not callable(value):
        what = f"the breaker {entry.name!r} ({entry.value}) is not callable"
        raise AdapterError(f"{what}; register a class, or an Adapter")
    about = (inspect.getdoc(value) or entry.value).splitlines()[0]
    package = entry.dist.name if entry.dist else ""
    return Adapter(entry.name, value, about, package=package)
