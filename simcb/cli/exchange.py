"""`simcb import` and `simcb export`: other people's settings in, and out again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from simcb.cli.console import emit
from simcb.cli.options import Overlays, Sets, Source

if TYPE_CHECKING:
    from simcb.exchange import Exported, Imported

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A new file for it, instead of standard output.",
        show_default=False,
    ),
]


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Settings to read.", show_default=False)
    ],
    format: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="FORMAT",
            help="What it is, if that cannot be told: resilience4j, polly, istio, envoy, dapr, "
            "gobreaker, opossum or nginx.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of several names in the file this one.", show_default=False
        ),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="CALL",
            help="The call it is for, such as payments, if the file calls it otherwise.",
            show_default=False,
        ),
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Write a whole scenario to start from, with a service of this name.",
            show_default=False,
        ),
    ] = None,
    out: Out = None,
) -> None:
    """Read another program's settings, and write them as an overlay for -f.

    Reads resilience4j's application.yml, Polly's appsettings.json, Istio's DestinationRule and
    VirtualService, Envoy's clusters, Dapr's Resiliency, gobreaker's Settings, opossum's options
    and nginx's upstreams. Where their meaning differs from simcb's, and where simcb has no word
    for something, a comment at its place says so, with the line of the file.
    """
    from simcb.exchange import import_settings

    if on is not None and service is not None:
        raise typer.BadParameter("--on and --service are two ways; give one of them")
    imported = import_settings(file, format=format)
    if only is not None:
        imported = imported.only(only)
    text = imported.overlay(on or "") if service is None else imported.scenario_text(service)
    _put(text, out)
    if out is not None:
        emit(_imported_summary(imported, out, whole=service is not None))


def export(
    scenario: Source,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="resilience4j, polly, istio, envoy, dapr, gobreaker, opossum, nginx, pybreaker, "
            "circuitbreaker or simcb.",
            show_default=False,
        ),
    ],
    on: Annotated[
        str | None,
        typer.Option(metavar="CALL", help="Only this call's settings.", show_default=False),
    ] = None,
    overlays: Overlays = None,
    sets: Sets = None,
    out: Out = None,
) -> None:
    """Write the settings of a scenario's calls as the file, or the code, that people paste.

    What the format cannot say, or says otherwise, stands in comments at its head.
    """
    from simcb import studies
    from simcb.exchange import export_settings

    loaded = studies.read(scenario, overlays=overlays or (), sets=sets or ())
    exported = export_settings(loaded, to, call=on)
    _put(exported.text, out)
    if out is not None:
        emit(_exported_summary(exported, out))


def _put(text: str, out: Path | None) -> None:
    from simcb.views.files import write_new_file

    if out is None:
        emit(text)
    else:
        write_new_file(out, text)


def _imported_summary(imported: Imported, out: Path, *, whole: bool) -> str:
    from simcb.views.safe_text import one_line

    lines = [f"{out} is written: {imported.format}, {', '.join(imported.names)}"]
    for policy in imported.policies:
        lines += [f"  {policy.name}: {note}" for note in policy.notes]
    lines.append(f"try it: simcb run {out}" if whole else f"try it: simcb run SCENARIO -f {out}")
    return "".join(f"{one_line(line, 1000)}\n" for line in lines)


def _exported_summary(exported: Exported, out: Path) -> str:
    from simcb.views.safe_text import one_line

    lines = [f"{out} is written: {exported.format}, {', '.join(exported.losses)}"]
    for name, losses in exported.losses.items():
        lines += [f"  {name}: {each}" for each in losses]
    return "".join(f"{one_line(line, 1000)}\n" for line in lines)
