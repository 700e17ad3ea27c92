"""An answer as Markdown, for a pull request or a wiki: the tables of the screen."""

from __future__ import annotations

from simcb.views.answer import Answer
from simcb.views.formats.screen import headline, title, verdict_words
from simcb.views.safe_text import markdown_cell, one_line
from simcb.views.tables import (
    difference_table,
    event_table,
    group_table,
    phase_tables,
    service_table,
    threshold_table,
)
from simcb.views.tables.lists import law_list

_ENDLESS = 10_000


def as_markdown(answer: Answer) -> str:
    """Return the answer as Markdown: verdict, thresholds, phases, moments, services."""
    result, baseline = answer.result, answer.result.baseline
    blocks = [
        f"### {markdown_cell(title(result))}",
        f"**{headline(result)}**: {markdown_cell(result.judgement.reason)}",
        *([markdown_cell(result.effect.sentence)] if result.effect else []),
    ]
    if baseline is not None:
        reason = markdown_cell(baseline.judgement.reason)
        blocks.append(f"Without the breaker **{verdict_words(baseline)}**: {reason}")
    judged = threshold_table(answer)
    grids = [*([judged] if judged else []), *phase_tables(answer, _ENDLESS)]
    differences = difference_table(answer)
    groups = group_table(answer)
    grids += [each for each in (differences, groups) if each is not None]
    grids += [event_table(answer), service_table(answer)]
    blocks.extend(grid.markdown() for grid in grids)
    if answer.audits:
        laws = law_list(answer.audits, _ENDLESS).plain.splitlines()
        blocks.append("\n".join(f"- {markdown_cell(line)}" for line in laws))
    if answer.repeat:
        blocks.append(_code(one_line(answer.repeat, _ENDLESS)))
    return "\n\n".join(blocks) + "\n"


def _code(line: str) -> str:
    """Return a fenced line of code, its fence longer than any run of backticks inside."""
    fence = "```"
    while fence in line:
        fence += "`"
    return f"{fence}console\n{line}\n{fence}"
