"""`simcb live`: a scenario on real sockets, laid over its prediction."""

from __future__ import annotations

from typing import Annotated

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
    check_files,
    clients_of,
    read_source,
)
from simcb.cli.repeat import repeat_command
from simcb.cli.serve import Scale
from simcb.cli.usage import whole
from simcb.options import MOST_REPLICATES
from simcb.views.formats import Format


def live(
    context: typer.Context,
    scenario: Source,
    *,
    overlays: Overlays = None,
    sets: Sets = None,
    preset: Preset = None,
    scale: Scale = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0), help="Random seed.")] = 0,
    replicates: Annotated[
        int,
        typer.Option(
            "-n",
            "--replicates",
            metavar=f"9..{MOST_REPLICATES}",
            parser=whole(9, MOST_REPLICATES),
            help="Simulated runs that the prediction is made of.",
        ),
    ] = 40,
    client: Clients = None,
    form: Form = Format.TABLE,
    plot: PlotFile = None,
    report: ReportFile = None,
    quiet: Quiet = False,
) -> None:
    """Run a scenario on real sockets and lay what is measured over what is predicted.

    The services listen on free ports of this machine, as `simcb serve` has them, and the client
    groups ask them as the file says: each attempt is a request of httpx, guarded by the shipped
    breaker, with the file's timeouts and retries. The prediction is a band made of simulated
    runs with other random streams, which are told how long ways over these sockets took. It takes
    as long as the scenario does, or --scale times less; use an idle machine.

    With --client the requests of a group are your own coroutine function, on sockets and in the
    prediction: `simcb.client.transport()` sends them over httpx's own transport to the service's
    port. It runs at --scale 1.

    Exits with 0 if all numbers lie in the band, 99 if one does not, 2 if something is wrong with
    the scenario, 130 if interrupted.
    """
    clients = clients_of(client)
    loaded = read_source(scenario, overlays, sets, preset, clients=clients, quiet=quiet)
    check_files(plot, report)
    from simcb.live.study import live as study
    from simcb.scenario.units import format_duration
    from simcb.views.formats import render
    from simcb.views.live import live_document

    if not quiet:
        length = format_duration(round(loaded.duration / scale, 1))
        complain(f"on real sockets for {length}, then {replicates} simulated runs")
    with progress_bar("runs", replicates, quiet=quiet) as progress:
        result = study(
            loaded,
            seed=seed,
            replicates=replicates,
            scale=scale,
            progress=progress,
            clients=clients,
        )
    if not quiet:
        tell_of_code(result.measured)
    document = live_document(result, repeat_command(context))
    if plot is not None:
        from simcb.views import plots
        from simcb.views.plots.live import live_figure

        plots.save(live_figure(result), plot)
    if report is not None:
        from simcb.views.page import save_page

        save_page(document, report)
    emit(render(document, form, page()))
    if not result.inside:
        leave(Code.THRESHOLD_FAILED)
