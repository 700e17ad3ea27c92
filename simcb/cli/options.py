"""Options that several verbs share, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcb.cli.usage import one_of, whole
from simcb.views.formats import Format

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

MaxEvents = Annotated[
    int | None,
    typer.Option(
        "--max-events",
        metavar="N",
        parser=whole(1),
        help="Stop a run that is not over after N events (200 million; any with --allow-large).",
        show_default=False,
    ),
]

Seed = Annotated[
    int,
    typer.Option(metavar="N", parser=whole(0), help="Names the luck: same seed, same result."),
]

Form = Annotated[
    Format,
    typer.Option(
        "--format", metavar="table|json|csv|md", parser=one_of(Format), help="What to print."
    ),
]
