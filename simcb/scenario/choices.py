"""Which places of a scenario are chosen by whoever sets its calls up, and which are given.

A policy is what somebody decides and what costs nothing by itself, so too little of it harms as
much as too much: everything a caller sets for a call, and how a service queues and shares out
what comes. The world is what is found: who arrives and when, how long work takes, what fails.
Capacity (`workers`, `replicas`, `instances`) belongs to the world, too: it is bought, more of it
is always better, and the best of several amounts would be the largest.
"""

from __future__ import annotations

from collections.abc import Sequence

GIVEN_OF_A_CALL = frozenset(
    {
        ("share",),
        ("network",),
        ("fallback", "hit_rate"),
        ("fallback", "cache", "keys"),
        ("fallback", "cache", "zipf"),
    }
)
"""What is found and not set of a call: how often it is made, its wire, what a cache holds."""

CHOSEN_OF_A_SERVICE = frozenset({"queue", "balance", "blocking", "on_abandon"})
"""What is set of a service besides its calls."""


def is_policy(keys: Sequence[str | int]) -> bool:
    """Return whether what stands at a place, by the keys that lead to it, is a policy."""
    if len(keys) < 3:
        return False
    part, _, word, *rest = keys
    if word == "calls" and part in ("clients", "services"):
        inside = tuple(rest[1:])
        return not any(inside[: len(given)] == given for given in GIVEN_OF_A_CALL)
    return part == "services" and word in CHOSEN_OF_A_SERVICE
