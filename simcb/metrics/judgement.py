"""The verdict: one word for how a run took its faults, and the sentence that proves it.

Good and decided requests, and how much chance is allowed for, are those of
`simcb.metrics.recovery`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from simcb.metrics.facts import Facts
from simcb.metrics.measures import Measures
from simcb.metrics.patience import PATIENCE_FACTOR, PATIENCE_FLOOR, Patience
from simcb.metrics.phase import FAULT, RECOVERY, Window
from simcb.metrics.recovery import SIGMAS, WINDOW, Health, health, window_length
from simcb.trace import Trace

UNHARMED_KEPT = 0.99
"""Share of the healthy success that has to be kept for a run to count as unharmed."""

COLLAPSED_BELOW = 0.5
"""Share of the healthy goodput below which a run has collapsed."""

LAST_TENTH = 0.1


class Verdict(StrEnum):
    """How a run took its faults.

    `unharmed`: goodput stayed as it was. `recovered`: it suffered, and was healthy again in time
    and at the end. `degraded`: it suffered and was not. `collapsed`: at the end, with no fault
    active, less than half of the healthy goodput was left.
    """

    UNHARMED = "unharmed"
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


def verdict(trace: Trace, measures: Measures) -> Judgement:
    """Return the verdict on a run, and its reason.

    The end of a run is its last 10 s (longer at low rates) or its last tenth, whichever is
    longer, as far as it lies after the last fault.

    - `collapsed`: less than half of the healthy share of requests is good at the end. Requests
      so young that they need not have finished do not count. With less than 10 s between the
      last fault and the end it is too early to say so.
    - `unharmed`: no fault phase and no recovery has a good share below 99 % of the healthy one
      (or below what chance allows), and the recovery is immediate.
    - `recovered`: harmed, `time_to_recover` is finite, and the end is healthy.
    - `degraded`: anything else, which includes a harmful fault that lasts until the end.

    Without a fault there is nothing to compare with, so requests are held against perfection:
    `unharmed` if 99 % of the finished ones are ok and the answers at the end keep up with the
    arrivals, `collapsed` if the answers at the end are fewer than half of the arrivals. A run
    in which less than half of the requests were good before the first fault is judged so, too.

    Args:
        trace: the run.
        measures: what `measure` said of it.
    """
    facts = Facts(trace)
    judged = health(facts)
    if not len(facts.requests):
        return Judgement(Verdict.UNHARMED, "no request arrived")
    if not facts.faults:
        return _without_fault(facts, "no fault")
    if judged.baseline.share < COLLAPSED_BELOW:
        share = f"{judged.baseline.share:.1%}"
        return _without_fault(
            facts, f"only {share} of requests were {_good(facts.patience)} before any fault"
        )
    return _after_faults(facts, judged, measures)


def _after_faults(facts: Facts, judged: Health, measures: Measures) -> Judgement:
    good, before = _good(facts.patience), judged.baseline
    healthy = f"{before.share:.1%} when healthy{_more(before.fallbacks, before.requests)}"
    if not before.requests:
        healthy = "with no healthy phase to compare with"
    under_faults, after = _shares(facts, judged, FAULT), _shares(facts, judged, RECOVERY)
    in_fault, when = _worst(under_faults, judged), "under fault"
    if not _is_all_of(FAULT, in_fault.window, facts):
        when = "in the worst fault window ({:.6g} to {:.6g} s)".format(*in_fault.window)
    harm = in_fault.told(f"of requests {good} {when}")
    at_end = _at_end(facts, judged)
    time_left = facts.trace.duration - max(fault.end for fault in facts.faults)
    low = COLLAPSED_BELOW * before.share
    if at_end is not None and at_end.value < low and time_left >= WINDOW:
        end = at_end.told(f"of requests {good} at the end with no fault active")
        return Judgement(Verdict.COLLAPSED, f"{end}, {healthy}")
    time = measures.value("time_to_recover")
    if all(_kept(each, judged) for each in (*under_faults, *after)) and not time:
        later = "".join(f", {each.told('after')}" for each in after if each.decided)
        return Judgement(Verdict.UNHARMED, f"{harm}{later}, {healthy}")
    harm += f", {healthy}"
    if at_end is None:
        over = "no request after it shows a recovery"
        why = over if time_left > 0.0 else "the fault lasts until the end"
        return Judgement(Verdict.DEGRADED, f"{harm}; {why}")
    if time == math.inf:
        end = at_end.told("at the end")
        return Judgement(Verdict.DEGRADED, f"{harm}; goodput never came back, {end}")
    if not _well(at_end, judged):
        where = "at the end" if time_left >= WINDOW else f"in the last {time_left:.1f} s after it"
        return Judgement(Verdict.DEGRADED, f"{harm}; only {at_end.told(where)}")
    since = "by the end" if time is None else f"{time:.1f} s after the last fault"
    return Judgement(Verdict.RECOVERED, f"{harm}; healthy again {since}")


def _more(fallbacks: int, requests: int) -> str:
    """Return how many requests a fallback answered, to be said after the share of good ones."""
    share = f"{fallbacks / max(1, requests):.1%}"
    return "" if share == "0.0%" else f" and {share} more from a fallback"


def _good(patience: Patience) -> str:
    """Return what a good request is in words, with its limits in time and where they are from."""
    limits = np.unique(patience.limits)
    known = limits[np.isfinite(limits)]
    if not len(known):
        return "ok"
    least, most = float(known[0]), float(known[-1])
    if len(limits) > 1:
        origin = (
            f"{PATIENCE_FACTOR:.0f} × each group's healthy p99, at least {PATIENCE_FLOOR:.0f} s"
        )
        within = f"{least:.3g} to {most:.3g}" if most > least else f"{least:.3g}"
        return f"ok within {within} s ({origin})"
    floor = most <= PATIENCE_FLOOR * (1.0 + 1e-9)
    origin = "the least" if floor else f"{PATIENCE_FACTOR:.0f} × healthy p99"
    return f"ok within {most:.3g} s ({origin})"


def _without_fault(facts: Facts, why: str) -> Judgement:
    rows, duration = facts.requests, facts.trace.duration
    start = duration - _end_length(facts)
    arrived = int(np.count_nonzero(rows.at >= start))
    answered = int(np.count_nonzero(rows.ok & (rows.at + rows.latency >= start)))
    finished = int(np.count_nonzero(~rows.unfinished))
    ok = int(np.count_nonzero(rows.ok))
    pace = f"{answered} answers to {arrived} requests in the last {duration - start:.0f} s"
    # Both counts vary by chance, each by about the square root of itself.
    slack = math.sqrt(arrived + answered)
    if answered < COLLAPSED_BELOW * arrived - slack:
        return Judgement(Verdict.COLLAPSED, f"{why}; {pace}")
    if ok < UNHARMED_KEPT * finished or answered < arrived - SIGMAS * slack:
        more = _more(int(np.count_nonzero(rows.degraded)), finished)
        share = f"{ok / finished:.1%} of finished requests ok{more}, " if finished else ""
        return Judgement(Verdict.DEGRADED, f"{why}; {share}{pace}")
    return Judgement(Verdict.UNHARMED, f"{why}; {ok} of {finished} finished requests ok")


def _shares(facts: Facts, judged: Health, kind: str) -> list[_Share]:
    """Return the good share of every window of the phases whose name begins with `kind`, once."""
    windows = [w for each in facts.phases if each.name.startswith(kind) for w in each.windows]
    return [_share(judged, window) for window in dict.fromkeys(windows)]


def _is_all_of(phase: str, window: Window, facts: Facts) -> bool:
    return any(each.name == phase and each.windows == (window,) for each in facts.phases)


def _share(judged: Health, window: Window) -> _Share:
    return _Share(*judged.within(*window), window)


def _worst(shares: list[_Share], judged: Health) -> _Share:
    """Return the share in which the most requests are missing."""
    healthy = judged.baseline.share
    return min(shares, key=lambda each: each.good - healthy * each.decided)


def _at_end(facts: Facts, judged: Health) -> _Share | None:
    """Return the good share at the end of the run; None if a fault is active, or nobody asks."""
    duration = facts.trace.duration
    healed = max(fault.end for fault in facts.faults)
    if healed >= duration:
        return None
    start = max(healed, duration - _end_length(facts))
    share = _share(judged, (start, math.inf))
    if share.decided:
        return share
    # All requests of the end are too young to judge: take what came before them.
    share = _share(judged, (healed, math.inf))
    return share if share.decided else None


def _end_length(facts: Facts) -> float:
    duration = facts.trace.duration
    return min(duration, max(window_length(facts), LAST_TENTH * duration))


def _kept(share: _Share, judged: Health) -> bool:
    expected = judged.baseline.expects(np.array([share.decided]), kept=UNHARMED_KEPT)
    return bool(share.good >= expected[0])


def _well(share: _Share, judged: Health) -> bool:
    return bool(share.good >= judged.baseline.expects(np.array([share.decided]))[0])
