"""What a scenario asks for and no run of it can have: found before anything is run.

It is no mistake in the file, and a run of it has its numbers; but whoever wrote it expects
something that will not happen.
"""

from __future__ import annotations

from collections.abc import Sequence

from simcb.metrics.asking import PHASES
from simcb.metrics.phase import HEALTHY, ONE_FAULT, RECOVERY, WHOLE
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.thresholds import Threshold
from simcb.scenario.units import format_duration


def futile(scenario: Scenario, conditions: Sequence[Threshold] = ()) -> tuple[str, ...]:
    """Return what can never matter in a run, each as a sentence with its remedy.

    That is a fault that begins when the run is over, and a threshold on a phase that the run
    cannot have, which then only can fail. `healthy` of a run without faults is its whole.

    Args:
        scenario: what is to be run; its thresholds are known to be sound.
        conditions: further thresholds, likewise.
    """
    end = format_duration(scenario.duration)
    found = []
    for label, fault in scenario.labelled_faults:
        if fault.at >= scenario.duration:
            found.append(
                f"fault {quoted(label)} begins at {format_duration(fault.at)} and the run ends "
                f"at {end}, so it never strikes; let it begin earlier, or the run last longer"
            )
    missing = _missing_phases(scenario)
    found += [
        f"threshold {quoted(threshold.text)} can only fail: {missing[name]}; "
        "take another phase, or leave it out"
        for threshold in (*scenario.thresholds, *conditions)
        for name in threshold.qualifiers
        if name in missing
    ]
    return tuple(found)


def _missing_phases(scenario: Scenario) -> dict[str, str]:
    """Return the phases that no run of a scenario has, each with the reason."""
    end = scenario.duration
    windows = {
        label: [(a, b) for a, b in fault.windows if a < b and a < end and fault.share > 0]
        for label, fault in scenario.labelled_faults
    }
    missing = {
        ONE_FAULT + label: f"the fault {quoted(label)} is never active in it"
        for label, own in windows.items()
        if not own
    }
    every = [window for own in windows.values() for window in own]
    if not every:
        none = "no fault is ever active in it"
        return {**missing, **{name: none for name in PHASES if name not in (WHOLE, HEALTHY)}}
    if min(start for start, _ in every) <= 0.0:
        missing[HEALTHY] = "a fault is active from the first moment on"
    if max(stop for _, stop in every) >= end:
        missing[RECOVERY] = "a fault is active until the run ends"
    return missing
