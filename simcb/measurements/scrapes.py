"""Prometheus: scrapes as text (exposition format), of which several give the time between them.

Counters count since their process began. What two scrapes of one process differ by is what
happened between them, as `increase()` has it: a process that began anew in between counts from 0,
and any counter that fell gives it away, so all of its counters are taken from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from simcb.measurements.prometheus import (
    NAME,
    Sample,
    base_of,
    family_of,
    is_time,
    measured_of,
    value_of,
)
from simcb.measurements.source import Format, Source, Where, number_in
from simcb.measurements.values import Measured
from simcb.scenario.refusal import listed, quoted
from simcb.scenario.units import format_duration

_SAMPLE = re.compile(
    r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+(?:\.\d+)?))?\s*", re.ASCII
)
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"\s*,?\s*')
_MILLISECONDS = 1e11  # a moment beyond is in milliseconds, as Prometheus has it; OpenMetrics: s
_CLOCKS = ("process_uptime_seconds", "node_time_seconds")
_BEGAN = "process_start_time_seconds"
_PROCESS = ("job", "instance", "pod")  # labels that tell one process of several in a file
_REST = ("le", "quantile", NAME)

Series = frozenset[tuple[str, str]]


@dataclass
class _Scrape:
    """What one file has: values by their series, and the moments that some of them have."""

    name: str
    values: dict[Series, float] = field(default_factory=dict)
    stamps: dict[Series, float] = field(default_factory=dict)

    def stamp(self, family: str) -> float | None:
        """Return the latest moment of a histogram or summary; None if it has none."""
        mine = (m for series, m in self.stamps.items() if base_of(dict(series)[NAME]) == family)
        return max(mine, default=None)

    def alone(self, name: str) -> float | None:
        """Return the value of a metric that has one series; None if it has none or several."""
        found = [v for series, v in self.values.items() if (NAME, name) in series]
        return found[0] if len(found) == 1 else None


def _is_text(source: Source) -> bool:
    lines = [line for line in source.head.splitlines()[:60] if line.strip()]
    return bool(lines) and (
        any(line.startswith(("# TYPE ", "# HELP ")) for line in lines)
        or all(map(_SAMPLE.fullmatch, lines[:-1] or lines))
    )


def _scrape(source: Source) -> _Scrape:
    found = _Scrape(source.name)
    for line in source.lines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _SAMPLE.fullmatch(line.split(" # ")[0])
        if match is None:
            raise source.error("is no sample", "write `name{labels} value`, as /metrics has it")
        labels = {NAME: match[1], **dict(_LABEL.findall(match[2] or ""))}
        if "le" in labels:
            labels["le"] = _bound(labels["le"])
        series = frozenset(labels.items())
        if series in found.values:
            what = f"has a second value of {quoted(match[1])} with the same labels"
            raise source.error(what, "give one scrape a file")
        found.values[series] = value_of(source, match[3])
        if match[4]:
            moment = float(match[4])
            moment /= 1000.0 if moment >= _MILLISECONDS else 1.0
            found.stamps[series] = moment
    return found


def _meant(source: Source, where: Where, scrape: _Scrape) -> tuple[str, dict[Series, float]]:
    """Return the histogram or summary that is meant, and its series."""
    samples = [(dict(series), series) for series in scrape.values]
    names = {base_of(labels[NAME]) for labels, _ in samples if is_time(labels)}
    family = family_of(source, where, names)
    found = {s: scrape.values[s] for labels, s in samples if base_of(labels[NAME]) == family}
    return family, found


def _samples(values: dict[Series, float]) -> list[Sample]:
    return [(dict(series), value) for series, value in values.items()]


def _read(source: Source, where: Where) -> Measured:
    _, meant = _meant(source, where, _scrape(source))
    note = (
        "a scrape counts since its process began, so it says nothing of the rate of requests; "
        "two, the earlier first, give those between them"
    )
    return measured_of(source, where, _samples(meant), (note,))


def _read_between(sources: Sequence[Source], where: Where, between: float | None) -> Measured:
    """Return what happened between the first and the last of several scrapes.

    Args:
        sources: the scrapes, the earliest first.
        where: which requests are meant.
        between: seconds between the first and the last; None if the scrapes have to say so.
    """
    scrapes = [_scrape(source) for source in sources]
    last = sources[-1]
    last.line = 0
    family, _ = _meant(last, where, scrapes[-1])
    of_it = [
        {s: v for s, v in each.values.items() if base_of(dict(s)[NAME]) == family}
        for each in scrapes
    ]
    total: dict[Series, float] = {}
    anew = False
    for number, (before, after) in enumerate(pairwise(of_it)):
        _check_alike(family, (scrapes[number], before), (sources[number + 1], after))
        began = _began(scrapes[number]), _began(scrapes[number + 1])
        fresh = None not in began and began[0] != began[1]
        grown, fell = _grown(before, after, fresh=fresh)
        anew = anew or fell
        for series, value in grown.items():
            total[series] = total.get(series, 0.0) + value
    seconds = between if between is not None else _seconds(scrapes, last, family)
    names = listed(quoted(each.name) for each in scrapes)
    lasted = f", {format_duration(round(seconds, 3))}" if seconds else ""
    notes = [f"what is counted came between the scrapes {names}{lasted}"]
    if anew:
        notes.append(
            "counts fell from one scrape to the next: the process began anew, or the files are "
            "in the wrong order; what it counted since is taken, and no rate of it"
        )
    elif seconds is None:
        notes.append("the scrapes do not say when they were made: --between 60s gives the rate")
    quantiles = {s: v for s, v in of_it[-1].items() if "quantile" in dict(s)}
    if quantiles:
        notes.append("a summary's quantiles are those of the last scrape, as its process kept them")
        total |= quantiles
    measured = measured_of(last, where, _samples(total), tuple(notes))
    if not measured.requests and not measured.buckets:
        raise last.error("counts nothing that the one before has not", "give a later scrape")
    if anew or not seconds:
        return measured
    rate = None if measured.requests is None else measured.requests / seconds
    return replace(measured, seconds=seconds, rate=rate)


def _check_alike(
    family: str,
    earlier: tuple[_Scrape, dict[Series, float]],
    later: tuple[Source, dict[Series, float]],
) -> None:
    """Refuse scrapes that cannot be of one process.

    Raises:
        MeasurementError: the earlier has no such histogram, or one of other buckets or labels.
    """
    (scrape, before), (source, after) = earlier, later
    if not before or not after:
        without = quoted(scrape.name) if after else "it"
        what = f"has {quoted(family)}, and {without} has none of it"
        if not after:
            what = f"has no {quoted(family)}"
        remedy = "give two scrapes of one process, or one alone if nothing was counted before it"
        raise source.error(what, remedy)
    old, new = _bounds(before), _bounds(after)
    for labels in old.keys() & new.keys():
        if old[labels] != new[labels]:
            odd = listed(sorted(old[labels] ^ new[labels]))
            what = f"has other buckets of {quoted(family)} than {quoted(scrape.name)} ({odd})"
            raise source.error(what, "give two scrapes of one version of the program")
    if not old.keys() & new.keys():
        what = f"has no labels of {quoted(family)} in common with {quoted(scrape.name)}"
        raise source.error(what, "give two scrapes of one process")


def _bounds(series: dict[Series, float]) -> dict[Series, set[str]]:
    """Return the bounds of each histogram, or the shares of each summary, by their labels."""
    found: dict[Series, set[str]] = {}
    for each in series:
        labels = dict(each)
        alone = frozenset((k, v) for k, v in each if k not in _REST)
        bounds = found.setdefault(alone, set())
        if "le" in labels:
            bounds.add(labels["le"])
    return found


def _bound(text: str) -> str:
    """Return a bound as all write it: some clients write 1, some 1.0."""
    number = number_in(text)
    return text if number is None else f"{number:.15g}"


def _process(series: Series) -> tuple[str, ...]:
    labels = dict(series)
    return tuple(labels.get(name, "") for name in _PROCESS)


def _grown(
    before: dict[Series, float], after: dict[Series, float], *, fresh: bool
) -> tuple[dict[Series, float], bool]:
    """Return by how much each counter grew, and whether any process began anew."""
    anew = {
        _process(series)
        for series, value in before.items()
        # One that is gone was counted by a process that is gone.
        if "quantile" not in dict(series) and (fresh or after.get(series, -1.0) < value)
    }
    grown = {
        series: value if _process(series) in anew else value - before.get(series, 0.0)
        for series, value in after.items()
        if "quantile" not in dict(series)
    }
    return grown, bool(anew)


def _began(scrape: _Scrape) -> float | None:
    return scrape.alone(_BEGAN)


def _seconds(scrapes: Sequence[_Scrape], last: Source, family: str) -> float | None:
    """Return the seconds between the first and the last scrape; None if they do not say so.

    Raises:
        MeasurementError: the last is not the later one.
    """
    first, final = scrapes[0], scrapes[-1]
    clocks = [(first.stamp(family), final.stamp(family))]
    clocks += [(first.alone(name), final.alone(name)) for name in _CLOCKS]
    for before, after in clocks:
        if before is None or after is None:
            continue
        if after > before:
            return after - before
        if (before, after) == clocks[0]:
            what = f"was made no later than {quoted(first.name)}"
            raise last.error(what, "name the earlier scrape first")
    return None


TEXT = Format("Prometheus text", _is_text, _read, _read_between)
