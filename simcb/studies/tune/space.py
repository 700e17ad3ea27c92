"""Where a tune looks unless it is told: the rule, the opening and the timeout of guarded calls.

All values are such as people write. The calls are those to one service: the first that the
file's own faults strike, or else the first that is guarded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from simcb.predictions.chance import met_by_chance
from simcb.scenario import Scenario, parse_value
from simcb.scenario.axes import Axis
from simcb.scenario.breaker_groups import by_breaker
from simcb.scenario.breakers import Breaker
from simcb.scenario.model import ROOT
from simcb.scenario.paths import find_place
from simcb.scenario.refusal import Refused, quoted
from simcb.scenario.tree import Tree
from simcb.scenario.units import Value, format_duration, quantity_of
from simcb.scenario.validation import tree_of
from simcb.scenario.writer import flow
from simcb.studies import StudyError

IN_A_ROW = (3, 5, 10, 20, 40)
SHARES = ("30%", "50%", "70%")
LAST = (20, 100)
RECOVERIES = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0)
TIMEOUTS = tuple(digit * 10.0**power for power in range(-3, 3) for digit in (1.0, 2.0, 5.0))
SHORTER = 3
"""How many shorter timeouts are tried."""

OF_THE_WORK = 4.0
"""A timeout is no shorter than so many times the mean work."""

RARE = 10_000.0
"""Calls between two openings by chance that count as never."""

_CALMER = {
    "trip": (0, 1.0),
    "failure_threshold": (0, 1.0),
    "threshold": (0, 1.0),
    "rate": (0, 1.0),
    "minimum_calls": (0, 1.0),
    "recovery_timeout": (1, -1.0),
    "recovery.timeout": (1, -1.0),
    "timeout": (2, 1.0),
}
"""Whether more of something is calmer (1) or less of it (-1), and what is looked at first."""


def default_space(scenario: Scenario) -> tuple[Axis, ...]:
    """Return what is varied of a scenario's guarded calls to one service.

    Raises:
        StudyError: no call is guarded.
    """
    guarded = [
        (caller, name, call)
        for caller, name, call in scenario.guarded_calls
        if call.breaker is not None and call.breaker.enabled
    ]
    if not guarded:
        raise StudyError(
            f"{quoted(scenario.name)} has no breaker to tune",
            "give a call one, as in `breaker: {}`, or say what to vary with --space",
        )
    struck = {fault.service for fault in scenario.faults}
    asked = [_behind(scenario, caller, name) for caller, name, _ in guarded]
    target = next((each for services in asked for each in services if each in struck), asked[0][0])
    calls = [each for each, services in zip(guarded, asked, strict=True) if target in services]
    places = [
        f"{'clients' if caller in scenario.clients else 'services'}.{caller}.calls.{name}"
        for caller, name, _ in calls
    ]
    breakers = [call.breaker for *_, call in calls if call.breaker is not None]
    long = any(breaker.recovery is not None for breaker in breakers)
    recoveries = {*RECOVERIES, *(each.recovery_policy().timeout for each in breakers)}
    work = scenario.services[target].work.mean_value
    waits = [call.timeout for *_, call in calls]
    longest = max((wait for wait in waits if wait is not None), default=None)
    sensible = [each for each in TIMEOUTS if each >= OF_THE_WORK * work]
    if longest is None:
        times = [*map(format_duration, sensible[:SHORTER]), "null"]
    else:
        shorter = [each for each in sensible if each < longest][-SHORTER:]
        times = [format_duration(each) for each in (*shorter, longest)]
    tree = tree_of(scenario)
    found = (
        ("breaker.trip", _trips(breakers)),
        (
            "breaker.recovery.timeout" if long else "breaker.recovery_timeout",
            tuple(map(format_duration, sorted(recoveries))),
        ),
        ("timeout", tuple(times)),
    )
    return tuple(
        _axis(tree, [f"{place}.{word}" for place in places], values)
        for word, values in found
        if len(values) > 1
    )


def _behind(scenario: Scenario, caller: str, name: str) -> list[str]:
    """Return the services behind the breaker whose settings stand at a call."""
    part = scenario.clients.get(caller) or scenario.services[caller]
    return [part.calls[each].target(each) for each in by_breaker(part.calls)[name]]


def _axis(tree: Tree, places: Sequence[str], values: Sequence[Value]) -> Axis:
    """Return an axis of one or several places, by the shortest path that names the first."""
    words = places[0].split(".")
    path = places[0]
    for count in range(2, len(words)):
        try:
            if find_place(tree, ROOT, ".".join(words[-count:])).path == places[0]:
                path = ".".join(words[-count:])
                break
        except Refused:
            continue
    return Axis(path, tuple(values), places=tuple(places) if len(places) > 1 else ())


def _trips(breakers: Sequence[Breaker]) -> tuple[Value, ...]:
    """Return trip rules as in a file, the calmest last, those that the file has among them."""
    rules: list[object] = [{"kind": "consecutive_failures", "threshold": n} for n in IN_A_ROW]
    rules += [
        {"kind": "failure_rate", "rate": share, "calls": calls, "minimum_calls": calls}
        for calls in LAST
        for share in SHARES
    ]
    own = [each.to_data().get("trip") for each in breakers if each.trip is not None]
    own += [
        {"kind": "consecutive_failures", "threshold": each.failure_threshold}
        for each in breakers
        if each.trip is None
    ]
    texts = dict.fromkeys(flow(rule) for rule in (*rules, *own))
    return tuple(sorted(texts, key=tolerated))


@lru_cache(maxsize=256)
def tolerated(trip: str) -> float:
    """Return at which share of failures a trip rule, as in a file, begins to open by chance.

    Up to there about one call in `RARE` finds the rule met, each failing by itself.
    """
    rules = Breaker.model_validate({"trip": parse_value(trip)}).rules()
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2.0
        rare = all(met_by_chance(rule, middle) <= 1.0 / RARE for rule in rules)
        low, high = (middle, high) if rare else (low, middle)
    return low


def calmness(axes: Sequence[Axis], values: Sequence[Value]) -> tuple[float, ...]:
    """Return how calm a setting is, greater for a calmer one: by its rule, its opening, its rest.

    That is the highest threshold first, then the shortest opening, then the longest timeout.
    """
    found = []
    for axis, value in zip(axes, values, strict=True):
        words = axis.path.split(".")
        last = ".".join(words[-2:]) if ".".join(words[-2:]) in _CALMER else words[-1]
        if last in _CALMER:
            rank, sign = _CALMER[last]
            found.append((rank, sign * _amount(last, value)))
    return tuple(amount for _, amount in sorted(found, key=lambda each: each[0]))


def _amount(word: str, value: Value) -> float:
    if word == "trip":
        return tolerated(str(value))
    quantity = quantity_of(value)
    return float("inf") if quantity is None else quantity.number


def rule_words(trip: str) -> str:
    """Return a trip rule, as in a file, in a few words: `5 in a row`, `50% of 20 calls`."""
    plain = parse_value(trip)
    rules = plain if isinstance(plain, list) else [plain]
    return " or ".join(_in_words(rule) for rule in rules if isinstance(rule, Mapping))


def _in_words(rule: Mapping[str, object]) -> str:
    kind = rule.get("kind")
    if kind == "consecutive_failures":
        return f"{rule.get('threshold', 5)} in a row"
    if kind == "failures_in_window":
        return f"{rule.get('threshold', 5)} within {rule.get('window', '1m')}"
    looks = f"of {rule['calls']} calls" if "calls" in rule else f"within {rule.get('window')}"
    what = " slow" if kind == "slow_call_rate" else " failed or slow" if "slow" in rule else ""
    what += " in flight" if rule.get("in_flight") is True else ""
    return f"{rule.get('rate', '50%')}{what} {looks}"
