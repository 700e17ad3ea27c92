"""The command that gives the same answer again, from what the parser knows of this one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import typer

SAME_INPUT = "  # with the same scenario on standard input"
"""What a command ends with that has to be given again what its line does not have."""

CHANGES_NO_RESULT = {
    *("form", "quiet", "top", "details", "plot", "report", "out", "force", "resume", "parquet"),
    *("workers", "dask", "dry_run"),
}
"""The parameters that say who runs it, and what is written where."""


def repeat_command(context: typer.Context, **instead: Any) -> str:
    """Return the command with the parameters given, quoted for a POSIX shell.

    The seed is always in it, so the command stays right if the default ever changes.

    Args:
        context: the command as it was parsed.
        instead: values that take the place of those given.
    """
    words = context.command_path.split()
    scenarios: list[str] = []
    for parameter in context.command.params:
        name = parameter.name
        value = instead.get(name, context.params.get(name)) if name else None
        if value is None or name in CHANGES_NO_RESULT:
            continue
        several = list(value) if isinstance(value, list | tuple) else [value]
        if parameter.param_type_name == "argument":
            scenarios = several
            words += map(_source_word, several)
        elif value is True:
            words.append(parameter.opts[0])
        elif name == "seed" or value != parameter.default:
            for one in several:
                words += [parameter.opts[0], str(one)]
    return shlex.join(words) + (SAME_INPUT if any(map(is_stream, scenarios)) else "")


def scenario_words(context: typer.Context) -> str:
    """Return what names the scenario and its changes on the command line of any verb."""
    others = {each.name for each in context.command.params} - {
        "scenario",
        "overlays",
        "sets",
        "preset",
    }
    command = repeat_command(context, **dict.fromkeys(filter(None, others)))
    return shlex.join(shlex.split(command)[len(context.command_path.split()) :])


def resume_command(repeat: str, out: Path | str | None) -> str | None:
    """Return the command that goes on with a job; None if nothing of it is kept."""
    if out is None:
        return None
    command = repeat.removesuffix(SAME_INPUT)
    remark = repeat[len(command) :]
    return f"{command} --out {shlex.quote(str(out))} --resume{remark}"


def is_stream(scenario: str) -> bool:
    """Tell whether a scenario comes from what is read once: standard input, or a shell's pipe."""
    if scenario == "-":
        return True
    try:
        path = Path(scenario)
        return path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, ValueError):
        return False


def _source_word(scenario: str) -> str:
    """Return what names a scenario on a command line, where a file `-x.yaml` would be an option."""
    if is_stream(scenario):
        return "-"
    return f"./{scenario}" if scenario.startswith("-") else scenario
