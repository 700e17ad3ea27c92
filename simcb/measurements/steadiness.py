"""Whether requests were alike all the time: a minute that stands out is no ordinary day.

A minute stands out if its share of failures differs from that of all others by at least two
points, or its median time from that of all by at least a quarter, and by more than six standard
deviations of what chance brings. Minutes with fewer than 50 requests are not looked at, nor is
what has fewer than three minutes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MINUTE = 60.0
FEWEST_MINUTES = 3
FEWEST = 50
LEAST_SHARE, LEAST_FACTOR = 0.02, 1.25
SIGMAS = 6.0

_Floats = NDArray[np.float64]


class _Odd(NamedTuple):
    """By how many standard deviations a minute differs, when it begins, and what differs."""

    size: float
    begin: float
    words: str


def sentence(begins: _Floats, seconds: _Floats, failed: NDArray[np.int8]) -> str:
    """Return which minute stands out and what to do, in a sentence; "" if none does.

    Args:
        begins: when each request began, in seconds; nan if unknown.
        seconds: how long each took; nan if unknown.
        failed: whether it failed; how long that took does not count.
    """
    known = np.isfinite(begins)
    if not known.any() or np.ptp(begins[known]) <= (FEWEST_MINUTES - 1) * MINUTE:
        return ""
    order = np.argsort(begins[known], kind="stable")
    begins, seconds = begins[known][order], seconds[known][order]
    bad = failed[known][order] != 0
    minutes = np.floor((begins - begins[0]) / MINUTE)
    _, starts = np.unique(minutes, return_index=True)
    ends = [*starts[1:], len(begins)]
    times = np.where(bad, np.nan, seconds)
    usual = np.sort(times[np.isfinite(times)])
    odd = []
    for start, end in zip(starts, ends, strict=True):
        if end - start >= FEWEST:
            parts = _failures(bad[start:end], bad), _times(times[start:end], usual)
            words = "; ".join(part for _, part in parts if part)
            if words:
                size = max(size for size, _ in parts)
                odd.append(_Odd(size, float(minutes[start]) * MINUTE, words))
    if not odd:
        return ""
    worst, begin = max(odd), int(max(odd).begin)
    others = f", and {len(odd) - 1} of {len(starts)} more do" if len(odd) > 1 else ""
    return (
        f"the minute from {begin // 3600}:{begin // 60 % 60:02d}:00 after the first request on "
        f"stands out{others} ({worst.words}): the fit takes all for an ordinary day; cut such "
        "minutes out of the file, and write what happened then as a fault"
    )


def _failures(own: NDArray[np.bool_], every: NDArray[np.bool_]) -> tuple[float, str]:
    """Return by how many deviations a minute's share of failures differs, and how if it does."""
    n, m = len(own), len(every) - len(own)
    if m < FEWEST:
        return 0.0, ""
    share, usual = float(own.mean()), float(every.sum() - own.sum()) / m
    chance = (usual * m + 1.0) / (m + 2.0)
    size = abs(share - usual) / math.sqrt(chance * (1.0 - chance) * (1.0 / n + 1.0 / m))
    if size <= SIGMAS or abs(share - usual) < LEAST_SHARE:
        return 0.0, ""
    return size, f"{share:.1%} of its requests failed, of all others {usual:.1%}"


def _times(own: _Floats, every: _Floats) -> tuple[float, str]:
    """Return the same of a minute's median against that of all, of which it is a part."""
    own = own[np.isfinite(own)]
    if len(own) < FEWEST or len(every) - len(own) < FEWEST:
        return 0.0, ""
    middle, usual = float(np.median(own)), float(np.median(every))
    above = float(np.mean(own > usual) + np.mean(own >= usual)) / 2.0
    size = abs(above - 0.5) * 2.0 * math.sqrt(len(own))
    low, high = sorted((middle, usual))
    if size <= SIGMAS or high < LEAST_FACTOR * low:
        return 0.0, ""
    return size, f"its median is {middle:.3g} s, that of all {usual:.3g} s"
