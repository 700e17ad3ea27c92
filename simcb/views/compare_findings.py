"""What a comparison comes to in plain sentences: which is best, and how each variant differs.

A difference is told only if it is more than chance and enough to matter; see `told` of a change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from simcb.metrics import Unit
from simcb.metrics.phase import BETWEEN, FAULT, HEALTHY, RECOVERY, WHOLE
from simcb.studies.comparison import Change, Comparison
from simcb.studies.evaluation.contenders import NO_BREAKER
from simcb.views.document import Tone, Verdict
from simcb.views.load import ALL_SERVICES, has_several_services, loaded_service
from simcb.views.quantities import interval, quantity
from simcb.views.safe_text import one_line

WHEN = {
    WHOLE: "",
    HEALTHY: " when healthy",
    FAULT: " under the fault",
    BETWEEN: " between the faults",
    RECOVERY: " after the fault",
}

NARROW = 0.01
"""Share of requests within which an interval around nothing says that there is no difference."""

MANY = 2.0
"""From how many times as many calls on they are told as such."""

_ORDER = (FAULT, BETWEEN, RECOVERY, HEALTHY)


def shown_name(name: str) -> str:
    """Return a variant's name as it stands in a sentence."""
    return one_line(name, 60)


def marked_name(comparison: Comparison, variant: int) -> str:
    """Return a variant's name, with a mark if a library does something otherwise."""
    name = shown_name(comparison.names[variant])
    return f"{name}*" if comparison.variants[variant].differs else name


def verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Return which is best by what, and for each other variant how it differs from the first."""
    others = range(1, len(comparison))
    return (_headline(comparison), *(_verdict(comparison, variant) for variant in others))


def _headline(comparison: Comparison) -> Verdict:
    best, alike = comparison.best, comparison.as_good
    change = comparison.change(best, "answered") if best else None
    if len(alike) == len(comparison):
        return _no_best(comparison)
    if 0 in alike:
        others = [each for each in alike if each]
        words = f"{marked_name(comparison, 0)} is best"
        if others:
            words = f"nothing answers more than {marked_name(comparison, 0)}"
        worst = min(
            (each for each in range(len(comparison)) if each not in alike),
            key=partial(_answered, comparison),
        )
        reason = (
            f"{_share(comparison, 0)} of all requests are answered in time, "
            f"{_share(comparison, worst)} with {marked_name(comparison, worst)}"
        )
        return Verdict(words, Tone.GOOD, _with_doubt(comparison, reason))
    # What is told neither from the best nor from the first is not called the best.
    told = [best, *(each for each in alike if each != best and _is_better(comparison, each))]
    names = _listed([marked_name(comparison, each) for each in told])
    words = f"{names} {'are' if len(told) > 1 else 'is'} best"
    by = f" ({_points(change)})" if change else ""
    reason = (
        f"{_share(comparison, best)} of all requests are answered in time, "
        f"{_share(comparison, 0)} with {marked_name(comparison, 0)}{by}"
    )
    if len(told) > 1:
        reason += "; the best cannot be told apart by that"
    unsure = [marked_name(comparison, each) for each in alike if each not in told]
    if unsure:
        reason += f"; {_listed(unsure)} can be told from neither"
    return Verdict(words, Tone.GOOD, _with_doubt(comparison, reason))


def _no_best(comparison: Comparison) -> Verdict:
    """Say that none is best: they are equal, or so few runs cannot tell them apart."""
    best, worst = comparison.best, min(range(len(comparison)), key=partial(_answered, comparison))
    shares = f"{_share(comparison, best)} of all requests are answered in time"
    words = "no variant answers more than another"
    reason = f"{shares}; the difference is within chance or too small to matter"
    if _answered(comparison, best) - _answered(comparison, worst) > NARROW:
        words = "these runs do not tell which is best"
        reason = (
            f"{shares} with {marked_name(comparison, best)}, {_share(comparison, worst)} with "
            f"{marked_name(comparison, worst)}; that may be chance, and more runs (-n) tell"
        )
    return Verdict(words, Tone.FAIR, _with_doubt(comparison, reason))


def _answered(comparison: Comparison, variant: int) -> float:
    return comparison.results[variant].summary.value("answered") or 0.0


def _is_better(comparison: Comparison, variant: int) -> bool:
    change = comparison.change(variant, "answered") if variant else None
    return change is not None and change.more


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _share(comparison: Comparison, variant: int) -> str:
    return quantity(comparison.results[variant].summary.value("answered"), Unit.SHARE)


def _with_doubt(comparison: Comparison, reason: str) -> str:
    results = comparison.results
    if all(
        FAULT in each.measures.phases and each.summary.value("answered", FAULT) is None
        for each in results
    ):
        reason += "; no request shows what the fault does"
    if not comparison.paired:
        reason += "; the runs share no random streams, so intervals are wider than of pairs"
    if comparison.alone:
        reason += "; one run has no intervals, -n 10 gives them"
    return reason


def _verdict(comparison: Comparison, variant: int) -> Verdict:
    twin = comparison.twin(variant)
    name = marked_name(comparison, variant)
    if twin is not None and comparison.variants[variant].kept is None:
        same = f"the same scenario as {shown_name(comparison.names[twin])}"
        return Verdict("no difference", Tone.FAIR, same, about=name)
    parts = _answers(comparison, variant)
    up = any(each.more for each in parts)
    down = any(each.less for each in parts)
    words, tone = "as many answered", Tone.FAIR
    if up or down:
        words, tone = ("better", Tone.GOOD) if up else ("worse", Tone.BAD)
    if up and down:
        words, tone = "better and worse", Tone.FAIR
    said = [*_opening(comparison, variant), *_told(parts), *_others(comparison, variant)]
    return Verdict(words, tone, "; ".join([*said, *_untold(parts)]), about=name)


def sentence(comparison: Comparison, variant: int) -> str:
    """Return how a variant differs from the first."""
    return _verdict(comparison, variant).reason


def _answers(comparison: Comparison, variant: int) -> list[Change]:
    """Return how the shares of requests answered in time differ, by phase."""
    there = comparison.results[0].measures.phases
    phases = [phase for phase in _ORDER if phase in there] or [WHOLE]
    found = [comparison.change(variant, "answered", phase) for phase in phases]
    return [each for each in found if each is not None]


def _told(parts: Sequence[Change]) -> Iterator[str]:
    for each in parts:
        if each.told:
            word = "more" if each.more else "fewer"
            yield f"{_points(each, signed=False)} {word} answered{WHEN[each.phase]}"


def _untold(parts: Sequence[Change]) -> Iterator[str]:
    """Yield where nothing differs, and where a difference may hide."""
    same = []
    for each in parts:
        if each.told:
            continue
        ends = (each.by.low or 0.0, each.by.high or 0.0)
        if max(map(abs, ends)) <= NARROW:
            same.append(WHEN[each.phase].strip() or "in what is answered")
        else:
            yield f"no difference shown{WHEN[each.phase]} ({_points(each)})"
    if len(same) == len(parts) > 1:
        yield "no difference in what is answered"
    elif same:
        yield f"no difference {' or '.join(same)}"


def _points(change: Change, *, signed: bool = True) -> str:
    """Write a difference of shares in points, with half its interval."""
    by = change.by
    flip = -1.0 if not signed and (by.mean or 0.0) < 0.0 else 1.0
    ends = sorted(flip * each for each in (by.low, by.high) if each is not None)
    low, high = ends if len(ends) == 2 else (None, None)
    text = interval(flip * (by.mean or 0.0), low, high, Unit.SHARE).replace("%", "")
    sign = "+" if signed and (by.mean or 0.0) > 0.0 else ""
    return f"{sign}{text} points"


def _opening(comparison: Comparison, variant: int) -> Iterator[str]:
    """Yield whether, and when, breakers open otherwise than in the first."""
    ours, theirs = comparison.results[variant], comparison.results[0]
    has, had = (each.trace.layout.breaker_count > 0 for each in (ours, theirs))
    if has != had:
        if comparison.names[variant] != NO_BREAKER:
            yield "has a breaker" if has else "has no breaker"
        return
    if not has:
        return
    if ours.opened != theirs.opened:
        yield "opens" if ours.opened else "never opens"
        return
    change = comparison.change(variant, "time_to_trip")
    if change is not None and change.told:
        yield _later(change, "opens")


def _later(change: Change, word: str) -> str:
    """Write how much sooner or later something happens."""
    before, after = change.before, change.after
    if before.never or after.never:
        runs = f"{after.n - after.never} of {after.n} runs"
        return f"{word} in {runs}, not in {before.n - before.never} of {before.n}"
    return f"{word} {_by(change)} {'later' if change.more else 'sooner'}"


def _by(change: Change) -> str:
    """Write the size of a difference with half its interval, without a sign."""
    by, flip = change.by, -1.0 if (change.by.mean or 0.0) < 0.0 else 1.0
    ends = sorted(flip * each for each in (by.low, by.high) if each is not None)
    low, high = ends if len(ends) == 2 else (None, None)
    return interval(flip * (by.mean or 0.0), low, high, change.unit)


def _others(comparison: Comparison, variant: int) -> Iterator[str]:
    """Yield what else differs enough to be told: recovery, latency, load, needless trips."""
    there = comparison.results[0].measures.phases
    worst = FAULT if FAULT in there else WHOLE
    recover = comparison.change(variant, "time_to_recover")
    if recover is not None and recover.told:
        yield _later(recover, "healthy again")
    latency = comparison.change(variant, "success_p99", worst)
    if latency is not None and latency.told and not latency.before.never:
        yield f"p99 of ok answers {_by(latency)} {_higher(latency)}{WHEN[worst]}"
    service = loaded_service(comparison.results)
    load = comparison.change(variant, "downstream_rate", worst, of=service)
    if load is not None and load.told and load.before.mean:
        part = (load.by.mean or 0.0) / load.before.mean
        words = f"{abs(part):.0%} {'more' if part > 0 else 'fewer'}"
        if part >= MANY - 1.0:
            words = f"{_times(part + 1.0)} times as many"
        yield f"{words} calls {_sent_to(comparison, service)}{WHEN[worst]}"
    trips = comparison.change(variant, "false_trips")
    if trips is not None and trips.told:
        yield f"{_by(trips)} {'more' if trips.more else 'fewer'} needless openings"


def _times(ratio: float) -> str:
    """Write how many times as many with two digits, never with an exponent."""
    return f"{float(f'{ratio:.2g}'):,.15g}"


def _sent_to(comparison: Comparison, service: str) -> str:
    if not has_several_services(comparison.results):
        return "sent"
    return f"reach {one_line(service, 28)}" if service else f"sent {ALL_SERVICES}"


def _higher(change: Change) -> str:
    return "higher" if change.more else "lower"


def in_time(comparison: Comparison) -> str:
    """Return how long an answer may take to be in time."""
    limits: dict[str, list[str]] = {}
    first = comparison.results[0]
    for name, result in zip(comparison.names, comparison.results, strict=True):
        one = first if result.trace.layout.groups == first.trace.layout.groups else result
        words = one.runs[0].limits.words or "at all"
        limits.setdefault(words, []).append(shown_name(name))
    if len(limits) == 1:
        return f"answered: ok or from a fallback {next(iter(limits))}"
    each = "; ".join(f"{', '.join(names)}: {words}" for words, names in limits.items())
    return f"answered: ok or from a fallback in time, by what is usual: {each}"


def notes(comparison: Comparison) -> tuple[str, ...]:
    """Return what has to be said of the variants: what libraries do otherwise, what is in time."""
    found: dict[str, list[str]] = {}
    for variant in comparison.variants:
        if variant.differs:
            found.setdefault(variant.differs, []).append(shown_name(variant.name))
    lines = [in_time(comparison)]
    if has_several_services(comparison.results) and not loaded_service(comparison.results):
        lines.append(f"downstream_rate: {ALL_SERVICES}")
    lines += [f"* {', '.join(names)}: {differs}" for differs, names in found.items()]
    every = [each.trace.versions for each in comparison.results]
    # Variants may have breakers of different packages, each with a version of its own.
    common = set(every[0]).intersection(*every)
    made = {tuple(each[name] for name in sorted(common)) for each in every}
    if len(made) > 1:
        lines.append("the saved runs were made with other versions, which may differ by themselves")
    return tuple(lines)
