import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.metrics import Unit
from simcb.views.quantities import clock, difference, interval, quantity

WRITTEN = [
    (None, Unit.SECONDS, "–"),
    (math.inf, Unit.SECONDS, "never"),
    (0.0, Unit.SECONDS, "0 s"),
    (0.00045, Unit.SECONDS, "0.450 ms"),
    (0.14, Unit.SECONDS, "140 ms"),
    (0.9996, Unit.SECONDS, "1.00 s"),
    (1.214, Unit.SECONDS, "1.21 s"),
    (124.6, Unit.SECONDS, "125 s"),
    (28_800.0, Unit.SECONDS, "28,800 s"),
    (0.0, Unit.SHARE, "0%"),
    (1.0, Unit.SHARE, "100%"),
    (0.431, Unit.SHARE, "43.1%"),
    (0.99996, Unit.SHARE, "99.996%"),
    (0.9999999999, Unit.SHARE, ">99.9999%"),
    (0.0000000001, Unit.SHARE, "<0.0001%"),
    (0.992, Unit.SHARE, "99.2%"),
    (2.5, Unit.SHARE, "250.0%"),
    (40.12, Unit.PER_SECOND, "40.1/s"),
    (0.175, Unit.PER_SECOND, "0.175/s"),
    (1.1111, Unit.RATIO, "1.11"),
    (9.996, Unit.RATIO, "10.0"),
    (1419.0, Unit.COUNT, "1,419"),
    (2.5, Unit.COUNT, "2.50"),
    (27_821.4, Unit.WORKER_SECONDS, "27,821 s"),
]


@pytest.mark.parametrize(("value", "unit", "text"), WRITTEN)
def test_a_value_is_written_with_its_unit_and_about_three_digits(
    value: float | None, unit: Unit, text: str
) -> None:
    """Each kind of value reads as people write it."""
    assert quantity(value, unit) == text


@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_a_share_that_is_not_whole_never_reads_as_whole(share: float) -> None:
    """Only 1 is `100%` and only 0 is `0%`, whatever the rounding."""
    text = quantity(share, Unit.SHARE)
    assert text not in ("100%", "0%", "100.0%", "0.0%")


@given(st.floats(1e-4, 1e6))
def test_a_written_duration_is_within_half_a_percent_of_the_value(seconds: float) -> None:
    """Three digits are kept, and the unit is the right one."""
    number, unit = quantity(seconds, Unit.SECONDS).split()
    read = float(number.replace(",", "")) * {"ms": 1e-3, "s": 1.0}[unit]
    assert read == pytest.approx(seconds, rel=0.0051)


INTERVALS = [
    ((1.2137, 1.1757, 1.2517), Unit.SECONDS, "1.214 ±0.038 s"),
    ((0.9912, 0.9881, 0.9943), Unit.SHARE, "99.12 ±0.31%"),
    ((40.0, 40.0, 40.0), Unit.PER_SECOND, "40.0/s"),
    ((0.0786, 0.0750, 0.0822), Unit.SECONDS, "78.6 ±3.6 ms"),
    ((1.5, None, None), Unit.RATIO, "1.50"),
    ((math.inf, None, None), Unit.SECONDS, "never"),
    ((None, None, None), Unit.SHARE, "–"),
    ((1434.0, 1379.0, 1489.0), Unit.COUNT, "1,434 ±55"),
    ((6.87222, 6.87222 - 9e-16, 6.87222 + 9e-16), Unit.PER_SECOND, "6.87/s"),
    ((6.87222, 6.87222 - 4e-6, 6.87222 + 4e-6), Unit.PER_SECOND, "6.87/s"),
    ((1434.0, 1434.0 - 1e-7, 1434.0 + 1e-7), Unit.COUNT, "1,434"),
    ((0.99999, 0.99998, 1.0), Unit.SHARE, "99.9990 ±0.0010%"),
    ((0.003, 0.0, 0.0094), Unit.SHARE, "0.30 [0.00, 0.94]%"),
    ((0.0, 0.0, 0.2775), Unit.SHARE, "0 [0, 28]%"),
]


@pytest.mark.parametrize(("numbers", "unit", "text"), INTERVALS)
def test_an_interval_shows_as_many_decimals_as_its_width_is_worth(
    numbers: tuple[float | None, float | None, float | None], unit: Unit, text: str
) -> None:
    """The half-width has two digits and the mean the same decimals."""
    assert interval(*numbers, unit) == text


DIFFERENCES = [
    ((-0.37, -0.79, 0.05), Unit.SHARE, "-37 ±42 pp"),
    ((0.0, 0.0, 0.0), Unit.SHARE, "0 pp"),
    ((0.012, None, None), Unit.SHARE, "1.2 pp"),
    ((-3.5e-18, -4e-18, -3e-18), Unit.SECONDS, "0 s"),
    ((-2.0, -3.0, -1.0), Unit.SECONDS, "-2.0 ±1.0 s"),
    ((-math.inf, None, None), Unit.SECONDS, "-never"),
    ((math.inf, None, None), Unit.SECONDS, "never"),
    ((None, None, None), Unit.SHARE, "–"),
]


@pytest.mark.parametrize(("numbers", "unit", "text"), DIFFERENCES)
def test_a_difference_of_shares_is_in_points(
    numbers: tuple[float | None, float | None, float | None], unit: Unit, text: str
) -> None:
    """37 points fewer of 69 is not 37 % fewer."""
    assert difference(*numbers, unit) == text


CLOCKS = [(0, "0s"), (0.25, "250ms"), (45, "45s"), (90, "1m30s"), (120, "2m"), (4800, "1h20m")]


@pytest.mark.parametrize(("seconds", "text"), CLOCKS)
def test_a_moment_is_written_in_the_units_of_a_scenario(seconds: float, text: str) -> None:
    """Moments use the same words as durations in a file."""
    assert clock(seconds) == text


@given(st.integers(0, 10**6))
def test_a_moment_reads_back_as_the_same_moment(seconds: int) -> None:
    """No unit is lost on the way."""
    sizes = {"h": 3600, "m": 60, "s": 1}
    parts = re.findall(r"(\d+)([hms])", clock(seconds))
    assert sum(int(number) * sizes[unit] for number, unit in parts) == seconds
