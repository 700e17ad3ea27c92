"""What each kind of prediction is called, and which metrics it foretells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """A kind of prediction.

    Args:
        label: what a table calls it.
        metrics: the metrics that it foretells or bounds.
        rank: what goes first where there is no room for all: the higher, the sooner.
        first: whether a first screen has it.
    """

    label: str
    metrics: tuple[str, ...] = ()
    rank: int = 0
    first: bool = True


MEANINGS = {
    "utilisation": Meaning("workers busy", ("utilisation",), 2),
    "load_under": Meaning("load under", ("utilisation", "mean_queue", "success"), 1),
    "wait": Meaning("mean wait for a worker", ("mean_queue", "mean", "success_mean"), 3),
    "replicas": Meaning("replicas its autoscaler makes", ("replicas",), 2),
    "refused": Meaning("turned away, queue full", ("success",), 3),
    "throttled": Meaning("turned away by its limit", ("throttled", "success"), 3),
    "amplification": Meaning("tries for one request", ("amplification", "attempt_rate"), 1),
    "lasting_amplification": Meaning("the same, in the long run", ("amplification",), 2),
    "collapse_margin": Meaning("retried load / capacity", ("time_to_recover", "goodput")),
    "calls_heard": Meaning("each breaker hears", ("attempt_rate",), 4),
    "calls_needed": Meaning("calls it needs to judge", ("time_to_trip",), 4, first=False),
    "calls_in_window": Meaning("calls in its window", ("time_to_trip", "missed_trips")),
    "false_trips": Meaning("opens by chance every", ("false_trips",)),
    "rejected_by_one": Meaning("one opening turns away", ("rejected", "unneeded_rejections"), 2),
    "lag_by_one": Meaning("one opening lets wait", ("lag",), 2),
    "probes": Meaning("probes while it is down", ("downstream_rate", "open_fraction"), 3),
    "time_to_detect": Meaning("opens after", ("time_to_trip", "missed_trips")),
    "open_under": Meaning("open under", ("open_fraction", "rejected"), 1),
    "answered_with": Meaning("answered under", ("success", "availability")),
}
"""Every kind of prediction by its name."""
