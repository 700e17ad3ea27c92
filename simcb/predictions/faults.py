"""How soon a breaker sees a fault, and what the fault and the breaker make of each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from simcb.breaker import ConsecutiveFailures, FailuresInWindow, SlowCallRate, TripRule
from simcb.breaker.settings import counts_in_flight, slow_from
from simcb.metrics.phase import active_windows
from simcb.outcomes import AttemptOutcome
from simcb.predictions.breakers import opening_length
from simcb.predictions.chance import calls_in_a_row, looks_back, needed_share, time_to_trip
from simcb.predictions.formulas import (
    load_of_retries,
    success_of_retries,
    time_closed,
    time_to_rate,
)
from simcb.predictions.guarded import Guarded
from simcb.predictions.onset import time_among_answers, time_with_losses
from simcb.predictions.overload import held_under, load_under, slowness
from simcb.predictions.spread import beyond, quantile
from simcb.predictions.traffic import Traffic
from simcb.predictions.values import (
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    Prediction,
    Sureness,
    numbers,
)
from simcb.scenario.breakers import Around
from simcb.scenario.faults import (
    Capacity,
    Cold,
    Errors,
    Fault,
    Hang,
    Latency,
    Loss,
    Pause,
    Refuse,
    Restart,
)


@dataclass(frozen=True)
class Struck:
    """What a fault does to the calls that one breaker hears.

    Args:
        share: of them that fail.
        after: seconds until a failure is known.
        why: what to know of it, in a few words.
        backlog: whether they fail only because a queue grows.
    """

    share: float
    after: float
    why: str = ""
    backlog: bool = False


def fault_predictions(traffic: Traffic, guarded: Guarded) -> Iterator[Prediction]:
    """Yield how soon a call's breakers open under each fault that strikes it."""
    for label, fault in traffic.scenario.labelled_faults:
        if not active_windows(fault, traffic.scenario.duration) or not strikes(fault, guarded):
            continue
        found = struck(traffic, guarded, fault)
        seen = _detection(traffic, guarded, fault, label, found)
        queued = struck(traffic, guarded, fault, queued=True)
        if queued.why:
            # Whichever comes first: what is slow by itself, or what waits behind it.
            later = _detection(traffic, guarded, fault, label, queued)
            seen = min(later, seen, key=lambda each: each.value or 0.0)
        yield seen
        if isinstance(fault, Errors) and 0.0 < found.share < 1.0:
            yield from _open_under(traffic, guarded, fault, label, found)


def strikes(fault: Fault, guarded: Guarded) -> bool:
    """Tell whether a fault is one of a call's service, and of its caller if it names one."""
    if fault.service != guarded.link.service or fault.target != "service":
        return False
    return fault.link is None or fault.link[0] == guarded.link.caller


def struck(traffic: Traffic, guarded: Guarded, fault: Fault, *, queued: bool = False) -> Struck:
    """Return what a fault makes of the calls, once it is there in full.

    Args:
        traffic: the traffic of an ordinary day.
        guarded: the calls.
        fault: what strikes them.
        queued: whether only what fails by a queue that grows is asked about.
    """
    link, counts = guarded.link, guarded.breaker.counts
    service = traffic.scenario.services[link.service]
    timeout = link.call.timeout
    answer = link.ways + traffic.held(link.service)
    part = fault.share
    if fault.replicas is not None and not guarded.breaker.per_replica:
        part *= len(fault.replicas) / service.replicas
    found = Struck(0.0, 0.0, "it makes no call fail")
    outcome = AttemptOutcome.TIMEOUT
    if queued:
        found = _queued(traffic, guarded, fault, part)
    elif isinstance(fault, Errors):
        found, outcome = Struck(part * fault.rate, answer), AttemptOutcome.ERROR
    elif isinstance(fault, Refuse | Restart):
        found, outcome = Struck(part, link.ways), AttemptOutcome.REFUSED
    elif timeout is None:
        found = Struck(0.0, 0.0, "the call has no timeout")
    elif isinstance(fault, Hang | Loss | Pause):
        found = Struck(part, timeout)
    elif isinstance(fault, Latency | Capacity | Cold):
        found = _slowed(traffic, guarded, fault, timeout, part)
    if found.share and outcome not in counts:
        return Struck(0.0, 0.0, f"counts leaves {outcome} out")
    if guarded.breaker.around is Around.REQUEST and link.call.retry and found.share:
        retry = link.call.retry
        if outcome in retry.on:
            share = found.share ** (1 + link.retries)
            after = (1 + link.retries) * found.after + retry.whole_wait
            return Struck(share, after, "heard after all retries", found.backlog)
    return found


def _slowed(
    traffic: Traffic,
    guarded: Guarded,
    fault: Latency | Capacity | Cold,
    timeout: float,
    part: float,
) -> Struck:
    """Return what fails where work takes longer than the timeout, of the part that is struck."""
    link = guarded.link
    work = traffic.scenario.services[link.service].work
    late = 0.0
    if not isinstance(fault, Capacity):
        times, added = slowness(fault)
        left = timeout - link.ways - added
        late = beyond(work, left / times) if times else float(left < 0.0)
    load = load_under(traffic, link.service, fault)
    why = "" if late else f"no answer outlasts the timeout, and workers are {load:.0%} busy"
    return Struck(late * part, timeout, why)


def _queued(traffic: Traffic, guarded: Guarded, fault: Fault, part: float) -> Struck:
    """Return what fails by a queue that grows as long as the fault lasts.

    All that reach the replicas that are struck wait for it, also those whose work is as usual.
    """
    link, timeout = guarded.link, guarded.link.call.timeout
    load = load_under(traffic, link.service, fault)
    if timeout is None or load <= 1.0 or not part:
        return Struck(0.0, 0.0)
    grows = timeout / (load - 1.0) if math.isfinite(load) else 0.0
    service = traffic.scenario.services[link.service]
    room, held = service.queue.limit, held_under(traffic, link.service, fault)
    if room is not None and (room / service.workers + 1.0) * held < timeout:
        return Struck(0.0, 0.0, "the queue is full before it is longer than the timeout")
    return Struck(
        part / fault.share, grows + timeout, "once the queue is longer than the timeout", True
    )


def _detection(
    traffic: Traffic, guarded: Guarded, fault: Fault, label: str, found: Struck
) -> Prediction:
    link = guarded.link
    rate = guarded.rate
    at_once = isinstance(fault, Errors | Refuse | Restart)
    if at_once and guarded.breaker.around is Around.ATTEMPT and link.retries:
        # Retries come soon, where failures do.
        again = min(found.share, 1.0 - 1e-9)
        rate = guarded.flow.asked * load_of_retries(again, link.retries) / guarded.count
    times = []
    for each in guarded.breaker.rules():
        seconds = _at_onset(traffic, guarded, fault, found, each, rate)
        if seconds is None:
            counted = _share_for(each, found, guarded, fault, traffic)
            seconds = detection_time(each, counted, rate, fault)
        times.append((seconds, each))
    value, rule = min(times, key=lambda each: each[0])
    lasts = min(b - a for a, b in active_windows(fault, traffic.scenario.duration))
    counted = _share_for(rule, found, guarded, fault, traffic)
    remark = "" if counted.share and counted is not found else found.why
    if math.isinf(value):
        remark = remark or "too few of them fail at this traffic"
    elif value > lasts:
        remark = f"longer than the fault lasts{f'; {remark}' if remark else ''}"
    exact = (
        isinstance(rule, ConsecutiveFailures)
        and found.share == 1.0
        and isinstance(fault, Hang | Loss)
        and not link.retries
    )
    share = counted.share
    if isinstance(rule, ConsecutiveFailures) and found.share:
        calls = calls_in_a_row(share, rule.threshold)
        # Of those under way when it begins, some are still answered, or all are lost.
        after = max(found.after, value - calls / rate) if rate else found.after
        formula = "{t} + {n} calls / {λ}"
        if value < calls / rate:
            after, calls = found.after, value * rate
        given = numbers(t=(after, SECONDS), n=(calls, COUNT), λ=(rate, PER_SECOND))
    elif share:
        formula = "{t} + the rule at {p} of {λ}"
        given = numbers(t=(counted.after, SECONDS), p=(share, SHARE), λ=(rate, PER_SECOND))
    else:
        formula, given = "", ()
    place = [name for name, _ in traffic.scenario.labelled_faults].index(label)
    lines = [f"faults.{place}", guarded.rule_path(guarded.breaker.rules().index(rule))]
    by_timeout = counted.after == found.after and not isinstance(fault, Errors | Refuse | Restart)
    if found.after and link.call.timeout and by_timeout:
        lines.append(f"{link.path}.timeout")
    return Prediction(
        "time_to_detect",
        link.name,
        value,
        SECONDS,
        formula,
        given,
        Sureness.EXACT if exact else Sureness.ABOUT,
        "the breaker is closed, and each call fails by itself with the same chance",
        tuple(lines),
        fault=label,
        remark=remark,
    )


def _at_onset(
    traffic: Traffic,
    guarded: Guarded,
    fault: Fault,
    found: Struck,
    rule: TripRule,
    rate: float,
) -> float | None:
    """Return the seconds until calls that fail at once fail in a row; None for anything else."""
    link = guarded.link
    if (
        not isinstance(rule, ConsecutiveFailures)
        or not isinstance(fault, Refuse | Restart)
        or guarded.breaker.around is Around.REQUEST
        or found.share <= 0.0
        or rate <= 0.0
        or math.isinf(calls_in_a_row(found.share, rule.threshold))
    ):
        return None
    work = traffic.scenario.services[link.service].work
    if isinstance(fault, Restart):
        under_way = guarded.rate * (link.ways + traffic.held(link.service)) * found.share
        lost = time_with_losses(rule.threshold, found.share, rate, under_way)
        return found.after + lost
    longest = min(quantile(work, 0.9999) + link.ways, link.call.timeout or math.inf)
    old = guarded.rate / rate

    def tail(seconds: float) -> float:
        return old * beyond(work, seconds - link.ways)

    return found.after + time_among_answers(rule.threshold, found.share, rate, tail, longest)


def _share_for(
    rule: TripRule, found: Struck, guarded: Guarded, fault: Fault, traffic: Traffic
) -> Struck:
    """Return what a rule counts under a fault: failures, or slow calls."""
    drawn_out = _drawn_out(slow_from(rule), counts_in_flight(rule), guarded, fault, traffic)
    if isinstance(rule, SlowCallRate):
        return drawn_out
    return max(found, drawn_out, key=lambda each: (each.share, -each.after))


def _drawn_out(
    slow: float, in_flight: bool, guarded: Guarded, fault: Fault, traffic: Traffic
) -> Struck:
    """Return which calls last `slow` seconds or longer under a fault; an infinity is never.

    What hangs is known to be slow when it is given up, or at once where calls in flight count.
    """
    link, timeout = guarded.link, guarded.link.call.timeout or math.inf
    if isinstance(fault, Hang | Loss | Pause) and slow <= timeout:
        after = slow if in_flight else timeout
        return Struck(fault.share, after) if after < math.inf else Struck(0.0, 0.0)
    if isinstance(fault, Latency) and fault.multiplied:
        work = traffic.scenario.services[link.service].work
        left = (slow - link.ways - fault.added) / fault.multiplied
        return Struck(fault.share * beyond(work, left), min(slow, timeout))
    return Struck(0.0, 0.0)


def detection_time(rule: TripRule, found: Struck, rate: float, fault: Fault) -> float:
    """Return the seconds from a fault's beginning until a rule is met, on average.

    The window is full of what was before the fault, as far as the run had begun.
    """
    share, after = found.share, found.after
    if share <= 0.0 or rate <= 0.0:
        return math.inf
    if isinstance(rule, ConsecutiveFailures):
        return after + calls_in_a_row(share, rule.threshold) / rate
    if isinstance(rule, FailuresInWindow):
        if rate * share * (looks_back(rule) or 0.0) >= rule.threshold:
            return after + rule.threshold / (rate * share)
        return after + time_to_trip(rule, share, rate)
    least = needed_share(rule)
    if share <= least and share < 1.0:
        return after + time_to_trip(rule, share, rate)
    lasts = looks_back(rule)
    if lasts is not None:
        if rate * lasts < rule.minimum_calls:
            return after + time_to_trip(rule, share, rate)
        before = min(lasts, fault.at.mean_value)
        needed = max(0.0, rule.minimum_calls / rate - before)
        if before < lasts and share > least:
            ahead = (share * after + least * (before - share * after)) / (share - least)
            if before + ahead <= lasts:
                return max(after + needed, ahead)
        return max(after + needed, time_to_rate(share, least, lasts, after))
    size = rule.calls or 0
    known = min(float(size), rate * fault.at.mean_value)
    calls = least * known / (share - least) if share > least else math.inf
    if known + calls > size:
        calls = least * size / share
    return after + max(calls, rule.minimum_calls - known, 1.0) / rate


def _open_under(
    traffic: Traffic, guarded: Guarded, fault: Fault, label: str, found: Struck
) -> Iterator[Prediction]:
    """Yield what a breaker makes of a fault in which some calls fail: how long it is open."""
    link = guarded.link
    tried = guarded.flow.asked * load_of_retries(found.share, link.retries) / guarded.count
    rate = guarded.rate if guarded.breaker.around is Around.REQUEST else tried
    closed = min(
        (time_to_trip(rule, found.share, rate) for rule in guarded.breaker.rules()),
        default=math.inf,
    )
    half = guarded.breaker.half_open_policy()
    if math.isinf(closed) or half.verdict is not None or half.ramp is not None or rate <= 0.0:
        return
    probed = opening_length(guarded) + 1.0 / rate + found.after
    # It closes when the probes succeed one after another; each failure opens it again.
    opened = probed / (1.0 - found.share) ** (half.successes or 1)
    if not half.probes:
        opened = opening_length(guarded) + 1.0 / rate
    lasts = _longest(traffic, fault)
    heard = time_closed(lasts, closed, opened)
    share = 1.0 - heard / lasts
    retried = link.retries if guarded.breaker.around is Around.ATTEMPT else 0
    # A sticky fault strikes the same users again, however often they try.
    answered = success_of_retries(found.share, 0 if fault.sticky else link.retries)
    place = [name for name, _ in traffic.scenario.labelled_faults].index(label)
    lines = (f"faults.{place}", guarded.rule_path(0), guarded.recovery_path)
    yield Prediction(
        "open_under",
        link.name,
        share,
        SHARE,
        "1 - {k} closed / {t}",
        numbers(k=(heard, SECONDS), t=(lasts, SECONDS)),
        Sureness.ABOUT,
        "each call fails by itself, and the fault begins with the breaker closed",
        lines,
        fault=label,
        remark=f"trips after {closed:.3g} s, open {opened:.3g} s",
    )
    yield Prediction(
        "answered_with",
        link.name,
        (1.0 - share) * answered,
        SHARE,
        "(1 - {o}) × (1 - {p}^(1 + {n}))",
        numbers(o=(share, SHARE), p=(found.share, SHARE), n=(retried, COUNT)),
        Sureness.ABOUT,
        "what is rejected is not tried again",
        lines,
        fault=label,
        remark=f"{answered:.3%} without the breaker",
    )


def _longest(traffic: Traffic, fault: Fault) -> float:
    """Return for how many seconds a fault lasts at a time, at most."""
    return max(b - a for a, b in active_windows(fault, traffic.scenario.duration))
