"""What stands out among predictions, in sentences, and how they bear on a metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from simcb.predictions.chance import time_to_trip
from simcb.predictions.guarded import NO_BREAKER, Guarded, failing_for
from simcb.predictions.load import SOONER, again_by
from simcb.predictions.meanings import MEANINGS
from simcb.scenario.units import format_duration

if TYPE_CHECKING:
    from simcb.predictions.predict import Predictions
    from simcb.predictions.values import Prediction

DAY = 86_400.0
MOST_FINDINGS = 7


def findings(found: Predictions) -> tuple[str, ...]:
    """Return what stands out, the gravest first; what was supposed comes last."""
    grave = [*_findings(found)]
    if found.left_out:
        grave.insert(0, found.left_out)
    elif not found.guarded:
        grave.insert(0, NO_BREAKER)
    if not grave:
        grave = ["nothing stands out: breakers can open, and retries alone keep nothing down"]
    return (*grave[:MOST_FINDINGS], *_supposed(found))


def _findings(found: Predictions) -> Iterator[str]:
    for each in found.of("answered_with"):
        opened = found.of("open_under", each.subject, each.fault)[0].value or 0.0
        bare = each.remark.partition(" ")[0]
        if opened > 0.05:
            yield (
                f"under {each.fault} the breaker of {each.subject} is open {opened:.0%} of the "
                f"time: about {each.value:.0%} are answered, {bare} without it"
            )
    for each in found.of("calls_in_window"):
        if "chance" in each.remark or "never" in each.remark:
            yield (
                f"the breaker of {each.subject} hears {each.value:.3g} calls in its window; "
                f"{each.remark}"
            )
    for each in found.of("utilisation"):
        if (each.value or 0.0) >= 1.0:
            yield f"{each.subject} is overloaded before any fault: {each.remark}"
    for each in found.of("false_trips"):
        if (each.value or math.inf) < 30 * DAY:
            turned = found.of("rejected_by_one", each.subject)
            waiting = found.of("lag_by_one", each.subject)
            costs = f"lets {waiting[0].value or 0.0:,.0f} messages wait" if waiting else ""
            if turned:
                costs = f"turns away {turned[0].value or 0.0:,.0f} calls"
            yield (
                f"each breaker of {each.subject} opens by chance about every "
                f"{_rough(each.value or 0.0)} on an ordinary day, and {costs}"
            )
    for each in found.of("collapse_margin"):
        if (each.value or 0.0) >= 1.0 and SOONER not in each.remark:
            guards = [one.name for one in found.breakers if each.subject in one.services]
            saved = "; its breaker has to stop them" if guards else ""
            again = again_by(found.traffic, each.subject)
            yield (
                f"{again} alone can keep {each.subject} down, with {each.value:.3g} times what "
                f"it can do{saved}"
            )
    for each in found.of("load_under"):
        yield (
            f"under {each.fault} {each.subject} is {each.remark.partition(':')[0]}, with "
            f"{each.value:.3g} times what it can do"
        )
    for each in found.of("collapse_margin"):
        if SOONER in each.remark:
            yield (
                f"{again_by(found.traffic, each.subject)} ask {each.subject} for up to "
                f"{each.value:.3g} times what it can do where tries fail at once, by "
                "errors or at a full queue"
            )
    for each in found.of("time_to_detect"):
        if each.value == math.inf:
            yield f"{each.fault} opens no breaker of {each.subject}: {each.remark}"
        elif each.remark.startswith("longer"):
            yield (
                f"{each.fault} is over before the breakers of {each.subject} open, "
                f"after about {_rough(each.value or 0.0)}"
            )


def _rough(seconds: float) -> str:
    for size, word in ((DAY, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2.0 * size:
            return f"{seconds / size:.2g} {word}"
    return format_duration(float(f"{seconds:.2g}"))


def _supposed(found: Predictions) -> Iterator[str]:
    """Yield what the file does not say and the answer rests on."""
    for guarded in found.guarded:
        name = guarded.link.service
        service = found.scenario.services[name]
        if "errors" in service.model_fields_set:
            continue
        daily = errors_for_daily_trips(found, guarded)
        if daily is not None:
            yield (
                f"supposed: {name} never errs on an ordinary day, as its `errors` are not in the "
                f"file; from {daily:.2g}% on, a breaker of {guarded.link.name} opens by chance "
                "once a day"
            )


def errors_for_daily_trips(found: Predictions, guarded: Guarded) -> float | None:
    """Return the percentage of failures at which some breaker opens by chance once a day."""
    rules = guarded.breaker.rules()
    if guarded.rate == 0.0 or failing_for(found.traffic, guarded, rules[0]) > 0.001:
        return None

    def between(failing: float) -> float:
        return min(time_to_trip(rule, failing, guarded.rate) for rule in rules) / guarded.count

    if between(0.9) > DAY:
        return None
    low, high = 1e-7, 0.9
    for _ in range(12):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if between(middle) > DAY else (low, middle)
    return high * 100.0


def predictions_of_metric(found: Predictions, metric: str) -> tuple[Prediction, ...]:
    """Return the predictions that foretell or bound a metric."""
    return tuple(each for each in found.items if metric in MEANINGS[each.name].metrics)


def driving_lines(found: Predictions, items: tuple[Prediction, ...]) -> tuple[str, ...]:
    """Return the lines of the file that predictions come from, each once."""
    return tuple(dict.fromkeys(line for each in items for line in each.lines))
