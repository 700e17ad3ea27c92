"""Names are shown as they are written, and fit where they are put."""

from __future__ import annotations

import warnings

from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from simcb.views.plots.text_fit import ELLIPSIS, MISSING, literal, shortened, text_width


def test_markup_is_left_as_it_is() -> None:
    """Signs that mean something to mathematics or HTML are letters like any other."""
    name = r"a_b^2 $x$ \frac{1} <b>&amp; [red] %s {0}"
    assert literal(name) == name


def test_control_characters_are_spelt_out() -> None:
    assert literal("a\x1b[31m\nb\t\u202e") == r"a\x1b[31m\nb\t\u202e"


def test_letters_the_font_has_not_got_become_a_box() -> None:
    assert literal("naïve 中文") == f"naïve {MISSING}{MISSING}"


def test_both_ends_of_a_long_name_stay() -> None:
    """Names of a kind differ at their ends."""
    short = shortened("storefront.0->a-very-long-database-name.2", 1.0, 7.0)
    assert short.startswith("storef")
    assert short.endswith("e.2")
    assert ELLIPSIS in short


def test_a_name_that_fits_is_not_shortened() -> None:
    assert shortened("payments", 1.0, 7.0) == "payments"


@given(st.text(max_size=600), st.floats(0.0, 3.0))
def test_a_shortened_name_is_no_wider_than_its_room(name: str, width: float) -> None:
    """Any text fits any width, down to an ellipsis alone."""
    short = shortened(name, width, 7.0)
    assert text_width(short, 7.0) <= width or short in ("", ELLIPSIS)


@given(st.text(max_size=20))
def test_any_name_can_be_drawn_without_a_warning(name: str) -> None:
    """Whatever a name holds, the drawing neither warns nor reads it as mathematics."""
    figure = Figure(figsize=(1, 1), dpi=20)
    text = figure.text(0.5, 0.5, literal(name), parse_math=False, fontfamily="DejaVu Sans")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.draw_without_rendering()
    assert text.get_text() == literal(name)


def test_widths_are_about_right() -> None:
    """The estimate agrees with what is drawn to within a tenth."""
    figure = Figure(dpi=100)
    name = "storefront.0->database.0 (5,365/s, off the scale)"
    text = figure.text(0, 0, name, fontsize=7, fontfamily="DejaVu Sans")
    drawn = text.get_window_extent().width / 100
    assert abs(text_width(name, 7.0) - drawn) < 0.1 * drawn
