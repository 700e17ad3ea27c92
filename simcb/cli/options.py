"""Options that several verbs share, and the fields of dataclasses as options of a verb."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from simcb.cli.console import complain
from simcb.cli.usage import one_of, whole
from simcb.options import Option, options_of
from simcb.views.formats import Format, ListFormat

if TYPE_CHECKING:
    from simcb.scenario import Scenario

Source = Annotated[
    str,
    typer.Argument(
        metavar="SCENARIO",
        help="A shipped name, a file, or - for standard input.",
        show_default=False,
    ),
]

Overlays = Annotated[
    list[Path] | None,
    typer.Option(
        "-f",
        "--file",
        metavar="OVERLAY",
        help="A YAML file merged over the scenario. Repeatable.",
        show_default=False,
    ),
]

Sets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="PATH=VALUE",
        help="Change one place; any ending of its path that names one will do. Repeatable.",
        show_default=False,
    ),
]

Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        metavar="LIBRARY",
        help="Give every breaker the defaults of a library such as resilience4j, before --set.",
        show_default=False,
    ),
]

Form = Annotated[
    Format,
    typer.Option(
        "--format", metavar="|".join(Format), parser=one_of(Format), help="What to print."
    ),
]

ListForm = Annotated[
    ListFormat,
    typer.Option(
        "--format", metavar="table|json", parser=one_of(ListFormat), help="What to print."
    ),
]

PlotFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Draw it: .png, .svg or .pdf. An old one is replaced.",
        show_default=False,
    ),
]

ReportFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a page that needs no network: .html. An old one is replaced.",
        show_default=False,
    ),
]


Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how much it would be.")]

Workers = Annotated[
    str, typer.Option(metavar="N|auto", help="Processes; 0 runs everything in this one.")
]


Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        metavar="KEY=VALUE",
        help="Call it something, in every output. Repeatable.",
        show_default=False,
    ),
]


def read_source(
    source: str,
    overlays: Sequence[str | Path] | None,
    sets: Sequence[str] | None,
    preset: str | None,
    *,
    clients: Collection[str] = (),
    quiet: bool = False,
) -> Scenario:
    """Return the scenario that a command line names, changed as it says.

    What a library does otherwise than its preset says is told. Nothing is set of the calls of
    `clients`, the groups that have code of their own.
    """
    from simcb import studies

    if preset is None:
        found = studies.read(source, overlays=overlays or (), sets=sets or ())
    else:
        from simcb.studies.variants import with_preset

        plain = studies.read(source, overlays=overlays or ())
        variant = with_preset(plain, preset, sets or ())
        if variant.differs and not quiet:
            complain(f"note: {preset}: {variant.differs}")
        found = variant.scenario
    if clients and sets:
        from simcb.studies.clients import check_paths_beside

        check_paths_beside(found, (text.partition("=")[0].strip() for text in sets), clients)
    return found


Clients = Annotated[
    list[str] | None,
    typer.Option(
        "--client",
        metavar="GROUP=MODULE:FUNCTION",
        help="Run your own coroutine function instead of a client group's calls, or what "
        "MODULE:MAKE(NAME=LITERAL) returns. Repeatable.",
        show_default=False,
    ),
]


def clients_of(texts: list[str] | None) -> dict[str, str]:
    """Return the code of client groups by their names.

    Raises:
        typer.BadParameter: one is no `GROUP=MODULE:FUNCTION`, or a group is given twice.
    """
    from simcb.scenario.refusal import quoted

    clients: dict[str, str] = {}
    for text in texts or ():
        group, equals, function = text.partition("=")
        if not equals or not group or ":" not in function:
            raise typer.BadParameter(
                f"--client: {quoted(text)} is not GROUP=MODULE:FUNCTION, as in shop=client:request"
            )
        if group in clients:
            raise typer.BadParameter(f"--client: {quoted(group)} is given twice; give it once")
        clients[group] = function
    return clients


def tags_of(texts: list[str] | None) -> dict[str, str]:
    """Return tags by their keys.

    Raises:
        typer.BadParameter: one is no `KEY=VALUE`, or a key is given twice.
        StudyError: one is no key, or too long, or there are too many.
    """
    from simcb.scenario.refusal import quoted
    from simcb.studies.tags import checked_tags

    tags: dict[str, str] = {}
    for text in texts or ():
        key, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(
                f"--tag: {quoted(text)} is not KEY=VALUE with a KEY of letters, digits and "
                "underscores; give env=prod"
            )
        if key in tags:
            raise typer.BadParameter(f"--tag: {quoted(key)} is given twice; leave one out")
        tags[key] = value
    return checked_tags(tags)


def check_files(plot: Path | None, report: Path | None) -> None:
    """Check, before anything is run, that a plot and a page can be written where they are to be.

    Raises:
        OutputError: one of them cannot.
    """
    if plot is not None:
        from simcb.views.plots import check_plot_path

        check_plot_path(plot)
    if report is not None:
        from simcb.views.page import check_page_path

        check_page_path(report)


def worker_count(text: str) -> int | None:
    """Return how many workers are asked for; None for every core."""
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise typer.BadParameter(
            f"--workers: `{text}` is neither a number nor auto; give 4, or auto"
        )
    return int(text)


def with_fields(verb: Callable[..., None]) -> Callable[..., None]:
    """Return the verb with the fields of its dataclasses as options in their place."""
    signature = inspect.signature(verb, eval_str=True)
    groups: dict[str, Any] = {
        name: each.annotation
        for name, each in signature.parameters.items()
        if is_dataclass(each.annotation)
    }
    flat: list[inspect.Parameter] = []
    for name, each in signature.parameters.items():
        if name in groups:
            flat += _parameters(groups[name])
        else:
            flat.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    @functools.wraps(verb)
    def taking(**given: Any) -> None:
        for name, kind in groups.items():
            found = {field: given.pop(field) for field in options_of(kind)}
            # What is repeatable and was not given is left as the dataclass has it.
            kept = {each: value for each, value in found.items() if value is not None}
            lists = {each: tuple(v) for each, v in kept.items() if isinstance(v, list)}
            given[name] = kind(**{**kept, **lists})
        verb(**given)

    taking.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    taking.__annotations__ = {each.name: each.annotation for each in flat}
    return taking


def _parameters(kind: type) -> list[inspect.Parameter]:
    """Return the fields of a dataclass as parameters that typer understands."""
    defaults = {each.name: each.default for each in fields(kind)}
    found = []
    for name, (hint, option) in options_of(kind).items():
        if not isinstance(option, Option):
            # It stands there as a verb would have it.
            annotation: Any = Annotated[hint, option]
            found.append(_parameter(name, defaults[name], annotation))
            continue
        default = None if option.several else defaults[name]
        shown = _shown(hint, option, name, default)
        found.append(_parameter(name, default, Annotated[_typed(hint, option), shown]))
    return found


def _parameter(name: str, default: object, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


def _typed(hint: Any, option: Option) -> Any:
    kinds = {hint, *get_args(hint)}
    if option.several:
        return list[str] | None
    kind: Any = next(each for each in (bool, int, Path, str) if each in kinds or each is str)
    return kind | None if type(None) in kinds else kind


def _shown(hint: Any, option: Option, name: str, default: object) -> Any:
    words = [word for each in get_args(hint) for word in get_args(each) if isinstance(word, str)]
    parser: Any = None
    if words:
        parser = one_of(_closed(words))
    elif option.least is not None:
        parser = whole(option.least, option.most)
    names = option.names or (("--" + name.replace("_", "-"),) if default is False else ())
    return typer.Option(
        *names,
        help=option.help,
        metavar=option.metavar or None,
        parser=parser,
        show_default=default is not None,
    )


def _closed(words: list[str]) -> Any:
    return StrEnum("Word", {word.upper(): word for word in words})
