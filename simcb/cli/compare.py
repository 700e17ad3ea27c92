"""`simcb compare`: variants on the same random streams, to which is best and how they differ."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.alike import Changed, Together
from simcb.cli.console import complain
from simcb.cli.exits import Code, leave
from simcb.cli.options import Clients, Preset, clients_of, read_source, with_fields
from simcb.cli.repeat import repeat_command
from simcb.options import CompareOptions

if TYPE_CHECKING:
    from simcb.scenario import Scenario
    from simcb.studies.comparison import Comparison
    from simcb.studies.variants import Variant


@with_fields
def compare(
    context: typer.Context,
    scenarios: Annotated[
        list[str],
        typer.Argument(
            metavar="SCENARIO",
            help="Files, shipped names, or directories that run --out wrote; after the first "
            "also none, a library, use=NAME, or PATH=VALUE.",
            show_default=False,
        ),
    ],
    *,
    groups: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="[NAME:] CHANGE",
            help="The first one changed: none (no breaker), a library such as resilience4j (our "
            "breaker with its defaults), use=NAME (that library's breaker itself), an overlay "
            "file, or PATH=VALUE; several parted by commas. Repeatable.",
            show_default=False,
        ),
    ] = None,
    changed: Changed,
    preset: Preset = None,
    options: CompareOptions,
    client: Clients = None,
    together: Together,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="Exit with 99 if this holds for a variant but the first, as in 'success < 99%', "
            "'NAME: p99{fault} > 1s' or 'change answered{fault} < -1%'. Repeatable.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run variants with the same random streams, and say how each differs from the first.

    Prints which answers most requests in time, a sentence for each variant, and the numbers;
    --details adds all tables. Differences are of pairs of runs, with 95% intervals. Exits with
    0, 99 if a --fail-if holds or is undefined, 2 if something is wrong, 130 if interrupted.
    """
    from simcb.studies.clients import named_clients
    from simcb.studies.compare import compare as study
    from simcb.studies.conditions import conditions_on
    from simcb.studies.variants import check_variants, coded_variants
    from simcb.views.compare import answer_of, compare_document
    from simcb.views.compare_view import CompareView
    from simcb.views.safe_text import one_line

    clients = clients_of(client)
    variants = _variants(scenarios, groups or (), changed, preset, clients, quiet=together.quiet)
    variants = coded_variants(variants, named_clients(clients))
    check_variants(variants)
    conditions = conditions_on(fail_if or (), variants)
    together.check()
    comparison = together.run(partial(study, variants, options, clients=clients))
    if not together.quiet:
        _tell_of_code(comparison)
    seed = comparison.results[0].seed if options.seed is None else options.seed
    repeat = repeat_command(context, seed=seed)
    answer = answer_of(comparison, conditions, repeat)
    document = compare_document(answer)
    if together.out is not None:
        from simcb.views.study_files import write_comparison

        write_comparison(answer, together.out)
    together.show(document, lambda: CompareView(comparison).plot())
    if not answer.good:
        for each in answer.fail_if:
            if not each.good:
                name = one_line(comparison.names[each.variant])
                complain(f"fails with {name}: {one_line(each.condition.text)}")
        leave(Code.THRESHOLD_FAILED)


def _tell_of_code(comparison: Comparison) -> None:
    """Say how clients' own code ran, in the first replicate of each variant."""
    from simcb.views.safe_text import one_line

    for name, result in zip(comparison.names, comparison.results, strict=True):
        for note in result.runs[0].notes:
            complain(f"code: {one_line(name)}: {one_line(str(note), 1000)}")


def _variants(
    sources: Sequence[str],
    groups: Sequence[str],
    changed: Changed,
    preset: str | None,
    clients: Collection[str],
    *,
    quiet: bool,
) -> tuple[Variant, ...]:
    from simcb.studies.variants import read_variants
    from simcb.views.saved_runs import kept_runs

    kept = kept_runs(sources)
    if kept and (changed.overlays or changed.sets or preset):
        raise typer.BadParameter("-f, --set and --preset change no saved run; leave them out")

    def read(source: str, more: Sequence[str]) -> Scenario:
        again = source != sources[0] or bool(more)
        overlays = (*(changed.overlays or ()), *more)
        words = (source, overlays, changed.sets, preset)
        return read_source(*words, clients=clients, quiet=quiet or again)

    return read_variants(sources, groups, read, kept)
