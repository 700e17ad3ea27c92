"""The command line's own errors and help, in the words of all others: value, place, remedy.

What a word on the command line has to be is said by the parsers here, so that a message does not
depend on which library reads it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from simcb.cli.console import complain, emit

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What a wrong command line raises, in whichever library has it."""

Kind = TypeVar("Kind", bound=StrEnum)


def whole(least: int, most: int | None = None) -> Callable[[str | int], int]:
    """Return what reads a whole number of an option."""
    wanted = f"{least} or more" if most is None else f"{least} to {most}"

    def whole_number(text: str | int) -> int:
        sign, digits = ("-", str(text)[1:]) if str(text)[:1] == "-" else ("", str(text))
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 30:
            raise typer.BadParameter(f"`{text}` is not a whole number; give {wanted}")
        number = int(sign + digits)
        if number < least or (most is not None and number > most):
            raise typer.BadParameter(f"`{text}` is out of range; give {wanted}")
        return number

    return whole_number


def one_of(kinds: type[Kind]) -> Callable[[str], Kind]:
    """Return what reads a word out of a closed set."""

    def word(text: str) -> Kind:
        try:
            return kinds(text)
        except ValueError:
            known = ", ".join(kinds)
            raise typer.BadParameter(f"`{text}` is unknown; write one of: {known}") from None

    return word


def factor(least: float, most: float) -> Callable[[str | float], float]:
    """Return what reads a number of an option."""

    def number(text: str | float) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise typer.BadParameter(f"`{text}` is no number from {least:g} to {most:g}")
        return value

    return number


def duration(text: str | float) -> float:
    """Read how long something lasts, more than nothing, in seconds."""
    from simcb.errors import SimcbError
    from simcb.scenario.units import parse_duration

    if isinstance(text, float):
        return text
    try:
        seconds = parse_duration(text)
    except (SimcbError, ValueError) as error:
        raise typer.BadParameter(f"`{text}` {error}; give 30s, 5m or 1h") from None
    if seconds <= 0:
        raise typer.BadParameter(f"`{text}` is no time; give 30s, 5m or 1h")
    return seconds


class Command(TyperCommand):
    """A verb, whose flags take no value and show none in its help."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, the flags among them without a type."""
        return _without_types_of_flags(super().get_params(ctx))


class Group(TyperGroup):
    """The verbs together, which tell a wrong command line as everything else is told."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, the flags among them without a type."""
        return _without_types_of_flags(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb that is asked for; an unknown one is told with the nearest."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            if type(error) is not UsageError:
                raise
            from simcb.scenario.refusal import did_you_mean

            verbs = self._verbs()
            meant = did_you_mean(args[0], verbs)
            nearest = f". Did you mean '{verbs[meant]}'?" if meant else ""
            raise UsageError(f"No such command {args[0]!r}{nearest}", ctx) from None

    def _verbs(self) -> dict[str, str]:
        """Return the verbs, and those a level below, with all that one has to write."""
        below = {
            name: f"{group} {name}"
            for group, verbs in self.commands.items()
            for name in getattr(verbs, "commands", ())
        }
        return {**below, **{name: name for name in self.commands}}

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the verb that is asked for, and end with its code."""
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except UsageError as error:
            if not standalone_mode:
                raise
            tell(error)
            code = 2
        if not standalone_mode:
            return code
        sys.exit(code or 0)


def tell(error: Any) -> None:
    """Say what is wrong with a command line; one without any words gets the help."""
    context = error.ctx
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        # With rich it is printed, and what is returned is empty.
        emit(context.get_help())
        return
    parameter = getattr(error, "param", None)
    if isinstance(error, typer.BadParameter) and type(error).__name__ == "BadParameter":
        place = f"{'/'.join(parameter.opts)}: " if parameter is not None else ""
        complain(f"{place}{error.message}")
        return
    what = error.format_message().rstrip(".")
    command = "simcb" if context is None else context.command_path
    see = " See" if what.endswith("?") else "; see"
    complain(f"{what[:1].lower()}{what[1:]}{see} {command} --help")


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    for each in parameters:
        if getattr(each, "is_flag", False) and each.metavar is None:
            each.metavar = ""
    return parameters
