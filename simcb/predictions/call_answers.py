"""The questions about calls and services, with a breaker or without, answered by formulas."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simcb.predictions.admission import held_back, limited_services
from simcb.predictions.answers import BLIP, PARTIAL, Answer, Cell, tabled
from simcb.predictions.formulas import load_of_retries, success_of_retries
from simcb.predictions.links import retries_allowed
from simcb.predictions.load import (
    SOONER,
    again_by,
    load_predictions,
    presses,
    worst_chain,
)
from simcb.predictions.predict import Predictions
from simcb.predictions.spread import beyond, quantile
from simcb.predictions.traffic import ordinary
from simcb.predictions.values import COUNT, PER_SECOND, RATIO, SECONDS, SHARE
from simcb.scenario.model import Scenario
from simcb.scenario.refusal import quoted
from simcb.scenario.units import format_duration


def recovers(found: Predictions) -> Answer:
    """Say what may stay down once its fault is over."""
    rows: list[tuple[Cell, ...]] = []
    sentences = []
    for each in found.of("collapse_margin"):
        guards = [one for one in found.breakers if each.subject in one.services]
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
    return tabled(
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


def retry_budget(found: Predictions) -> Answer:
    """Say what a budget leaves of the retries."""
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
        first = worst_chain(found.traffic, margin.subject).links[0]
        pressed = presses(found.traffic, first)
        them = "the retries" if pressed else "them"
        left = f", and not the refreshes, which make up to {1 + pressed} requests of one"
        upto = "up to " if SOONER in margin.remark else ""
        sentences.append(
            f"{margin.subject}: {again_by(found.traffic, margin.subject)} ask {upto}"
            f"{margin.value:.3g} times what it can do; {whose} {them} to {held} times the requests"
            + (left if pressed else "")
        )
    if not sentences and any(each is not BUDGETS for each in budgets.values()):
        sentences = ["with the file's budget, retries alone keep nothing down"]
    if not sentences:
        sentences = ["retries alone keep nothing down here, so a budget only costs answers"]
    return tabled(
        sentences if rows else ["no call is retried"],
        ("call", "budget", "tries", "answered"),
        rows,
        "bursts: a full bucket pays for the first seconds, more so with many small callers",
        "simcb run {source} --set 'retry.budget={{kind: token_bucket, ratio: 10%}}' -n 10",
    )


def timeout(found: Predictions) -> Answer:
    """Say what each call's timeout cuts off and holds up."""
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
    return tabled(
        sentences or ["the timeouts are near what 999 of 1,000 answers need"],
        ("call", "timeout", "good ones cut", "p99 needs", "p99.9 needs", "waiting in a hang"),
        rows,
        "how much slower answers are on a bad day that is not yet a fault",
        "simcb sweep {source} --over timeout=500ms,1s,2s,5s",
    )


def limits(found: Predictions) -> Answer:
    """Say what a service's own limit turns away."""
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
    return tabled(
        sentences or ["no service has a limit; add `admit: {kind: rate, rate: 100/s}`"],
        ("service", "asked", "let in", "turned away", "tries", "given up", "a 429 holds"),
        rows,
        "faults and surges, as this is an ordinary day; bursts: a full bucket pays for the first, "
        "and what comes in heaps is turned away sooner",
        "simcb run {source} --details",
    )
