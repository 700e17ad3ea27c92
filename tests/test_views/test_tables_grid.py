import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from simcb.views.document import Document, Page, Table
from simcb.views.markdown import as_markdown
from simcb.views.screen import split, table_text, table_width

CELLS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=12)


@given(
    st.integers(1, 5).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), min_size=1, max_size=6))
)
def test_columns_are_aligned_whatever_is_in_them(table: list[tuple[str, ...]]) -> None:
    """No line is wider than the table says, and numbers end where their header ends."""
    header, *rows = table
    grid = Table(header, tuple(rows))
    written = table_text(grid, Page()).plain.split("\n")
    assert all(cell_len(line) <= table_width(grid) for line in written)
    # A header of nothing has no line.
    shown = table if any(header) else rows
    lines = written if shown else []
    full = [line for line, row in zip(lines, shown, strict=True) if row[-1] and len(row) > 1]
    assert len({cell_len(line) for line in full}) <= 1


def test_a_span_stands_over_its_columns() -> None:
    """A heading over two columns ends where the second one does."""
    grid = Table(("", "a", "b", "c"), (("x", "1", "2", "3"),), spans=(("left side", 2), ("r", 1)))
    over, header, _ = table_text(grid, Page()).plain.splitlines()
    assert over.index("left side") < header.index("b") <= over.rindex("r")
    assert len(over) <= len(header) == table_width(grid)


def test_a_span_in_markdown_is_part_of_each_header() -> None:
    """Markdown has no spans, so their text is repeated."""
    grid = Table(("m", "a", "b"), (("x", "1", "2"),), spans=(("phase", 2),))
    header, rule, row = as_markdown(Document("", blocks=(grid,))).splitlines()
    assert header == "| m | phase, a | phase, b |"
    assert rule == "| --- | ---: | ---: |"
    assert row == "| x | 1 | 2 |"


def test_a_row_of_another_length_is_refused() -> None:
    """A table with a hole in it is a mistake of whoever made it."""
    with pytest.raises(ValueError, match="has not the 2 cells"):
        Table(("a", "b"), (("1",),))


def test_faint_columns_are_dim_and_nothing_else_is() -> None:
    """The baseline stands in the background."""
    grid = Table(("m", "with", "without"), (("x", "1", "2"),), faint=frozenset({2}))
    text = table_text(grid, Page())
    dim = "".join(text.plain[s.start : s.end] for s in text.spans if s.style == "dim")
    assert dim.split() == ["without", "2"]


def test_a_table_that_is_too_wide_is_split() -> None:
    """Every column is in one of its parts, all of which have the names and fit."""
    grid = Table(
        ("name", "a", "b", "c", "d"),
        (("x", "11111", "22222", "33333", "44444"),),
        spans=(("left", 2), ("right", 2)),
        faint=frozenset({2, 4}),
        notes=("and more",),
        breakable=True,
    )
    assert split(grid, table_width(grid)) == (grid,)
    left, right = split(grid, table_width(grid) - 1)
    assert (left.header, right.header) == (("name", "a", "b"), ("name", "c", "d"))
    assert (left.spans, right.spans) == ((("left", 2),), (("right", 2),))
    assert left.faint == right.faint == frozenset({2})
    assert (left.notes, right.notes) == ((), ("and more",))
    single = split(grid, 12)
    assert [part.header[1] for part in single] == ["a", "b", "c", "d"]
    assert [part.spans[0] for part in single] == [("left", 1)] * 2 + [("right", 1)] * 2
    assert [part.header[1:] for part in split(grid, 1)] == [("a",), ("b",), ("c",), ("d",)]


def test_a_note_stands_below() -> None:
    grid = Table(("name", "a"), (("x", "1"),), notes=("b is *missing*",))
    assert table_text(grid, Page()).plain.splitlines()[-1] == "b is *missing*"
    assert as_markdown(Document("", blocks=(grid,))).endswith("\n\nb is \\*missing\\*\n")
