"""Durations, rates and shares: what may be written, and that no bit is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.scenario.refusal import Refused
from simcb.scenario.units import (
    format_duration,
    format_rate,
    format_share,
    parse_duration,
    parse_rate,
    parse_share,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30.0),
        ("5m", 300.0),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1h0m0.5s", 3600.5),
        ("1e3ms", 1.0),
        ("100us", 0.0001),
        ("0s", 0.0),
        ("1d", 86400.0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """A duration with its units is a number of seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("30", "`30s`"),
        ("-3s", "0s or more"),
        ("3 s", "1m30s"),
        ("30s1m", "1m30s"),
        ("1s1s", "1m30s"),
        ("5x", "250ms"),
        ("s", "250ms"),
        ("", "250ms"),
        ("1e999s", "at most"),
        ("²s", "250ms"),
        ("1" * 5000, "250ms"),
    ],
)
def test_what_is_no_duration_is_refused_with_a_hint(text: str, hint: str) -> None:
    """Anything but a finite duration with units is refused, saying what to write."""
    with pytest.raises(Refused) as caught:
        parse_duration(text)
    assert hint in caught.value.remedy
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("text", "rate"),
    [("100/s", 100.0), ("30/m", 0.5), ("36/h", 0.01), ("2 / s", 2.0), ("1/ms", 1000.0)],
)
def test_a_rate_is_read_per_second(text: str, rate: float) -> None:
    """A rate with its unit is a number per second."""
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["100", "-1/s", "/s", "1/x", "1e300/s", "many"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    """A rate without its unit, negative or endless is refused with a remedy."""
    with pytest.raises(Refused) as caught:
        parse_rate(text)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("100%", 1.0), ("0", 0.0), ("99.9%", 0.999)]
)
def test_a_share_is_read_between_0_and_1(text: str, share: float) -> None:
    """A share is a percentage or a number from 0 to 1."""
    assert parse_share(text) == share


def test_a_share_above_one_is_probably_a_percentage() -> None:
    """A share of 5 is refused with the percentage it was meant as."""
    with pytest.raises(Refused, match="5%"):
        parse_share("5")


@given(st.floats(0, 1e9))
def test_every_duration_survives_being_written(seconds: float) -> None:
    """Writing a duration and reading it back gives the same bits."""
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.floats(0, 1e9))
def test_every_rate_survives_being_written(rate: float) -> None:
    """Writing a rate and reading it back gives the same bits."""
    assert parse_rate(format_rate(rate)) == rate


@given(st.floats(0, 1))
def test_every_share_survives_being_written(share: float) -> None:
    """Writing a share and reading it back gives the same bits."""
    assert parse_share(format_share(share)) == share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250ms"), (30, "30s"), (90, "90s"), (300, "5m"), (7200, "2h"), (1.5, "1.5s")],
)
def test_durations_are_written_as_people_write_them(seconds: float, text: str) -> None:
    """Common durations come out in the unit one would choose."""
    assert format_duration(seconds) == text


@given(st.text(max_size=80))
def test_no_text_surprises_the_units(text: str) -> None:
    """Any text is a finite value or is refused."""
    for parse in (parse_duration, parse_rate, parse_share):
        try:
            value = parse(text)
        except Refused:
            continue
        assert 0 <= value <= 1e9
