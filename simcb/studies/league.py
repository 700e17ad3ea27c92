"""A league: every breaker that is installed, in the same scenarios, on the same random streams.

Each runs twice: at settings that mean the same as those of all others, and at its own defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from simcb.adapters import Adapter, Comparable, adapter, installed, names
from simcb.breaker import ConsecutiveFailures
from simcb.metrics.health import LatencyLimits
from simcb.options import CompareOptions, JobOptions
from simcb.scenario import Scenario
from simcb.scenario.breakers import Breaker
from simcb.scenario.refusal import choice_remedy, listed, quoted
from simcb.scenario.units import format_duration
from simcb.studies.compare import Progress, compare
from simcb.studies.comparison import Comparison
from simcb.studies.evaluation.contenders import NO_BREAKER, without_breaker
from simcb.studies.evaluation.settings import applied
from simcb.studies.run import Run, StudyError, measured_by, run_once
from simcb.studies.tune.contenders import left_out, with_breakers
from simcb.studies.variants import Variant

SHIPPED = "simcb"
"""What the shipped breaker is called; the others are held against it."""

Words = Callable[[Breaker], dict[str, object]]
"""Returns what to write of a new breaker, for the old one."""

THRESHOLD, TIMEOUT = 5, 30.0
"""Failures in a row, and seconds open, where a scenario's breaker has another rule."""


@dataclass(frozen=True, eq=False)
class Contender:
    """A breaker of a league.

    Args:
        name: what it is called.
        adapter: what it is; None for the shipped one, and for none.
        alike: the place of its variant at comparable settings; None if it has none.
        usual: the place of its variant at its own defaults.
    """

    name: str
    adapter: Adapter | None
    alike: int | None
    usual: int


@dataclass(frozen=True, eq=False)
class League:
    """What came of all breakers in each scenario.

    Args:
        comparisons: one for each scenario, with the same variants; the shipped breaker at
            comparable settings is the first.
        contenders: the breakers.
        missing: names of the breakers whose package is not installed.
        threshold: failures in a row that open a breaker at comparable settings, by scenario.
        timeout: seconds it is open then, by scenario.
    """

    comparisons: tuple[Comparison, ...]
    contenders: tuple[Contender, ...]
    missing: tuple[str, ...]
    threshold: tuple[int, ...]
    timeout: tuple[float, ...]

    def only(self, scenario: int, *, alike: bool) -> Comparison:
        """Return the comparison of a scenario with the variants of one kind alone."""
        whole = self.comparisons[scenario]
        found = [each.alike if alike else each.usual for each in self.contenders]
        places = [place for place in found if place is not None]
        variants = tuple(whole.variants[place] for place in places)
        results = tuple(whole.results[place] for place in places)
        return Comparison(variants, results, whole.paired)

    def ranked(self, scenario: int = 0) -> list[Contender]:
        """Return the breakers, those that answer most at comparable settings first."""
        results = self.comparisons[scenario].results

        def answered(one: Contender) -> float:
            place = one.usual if one.alike is None else one.alike
            return results[place].summary.value("answered") or 0.0

        return sorted(self.contenders, key=answered, reverse=True)


def entrants(
    only: Sequence[str] = (), *, models: bool = False
) -> tuple[tuple[Adapter, ...], tuple[str, ...]]:
    """Return the breakers of a league, and the names of those that are not installed.

    Args:
        only: the names of those that are wanted; all if there are none.
        models: whether models of breakers of other languages come too.

    Raises:
        StudyError: a name is not registered.
        MissingExtraError: one that is named is not installed.
    """
    known = names()
    for name in only:
        if name not in known:
            what = f"{quoted(name)} is no breaker that is registered"
            raise StudyError(what, choice_remedy(name, known))
    return installed(only, models=models)


def _models() -> list[str]:
    return [name for name in names() if adapter(name).model]


def league(
    scenarios: Sequence[Scenario],
    options: CompareOptions = CompareOptions(),  # noqa: B008
    job: JobOptions = JobOptions(),  # noqa: B008
    *,
    only: Sequence[str] = (),
    models: bool = False,
    progress: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> League:
    """Run every breaker in the place of each scenario's own.

    Args:
        scenarios: what they go through; each has a breaker.
        options: how many replicates, and the seed.
        job: who runs them; see `compare`.
        only: the breakers that are wanted; all that are installed if there are none.
        models: whether models of breakers of other languages come too.
        progress: called whenever a run has ended.
        stop: asked again and again whether to run no more.

    Raises:
        StudyError: something makes no sense, as `models` does where breakers are named.
        MissingExtraError: a breaker that is named is not installed.
        TooLargeError: it would be huge, and that is not allowed; nothing was run.
        StoppedError: `stop` said so.
    """
    if models and only:
        what = "models of breakers of other languages come if no breaker is named, and some are"
        raise StudyError(what, f"leave --models out, or name one: {listed(_models())}")
    for scenario in scenarios:
        if not any(call.breaker and call.breaker.enabled for *_, call in scenario.guarded_calls):
            what = f"{quoted(scenario.name)} has no breaker that another could take the place of"
            raise StudyError(what, "give a call of it a `breaker`, or name another scenario")
    adapters, missing = entrants(only, models=models)
    contenders: tuple[Contender, ...] = ()
    found: list[Comparison] = []
    for place, scenario in enumerate(scenarios):
        contenders, variants = _variants(scenario, adapters)
        share = _part(progress, place, len(scenarios))
        found.append(
            compare(
                variants,
                options,
                job,
                progress=share,
                stop=stop,
                most=len(variants),
                make=partial(_run_without_rows, variants[0].scenario),
            )
        )
    alike = [_alike(next(_guards(scenario))) for scenario in scenarios]
    thresholds, timeouts = tuple(each[0] for each in alike), tuple(each[1] for each in alike)
    return League(tuple(found), contenders, missing, thresholds, timeouts)


def _part(
    progress: Callable[[Progress], None] | None, place: int, count: int
) -> Callable[[Progress], None] | None:
    if progress is None:
        return None
    return lambda now: progress(Progress(place * now.total + now.done, count * now.total))


def _guards(scenario: Scenario) -> Iterator[Breaker]:
    for *_, call in scenario.guarded_calls:
        if call.breaker is not None and call.breaker.enabled:
            yield call.breaker


def _alike(breaker: Breaker) -> tuple[int, float]:
    """Return the failures in a row, and the seconds, that all breakers get in place of one."""
    if breaker.use is not None:
        return THRESHOLD, TIMEOUT
    rules = [each for each in breaker.rules() if isinstance(each, ConsecutiveFailures)]
    threshold = rules[0].threshold if rules else THRESHOLD
    return threshold, breaker.recovery_policy().timeout


def _variants(
    scenario: Scenario, adapters: Sequence[Adapter]
) -> tuple[tuple[Contender, ...], tuple[Variant, ...]]:
    contenders: list[Contender] = []
    variants: list[Variant] = []

    def entered(name: str, words: Words, differs: str = "") -> int:
        changed = applied(scenario, with_breakers(scenario, words))
        told = filter(None, (differs, left_out(scenario, words)))
        variants.append(Variant(name, changed, "; ".join(told)))
        return len(variants) - 1

    def shipped(breaker: Breaker) -> dict[str, object]:
        threshold, timeout = _alike(breaker)
        return {"failure_threshold": threshold, "recovery_timeout": format_duration(timeout)}

    ours = entered(SHIPPED, shipped), entered(_usual(SHIPPED), lambda _: {})
    contenders.append(Contender(SHIPPED, None, *ours))
    bare = applied(scenario, without_breaker(scenario))
    variants.append(Variant(NO_BREAKER, bare))
    contenders.append(Contender(NO_BREAKER, None, len(variants) - 1, len(variants) - 1))
    for each in adapters:
        place, alike = None, each.comparable
        if alike is not None:
            place = entered(each.name, _comparable(each.name, alike), alike.nearly)
        usual = entered(_usual(each.name), _at_defaults(each.name))
        contenders.append(Contender(each.name, each, place, usual))
    return tuple(contenders), tuple(variants)


def _comparable(name: str, alike: Comparable) -> Words:
    return lambda breaker: {"use": name, "settings": alike.settings(*_alike(breaker))}


def _at_defaults(name: str) -> Words:
    return lambda _: {"use": name}


def _usual(name: str) -> str:
    return f"{name}, its defaults"


def _run_without_rows(
    first: Scenario,
    scenario: Scenario,
    seed: int,
    replicate: int,
    events: int | None,
    rows: int | None,
) -> Run:
    """Make a run and keep its numbers and transitions: hundreds of traces would be gigabytes.

    As its rows are gone afterwards, it is here that it is measured by what is usual in the first.
    """
    run = run_once(scenario, seed, replicate, max_events=events, max_rows=rows)
    key = first.to_yaml(), seed, replicate
    if key not in _USUAL:
        same = run if scenario == first else run_once(first, seed, replicate)
        _USUAL[key] = replace(same.limits, whose=SHIPPED)
        while len(_USUAL) > _MOST_USUAL:
            del _USUAL[next(iter(_USUAL))]
    run = measured_by(_USUAL[key], run)
    trace = run.trace
    bare = replace(
        trace,
        requests=trace.requests[:0].copy(),
        attempts=trace.attempts[:0].copy(),
        samples=trace.samples[:0].copy(),
    )
    return replace(run, trace=bare)


_MOST_USUAL = 100
_USUAL: dict[tuple[str, int, int], LatencyLimits] = {}
"""What is usual in the first contender's runs, which each worker process finds out for itself."""
