"""`simcb serve`: a scenario's services on real ports of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import complain, emit
from simcb.cli.options import Overlays, Preset, Quiet, Sets, Source, read_source
from simcb.cli.usage import duration, factor, whole

if TYPE_CHECKING:
    from simcb.live.serving import Served
    from simcb.scenario import Scenario

Scale = Annotated[
    float,
    typer.Option(
        metavar="N",
        parser=factor(0.01, 1000.0),
        help="Seconds of the scenario in one of the wall clock: 6 makes a minute of six.",
    ),
]


def serve(
    scenario: Source,
    *,
    overlays: Overlays = None,
    sets: Sets = None,
    preset: Preset = None,
    port: Annotated[
        int,
        typer.Option(
            metavar="N",
            parser=whole(0, 65_535),
            help="The page's port; the services have those after it. 0 takes free ones.",
        ),
    ] = 0,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Listen there; only this machine reaches 127.0.0.1."),
    ] = "127.0.0.1",
    lasts: Annotated[
        float | None,
        typer.Option(
            "--for",
            metavar="TIME",
            parser=duration,
            help="Stop after so long, as in 30s or 1h; the scenario's duration if not given.",
            show_default=False,
        ),
    ] = None,
    scale: Scale = 1.0,
    seed: Annotated[int, typer.Option(metavar="N", parser=whole(0), help="Random seed.")] = 0,
    quiet: Quiet = False,
) -> None:
    """Serve a scenario's services over HTTP on this machine, by the wall clock.

    Each service listens on a port of its own and behaves as the file says: its work, workers and
    queue, what it admits, its faults at their time, and the calls it makes in turn, over HTTP,
    with their timeouts, retries and breakers. The scenario's client groups do not ask; whoever
    calls does. GET /metrics on a port has its numbers for Prometheus. A page shows the services
    and breakers, and has buttons to hang, slow, stop and heal a service.

    With --scale all times pass so many times as fast, those of --for included.

    Exits with 0 when its time is over or it is interrupted, 2 if a port is taken or something is
    wrong with the scenario.
    """
    loaded = read_source(scenario, overlays, sets, preset, quiet=quiet)
    from simcb.live.serving import Ports
    from simcb.live.serving import serve as serve_all

    ports = Ports(host, port)
    served = serve_all(
        loaded,
        ports=ports,
        seed=seed,
        scale=scale,
        lasts=lasts,
        ready=lambda urls: emit(_addresses(loaded, urls, lasts, scale)),
    )
    emit(_summary(served))
    late = served.lateness / scale
    if not quiet and late > 0.1:
        complain(
            f"warning: this machine came up to {late:.2f} s late to what was due; what was "
            "measured meanwhile is the machine's as much as the scenario's"
        )


def _addresses(scenario: Scenario, urls: dict[str, str], lasts: float | None, scale: float) -> str:
    from simcb.scenario.units import format_duration
    from simcb.views.safe_text import one_line

    length = format_duration(scenario.duration if lasts is None else lasts)
    fast = "" if scale == 1.0 else f", {scale:g} times as fast"
    width = max(len(name) for name in urls)
    lines = [f"  {one_line(name, 80) or 'page':<{width}}  {url}" for name, url in urls.items()]
    title = one_line(scenario.name or "scenario", 80)
    return "\n".join([f"{title} for {length}{fast}; Ctrl-C stops it", *lines, ""])


def _summary(served: Served) -> str:
    from simcb.views.safe_text import one_line

    lines = ["its time is over" if served.ended else "stopped"]
    for name, outcomes in served.outcomes.items():
        counts = ", ".join(f"{count:,} {word}" for word, count in outcomes.items())
        lines.append(f"  {one_line(name, 80)}: {counts or 'nobody asked'}")
    return "\n".join([*lines, ""])
