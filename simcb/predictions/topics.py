"""The questions that people ask of a breaker, answered for one scenario by formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from simcb.breaker import ConsecutiveFailures, FailureRate
from simcb.metrics import Unit
from simcb.metrics.measures import check_known
from simcb.predictions.admission import held_back, limited_services
from simcb.predictions.breakers import NO_BREAKER, Guarded, failing_for
from simcb.predictions.chance import looks_back, time_to_trip
from simcb.predictions.faults import fault_predictions
from simcb.predictions.formulas import load_of_retries, probe_cycle, success_of_retries
from simcb.predictions.load import load_predictions
from simcb.predictions.predict import Predictions
from simcb.predictions.spread import beyond, quantile
from simcb.predictions.traffic import ordinary, retries_allowed
from simcb.predictions.values import COUNT, PER_SECOND, RATIO, SECONDS, SHARE
from simcb.scenario.breakers import Around
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration

Cell = str | tuple[float, Unit]


@dataclass(frozen=True)
class Answer:
    """What formulas answer to a question.

    Args:
        topic: its name.
        question: the question.
        sentences: what it comes to.
        header: of the table.
        rows: of the table.
        unknown: what no formula here can know.
        command: the command that shows it by simulation; `{source}` is the scenario.
        wordy: whether the table's other columns are words, too.
    """

    topic: str
    question: str
    sentences: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    unknown: str
    command: str
    wordy: bool = False


TOPICS = {
    "never-opens": "Why does my breaker never open?",
    "threshold": "Which threshold?",
    "how-long-open": "How long open?",
    "count-or-percentage": "Count or percentage?",
    "retries-inside": "Retries inside or outside?",
    "shared": "Shared or per instance?",
    "false-trips": "What does it cost on a normal day?",
    "recovers": "Will it recover by itself?",
    "retry-budget": "Is a retry budget better here?",
    "timeout": "Which timeout?",
    "limits": "What does a service's limit turn away?",
}
"""Every question by the name of its topic."""

BLIP, PARTIAL = 0.05, 0.3
"""Shares of failures that stand for a blip and for a partial failure."""

_NO_BREAKER = f"{NO_BREAKER}; add `breaker: {{failure_threshold: 5}}`"


def answer(found: Predictions, topic: str) -> Answer:
    """Return the answer to a question for a scenario.

    Raises:
        UnknownNumberError: there is no such topic.
    """
    check_known("topic", topic, TOPICS)
    said = _ANSWERS[topic](found)
    if not found.guarded and topic not in ("timeout", "retry-budget", "recovers", "limits"):
        said = replace(said, sentences=(_NO_BREAKER,), rows=(), header=())
    return replace(said, topic=topic, question=TOPICS[topic])


def _table(
    sentences: list[str],
    header: tuple[str, ...],
    rows: list[tuple[Cell, ...]],
    unknown: str,
    command: str,
    *,
    wordy: bool = False,
) -> Answer:
    return Answer("", "", tuple(sentences), header, tuple(rows), unknown, command, wordy)


def _never_opens(found: Predictions) -> Answer:
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
    return _table(
        sentences,
        ("call", "what", "value", "why"),
        rows,
        "bursts of traffic, and what queues add to the time of an answer",
        "simcb run {source} --fail-if 'missed_trips > 0'",
        wordy=True,
    )


def _each(found: Predictions) -> Guarded | None:
    """Return the call that is answered for: the one whose breakers hear most."""
    return max(found.guarded, key=lambda each: each.rate * each.count, default=None)


def _axis(guarded: Guarded, word: str, values: str) -> str:
    return f"simcb sweep {{source}} --over {guarded.place(word)}={values}"


def _threshold(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found)
    sentences, command = [], ""
    if guarded is not None:
        healthy = guarded.flow.chance(guarded.breaker.counts)
        timeout = guarded.link.call.timeout or 0.0
        for k in sorted({2, 3, 5, 10, 20, *_threshold_of(guarded)}):
            rule, rate = ConsecutiveFailures(k), guarded.rate
            trips = [time_to_trip(rule, p, rate) for p in (healthy, BLIP, PARTIAL)]
            seen = timeout + k / rate if rate else math.inf
            rows.append((f"{k}", *((each, SECONDS) for each in trips), (seen, SECONDS)))
        sentences = [
            f"of {guarded.link.name}, each breaker hearing {guarded.rate:.3g} calls a second: the "
            "lowest threshold that a blip does not reach while it lasts"
        ]
        command = _axis(guarded, "failure_threshold", "3,5,10,20")
    return _table(
        sentences,
        ("failures in a row", "ordinary day", "5% fail", "30% fail", "all hang"),
        rows,
        "failures that come in clusters: real ones are not independent, so it opens sooner",
        command or "simcb run {source}",
    )


def _threshold_of(guarded: Guarded) -> set[int]:
    rules = guarded.breaker.rules()
    return {each.threshold for each in rules if isinstance(each, ConsecutiveFailures)}


def _how_long(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found)
    sentences, command = [], ""
    if guarded is not None and guarded.rate:
        probe = guarded.link.call.timeout or found.traffic.held(guarded.link.service)
        mine = guarded.breaker.recovery_policy().timeout
        for opened in sorted({1.0, 5.0, 15.0, 30.0, 60.0, mine}):
            asked = guarded.count / probe_cycle(guarded.rate, opened, probe)
            late = opened / 2.0 + 1.0 / guarded.rate
            rows.append(
                (
                    format_duration(opened),
                    (guarded.rate * opened, COUNT),
                    (asked, PER_SECOND),
                    (late, SECONDS),
                )
            )
        sentences = [
            f"of {guarded.link.name}: long enough that probes spare the service, no longer; what a "
            "needless opening turns away and the delay after a fault grow with it"
        ]
        word = "recovery.timeout" if guarded.breaker.recovery else "recovery_timeout"
        command = _axis(guarded, word, "1s,5s,15s,30s,1m")
    return _table(
        sentences,
        ("open for", "one opening turns away", "probes when down", "mean delay after"),
        rows,
        "how long faults last: if all last as long as one opening, that opening looks best",
        command or "simcb run {source}",
    )


def _count_or_percentage(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    guarded = _each(found)
    sentences, command = [], ""
    if guarded is not None:
        rate = guarded.rate
        healthy = guarded.flow.chance(guarded.breaker.counts)
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
            f"of {guarded.link.name}: a count opens at {PARTIAL:.0%} of failures, too; a "
            "percentage only at what it names, but it needs the traffic: each breaker hears "
            f"{rate * window:.3g} calls in {format_duration(window)}"
        ]
        command = "simcb sweep {source} --over failure_threshold=3,5,10,20"
    return _table(
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


def _retries_inside(found: Predictions) -> Answer:
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
    return _table(
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


def _shared(found: Predictions) -> Answer:
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
                    (1.0 / count, SHARE),
                )
            )
            if processes == 1:
                sentences.append(f"{guarded.link.name} has one caller process: both are the same")
                break
    return _table(
        sentences
        or ["one for all hears all calls and judges soonest; its mistake turns away everybody"],
        ("breaker", "hears", "enough calls in", "opens by chance every", "turned away by one"),
        rows,
        "what sharing costs: a store that is slow or down, and instances that fail alone",
        "simcb sweep {source} --over breaker.shared=true,false",
    )


def _needs(rule: object) -> int:
    return int(getattr(rule, "threshold", 0) or getattr(rule, "minimum_calls", 1))


def _false_trips(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for guarded in found.guarded:
        between = found.of("false_trips", guarded.link.name)[0].value or math.inf
        opened = guarded.breaker.recovery_policy().timeout
        open_for = opened + (1.0 / guarded.rate if guarded.rate else 0.0)
        lost = open_for / (open_for + between) if math.isfinite(between) else 0.0
        daily = guarded.count * 86_400.0 / (open_for + between)
        rows.append(
            (
                guarded.link.name,
                (between, SECONDS),
                (daily, RATIO),
                (guarded.rate * opened, COUNT),
                (lost, SHARE),
            )
        )
        sentences.append(
            f"{guarded.link.name} turns away {lost:.2g} of its calls by mistake, where "
            f"{guarded.flow.chance(guarded.breaker.counts):.2g} of them fail"
        )
    return _table(
        sentences,
        ("call", "opens by chance every", "openings a day", "one turns away", "calls lost"),
        rows,
        "blips: an ordinary day with five bad minutes is not this one",
        "simcb run {source} --set 'faults=[]' --set duration=1h -n 10 --details",
    )


def _recovers(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for each in found.of("collapse_margin"):
        guards = [one for one in found.guarded if one.link.service == each.subject]
        wait = max((one.breaker.recovery_policy().timeout for one in guards), default=0.0)
        rows.append(
            (each.subject, (each.value or 0.0, RATIO), (wait, SECONDS) if guards else "no breaker")
        )
        sure = (each.value or 0.0) < 1.0
        does = "recovers by itself" if sure else "may stay down"
        saved = f"; its breaker pauses for {format_duration(wait)}" if guards and not sure else ""
        sentences.append(f"{each.subject} {does}: {each.remark}{saved}")
    if not rows:
        sentences = ["nothing is retried, so what is left of a fault is its backlog alone"]
    sentences += _after_changes(found.scenario)
    return _table(
        sentences,
        ("service", "retried load / capacity", "breaker stays open for"),
        rows,
        "how large a fault it takes, and how long the backlog is in the way",
        "simcb run {source} -n 10 --baseline none",
    )


def _after_changes(scenario: Scenario) -> Iterator[str]:
    """Yield of each moment at which something is changed who may stay down from then on."""
    for at, stage in scenario.stages[1:]:
        made = ", ".join(each.label for each in scenario.changes if each.at == at)
        margins = (p for p in load_predictions(ordinary(stage)) if p.name == "collapse_margin")
        down = [each.subject for each in margins if (each.value or 0.0) >= 1.0]
        does = f"{', '.join(down)} may stay down still" if down else "all recovers by itself"
        yield f"after the change at {format_duration(at)}, {quoted(made)}, {does}"


BUDGETS = 0.05, 0.1, 0.2
"""Retries for each request that a budget may allow, where the file has none."""


def _retry_budget(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    budgets: dict[str, tuple[float, ...]] = {}
    for link in found.traffic.links:
        retry = link.call.retry
        if retry is None or not link.retries:
            continue
        allowed: tuple[float, ...] = BUDGETS
        if retry.budget is not None:
            asked, callers = found.traffic.flows[link.path].asked, found.traffic.processes(link)
            allowed = (retries_allowed(retry, asked, callers),)
        budgets[link.service] = allowed
        for words, p in (("5% fail", BLIP), ("30% fail", PARTIAL), ("all fail", 1.0 - 1e-12)):
            load, answered = load_of_retries(p, link.retries), success_of_retries(p, link.retries)
            name = f"{link.name}, {words}"
            rows.append((name, "none", (load, RATIO), (answered, SHARE)))
            for each in allowed:
                most = min(load, 1.0 + each)
                answers = min(answered, most * (1.0 - p))
                rows.append((name, f"{100.0 * each:.3g}%", (most, RATIO), (answers, SHARE)))
    sentences = []
    for margin in found.of("collapse_margin"):
        allowed = budgets.get(margin.subject, ())
        if not allowed or (margin.value or 0.0) < 1.0:
            continue
        whose = "its budget holds" if len(allowed) == 1 else "a budget of 5% to 20% would hold"
        held = " to ".join(f"{1.0 + each:.3g}" for each in dict.fromkeys((allowed[0], allowed[-1])))
        sentences.append(
            f"{margin.subject}: retries ask {margin.value:.3g} times what it can do; {whose} them "
            f"to {held} times the requests"
        )
    if not sentences and any(each is not BUDGETS for each in budgets.values()):
        sentences = ["with the file's budget, retries alone keep nothing down"]
    if not sentences:
        sentences = ["retries alone keep nothing down here, so a budget only costs answers"]
    return _table(
        sentences if rows else ["no call is retried"],
        ("call", "budget", "tries", "answered"),
        rows,
        "bursts: a full bucket pays for the first seconds, more so with many small callers",
        "simcb run {source} --set 'retry.budget={{kind: token_bucket, ratio: 10%}}' -n 10",
    )


def _timeout(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for link in found.traffic.links:
        work = found.scenario.services[link.service].work
        rest = link.ways + found.traffic.held(link.service) - work.mean_value
        asked = found.traffic.flows[link.path].asked
        needed = [quantile(work, q) + rest for q in (0.99, 0.999)]
        mine = link.call.timeout
        cut = beyond(work, mine - rest) if mine else 0.0
        held = asked * mine * (1 + link.retries) if mine else math.inf
        rows.append(
            (
                link.name,
                format_duration(mine) if mine else "none",
                (cut, SHARE),
                *((each, SECONDS) for each in needed),
                (held, COUNT) if mine else "all of them",
            )
        )
        if mine is None:
            sentences.append(f"{link.name} has none: what hangs is never seen by its breaker")
        elif mine > 3.0 * needed[1]:
            sentences.append(
                f"{link.name} waits {format_duration(mine)} for what is there after "
                f"{needed[1]:.2g} s in 999 of 1,000: a shorter one sees a hang sooner"
            )
        elif cut > 0.001:
            sentences.append(f"{link.name} cuts off {cut:.2%} of the good answers")
    return _table(
        sentences or ["the timeouts are near what 999 of 1,000 answers need"],
        ("call", "timeout", "good ones cut", "p99 needs", "p99.9 needs", "waiting in a hang"),
        rows,
        "how much slower answers are on a bad day that is not yet a fault",
        "simcb sweep {source} --over timeout=500ms,1s,2s,5s",
    )


def _limits(found: Predictions) -> Answer:
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for each in limited_services(found.traffic):
        hold = each.admit.retry_after
        rows.append(
            (
                each.service,
                (each.offered, PER_SECOND),
                (each.let_in, PER_SECOND),
                (each.throttled, SHARE),
                (each.made / each.offered if each.offered else 1.0, RATIO),
                (each.gives_up, SHARE),
                (hold, SECONDS) if hold else "not said",
            )
        )
        if not each.throttled:
            sentences.append(f"{each.service} turns nobody away on an ordinary day")
            continue
        sentences.append(
            f"{each.service} lets {each.let_in:.3g} of {each.offered:.3g} attempts a second in; "
            f"{each.gives_up:.2g} of the requests have every try turned away"
        )
        if each.made > each.offered * (1.0 + 1e-9):
            waited = f", and {format_duration(round(held_back(each), 3))} each" if hold else ""
            sentences.append(
                f"asking {each.service} again costs {each.made / each.offered:.3g} times the "
                f"attempts{waited}; it lets no more in for it"
            )
    return _table(
        sentences or ["no service has a limit; add `admit: {kind: rate, rate: 100/s}`"],
        ("service", "asked", "let in", "turned away", "tries", "given up", "a 429 holds"),
        rows,
        "bursts: a full bucket pays for the first, and what comes in heaps is turned away sooner",
        "simcb run {source} --details",
    )


_ANSWERS: dict[str, Callable[[Predictions], Answer]] = {
    "never-opens": _never_opens,
    "threshold": _threshold,
    "how-long-open": _how_long,
    "count-or-percentage": _count_or_percentage,
    "retries-inside": _retries_inside,
    "shared": _shared,
    "false-trips": _false_trips,
    "recovers": _recovers,
    "retry-budget": _retry_budget,
    "timeout": _timeout,
    "limits": _limits,
}
