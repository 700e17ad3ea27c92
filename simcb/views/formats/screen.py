"""An answer as one screen of a terminal: the verdict first, then why, then the numbers.

People drown in numbers, so what is shown fits about forty lines for one breaker; everything
else is in the other formats.
"""

from __future__ import annotations

import textwrap
from itertools import pairwise

from rich.text import Text

from simcb.metrics import Effect, Verdict, state_intervals
from simcb.studies import Result
from simcb.views.answer import Answer, Page
from simcb.views.safe_text import one_line, to_ascii
from simcb.views.tables import (
    clock,
    difference_table,
    event_table,
    group_table,
    phase_tables,
    service_table,
    state_strip,
    threshold_table,
)
from simcb.views.tables.lists import law_list
from simcb.views.tables.run import FAILED, PASSED

GOOD, BAD = "#56B4E9", "#D55E00"

VERDICT_STYLES = {
    Verdict.UNHARMED: f"bold {GOOD}",
    Verdict.RECOVERED: f"bold {GOOD}",
    Verdict.DEGRADED: "bold #F0E442",
    Verdict.COLLAPSED: f"bold {BAD}",
}

WIDEST_PROSE = 100


def as_screen(answer: Answer, page: Page) -> Text:
    """Return the answer for a terminal of the page's width."""
    blocks = [_head(answer, page)]
    judged = threshold_table(answer)
    if judged is not None:
        blocks.append(_signs_coloured(judged.text(ascii_only=page.ascii_only)))
    differences = difference_table(answer)
    grids = [*phase_tables(answer, page.width), *([differences] if differences else [])]
    groups = group_table(answer)
    grids += [*([groups] if groups else []), event_table(answer), service_table(answer)]
    parts = [part for grid in grids for part in grid.split(page.width)]
    blocks.extend(part.text(ascii_only=page.ascii_only) for part in parts)
    blocks.append(_strip(answer.result, page))
    if answer.audits:
        blocks.append(_signs_coloured(law_list(answer.audits, page.width)))
    if answer.repeat:
        blocks.append(Text("repeat: ", "dim").append(one_line(answer.repeat, 4000)))
    text = Text("\n\n").join(blocks).append("\n")
    return _in_ascii(text) if page.ascii_only else text


def verdict_words(result: Result) -> str:
    """Return the verdict in words; of several replicates, how many ended in which."""
    if len(result.runs) == 1:
        return result.judgement.verdict.value
    each = ", ".join(f"{verdict.value} in {count}" for verdict, count in result.verdicts.items())
    return f"{each} of {len(result.runs)}"


def headline(result: Result) -> str:
    """Return the verdict and, beside a baseline, what the breaker did."""
    verdict, effect = verdict_words(result), result.effect
    return f"{verdict}, {effect.words}" if effect else verdict


def title(result: Result) -> str:
    """Return what was run, in a line: name, length, seed, replicates."""
    words = [one_line(result.scenario.name, 80), clock(result.scenario.duration)]
    words.append(f"seed {result.seed}")
    if len(result.runs) > 1:
        words.append(
            f"{len(result.runs)} replicates, means and 95% intervals, none where all are alike"
        )
    return ", ".join(words)


def _head(answer: Answer, page: Page) -> Text:
    result, baseline = answer.result, answer.result.baseline
    text = _verdict(result, title(result), page)
    if baseline is not None:
        text.append("\n").append_text(_verdict(baseline, "without the breaker", page))
    return text


def _verdict(result: Result, what: str, page: Page) -> Text:
    hurt = result.effect is not None and result.effect.effect is Effect.HURT
    style = f"bold {BAD}" if hurt else VERDICT_STYLES[result.judgement.verdict]
    text = Text().append(headline(result), style)
    text.append(f"  {what}")
    reason = one_line(result.judgement.reason, 1000)
    if len(result.runs) > 1:
        reason = f"{result.judgement.verdict.value}: {reason}"
    width = max(40, min(page.width, WIDEST_PROSE))
    for sentence in ([result.effect.sentence] if result.effect else []) + [reason]:
        for line in textwrap.wrap(sentence, width, initial_indent="  ", subsequent_indent="  "):
            text.append(f"\n{line}")
    return text


def _strip(result: Result, page: Page) -> Text:
    trace = result.trace
    strip = state_strip(
        trace.layout.breakers,
        state_intervals(trace),
        trace.layout.faults,
        trace.duration,
        min(page.width, WIDEST_PROSE),
        trace.layout.breaker_count,
    )
    if len(result.runs) == 1:
        return strip
    return Text("breakers in the first replicate", "bold").append("\n").append_text(strip)


def _signs_coloured(text: Text) -> Text:
    for sign, style in ((PASSED, GOOD), (FAILED, f"bold {BAD}")):
        text.highlight_words([sign, to_ascii(sign)], style)
    return text


def _in_ascii(text: Text) -> Text:
    """Return the text in ASCII; what has no counterpart of the same width loses its style."""
    pieces = Text()
    edges = {edge for span in text.spans for edge in (span.start, span.end)}
    starts = sorted({0, len(text), *edges})
    for start, end in pairwise(starts):
        piece = text[start:end]
        style = piece.spans[-1].style if piece.spans else ""
        pieces.append(to_ascii(piece.plain), style)
    return pieces
