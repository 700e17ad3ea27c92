import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcb.metrics import StateInterval
from simcb.trace import BreakerInfo, FaultInfo
from simcb.views.strip import MOST_LINES, state_strip, stretches


def states(*changes: tuple[float, str], until: float) -> list[StateInterval]:
    """Return intervals from (begin, state) pairs."""
    ends = [at for at, _ in changes[1:]] + [until]
    return [StateInterval(at, end, s) for (at, s), end in zip(changes, ends, strict=True)]


def test_each_sign_says_what_the_breaker_did_in_its_stretch() -> None:
    """Closed, a short opening, open, half-open: one sign each."""
    intervals = states(
        (0.0, "closed"),
        (1.9, "open"),
        (2.0, "closed"),
        (4.0, "open"),
        (6.0, "half_open"),
        until=8.0,
    )
    assert stretches(intervals, 8.0, 4).signs() == "▄·█▒"


@given(
    st.lists(st.floats(0.01, 9.99), unique=True, max_size=12),
    st.integers(1, 50),
)
def test_no_time_is_lost_in_the_cut(moments: list[float], count: int) -> None:
    """The stretches' open and half-open times add up to those of the intervals."""
    names = ["closed", "open", "half_open"]
    changes = [(at, names[n % 3]) for n, at in enumerate([0.0, *sorted(moments)])]
    intervals = states(*changes, until=10.0)
    cut = stretches(intervals, 10.0, count)
    for name, found in (("open", cut.opened), ("half_open", cut.half_opened)):
        expected = sum(each.end - each.start for each in intervals if each.state == name)
        assert sum(found) == pytest.approx(expected)
        assert all(0.0 <= each <= cut.length + 1e-9 for each in found)


@given(st.floats(0.0, 99.0), st.floats(1e-6, 1.0))
def test_an_opening_is_seen_however_short_it_is(at: float, lasts: float) -> None:
    """A stretch in which a breaker was open at all never looks closed."""
    intervals = states((0.0, "closed"), (at, "open"), (at + lasts, "closed"), until=100.0)
    assert set(stretches(intervals, 100.0, 40).signs()) - {"·"}


def strip(
    count: int, width: int = 100, faults: tuple[FaultInfo, ...] = (), idle: int = 0
) -> list[str]:
    """Draw `count` breakers, the first open from 20 s to 40 s of 60, and idle ones."""
    breakers = [BreakerInfo(f"shop->store.{n}", 0, n) for n in range(count)]
    opened = states((0.0, "closed"), (20.0, "open"), (40.0, "closed"), until=60.0)
    closed = states((0.0, "closed"), until=60.0)
    lives = [opened, *[closed] * (count - 1)][:count]
    drawn = state_strip(breakers, lives, faults, 60.0, width, count + idle)
    return drawn.plain.split("\n")


def test_few_breakers_have_a_line_each() -> None:
    """The strip names each breaker and shows a third of the run open."""
    first, second, *_ = strip(2)
    assert first.startswith("shop->store.0  ·")
    assert first.count("█") == pytest.approx(72 / 3, abs=1)
    assert "█" not in second


def test_breakers_that_nobody_asked_are_counted() -> None:
    """They have no line of their own, and a share of all is one of them, too."""
    assert strip(2, idle=99_998)[2].strip() == "and 99,998 more without a call"
    line = strip(MOST_LINES + 1, idle=100_000)[0]
    assert line.startswith("100,009 breakers")
    assert "▁" in line
    assert strip(0, idle=3)[0].strip() == "and 3 more without a call"
    assert "no breaker" not in "".join(strip(0, idle=3))


def test_many_breakers_share_one_line() -> None:
    """One open breaker of ten is the lowest level, never nothing."""
    line = strip(MOST_LINES + 2)[0]
    assert line.startswith("10 breakers")
    assert line.count("▁") == pytest.approx(72 / 3, abs=1)


def test_a_fault_lies_over_the_time_it_lasts() -> None:
    """A fault from a third of the run to its end covers the right two thirds."""
    fault = FaultInfo("outage", "hang", "store", 20.0, 90.0)
    line, breaker, *_ = strip(1, faults=(fault,))
    assert line.index("━") == breaker.index("█")
    assert len(line) == len(breaker)


def test_the_shortest_fault_still_has_a_sign() -> None:
    """A fault of a millisecond is one character; one after the run's end is none."""
    blip = FaultInfo("blip", "hang", "store", 20.0, 20.001)
    late = FaultInfo("late", "hang", "store", 70.0, 80.0)
    lines = strip(1, faults=(blip, late))
    assert [line.count("━") for line in lines[:2]] == [1, 0]


def test_a_fault_that_comes_again_has_one_line() -> None:
    """A hundred windows are a line, and another fault has its own."""
    windows = tuple(FaultInfo("flap", "errors", "b", 20.0 * n, 20.0 * n + 10.0) for n in range(3))
    other = FaultInfo("other", "hang", "b", 0.0, 60.0)
    flap, line, breaker, *_ = strip(1, faults=(*windows[:2], other, windows[2]))
    assert (flap.split()[0], line.split()[0]) == ("flap", "other")
    assert breaker.startswith("shop")
    signs = flap.removeprefix("flap ").strip()
    assert [len(each) for each in signs.split()] == [12, 12, 12]


def test_without_breakers_the_strip_says_so() -> None:
    """A run without a breaker has a line of time and a sentence."""
    assert strip(0)[-1].strip() == "no breaker guards any call"


@pytest.mark.parametrize("duration", [1e-3, 0.5, 3.0, 60.0, 480.0, 7200.0, 1e9])
def test_moments_under_the_strip_do_not_run_into_each_other(duration: float) -> None:
    """Whatever the length of the run, the axis has at least two moments, apart."""
    closed = states((0.0, "closed"), until=duration)
    drawn = state_strip([BreakerInfo("b", 0, -1)], [closed], (), duration, 80)
    axis = drawn.plain.split("\n")[1].split()
    assert len(axis) >= 2
    assert axis[0] == "0s"
    assert len(set(axis)) == len(axis)


def test_a_name_cannot_send_anything_to_the_terminal() -> None:
    """An escape sequence in a breaker's name is shown, not sent."""
    drawn = state_strip(
        [BreakerInfo("\x1b[31m[red]", 0, -1)], [states((0.0, "open"), until=1.0)], (), 1.0, 80
    )
    assert "\x1b" not in drawn.plain
    assert "[red]" in drawn.plain
