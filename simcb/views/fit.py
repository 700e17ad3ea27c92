"""What a fit says: the scenario's words, how good they are, and what they hold besides."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from simcb.measurements import Fit, FittedService, Point
from simcb.measurements.loops import Loop
from simcb.metrics import Unit
from simcb.scenario import Scenario
from simcb.scenario.writer import flow
from simcb.views.data import number
from simcb.views.document import Block, Document, Entries, Figure, JsonValue, Row, Table
from simcb.views.files import write_new_file
from simcb.views.html import card
from simcb.views.quantities import POINTS, quantity
from simcb.views.safe_text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

_COLUMNS = ("service", "number", "measured", "fitted", "off", "unit")
_INDEPENDENT = 1.3  # the dispersion up to which arrivals look independent
_EVEN = 0.7  # and that below which they come more evenly
_CAPTION = "The share of times that is longer, measured and fitted; dotted, the fitted mean"


def fit_document(fit: Fit, *, file: str = "", repeat: str = "", next_command: str = "") -> Document:
    """Return what a fit says.

    Args:
        fit: the fit.
        file: the data file of the arrivals, if it was written; their mean rate is said if not.
        repeat: the command that gives the same.
        next_command: what to do with it.
    """
    named = [f"{one_line(name, 60)} ({form})" for name, form, _ in fit.sources]
    more = f" and {len(named) - 1} more" if len(named) > 2 else ""
    files = f"{named[0]}{more}" if more else ", ".join(named)
    told = [("warning", each) for each in fit.warnings] + [("note", each) for each in fit.notes]
    if fit.csv and not file:
        rate = "the arrivals shown are their mean rate; what is written to a file replays them"
        told.append(("note", rate))
    blocks: list[Block] = [Entries(tuple(_words(fit, file)))]
    tables = [_numbers(fit), _goodness(fit)]
    blocks += [table for table in tables if table is not None]
    if any(each.work is not None for each in fit.services):
        blocks.append(Figure("fit", partial(_draw, fit), _CAPTION))
    blocks.append(Entries(tuple((word, one_line(each)) for word, each in told)))
    return Document(
        f"fitted to {files}",
        partial(_object, fit, file),
        partial(_rows, fit),
        findings=(_finding(fit),),
        blocks=tuple(block for block in blocks if block != Entries(())),
        next=next_command,
        repeat=repeat,
        sources={} if not _is_whole(fit) else {fit.services[0].name: fit.scenario},
    )


def _draw(fit: Fit) -> Picture:
    from simcb.views.plots.fit import fit_figure

    return fit_figure(fit)


def _is_whole(fit: Fit) -> bool:
    """Whether a scenario can be made of it without guessing a rate or a work."""
    return fit.rate is not None and fit.services[0].work is not None


def _finding(fit: Fit) -> str:
    """Return how far the fits are off at most, in a sentence."""
    points = [(point, each) for each in fit.services for point in each.points]
    if not points:
        return "rates alone: nothing says how long an answer takes"
    shares = [(p, each) for p, each in points if p.share is not None]
    means = [p for p, _ in points if p.share is None]
    worst, where = max(shares, key=lambda item: abs(item[0].off))
    of = f" (the {worst.name} of {where.name})" if abs(worst.off) >= 0.0005 else ""
    said = f"every measured percentile is met within {_percent(abs(worst.off))}{of}"
    if means:
        furthest = max(abs(point.off) for point in means)
        several = "means" if len(means) > 1 else "the mean"
        said += f", {several} within {_percent(furthest)}"
    return said


def _percent(part: float) -> str:
    return f"{max(part, 0.0005):.1%}" if part < 0.1 else f"{part:.0%}"


def _words(fit: Fit, file: str) -> Iterator[tuple[str, str]]:
    """Yield the scenario's words, as an overlay has them."""
    arrivals = fit.arrivals(file)
    if arrivals is not None and len(fit.entered) == 1:
        yield "arrivals", flow(arrivals)
    for each in fit.services:
        for word, value in each.words.items():
            yield (
                f"{one_line(each.name)}.{word}",
                flow(value) if isinstance(value, dict) else str(value),
            )


def _numbers(fit: Fit) -> Table:
    """Return what was counted of each service, and what Little's law makes of it."""
    header = ("service", "requests", "per second", "failed", "mean time", "in progress", "workers")
    rows = [
        (
            one_line(each.name, 40),
            quantity(each.requests, Unit.COUNT),
            quantity(each.rate, Unit.PER_SECOND),
            quantity(each.errors, Unit.SHARE),
            quantity(each.held, Unit.SECONDS),
            quantity(each.busy, Unit.COUNT) if each.busy is None else f"{each.busy:.3g}",
            quantity(each.workers, Unit.COUNT),
        )
        for each in fit.services
    ]
    notes = []
    if any(each.workers is not None for each in fit.services):
        notes.append(
            "in progress: rate times mean time (Little's law); workers: at most 70% busy, "
            "2% of wait"
        )
    if fit.closed and fit.loop is not None:
        notes.append(f"closed loop: users / (think + answer) = {fit.loop.check}")
    if fit.dispersion is not None:
        kind = (
            "as independent ones do (poisson)"
            if _EVEN <= fit.dispersion <= _INDEPENDENT
            else ("more evenly than independent ones" if fit.dispersion < _EVEN else "in bursts")
        )
        notes.append(
            f"requests come {kind}: variance of the counts per second / mean {fit.dispersion:.2f}"
        )
    return Table(header, tuple(rows), heading="What was measured", notes=tuple(notes))


def _goodness(fit: Fit) -> Table | None:
    """Return each measured number beside the fitted one."""
    header = ("", "measured", "fitted", "off")
    rows: list[tuple[str, ...]] = []
    sections = []
    for each in fit.services:
        if each.points:
            rows += [
                (p.name, _seconds(p.measured), _seconds(p.fitted), _off(p)) for p in each.points
            ]
            sections.append((one_line(each.name, 40), (), len(each.points)))
    if not rows:
        return None
    known = [each.distance for each in fit.services if each.distance is not None]
    between = f"{100.0 * max(known):.2g}{POINTS}" if known else ""
    note = f"between the percentiles the share that is longer is off by at most {between}"
    return Table(
        header,
        tuple(rows),
        heading="How good the fit is",
        notes=(note,) if known else (),
        sections=tuple(sections) if len(sections) > 1 else (),
        section_header=("service",) if len(sections) > 1 else (),
    )


def _off(point: Point) -> str:
    return f"{point.off:+.1%}" if abs(point.off) >= 0.0005 else "0.0%"


def _seconds(value: float) -> str:
    return quantity(value if math.isfinite(value) else None, Unit.SECONDS)


def _object(fit: Fit, file: str) -> dict[str, JsonValue]:
    """Return everything, as JSON has it."""
    return {
        "files": [{"file": n, "format": f, "requests": r} for n, f, r in fit.sources],
        "arrivals": fit.arrivals(file),  # type: ignore[dict-item]
        "loop": None if fit.loop is None else _loop(fit.loop),
        "dispersion": number(fit.dispersion),
        "services": [_service(each) for each in fit.services],
        "warnings": [*fit.warnings],
        "notes": [*fit.notes],
        "overlay": fit.overlay(file),
        "scenario": fit.scenario(file) if _is_whole(fit) else None,
    }


def _loop(loop: Loop) -> dict[str, JsonValue]:
    return {
        "users": loop.counted.most,
        "active": number(loop.active),
        "closed": loop.shown,
        "why": loop.why,
        "arrivals": loop.words,  # type: ignore[dict-item]
    }


def _service(each: FittedService) -> dict[str, JsonValue]:
    return {
        "name": each.name,
        "requests": each.requests,
        "per_second": number(each.rate),
        "failed": number(each.errors),
        "mean_seconds": number(each.held),
        "in_progress": number(each.busy),
        "workers": each.workers,
        "distance": number(each.distance),
        "words": each.words,  # type: ignore[dict-item]
        "fit": [
            {
                "number": p.name,
                "measured": number(p.measured),
                "fitted": number(p.fitted),
                "off": number(p.off),
            }
            for p in each.points
        ],
    }


def _rows(fit: Fit) -> Iterator[Row]:
    yield _COLUMNS
    for each in fit.services:
        for point in each.points:
            yield (each.name, point.name, point.measured, point.fitted, point.off, "s")
        numbers = (("rate", each.rate, "/s"), ("failed", each.errors, "share"))
        for name, value, unit in (
            *numbers,
            ("in_progress", each.busy, ""),
            ("workers", each.workers, ""),
        ):
            yield (each.name, name, value, None, None, unit)


@dataclass(frozen=True, repr=False, eq=False)
class FitView:
    """What measurements come to, as one looks at it in a notebook.

    Args:
        fit: the fit.
    """

    fit: Fit

    @property
    def overlay(self) -> str:
        """What lies over a scenario (`-f`), as YAML."""
        return self.fit.overlay()

    @property
    def scenario(self) -> Scenario:
        """A scenario to start from, with the mean rate of the arrivals."""
        return self.fit.read()

    def plot(self) -> Picture:
        """Draw measured and fitted times."""
        return _draw(self.fit)

    def save(self, path: str | Path, *, whole: bool = False) -> tuple[Path, ...]:
        """Write the overlay, and the arrivals beside it; return the files.

        Args:
            path: the overlay's file, which must not exist.
            whole: a scenario instead of an overlay.

        Raises:
            OutputError: a file exists, or cannot be written.
        """
        return save_fit(self.fit, path, whole=whole)

    def __repr__(self) -> str:
        return f"<fit of {len(self.fit.services)} services: {one_line(_finding(self.fit))}>"

    def _repr_html_(self) -> str:
        return card(fit_document(self.fit))


def save_fit(fit: Fit, path: str | Path, *, whole: bool = False) -> tuple[Path, ...]:
    """Write an overlay or a scenario, and its arrivals to a CSV beside it; return the files.

    Args:
        fit: the fit.
        path: the overlay's file; the CSV has its name with `-arrivals.csv`.
        whole: a scenario instead of an overlay.

    Raises:
        OutputError: a file exists, or cannot be written.
    """
    place = Path(path)
    beside = place.with_name(f"{place.stem}-arrivals.csv")
    text = fit.csv
    file = beside.name if text else ""
    written = [write_new_file(place, fit.scenario(file) if whole else fit.overlay(file))]
    if text:
        written.append(write_new_file(beside, text))
    return tuple(written)


def next_of(out: Path | None, repeat: str, *, whole: bool) -> str:
    """Return the command to give next.

    Args:
        out: where the overlay was written, if it was.
        repeat: the command that gives the same fit.
        whole: whether that is a scenario.
    """
    if out is None:
        return f"{repeat} --out fitted.yaml"
    name = shlex.quote(str(out))
    return f"simcb run {name}" if whole else f"simcb run YOURS.yaml -f {name}"
