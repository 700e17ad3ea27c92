"""Finds the coroutine function that a group's requests run, new for each run."""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module, invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from simcb.client.answers import ClientError
from simcb.world.code.naming import check_argument, parts_of
from simcb.world.code.notes import first_line, named
from simcb.world.code.requests import Work

Source = str | Callable[..., object]
"""`module:function`, with arguments or without, or the function; it is a coroutine function, or
makes one for each run."""

_INSTALLED = tuple(
    os.path.join(path, "") for path in {*map(sysconfig.get_path, ("stdlib", "purelib", "platlib"))}
)
_OURS = os.path.join(str(Path(__file__).parents[2]), "")


@contextmanager
def own_modules() -> Iterator[Callable[[str], ModuleType]]:
    """Give what loads modules anew, with all of their package, and puts the old ones back after.

    What is installed is not loaded anew: it is no client's, and may not bear it.
    """
    before: dict[str, ModuleType] = {}
    loaded: set[str] = set()
    path = [*sys.path]

    def load(name: str) -> ModuleType:
        root = name.partition(".")[0]
        invalidate_caches()
        if root not in loaded and _is_own(root):
            for each in [key for key in sys.modules if key.partition(".")[0] == root]:
                before[each] = sys.modules.pop(each)
        loaded.add(root)
        return import_module(name)

    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        yield load
    finally:
        sys.path[:] = path
        sys.modules.update(before)


def _is_own(root: str) -> bool:
    if root in ("__main__", "simcb") or root in sys.stdlib_module_names:
        return False
    try:
        found = find_spec(root)
    except (ImportError, ValueError):
        return False
    return found is not None and not (found.origin or "").startswith(_INSTALLED)


def _is_users(file: str) -> bool:
    """Tell whether a file is neither installed, nor Python's own, nor simcb's."""
    return not file.startswith((*_INSTALLED, _OURS, "<frozen"))


def found_by_name(source: str, load: Callable[[str], ModuleType]) -> object:
    """Return what `module:function` names, whatever arguments it is to be given.

    Raises:
        ClientError: it cannot be loaded, or does not take its arguments.
    """
    parts = parts_of(source)
    try:
        found: object = load(parts.module)
        for name in parts.function.split("."):
            found = getattr(found, name)
    except ClientError:
        raise
    except (Exception, SystemExit) as error:
        why = f"{named(error, _is_users)}: {first_line(error)}"
        raise ClientError(
            f"{source} cannot be loaded: {why}", "it is looked for from this directory"
        ) from error
    for name in parts.arguments:
        check_argument(parts, found, name)
    return found


def work_of(group: str, source: Source, load: Callable[[str], ModuleType]) -> Work:
    """Return what the requests of a group run.

    Args:
        group: the client group.
        source: where it comes from.
        load: imports a module.

    Raises:
        ClientError: it cannot be loaded, or is no coroutine function and makes none.
    """
    made: Any = source
    if isinstance(source, str):
        made, arguments = found_by_name(source, load), parts_of(source).arguments
        made = partial(made, **arguments) if arguments else made
    if not _is_coroutine_function(made):
        if callable(made):
            try:
                made = made()
            except ClientError:
                raise
            except (Exception, SystemExit) as error:
                why = f"{named(error, _is_users)}: {first_line(error)}"
                raise ClientError(
                    f"the code of {group} could not be made: {why}",
                    "give a coroutine function, or a function that returns one, with the "
                    "arguments that it needs: module:make(retries=3)",
                ) from error
        if not _is_coroutine_function(made):
            if inspect.iscoroutine(made):
                made.close()
            raise ClientError(
                f"the code of {group} is {type(made).__name__}, no coroutine function",
                "give an `async def`, or a function without arguments that returns one",
            )
    code = inspect.unwrap(_bare(made))
    file = getattr(getattr(code, "__code__", None), "co_filename", "")
    return Work(made, _takes_request(group, made), file)


def _bare(function: Any) -> Any:
    """Return the function that a `partial` stands for."""
    while isinstance(function, partial):
        function = function.func
    return function


def _is_coroutine_function(value: object) -> bool:
    of_its_type = vars(type(value)).get("__call__")
    return inspect.iscoroutinefunction(value) or inspect.iscoroutinefunction(of_its_type)


def _takes_request(group: str, function: Callable[..., object]) -> bool:
    needed = [
        each
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if len(needed) > 1 or any(each.kind is each.KEYWORD_ONLY for each in needed):
        raise ClientError(
            f"the code of {group} takes {len(needed)} arguments",
            "let it take none, or one: the simcb.client.Request",
        )
    return bool(needed)
