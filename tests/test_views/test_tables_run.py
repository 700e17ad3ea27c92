import json
import math
import re

import pytest
from rich.text import Text
from test_views.small_runs import (
    BARE,
    GUARDED,
    HURT,
    LAYERS,
    TWO_FAULTS,
    TWO_GROUPS,
    answer,
)

from simcb.metrics import METRICS, Unit
from simcb.scenario import parse_scenario
from simcb.studies import run
from simcb.views import data, markdown, screen
from simcb.views import run_tables as tables
from simcb.views.answers import answers_table, remarks
from simcb.views.document import Page, Table
from simcb.views.quantities import quantity
from simcb.views.run import Answer, run_document
from simcb.views.run_tables import event_table, group_table, service_table

WIDE = 200


def as_screen(shown: Answer, page: Page) -> Text:
    return screen.as_screen(run_document(shown), page)


def as_markdown(shown: Answer) -> str:
    return markdown.as_markdown(run_document(shown))


def as_json(shown: Answer) -> str:
    return data.as_json(run_document(shown))


def phase_tables(shown: Answer, width: int) -> tuple[Table, ...]:
    return screen.fitting(tables.phase_table(shown.result), width)


def difference_table(shown: Answer) -> Table | None:
    return tables.difference_table(shown.result, shown.difference)


def threshold_table(shown: Answer) -> Table | None:
    return tables.threshold_table(shown.result, shown.fail_if)


def column(grid: Table, name: str) -> dict[str, str]:
    """Return the cells below a header by the names of their rows."""
    place = grid.header.index(name)
    return {row[0]: row[place] for row in grid.rows}


@pytest.mark.parametrize(
    "name",
    [*tables.BY_PHASE, *tables.OF_THE_RUN, *tables.OF_A_SERVICE, *tables.OF_A_GROUP],
)
def test_every_metric_that_is_shown_exists(name: str) -> None:
    """A row has a metric's own name."""
    assert name in METRICS


def test_the_phase_table_holds_the_measured_values() -> None:
    """A cell is the measure of its row's metric in its column's phase."""
    shown = answer()
    (grid,) = phase_tables(shown, WIDE)
    assert grid.header[1:] == ("healthy", "fault", "recovery", "whole")
    for phase in grid.header[1:]:
        cells = column(grid, phase)
        for name in ("success", "p99", "success_p99", "rejected", "amplification"):
            value = shown.result.measures.value(name, phase)
            assert cells[name].rstrip("*") == quantity(value, METRICS[name].unit)


def test_a_baseline_stands_beside_in_each_phase() -> None:
    """Each phase has a column with and one without the breaker, the latter faint."""
    shown = answer(baseline=True)
    (grid,) = phase_tables(shown, WIDE)
    assert grid.spans == (("healthy", 2), ("fault", 2), ("recovery", 2), ("whole", 2))
    rows = {row[0]: row[1:] for row in grid.rows}
    assert shown.result.baseline is not None
    without = shown.result.baseline.measures.value("success", "fault")
    assert rows["success"][3] == quantity(without, METRICS["success"].unit)
    assert rows["open_fraction"][1::2] == ("–",) * 4
    assert grid.faint == frozenset({2, 4, 6, 8})


@pytest.mark.parametrize(("width", "tables_shown"), [(WIDE, 1), (80, 1), (40, 2)])
def test_a_narrow_page_gets_narrower_tables(width: int, tables_shown: int) -> None:
    """First the whole run is left out, then the baseline goes below; no phase is lost."""
    grids = phase_tables(answer(baseline=True), width)
    assert len(grids) == tables_shown
    headers = [*(text for text, _ in grids[0].spans), *grids[0].header]
    assert {"healthy", "fault", "recovery"} <= set(headers)


def test_single_faults_have_columns_where_there_is_room() -> None:
    """Two faults are told apart on a wide page and taken together on a narrow one."""
    shown = answer(TWO_FAULTS)
    (wide,), (narrow,) = phase_tables(shown, WIDE), phase_tables(shown, 80)
    assert {"fault:slowness", "fault:refuse:store"} <= set(wide.header)
    assert not any(header.startswith("fault:") for header in narrow.header)


def test_rows_that_say_nothing_are_left_out() -> None:
    """Without breaker and fallback there are no rows about them."""
    (grid,) = phase_tables(answer(BARE), WIDE)
    names = {row[0] for row in grid.rows}
    assert not names & (tables.WITH_BREAKER | tables.WITH_FALLBACK)
    assert {"success", "p99", "success_p99", "amplification"} <= names
    assert grid.header == ("", "whole")


def test_replicates_show_intervals() -> None:
    """With several replicates a cell is a mean and half its interval."""
    shown = answer(replicates=3)
    cell = column(phase_tables(shown, WIDE)[0], "whole")["goodput"]
    found = shown.result.summary.estimate("goodput")
    assert found is not None
    assert found.low is not None
    assert found.high is not None
    assert cell == f"{found.mean:.1f} ±{(found.high - found.low) / 2:.1f}/s"


def test_the_difference_is_of_pairs_and_needs_replicates() -> None:
    """A single run has no interval; several have that of their paired differences."""
    assert difference_table(answer(baseline=True)) is None
    assert difference_table(answer(replicates=3)) is None
    shown = answer(replicates=3, baseline=True)
    grid = difference_table(shown)
    assert grid is not None
    assert shown.difference is not None
    assert shown.result.baseline is not None
    pairs = zip(shown.result.runs, shown.result.baseline.runs, strict=True)
    differences = []
    for guarded, bare in pairs:
        sent = guarded.measures.value("downstream_rate", "fault")
        without = bare.measures.value("downstream_rate", "fault")
        assert sent is not None
        assert without is not None
        differences.append(sent - without)
    found = shown.difference.estimate("downstream_rate", "fault")
    assert found is not None
    assert found.mean == pytest.approx(math.fsum(differences) / 3)
    assert column(grid, "fault")["downstream_rate"].startswith("-")


def test_the_difference_is_shown_of_all_that_changed() -> None:
    """Goodput first, shares in points, and no row for what is the same in every phase."""
    grid = difference_table(answer(replicates=3, baseline=True))
    assert grid is not None
    rows = {row[0]: row[1:] for row in grid.rows}
    assert {"goodput", "success", "p99", "amplification", "worker_seconds_waiting"} <= set(rows)
    assert "offered_rate" not in rows
    assert "±" in "".join(rows["goodput"])
    for name, cells in rows.items():
        assert ("pp" in "".join(cells)) == (METRICS[name].unit is Unit.SHARE)
        assert not any("%" in cell for cell in cells)


@pytest.mark.parametrize("width", [WIDE, 100])
def test_replicates_beside_a_baseline_show_intervals(width: int) -> None:
    """Each variant has its own, in one table or in two."""
    shown = answer(replicates=3, baseline=True)
    grids = phase_tables(shown, width)
    assert len(grids) == (1 if width == WIDE else 2)
    cells = [cell for grid in grids for row in grid.rows if row[0] == "goodput" for cell in row]
    assert sum("±" in cell for cell in cells) >= 6
    assert "±" in "".join(cell for row in event_table(shown.result).rows for cell in row)
    assert "±" in "".join(cell for row in service_table(shown.result).rows for cell in row)


def test_what_is_left_out_is_said() -> None:
    """A narrow page names the columns that it has no room for, a wide one has nothing to say."""
    for baseline in (False, True):
        shown = answer(TWO_FAULTS, baseline=baseline)
        assert "no room for" not in as_screen(shown, Page(width=WIDE)).plain
        narrow = " ".join(as_screen(shown, Page(width=80)).plain.split())
        assert "no room for fault:slowness, fault:refuse:store" in narrow
        assert "--format csv has all" in narrow
    assert "no room for whole" in as_screen(answer(baseline=True), Page(width=80)).plain


@pytest.mark.parametrize("width", [50, 60, 80])
@pytest.mark.parametrize("replicates", [1, 3])
@pytest.mark.parametrize("baseline", [False, True])
def test_no_table_is_wider_than_its_page(width: int, replicates: int, baseline: bool) -> None:
    """What does not fit is a table of its own, with the names once more."""
    shown = answer(TWO_FAULTS, replicates=replicates, baseline=baseline)
    text = as_screen(shown, Page(width=width)).plain
    tables_shown = text[text.index("offered_rate") : text.index("· closed")]
    assert max(map(len, tables_shown.splitlines()[:-1])) <= width
    assert "queue_peak" in text
    assert "burn" in text


def test_moments_have_a_line_for_each_variant() -> None:
    """Time to trip is a dash where there is no breaker, and columns without any value go."""
    grid = event_table(answer(baseline=True).result)
    cells = column(grid, "time_to_trip")
    assert cells["without"] == "–"
    assert cells["with"].endswith("s")
    assert "time_to_trip" not in event_table(answer(BARE).result).header


def test_each_service_has_a_line() -> None:
    """Utilisation and queue are shown for each service and phase, the baseline's below."""
    grid = service_table(answer(baseline=True).result)
    assert [row[0] for row in grid.rows] == ["store", "  without breaker"]
    assert [text for text, _ in grid.spans] == ["utilisation", "queue_peak"]


def test_thresholds_come_with_sign_and_value() -> None:
    """A threshold that holds has a tick, one that fails a cross."""
    grid = threshold_table(answer(fail_if=("p99 > 1ms", "p99 > 1h")))
    assert grid is not None
    assert [row[0] for row in grid.rows] == [
        "✓ success{healthy} >= 99%",
        "✗ success{fault} >= 99%",
        "✗ fail if p99 > 1ms",
        "✓ fail if p99 > 1h",
    ]
    assert threshold_table(answer(BARE)) is None


def test_a_condition_to_fail_makes_the_answer_bad() -> None:
    """An answer is good if all thresholds hold and no condition to fail is met."""
    assert answer(BARE).good
    assert not answer(BARE, fail_if=("success > 50%",)).good
    assert answer(BARE, fail_if=("success < 50%",)).good
    assert not answer().good


def test_an_undefined_value_says_why() -> None:
    """A threshold on what never happened fails and has a note."""
    text = GUARDED.replace("success{fault} >= 99%", "time_to_trip < 5s").replace(
        "for: 10s", "for: 0s"
    )
    grid = threshold_table(answer(text))
    assert grid is not None
    row = next(row for row in grid.rows if "time_to_trip" in row[0])
    assert row[0].startswith("✗")
    assert row[1] == "–"
    assert row[-1].startswith("undefined: ")


def test_a_median_of_no_time_is_marked_where_most_were_rejected() -> None:
    """`p50 0 s` under the fault is no speed, and a line below says so."""
    (grid,) = phase_tables(answer(), WIDE)
    assert column(grid, "fault")["p50"] == "0 s*"
    assert not column(grid, "healthy")["p50"].endswith("*")
    assert grid.notes[0].startswith("* flattered by requests that ended fast but not ok")


def test_what_is_undefined_fails_under_both_signs() -> None:
    """A threshold and a condition to fail on what nobody can know are ✗, each with the reason."""
    text = "time_to_trip < 5s"
    shown = answer(BARE, fail_if=(text,))
    grid = threshold_table(shown)
    assert grid is not None
    assert grid.rows == (("✗ fail if time_to_trip < 5s", "–", grid.rows[0][-1]),)
    assert grid.rows[0][-1].startswith("undefined: ")
    assert not shown.good


def test_amplification_stands_at_the_service_where_it_is() -> None:
    """Three layers of two retries: the run's 3 are 27 at the bottom, and 27 is on the page."""
    grid = service_table(answer(LAYERS).result)
    assert ("amplification", 3) in grid.spans
    under_fault = {row[0]: row[-2] for row in grid.rows}
    assert under_fault == {"bottom": "27.0", "edge": "3.00", "middle": "9.00"}
    assert all(text != "amplification" for text, _ in service_table(answer(BARE).result).spans)


def test_client_groups_have_a_table_where_there_are_several() -> None:
    """The fate of one group is not hidden in the mean of all."""
    grid = group_table(answer(TWO_GROUPS).result)
    assert grid is not None
    assert [row[0] for row in grid.rows] == ["prefetch", "users"]
    success = {row[0]: row[2] for row in grid.rows}
    assert success["users"] == "100%"
    assert float(success["prefetch"].rstrip("%")) < 20.0
    assert group_table(answer(BARE).result) is None


def test_the_first_screen_tells_groups_apart_that_fare_differently() -> None:
    """The worst off first; where there is one group, or all fare alike, no line is spent on it."""
    first, other = (run_document(answer(each)).brief for each in (TWO_GROUPS, BARE))
    assert first is not None
    assert other is not None
    lines = screen.as_screen(first, Page()).plain.splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("answered under the fault"))
    worst, best = (re.split(r"  +", line.strip()) for line in lines[place + 1 : place + 3])
    assert worst[0] == "those of prefetch"
    assert float(worst[1].rstrip("%")) < 20.0
    assert best == ["those of users", "100%"]
    assert "those of" not in screen.as_screen(other, Page()).plain


def test_the_headline_says_that_the_breaker_hurt() -> None:
    """A run that is healthy again may still be one that its breaker spoilt."""
    shown = answer(HURT, baseline=True)
    first, second, *_ = as_screen(shown, Page()).plain.splitlines()
    headline = re.match(
        r"the breaker hurt: (\d\d\.\d)% answered under the fault, recovered  hurt, ", first
    )
    assert headline is not None
    assert float(headline[1]) < 50.0
    assert second.startswith("  the breaker hurt: ")
    assert f"**{headline[0].removesuffix('  hurt, ')}**" in as_markdown(shown)
    effect = json.loads(as_json(shown))["effect"]
    assert (effect["effect"], effect["what"]) == ("hurt", "answered")
    (fault,) = [each for each in effect["phases"] if each["phase"] == "fault"]
    assert fault["with"] < 0.5 < 0.95 < fault["without"]
    assert fault["difference"] == fault["with"] - fault["without"]


@pytest.mark.parametrize("baseline", [False, True])
def test_one_breaker_fits_one_screen(baseline: bool) -> None:
    """An answer about one breaker is about forty lines, of at most a hundred columns."""
    text = as_screen(answer(baseline=baseline), Page()).plain
    assert len(text.splitlines()) <= (70 if baseline else 58)
    assert max(map(len, text.splitlines())) <= 100


def test_the_verdict_comes_first_and_the_command_last() -> None:
    """People read the first line and copy the last one."""
    shown = answer(baseline=True)
    first, *_, last = as_screen(shown, Page()).plain.splitlines()
    verdict = shown.result.judgement.verdict.value
    assert f"{verdict}; the breaker made no difference  small, 40s, seed 3" in first
    assert last == "repeat: simcb run small.yaml --seed 3"


def test_a_page_without_unicode_gets_ascii() -> None:
    """Everything on the screen has a counterpart in ASCII, and colours stay on their words."""
    shown = answer(baseline=True)
    text = as_screen(shown, Page(ascii_only=True))
    assert text.plain.isascii()
    coloured = [
        text.plain[span.start : span.end].strip()
        for span in text.spans
        if "D55E00" in str(span.style)
    ]
    assert "FAIL" in coloured


def test_tables_in_ascii_are_as_aligned_as_any() -> None:
    """`ok` and `FAIL` are wider than the signs they stand for, and the header knows."""
    text = as_screen(answer(), Page(ascii_only=True)).plain
    header, *rows = text[text.index("threshold ") :].partition("\n\n")[0].splitlines()
    assert rows
    assert all(row[:5] in ("ok   ", "FAIL ") for row in rows)
    edge = header.index("value") + len("value")
    assert all(row[edge - 1] != " " and row[edge : edge + 1] in ("", " ") for row in rows)


def test_the_numbers_of_a_law_go_on_in_the_next_line() -> None:
    """They are what an audit is asked for: nothing is cut off on a narrow page."""
    shown = answer(laws=True)
    text = as_screen(shown, Page(width=60)).plain
    audit = text[text.index(f"✓ {shown.audits[0][0].name}") :].partition("\n\n")[0]
    assert all(len(line) <= 60 for line in audit.splitlines())
    words = " ".join(audit.split())
    for law in shown.audits[0]:
        assert " ".join(law.detail.split()) in words


def test_laws_are_listed_when_asked_for() -> None:
    """An audit shows every law of the run with its sign."""
    shown = answer(laws=True)
    text = as_screen(shown, Page()).plain
    assert shown.broken_laws == ()
    for law in shown.audits[0]:
        assert f"✓ {law.name}" in text


FULL = """
name: full
duration: 60s
clients:
  shop:
    arrivals: {kind: poisson, rate: 40/s}
    calls: {store: {timeout: 1s, breaker: {failure_threshold: 5, recovery_timeout: 2s}}}
services:
  store: {workers: 3, work: 50ms, queue: {limit: 40}}
faults: [{kind: FAULT, on: store, at: 20s, for: 10s}]
"""


def test_a_number_of_workers_that_decides_is_named() -> None:
    """Where somebody else's service is full; not where it answers nothing at all."""
    for fault, said in (("latency, times: 4", True), ("hang", False), ("errors, rate: 50%", False)):
        result = run(parse_scenario(FULL.replace("FAULT", fault)), baseline="none")
        words = dict(remarks(result).items).get("guess", "")
        assert bool(words) is said
        if said:
            assert words.startswith("store is full under the fault, so its workers, 3, decide this")
            assert words.endswith("--over store.workers=1,3,6")


def test_the_first_screen_says_what_a_change_brought() -> None:
    """The answered share of what follows it, in both variants at the same moment."""
    change = "changes: [{at: 15s, set: {breaker.enabled: false, retry.max_retries: 0}, name: cut}]"
    shown = answer(f"{GUARDED}{change}\n", baseline=True)
    table = answers_table(shown.result, shown.difference)
    (row,) = [each for each in table.rows if each[0] == "changed at 15s: cut"]
    for cell, result in zip(row[1:3], (shown.result, shown.result.baseline), strict=True):
        assert result is not None
        share = result.summary.value("answered", "change:cut")
        assert cell.removesuffix(" answered") == quantity(share, Unit.SHARE)
    assert "change:cut" in as_json(shown)
