"""Conditions under which a comparison counts as failed: `[NAME:] [change] METRIC OP VALUE`.

Without a name a condition is about every variant but the first. `change` makes it one about the
variant minus the first, replicate by replicate, and its value may be negative.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from simcb.metrics import METRICS, ThresholdResult, Unit, check_thresholds, judge
from simcb.scenario import Threshold, parse_threshold
from simcb.scenario.refusal import Refused, choice_remedy, quoted
from simcb.studies.comparison import Comparison
from simcb.studies.evaluation.contenders import NO_BREAKER
from simcb.studies.run import StudyError
from simcb.studies.variants import NONE, Variant

CHANGE = "change"

_NEGATIVE = re.compile(r"(?s)(.*(?:<=|>=|==|<|>)\s*)-(\S+)\s*")
_NAMED = re.compile(r"(?s)([^{}<>=]*):(.*)")


@dataclass(frozen=True)
class Condition:
    """One condition.

    Args:
        text: as it is shown.
        variants: the places of the variants it is about.
        change: whether it is about the difference from the first.
        threshold: what it says of each.
    """

    text: str
    variants: tuple[int, ...]
    change: bool
    threshold: Threshold


@dataclass(frozen=True)
class Judged:
    """A condition held against one variant.

    Args:
        condition: what was asked.
        variant: the place of the variant.
        result: what it came to.
    """

    condition: Condition
    variant: int
    result: ThresholdResult

    @property
    def good(self) -> bool:
        """True if it is shown not to hold; what is undefined is not."""
        return self.result.fails


def conditions_on(texts: Sequence[str], variants: Sequence[Variant]) -> tuple[Condition, ...]:
    """Return the conditions of `--fail-if`, checked against the variants they are about.

    Raises:
        StudyError: one cannot be read, or names no variant.
        ThresholdError: one is about what does not exist.
    """
    found = tuple(_condition(text.strip(), variants) for text in texts)
    for condition in found:
        for place in condition.variants:
            check_thresholds((condition.threshold,), variants[place].scenario)
            if condition.change:
                check_thresholds((condition.threshold,), variants[0].scenario)
    return found


def _condition(text: str, variants: Sequence[Variant]) -> Condition:
    rest, names = text, [each.name for each in variants]
    if NO_BREAKER in names and NONE not in names and re.match(rf"{NONE}\s*:", text):
        text = rest = NO_BREAKER + text.removeprefix(NONE)
    places: tuple[int, ...] = tuple(range(1, len(variants)))
    # A name may have a colon, so the longest that fits is meant.
    for name in sorted(names, key=len, reverse=True):
        after = text.removeprefix(name).lstrip()
        if text.startswith(name) and after.startswith(":"):
            rest, places = after[1:].strip(), (names.index(name),)
            break
    else:
        if unknown := _NAMED.fullmatch(text):
            word = unknown[1].strip()
            raise StudyError(f"there is no variant {quoted(word)}", choice_remedy(word, names))
    word, _, after = rest.partition(" ")
    change = word == CHANGE
    if change and places == (0,):
        raise StudyError(
            f"{quoted(text)}: {quoted(names[0])} is what changes are held against",
            "name another variant, or none for all others",
        )
    return Condition(text, places, change, _threshold(after if change else rest, text, change))


def _threshold(written: str, text: str, change: bool) -> Threshold:
    negative = _NEGATIVE.fullmatch(written) if change else None
    try:
        found = parse_threshold(negative[1] + negative[2] if negative else written)
    except Refused as refused:
        remedy = f"{refused.remedy}; before it may stand `NAME:` and `{CHANGE}`"
        raise StudyError(f"{quoted(text)}: {refused.what}", remedy) from None
    limit = -found.limit if negative else found.limit
    return replace(found, text=text, limit=limit)


def judged(conditions: Sequence[Condition], comparison: Comparison) -> Iterator[Judged]:
    """Hold conditions against each variant they are about.

    Raises:
        ThresholdError: one is about what a saved run has not got.
    """
    for condition in conditions:
        for place in condition.variants:
            result = comparison.results[place]
            values = comparison.difference(place) if condition.change else result.summary
            (found,) = judge((condition.threshold,), values)
            yield Judged(condition, place, found)


def unit_of(condition: Condition) -> Unit:
    """Return what a condition's number counts."""
    return METRICS[condition.threshold.metric].unit
