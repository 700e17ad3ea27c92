"""`simcb tune`: many scenarios to the setting that holds in all of them, and an overlay with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from simcb.cli.alike import Changed, deliver
from simcb.cli.console import complain, emit
from simcb.cli.exits import Code, leave
from simcb.cli.long_jobs import check_kept, interrupts, job_bar, leave_interrupted
from simcb.cli.options import (
    DryRun,
    Form,
    PlotFile,
    Quiet,
    ReportFile,
    Tags,
    Workers,
    check_files,
    tags_of,
    with_fields,
    worker_count,
)
from simcb.cli.repeat import repeat_command, resume_command
from simcb.options import JobOptions, TuneOptions
from simcb.views.formats import Format

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.tune import TuneProgress, TuneResult
    from simcb.views.document import Document


class Hooks(TypedDict):
    """What a study tells of itself while it goes on, and asks."""

    progress: Callable[[TuneProgress], None] | None
    stop: Callable[[], bool]


@dataclass(frozen=True)
class Tuned:
    """What `tune` and `advise` are asked for besides what is tuned."""

    tolerance: Annotated[
        str, typer.Option(metavar="SHARE", help="The loss that does not matter.")
    ] = "1%"
    day_budget: Annotated[
        str,
        typer.Option(
            metavar="SHARE", help="What may be lost needlessly of an ordinary day's requests."
        ),
    ] = "0.1%"
    workers: Workers = "auto"
    dry_run: DryRun = False
    form: Form = Format.TABLE
    tags: Tags = None
    report: ReportFile = None
    quiet: Quiet = False


@with_fields
def tune(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO",
            help="Shipped names or files; the setting has to hold in all of them.",
            show_default=False,
        ),
    ],
    *,
    changed: Changed,
    options: TuneOptions,
    job: JobOptions,
    tuned: Tuned,
    plot: PlotFile = None,
) -> None:
    """Find the setting that holds in every scenario, and check it on fresh random streams.

    The scenarios are a family of storms made of those given: an ordinary day, which has to stay
    whole, a blip, a partial failure, refused, hung, slow, flapping, and their own faults.
    Without --space the rule, the opening and the timeout of the guarded calls are varied.

    A setting is as good as its worst regret: what it loses, in the scenario where it loses
    most, to the best setting for that scenario alone. Of those that are as good the calmest is
    then run on other streams beside your own, no breaker and the defaults of known libraries.
    --out DIR writes best.yaml, an overlay for simcb run -f.

    Exits with 0, 1 if runs could not be made, 2 if something is wrong, 99 if no setting keeps
    --subject-to, 130 if interrupted.
    """
    from simcb.studies import tune as study
    from simcb.views.tune import tune_document
    from simcb.views.tune_findings import findings

    check_files(plot, None)
    search = Search.of(context, scenarios, changed, options, job, tuned)
    with search.going_on() as hooks:
        result = study.tune(search.scenarios, search.options, search.job, **hooks)
    if not result.complete and result.winner is not None:
        complain(f"so far {findings(result)[0]}")
    search.show(result, tune_document(result, repeat=search.repeat), plot)


@dataclass(frozen=True)
class Search:
    """A tune as a command line asks for it: what it is given, and what becomes of its result.

    Args:
        scenarios: what is tuned.
        options: what is asked for.
        job: who runs it.
        tuned: what is asked for besides.
        repeat: the command that gives the same again.
    """

    scenarios: list[Scenario]
    options: TuneOptions
    job: JobOptions
    tuned: Tuned
    repeat: str

    @classmethod
    def of(
        cls,
        context: typer.Context,
        sources: Sequence[str],
        changed: Changed,
        options: TuneOptions,
        job: JobOptions,
        tuned: Tuned,
    ) -> Search:
        """Read and check what is asked for, and say how large it is; `--dry-run` ends there.

        Raises:
            typer.BadParameter: a share is none.
        """
        from simcb.studies import read
        from simcb.studies import tune as study
        from simcb.views.progress import tune_size

        job = replace(job, workers=worker_count(tuned.workers), tags=tags_of(tuned.tags))
        overlays, sets = changed.overlays or (), changed.sets or ()
        loaded = [read(each, overlays=overlays, sets=sets) for each in sources]
        check_kept(job)
        check_files(None, tuned.report)
        options = replace(
            options,
            tolerance=_share("--tolerance", tuned.tolerance),
            day_budget=_share("--day-budget", tuned.day_budget),
        )
        if tuned.dry_run or (sys.stderr.isatty() and not tuned.quiet):
            plan = study.plan_tune(loaded, options)
            size = tune_size(plan, *study.estimate_tune_time(plan, job.workers))
            if tuned.dry_run:
                emit(size)
                raise typer.Exit
            complain(size.rstrip())
        return cls(loaded, options, job, tuned, repeat_command(context))

    @contextmanager
    def going_on(self) -> Iterator[Hooks]:
        """Show how far the study is, and make Ctrl-C a wish to stop it."""
        from simcb.views.progress import tune_progress

        quiet = self.tuned.quiet
        with (
            interrupts(resume_command(self.repeat, self.job.out), quiet=quiet) as stop,
            job_bar(tune_progress, quiet=quiet) as progress,
        ):
            yield {"progress": progress, "stop": stop}

    def show(self, result: TuneResult, document: Document, plot: Path | None = None) -> None:
        """Write and print what came out, and end the command with its code.

        That is 130 if it was stopped, 1 if runs could not be made, 99 if nothing holds.
        """
        from simcb.views.tune_view import TuneView

        if result.tally.damaged and not self.tuned.quiet:
            complain(f"warning: {result.tally.damaged} damaged records; their runs were made again")
        if not result.complete:
            made = f"{result.tally.ran + result.tally.reused} runs"
            leave_interrupted(resume_command(self.repeat, self.job.out), made)
        if self.job.out is not None:
            from simcb.views.study_files import write_study

            write_study(document, Path(self.job.out))
        drawn = plot if result.winner is not None else None
        deliver(document, self.tuned.form, drawn, TuneView(result).plot, self.tuned.report)
        if result.lost:
            first = result.lost[0].reason
            complain(f"{len(result.lost)} runs could not be made; the first: {first}")
            leave(Code.BUG)
        if not result.feasible:
            leave(Code.THRESHOLD_FAILED)


def _share(option: str, text: str) -> float:
    from simcb.scenario import units
    from simcb.scenario.refusal import Refused

    try:
        return units.parse_share(text)
    except Refused as refused:
        raise typer.BadParameter(f"{option} {refused.what}; {refused.remedy}") from None
