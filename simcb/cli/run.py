"""`simcb run`: a scenario through the real breaker to a verdict, tables, files and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page, progress_bar, tell_of_code
from simcb.cli.exits import Code, leave
from simcb.cli.options import (
    Clients,
    Form,
    Overlays,
    PlotFile,
    Preset,
    Quiet,
    ReportFile,
    Sets,
    Source,
    Tags,
    check_files,
    clients_of,
    read_source,
    tags_of,
    with_fields,
)
from simcb.cli.repeat import is_stream, repeat_command, scenario_words
from simcb.options import RunOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.scenario import Scenario, Threshold
    from simcb.studies import Result
    from simcb.views.run import Answer


@with_fields
def run(
    context: typer.Context,
    scenario: Source,
    *,
    overlays: Overlays = None,
    sets: Sets = None,
    preset: Preset = None,
    options: RunOptions,
    client: Clients = None,
    form: Form = Format.TABLE,
    tags: Tags = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write all results there.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Let --out replace an earlier run's files.")
    ] = False,
    plot: PlotFile = None,
    report: ReportFile = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="Exit with 99 if this holds, as in 'p99{fault} > 1s'. Repeatable.",
            show_default=False,
        ),
    ] = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Check the laws every run must obey.")
    ] = False,
    alone: Annotated[
        bool,
        typer.Option("--alone", help="Neither without the breaker beside it, nor an ordinary day."),
    ] = False,
    details: Annotated[bool, typer.Option("--details", help="Print every table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Run a scenario through the real breaker and judge what happened.

    The same random streams also run without the breaker, and on an ordinary day without the
    faults, unless --alone says not to, or --baseline none that the day is left out. Prints what
    the breaker did, how bad it was and why; --details adds all tables. Exits with 0 if every
    threshold holds, 99 if one fails, 2 if something on the command line or in the scenario is
    wrong, 130 if interrupted.
    """
    from simcb import studies
    from simcb.studies.limits import estimate_size
    from simcb.studies.run import passes_of
    from simcb.views.files import SCENARIO
    from simcb.views.formats import render
    from simcb.views.page import save_page
    from simcb.views.run import answer_of, conditions_of, run_document

    clients = clients_of(client)
    loaded = read_source(scenario, overlays, sets, preset, clients=clients, quiet=quiet)
    loaded = studies.coded(loaded, clients)
    conditions = conditions_of(fail_if or (), loaded)
    named = tags_of(tags)
    _check_outputs(out, plot, report, force=force)
    if not quiet:
        _warn(loaded, conditions, compared=options.baseline is not None)
    options = _beside(options, loaded, alone=alone)
    size = estimate_size(loaded, runs=options.replicates * passes_of(loaded, options))
    with progress_bar("requests", size.requests, quiet=quiet) as progress:
        result = studies.run(loaded, progress=progress, clients=clients, **vars(options))
    if not quiet:
        _warn_of_stalls(result)
        tell_of_code(result.runs[0])
    if out is not None and is_stream(scenario):
        # It cannot be read twice; what is written holds all of it.
        written = str(out / SCENARIO)
        repeat = repeat_command(context, scenario=written, overlays=None, sets=None)
        source = written
    else:
        repeat = repeat_command(context)
        source = "" if is_stream(scenario) else scenario_words(context)
    if clients:
        source = ""  # What is proposed varies policies, and the code has its own.
    answer = answer_of(result, conditions, laws=audit, repeat=repeat, source=source, tags=named)
    document = run_document(answer)
    _write(answer, out, plot, force=force)
    if report is not None:
        save_page(document, report)
    emit(render(document, form, page(), details=details))
    _leave_as(answer)


def _beside(options: RunOptions, scenario: Scenario, *, alone: bool) -> RunOptions:
    """Return the options with what is run beside the scenario if nothing is said of that."""
    if alone and options.baseline is not None:
        raise typer.BadParameter("--alone and --baseline contradict each other; give one of them")
    if alone or options.baseline is not None:
        return options
    return replace(options, baseline="none" if _is_guarded(scenario) else None, ordinary_day=True)


def _is_guarded(scenario: Scenario) -> bool:
    return any(call.breaker and call.breaker.enabled for *_, call in scenario.guarded_calls)


def _check_outputs(
    out: Path | None, plot: Path | None, report: Path | None, *, force: bool
) -> None:
    if out is not None:
        from simcb.views.files import check_directory

        check_directory(out, force=force)
    check_files(plot, report)


def _warn(scenario: Scenario, conditions: Sequence[Threshold], *, compared: bool) -> None:
    from simcb.metrics import no_effect_warnings
    from simcb.views.safe_text import one_line

    for sentence in no_effect_warnings(scenario, conditions):
        complain(f"warning: {one_line(sentence, 1000)}")
    if compared and not _is_guarded(scenario):
        complain("warning: no breaker is enabled, so the baseline is the same as the scenario")


def _warn_of_stalls(result: Result) -> None:
    """Say which percentiles hide that users waited, in the first replicate of each variant."""
    from simcb.metrics import hidden_stalls
    from simcb.views.safe_text import one_line

    variants = [("", result), ("without the breaker ", result.baseline)]
    for where, each in variants:
        for sentence in hidden_stalls(each.trace) if each is not None else ():
            complain(f"warning: {where}{one_line(sentence, 1000)}")


def _write(answer: Answer, out: Path | None, plot: Path | None, *, force: bool) -> None:
    if out is not None:
        from simcb.views.study_files import write_run

        write_run(answer, out, force=force)
    if plot is not None:
        from simcb.views import plots

        plots.save(plots.timeline(answer.result), plot)


def _leave_as(answer: Answer) -> None:
    """End with the code that the answer deserves; a good one just goes on."""
    if answer.broken_laws:
        complain(f"this is a bug in simcb: the run breaks a law: {answer.broken_laws[0].name}")
        leave(Code.BUG)
    if not answer.good:
        leave(Code.THRESHOLD_FAILED)
