"""`simcb advise`: what to set, in five lines, and an overlay with it."""

from __future__ import annotations

from dataclasses import replace

import typer

from simcb.cli.alike import Changed
from simcb.cli.options import Source, with_fields
from simcb.cli.tune import Search, Tuned
from simcb.options import JobOptions, TuneOptions


@with_fields
def advise(
    context: typer.Context,
    source: Source,
    *,
    changed: Changed,
    options: TuneOptions,
    job: JobOptions,
    tuned: Tuned,
) -> None:
    """Say what to set the guarded calls of a scenario to, in five lines.

    It tunes them over a family of storms, checks that on other random streams beside your own
    setting and no breaker, and moves what the file may have guessed, such as the workers of
    somebody else's service, to half and double. --out DIR writes best.yaml, an overlay for
    simcb run -f.

    Exits with 0, 1 if runs could not be made, 2 if something is wrong, 99 if no setting keeps
    the ordinary day whole or --subject-to, 130 if interrupted.
    """
    from simcb.studies.tune.advise import advise as study
    from simcb.views.advise import advise_document

    options = replace(options, libraries=False)
    search = Search.of(context, [source], changed, options, job, tuned)
    with search.going_on() as hooks:
        advice = study(search.scenarios[0], search.options, search.job, **hooks)
    search.show(advice.result, advise_document(advice, repeat=search.repeat))
