"""Whether the breaker helped or hurt: the same random streams with and without it, by phase.

What counts is how many requests are answered in time, ok or by a fallback; where that is the
same, how many are ok. In time is what `simcb.metrics.health` says. Two shares are told apart if
they differ by a tenth of a point and by more than chance: with replicates, if the 95 % interval
of the paired differences is all on one side; in a single run, if the numbers of missed requests
differ by more than three times what counts of that size vary by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simcb.metrics.facts import Facts
from simcb.metrics.health import SIGMAS, Tally
from simcb.metrics.intervals import Estimate, difference, estimate
from simcb.metrics.measures import Measures
from simcb.metrics.phase import BETWEEN, FAULT, HEALTHY, RECOVERY, WHOLE, is_single
from simcb.trace import STATE_CODE, Trace

LEAST = 0.001
"""Share of a phase's requests below which a difference is none."""

WAITED = 0.1
"""Part of the callers' waiting by which it has to change to be told."""

_WHEN = {
    WHOLE: "",
    HEALTHY: " when healthy",
    FAULT: " under fault",
    BETWEEN: " between faults",
    RECOVERY: " after the last fault",
}


class Effect(StrEnum):
    """What the breaker did."""

    HELPED = "helped"
    NO_DIFFERENCE = "made no difference"
    HURT = "hurt"
    TOO_LATE = "came too late"
    NEVER_OPENED = "never opened"


@dataclass(frozen=True)
class PhaseEffect:
    """Shares of a phase's requests that were answered, or ok, in time.

    Args:
        phase: the phase's name.
        with_it: the share with the breaker, its mean over the replicates.
        without_it: the share without any breaker.
        change: with minus without, of pairs of replicates.
        told_apart: whether they differ by more than chance.
        requests: how many more are answered with the breaker, on average.
    """

    phase: str
    with_it: Estimate
    without_it: Estimate
    change: Estimate
    told_apart: bool
    requests: float

    def sentence(self, what: str) -> str:
        """Return both shares in words; `what` comes after the first, as in `are answered`."""
        change = self.change.mean or 0.0
        digits = 1 if abs(change) >= 0.01 or not self.told_apart else 2
        shares = (each.mean or 0.0 for each in (self.with_it, self.without_it))
        with_it, without_it = (f"{each:.{digits}%}" for each in shares)
        half = ""
        if self.change.low is not None and self.change.high is not None:
            width = (self.change.high - self.change.low) * 50.0
            half = f" ({change * 100.0:+.{digits}f} ±{width:.{digits}f} points)"
        return f"{with_it}{what}{_WHEN[self.phase]}, {without_it} without it{half}"


@dataclass(frozen=True)
class BreakerEffect:
    """What the breaker did.

    Args:
        effect: in a word.
        sentence: the same with its numbers.
        what: whether `phases` are of requests `answered` in time or, where those are alike, of
            those that are `ok`.
        phases: the numbers.
    """

    effect: Effect
    sentence: str
    what: str
    phases: tuple[PhaseEffect, ...]

    @property
    def words(self) -> str:
        """The effect as part of a headline: `the breaker helped after the last fault`.

        When is said unless it is under the fault, as one expects, and the same throughout.
        """
        words = f"the breaker {self.effect.value}"
        apart = sorted((p for p in self.phases if p.told_apart), key=lambda p: -abs(p.requests))
        helped = [_WHEN[each.phase] for each in apart if each.requests > 0.0]
        hurt = [_WHEN[each.phase] for each in apart if each.requests < 0.0]
        mostly, besides = (helped, hurt) if self.effect is Effect.HELPED else (hurt, helped)
        if besides:
            other = Effect.HURT if self.effect is Effect.HELPED else Effect.HELPED
            return f"{words}{mostly[0]} and {other.value}{besides[0]}"
        return words if not mostly or _WHEN[FAULT] in mostly else f"{words}{mostly[0]}"


class Observed(Protocol):
    """A run as it is compared."""

    @property
    def trace(self) -> Trace:
        """What happened."""

    @property
    def measures(self) -> Measures:
        """Its numbers."""


def effect_of(with_it: Sequence[Observed], without_it: Sequence[Observed]) -> BreakerEffect | None:
    """Return what the breaker did, from pairs of runs on the same random streams.

    It is None if there is no breaker that could do anything. `came too late`: it made no
    difference, and was closed for the first half of every fault that cost answers.

    Args:
        with_it: the replicates.
        without_it: the same without any breaker, in the same order.
    """
    if not with_it[0].trace.layout.breaker_count:
        return None
    pairs = [(Facts(a.trace), Facts(b.trace)) for a, b in zip(with_it, without_it, strict=True)]
    answered = _by_phase(pairs, lambda tally: tally.good + tally.fallbacks)
    ok = _by_phase(pairs, lambda tally: tally.good)
    what, parts = "answered", answered
    if not any(each.told_apart for each in answered) and any(each.told_apart for each in ok):
        what, parts = "ok", ok
    apart = sorted((p for p in parts if p.told_apart), key=lambda p: -abs(p.requests))
    # A closed one may make a difference too: some packages' hold a lock during the call.
    if not apart and not any(has_opened(each.trace) for each in with_it):
        return BreakerEffect(Effect.NEVER_OPENED, "the breaker never opened", "answered", ())
    more = sum(each.requests for each in apart)
    effect = Effect.HELPED if more > 0.0 else Effect.HURT if more < 0.0 else Effect.NO_DIFFERENCE
    told = apart
    if effect is Effect.NO_DIFFERENCE:
        told = [each for each in parts if each.phase in (FAULT, WHOLE)] or list(parts[:1])
        if all(_late(*pair) for pair in pairs):
            effect = Effect.TOO_LATE
    words = [f" of requests {what} {_in_time(pairs[0][1])}", *[""] * (len(told) - 1)]
    shares = "; ".join(p.sentence(word) for p, word in zip(told, words, strict=True))
    sentence = f"the breaker {effect.value}: {shares}"
    if not apart:
        sentence += _waited(with_it, without_it)
    if len(pairs) == 1:
        sentence += "; this is one run, -n 10 gives intervals"
    return BreakerEffect(effect, sentence, what, parts)


def has_opened(trace: Trace) -> bool:
    """Tell whether any breaker opened."""
    return bool((trace.transitions["after"] == STATE_CODE["open"]).any())


def _by_phase(
    pairs: Sequence[tuple[Facts, Facts]], counted: Callable[[Tally[int]], int]
) -> tuple[PhaseEffect, ...]:
    names = dict.fromkeys(each.name for facts, _ in pairs for each in facts.phases)
    parts = [name for name in names if name != WHOLE and not is_single(name)]
    return tuple(_phase_effect(name, pairs, counted) for name in parts or [WHOLE])


def _phase_effect(
    name: str, pairs: Sequence[tuple[Facts, Facts]], counted: Callable[[Tally[int]], int]
) -> PhaseEffect:
    counts = [(_counts(a, name, counted), _counts(b, name, counted)) for a, b in pairs]
    shares = [tuple(n / of if of else None for n, of in pair) for pair in counts]
    ours, theirs = [a for a, _ in shares], [b for _, b in shares]
    change = difference(theirs, ours)
    requests = (change.mean or 0.0) * sum(of for (_, of), _ in counts) / len(counts)
    if change.low is not None and change.high is not None:
        beyond_chance = change.low > 0.0 or change.high < 0.0
    else:
        missed = sum(of - n for pair in counts for n, of in pair)
        beyond_chance = abs(requests) > SIGMAS * math.sqrt(missed)
    apart = beyond_chance and abs(change.mean or 0.0) >= LEAST
    return PhaseEffect(name, estimate(ours), estimate(theirs), change, apart, requests)


def _counts(facts: Facts, name: str, counted: Callable[[Tally[int]], int]) -> tuple[int, int]:
    """Return how many requests of a phase are counted, of how many that can be judged."""
    phase = next((each for each in facts.phases if each.name == name), None)
    if phase is None:
        return 0, 0
    tally = facts.tally(phase)
    return counted(tally), tally.decided


def _late(facts: Facts, without: Facts) -> bool:
    """Return whether no breaker was open in the first half of any fault that cost answers."""
    halves = [
        (each.start, (each.start + min(each.end, without.trace.duration)) / 2.0)
        for each, harmful in zip(without.faults, without.harmful.tolist(), strict=True)
        if harmful
    ]
    return bool(halves) and not any(facts.open_spans.seconds_within((each,)) for each in halves)


def _in_time(facts: Facts) -> str:
    limits = set(facts.latency_limits.seconds.tolist())
    if limits == {math.inf}:
        return "at all"
    return f"within {limits.pop():.3g} s" if len(limits) == 1 else "in time"


def _waited(with_it: Iterable[Observed], without_it: Iterable[Observed]) -> str:
    """Return how long callers waited, if the breaker changed that: failing fast is for it."""
    ours, theirs = (
        estimate([each.measures.value("worker_seconds_waiting") for each in runs]).mean or 0.0
        for runs in (with_it, without_it)
    )
    if abs(ours - theirs) < WAITED * max(ours, theirs):
        return ""
    return f"; callers waited {ours:,.0f} s in all against {theirs:,.0f} s"
