"""Scenarios in which as much as possible happens in the same moment.

Ties are where two models part first, and chance hardly ever makes them. So all times are put
on a grid of eighths of a second, which floats add up exactly, and nothing is left to luck that
would move a moment off the grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from call_strategy import Data
from change_strategy import made
from hypothesis import strategies as st
from scenario_strategy import scenario_data

from simcb.scenario import Scenario

GRID = 8
"""Steps of a second."""

TIMES = {
    *("add", "after", "at", "base", "deadline", "delay", "duration", "every", "for", "interval"),
    *(
        "lease",
        "max",
        "max_wait",
        "poll",
        "recovery_timeout",
        "restart",
        "retry_after",
        "sample_every",
        "slow",
        "slow_start",
    ),
    *("timeout", "ttl", "up_to", "window"),
}
"""Words whose number is a time that may be put off until the next step."""


def _rounded(seconds: float) -> float:
    return round(GRID * seconds) / GRID


def _later(seconds: float) -> float:
    """A time on the grid that is only zero if it was."""
    return _rounded(seconds) or (1 / GRID if seconds > 0 else 0.0)


def _rate(per_second: float) -> float:
    """A rate that divides the steps of a second, so that arrivals stay on the grid."""
    return min((0.0, 1.0, 2.0, 4.0, 8.0), key=lambda rate: abs(rate - per_second / 4))


def _work(law: Data | float) -> Data:
    """Always the same work, often none."""
    if isinstance(law, dict):
        law = next(law[word] for word in ("value", "mean", "p50", "low", "values") if word in law)
    seconds = law[0] if isinstance(law, list) else law
    return {"kind": "constant", "value": _rounded(seconds)}


def _arrivals(law: Data) -> Data:
    if law["kind"] == "closed":
        think = _work(law["think"])
        return {**law, "think": {**think, "value": max(1 / GRID, think["value"])}}
    if law["kind"] == "backlog":
        # What is produced comes by chance, off the grid.
        later = {word: on_the_grid({word: law[word]})[word] for word in WAITS if word in law}
        return {**law, **later, "rate": 0.0}
    if "moments" in law:
        return {**law, "moments": tuple(_rounded(moment) for moment in law["moments"])}
    if "rates" in law:
        return {
            **law,
            "rates": tuple(map(_rate, law["rates"])),
            "interval": _later(law["interval"]),
        }
    points = law["rate"]
    if not isinstance(points, list):
        return {"kind": "constant", "rate": _rate(points) or 1.0}
    stepped = [{"at": _rounded(p["at"]), "rate": _rate(p["rate"]), "ramp": 0.0} for p in points]
    return {"kind": "constant", "rate": list({p["at"]: p for p in stepped}.values())}


WAITS = ("poll", "redeliver")
"""Words of consumers with a time in them."""

SPECIAL: dict[str, Callable[[Any], Any]] = {
    "arrivals": _arrivals,
    "work": _work,
    "network": _work,
    "delays": lambda delays: [_later(delay) for delay in delays],
    "contention": lambda seconds: _rounded(10 * seconds),
    "ramp": lambda seconds: int(GRID * seconds) / GRID,
    "jitter": lambda jitter: "none" if isinstance(jitter, str) else 0.0,
    "factor": round,
}
"""Words that need more than a time put on the grid."""


def _change(settings: Data) -> Data:
    """What a change sets, each by the last word of its path."""
    moved = {}
    for path, value in settings.items():
        word = path.rpartition(".")[2]
        if word == "rate":
            moved[path] = _rate(value)
        elif word == "think":
            moved[path] = max(1 / GRID, _rounded(value))
        else:
            moved[path] = on_the_grid({word: value})[word]
    return moved


def on_the_grid(data: Any) -> Any:
    """Return a scenario's plain data, or any part of it, with all its times on the grid."""
    if isinstance(data, list):
        return [on_the_grid(each) for each in data]
    if not isinstance(data, dict):
        return data
    moved: Data = {}
    for word, value in data.items():
        if word == "set":
            moved[word] = _change(value)
        elif word in SPECIAL:
            moved[word] = SPECIAL[word](value)
        elif word in TIMES and isinstance(value, int | float):
            moved[word] = _later(value)
        else:
            moved[word] = on_the_grid(value)
    return moved


def tied_scenarios(*, most_faults: int = 4) -> st.SearchStrategy[Scenario]:
    """A small valid scenario full of ties, with every word of the file.

    Args:
        most_faults: how many things go wrong at most.
    """
    data = scenario_data(most_faults=most_faults)
    return data.map(lambda found: made(on_the_grid(found)))
