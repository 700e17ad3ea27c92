"""When a run is well again: what counts as a good answer, and from when there are enough.

Three choices are made here, for `time_to_recover` and for the verdict.

*Good.* A request is good if it ends ok within the patience of its client group, which is that
of `simcb.metrics.patience`. A fallback's answer is never good, but it is told apart from no
answer if it comes within the same patience.

*Decided.* An unfinished request is bad once it has lasted longer than the patience (a minute,
where that is unlimited); a younger one is neither good nor bad and is left out, so a run that
merely ends does not look ill.

*Enough.* Goodput is compared with what was offered, not with the clock: of the n requests that
arrive in a window at least 95 % of n·h must be good, h being the good share of the healthy
phase. A chance dip of Poisson arrivals then means nothing. The number of good ones varies by
chance too, and so does h, known from m healthy requests: together by a standard deviation of
√(n·q·(1 − q)·(1 + n/m)) with q = (m·h + 1)/(m + 2), Laplace's rule, so that a few healthy
requests that all were good do not pass for certainty; and with n/m held at 1 at most, so that
knowing little of how things were before does not excuse everything after. Three of those are
allowed below n·h wherever that is more than the 5 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcb.metrics.facts import Facts, Scope
from simcb.metrics.rows import Booleans
from simcb.metrics.spans import Floats, Integers

WINDOW = 10.0
"""Seconds for which goodput has to stay up to count as recovered."""

FEWEST = 20
"""Requests a window should hold; at low rates it is lengthened until it does on average."""

KEPT = 0.95
"""Share of the healthy goodput that counts as recovered."""

SIGMAS = 3.0


@dataclass(frozen=True)
class Baseline:
    """How well requests did before the first fault.

    Args:
        share: good requests of all decided ones; 1 if there was no request to judge by.
        requests: how many were decided.
        fallbacks: how many of those a fallback answered in time.
    """

    share: float
    requests: int
    fallbacks: int

    def expects(self, requests: Integers, kept: float = KEPT) -> Floats:
        """Return how many of `requests` have to be good for the run to be as well as before."""
        expected: Floats = self.share * requests.astype(np.float64)
        if not self.requests:
            return kept * expected
        likely = (self.share * self.requests + 1.0) / (self.requests + 2.0)
        doubt = 1.0 + np.minimum(1.0, requests / self.requests)
        variance = requests * likely * (1.0 - likely) * doubt
        enough: Floats = np.minimum(kept * expected, expected - SIGMAS * np.sqrt(variance))
        return enough


@dataclass(frozen=True, eq=False)
class Health:
    """Which requests of a run, in order of arrival, are good, and which can be judged at all.

    Args:
        baseline: how well they did before the first fault.
        at: when each arrived.
        good: ended ok in time.
        decided: can be judged.
        fallbacks: answered by a fallback in time.
    """

    baseline: Baseline
    at: Floats
    good: Booleans
    decided: Booleans
    fallbacks: Booleans

    def within(self, start: float, end: float) -> tuple[int, int, int]:
        """Return how many requests of `[start, end)` are good, decided, and a fallback's."""
        low, high = np.searchsorted(self.at, (start, end))
        good, decided, fallbacks = (
            int(np.count_nonzero(each[low:high]))
            for each in (self.good, self.decided, self.fallbacks)
        )
        return good, decided, fallbacks


def health(facts: Facts) -> Health:
    """Return the health of a run's requests, judged by its own healthy phase.

    The baseline is what could be known when the first fault began: a request that was still
    waiting then may have been hurt by the fault, and does not speak for the time before it.
    """
    rows, patience, until = facts.requests, facts.patience, facts.healthy_until
    # A comparison with nan is false: an unfinished request has not ended.
    ended = rows.at + rows.latency <= until
    in_time = patience.kept(rows)
    good, fallbacks = rows.ok & in_time, rows.degraded & in_time
    decided = ~rows.unfinished | patience.lost(rows, facts.trace.duration)
    judged = int(np.count_nonzero(ended | patience.lost(rows, until)))
    share = int(np.count_nonzero(ended & good)) / judged if judged else 1.0
    baseline = Baseline(share, judged, int(np.count_nonzero(ended & fallbacks)))
    return Health(baseline, rows.at, good, decided, fallbacks)


def time_to_recover(scope: Scope) -> float | None:
    """Time from the last fault's end to the first moment from which goodput stays healthy.

    Healthy is at least 95 % of the healthy phase's, relative to what is offered, over the next
    10 s (longer at low rates, until a window holds 20 requests on average). The moments tried
    are the fault's end and every later arrival of a request that turns out good; `never` if the
    run shows none. A good request ends ok within ten times the 99th percentile of its client
    group's ok latency before the first fault, or within 1 s if that is more; why is said in
    `simcb.metrics.patience`, and how much chance is allowed for in `simcb.metrics.recovery`. It
    is 0 if the fault did no harm that outlived it, and undefined if the last fault does not end
    early enough for one such window to fit into the run.
    """
    facts = scope.facts
    if not facts.faults:
        return None
    return _recovery_time(facts, health(facts))


def _recovery_time(facts: Facts, judged: Health) -> float | None:
    end_of_run = facts.trace.duration
    healed = max(fault.end for fault in facts.faults)
    width = window_length(facts)
    if healed + width > end_of_run or not judged.decided.any():
        return None
    tried = judged.at[judged.good & (judged.at >= healed) & (judged.at + width <= end_of_run)]
    moments = np.concatenate(([healed], tried))
    low = np.searchsorted(judged.at, moments)
    high = np.searchsorted(judged.at, moments + width)
    good = np.concatenate(([0], np.cumsum(judged.good & judged.decided)))
    decided = np.concatenate(([0], np.cumsum(judged.decided)))
    requests = decided[high] - decided[low]
    enough = good[high] - good[low] >= judged.baseline.expects(requests)
    (passing,) = np.nonzero(enough & (requests > 0))
    return float(moments[passing[0]] - healed) if len(passing) else math.inf


def window_length(facts: Facts) -> float:
    """Return the seconds over which goodput is judged."""
    rate = len(facts.requests) / facts.trace.duration
    return max(WINDOW, FEWEST / rate) if rate > 0.0 else WINDOW
