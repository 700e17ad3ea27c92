"""The percentile distribution of HdrHistogram (`.hgrm`), which wrk2 prints too; milliseconds."""

from __future__ import annotations

import re

from simcb.measurements.source import Format, Source, Where, choose_all, number_in
from simcb.measurements.values import Measured

_HEADING = re.compile(r"\s*Value\s+Percentile\s+TotalCount", re.MULTILINE)
_ROW = re.compile(r"\s*(\S+)\s+(\S+)\s+(\d+)(?:\s+\S+)?\s*")
_FACT = re.compile(r"(Mean|Max|Total count|StdDeviation)\s*=\s*([\d.]+)")
_WRK_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")
_WRK_SUM = re.compile(r"\s*(\d+) requests in ([\d.]+)(m?s|m|h),")
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _fits(source: Source) -> bool:
    return bool(_HEADING.search(source.head))


def _read(source: Source, where: Where) -> Measured:
    choose_all(source, where)
    points: list[tuple[float, float, float]] = []
    facts: dict[str, float] = {}
    rate = seconds = None
    inside = False
    for line in source.lines():
        if _HEADING.match(line):
            # wrk2 may print a second table, of times without the wait for their turn.
            if points:
                break
            inside = True
        elif line.startswith("#["):
            facts |= {word: float(number) for word, number in _FACT.findall(line)}
        elif inside and (match := _ROW.fullmatch(line)):
            value = source.number(match[1], "`Value`") / 1000.0
            points.append((value, source.number(match[2], "`Percentile`"), float(match[3])))
        elif match := _WRK_RATE.match(line):
            rate = number_in(match[1])
        elif match := _WRK_SUM.match(line):
            seconds = float(match[2]) * _UNITS[match[3]]
    if not points:
        raise source.error("has no rows below its heading", "give the table as it was printed")
    total = facts.get("Total count") or points[-1][2]
    if total <= 0:
        raise source.error("counts no times", "give the table as it was printed")
    return Measured(
        requests=int(total),
        rate=rate,
        seconds=seconds,
        quantiles=_published(points, facts),
        mean=facts["Mean"] / 1000.0 if facts.get("Mean") else None,
        notes=("its times are taken for milliseconds, as wrk2 prints them",),
    )


def _published(
    points: list[tuple[float, float, float]], facts: dict[str, float]
) -> tuple[tuple[float, float], ...]:
    wanted = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999)
    found = []
    for share in wanted:
        near = [value for value, percentile, _ in points if percentile >= share - 1e-9]
        if near and points[-1][2] * (1.0 - share) >= 1.0:
            found.append((share, near[0]))
    most = facts["Max"] / 1000.0 if facts.get("Max") else points[-1][0]
    return (*found, (1.0, max(most, found[-1][1])))


FORMAT = Format("HdrHistogram", _fits, _read)
