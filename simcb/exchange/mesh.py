"""What Envoy does to the hosts of a cluster, and Istio through it: outlier detection and pools."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from simcb.breaker import ConsecutiveFailures
from simcb.exchange.calls import Asked, lose_clearing, percent
from simcb.exchange.parts import Got, Part
from simcb.exchange.policy import Policy
from simcb.scenario.problems import Mark
from simcb.scenario.units import format_share

BALANCES = {
    "roundrobin": "round_robin",
    "leastrequest": "least_busy",
    "leastconn": "least_busy",
    "random": "random",
}
NO_PASSIVE = "consecutive failures are the one rule of outlier detection that is taken"
UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class Outliers:
    """The settings of outlier detection, whatever they are called.

    Args:
        threshold: consecutive failures that eject a host; 0 for none.
        base: how long the first ejection lasts, seconds.
        longest: how long one may last, seconds.
        interval: how often it is looked whether an ejection is over, seconds.
        most: the greatest share of the hosts that may be ejected.
        panic: the percentage of healthy hosts below which all are asked; 0 for never.
        warm_up: how long a host that is new gets a growing share, seconds; None for not at all.
    """

    threshold: Got[int]
    base: Got[float]
    longest: Got[float]
    interval: Got[float]
    most: Got[float]
    panic: Got[float]
    warm_up: Got[float] | None = None


def eject(policy: Policy, found: Outliers) -> None:
    """Set the breaker of each host that outlier detection is."""
    threshold = found.threshold
    if not threshold.value:
        policy.say(f"{threshold.key or 'consecutive errors'} 0: hosts are never ejected", threshold)
        return
    what = "every 5xx answer is one outcome here, `error`"
    rule = {"kind": "consecutive_failures", "threshold": threshold.value}
    policy.trip(rule, threshold, what)
    base, longest = found.base, found.longest
    wait = min(max(base.value, 1e-3), longest.value)
    policy.set(
        "breaker.recovery.timeout",
        wait,
        base,
        f"the k-th ejection of a host lasts k·{base.value:g} s there, up to {longest.value:g} s; "
        f"here each lasts {wait:g} s",
        f"a host comes back at the next sweep, each {found.interval.value:g} s, at once here",
    )
    policy.set("breaker.half_open", "none")
    policy.set("breaker.per_replica", True)
    most = found.most
    note = ""
    if 0.0 < most.value <= 50.0:
        fewest = math.ceil(100.0 / most.value)
        note = f"{most.value:.4g}% of fewer than {fewest} hosts is none: no host is ever ejected"
    policy.set("breaker.max_open", format_share(most.value / 100.0), most, note)
    panic = found.panic
    if panic.value and (panic.given or 100.0 - most.value < panic.value):
        policy.set("breaker.panic", format_share(panic.value / 100.0), panic)
    if found.warm_up is not None and found.warm_up.value:
        what = (
            "hosts that are new or pass an active health check again warm up there; here those "
            "that come back from an ejection, from nothing and evenly"
        )
        policy.set("breaker.slow_start", found.warm_up.value, found.warm_up, what)


def pool(
    policy: Policy, requests: Got[int] | None, connections: Got[int] | None, pending: Got[int]
) -> None:
    """Set the bulkhead that the limits of a connection pool are.

    Args:
        policy: gets it.
        requests: the most requests at once, if it is given.
        connections: the most connections, each of which has one request of HTTP/1 at a time.
        pending: how many requests may wait for a connection.
    """
    limit = requests or connections
    if limit is None or not 1 <= limit.value < UNLIMITED:
        return
    many = min(limit.value, 1_000_000)
    note = "" if limit is requests else "each connection has one request at a time with HTTP/1"
    policy.set("bulkhead.max_concurrent", many, limit, note)
    policy.say("the limit is of each proxy there, of each `instances` here", limit, "bulkhead")
    if requests is not None and connections is not None and connections.value < UNLIMITED:
        what = (
            f"{connections.key} {connections.value}: left out; with HTTP/1 it is the limit of "
            "requests at once, and that of all is taken"
        )
        policy.say(what if connections.given else "", connections, "bulkhead")
    if pending.value:
        what = (
            f"{pending.key or 'pending requests'} {pending.value}: left out; how many may wait is "
            "`bulkhead.queue`, beside a `max_wait` for how long"
        )
        policy.say(what if pending.given else "", pending, "bulkhead")


def retries(policy: Policy, attempts: Got[int], on: Got[str], elsewhere: Got[bool]) -> None:
    """Set retries with Envoy's waits of 25 ms that double, by lot from 0.

    Args:
        policy: gets them.
        attempts: how many there are.
        on: the conditions.
        elsewhere: whether hosts that were tried are avoided.
    """
    policy.set("retry.max_retries", attempts.value, attempts)
    if not attempts.value:
        return
    what = (
        "waits are drawn up to 25, 75, 175 and then 250 ms there; up to 25, 50, 100, 200 and "
        "250 ms here"
    )
    backoff = {"kind": "exponential", "base": 0.025, "factor": 2, "max": 0.25}
    policy.set("retry.backoff", backoff, None, what)
    policy.set("retry.jitter", "full", None)
    conditions = {each.strip().casefold() for each in on.value.split(",")}
    words = []
    if conditions & {"5xx", "gateway-error", "retriable-4xx", "retriable-status-codes"} or any(
        each.isdigit() for each in conditions
    ):
        words += ["error", "timeout"]
    if conditions & {"5xx", "connect-failure", "refused-stream", "unavailable", "reset"}:
        words.append("refused")
    note = "" if "error" in words else "answers with an error are not retried by these conditions"
    policy.set("retry.on", words or ["refused"], on, note)
    if elsewhere.value:
        policy.set("retry.elsewhere", True, elsewhere)


def limit_retries(policy: Policy, share_of: float, least: Got[int], got: Got[Any] | Mark) -> None:
    """Set the budget of retries at the same time, if there are any."""
    if not policy.words.get("retry", {}).get("max_retries"):
        return
    budget = {"kind": "concurrent", "share": format_share(share_of), "least": least.value}
    at = got if isinstance(got, Got) else Got(None, got)
    what = "the budget is of each proxy there, of each `instances` here"
    policy.set("retry.budget", budget, at, what)


def balance(policy: Policy, got: Got[str]) -> None:
    """Set how hosts are chosen."""
    known = BALANCES.get(got.value.replace("_", "").casefold())
    if known:
        policy.set("balance", known, got)
    elif got.given:
        policy.say(f"{got.key} {got.value}: left out; simcb has no word for it", got)


def skip(policy: Policy, part: Part, words: tuple[str, ...], why: str) -> None:
    """Say that some words of a part are left out."""
    for word in words:
        got = part.raw(word)
        plain = got.value if isinstance(got.value, (str, int, float)) else ""
        if got.given:
            policy.say(f"{got.key}{f' {plain}' if plain != '' else ''}: left out; {why}", got)


def most_ejected(asked: Asked) -> str:
    """Return the most hosts that may be ejected, in percent."""
    most = asked.breaker.max_open if asked.breaker else None
    return percent(1.0 if most is None else most)


def panic_of(asked: Asked) -> str:
    """Return the percentage of healthy hosts below which all are asked."""
    panic = asked.breaker.panic if asked.breaker else None
    return percent(panic or 0.0)


def ejection_of(asked: Asked) -> tuple[int, float] | None:
    """Return the consecutive failures and the seconds of an ejection that come nearest."""
    breaker = asked.breaker
    if breaker is None:
        return None
    lose_clearing(asked)
    threshold = None
    for rule in asked.rules:
        if threshold is None and isinstance(rule, ConsecutiveFailures):
            threshold = rule.threshold
        else:
            asked.lose(f"{rule!r}: left out; {NO_PASSIVE}")
    recovery, half = breaker.recovery_policy(), breaker.half_open_policy()
    if recovery.factor > 1 or recovery.jitter:
        asked.lose("recovery: the k-th ejection lasts k times as long there, without jitter")
    asked.lose("each further ejection of a host lasts longer by the first there, up to 5 minutes")
    asked.lose("a host comes back at the next sweep there, each 1 s")
    if half.probes:
        asked.lose("half_open: a host comes back without a probe")
    if half.ramp is not None:
        asked.lose("half_open ramp: a host comes back with all its share there")
    if breaker.slow_start is not None:
        asked.lose("slow_start: only hosts that are new or pass a health check warm up there")
    if not breaker.per_replica:
        asked.lose("hosts are ejected one by one there, the service as a whole never is")
    if {outcome.value for outcome in breaker.counts} == {"error", "timeout", "refused"}:
        asked.tell("breaker.counts")
    asked.tell("breaker.failure_threshold", "breaker.recovery_timeout", "breaker.trip")
    asked.tell("breaker.recovery", "breaker.half_open", "breaker.per_replica", "breaker.max_open")
    asked.tell("breaker.panic", "breaker.slow_start")
    if not breaker.enabled:
        asked.tell("breaker.enabled")
        return 0, recovery.timeout
    if threshold is None:
        asked.lose("no rule comes near, so no host is ever ejected")
    return threshold or 0, recovery.timeout


def retry_conditions(asked: Asked) -> str:
    """Return the conditions of retries, and note what is said otherwise."""
    retry = asked.call.retry
    assert retry is not None
    on = {outcome.value for outcome in retry.on}
    words = ["connect-failure", "refused-stream", "reset"] if "refused" in on else []
    words = ["5xx"] if {"error", "timeout"} & on else words
    if words == ["5xx"] and not {"error", "timeout", "refused"} <= on:
        asked.lose("retry.on: 5xx holds errors, timeouts and refused connections together")
    if on & {"rejected", "shed"}:
        asked.lose("retry.on: rejected and shed calls are not told apart from errors there")
    backoff = retry.backoff
    known = backoff.kind == "exponential" and abs(backoff.delay_before(1) - 0.025) < 1e-9
    if not known or retry.jitter != "full":
        asked.lose("retry.backoff: waits begin at 25 ms and double, by lot from 0, there")
    asked.tell("retry.max_retries", "retry.backoff", "retry.jitter", "retry.on", "retry.elsewhere")
    return ",".join(words or ["connect-failure"])
