"""A result as a small card for a notebook: the verdict, why, the thresholds, a few numbers.

The card is one piece of HTML with its styles inside and nothing to fetch. Every name on it
comes from whoever wrote the scenario and is escaped; colours are left to the notebook's
theme but for the verdict's.
"""

from __future__ import annotations

from html import escape

from simcb.metrics import METRICS, ThresholdResult, Verdict
from simcb.scenario.model import PHASES
from simcb.studies import Result
from simcb.views.answer import Answer
from simcb.views.formats.screen import headline, title
from simcb.views.safe_text import one_line
from simcb.views.tables.quantities import quantity
from simcb.views.tables.run import FAILED, PASSED, WITH, WITHOUT, cell_with_interval

KEY_METRICS = ("success", "goodput", "p99", "success_p99", "downstream_rate")
"""The numbers on a card: how many were served, how fast, and at what load."""

WHOLE = "whole"

MOST_THRESHOLDS = 12

VERDICT_COLORS = {
    Verdict.UNHARMED: ("#56B4E9", "#000000"),
    Verdict.RECOVERED: ("#56B4E9", "#000000"),
    Verdict.DEGRADED: ("#F0E442", "#000000"),
    Verdict.COLLAPSED: ("#D55E00", "#ffffff"),
}

_CARD = "max-width:60em;border:1px solid #8884;border-radius:6px;padding:.7em 1em;margin:.2em 0"
_BADGE = "border-radius:4px;padding:.1em .5em;font-weight:600"
_FAINT = "opacity:.65"
_NUMBER = "text-align:right;padding:.1em .7em;font-variant-numeric:tabular-nums"
_WORD = "text-align:left;padding:.1em .7em .1em 0;white-space:nowrap"


def card(answer: Answer) -> str:
    """Return the card of an answer as HTML."""
    result = answer.result
    parts = [
        f'<div style="margin-bottom:.4em"><b>{_safe(title(result))}</b></div>',
        _verdict(result, ""),
    ]
    if result.baseline is not None:
        parts.append(_verdict(result.baseline, "without the breaker: "))
    parts += [_thresholds(answer), _numbers(result)]
    return f'<div style="{_CARD}">{"".join(parts)}</div>'


def _safe(text: str) -> str:
    return escape(one_line(text))


def _verdict(result: Result, what: str) -> str:
    paper, ink = VERDICT_COLORS[result.judgement.verdict]
    badge = f'<span style="{_BADGE};background:{paper};color:{ink}">{headline(result)}</span>'
    effect = f"<div>{_safe(result.effect.sentence)}</div>" if result.effect else ""
    return f"<div>{what}{badge} {_safe(result.judgement.reason)}</div>{effect}"


def _thresholds(answer: Answer) -> str:
    judged = [(each, each.passed, each.text) for each in answer.result.thresholds]
    judged += [(each, each.fails, f"fail if {each.text}") for each in answer.fail_if]
    if not judged:
        return ""
    lines = [_threshold(*each) for each in judged[:MOST_THRESHOLDS]]
    if left_out := len(judged) - len(lines):
        missed = sum(not good for _, good, _ in judged[MOST_THRESHOLDS:])
        lines.append(f'<div style="{_FAINT}">and {left_out} more, {missed} of them missed</div>')
    return f'<div style="margin:.4em 0">{"".join(lines)}</div>'


def _threshold(each: ThresholdResult, good: bool, text: str) -> str:
    value = quantity(each.value, METRICS[each.metric].unit)
    note = f", {_safe(each.note)}" if each.note else ""
    sign, weight = (PASSED, "400") if good else (FAILED, "600")
    return (
        f'<div style="font-weight:{weight}">{sign} <code>{_safe(text)}</code> '
        f'<span style="{_FAINT}">is {value}{note}</span></div>'
    )


def _numbers(result: Result) -> str:
    there = result.measures.phases
    phases = [phase for phase in PHASES if phase in there] or [WHOLE]
    variants = [(WITH, result)]
    if result.baseline is not None:
        variants.append((WITHOUT, result.baseline))
    heads = "".join(
        f'<th style="{_NUMBER}" colspan="{len(variants)}">{phase}</th>' for phase in phases
    )
    rows = [f'<tr><th style="{_WORD}"></th>{heads}</tr>']
    if len(variants) > 1:
        names = "".join(f'<td style="{_NUMBER};{_FAINT}">{name}</td>' for name, _ in variants)
        rows.append(f'<tr><td style="{_WORD};{_FAINT}">breaker</td>{names * len(phases)}</tr>')
    for metric in KEY_METRICS:
        cells = [
            f'<td style="{_NUMBER};{_FAINT if name == WITHOUT else ""}">'
            f"{_safe(cell_with_interval(each, metric, phase))}</td>"
            for phase in phases
            for name, each in variants
        ]
        rows.append(f'<tr><td style="{_WORD}">{metric}</td>{"".join(cells)}</tr>')
    return f'<table style="margin-top:.4em;border-collapse:collapse">{"".join(rows)}</table>'
