"""`simcb league`: every breaker that is installed, through the same scenarios."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from simcb.cli.alike import Changed, Together
from simcb.cli.options import with_fields
from simcb.cli.repeat import repeat_command
from simcb.options import CompareOptions


@with_fields
def league(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(metavar="SCENARIO", help="Files or shipped names.", show_default=False),
    ],
    *,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Only this breaker, as in pybreaker; beside ours and none. Repeatable.",
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        bool,
        typer.Option(
            "--models",
            help="Also models of breakers of other languages; without --only, which may name them.",
        ),
    ] = False,
    changed: Changed,
    options: CompareOptions,
    together: Together,
) -> None:
    """Put every breaker that is installed in the place of the scenario's own.

    Each runs with the same random streams, at settings that mean the same for all (the scenario's
    failures in a row and its timeout) and at its own defaults. Prints a table with 95% intervals
    and a sentence for each on why it fared so. What a scenario guards, and what counts as a
    failure, stay as they are.
    """
    from simcb import studies
    from simcb.studies.league import league as study
    from simcb.views.league import Answer, league_document
    from simcb.views.league_view import LeagueView

    overlays, sets = changed.overlays or (), changed.sets or ()
    read = [studies.read(each, overlays=overlays, sets=sets) for each in scenarios]
    together.check()
    found = together.run(partial(study, read, options, only=only or (), models=models))
    seed = found.comparisons[0].results[0].seed
    answer = Answer(found, repeat_command(context, seed=seed))
    document = league_document(answer)
    if together.out is not None:
        from simcb.views.league_files import write_league

        write_league(answer, together.out)
    together.show(document, LeagueView(found).plot)
