"""Values as people read them: a number with its unit, and texts that tell values apart.

A share that is not quite 1 never reads `100%`, a time that never came reads `never`, and what
could not be measured is a dash. Values written inline, `{kind: failure_rate, rate: 50%}`, are
long and often differ in one word, so what is cut is what they have in common.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from simcb.metrics import Unit
from simcb.views.safe_text import one_line

UNDEFINED = "–"
NEVER = "never"
POINTS = " pp"

_MOST_DECIMALS = 5

_ROUNDING = 1e-9
"""Below this part of a mean an interval, and below this a difference, is what floats leave over."""


_ASKEW = 0.01
"""Part of an interval by which its mean may be off its middle and still stand with `±`."""


def quantity(value: float | None, unit: Unit) -> str:
    """Write a value with its unit, about three digits of it.

    Args:
        value: in the metrics' own units (seconds, per second, 0 to 1); None if undefined,
            infinity for a time that never came.
        unit: what it counts.
    """
    if value is None:
        return UNDEFINED
    if math.isinf(value):
        return NEVER
    if unit is Unit.SHARE:
        return f"{_percent(value)}%"
    if unit is Unit.COUNT and value == int(value):
        return f"{int(value):,}"
    factor, suffix = _scale(value, unit)
    return f"{_three_digits(value * factor)}{suffix}"


def interval(mean: float | None, low: float | None, high: float | None, unit: Unit) -> str:
    """Write a mean and half its interval, in one unit: `1.214 ±0.038 s`.

    The half-width has two digits and the mean as many decimals as it. Without an interval, or
    with one of no width or of none but rounding, the mean stands alone. Where the mean is not in
    its middle, both ends are written: `0.30 [0.00, 0.94]%`.
    """
    if mean is None or low is None or high is None or not math.isfinite(high - low):
        return quantity(mean, unit)
    factor, suffix = (100.0, "%") if unit is Unit.SHARE else _scale(mean, unit)
    half = (high - low) / 2.0 * factor
    if half < max(10.0**-_MOST_DECIMALS / 2.0, _ROUNDING * abs(mean * factor)):
        return quantity(mean, unit)
    decimals = min(max(0, 1 - _magnitude(half)), _MOST_DECIMALS)
    if abs((high - mean) - (mean - low)) <= _ASKEW * (high - low):
        return f"{mean * factor:,.{decimals}f} ±{half:,.{decimals}f}{suffix}"
    # `+ 0.0` takes the sign from a zero.
    ends = (f"{round(end * factor, decimals) + 0.0:,.{decimals}f}" for end in (low, high))
    return f"{mean * factor:,.{decimals}f} [{', '.join(ends)}]{suffix}"


def difference(mean: float | None, low: float | None, high: float | None, unit: Unit) -> str:
    """Write the mean of differences and half its interval, as `interval` does: `-37 ±42 pp`.

    A difference of shares is in percentage points, for `-37%` would read as relative. It is
    `-never` where a time came only in the variant that is written first.
    """
    if mean is not None and mean == -math.inf:
        return f"-{NEVER}"
    if mean is not None and abs(mean) < _ROUNDING:
        mean = 0.0
    written = interval(mean, low, high, unit)
    return written.replace("%", POINTS) if unit is Unit.SHARE else written


def clock(seconds: float) -> str:
    """Write a moment or a length of simulated time: `45s`, `2m`, `1m30s`, `1h20m`."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    if seconds < 60:
        return f"{seconds:g}s"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = ((f"{hours}h", hours), (f"{minutes}m", minutes), (f"{rest:g}s", rest))
    return "".join(text for text, number in parts if number)


def rough_clock(seconds: float) -> str:
    """Write a length of time as roughly as one knows it: `40s`, `12m`, `3h20m`."""
    if seconds < 1.0:
        return "1s"
    if seconds < 90.0:
        return f"{seconds:.0f}s"
    if seconds < 5400.0:
        return f"{seconds / 60:.0f}m"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}h{minutes:02d}m"


def _scale(value: float, unit: Unit) -> tuple[float, str]:
    """Return what to multiply a value with and what to write behind it."""
    if unit is Unit.SECONDS:
        return (1000.0, " ms") if 0.0 < abs(value) < 0.9995 else (1.0, " s")
    if unit is Unit.WORKER_SECONDS:
        return 1.0, " s"
    return 1.0, "/s" if unit is Unit.PER_SECOND else ""


def _three_digits(value: float) -> str:
    if value == 0.0:
        return "0"
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 1000:
        return f"{value:,.0f}"
    decimals = max(0, 2 - _magnitude(rounded))
    return f"{rounded:,.{min(decimals, _MOST_DECIMALS)}f}"


def _percent(share: float) -> str:
    if share in (0.0, 1.0):
        return f"{share * 100:.0f}"
    percent = share * 100.0
    # Enough decimals to tell 99.996 % from 100 % and 0.004 % from 0 %.
    off = min(abs(percent), abs(100.0 - percent))
    decimals = 1 if off >= 1.0 else 1 - _magnitude(off)
    if decimals > _MOST_DECIMALS:
        return ">99.9999" if percent > 50.0 else "<0.0001"
    text = f"{percent:.{decimals}f}"
    return text.rstrip("0") + "0" * text.rstrip("0").endswith(".")


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


LONGEST = 30
"""Characters of a value, unless more are needed to tell it from another."""

_BETWEEN = ", "
_CUT = "…"


def distinct_labels(texts: Sequence[str], longest: int = LONGEST) -> tuple[str, ...]:
    """Return texts no longer than that where they can be, all different if they were.

    If one is too long, what all begin and end with goes first, whole words of it; then as
    much of the middle as can be spared.
    """
    safe = {text: one_line(text, 10_000) for text in texts}
    if max(map(len, safe.values()), default=0) <= longest:
        return tuple(safe[text] for text in texts)
    bare = dict(zip(safe, _differing(list(safe.values())), strict=True))
    while True:
        short = {text: _without_middle(each, longest) for text, each in bare.items()}
        if len(set(short.values())) == len(short) or longest >= max(map(len, bare.values())):
            return tuple(short[text] for text in texts)
        longest += 1


def _differing(texts: list[str]) -> list[str]:
    """Return texts without the words that all of them begin with, and end with."""
    parts = [text.split(_BETWEEN) for text in texts]
    least = min(map(len, parts)) - 1 if len(parts) > 1 else 0
    first = last = 0
    while first < least and len({each[first] for each in parts}) == 1:
        first += 1
    while first + last < least and len({each[-1 - last] for each in parts}) == 1:
        last += 1
    before, after = _CUT if first else "", _CUT if last else ""
    return [f"{before}{_BETWEEN.join(each[first : len(each) - last])}{after}" for each in parts]


def _without_middle(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = longest // 2
    return f"{text[:head]}{_CUT}{text[len(text) - (longest - head - 1) :]}"
