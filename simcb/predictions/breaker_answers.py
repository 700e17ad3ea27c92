"""The questions about a breaker's settings, answered for one scenario by formulas."""

from __future__ import annotations

import math
from dataclasses import replace

from simcb.breaker import ConsecutiveFailures, FailureRate
from simcb.predictions.answers import BLIP, PARTIAL, Answer, Cell, tabled
from simcb.predictions.chance import looks_back, time_to_trip
from simcb.predictions.faults import fault_predictions
from simcb.predictions.formulas import probe_cycle
from simcb.predictions.guarded import Guarded, failing_for
from simcb.predictions.predict import Predictions
from simcb.predictions.values import COUNT, PER_SECOND, RATIO, SECONDS, SHARE
from simcb.scenario.breakers import Around
from simcb.scenario.units import format_duration


def never_opens(found: Predictions) -> Answer:
    """Say what keeps a breaker shut."""
    rows: list[tuple[Cell, ...]] = []
    sentences = [*found.warnings]
    for each in (*found.of("calls_in_window"), *found.of("time_to_detect")):
        value = each.value if each.value is not None else math.inf
        what = f"opens after {each.fault}" if each.fault else "calls in its window"
        rows.append((each.subject, what, (value, each.unit), each.remark or "it opens"))
        if value == math.inf:
            sentences.append(f"{each.fault} opens no breaker of {each.subject}: {each.remark}")
        elif "never" in each.remark or "chance" in each.remark:
            sentences.append(f"{each.subject}: {value:.3g} calls in its window, {each.remark}")
    if not sentences:
        sentences = ["by the formulas it does open; if yours does not, look at what it counts"]
    return tabled(
        sentences,
        ("call", "what", "value", "why"),
        rows,
        "bursts of traffic, and what queues add to the time of an answer",
        "simcb run {source} --fail-if 'missed_trips > 0'",
        wordy=True,
    )


def _each(guarded: tuple[Guarded, ...]) -> Guarded | None:
    """Return what is answered for: that whose breakers hear most."""
    return max(guarded, key=lambda each: each.rate * each.count, default=None)


def _axis(guarded: Guarded, word: str, values: str) -> str:
    return f"simcb sweep {{source}} --over {guarded.place(word)}={values}"


def threshold(found: Predictions) -> Answer:
    """Say what each number of failures in a row sees, and when."""
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found.breakers)
    sentences, command = [], ""
    if guarded is not None:
        healthy = guarded.failing
        timeout = max(each.link.call.timeout or 0.0 for each in guarded.parts or (guarded,))
        for k in sorted({2, 3, 5, 10, 20, *_threshold_of(guarded)}):
            rule, rate = ConsecutiveFailures(k), guarded.rate
            trips = [time_to_trip(rule, p, rate) for p in (healthy, BLIP, PARTIAL)]
            seen = timeout + k / rate if rate else math.inf
            rows.append((f"{k}", *((each, SECONDS) for each in trips), (seen, SECONDS)))
        sentences = [
            f"of {guarded.name}, each breaker hearing {guarded.rate:.3g} calls a second: the "
            "lowest threshold that a blip does not reach while it lasts"
        ]
        command = _axis(guarded, "failure_threshold", "3,5,10,20")
    return tabled(
        sentences,
        ("failures in a row", "ordinary day", "5% fail", "30% fail", "all hang"),
        rows,
        "failures that come in clusters: real ones are not independent, so it opens sooner",
        command or "simcb run {source}",
    )


def _threshold_of(guarded: Guarded) -> set[int]:
    rules = guarded.breaker.rules()
    return {each.threshold for each in rules if isinstance(each, ConsecutiveFailures)}


def how_long(found: Predictions) -> Answer:
    """Say what each time of being open spares and costs."""
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found.guarded)
    sentences, command, costs = [], "", "turns away"
    if guarded is not None and guarded.rate:
        asking = guarded.rate
        probe = guarded.link.call.timeout or found.traffic.held(guarded.link.service)
        if guarded.coming is not None:
            costs, asking = "lets wait", guarded.coming
        mine = guarded.breaker.recovery_policy().timeout
        for opened in sorted({1.0, 5.0, 15.0, 30.0, 60.0, mine}):
            asked = guarded.count / probe_cycle(guarded.rate, opened, probe)
            late = opened / 2.0 + 1.0 / guarded.rate
            rows.append(
                (
                    format_duration(opened),
                    (asking * opened, COUNT),
                    (asked, PER_SECOND),
                    (late, SECONDS),
                )
            )
        sentences = [
            f"of {guarded.link.name}: long enough that probes spare the service, no longer; what a "
            f"needless opening {costs} and the delay after a fault grow with it"
        ]
        word = "recovery.timeout" if guarded.breaker.recovery else "recovery_timeout"
        command = _axis(guarded, word, "1s,5s,15s,30s,1m")
    return tabled(
        sentences,
        ("open for", f"one opening {costs}", "probes when down", "mean delay after"),
        rows,
        "how long faults last: if all last as long as one opening, that opening looks best",
        command or "simcb run {source}",
    )


def count_or_percentage(found: Predictions) -> Answer:
    """Say what opens rules of either kind."""
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found.breakers)
    sentences, command = [], ""
    if guarded is not None:
        rate = guarded.rate
        healthy = guarded.failing
        window = 10.0 if rate * 10.0 >= 20.0 else 60.0
        rules = [
            *((f"yours: {_rule_words(each)}", each) for each in guarded.breaker.rules()),
            ("5 failures in a row", ConsecutiveFailures(5)),
            ("50% of 100 calls", FailureRate(0.5, calls=100, minimum_calls=20)),
            (
                f"50% within {format_duration(window)}, 20 calls",
                FailureRate(0.5, window=window, minimum_calls=20),
            ),
        ]
        for words, rule in rules:
            trips = [time_to_trip(rule, p, rate) for p in (healthy, BLIP, PARTIAL, 1.0)]
            rows.append((words, *((each, SECONDS) for each in trips)))
        sentences = [
            f"of {guarded.name}: a count opens at {PARTIAL:.0%} of failures, too; a "
            "percentage only at what it names, but it needs the traffic: each breaker hears "
            f"{rate * window:.3g} calls in {format_duration(window)}"
        ]
        command = "simcb sweep {source} --over failure_threshold=3,5,10,20"
    return tabled(
        sentences,
        ("opens at", "ordinary day", "5% fail", "30% fail", "all fail"),
        rows,
        "whether answers that fail in part are worth having: below the percentage, all are kept",
        command or "simcb run {source}",
    )


def _rule_words(rule: object) -> str:
    if isinstance(rule, ConsecutiveFailures):
        return f"{rule.threshold} in a row"
    if isinstance(rule, FailureRate):
        size = f"{rule.calls} calls" if rule.calls else format_duration(looks_back(rule) or 0.0)
        return f"{rule.rate:.0%} of {size}"
    return type(rule).__name__


def retries_inside(found: Predictions) -> Answer:
    """Say what a breaker hears on either side of the retries."""
    rows: list[tuple[Cell, ...]] = []
    sentences: list[str] = []
    for guarded in found.guarded:
        link, flow = guarded.link, guarded.flow
        if not link.retries:
            sentences.append(f"{link.name} has no retries, so it makes no difference there")
            continue
        for around in Around:
            each = replace(
                guarded,
                breaker=guarded.breaker.model_copy(update={"around": around}),
                rate=(flow.asked if around is Around.REQUEST else flow.attempts) / guarded.count,
            )
            days = [failing_for(found.traffic, each, rule) for rule in each.breaker.rules()]
            trips = [
                time_to_trip(rule, p, each.rate)
                for rule, p in zip(each.breaker.rules(), days, strict=True)
            ]
            partial = PARTIAL if around is Around.ATTEMPT else PARTIAL ** (1 + link.retries)
            blip = [time_to_trip(rule, partial, each.rate) for rule in each.breaker.rules()]
            mine = " (yours)" if around is guarded.breaker.around else ""
            seen = [p.value or 0.0 for p in fault_predictions(found.traffic, each)]
            rows.append(
                (
                    f"{link.name} around {around.value}{mine}",
                    (min(trips), SECONDS),
                    (min(blip), SECONDS),
                    (min(seen, default=math.inf), SECONDS),
                )
            )
    return tabled(
        sentences
        or [
            "around the attempt it hears every failure, and opens at partial failures that "
            "retries would hide; around the request it hears only what all retries could not mend"
        ],
        ("breaker", "opens by chance every", "at 30% failures after", "first fault after"),
        rows,
        "what retries do to a service that fails because it is overloaded",
        "simcb sweep {source} --over breaker.around=attempt,request",
    )


def shared(found: Predictions) -> Answer:
    """Say what one breaker for all callers hears."""
    rows: list[tuple[Cell, ...]] = []
    sentences: list[str] = []
    for guarded in found.guarded:
        total = guarded.rate * guarded.count
        processes = found.traffic.processes(guarded.link)
        for words, count in (("shared", 1), ("per instance", processes)):
            each = replace(guarded, count=count, rate=total / count)
            rules = each.breaker.rules()
            needed = min(_needs(rule) / each.rate if each.rate else math.inf for rule in rules)
            trips = [
                time_to_trip(rule, failing_for(found.traffic, each, rule), each.rate)
                for rule in rules
            ]
            mine = " (yours)" if count == guarded.count else ""
            rows.append(
                (
                    f"{guarded.link.name} {words}{mine}",
                    (each.rate, PER_SECOND),
                    (needed, SECONDS),
                    (min(trips), SECONDS),
                    (1.0 / count if guarded.coming is None else 0.0, SHARE),
                )
            )
            if processes == 1:
                sentences.append(f"{guarded.link.name} has one caller process: both are the same")
                break
    return tabled(
        sentences
        or ["one for all hears all calls and judges soonest; its mistake turns away everybody"],
        ("breaker", "hears", "enough calls in", "opens by chance every", "turned away by one"),
        rows,
        "what sharing costs: a store that is slow or down, and instances that fail alone",
        "simcb sweep {source} --over breaker.shared=true,false",
    )


def _needs(rule: object) -> int:
    return int(getattr(rule, "threshold", 0) or getattr(rule, "minimum_calls", 1))


def false_trips(found: Predictions) -> Answer:
    """Say what is turned away by mistake."""
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for guarded in found.breakers:
        between = found.of("false_trips", guarded.name)[0].value or math.inf
        opened = guarded.breaker.recovery_policy().timeout
        open_for = opened + (1.0 / guarded.rate if guarded.rate else 0.0)
        lost = open_for / (open_for + between) if math.isfinite(between) else 0.0
        turned = guarded.rate * opened
        if guarded.coming is not None:
            lost = turned = 0.0
        daily = guarded.count * 86_400.0 / (open_for + between)
        rows.append(
            (
                guarded.name,
                (between, SECONDS),
                (daily, RATIO),
                (turned, COUNT),
                (lost, SHARE),
            )
        )
        costs = f"turns away {lost:.2g} of its calls by mistake"
        if guarded.coming is not None:
            costs = f"lets {guarded.coming * opened:,.0f} messages wait for each opening"
        sentences.append(f"{guarded.name} {costs}, where {guarded.failing:.2g} of them fail")
    return tabled(
        sentences,
        ("call", "opens by chance every", "openings a day", "one turns away", "calls lost"),
        rows,
        "blips: an ordinary day with five bad minutes is not this one",
        "simcb run {source} --set 'faults=[]' --set duration=1h -n 10 --details",
    )
