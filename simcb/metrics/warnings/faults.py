"""Faults and changes that strike nothing, come when the run is over, or never end for somebody."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from simcb.metrics.phase import active_windows
from simcb.metrics.warnings.bounds import shortest
from simcb.metrics.warnings.links import Link, NoEffect, links
from simcb.scenario.changes import in_order
from simcb.scenario.faults import Flush, Loss
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration


def late_faults(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the faults that begin when the run is over, or come again only then.

    When the beginning is drawn by lot, that is so if the earliest that can be drawn is too late.
    """
    end = format_duration(scenario.duration)
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        at, repeat = shortest(fault.at), fault.repeat
        again = math.inf if repeat is None or repeat.times == 1 else at + repeat.every
        if repeat is not None and at < scenario.duration <= again < math.inf:
            yield NoEffect(
                f"fault {quoted(label)} comes once and not {repeat.times} times: the second "
                f"would begin at {format_duration(again)}, and the run ends at {end}; write a "
                "shorter `every`, or let the run last longer",
                ("faults", place, "repeat"),
            )
        if at >= scenario.duration:
            yield NoEffect(
                f"fault {quoted(label)} begins at {format_duration(at)} and the run ends "
                f"at {end}, so it never strikes; let it begin earlier, or the run last longer",
                ("faults", place, "at"),
            )


def vain_changes(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the changes that are made when the run is over, or that set what stands there."""
    end, stages = format_duration(scenario.duration), dict(scenario.stages)
    for place, change in in_order(scenario.changes):
        if change.at >= scenario.duration:
            yield NoEffect(
                f"change {quoted(change.label)} is made at {format_duration(change.at)} and the "
                f"run ends at {end}, so it never is; make it earlier, or let the run last longer",
                ("changes", place, "at"),
            )
        elif later := _set_anew(scenario, place):
            yield NoEffect(
                f"change {quoted(change.label)} sets only what {quoted(later)} sets anew in the "
                "same moment; make one of them at another time, or leave it out",
                ("changes", place, "set"),
            )
        elif change.at > 0.0 and stages[change.at] == _stage_before(stages, change.at):
            yield NoEffect(
                f"change {quoted(change.label)} sets what stands there already; set another "
                "value, or leave it out",
                ("changes", place, "set"),
            )


def _stage_before(stages: Mapping[float, Scenario], moment: float) -> Scenario:
    return stages[max(at for at in stages if at < moment)]


def _set_anew(scenario: Scenario, place: int) -> str:
    """Return which later change of the same moment sets all that one sets; "" if none does."""
    change = scenario.changes[place]
    for other in scenario.changes[place + 1 :]:
        if other.at == change.at and set(change.set) <= set(other.set):
            return other.label
    return ""


def unasked(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the services that nobody asks, neither by a call nor by a health check."""
    asked = {link.to for link in links(scenario)}
    asked |= {each.liveness.asks for each in scenario.services.values() if each.liveness}
    for name in scenario.services:
        if name not in asked:
            yield NoEffect(
                f"nobody asks {quoted(name)}; name it in somebody's `calls`, or leave it out",
                ("services", name),
            )


def endless_losses(link: Link) -> Iterator[NoEffect]:
    """Yield the losses whose attempts are awaited for ever: nobody is told of them."""
    scenario = link.scenario
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        if not isinstance(fault, Loss) or not active_windows(fault, scenario.duration):
            continue
        if link.is_struck(fault) and link.call.timeout is None and not link.gives_up:
            yield NoEffect(
                f"what fault {quoted(label)} loses of {link.name} is awaited for ever, as the "
                "call has no timeout; give it one like `timeout: 2s`",
                ("faults", place),
            )


def empty_flushes(scenario: Scenario) -> Iterator[NoEffect]:
    """Yield the flushes that strike no cache."""
    cached = [link for link in links(scenario) if link.call.cache is not None]
    for place, (label, fault) in enumerate(scenario.labelled_faults):
        if isinstance(fault, Flush) and not any(link.is_struck(fault) for link in cached):
            yield NoEffect(
                f"fault {quoted(label)} empties the caches in front of calls of "
                f"{quoted(fault.service)}, and there are none; add one to a call like "
                "`cache: {keys: 1000, ttl: 1m}`",
                ("faults", place),
            )
