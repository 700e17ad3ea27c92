"""gobreaker's counts and when they trip it: as Go code, or as Dapr's expressions."""

from __future__ import annotations

import re

from simcb.exchange.parts import Got
from simcb.exchange.policy import ENDLESS, Policy
from simcb.scenario.problems import Mark
from simcb.scenario.units import format_share

NEVER_CLEARED = 1_000_000
"""The most calls of a count window: what is never cleared there is remembered this long here."""

_COUNT = r"(?:uint32\(|int\(|float64\()?(?:\w+\.)?"
_ROW = re.compile(rf"{_COUNT}consecutiveFailures\)?\s*(>=|>|==)\s*(\d+)", re.IGNORECASE)
_TOTAL = re.compile(rf"{_COUNT}totalFailures\)?\s*(>=|>|==)\s*(\d+)(?!\s*/)", re.IGNORECASE)
_LEAST = re.compile(rf"{_COUNT}requests\)?\s*(>=|>)\s*(\d+)", re.IGNORECASE)
_RATIO = re.compile(
    r"(?:ratio\w*|rate\w*|requests\)?\)?|\)\s*)\s*(>=|>)\s*(\d*\.\d+|1|0)\b", re.IGNORECASE
)
_DIVIDED = re.compile(
    r"(\w*failures)\)?\)?\s*\*?\s*(?:100\s*)?/\s*(?:float64\()?(?:\w+\.)?requests", re.IGNORECASE
)


_CLEARED = (
    "the counts are cleared at the first call after so long there, by the clock here; what ends "
    "later than its clearing is not counted there"
)


def trip(policy: Policy, text: str, every: Got[float], at: Got[object] | Mark | None) -> None:
    """Add the trip rule that an expression or a function comes to.

    Args:
        policy: gets the rule.
        text: the expression, or the code of `ReadyToTrip`; "" for gobreaker's own, five in a row.
        every: how often the counts are cleared, seconds; 0 for never.
        at: where it stands.
    """
    got = at if isinstance(at, Got) else Got[object](None, at)
    if every.said:
        policy.say(every.said, every, "breaker.trip.0")
    if not text:
        row(policy, 6, every, got, "more than 5 consecutive failures, that is the 6th, is usual")
        return
    divided = _DIVIDED.search(text)
    found = _RATIO.search(text)
    consecutive = _ROW.search(text)
    total = _TOTAL.search(text)
    if divided and found and not consecutive:
        _ratio(policy, text, every, got, found, divided[1])
    elif consecutive:
        threshold = int(consecutive[2]) + (consecutive[1] == ">")
        note = f"consecutiveFailures {consecutive[1]} {consecutive[2]}: trips at number {threshold}"
        row(policy, max(1, threshold), every, got, note)
        if "||" in text or "&&" in text:
            what = "the rest of the condition is left out; only the consecutive failures are taken"
            policy.say(what, got, "breaker.trip.0")
    elif total:
        _total(policy, every, got, int(total[2]) + (total[1] == ">"))
    else:
        what = (
            f"`{' '.join(text.split())[:80]}` is code that cannot be read, so 6 in a row are taken"
        )
        row(policy, 6, every, got, what)


def row(policy: Policy, threshold: int, every: Got[float], at: Got[object], note: str) -> None:
    """Add a rule of consecutive failures, whose count is cleared now and then."""
    rule: dict[str, object] = {"kind": "consecutive_failures", "threshold": threshold}
    rule["every"] = every.value or None
    policy.trip(rule, at, note)
    if every.value:
        policy.say(_CLEARED, every, "breaker.trip.0")


def _ratio(
    policy: Policy, text: str, every: Got[float], got: Got[object], found: re.Match[str], of: str
) -> None:
    rate, strict = float(found[2]), found[1] == ">"
    if strict and rate >= 1.0:
        policy.set("breaker.enabled", False, got, f"> {found[2]} is never passed: it never opens")
        return
    least = _LEAST.search(text)
    minimum = int(least[2]) + (least[1] == ">") if least else 1
    rate = min(rate if strict else max(rate, 1e-9), 1.0)
    rule: dict[str, object] = {"kind": "failure_rate", "rate": format_share(rate)}
    notes = []
    if every.value:
        rule["every"] = every.value
        notes.append(_CLEARED)
    else:
        rule["calls"] = NEVER_CLEARED
        notes.append("the counts are never cleared while it is closed: all calls since it closed")
    rule["minimum_calls"] = max(1, minimum)
    if "consecutive" in of.casefold():
        notes.append("consecutive failures are divided by all requests there, here all failures")
    if strict:
        rule["strict"] = True
    policy.trip(rule, got, *notes)


def _total(policy: Policy, every: Got[float], got: Got[object], threshold: int) -> None:
    rule: dict[str, object] = {"kind": "failures_in_window", "threshold": max(1, threshold)}
    rule |= {"every": every.value} if every.value else {"window": ENDLESS}
    policy.trip(
        rule, got, _CLEARED if every.value else "the count is never cleared while it is closed"
    )


def probes(policy: Policy, most: Got[int]) -> None:
    """Set how gobreaker closes: after so many successes in a row, of which any failure opens it."""
    number = max(1, most.value)
    note = "0 is 1" if most.given and not most.value and not most.said else ""
    policy.set("breaker.half_open.probes", number, most, note)
    policy.set("breaker.half_open.successes", number)
    policy.set("breaker.half_open.lease", ENDLESS)
