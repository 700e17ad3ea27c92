"""The table of formats: a new one is a module with a `FORMAT`, and its line here."""

from __future__ import annotations

from simcb.measurements import (
    access_log,
    envoy,
    hdr,
    jaeger,
    json_log,
    k6_csv,
    k6_summary,
    locust,
    otlp,
    plain_csv,
    prometheus,
    scrapes,
    vegeta,
    vegeta_report,
)
from simcb.measurements.source import Format, Source, number_in
from simcb.scenario.refusal import listed

FORMATS: tuple[Format, ...] = (
    k6_summary.FORMAT,
    k6_csv.FORMAT,
    vegeta.JSON,
    vegeta.CSV,
    vegeta_report.JSON,
    vegeta_report.TEXT,
    locust.STATS,
    locust.HISTORY,
    hdr.FORMAT,
    prometheus.QUERY,
    otlp.FORMAT,
    jaeger.FORMAT,
    json_log.FORMAT,
    envoy.FORMAT,
    access_log.FORMAT,
    plain_csv.FORMAT,
    scrapes.TEXT,
)
"""In the order in which they are tried: the surest signs first."""


def format_of(source: Source, name: str | None = None) -> Format:
    """Return the format of a file, by its name or by what the file begins with.

    Raises:
        MeasurementError: there is no such format, or none fits.
    """
    if name is not None:
        for each in FORMATS:
            if each.name.casefold() == name.casefold():
                return each
        raise source.error(f"no format is called {name!r:.40}", f"name one of: {_names()}")
    for each in FORMATS:
        if each.fits(source):
            return each
    first = source.head.splitlines()[:5]
    if all(number_in(line) is not None for line in first if line.strip()):
        what = "is a list of numbers, which says neither when nor how requests ended"
        remedy = (
            "a scenario takes such times, in seconds, as `work: {kind: empirical, file: times.csv}`"
        )
        raise source.error(what, remedy)
    csv = f"a CSV with the header `{plain_csv.EXAMPLE}` and a request a row"
    raise source.error("is of no format that is known here", f"give {csv}, or one of: {_names()}")


def _names() -> str:
    return listed(each.name for each in FORMATS)
