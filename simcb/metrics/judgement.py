"""The verdict: one word for how a run took its faults, and the sentence that proves it.

Good, decided and missing requests, and how much chance is allowed for, are those of
`simcb.metrics.health`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from simcb.metrics.facts import Facts, Scope, facts_of
from simcb.metrics.healing import Recovery
from simcb.metrics.health import (
    KEPT,
    SIGMAS,
    UNHARMED_KEPT,
    WINDOW,
    Health,
    LatencyLimits,
)
from simcb.metrics.phase import BETWEEN, FAULT, RECOVERY, Window
from simcb.metrics.rows import request_rows
from simcb.trace import Trace

COLLAPSED_BELOW = 0.5
"""Share of the healthy goodput below which a run has collapsed."""

LAST_TENTH = 0.1


class Verdict(StrEnum):
    """How a run took its faults.

    `unharmed`: goodput stayed as it was. `undecided`: nobody asked, or not when a fault would
    have shown. `recovered`: it suffered, and was healthy again after
    each fault and at the end. `degraded`: it suffered and was not. `collapsed`: at the end, with
    no fault active, less than half of the healthy goodput was left.
    """

    UNHARMED = "unharmed"
    UNDECIDED = "undecided"
    RECOVERED = "recovered"
    DEGRADED = "degraded"
    COLLAPSED = "collapsed"


@dataclass(frozen=True)
class Judgement:
    """A verdict and the sentence that gives its numbers."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True)
class _Share:
    """Good requests of the decided ones in some stretch of time."""

    good: int
    decided: int
    fallbacks: int
    window: Window

    @property
    def value(self) -> float:
        return self.good / self.decided if self.decided else 1.0

    def told(self, where: str) -> str:
        """Return the share in words, and beside it that of a fallback's answers, if any."""
        return f"{self.value:.1%} {where}{_more(self.fallbacks, self.decided)}"


def verdict(run: Trace | Facts) -> Judgement:
    """Return the verdict on a run, and its reason.

    The end of a run is its last 10 s (longer at low rates) or its last tenth, whichever is
    longer, as far as it lies after the last fault.

    - `collapsed`: less than half of the healthy share of requests is good at the end. Requests
      too young to be judged do not count; users in a closed loop who ask for nothing because
      they wait for an overdue answer do. With less than 10 s between the last fault and the end
      it is too early to say so.
    - `unharmed`: no fault, no time between two and no recovery has a good share below 99 % of
      the healthy one (or below what chance allows), and each recovery is immediate.
    - `undecided`: no such loss, but of no request is it known how it ends that arrived during a
      fault, or in the first 10 s (longer at low rates) from the begin of one shorter than that.
    - `recovered`: harmed, healthy again after each fault and before the next, and at the end.
    - `degraded`: anything else, which includes a harmful fault that lasts until the end.

    Without a fault there is nothing to compare with, so requests are held against perfection:
    `unharmed` if 99 % of the finished ones are ok and the answers at the end keep up with the
    arrivals, `collapsed` if the answers at the end are fewer than half of the arrivals. A run
    in which less than half of the requests were good before the first fault is judged so, too.
    """
    facts = facts_of(run)
    judged = facts.health
    if not len(facts.arrivals):
        return Judgement(Verdict.UNDECIDED, "no request arrived")
    if not facts.faults:
        return _without_fault(facts, "no fault")
    if judged.baseline.share < COLLAPSED_BELOW:
        share = f"{judged.baseline.share:.1%}"
        return _without_fault(
            facts, f"only {share} of requests were {_good(facts.latency_limits)} before any fault"
        )
    return _after_faults(facts, judged)


def collapse(scope: Scope) -> float:
    """Share of the runs of a setting whose verdict is `collapsed`.

    A run collapses if less than half of the healthy share of requests is good in its last 10 s
    (longer at low rates) or its last tenth, whichever is longer, as far as it lies after the last
    fault. Without a fault it does if the answers at the end are fewer than half of the arrivals.

    A sweep's `--by collapse` and `--refine collapse=50%` and a tune's `--minimize collapse` ask
    for it, and a sweep's column `collapsed` tells of how many runs it is so. It is a number of
    many runs: a threshold has none, and a single run says it in its verdict.
    """
    return float(verdict(scope.facts).verdict is Verdict.COLLAPSED)


def _after_faults(facts: Facts, judged: Health) -> Judgement:
    before, after = judged.baseline, facts.recovery
    healthy = f"{before.share:.1%} when healthy{_more(before.fallbacks, before.requests)}"
    if not before.requests:
        healthy = "with no healthy phase to compare with"
    harm = _harm(facts, judged)
    at_end = _at_end(facts, judged)
    time_left = facts.trace.duration - max(fault.end for fault in facts.faults)
    low = COLLAPSED_BELOW * before.share
    if at_end is not None and at_end.value < low and time_left >= WINDOW:
        end = at_end.told(
            f"of requests {_good(facts.latency_limits)} at the end with no fault active"
        )
        return Judgement(Verdict.COLLAPSED, f"{end}, {healthy}{_still_waiting(facts)}")
    if not harm.done and not after.seconds:
        shown = Verdict.UNHARMED if _is_shown(facts, judged) else Verdict.UNDECIDED
        return Judgement(shown, f"{harm.sentence}, {healthy}")
    reason = f"{harm.sentence}, {healthy}"
    if at_end is None:
        over = "no request after it shows a recovery"
        why = over if time_left > 0.0 else "the fault lasts until the end"
        return Judgement(Verdict.DEGRADED, f"{reason}; {why}")
    if after.seconds == math.inf:
        when = "goodput never came back"
        if after.again_at is not None:
            when = f"not healthy again before the next fault, at {after.again_at:.6g} s"
        return Judgement(Verdict.DEGRADED, f"{reason}; {when}, {at_end.told('at the end')}")
    if after.healthy_for is None and not _kept((at_end,), judged, KEPT):
        where = "at the end" if time_left >= WINDOW else f"in the last {time_left:.1f} s after it"
        return Judgement(Verdict.DEGRADED, f"{reason}; only {at_end.told(where)}")
    return Judgement(Verdict.RECOVERED, f"{reason}; {_since(after, facts)}")


def _since(after: Recovery, facts: Facts) -> str:
    """Return in words when goodput was healthy again."""
    if after.healthy_for is not None:
        more = math.ceil(facts.health.window - after.healthy_for)
        return (
            f"healthy for the last {after.healthy_for:.1f} s; a run longer by {more} s would "
            "show whether it lasts"
        )
    if after.seconds is None:
        return "healthy again by the end"
    last = after.fault_end == max(fault.end for fault in facts.faults)
    which = "the last fault" if last else f"the fault until {after.fault_end:.6g} s, the slowest"
    return f"healthy again {after.seconds:.1f} s after {which}"


@dataclass(frozen=True)
class _Harm:
    """What a run lost, in words, and whether that is more than nothing."""

    sentence: str
    done: bool


def _harm(facts: Facts, judged: Health) -> _Harm:
    during = _shares(judged, _windows(facts, FAULT))
    calm = _shares(judged, (*_windows(facts, BETWEEN), *_windows(facts, RECOVERY)))
    done = not _kept((*during, *calm), judged, UNHARMED_KEPT)
    in_fault, when = _worst(during, judged), "under fault"
    if not _is_all_of(FAULT, in_fault.window, facts):
        when = f"in the worst fault window ({_told(in_fault.window)})"
    sentence = in_fault.told(f"of requests {_good(facts.latency_limits)} {when}")
    if not any(each.decided for each in during):
        sentence = _nobody(facts)
    if calm and (without := _worst(calm, judged)).decided:
        if len(calm) > 1:
            where = f"in the worst time without a fault ({_told(without.window)})"
            sentence += f", {without.told(where)}"
        elif not done:
            sentence += f", {without.told('after')}"
    return _Harm(sentence, done)


def _is_shown(facts: Facts, judged: Health) -> bool:
    """Return whether any request shows what a fault did; a short one is judged by what follows."""
    windows = _windows(facts, FAULT)
    seen = _shares(judged, [(start, max(end, start + judged.window)) for start, end in windows])
    return any(each.decided for each in seen)


def _nobody(facts: Facts) -> str:
    """Return in words that no request arrived under any fault, or none that is decided."""
    edges = facts.arrivals.searchsorted(np.array(_windows(facts, FAULT)))
    if not np.any(edges[:, 0] < edges[:, 1]):
        return "no request arrived under fault"
    return "it is not known how any request ends that arrived under fault"


def _still_waiting(facts: Facts) -> str:
    """Return how many requests are overdue at the end, to be said after a collapse."""
    overdue = facts.health.judged - facts.totals["finished"]
    return f"; {overdue} requests are still open and overdue" if overdue else ""


def _more(fallbacks: int, requests: int) -> str:
    """Return how many requests a fallback answered, to be said after the share of good ones."""
    share = f"{fallbacks / max(1, requests):.1%}"
    return "" if share == "0.0%" else f" and {share} more from a fallback"


def _good(limits: LatencyLimits) -> str:
    """Return what a good request is in words, with its limits in time and where they are from."""
    return f"ok {limits.words}".rstrip()


def _without_fault(facts: Facts, why: str) -> Judgement:
    duration = facts.trace.duration
    start = duration - _end_length(facts)
    # Whoever waits for an overdue answer asks for nothing, and would.
    missing = int(facts.health.missing(np.array([start]), np.array([duration]))[0])
    arrived = len(facts.arrivals) - int(np.searchsorted(facts.arrivals, start)) + missing
    answered = sum(
        int(np.count_nonzero(rows.ok & (rows.at + rows.latency >= start)))
        for rows in request_rows(facts.trace)
    )
    finished, ok = facts.totals["finished"], facts.totals["ok"]
    pace = f"{answered} answers to {arrived} requests in the last {duration - start:.0f} s"
    # Both counts vary by chance, each by about the square root of itself.
    slack = math.sqrt(arrived + answered)
    if answered < COLLAPSED_BELOW * arrived - slack:
        return Judgement(Verdict.COLLAPSED, f"{why}; {pace}{_still_waiting(facts)}")
    if ok < UNHARMED_KEPT * finished or answered < arrived - SIGMAS * slack:
        more = _more(facts.totals["degraded"], finished)
        share = f"{ok / finished:.1%} of finished requests ok{more}, " if finished else ""
        return Judgement(Verdict.DEGRADED, f"{why}; {share}{pace}")
    return Judgement(Verdict.UNHARMED, f"{why}; {ok} of {finished} finished requests ok")


def _windows(facts: Facts, kind: str) -> tuple[Window, ...]:
    """Return the windows of the phases whose name begins with `kind`, each once."""
    windows = [w for each in facts.phases if each.name.startswith(kind) for w in each.windows]
    return tuple(dict.fromkeys(windows))


def _is_all_of(phase: str, window: Window, facts: Facts) -> bool:
    return any(each.name == phase and each.windows == (window,) for each in facts.phases)


def _told(window: Window) -> str:
    return "{:.6g} to {:.6g} s".format(*window)


def _shares(judged: Health, windows: Sequence[Window]) -> list[_Share]:
    starts, ends = np.array(windows).reshape(-1, 2).T
    tally = judged.within(starts, ends)
    rows = zip(*(each.tolist() for each in tally), windows, strict=True)
    return [_Share(*row) for row in rows]


def _worst(shares: list[_Share], judged: Health) -> _Share:
    """Return the share in which the most requests are missing; of equals the largest."""
    healthy = judged.baseline.share
    return min(shares, key=lambda each: (each.good - healthy * each.decided, -each.decided))


def _at_end(facts: Facts, judged: Health) -> _Share | None:
    """Return the good share at the end of the run; None if a fault is active, or nobody asks."""
    duration = facts.trace.duration
    healed = max(fault.end for fault in facts.faults)
    if healed >= duration:
        return None
    start = max(healed, duration - _end_length(facts))
    # If all requests of the end are too young to judge, what came before them is taken.
    found = _shares(judged, ((start, duration), (healed, duration)))
    return next((share for share in found if share.decided), None)


def _end_length(facts: Facts) -> float:
    duration = facts.trace.duration
    return min(duration, max(facts.health.window, LAST_TENTH * duration))


def _kept(shares: Sequence[_Share], judged: Health, kept: float) -> bool:
    """Return whether each share is that much of the healthy one, or what chance allows."""
    good, decided = (np.array([getattr(each, of) for each in shares]) for of in ("good", "decided"))
    return bool(np.all(good >= judged.baseline.expects(decided, kept)))
