"""A small shop and its store, in whose file one word after the other is misused."""

from __future__ import annotations

from simcb.metrics import no_effect_warnings
from simcb.scenario import Scenario, parse_scenario

PARTS = {
    "arrivals": "{kind: poisson, rate: 5/s}",
    "group": "",
    "call": "timeout: 1s",
    "service": "workers: 2, work: 20ms",
    "faults": "[{kind: hang, on: store, at: 2s, for: 3s}]",
    "more": "",
}
"""What stands in the file unless something else is written there."""

HANGS_AND_ERRS = """[{kind: hang, on: store, at: 1s, for: 3s},
  {kind: errors, on: store, rate: 70%, at: 5s, for: 3s}]"""

Parts = dict[str, str]


def shop(parts: Parts) -> Scenario:
    """Return ten seconds of the shop with some parts of its file written in another way."""
    made = {**PARTS, **parts}
    return parse_scenario(
        f"""
name: misused
duration: 10s
clients:
  shop: {{arrivals: {made["arrivals"]}, {made["group"]} calls: {{store: {{{made["call"]}}}}}}}
services:
  store: {{{made["service"]}}}
{made["more"]}
faults: {made["faults"]}
"""
    )


def warned(parts: Parts) -> list[str]:
    """Return what is told of it."""
    return [str(each) for each in no_effect_warnings(shop(parts))]


def calls(words: str) -> Parts:
    """Return a call with these words and a timeout."""
    return {"call": f"timeout: 1s, {words}"}


def breaks(words: str, service: str = PARTS["service"]) -> Parts:
    """Return a call with a breaker of these words, which closes again in time."""
    short = "" if "recover" in words else "recovery_timeout: 1s, "
    return {**calls(f"breaker: {{{short}{words}}}"), "service": service}


TWO = "replicas: 2, workers: 2, work: 20ms"
THREE = "replicas: 3, workers: 2, work: 20ms"
CLOSED = "{kind: closed, users: 4, think: 1s}"
LIMITED = "workers: 2, work: 20ms, admit: {kind: rate, rate: 4/s, retry_after: 2s}"
