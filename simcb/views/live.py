"""What a run on real sockets says: each number measured beside the band that was predicted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from simcb.live.bands import INSIDE, Laid
from simcb.live.study import Live
from simcb.metrics import Unit
from simcb.metrics.phase import WHOLE
from simcb.scenario.units import format_duration
from simcb.views.data import plain
from simcb.views.document import (
    FAILED,
    PASSED,
    CheckResult,
    Document,
    Figure,
    JsonValue,
    Row,
    Table,
    Tone,
    Verdict,
)
from simcb.views.quantities import quantity
from simcb.views.safe_text import one_line

if TYPE_CHECKING:
    from simcb.views.plots.figures import Picture

_HEADER = ("number", "measured", "predicted", "band", "")
_COLUMNS = ("metric", "phase", "unit", "measured", "predicted", "low", "high", "inside")
BUSY = 10.0
"""How many times as long as on an idle machine ways may be before that is told."""

LATE = 0.1
"""Seconds of the wall clock by which a machine may be late to what is due."""


def live_document(live: Live, repeat: str = "") -> Document:
    """Return what a run on real sockets says."""
    table = Table(
        _HEADER,
        tuple(map(_row, live.numbers)),
        words=frozenset({len(_HEADER) - 1}),
        heading="Measured beside predicted",
    )
    figure = Figure("live", lambda: _picture(live), "Measured on real sockets, over the band.")
    name = one_line(live.scenario.name or "scenario", 80)
    length = format_duration(live.scenario.duration)
    attempts = len(live.measured.trace.attempts)
    return Document(
        f"{name}, {length} in {format_duration(round(live.scenario.duration / live.scale, 3))}, "
        f"seed {live.seed}; {attempts:,} attempts",
        lambda: _object(live),
        lambda: _rows(live),
        verdicts=(_verdict(live),),
        blocks=(table, figure),
        checks=tuple(map(_check, live.numbers)),
        repeat=repeat,
        sources={name: live.scenario.to_yaml},
    )


def _picture(live: Live) -> Picture:
    from simcb.views.plots.live import live_figure

    return live_figure(live)


def _summary(live: Live) -> str:
    inside = sum(each.inside for each in live.numbers)
    count = len(live.numbers)
    return f"{inside} of {count} numbers lie in the predicted band"


def _verdict(live: Live) -> Verdict:
    words = "as predicted" if live.inside else "not as predicted"
    return Verdict(
        words, Tone.GOOD if live.inside else Tone.BAD, _summary(live), tuple(_sentences(live))
    )


def _sentences(live: Live) -> Iterator[str]:
    n = len(live.predicted.runs)
    yield (
        f"the band is made of {n} simulated runs of other random streams, and so wide that about "
        f"{INSIDE:.0%} of further single runs lie in it with all their numbers at once"
    )
    if live.coded:
        names = ", ".join(one_line(each, 80) for each in live.coded)
        yield (
            f"the requests of {names} are clients' own code, the same on sockets as in the "
            "simulated runs"
        )
    if live.scale != 1.0:
        yield (
            f"{live.scale:g} seconds of the scenario passed in one of the wall clock: all times "
            "are so much shorter, work, timeouts and waits, and all rates as much higher, so the "
            "counts are the same; what the machine takes weighs as much more"
        )
    half, most = np.percentile(live.ways, [50.0, 99.0])
    remedy = "" if live.coded else ", or --scale is too large for it"
    yield (
        f"a way over these sockets took {quantity(half, Unit.SECONDS)} of the scenario, 99% of "
        f"them at most {quantity(most, Unit.SECONDS)}; the prediction is told of these ways, and "
        "times may differ by one there and back in their phase besides: the median way for a "
        "median, else one that 99% are shorter than"
    )
    idle, busy = live.idle, 2.0 * half / live.scale
    yield (
        f"before it began, with nothing else to do, a request took "
        f"{quantity(idle.journey, Unit.SECONDS)} there and back on this machine, 99% at most "
        f"{quantity(idle.slowest, Unit.SECONDS)}, and the loop came "
        f"{quantity(idle.lag, Unit.SECONDS)} late, {quantity(idle.latest, Unit.SECONDS)} at most"
    )
    if idle.journey and busy > BUSY * idle.journey:
        yield (
            f"in the run they took {quantity(busy, Unit.SECONDS)}, {busy / idle.journey:.0f} times "
            f"as long: this machine was not idle{remedy}"
        )
    late = live.lateness / live.scale
    if late > LATE:
        yield (
            f"this machine came up to {quantity(late, Unit.SECONDS)} late to what was due: it has "
            f"other work{remedy}"
        )


def _row(each: Laid) -> tuple[str, ...]:
    low, high = (quantity(end, each.unit) for end in (each.low, each.high))
    return (
        _named(each),
        quantity(each.measured, each.unit),
        quantity(each.mean, each.unit),
        low if low == high else f"{low} … {high}",
        PASSED if each.inside else FAILED,
    )


def _named(each: Laid) -> str:
    return each.name if each.phase == WHOLE else f"{each.name}{{{each.phase}}}"


def _check(each: Laid) -> CheckResult:
    got, low, high = (quantity(v, each.unit) for v in (each.measured, each.low, each.high))
    problem = "" if each.inside else f"measured {got}, predicted {low} … {high}"
    return CheckResult("live", _named(each), problem, "prediction")


def _rows(live: Live) -> Iterator[Row]:
    yield _COLUMNS
    for each in live.numbers:
        yield (
            *(each.name, each.phase, each.unit.value),
            *(each.measured, each.mean, each.low, each.high, each.inside),
        )


def _object(live: Live) -> dict[str, JsonValue]:
    half, most = np.percentile(live.ways, [50.0, 99.0])
    numbers: list[JsonValue] = [
        {
            **plain(each, "name", "phase", "measured", "mean", "low", "high"),
            "unit": each.unit.value,
            "inside": each.inside,
        }
        for each in live.numbers
    ]
    return {
        "scenario": live.scenario.name,
        "seed": live.seed,
        "scale": live.scale,
        "replicates": len(live.predicted.runs),
        "inside": live.inside,
        "numbers": numbers,
        "way_p50": float(half),
        "way_p99": float(most),
        "lateness": live.lateness,
        "idle": plain(live.idle, "journey", "slowest", "lag", "latest"),
    }
