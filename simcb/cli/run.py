"""`simcb run`: a scenario through the real breaker to a verdict, tables, files and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit, page, progress_bar
from simcb.cli.exits import Code, leave
from simcb.cli.options import Form, MaxEvents, Overlays, Seed, Sets, Source
from simcb.cli.repeat import is_stream, repeat_command
from simcb.cli.usage import one_of, whole
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.scenario import Scenario, Threshold
    from simcb.studies import Result
    from simcb.views.run import Answer


class Baseline(StrEnum):
    """What a run can be compared with."""

    NONE = "none"


def run(
    context: typer.Context,
    scenario: Source,
    overlays: Overlays = None,
    sets: Sets = None,
    seed: Seed = 0,
    replicates: Annotated[
        int,
        typer.Option(
            "-n",
            "--replicates",
            parser=whole(1, 10_000),
            metavar="1..10000",
            help="Runs with other luck, for intervals.",
        ),
    ] = 1,
    baseline: Annotated[
        Baseline | None,
        typer.Option(
            metavar="none",
            parser=one_of(Baseline),
            help="none: also the same luck without any breaker.",
            show_default=False,
        ),
    ] = None,
    form: Form = Format.TABLE,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write all results there.", show_default=False),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Let --out replace an earlier run's files.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw the timeline: .png, .svg or .pdf. An old one is replaced.",
            show_default=False,
        ),
    ] = None,
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
    allow_large: Annotated[
        bool,
        typer.Option("--allow-large", help="Run even what is, or is estimated to be, huge."),
    ] = False,
    max_events: MaxEvents = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no warnings.")] = False,
) -> None:
    """Run a scenario through the real breaker and judge what happened.

    Prints the verdict, the thresholds and the metrics by phase. Exits with 0 if every
    threshold holds, 99 if one fails, 2 if something on the command line or in the scenario is
    wrong, 130 if interrupted.
    """
    from simcb import studies
    from simcb.studies.limits import study_size
    from simcb.views.files import SCENARIO
    from simcb.views.formats import render
    from simcb.views.run import answer_of, conditions_of, run_document

    loaded = studies.read(scenario, overlays=overlays or (), sets=sets or ())
    conditions = conditions_of(fail_if or (), loaded)
    _check_outputs(out, plot, force=force)
    size = study_size(loaded, replicates, baseline is not None)
    if not quiet:
        _warn(loaded, conditions, baseline)
    with progress_bar("requests", size.requests, quiet=quiet) as progress:
        result = studies.run(
            loaded,
            seed=seed,
            replicates=replicates,
            baseline=None if baseline is None else "none",
            progress=progress,
            allow_large=allow_large,
            max_events=max_events,
        )
    if not quiet:
        _warn_of_stalls(result)
    if out is not None and is_stream(scenario):
        # It cannot be read twice; what is written holds all of it.
        written = str(out / SCENARIO)
        repeat = repeat_command(context, scenario=written, overlays=None, sets=None)
    else:
        repeat = repeat_command(context)
    answer = answer_of(result, conditions, laws=audit, repeat=repeat)
    _write(answer, out, plot, force=force)
    emit(render(run_document(answer), form, page()))
    _leave_as(answer)


def _check_outputs(out: Path | None, plot: Path | None, *, force: bool) -> None:
    if out is not None:
        from simcb.views.files import check_directory

        check_directory(out, force=force)
    if plot is not None:
        from simcb.views.plots import check_plot_path

        check_plot_path(plot)


def _warn(scenario: Scenario, conditions: Sequence[Threshold], baseline: Baseline | None) -> None:
    from simcb.metrics import no_effect_warnings
    from simcb.views.safe_text import one_line

    for sentence in no_effect_warnings(scenario, conditions):
        complain(f"warning: {one_line(sentence, 1000)}")
    guarded = any(call.breaker and call.breaker.enabled for *_, call in scenario.guarded_calls)
    if baseline is not None and not guarded:
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
        from simcb.views.run_files import write_run

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
