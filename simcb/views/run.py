"""What a run says: its verdict, its thresholds, its numbers by phase, and its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from rich.text import Text

from simcb.metrics import (
    Effect,
    Law,
    Summary,
    ThresholdResult,
    Verdict,
    audit,
    check_thresholds,
    judge,
    state_intervals,
    summarise_difference,
)
from simcb.metrics.phase import FAULT, WHOLE
from simcb.scenario import Scenario, Threshold, parse_threshold
from simcb.studies import Result
from simcb.trace import Trace
from simcb.views import document as doc
from simcb.views.answers import answers_table, proposal, remarks
from simcb.views.document import FAILED, PASSED, Block, CheckResult, Document, Entries, Figure, Tone
from simcb.views.files import EVENTS, SERIES, TIMELINE, write_text
from simcb.views.quantities import clock
from simcb.views.run_data import (
    event_lines,
    run_measures,
    run_object,
    run_rows,
    series_lines,
    variants_of,
)
from simcb.views.run_tables import (
    difference_table,
    event_table,
    group_table,
    headline,
    judged_value,
    phase_table,
    service_table,
    threshold_table,
    verdict_words,
)
from simcb.views.safe_text import one_line
from simcb.views.strip import state_strip

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

MOST_MISSED = 5
"""Thresholds that fail of which a first screen has room for a line each."""

WELL_ANSWERED = 0.9
"""Share of a fault's requests below which a run that recovered is fair at best."""

TONES = {
    Verdict.UNHARMED: Tone.GOOD,
    Verdict.UNDECIDED: Tone.FAIR,
    Verdict.RECOVERED: Tone.GOOD,
    Verdict.DEGRADED: Tone.FAIR,
    Verdict.COLLAPSED: Tone.BAD,
}

_TIMELINE_CAPTION = (
    "Over simulated time: the faults and what each breaker did, the latency of requests that "
    "ended ok, the load on the services, and what became of the requests."
)


@dataclass(frozen=True)
class Answer:
    """A result as it is presented.

    Args:
        result: what was run, and what came out.
        fail_if: conditions under which the caller wants the run to count as failed; good is one
            that is shown not to hold. One that is undefined is not.
        repeat: the command that gives the same answer.
        audits: the laws held against each run, those run beside it after the scenario's; empty if
            that was not asked for.
        source: what names the scenario on a command line, to propose the next one; "" if it
            has no name there.
        tags: what the user calls it, key to value.
    """

    result: Result
    fail_if: tuple[ThresholdResult, ...] = ()
    repeat: str = ""
    audits: tuple[tuple[Law, ...], ...] = ()
    source: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def difference(self) -> Summary | None:
        """What the breaker changes: every metric with it minus without it, replicate by replicate.

        None if there is no baseline.
        """
        if self.result.baseline is None:
            return None
        without = [run.measures for run in self.result.baseline.runs]
        return summarise_difference(without, [run.measures for run in self.result.runs])

    @property
    def broken_laws(self) -> tuple[Law, ...]:
        """The laws that a run breaks: a mistake of the simulator, never of the scenario."""
        return tuple(law for audit in self.audits for law in audit if not law.holds)

    @property
    def good(self) -> bool:
        """True if every threshold holds and every condition to fail is shown not to."""
        return self.result.passed and all(each.fails for each in self.fail_if)


def conditions_of(texts: Sequence[str], scenario: Scenario) -> tuple[Threshold, ...]:
    """Return the conditions under which a run of `scenario` is to count as failed.

    Raises:
        ThresholdError: one is about what does not exist.
    """
    conditions = tuple(parse_threshold(text) for text in texts)
    check_thresholds(conditions, scenario)
    return conditions


def answer_of(
    result: Result,
    conditions: Sequence[Threshold] = (),
    *,
    laws: bool = False,
    repeat: str = "",
    source: str = "",
    tags: Mapping[str, str] | None = None,
) -> Answer:
    """Hold conditions, and the laws if they are asked for, against a result."""
    judged = judge(conditions, result.summary)
    return Answer(result, judged, repeat, audited(result) if laws else (), source, tags or {})


def audited(result: Result) -> tuple[tuple[Law, ...], ...]:
    """Hold the exact laws against every run of a result, and of what was run beside it."""
    return tuple(audit(run.trace) for _, each in variants_of(result) for run in each.runs)


def run_document(answer: Answer) -> Document:
    """Return what a run says."""
    result, baseline = answer.result, answer.result.baseline
    verdicts = [_verdict(result)]
    if baseline is not None:
        verdicts.append(replace(_verdict(baseline), about="without the breaker"))
    document = Document(
        title(result),
        lambda: (
            run_object(answer.result, answer.fail_if, answer.difference, answer.audits)
            | {"passed": answer.good, "repeat": answer.repeat}
        ),
        lambda: run_rows(result, answer.difference),
        verdicts=tuple(verdicts),
        blocks=tuple(_blocks(answer)),
        checks=tuple(_checks(answer)),
        measures=lambda: run_measures(result),
        facts={"seed": str(result.seed), "replicates": str(len(result.runs))}
        | {"verdict": verdict_words(result), "digest": result.digest},
        next=proposal(result, answer.source),
        repeat=answer.repeat,
        files={
            SERIES: lambda path: write_text(path, series_lines(_traces(result), tags=answer.tags)),
            EVENTS: lambda path: write_text(path, event_lines(_traces(result))),
        },
        sources={"The scenario as it was run": result.scenario.to_yaml},
        versions=result.trace.versions,
    )
    brief = replace(
        document,
        title=f"{document.title}{_held(answer)}",
        verdicts=(replace(verdicts[0], reason="", sentences=()),),
        blocks=tuple(_first_screen(answer)),
    )
    return replace(document, brief=brief).tagged(answer.tags)


def _held(answer: Answer) -> str:
    """Return how many thresholds hold, to be said after what was run; "" if there are none."""
    good = [each.passed for each in answer.result.thresholds]
    good += [each.fails for each in answer.fail_if]
    return f"; {sum(good)} of {len(good)} thresholds hold" if good else ""


def title(result: Result) -> str:
    """Return what was run, in a line: name, length, seed, replicates."""
    words = [one_line(result.scenario.name, 80), clock(result.scenario.duration)]
    words.append(f"seed {result.seed}")
    if len(result.runs) > 1:
        words.append(
            f"{len(result.runs)} replicates, means and 95% intervals, none where all are alike"
        )
        if any(fault.by_lot for fault in result.scenario.faults):
            words.append("the faults' times drawn anew in each")
    return ", ".join(words)


def _verdict(result: Result) -> doc.Verdict:
    judgement = result.judgement
    reason = one_line(judgement.reason, 1000)
    if len(result.runs) > 1:
        reason = f"{judgement.verdict.value}: {reason}"
    return doc.Verdict(
        headline(result),
        _tone(result),
        reason,
        (result.effect.sentence,) if result.effect else (),
    )


def _tone(result: Result) -> Tone:
    effect, phases = result.effect, result.measures.phases
    if effect is not None and effect.effect is Effect.HURT:
        return Tone.BAD
    tone = TONES[result.judgement.verdict]
    answered = result.summary.value("answered", FAULT if FAULT in phases else WHOLE)
    # It is over, and was bad: no green for that.
    spoilt = tone is Tone.GOOD and answered is not None and answered < WELL_ANSWERED
    return Tone.FAIR if spoilt else tone


def _first_screen(answer: Answer) -> Iterator[Block]:
    result = answer.result
    yield answers_table(result, answer.difference)
    missed = threshold_table(result, answer.fail_if, missed_only=True)
    if missed is not None:
        hidden = len(missed.rows) - MOST_MISSED
        notes = (f"and {hidden} more that fail; --details has all",) if hidden > 0 else ()
        yield replace(missed, rows=missed.rows[:MOST_MISSED], notes=notes)
    yield remarks(result)
    if answer.broken_laws:
        yield _laws(answer.audits)
    elif answer.audits:
        yield f"audit: all {len(answer.audits[0])} laws hold in every run"


def _blocks(answer: Answer) -> Iterator[Block]:
    result = answer.result
    yield answers_table(result, answer.difference)
    yield remarks(result)
    tables = (
        threshold_table(result, answer.fail_if),
        phase_table(result),
        difference_table(result, answer.difference),
        group_table(result),
        event_table(result),
        service_table(result),
    )
    yield from (each for each in tables if each is not None)
    yield Figure(
        TIMELINE,
        lambda: _timeline(result),
        _TIMELINE_CAPTION,
        lambda width: _sketch(result, width),
    )
    if answer.audits:
        yield _laws(answer.audits)


def _checks(answer: Answer) -> Iterator[CheckResult]:
    name = answer.result.scenario.name
    judged = [(each, each.text, each.passed, "threshold") for each in answer.result.thresholds]
    judged += [(each, f"fail if {each.text}", each.fails, "fail-if") for each in answer.fail_if]
    for each, text, good, kind in judged:
        note = f"; {each.note}" if each.note else ""
        problem = "" if good else f"measured {judged_value(each)}{note}"
        yield CheckResult(name, text, problem, kind)
    if not judged:
        # A report without a case reads as if nothing had been run.
        yield CheckResult(name, "the scenario runs")
    for sign, law in _shown_laws(answer.audits):
        yield CheckResult(
            f"{name}, laws", law.name, "" if sign == PASSED else law.detail, "law", True
        )


def _traces(result: Result) -> Iterator[tuple[str, Trace]]:
    for variant, each in variants_of(result):
        yield from ((variant, run.trace) for run in each.runs)


def _shown_laws(audits: Sequence[Sequence[Law]]) -> Iterator[tuple[str, Law]]:
    """Yield every law with its sign; of several runs, a broken one's or the first's.

    Args:
        audits: each run's laws, the same ones in the same order.
    """
    for each in zip(*audits, strict=True):
        shown = next((law for law in each if not law.holds), each[0])
        yield PASSED if shown.holds else FAILED, shown


def _laws(audits: Sequence[Sequence[Law]]) -> Entries:
    found = (
        (sign, one_line(law.name), one_line(law.detail, 2000)) for sign, law in _shown_laws(audits)
    )
    return Entries(tuple((f"{sign} {name}", detail) for sign, name, detail in found))


def _timeline(result: Result) -> Picture:
    # matplotlib is slow to load, and only a figure needs it.
    from simcb.views.plots import timeline

    return timeline(result)


def _sketch(result: Result, width: int) -> Text:
    trace = result.trace
    strip = state_strip(
        trace.layout.breakers,
        state_intervals(trace),
        trace.layout.faults,
        trace.duration,
        width,
        trace.layout.breaker_count,
        trace.layout.changes,
        {
            service.name: [each.at for each in fallen]
            for index, service in enumerate(trace.layout.services)
            if (fallen := trace.layout.crashes_of(index))
        },
    )
    if len(result.runs) == 1:
        return strip
    return Text("breakers in the first replicate", "bold").append("\n").append_text(strip)
