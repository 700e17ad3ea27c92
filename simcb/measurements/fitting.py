"""From what files say to the words of a scenario: arrivals, work, errors and workers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from simcb.measurements.fit import USERS, Fit, FittedService
from simcb.measurements.formats import format_of
from simcb.measurements.loops import Loop
from simcb.measurements.shapes import NEAR, work_of, work_of_times
from simcb.measurements.source import Format, MeasurementError, Source, Where
from simcb.measurements.traces import Graph, graph_of
from simcb.measurements.values import Floats, Measured
from simcb.scenario.arrivals import MOST_USERS
from simcb.scenario.refusal import quoted
from simcb.scenario.scalars import Name
from simcb.scenario.units import format_duration


def fit_files(
    files: Sequence[str | Path],
    service: str | None = None,
    *,
    where: Sequence[str] = (),
    client: str | None = None,
    form: str | None = None,
    between: float | None = None,
    arrivals: str | None = None,
) -> Fit:
    """Fit a scenario's words to files of measurements.

    Args:
        files: what was measured; of several, requests one by one go before percentiles, and those
            before rates.
        service: what the scenario calls the service that was measured; of traces, the only one of
            their services that is meant.
        where: `FIELD=PATTERN`: which requests are meant; `*` and `?` stand for anything.
        client: what the scenario calls the client group that asked.
        form: the files' format; found out from what they begin with if None.
        between: seconds from the first to the last of several scrapes of Prometheus, if they do
            not say so themselves.
        arrivals: `open` or `closed`, whether those who asked waited for answers before they asked
            again; as the data show it if None.

    Raises:
        MeasurementError: a file cannot be read, or says too little.
    """
    if arrivals not in (None, "open", "closed"):
        raise MeasurementError("--arrivals", f"is {quoted(arrivals)}", "write open or closed")
    meant = Where(tuple(map(_pattern, where)))
    for word, name in (("--service", service), ("--client", client)):
        if name is not None and not re.fullmatch(Name.pattern, name):
            raise MeasurementError(word, f"{name!r:.70} is no name", "write letters and digits")
    if not files:
        raise MeasurementError("fit", "no files are given", "name one")
    found = _read(files, meant, form, between)
    sources = tuple((name, kind, each.requests) for name, kind, each in found)
    spans = [span for _, _, each in found for span in each.spans]
    notes = [note for _, _, each in found for note in each.notes]
    if spans:
        fitted = _of_traces(graph_of(spans), service)
    else:
        fitted = _of_requests([each for _, _, each in found], service or "service", sources[0][0])
    fitted = _by_loop(fitted, arrivals)
    measured = [warning for _, _, each in found for warning in each.warnings]
    warnings = (*dict.fromkeys(measured), *fitted.warnings, *_fit_warnings(fitted))
    whole = (*dict.fromkeys([*fitted.notes, *notes]),)
    return replace(fitted, sources=sources, client=client, warnings=warnings, notes=whole)


def _read(
    files: Sequence[str | Path], where: Where, form: str | None, between: float | None
) -> list[tuple[str, str, Measured]]:
    """Return what each file says, with its name and format; of scrapes the last says it of all."""
    with ExitStack() as stack:
        opened: list[tuple[Source, Format]] = []
        for file in files:
            source = stack.enter_context(closing(Source(Path(file))))
            opened.append((source, format_of(source, form)))
        series = [each for each in opened if each[1].read_between is not None]
        if between is not None and len(series) < 2:
            what = "is the time between scrapes of Prometheus, of which there are not two"
            raise MeasurementError("--between", what, "name two, or leave it out")
        if len(series) < 2:
            return [(s.name, kind.name, kind.read(s, where)) for s, kind in opened]
        found = []
        for source, kind in opened:
            if kind.read_between is None:
                said = kind.read(source, where)
            elif source is series[-1][0]:
                said = kind.read_between([each for each, _ in series], where, between)
            else:
                said = Measured()
            found.append((source.name, kind.name, said))
        return found


def _pattern(text: str) -> tuple[str, str]:
    name, equals, pattern = text.partition("=")
    if not equals or not name:
        raise MeasurementError(
            "--where", f"{text!r:.60} is no FIELD=PATTERN", "write like path=/api/*"
        )
    return name, pattern


def _of_requests(found: Sequence[Measured], name: str, place: str) -> Fit:
    """Return the fit of one service's requests, from whatever files say of them."""
    logs = [each for each in found if each.times is not None]
    if logs:
        joined = _joined(logs)
        found = (joined, *(each for each in found if each.times is None))
    with_times = [m for m in found if m.times is not None or m.buckets or m.quantiles]
    with_arrivals = [m for m in found if m.moments is not None or m.rates or m.rate]
    first = with_times[0] if with_times else None
    came = with_arrivals[0] if with_arrivals else None
    errors = next((m.failed for m in found if m.failed is not None), None)
    work, points, steps = work_of(first, place) if first is not None else (None, (), ())
    if work is None and came is None:
        raise MeasurementError(place, "says neither times nor rates", "name another file")
    rate = _rate(came) if came is not None else None
    held = first.mean if first is not None and first.mean is not None else None
    if held is None and work is not None:
        held = work.mean_value
    mean = held if held is not None else next((m.mean for m in found if m.mean), None)
    measured = next((m.requests for m in found if m.requests is not None), None)
    service = FittedService(name, work, points, errors, rate, held, measured, {}, steps)
    users = next((m.users for m in found if m.users is not None), None)
    if users is not None and users.most > MOST_USERS:
        what = f"has {users.most:.3g} virtual users, and a scenario has {MOST_USERS:,} at most"
        raise MeasurementError(place, what, "give the file as it was written")
    warnings = []
    if work is not None:
        warnings.append(
            "measured times hold the wait for a worker and whatever is downstream; work is less "
            "where a service was busy, or asks others"
        )
    if work is None:
        warnings.append("no times are in these files, so there is no work")
    if came is None:
        warnings.append("no rate is in these files, so there are neither arrivals nor workers")
    moments = came.moments if came is not None else None
    return Fit(
        sources=(),
        services=(service,),
        entered={name: rate},
        moments=None if moments is None else moments - moments[0],
        resolution=came.resolution if came is not None else 0.0,
        rates=came.rates if came is not None else (),
        every=came.every if came is not None else 0.0,
        seconds=came.seconds if came is not None else None,
        dispersion=_dispersion(moments),
        client=None,
        warnings=tuple(warnings),
        notes=(),
        loop=Loop(users, rate, mean) if users is not None and rate and mean else None,
    )


def _by_loop(fit: Fit, arrivals: str | None) -> Fit:
    """Return the fit with a closed loop where that is meant, or shown and nothing else meant."""
    loop = fit.loop
    if loop is None and arrivals == "closed":
        what = "is closed, and no file says how many virtual users asked, how often and how long"
        raise MeasurementError("--arrivals", what, "add k6's results or Locust's, or leave it out")
    notes = list(fit.notes)
    closed = loop is not None and (loop.shown if arrivals is None else arrivals == "closed")
    if closed and loop is not None:
        notes.append(
            f"{loop.why}; users who wait ask a slow service less than others would: "
            "`--arrivals open` is for those"
        )
    elif loop is not None:
        notes.append(f"{loop.why}; `--arrivals closed` is for users who wait for answers")
    if not closed and fit.resolution:
        notes.append(
            "all moments are whole seconds, in which many requests would come at once: a replay "
            f"spreads those of a second over it (`resolution: {format_duration(fit.resolution)}`)"
        )
    services = fit.services
    if closed and loop is not None:
        services = (replace(services[0], most=loop.users), *services[1:])
    return replace(fit, notes=tuple(notes), closed=closed, services=services)


def _joined(logs: Sequence[Measured]) -> Measured:
    """Return what several logs say together."""
    if len(logs) == 1:
        return logs[0]
    requests = sum(each.requests or 0 for each in logs)
    moments = [each.moments for each in logs if each.moments is not None]
    failed = math.fsum((each.failed or 0.0) * (each.requests or 0) for each in logs)
    begins = np.sort(np.concatenate(moments)) if len(moments) == len(logs) else None
    return replace(
        logs[0],
        requests=requests,
        failed=failed / requests if requests else None,
        times=np.concatenate([each.times for each in logs if each.times is not None]),
        moments=begins,
        seconds=math.fsum(each.seconds or 0.0 for each in logs) or None,
    )


def _rate(came: Measured) -> float | None:
    if came.rate is not None:
        return came.rate
    if came.rates:
        return math.fsum(came.rates) / len(came.rates)
    if came.requests and came.seconds:
        return came.requests / came.seconds
    return None


def _dispersion(moments: Floats | None) -> float | None:
    """Return the variance of the requests per whole second divided by their mean."""
    if moments is None or moments[-1] - moments[0] < 30.0:
        return None
    counts = np.bincount(np.floor(moments - moments[0]).astype(int))[:-1]
    return float(np.var(counts) / np.mean(counts)) if len(counts) and np.mean(counts) else None


def _of_traces(graph: Graph, only: str | None) -> Fit:
    """Return the fit of the services and calls of traces."""
    names = _plain_names(graph.services)
    begins = [b for seen in graph.services.values() for b in seen.begins]
    span = max(begins) - min(begins)
    warnings, notes = [], []
    services = []
    for name, seen in graph.services.items():
        times = np.array(seen.work)
        work, points, steps = work_of_times(times) if len(times) else (None, (), ())
        calls = {}
        for asked, entries in seen.asked.items():
            ways = sorted(seen.ways.get(asked, [0.0]))
            calls[names[asked]] = (entries / seen.entries, ways[len(ways) // 2])
            if seen.times[asked] > 1.05 * entries:
                mean = seen.times[asked] / entries
                warnings.append(
                    f"{names[name]} asks {names[asked]} {mean:.3g} times for a request; the "
                    "scenario asks once"
                )
        if seen.overlapping > 0.05 * seen.entries:
            warnings.append(
                f"{names[name]} asks several at a time; the scenario asks one after the other"
            )
        rate = seen.entries / span if span > 0.0 else None
        held = math.fsum(seen.held) / seen.entries
        errors = seen.failed / seen.entries
        services.append(
            FittedService(names[name], work, points, errors, rate, held, seen.entries, calls, steps)
        )
    cut = _without_circles(services, warnings)
    roots = {names[name]: seen.roots for name, seen in graph.services.items() if seen.roots}
    if graph.orphans:
        warnings.append(
            f"{graph.orphans:,} spans have a parent that is in no file: taken for roots"
        )
    if graph.messages:
        notes.append(f"{graph.messages:,} requests came by a message, for which nobody waits")
    warnings.append("traces are often sampled: the rates are those of the traces in the files")
    notes.append("work is self time: what a service's spans took without what they waited for")
    if only is not None:
        cut = [each for each in cut if each.name == only]
        if not cut:
            known = ", ".join(sorted(names.values()))
            raise MeasurementError(
                "--service", f"no service is called {only}", f"name one of: {known}"
            )
        cut = [replace(cut[0], calls={})]
        roots = {only: cut[0].requests or 0}
    order = sorted(cut, key=lambda each: (each.name not in roots, each.name))
    return Fit(
        sources=(),
        services=tuple(order),
        entered={name: count / span if span > 0.0 else None for name, count in roots.items()},
        moments=None,
        resolution=0.0,
        rates=(),
        every=0.0,
        seconds=span or None,
        dispersion=None,
        client=None,
        warnings=tuple(warnings),
        notes=(*notes, f"{graph.traces:,} traces"),
    )


def _plain_names(names: Iterable[str]) -> dict[str, str]:
    """Return names as a scenario can have them, each another."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-_")[:60] or "service"
        plain = plain if plain[0].isalpha() else f"s-{plain}"
        taken, number = {*found.values(), USERS}, 2
        unique = plain
        while unique in taken:
            unique, number = f"{plain}-{number}", number + 1
        found[name] = unique
    return found


def _without_circles(services: Sequence[FittedService], warnings: list[str]) -> list[FittedService]:
    """Return services without the calls that lead back to who asked, each of which is said."""
    calls = {each.name: dict(each.calls) for each in services}
    done: set[str] = set()

    def walk(name: str, above: tuple[str, ...]) -> None:
        for asked in [*calls[name]]:
            if asked in (*above, name):
                warnings.append(f"{name} asks {asked}, which had asked it: that call is left out")
                del calls[name][asked]
            elif asked not in done:
                walk(asked, (*above, name))
        done.add(name)

    for each in services:
        if each.name not in done:
            walk(each.name, ())
    return [replace(each, calls=calls[each.name]) for each in services]


def _fit_warnings(fit: Fit) -> list[str]:
    """Return what of the fits is not as good as it should be."""
    found = []
    for each in fit.services:
        far = [point for point in each.points if abs(point.off) > NEAR]
        if far:
            worst = max(far, key=lambda point: abs(point.off))
            found.append(f"the {worst.name} of {each.name} is missed by {worst.off:+.0%}")
        if each.requests is not None and each.requests < 100 and each.work is not None:
            found.append(f"{each.name}: {each.requests:,} in all, which say little of a p99")
    return found
