"""A document, of whatever study, goes through every output, and no text in it means anything."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from simcb.views.document import (
    CheckResult,
    Document,
    Entries,
    JsonValue,
    Measure,
    Page,
    Row,
    Table,
    Tone,
    Verdict,
)
from simcb.views.formats import Format, render
from simcb.views.html import card

HOSTILE = "\x1b[31m<b>=1+1|`x`\r\n"


def data() -> dict[str, JsonValue]:
    return {"name": HOSTILE, "value": None}


def rows() -> list[Row]:
    return [("name", "value"), (HOSTILE, float("nan")), ("late", float("inf"))]


def document(text: str) -> Document:
    """Return a document that says the same text wherever one can stand."""
    table = Table(
        (text, text),
        ((text, text),),
        spans=((text, 1),),
        title=text,
        notes=(text,),
        sections=((text, (text,), 1),),
        section_header=(text, text),
    )
    return Document(
        text,
        data,
        lambda: iter(rows()),
        verdicts=(Verdict(text, Tone.BAD, text, (text,)), Verdict(text, Tone.GOOD, text, (), text)),
        findings=(text, text),
        blocks=(table, Entries(((text, text),)), text),
        summary=text,
        checks=(CheckResult(text, text, text), CheckResult(text, text)),
        measures=lambda: iter([Measure("p99", "s", text, {"scenario": text}, 1.0, 0.5, None)]),
        facts={text: text},
        repeat=text,
    )


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("form", list(Format))
def test_no_text_reaches_an_output_raw(form: Format, ascii_only: bool) -> None:
    """What a terminal would act upon is shown, wherever in a document it stands."""
    written = render(document(HOSTILE), form, Page(80, ascii_only)).plain
    assert all(char.isprintable() or char == "\n" for char in written)
    if form is not Format.CSV:
        assert "u001b" in written or "x1b" in written


def test_no_text_is_markup_on_a_card() -> None:
    """A card has the tags that it is made of and no others."""
    html = card(document(HOSTILE))
    assert "\x1b" not in html
    assert {*re.findall(r"<(\w+)", html)} <= {"div", "b", "span", "table", "tr", "td", "th"}
    assert html.count("<b>") == 2
    assert html.count("&lt;b&gt;") >= 20


def test_every_part_is_said_in_words() -> None:
    """Screen, Markdown and card leave nothing out."""
    for form in (Format.TABLE, Format.MD):
        assert render(document("words"), form, Page()).plain.count("words") >= 18
    assert card(document("words")).count("words") >= 20


def test_data_and_rows_are_in_full() -> None:
    """Programs get what the study gives them, undefined and never told apart."""
    found = json.loads(render(document(""), Format.JSON, Page()).plain)
    assert (found["name"], found["value"], found["schema_version"]) == (HOSTILE, None, 1)
    read = list(csv.reader(io.StringIO(render(document(""), Format.CSV, Page()).plain)))
    assert read[0] == ["name", "value"]
    assert read[1][1] == ""
    assert read[2] == ["late", "never"]
