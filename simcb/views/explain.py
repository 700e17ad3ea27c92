"""What predictions say: each number with its formula, and the numbers in the formula."""

from __future__ import annotations

import math
import shlex
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from simcb.metrics import Per, Unit, metric_named
from simcb.predictions import (
    MEANINGS,
    Answer,
    Prediction,
    Predictions,
    Sureness,
    answer,
    driving_lines,
    findings,
    predictions_of_metric,
)
from simcb.scenario.units import format_duration
from simcb.views.data import number
from simcb.views.document import Block, Document, Entries, JsonValue, Page, Row, Table
from simcb.views.html import card
from simcb.views.lists import OF_A_GROUP
from simcb.views.quantities import NEVER, quantity
from simcb.views.safe_text import one_line, to_ascii

MARKS = {Sureness.EXACT: "", Sureness.ABOUT: "≈ ", Sureness.MOST: "≤ ", Sureness.LEAST: "≥ "}
_FIRST_SCREEN = 26
"""Rows of predictions that a first screen has room for."""

_SMALLEST = 1e-6
"""Seconds, and a share, below which a wait or a loss is none."""

_COLUMNS = (
    "name", "subject", "fault", "value", "unit", "sureness", "formula", "numbers", "valid",
    "remark", "lines",
)  # fmt: skip


def explain_document(
    found: Predictions,
    topic: str | None = None,
    metric: str | None = None,
    *,
    source: str = "",
    repeat: str = "",
) -> Document:
    """Return what predictions say: all of them, the answer to a question, or of a metric.

    Args:
        found: the predictions.
        topic: the question.
        metric: the metric.
        source: what the user called the scenario, for the commands that are named.
        repeat: the command that gives the same.

    Raises:
        UnknownNumberError: there is no such topic or metric.
    """
    name = shlex.quote(source or found.scenario.name)
    if topic is not None:
        return replace(_answered(found, answer(found, topic), name), repeat=repeat)
    if metric is not None:
        return replace(_of_a_metric(found, metric, name), repeat=repeat)
    first, *also = findings(found)
    told = [("supposed" if s.startswith("supposed: ") else "also", s) for s in also]
    told += [("warning", sentence) for sentence in found.warnings]
    warned = (Entries(tuple((n, s.removeprefix(f"{n}: ")) for n, s in told)),) if told else ()
    full = Document(
        f"{found.scenario.name}: from formulas, before any run",
        lambda: _object(found, found.items),
        lambda: _rows(found.items),
        findings=(first,),
        blocks=(*warned, _table(found.items), _legend(found.items)),
        next=f"simcb explain {name} never-opens",
        repeat=repeat,
    )
    chosen = _most_telling(found.items)
    rest = len(found.items) - len(chosen)
    short: list[Block] = [*warned, _table(chosen)]
    more = f"{rest} more, and " if rest else ""
    short.append(f"--details has {more}what each supposes; --topics lists eleven questions to ask")
    return replace(full, brief=replace(full, blocks=tuple(short)))


def _most_telling(items: tuple[Prediction, ...]) -> tuple[Prediction, ...]:
    """Return what a first screen has room for: the least telling of the services go first."""
    chosen = [each for each in items if MEANINGS[each.name].first]
    while len(chosen) > _FIRST_SCREEN:
        last = min(chosen, key=lambda each: (-MEANINGS[each.name].rank, each.value or 0.0))
        chosen.remove(last)
    return tuple(chosen)


def _table(items: Iterable[Prediction]) -> Table:
    """Return predictions as a table, those of one service or call together."""
    groups = [(name, [*each]) for name, each in groupby(items, key=lambda each: each.subject)]
    rows, sections = [], []
    for subject, each in groups:
        rows += [_row(one) for one in each]
        sections.append((subject, (), len(each)))
    header = ("", "value", "formula, with its numbers")
    narrow = tuple(row[:2] for row in rows)
    table = Table(header, tuple(rows), words=frozenset({2}), sections=tuple(sections))
    table = replace(table, section_header=("of",))
    less = replace(table, header=header[:2], rows=narrow, words=frozenset())
    return replace(table, narrower=((less,),))


def _row(each: Prediction) -> tuple[str, str, str]:
    meaning = MEANINGS[each.name]
    label = f"{meaning.label} {each.fault}".strip()
    how = each.symbols
    worked = _worked(each)
    if how.startswith("M/"):
        how = worked
    elif worked != how:
        how = f"{how} = {worked}" if len(how) + len(worked) < 44 else worked
    if each.remark:
        how = f"{how}; {each.remark}" if how else each.remark
    shown = _shown(each.value, each.unit)
    mark = "" if shown.startswith((">", "<", NEVER)) else MARKS[each.sureness]
    return one_line(label, 44), mark + shown, how


def _worked(each: Prediction) -> str:
    """Return the formula with its numbers in the places of its symbols."""
    return each.formula.format(
        **{symbol: _shown(one.value, one.unit) for symbol, one in each.numbers}
    )


def _shown(value: float | None, unit: Unit) -> str:
    """Return a number as people read it; long times in minutes, hours and days."""
    if value is not None and unit is Unit.SECONDS and 120.0 <= value < math.inf:
        for size, word in ((31_557_600.0, "years"), (86_400.0, "d"), (3600.0, "h")):
            if value >= 2.0 * size:
                amount = value / size
                if amount >= 10_000.0:
                    return f">10,000 {word}"
                return f"{amount:,.3g} {word}" if amount < 1000 else f"{amount:,.0f} {word}"
        return f"{value / 60.0:.3g} min"
    if value is not None and unit in (Unit.SECONDS, Unit.SHARE) and 0.0 < value < _SMALLEST:
        return "0 s" if unit is Unit.SECONDS else "<0.0001%"
    if unit is Unit.RATIO and value == math.inf:
        return "∞"
    return quantity(value, unit) if value != math.inf else NEVER


def _legend(items: Iterable[Prediction]) -> Block:
    """Return what each prediction supposes, and which lines of the file it comes from."""
    return Entries(
        tuple(
            (
                f"{each.subject}: {MEANINGS[each.name].label} {each.fault}".strip(),
                _supposed(each),
            )
            for each in items
        )
    )


def _supposed(each: Prediction) -> str:
    words = [f"{each.sureness.value}{f', if {each.valid}' if each.valid else ''}"]
    if each.lines:
        words.append(f"from {', '.join(each.lines)}")
    return "; ".join(words)


def _answered(found: Predictions, said: Answer, source: str) -> Document:
    """Return the document of an answer to a question."""
    blocks: list[Block] = [Entries(tuple(("answer", each) for each in said.sentences))]
    if said.rows:
        words = frozenset(range(1, len(said.header))) if said.wordy else frozenset()
        cells = tuple(tuple(_cell(each) for each in row) for row in said.rows)
        blocks.append(Table(said.header, cells, words=words))
    blocks.append(Entries((("formulas cannot know", said.unknown),)))
    return Document(
        f"{found.scenario.name}: from formulas, before any run",
        lambda: {
            "scenario": found.scenario.name,
            "topic": said.topic,
            "question": said.question,
            "sentences": [*said.sentences],
            "header": [*said.header],
            "table": [[_plain(each) for each in row] for row in said.rows],
            "unknown": said.unknown,
            "command": said.command.format(source=source),
        },
        lambda: iter((said.header, *(tuple(_plain(one) for one in row) for row in said.rows))),
        findings=(said.question,),
        blocks=tuple(blocks),
        next=said.command.format(source=source),
    )


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return _shown(value[0], value[1])
    return one_line(str(value), 200)


def _plain(value: object) -> str | float | None:
    if isinstance(value, tuple):
        return number(value[0])
    return str(value)


def _of_a_metric(found: Predictions, name: str, source: str) -> Document:
    """Return how a metric comes about: its definition, predictions, and the lines behind it."""
    metric = metric_named(name)
    items = predictions_of_metric(found, name)
    lines = driving_lines(found, items)
    paragraphs = metric.definition.split("\n\n")
    blocks: list[Block] = [" ".join(each.split()) for each in paragraphs]
    if Per.GROUP in metric.per:
        blocks.append(OF_A_GROUP)
    blocks.append(f"Undefined where {metric.undefined}.")
    if items:
        blocks.append(_table(items))
    else:
        blocks.append("No formula here gives it for this scenario; a run measures it.")
    blocks.append(Entries((("lines of the file", ", ".join(lines) or "all of it"),)))
    return Document(
        f"{found.scenario.name}; {metric.unit.value}, per {metric.per.words}",
        lambda: {**_object(found, items), "metric": name, "definition": metric.definition},
        lambda: _rows(items),
        findings=(f"{name}: {metric.summary}",),
        blocks=tuple(blocks[1:]),
        next=f"simcb run {source} --details",
    )


def topic_list(topics: Mapping[str, str], page: Page) -> str:
    """Return the questions by their names."""
    widest = max(map(len, topics))
    lines = [
        line
        for name, question in topics.items()
        for line in textwrap.wrap(
            f"{name:<{widest}}  {question}",
            max(page.width, 40),
            subsequent_indent=" " * (widest + 2),
        )
    ]
    text = "\n".join([*lines, "", "simcb explain SCENARIO TOPIC answers one for a scenario."])
    return (to_ascii(text) if page.ascii_only else text) + "\n"


def _object(found: Predictions, items: Iterable[Prediction]) -> dict[str, JsonValue]:
    return {
        "scenario": found.scenario.name,
        "duration": format_duration(found.scenario.duration),
        "findings": [*findings(found)],
        "warnings": [*found.warnings],
        "predictions": [_prediction_object(each) for each in items],
    }


def _prediction_object(each: Prediction) -> dict[str, JsonValue]:
    values: dict[str, JsonValue] = {
        symbol: {"value": number(one.value), "unit": one.unit.value} for symbol, one in each.numbers
    }
    return {
        "name": each.name,
        "subject": each.subject,
        "fault": each.fault,
        "value": number(each.value),
        "unit": each.unit.value,
        "sureness": each.sureness.value,
        "formula": each.symbols,
        "numbers": values,
        "valid": each.valid,
        "remark": each.remark,
        "lines": [*each.lines],
    }


def _rows(items: Iterable[Prediction]) -> Iterator[Row]:
    yield _COLUMNS
    for each in items:
        yield (
            *(each.name, each.subject, each.fault, each.value, each.unit.value),
            *(each.sureness.value, each.symbols, _worked(each), each.valid, each.remark),
            " ".join(each.lines),
        )


@dataclass(frozen=True, repr=False, eq=False)
class ExplainView:
    """What formulas say of a scenario, as one looks at it in a notebook.

    Args:
        predictions: what they say.
        topic: the question that is answered, if one is.
        metric: the metric that is explained, if one is.
    """

    predictions: Predictions
    topic: str | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        # A wrong name is refused where it was written, not where the card is shown.
        explain_document(self.predictions, self.topic, self.metric)

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions.items)

    def of(self, name: str, subject: str = "", fault: str = "") -> tuple[Prediction, ...]:
        """Return the predictions of a name; of one service or call, and fault, if given."""
        return self.predictions.of(name, subject, fault)

    def __repr__(self) -> str:
        name = one_line(self.predictions.scenario.name, 80)
        return f"<explained {name!r}: {one_line(findings(self.predictions)[0])}>"

    def _repr_html_(self) -> str:
        document = explain_document(self.predictions, self.topic, self.metric)
        return card(document.brief or document)
