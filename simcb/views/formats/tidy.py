"""An answer as a tidy CSV table: one line for each variant, metric, phase and service."""

from __future__ import annotations

import csv
import io
import math

from simcb.views.answer import Answer
from simcb.views.safe_text import csv_cell

HEADER = ("variant", "metric", "unit", "phase", "of", "mean", "low", "high", "alike")

SCENARIO, BASELINE, DIFFERENCE = "scenario", "baseline", "difference"
"""What the variants are called in files; the difference is scenario − baseline."""


def as_csv(answer: Answer) -> str:
    """Return every metric as CSV; an undefined value is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    baseline = answer.result.baseline
    summaries = {SCENARIO: answer.result.summary}
    if baseline is not None and answer.difference is not None:
        summaries |= {BASELINE: baseline.summary, DIFFERENCE: answer.difference}
    for variant, summary in summaries.items():
        for item in summary:
            words = (variant, item.name, item.unit.value, item.phase, item.of)
            numbers = (item.estimate.mean, item.estimate.low, item.estimate.high)
            alike = item.estimate.alike
            writer.writerow([*map(csv_cell, words), *map(number_cell, numbers), alike])
    return text.getvalue()


def number_cell(value: float | None) -> str:
    """Return a measured value as a cell: empty if undefined, `never` if it never came."""
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "never" if value > 0 else "-never"
    return repr(float(value))
