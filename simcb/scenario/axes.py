"""Axes: which place of a scenario is varied, and over which values.

What an axis runs through is read from text that no shell expands, or from a list of values.
This module knows numbers with units; it must not know which places a scenario has.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from simcb.scenario.problems import ScenarioError
from simcb.scenario.reader import parse_value
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.scalars import seen
from simcb.scenario.units import Amount, Measuring, Value, between, quantity_of, rounded, written
from simcb.scenario.writer import flow

MOST_VALUES = 100_000  # the most values of one axis
DIGITS = 3  # digits to which values between the ends of a range are rounded, if they suffice
MOST_DIGITS = 17  # digits that tell any two floats apart
FINENESS = 50  # steps between the ends of a range that rounding always leaves
EXAMPLES = ("3,5,10", "1:10:1", "5s..120s/8", "5s..120s/8@log")  # a spec of every form

_HINT = f"write it like {', '.join(f'`{each}`' for each in EXAMPLES)}"
_FIXED = {None: "null", True: "true", False: "false"}

_SPAN = re.compile(r"(?P<low>.+?)\.\.(?P<high>.+?)(?:/(?P<count>\d{1,9}))?(?P<log>@log)?", re.ASCII)


@dataclass(frozen=True)
class Span:
    """The range of an axis, from which values can be drawn or put between others."""

    low: float  # the lower end
    high: float  # the upper end, above the lower
    measuring: Measuring  # what both count
    log: bool = False  # whether equal steps are equal factors

    def at(self, share: float) -> Value:
        """Return the value at a share of the way from the lower end, 0 to 1."""
        return self.nearest(between(self.low, self.high, share, log=self.log))

    def share(self, number: float) -> float:
        """Return how far a number lies on the way from the lower end: the inverse of `at`."""
        if self.log:
            return math.log(number / self.low) / math.log(self.high / self.low)
        return (number - self.low) / (self.high - self.low)

    @property
    def digits(self) -> int:
        """How many digits leave `FINENESS` steps between the ends: three if they do."""
        step = max(self.high / FINENESS - self.low / FINENESS, math.ulp(0.0))
        before_point = math.floor(math.log10(max(abs(self.low), abs(self.high)))) + 1
        needed = before_point - math.floor(math.log10(step) + 1e-9)
        return min(max(DIGITS, needed), MOST_DIGITS)

    def nearest(self, number: float) -> Value:
        """Return a number of the range as a value with few digits, the ends as they are."""
        return written(self._rounded(number, self.digits), self.measuring)

    def spread(self, shares: Sequence[float], least: int = DIGITS) -> tuple[Value, ...]:
        """Return the values at different shares of the way, all different themselves.

        They have as many digits as that takes. Where there are too few whole numbers between
        the ends, or floats, some are the same.

        Args:
            shares: from 0 to 1, each once, in any order.
            least: digits that each has in any case, but for zeros at its end.
        """
        exact = [between(self.low, self.high, share, log=self.log) for share in shares]
        whole = self.measuring is Measuring.INTEGER
        first = max(self.digits, least)
        found = exact
        for digits in range(first, first + 1 if whole else MOST_DIGITS + 1):
            found = [self._rounded(number, digits) for number in exact]
            if len(set(map(round, found) if whole else found)) == len(found):
                break
        else:
            found = self._whole(exact) if whole else found
        return tuple(written(number, self.measuring) for number in found)

    def _rounded(self, number: float, digits: int) -> float:
        if number in (self.low, self.high):
            return number
        return min(max(rounded(number, digits), self.low), self.high)

    def _whole(self, exact: Sequence[float]) -> list[float]:
        """Return whole numbers near given ones: the nearest, or different ones if they suffice."""
        if len(exact) > self.high - self.low + 1.0:
            return [float(round(number)) for number in exact]
        order = sorted(range(len(exact)), key=exact.__getitem__)
        found = [0.0] * len(exact)
        last = self.low - 1.0
        for index in order:
            last = found[index] = max(round(exact[index]), last + 1.0)
        last = self.high + 1.0
        for index in reversed(order):
            last = found[index] = max(min(found[index], last - 1.0), self.low)
        return found


@dataclass(frozen=True)
class Axis:
    """One thing that is varied."""

    path: str  # the place in the scenario, shortened to any ending that names one
    values: tuple[Value, ...]  # what stands there in turn; empty if only the range is known
    span: Span | None = None  # the range, if it was given as one
    places: tuple[str, ...] = ()  # where it stands, if at several places at once

    @property
    def each_place(self) -> tuple[Axis, ...]:
        """The same for each of its places alone."""
        return tuple(Axis(place, self.values, self.span) for place in self.places) or (self,)

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The values as numbers in simcb's units; None if one of them is a word."""
        found = [quantity_of(value) for value in self.values]
        numbers = tuple(each.number for each in found if each is not None)
        return numbers if len(numbers) == len(self.values) else None

    @property
    def first(self) -> Value | None:
        """The value that stands there first; None if none is known."""
        if self.values:
            return self.values[0]
        return self.span.at(0.0) if self.span else None

    @property
    def label(self) -> str:
        """The last words of the path, enough to tell what is varied."""
        words = self.path.split(".")
        # A number alone says nothing: it is the place of a fault in its list.
        kept = 3 if len(words) > 2 and words[-2].isdigit() else 2
        return ".".join(words[-kept:])


@dataclass(frozen=True)
class Spec:
    """What an axis runs through, and how that was written."""

    written: str | tuple[Value, ...]  # the text of it, or the list of its values
    values: tuple[Value, ...]  # what stands there in turn; empty if only the range is known
    span: Span | None = None  # the range, if it was given as one

    def at(self, path: str) -> Axis:
        """Return the axis that runs through this at a place."""
        return Axis(path, self.values, self.span)


def parse_spec(given: object) -> Spec:
    """Read what an axis runs through: the text of a spec, or a list of values.

    A spec is a list `a,b,c`; a range with a step, `lo:hi:step`, both ends in it if the steps
    reach; or N values from one end to the other, `lo..hi/N`, by equal factors with `@log`.
    Numbers have the units they have in a file. Values inside a range are rounded to three
    digits, or as many as keep them apart, and to whole numbers where both ends are written as
    such. `lo..hi`, without a number of values, is for sampling only. The values of a list are
    as in a file.

    Raises:
        Refused: it is neither, or there are no values, or too many, or one of them twice, or
            fewer than are asked for.
    """
    if isinstance(given, str):
        spec = _parsed(given.strip())
    else:
        items = _listed(given)
        _check_few(items)
        values = tuple(_plain(value) for value in items)
        spec = Spec(values, values)
    if not spec.values and spec.span is None:
        raise Refused("has no values", "give at least one")
    met: dict[object, Value] = {}
    for value in spec.values:
        amount = quantity_of(value)
        meaning = amount.number if amount else value
        if meaning in met:
            first = str(met[meaning])
            other = f", at first as {quoted(first)}" if first != str(value) else ""
            raise Refused(f"has {quoted(str(value))} twice{other}", "give each value once")
        met[meaning] = value
    return spec


def _check_few(items: Sequence[object]) -> None:
    if len(items) > MOST_VALUES:
        raise Refused(f"has more than {MOST_VALUES} values", "give fewer")


def _listed(given: object) -> list[object]:
    if isinstance(given, Iterable) and not isinstance(given, Mapping):
        return list(given)
    what = "a mapping" if isinstance(given, Mapping) else "one value"
    raise Refused(f"has {what}", "give a list of values like `[3, 5, 10]`, or a range of them")


def _parsed(spec: str) -> Spec:
    span = _SPAN.fullmatch(spec)
    if span is not None and "," not in spec:
        return _spanned(spec, span)
    stepped = spec.split(":")
    if len(stepped) == 3:
        ends = [quantity_of(part) for part in stepped]
        if all(ends):
            return _stepped(spec, [each for each in ends if each is not None])
    parts = split(spec)
    _check_few(parts)
    return Spec(spec, tuple(_value(each) for each in parts))


def _spanned(spec: str, found: re.Match[str]) -> Spec:
    low, high = quantity_of(found["low"]), quantity_of(found["high"])
    if low is None or high is None:
        raise Refused(f"{quoted(spec)} has an end that is no number", _HINT)
    measuring = _same(spec, [low, high])
    log = found["log"] is not None
    if not low.number < high.number:
        raise Refused(f"{quoted(spec)} does not go upwards", "write the smaller end first")
    if log and low.number <= 0.0:
        raise Refused(f"{quoted(spec)} has no logarithm at its lower end", "begin above 0")
    span = Span(low.number, high.number, measuring, log)
    if found["count"] is None:
        return Spec(spec, (), span)
    count = int(found["count"])
    if not 2 <= count <= MOST_VALUES:
        raise Refused(f"{quoted(spec)} asks for {count} values", f"ask for 2 to {MOST_VALUES}")
    values = span.spread([index / (count - 1) for index in range(count)])
    different = len(set(values))
    if different < count:
        kind = "whole numbers" if measuring is Measuring.INTEGER else "values that differ"
        raise Refused(
            f"{quoted(spec)} asks for {count:,} values, and there are {different:,} {kind} from "
            f"{low.written} to {high.written}",
            f"ask for at most {different:,}, or move the ends apart",
        )
    return Spec(spec, values, span)


def _stepped(spec: str, parts: list[Amount]) -> Spec:
    low, high, step = parts
    measuring = _same(spec, parts)
    if step.number <= 0.0 or high.number < low.number:
        raise Refused(f"{quoted(spec)} leads nowhere", "write LOW:HIGH:STEP, the step above 0")
    # A step that reaches the end but for rounding reaches it.
    steps = (high.number - low.number) / step.number * (1.0 + 1e-12) + 1e-9
    if steps >= MOST_VALUES:
        raise Refused(f"{quoted(spec)} has more than {MOST_VALUES} values", "take larger steps")
    numbers = [rounded(low.number + index * step.number, 12) for index in range(int(steps) + 1)]
    return Spec(spec, tuple(written(number, measuring) for number in numbers))


def _same(spec: str, parts: Sequence[Amount]) -> Measuring:
    """Return what all parts of a range count; a whole number may stand for any number."""
    kinds = {part.measuring for part in parts}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {Measuring.INTEGER, Measuring.NUMBER}:
        return Measuring.NUMBER
    raise Refused(f"{quoted(spec)} mixes units", "give all its numbers the same kind of unit")


def split(spec: str) -> list[str]:
    """Return the parts of a list, separated by the commas outside of brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for letter in spec:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[{":
            depth += 1
        elif letter in "]}":
            depth -= 1
        elif letter == "," and depth == 0:
            parts.append("")
            continue
        parts[-1] += letter
    return [part.strip() for part in parts]


def _value(text: str) -> Value:
    """Return one value of a list as text; whether it fits is for the scenario to say."""
    if not text.strip():
        raise Refused("has an empty value", "take out the comma, or write a value")
    try:
        value = parse_value(text)
    except ScenarioError as error:
        problem = error.problems[0]
        raise Refused(f"has {quoted(text)}, which {problem.what}", problem.remedy) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return text


def _plain(value: object) -> Value:
    if value is None or isinstance(value, bool):
        return _FIXED[value]
    if isinstance(value, str):
        return _value(str(value))
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real) and math.isfinite(value):
        return float(value)
    if isinstance(value, Mapping | list | tuple):
        return _value(flow(value))
    raise Refused(f"has {seen(value)}, which is no value", "give numbers or text as in a file")


def to_plain(value: Value) -> object:
    """Return an axis's value as plain data, as `Scenario.with_` takes it."""
    return parse_value(value) if isinstance(value, str) else value
