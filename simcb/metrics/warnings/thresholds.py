"""Thresholds on a phase that no run of the scenario has, and which therefore can only fail."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcb.metrics.phase import (
    BETWEEN,
    HEALTHY,
    ONE_CHANGE,
    ONE_FAULT,
    PHASES,
    RECOVERY,
    WHOLE,
    active_windows,
    merged,
)
from simcb.metrics.warnings.links import NoEffect
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.thresholds import Threshold


def vain_thresholds(scenario: Scenario, thresholds: Sequence[Threshold]) -> Iterator[NoEffect]:
    """Yield the thresholds, those of the scenario first, whose phase is in no run."""
    missing = _missing(scenario)
    for place, threshold in enumerate(thresholds):
        for name in threshold.qualifiers:
            if name in missing:
                yield NoEffect(
                    f"threshold {quoted(threshold.text)} can only fail: {missing[name]}; "
                    "take another phase, or leave it out",
                    ("thresholds", place) if place < len(scenario.thresholds) else (),
                )


def _missing(scenario: Scenario) -> dict[str, str]:
    """Return the phases that no run of a scenario has, each with the reason.

    Nothing is certain of faults whose times are drawn by lot.
    """
    end = scenario.duration
    if any(fault.by_lot for fault in scenario.faults):
        return {}
    windows = {label: active_windows(fault, end) for label, fault in scenario.labelled_faults}
    missing = {
        ONE_FAULT + label: f"the fault {quoted(label)} is never active in it"
        for label, own in windows.items()
        if not own
    }
    for label, change in scenario.labelled_changes:
        if change.at >= end:
            missing[ONE_CHANGE + label] = f"the change {quoted(label)} is made when it is over"
    every = [window for own in windows.values() for window in own]
    if not every:
        none = "no fault is ever active in it"
        return {**missing, **{name: none for name in PHASES if name not in (WHOLE, HEALTHY)}}
    if min(start for start, _ in every) <= 0.0:
        missing[HEALTHY] = "a fault is active from the first moment on"
    if len(merged(every)) < 2:
        missing[BETWEEN] = "no time without a fault lies between two of them"
    if max(stop for _, stop in every) >= end:
        missing[RECOVERY] = "a fault is active until the run ends"
    return missing
