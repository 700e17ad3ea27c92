"""The settings of another package's breaker: its own parameters, checked by its signature."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Mapping
from typing import Annotated, Any

from simcb.errors import MissingExtraError
from simcb.scenario.refusal import Refused, choice_remedy, listed, quoted
from simcb.scenario.scalars import ScalarType, finite, is_number, seen


class _Plain(ScalarType):
    """A number, a flag or a word, as the other package takes it: without units."""

    def _read(self, value: object, from_file: bool) -> object:
        if isinstance(value, (bool, str, int)):
            return value
        if is_number(value):
            return finite(value, "number")
        raise Refused(f"{seen(value)} is no setting", "write a number, a flag or a word")

    def _schema(self) -> dict[str, Any]:
        return {"type": ["number", "boolean", "string"]}


ForeignSetting = Annotated[Any, _Plain()]
"""The value of one parameter."""


def check_use(use: str | None, settings: Mapping[str, object]) -> None:
    """Check that a breaker is registered, and that its settings are its own parameters.

    Of a package that is not installed nothing can be checked; whatever runs it says so.

    Raises:
        Refused: it is not, or they are not.
    """
    if use is None:
        if settings:
            raise Refused("says nothing without `use`", "name a breaker in `use`", "settings")
        return
    # Entry points and other packages are looked at only when a file names one.
    from simcb.adapters import adapter, names

    known = names()
    if use not in known:
        raise Refused(
            f"{quoted(use)} is no breaker that is registered", choice_remedy(use, known), "use"
        )
    found = adapter(use)
    try:
        parameters = found.parameters()
    except MissingExtraError:
        return
    for name, value in settings.items():
        if name not in parameters:
            remedy = choice_remedy(name, parameters)
            raise Refused(f"is no setting of {use}", remedy, f"settings.{name}")
        _check_value(use, name, value, parameters[name])
    missing = [
        name
        for name, each in parameters.items()
        if each.default is inspect.Parameter.empty and name not in settings
    ]
    if missing:
        what = f"lacks what {use} needs: {listed(missing)}"
        raise Refused(what, f"add `{missing[0]}: …`", "settings")
    try:
        found.build(lambda: 0.0, settings, lambda: 0.5)
    except (ValueError, TypeError) as error:
        what = f"{use} refuses them: {str(error).rstrip('.')}"
        raise Refused(what, "mend its settings", "settings") from None


def _check_value(use: str, name: str, value: object, parameter: inspect.Parameter) -> None:
    """Check that a value is of the kind that its parameter's default is of, or of a number."""
    default = parameter.default
    remedy = ""
    if isinstance(default, enum.Enum):
        words = [member.name for member in type(default)]
        remedy = "" if value in words else choice_remedy(f"{value}", words)
    elif isinstance(default, bool):
        remedy = "" if isinstance(value, bool) else "write `true` or `false`"
    elif isinstance(default, str):
        remedy = "" if isinstance(value, str) else "write it in quotes"
    elif not is_number(value):
        remedy = "write a number without a unit, as the parameter takes it"
    if remedy:
        raise Refused(f"{use} does not take {seen(value)}", remedy, f"settings.{name}")
