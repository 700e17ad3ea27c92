"""What names client code: `module:function`, or with arguments `module:function(retries=3)`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from simcb.client.answers import ClientError
from simcb.scenario.refusal import choice_remedy, quoted

MOST_LETTERS = 2000
"""Of a name with its arguments."""

_HINT = "write module:function, as in shop:request, or shop:make(retries=3)"


class Named(NamedTuple):
    """A function by its name, and the arguments it is given.

    Args:
        module: where it is.
        function: its name there.
        arguments: by their names; literals.
    """

    module: str
    function: str
    arguments: Mapping[str, object]

    def __str__(self) -> str:
        text = f"{self.module}:{self.function}"
        if not self.arguments:
            return text
        return f"{text}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"

    def with_argument(self, name: str, value: object) -> Named:
        """Return the same with another value of an argument."""
        return self._replace(arguments={**self.arguments, name: value})


def parts_of(text: str) -> Named:
    """Return what `module:function` or `module:function(NAME=VALUE)` says; nothing is evaluated.

    Raises:
        ClientError: it is no such text.
    """
    module, _, rest = text.partition(":")
    if len(text) > MOST_LETTERS:
        raise ClientError(f"{quoted(text)} has {len(text):,} letters", f"give {MOST_LETTERS:,}")
    try:
        tree = ast.parse(rest.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ClientError(f"{quoted(text)} names no function", _HINT) from None
    called = tree if isinstance(tree, ast.Call) else None
    function = _dotted(called.func if called else tree)
    if not function or not all(name.isidentifier() for name in module.split(".")):
        raise ClientError(f"{quoted(text)} names no function", _HINT)
    return Named(module, function, _arguments(text, called) if called else {})


def _dotted(node: ast.expr) -> str:
    """Return a name with dots; "" if it is none."""
    if isinstance(node, ast.Name):
        return node.id
    inside = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{inside}.{node.attr}" if inside and isinstance(node, ast.Attribute) else ""


def _arguments(text: str, call: ast.Call) -> dict[str, object]:
    found: dict[str, object] = {}
    if call.args or any(each.arg is None for each in call.keywords):
        raise ClientError(
            f"{quoted(text)} gives an argument without its name", "write NAME=VALUE for each"
        )
    for each in call.keywords:
        try:
            found[str(each.arg)] = ast.literal_eval(each.value)
        except (ValueError, TypeError, RecursionError, MemoryError):
            written = ast.unparse(each.value)
            raise ClientError(
                f"{quoted(text)}: {each.arg} is {quoted(written)}, which would have to be "
                "evaluated",
                "give numbers, texts in quotes, True, False, None, or lists and dicts of these",
            ) from None
    return found


def name_of(function: Callable[..., Any], find: Callable[[Callable[..., Any]], str]) -> str:
    """Return what names a function, or a `functools.partial` of one with literals.

    Args:
        function: the function.
        find: returns the `module:function` of a plain one.

    Raises:
        ClientError: it is a partial of what no text can say.
    """
    arguments: dict[str, object] = {}
    while isinstance(function, partial):
        if function.args:
            raise ClientError(
                "a partial gives an argument without its name", "give it as NAME=VALUE"
            )
        arguments = {**function.keywords, **arguments}
        function = function.func
    for name, value in arguments.items():
        if not _is_literal(value):
            raise ClientError(
                f"the argument {name} is {quoted(value)}, and other processes have to be told it",
                "give numbers, texts, True, False, None, or lists and dicts of these",
            )
    module, _, name = find(function).partition(":")
    return str(Named(module, name, arguments))


def _is_literal(value: object) -> bool:
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False


def check_argument(source: Named, function: object, name: str) -> None:
    """Check that a function takes an argument.

    Raises:
        ClientError: it does not.
    """
    try:
        parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return  # Whatever it is, it is told when it is made.
    kinds = {each.kind for each in parameters.values()}
    known = [
        each.name
        for each in parameters.values()
        if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
    ]
    if name not in known and inspect.Parameter.VAR_KEYWORD not in kinds:
        what = f"{source.module}:{source.function} takes no argument {quoted(name)}"
        raise ClientError(what, choice_remedy(name, known))


def default_of(function: object, name: str) -> object:
    """Return what an argument is unless it is given; None if nothing says."""
    try:
        found = inspect.signature(function).parameters[name].default  # type: ignore[arg-type]
    except (TypeError, ValueError, KeyError):
        return None
    return None if found is inspect.Parameter.empty else found
