"""How other programs write a duration: Go, Spring, ISO 8601, .NET, protobuf, nginx, JavaScript.

Their notations do not contradict each other; only a bare number means something else in each.
"""

from __future__ import annotations

import math
import re

from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.units import LONGEST_DURATION, format_duration

UNITS = {
    "nanosecond": 1e-9,
    "millisecond": 1e-3,
    "second": 1.0,
    "day": 86400.0,
}
"""What a bare number counts, in seconds."""

_SIZES = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_LONGEST_TEXT = 64
_NUMBER = r"\d+(?:\.\d+)?|\.\d+"
_PART = re.compile(rf"({_NUMBER})\s*(ns|us|µs|μs|ms|s|m|h|d|w)\s*", re.IGNORECASE)
_BARE = re.compile(rf"[+-]?(?:{_NUMBER})(?:[eE][+-]?\d+)?")
_ISO = re.compile(
    rf"P(?:({_NUMBER})D)?(?:T(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?", re.IGNORECASE
)
_CLOCK = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2})(?::(\d{1,2}(?:\.\d+)?))?")


def seconds_of(value: object, bare: str) -> float:
    """Return a duration in seconds.

    Args:
        value: a number, or text such as `500ms`, `1m30s`, `PT10S`, `00:00:30` or `0.5s`.
        bare: the unit of a bare number, one of `UNITS`.

    Raises:
        Refused: it is none, or it is endless or negative.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise Refused("is no duration", "write a duration such as `10s`")
    seconds = _of_text(value, bare) if isinstance(value, str) else _times(value, bare)
    if not math.isfinite(seconds) or seconds < 0:
        raise Refused(f"{quoted(value)} is no duration", "write one of 0 or more")
    if seconds > LONGEST_DURATION:
        raise Refused(f"{quoted(value)} is too long", f"write at most {LONGEST_DURATION:.0f} s")
    return float(f"{seconds:.12g}")


def is_bare(value: object) -> bool:
    """Whether a duration is a number without a unit."""
    return isinstance(value, (int, float)) or (
        isinstance(value, str) and bool(_BARE.fullmatch(value.strip()))
    )


def _times(number: float | int, bare: str) -> float:
    try:
        return float(number) * UNITS[bare]
    except OverflowError:
        return math.inf


def _of_text(text: str, bare: str) -> float:
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        raise Refused(f"{quoted(text)} is no duration", "write a duration such as `10s`")
    if _BARE.fullmatch(text):
        return _times(float(text), bare)
    found = _CLOCK.fullmatch(text)
    if found:
        days, hours, minutes, rest = (float(each or 0) for each in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + rest
    found = _ISO.fullmatch(text)
    if found and any(found.groups()):
        days, hours, minutes, rest = (float(each or 0) for each in found.groups())
        return days * 86400 + hours * 3600 + minutes * 60 + rest
    parts = list(_PART.finditer(text))
    if parts and "".join(part[0] for part in parts) == text:
        return sum(float(part[1]) * _SIZES[part[2].lower()] for part in parts)
    raise Refused(f"{quoted(text)} is no duration", "write a duration such as `10s`")


def clock_text(seconds: float) -> str:
    """Return seconds as .NET writes a time span: `hh:mm:ss` with what is below a second."""
    millis = round(seconds * 1000, 4)
    whole, rest = divmod(millis, 1000)
    days, day = divmod(int(whole), 86400)
    text = f"{day // 3600:02d}:{day // 60 % 60:02d}:{day % 60:02d}"
    fraction = f"{rest / 1000:.7f}".rstrip("0")[1:] if rest else ""
    return (f"{days}." if days else "") + text + fraction.rstrip(".")


def go_text(seconds: float) -> str:
    """Return seconds as Go, Spring, nginx and protobuf all read them: `500ms` or `30s`."""
    if seconds and seconds < 0.001:
        return f"{seconds * 1e9:.0f}ns"
    text = format_duration(seconds)
    return f"{round(seconds)}s" if text.endswith(("h", "m")) else text


def proto_text(seconds: float) -> str:
    """Return seconds as protobuf's JSON has them, in which `s` is the only unit."""
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"
