"""Hypothesis strategies for what somebody changes while a scenario runs."""

from __future__ import annotations

from typing import Any

from call_strategy import Data, retries, shares, times
from hypothesis import strategies as st

from simcb.scenario import Scenario
from simcb.scenario.changes import COME_AND_GO
from simcb.scenario.units import format_duration, format_rate

OPEN = ("poisson", "constant", "backlog")


def _of_group(group: Data) -> dict[str, st.SearchStrategy[Any]]:
    law = group["arrivals"]
    found: dict[str, st.SearchStrategy[Any]] = {
        "deadline": st.none() | times(50, 2500),
        "refresh": st.none()
        | st.fixed_dictionaries({"after": times(50, 1500), "times": st.integers(0, 3)}),
    }
    if law["kind"] in OPEN:
        found["arrivals.rate"] = st.integers(0, 4000).map(lambda n: n / 100)
    if law["kind"] == "backlog":
        del found["refresh"]
        found["arrivals.consumers"] = st.integers(1, 6)
        found["arrivals.pause_when"] = st.sampled_from((None, "open"))
        found["arrivals.poll"] = times(50, 1500)
        found["arrivals.redeliver"] = st.none() | st.fixed_dictionaries(
            {"after": times(50, 2000), "times": st.integers(1, 3)}
        )
    if law["kind"] == "closed":
        found["arrivals.users"] = st.integers(1, 14)
        found["arrivals.think"] = times(100, 800)
    return found


@st.composite
def _retry(draw: st.DrawFn, call: Data) -> Data:
    """A retry policy whose budget is there at the same times as one that has to be."""
    policy: Data = draw(retries(True))
    before = call.get("retry", {}).get("budget")
    kinds = {None if each is None else each["kind"] for each in (before, policy.get("budget"))}
    if len(kinds) > 1 and not kinds <= {None, *COME_AND_GO["retry", "budget"]}:
        policy = {**policy, "budget": before}
    return policy


def _of_call(call: Data) -> dict[str, st.SearchStrategy[Any]]:
    found: dict[str, st.SearchStrategy[Any]] = {
        "share": shares(),
        "timeout": st.none() | times(20, 800),
        "retry": _retry(call),
        "throttle": st.none()
        | st.fixed_dictionaries(
            {"kind": st.just("adaptive"), "k": st.floats(1, 3), "window": times(200, 4000)}
        ),
        "rate_limit": st.none()
        | st.fixed_dictionaries(
            {"rate": st.integers(100, 3000).map(lambda n: n / 97), "max_wait": times(0, 500)}
        ),
    }
    if "retry" in call:
        found["retry.max_retries"] = st.integers(0, 3)
    if "max_concurrent" in call.get("bulkhead", {}):
        found["bulkhead.max_concurrent"] = st.integers(1, 6)
        if call["bulkhead"].get("max_wait"):
            found["bulkhead.max_wait"] = times(20, 900)
            found["bulkhead.queue"] = st.none() | st.integers(0, 4)
    if "breaker" in call and list(call["breaker"]) != ["group"]:
        found["breaker.enabled"] = st.booleans()
        found |= _of_breaker(call["breaker"])
    if "hedge" in call:
        found["hedge.after"] = times(0, 300)
        found["hedge.times"] = st.integers(1, 3)
        found["hedge.budget"] = st.none() | shares()
    if "cache" in call:
        found["cache.ttl"] = times(50, 3000)
        found["cache.coalesce"] = st.booleans()
    if "cache" in call.get("fallback", {}):
        found["fallback.cache.ttl"] = times(50, 4000)
    if "hit_rate" in call.get("fallback", {}):
        found["fallback.hit_rate"] = shares()
    return found


def _of_breaker(breaker: Data) -> dict[str, st.SearchStrategy[Any]]:
    """Settings of a breaker, at most one of each pair of words that say the same."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    if not {"error", "timeout"} & {*breaker.get("ignores", ())}:
        found["counts"] = st.just(["error", "timeout"])
    if "trip" not in breaker:
        found["failure_threshold"] = st.integers(1, 6)
        found["trip"] = st.fixed_dictionaries(
            {
                "kind": st.just("failure_rate"),
                "rate": st.integers(1, 9).map(lambda n: n / 10),
                "calls": st.integers(1, 8),
            }
        )
    if "recovery" not in breaker:
        found["recovery_timeout"] = times(100, 2500)
    return {f"breaker.{word}": law for word, law in found.items()}


def _of_service(service: Data) -> dict[str, st.SearchStrategy[Any]]:
    rate = st.fixed_dictionaries(
        {"kind": st.just("rate"), "rate": st.integers(100, 3000).map(lambda n: n / 97)}
    )
    places = st.fixed_dictionaries({"kind": st.just("concurrency"), "limit": st.integers(1, 5)})
    found: dict[str, st.SearchStrategy[Any]] = {
        "replicas": st.integers(1, 4),
        "workers": st.integers(1, 5),
        "queue.limit": st.none() | st.integers(0, 6),
        "errors": shares().map(lambda share: share * 0.5),
        "contention": times(0, 20),
    }
    if "scale" in service:
        del found["replicas"]
        found["scale.target"] = st.integers(1, 10).map(lambda n: n / 10)
        found["scale.least"] = st.just(1)
        found["scale.most"] = st.integers(service["scale"]["least"], 7)
    kind = service.get("admit", {}).get("kind")
    if kind == "concurrency":
        found["admit"] = places
    elif kind in (None, *COME_AND_GO["admit",]):
        found["admit"] = st.none() | rate
    return found


def places_of(data: Data) -> dict[str, st.SearchStrategy[Any]]:
    """Every place of a scenario that may change while it runs, with values for it."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for part, of in (("clients", _of_group), ("services", _of_service)):
        for name, each in data[part].items():
            found |= {f"{part}.{name}.{word}": law for word, law in of(each).items()}
            for to, call in each["calls"].items():
                here = f"{part}.{name}.calls.{to}"
                found |= {f"{here}.{word}": law for word, law in _of_call(call).items()}
    return found


SECONDS = {
    *("after", "base", "contention", "deadline", "delay", "delays", "max", "max_wait"),
    "recovery_timeout",
    *("poll", "think", "timeout", "ttl", "up_to", "window"),
}
"""Words whose number is a time; `max` is one where a backoff has it."""


def as_written(value: Any, word: str = "", kind: str = "") -> Any:
    """Return plain data, or any part of it, with the units that a file has."""
    if isinstance(value, dict):
        kind = value.get("kind", "")
        return {
            each: as_written(item, each.rpartition(".")[2], kind) for each, item in value.items()
        }
    if isinstance(value, list):
        return [as_written(each, word, kind) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if word == "rate" and kind != "failure_rate":
        return format_rate(value)
    return format_duration(value) if word in SECONDS and kind != "failure_tokens" else value


def made(data: Data) -> Scenario:
    """Return the scenario of plain data, whose changes have no units yet."""
    written = [{**each, "set": as_written(each["set"])} for each in data.get("changes", ())]
    return Scenario(**{**data, "changes": written})


@st.composite
def changes(draw: st.DrawFn, data: Data) -> Data:
    """One change of one to three places."""
    places = places_of(data)
    chosen = draw(st.lists(st.sampled_from(sorted(places)), min_size=1, max_size=3, unique=True))
    values = {path: draw(places[path]) for path in chosen}
    whole = {path for path in values if f"{path}.max_retries" in values}
    whole |= {path for path in values if path.endswith("failure_threshold")} & {
        path.replace(".trip", ".failure_threshold") for path in values if path.endswith(".trip")
    }
    return {
        "at": draw(times(0, int(1000 * data["duration"]))),
        "set": {path: value for path, value in values.items() if path not in whole},
    }
