import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.views.safe_text import csv_cell, markdown_cell, one_line, to_ascii


@given(st.text())
def test_no_control_character_reaches_one_line(text: str) -> None:
    """Escape sequences and line breaks become characters that can be seen."""
    assert one_line(text).isprintable()


@given(st.text(min_size=1))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    """A spreadsheet reads a name as a name, also after a round trip through a CSV file."""
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(file.getvalue())))
    assert not cell.startswith(("=", "+", "-", "@")) or float(cell) is not None


@pytest.mark.parametrize("number", ["-1", "+2.5", "-3e-5", "-.5", "-7."])
def test_a_number_keeps_its_sign(number: str) -> None:
    """A negative number is no formula."""
    assert csv_cell(number) == number


@pytest.mark.parametrize("formula", ["=1+1", "+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1"])
def test_a_formula_gets_an_apostrophe(formula: str) -> None:
    """The apostrophe is what spreadsheets take for "this is text"."""
    assert csv_cell(formula).startswith("'")


def test_markdown_cells_cannot_break_out_of_their_table() -> None:
    """Bars, tags, links and emphasis are escaped; a metric's name is left readable."""
    assert markdown_cell("a|b<i>*c*[d](e)") == r"a\|b\<i>\*c\*\[d\](e)"
    assert markdown_cell("success_p99") == "success_p99"


@given(st.text())
def test_ascii_text_is_ascii(text: str) -> None:
    """Any text can be shown on a terminal that knows ASCII only."""
    assert to_ascii(text).isascii()


def test_signs_keep_their_width_in_ascii() -> None:
    """Columns stay aligned: passed and failed are equally long, strip signs one character."""
    assert len(to_ascii("✓")) == len(to_ascii("✗"))
    assert all(len(to_ascii(sign)) == 1 for sign in "█▄▒·━─▁▂▃▅▆▇–")
    assert len({to_ascii(sign) for sign in "█▄▒·"}) == 4
