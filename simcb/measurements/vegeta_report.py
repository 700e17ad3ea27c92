"""The report of vegeta, as JSON (nanoseconds) or as text (durations with their unit)."""

from __future__ import annotations

import re
from typing import Any

from simcb.measurements.source import Format, Source, Where, choose_all, number_in
from simcb.measurements.values import Measured

_SHARES = {"min": 0.0, "50th": 0.5, "90th": 0.9, "95th": 0.95, "99th": 0.99, "max": 1.0}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")
_LINE = re.compile(r"(\w[\w ]*?)\s+\[([^\]]*)\]\s+(.*)")


def _is_json(source: Source) -> bool:
    head = source.head.lstrip()
    return head.startswith("{") and '"latencies"' in head and '"50th"' in head


def _is_text(source: Source) -> bool:
    return source.head.startswith("Requests ") and "Latencies" in source.head


def _read_json(source: Source, where: Where) -> Measured:
    choose_all(source, where)
    report = source.mapping(source.json(), "the file")
    latencies = source.mapping(report.get("latencies"), "`latencies`")
    quantiles = [
        (share, source.number(latencies[word], f"`{word}`") / 1e9)
        for word, share in _SHARES.items()
        if word in latencies
    ]
    mean = source.number(latencies.get("mean"), "`mean`") / 1e9
    seconds = (number_in(report.get("duration")) or 0.0) / 1e9
    rate, made = number_in(report.get("rate")), number_in(report.get("requests"))
    codes = report.get("status_codes")
    counts = (
        {code: number_in(n) or 0.0 for code, n in codes.items()} if isinstance(codes, dict) else {}
    )
    return _measured(quantiles, mean, made, rate, seconds, counts, number_in(report.get("success")))


def _read_text(source: Source, where: Where) -> Measured:
    choose_all(source, where)
    found: dict[str, Any] = {}
    for line in source.lines():
        if match := _LINE.match(line):
            if match[1] == "Status Codes":
                counts = (each.partition(":") for each in match[3].split())
                found["codes"] = {code: number_in(n) or 0.0 for code, _, n in counts}
                continue
            heads, cells = match[2].split(", "), match[3].split(", ")
            if len(heads) == len(cells):
                named = zip(heads, cells, strict=True)
                found |= {f"{match[1]} {head}": cell for head, cell in named}
    quantiles = []
    for word, share in _SHARES.items():
        cell = found.get(f"Latencies {word.removesuffix('th')}")
        if cell is not None:
            quantiles.append((share, _seconds(source, cell)))
    mean = _seconds(source, found.get("Latencies mean", ""))
    ratio = number_in(str(found.get("Success ratio", "")).rstrip("%"))
    return _measured(
        quantiles,
        mean,
        number_in(found.get("Requests total")),
        number_in(found.get("Requests rate")),
        _seconds(source, found.get("Duration attack", "0s")),
        found.get("codes", {}),
        None if ratio is None else ratio / 100.0,
    )


def _seconds(source: Source, text: str) -> float:
    parts = _PART.findall(text)
    if not parts or "".join(map("".join, parts)) != text:
        raise source.error(f"has {text!r:.40} as a duration", "give the report as it was written")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _measured(
    quantiles: list[tuple[float, float]],
    mean: float,
    made: float | None,
    rate: float | None,
    seconds: float,
    counts: dict[str, float],
    success: float | None,
) -> Measured:
    """Return what a report says; what is neither answered nor refused for good has failed."""
    total = sum(counts.values())
    bad = sum(n for code, n in counts.items() if code[:1] not in "1234" or not code)
    share = bad / total if total else None if success is None else 1.0 - success
    notes = ("the failed requests' times are among vegeta's percentiles",) if share else ()
    return Measured(
        requests=None if made is None else int(made),
        failed=share,
        seconds=seconds or None,
        rate=rate,
        quantiles=tuple(quantiles),
        mean=mean,
        notes=notes,
    )


JSON = Format("vegeta report (JSON)", _is_json, _read_json)
TEXT = Format("vegeta report (text)", _is_text, _read_text)
