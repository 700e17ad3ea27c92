"""Warnings: what a scenario asks for in vain.

It is no mistake in the file; but whoever wrote it expects something that will not happen. A new
warning is one function in the file of its family and one line in a table here. It yields a sentence
only if what it says holds in every run, and its docstring says when that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from simcb.metrics.warnings import (
    answers,
    arrivals,
    breakers,
    faults,
    limits,
    processes,
    queues,
    retries,
    thresholds,
)
from simcb.metrics.warnings.links import Asked, Keys, Link, NoEffect, links
from simcb.scenario.model import Scenario
from simcb.scenario.thresholds import Threshold

OF_THE_RUN: tuple[Callable[[Scenario], Iterator[NoEffect]], ...] = (
    faults.late_faults,
    faults.vain_changes,
)
"""Those about a whole scenario, its changes included."""

OF_THE_SYSTEM: tuple[Callable[[Scenario], Iterator[NoEffect]], ...] = (
    arrivals.cut_stamps,
    arrivals.after_the_end,
    arrivals.early_end,
    arrivals.one_instance,
    faults.empty_flushes,
    faults.unasked,
    arrivals.one_priority,
    queues.vain_queues,
    queues.nothing_fails,
)
"""Those about a scenario that stays as it is."""

OF_A_SERVICE: tuple[Callable[[Asked], Iterator[NoEffect]], ...] = (
    limits.unreached,
    limits.nobody_waits,
    limits.one_way_admissions,
    limits.fixed_admissions,
    limits.nobody_heeds,
    processes.bounded_replicas,
    processes.no_others,
    processes.vain_scales,
    processes.dear_checks,
    processes.vain_crashes,
)
"""Those about one service, likewise."""

OF_A_CALL: tuple[Callable[[Link], Iterator[NoEffect]], ...] = (
    faults.endless_losses,
    answers.never_answered,
    answers.late_timeouts,
    retries.vain_retries,
    retries.vain_waits,
    retries.vain_budgets,
    retries.unheard_failures,
    answers.late_hedges,
    answers.poor_hedges,
    answers.rare_hits,
    answers.nobody_joins,
    breakers.never_opens,
    breakers.never_slow,
    breakers.too_few_calls,
    breakers.always_slow,
    breakers.never_closes,
    breakers.vain_recovery,
    breakers.vain_probes,
    breakers.vain_shares,
    breakers.one_process,
    breakers.no_hint,
    breakers.no_panic,
    breakers.one_replica,
    breakers.new_replicas,
    breakers.vain_groups,
    limits.one_replica,
    limits.one_way_bulkheads,
    limits.never_full,
    limits.fixed_limits,
    limits.idle_rate_limit,
    answers.vain_fallbacks,
)
"""Those about one call, likewise."""


def no_effect_warnings(
    scenario: Scenario, conditions: Sequence[Threshold] = ()
) -> tuple[NoEffect, ...]:
    """Return what can never matter in a run, each as a sentence with its remedy.

    The last are thresholds on a phase that the run cannot have, which then only can fail; `healthy`
    of a run without faults is its whole.

    Args:
        scenario: what is to be run; its thresholds are known to be sound.
        conditions: further thresholds, likewise.
    """
    stages = [stage.model_copy(update={"faults": scenario.faults}) for _, stage in scenario.stages]
    first, *later = [list(_of_the_system(stage)) for stage in stages]
    return (
        *(each for of_it in OF_THE_RUN for each in of_it(scenario)),
        # What may matter after a change is no mistake before it.
        *(each for each in first if all(each in found for found in later)),
        *thresholds.vain_thresholds(scenario, (*scenario.thresholds, *conditions)),
    )


def _of_the_system(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield what can never matter of a scenario that stays as it is."""
    for of_it in OF_THE_SYSTEM:
        yield from of_it(scenario)
    for of_its in OF_A_SERVICE:
        for name, service in scenario.services.items():
            yield from of_its(Asked(scenario, name, service))
    calls = tuple(links(scenario))
    for of_one in OF_A_CALL:
        for link in calls:
            yield from of_one(link)


def placed_warnings(warnings: Sequence[str], line_of: Callable[[Keys], str]) -> tuple[str, ...]:
    """Return warnings with the line of the file in front of each that stands in one."""
    placed = ((line_of(each.keys) if isinstance(each, NoEffect) else "", each) for each in warnings)
    return tuple(f"{line}: {each}" if line else str(each) for line, each in placed)
