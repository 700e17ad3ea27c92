"""Thresholds: one line that says what a good run is, `p99{fault} < 1s`.

Only the syntax is known here; which metrics and phases exist is for whoever judges them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from simcb.scenario import units
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.scalars import Name


class Comparison(StrEnum):
    """How a measure is compared with the limit."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "=="


class LimitUnit(StrEnum):
    """What kind of value the limit was written as."""

    NUMBER = "number"
    SHARE = "share"
    DURATION = "duration"
    RATE = "rate"
    NEVER = "never"


@dataclass(frozen=True)
class Threshold:
    """A demand on a metric."""

    text: str  # the line, with single spaces around the comparison
    metric: str
    qualifiers: tuple[str, ...]  # phases, also of one fault or change, services and client groups
    op: Comparison
    limit: float  # seconds, per second, 0 to 1, or a plain number; `never` is infinity
    unit: LimitUnit = LimitUnit.NUMBER  # as written, so that a mismatch can be told


_NAME = Name.pattern
_QUALIFIER = re.compile(
    rf"(?:fault:)?{_NAME}(?::{_NAME}(?:->{_NAME})?(?:#[1-9][0-9]{{0,5}})?)?|change:[^\s{{}},]+"
)
_LINE = re.compile(r"([^\s{}<>=]+)\s*(?:\{([^{}]*)\})?\s*(<=|>=|==|<|>)\s*(\S+)")
_METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_POINT = re.compile(r"((?:success_)?p99)\.(99?)")
_PLAIN = re.compile(r"\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_LINE = 400
_HINT = "write it like `p99{fault} < 1s` or `success >= 99.9%`"


def spelled(metric: str) -> str:
    """Return a metric's name as the table of metrics has it: `p99.9` is `p999`."""
    found = _POINT.fullmatch(metric)
    return found[1] + found[2] if found else metric


def parse_threshold(text: str) -> Threshold:
    """Read `METRIC{qualifier,…} OP VALUE` with OP one of < <= > >= ==, or raise `Refused`."""
    found = None if len(text) > _LONGEST_LINE else _LINE.fullmatch(text.strip())
    if not found:
        raise Refused(f"{quoted(text)} is not a threshold", _HINT)
    named, inside, op, written = found.groups()
    metric = spelled(named)
    if not _METRIC.fullmatch(metric):
        raise Refused(f"{quoted(named)} is not the name of a metric", _HINT)
    qualifiers = _qualifiers(inside)
    limit, unit = _limit(written)
    where = f"{{{','.join(qualifiers)}}}" if qualifiers else ""
    return Threshold(
        f"{named}{where} {op} {written}", metric, qualifiers, Comparison(op), limit, unit
    )


def _qualifiers(inside: str | None) -> tuple[str, ...]:
    if inside is None:
        return ()
    names = tuple(name.strip() for name in inside.split(","))
    for name in names:
        if not _QUALIFIER.fullmatch(name):
            raise Refused(
                f"{quoted(name)} does not qualify a metric",
                "write `healthy`, `fault`, `fault:NAME`, `between`, `recovery`, `change:NAME` or "
                "the name of a service or a client group",
            )
    return names


def _limit(written: str) -> tuple[float, LimitUnit]:
    if written == "never":
        return math.inf, LimitUnit.NEVER
    if written.startswith("-"):
        raise Refused(f"{quoted(written)} is negative", "write a limit of 0 or more")
    if _PLAIN.fullmatch(written):
        number = float(written)
        if not math.isfinite(number):
            raise Refused(f"{quoted(written)} is not finite", "write `never` or a finite number")
        return number, LimitUnit.NUMBER
    if written.endswith("%"):
        return units.parse_share(written), LimitUnit.SHARE
    if "/" in written:
        return units.parse_rate(written), LimitUnit.RATE
    if written[:1].isdigit():
        return units.parse_duration(written), LimitUnit.DURATION
    raise Refused(
        f"{quoted(written)} is not a limit", "write a number, `99.9%`, `250ms`, `40/s` or `never`"
    )


def _threshold(value: object) -> Threshold:
    if isinstance(value, Threshold):
        return value
    if not isinstance(value, str):
        raise Refused("is not a threshold", _HINT)
    return parse_threshold(value)


ThresholdLine = Annotated[
    Threshold,
    PlainValidator(_threshold),
    PlainSerializer(lambda threshold: threshold.text, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*[A-Za-z][A-Za-z0-9_.]*\s*(\{[^{}]*\})?\s*(<=|>=|==|<|>)",
        }
    ),
]
"""A threshold written as one line of text."""
