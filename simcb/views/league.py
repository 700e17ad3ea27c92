"""What a league says: which breakers fare best in each scenario, by how much, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from simcb.metrics import METRICS
from simcb.metrics.phase import FAULT, WHOLE
from simcb.studies.comparison import Comparison
from simcb.studies.league import Contender, League
from simcb.views.compare import HEADER as OF_VARIANTS
from simcb.views.compare import compare_rows
from simcb.views.compare_findings import in_time, verdicts
from simcb.views.document import (
    Block,
    CheckResult,
    Document,
    Figure,
    JsonValue,
    Measure,
    Row,
    Table,
    Verdict,
)
from simcb.views.load import ALL_SERVICES, has_several_services, loaded_service
from simcb.views.quantities import UNDEFINED, clock, interval, quantity
from simcb.views.run_data import measures_of, run_object
from simcb.views.safe_text import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

CHART = "league"
"""The name of the figure's file."""

_CAPTION = (
    "The share of all requests that are answered in time, with its 95 % interval: filled at "
    "comparable settings, hollow at each breaker's own defaults."
)

COLUMNS = (
    ("answered", WHOLE, "answered"),
    ("answered", FAULT, "under fault"),
    ("downstream_rate", FAULT, "calls sent"),
    ("time_to_recover", WHOLE, "healthy again"),
)
"""The numbers of the table of one scenario: metric, phase, heading."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A league as it is presented.

    Args:
        league: what was run.
        repeat: the command that gives the same answer.
    """

    league: League
    repeat: str = ""


def league_document(answer: Answer) -> Document:
    """Return what a league says."""
    league = answer.league
    first = league.comparisons[0].results[0]
    document = Document(
        title(league),
        lambda: _data(answer),
        lambda: league_rows(league),
        verdicts=tuple(_verdicts(league)),
        blocks=tuple(_blocks(league)),
        checks=tuple(
            CheckResult(each.results[0].scenario.name, f"{one.name} runs")
            for each in league.comparisons
            for one in league.contenders
        ),
        measures=lambda: _measures(league),
        facts={"seed": str(first.seed), "replicates": str(league.comparisons[0].replicates)},
        repeat=answer.repeat,
        sources={
            f"{one_line(each.scenario.name)}, with simcb": each.scenario.to_yaml
            for each in (comparison.results[0] for comparison in league.comparisons)
        },
        versions={
            name: number
            for each in league.comparisons[0].results
            for name, number in each.trace.versions.items()
        },
    )
    tables = tuple(block for block in document.blocks if isinstance(block, Table))
    return replace(document, brief=replace(document, blocks=tables))


def title(league: League) -> str:
    """Return what was run, in a line."""
    first = league.comparisons[0]
    names = ", ".join(one_line(each.results[0].scenario.name, 80) for each in league.comparisons)
    runs = "one run each" if first.alone else f"{first.replicates} pairs of runs, 95% intervals"
    return f"{len(league.contenders)} breakers, {names}, seed {first.results[0].seed}, {runs}"


def _verdicts(league: League) -> Iterator[Verdict]:
    """Yield which breakers are best in each scenario, and why each fared as it did."""
    several = len(league.comparisons) > 1
    for place, comparison in enumerate(league.comparisons):
        name = one_line(comparison.results[0].scenario.name, 60)
        told = verdicts(league.only(place, alike=True))
        yield replace(told[0], about=name if several else "")
        by_name = dict(zip(league.only(place, alike=True).names[1:], told[1:], strict=True))
        for contender in league.contenders:
            if contender.name in by_name:
                yield _why(contender, by_name[contender.name], name if several else "")


def _why(contender: Contender, verdict: Verdict, scenario: str) -> Verdict:
    """Return how a breaker fared, after what of its behaviour has to be known for it."""
    found = verdict.reason.split("; ")
    told = [each for each in found if not each.startswith("no difference")] or [
        "no difference shown"
    ]
    remark = contender.adapter.remark if contender.adapter else ""
    about = f"{verdict.about}, {scenario}" if scenario else verdict.about
    return replace(verdict, reason="; ".join([*filter(None, [remark]), *told]), about=about)


def _blocks(league: League) -> Iterator[Block]:
    yield _one_table(league) if len(league.comparisons) == 1 else _wide_table(league)
    yield Figure(CHART, lambda: _chart(league), _CAPTION)


def _one_table(league: League) -> Table:
    """Return the breakers of one scenario with several numbers of each."""
    comparison = league.comparisons[0]
    there = comparison.results[0].summary.phases
    columns = [each for each in COLUMNS if each[1] in there]
    forms = []
    for sure in (True, False):
        rows = []
        for one in league.ranked():
            cells = [
                _cell(comparison, one.alike, *each[:2], sure, _of(comparison, each[0]))
                for each in columns
            ]
            rows.append(
                (
                    _mark(league, one),
                    *cells,
                    _cell(comparison, one.usual, "answered", WHOLE, sure),
                )
            )
        service = _of(comparison, "downstream_rate")
        calls = f"calls to {one_line(service, 14)}" if service else "calls sent"
        heads = (calls if each[0] == "downstream_rate" else each[2] for each in columns)
        header = ("", *heads, "answered")
        spans = ((_alike(league, 0), len(columns)), ("own defaults", 1))
        forms.append(Table(header, tuple(rows), spans=spans, notes=_notes(league, 0)))
    return replace(forms[0], narrower=((forms[1],),))


def _wide_table(league: League) -> Table:
    """Return the breakers with what each answers, in every scenario."""
    spans, header = [], [""]
    for place, comparison in enumerate(league.comparisons):
        name = one_line(comparison.results[0].scenario.name, 40)
        spans.append((f"{name}, {_alike(league, place)}", 2))
        header += ["answered", "own defaults"]
    rows = [
        (
            _mark(league, one),
            *(
                _cell(comparison, place, "answered", WHOLE, sure=True)
                for comparison in league.comparisons
                for place in (one.alike, one.usual)
            ),
        )
        for one in league.ranked()
    ]
    return Table(
        tuple(header), tuple(rows), spans=tuple(spans), notes=_notes(league, 0), breakable=True
    )


def _alike(league: League, scenario: int) -> str:
    """Return what all breakers are set to, in words."""
    guards = [
        call.breaker for *_, call in league.comparisons[scenario].variants[0].scenario.guarded_calls
    ]
    if len({(each.failure_threshold, each.recovery_timeout) for each in guards if each}) > 1:
        return "each call's own threshold and timeout"
    threshold, timeout = league.threshold[scenario], league.timeout[scenario]
    return f"{threshold} failures, {clock(timeout)}"


def _mark(league: League, one: Contender) -> str:
    return one_line(one.name, 40) + ("*" if _differs(league, one) else "")


def _differs(league: League, one: Contender) -> list[str]:
    """Return what a breaker has not of what the others have, in whichever scenario and setting."""
    places = [place for place in (one.alike, one.usual) if place is not None]
    told = (each.variants[place].differs for each in league.comparisons for place in places)
    return [*dict.fromkeys(filter(None, told))]


def _of(comparison: Comparison, name: str) -> str:
    """Return the service that a metric is told of, where a run has several; "" if of all."""
    loads = name == "downstream_rate" and has_several_services(comparison.results)
    return loaded_service(comparison.results) if loads else ""


def _cell(
    comparison: Comparison, place: int | None, name: str, phase: str, sure: bool, of: str = ""
) -> str:
    if place is None:
        return UNDEFINED
    found, unit = comparison.results[place].summary.estimate(name, phase, of), METRICS[name].unit
    if found is None:
        return UNDEFINED
    return interval(found.mean, found.low, found.high, unit) if sure else quantity(found.mean, unit)


def _notes(league: League, scenario: int) -> tuple[str, ...]:
    found: dict[str, list[str]] = {}
    for one in league.contenders:
        told = _differs(league, one)
        # What is left out at its defaults is so at comparable settings, too, beside more.
        for each in told:
            if not any(each != other and each in other for other in told):
                found.setdefault(each, []).append(one_line(one.name, 40))
    lines = [in_time(league.only(scenario, alike=True))]
    results = league.comparisons[scenario].results
    if (
        len(league.comparisons) == 1
        and has_several_services(results)
        and not loaded_service(results)
    ):
        lines.append(f"calls sent: {ALL_SERVICES}")
    lines += [f"* {', '.join(names)}: {differs}" for differs, names in found.items()]
    if league.missing:
        names = ", ".join(league.missing)
        lines.append(f"not installed: {names}; run: pip install 'simcb[peers]'")
    return tuple(lines)


def _data(answer: Answer) -> dict[str, JsonValue]:
    league = answer.league
    scenarios: list[JsonValue] = []
    for place, comparison in enumerate(league.comparisons):
        told = verdicts(league.only(place, alike=True))
        best = [
            league.only(place, alike=True).names[each]
            for each in league.only(place, alike=True).as_good
        ]
        entries: list[JsonValue] = [
            {
                "name": one.name,
                "remark": one.adapter.remark if one.adapter else "",
                "alike": None
                if one.alike is None
                else run_object(comparison.results[one.alike], (), None, ()),
                "defaults": run_object(comparison.results[one.usual], (), None, ()),
            }
            for one in league.ranked(place)
        ]
        scenarios.append(
            {
                "name": comparison.results[0].scenario.name,
                "failure_threshold": league.threshold[place],
                "recovery_timeout": league.timeout[place],
                "headline": told[0].words,
                "reason": told[0].reason,
                "best": list[JsonValue](best),
                "breakers": entries,
            }
        )
    return {
        "scenarios": scenarios,
        "missing": list[JsonValue](league.missing),
        "repeat": answer.repeat,
    }


HEADER = ("scenario", *OF_VARIANTS)


def league_rows(league: League) -> Iterator[Row]:
    """Yield a line for each scenario, variant, metric, phase and service, below a header."""
    yield HEADER
    for comparison in league.comparisons:
        rows = compare_rows(comparison)
        next(rows)
        for row in rows:
            yield (comparison.results[0].scenario.name, *row)


def _measures(league: League) -> Iterator[Measure]:
    """Yield every number of every breaker, named by what it is set to as well."""
    for comparison in league.comparisons:
        scenario = comparison.results[0].scenario.name
        for name, result in zip(comparison.names, comparison.results, strict=True):
            yield from measures_of(result.summary, scenario, name)


def _chart(league: League) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots.league import chart

    return chart(league)
