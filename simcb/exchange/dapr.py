"""Dapr's `Resiliency`: timeouts, retries and circuit breakers, and the targets that use them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from simcb.exchange.calls import Asked, Writing
from simcb.exchange.documents import Document
from simcb.exchange.durations import go_text
from simcb.exchange.gobreaker import condition_of
from simcb.exchange.parts import Part
from simcb.exchange.policy import Policy, as_name, bare, set_retries
from simcb.exchange.tripping import probes, trip
from simcb.scenario.refusal import Refused
from simcb.scenario.retries import MOST_RETRIES, Exponential

_KIND = re.compile(r"^\s*[\"']?kind[\"']?\s*:\s*[\"']?Resiliency\b", re.MULTILINE)


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return bool(_KIND.search(text))


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every target; without targets, of every breaker, retry and timeout."""
    for tree in document.trees():
        root = Part(tree, "", document.findings)
        if root.word("kind").value != "Resiliency":
            continue
        spec = root.part("spec")
        policies = spec.part("policies")
        targets = spec.part("targets")
        found = list(_targets(targets, policies))
        yield from found or _alone(policies)


def _targets(targets: Part, policies: Part) -> Iterator[Policy]:
    for kind in ("apps", "components", "actors"):
        named = targets.part(kind)
        for name in named.names():
            target = named.part(name)
            if kind == "components":
                for way in ("outbound", "inbound"):
                    if target.has(way):
                        suffix = "" if way == "outbound" else "-inbound"
                        yield _target(f"{name}{suffix}", target.part(way), policies)
            else:
                policy = _target(name, target, policies)
                scope = "one breaker for all actors of a type here"
                words = ("circuitBreakerCacheSize", "circuitBreakerScope")
                policy.leave(target, dict.fromkeys(words, scope))
                yield policy


def _target(name: str, target: Part, policies: Part) -> Policy:
    policy = Policy(as_name(name), target.at.line if target.at else None)
    timeout, retry, breaker = (target.word(word) for word in ("timeout", "retry", "circuitBreaker"))
    for got, kind in ((timeout, "timeouts"), (retry, "retries"), (breaker, "circuitBreakers")):
        known = policies.part(kind)
        if got.given and not known.has(got.value):
            remedy = f"name one of {', '.join(known.names()) or 'those below `policies`'}"
            target.refuse_at(got, Refused(f"`{got.value}` is no policy in {kind}", remedy))
    if timeout.given:
        _timeout(policy, policies.part("timeouts"), timeout.value)
    if retry.given:
        _retry(policy, policies.part("retries").part(retry.value))
    if breaker.given:
        _breaker(policy, policies.part("circuitBreakers").part(breaker.value))
    return policy


def _alone(policies: Part) -> Iterator[Policy]:
    for name in policies.part("circuitBreakers").names():
        policy = Policy(as_name(name))
        _breaker(policy, policies.part("circuitBreakers").part(name))
        policy.say("no target uses it", None)
        yield policy
    for name in policies.part("retries").names():
        policy = Policy(as_name(name))
        _retry(policy, policies.part("retries").part(name))
        policy.say("no target uses it", None)
        yield policy


def _timeout(policy: Policy, timeouts: Part, name: str) -> None:
    entry = timeouts.raw(name)
    if isinstance(entry.value, dict):
        timeouts = timeouts.part(name)
        name = next(iter(timeouts.names()), "general")
    limit = timeouts.maybe_duration(name)
    if limit is not None:
        policy.set("timeout", limit.value, limit)


def _retry(policy: Policy, part: Part) -> None:
    many = part.whole("maxRetries", default=-1, least=-1, most=MOST_RETRIES)
    kind = part.word("policy", default="constant")
    if kind.value == "exponential":
        first = part.duration("initialInterval", default=0.5)
        most = part.duration("maxInterval", default=60.0)
        backoff: dict[str, object] = {"kind": "exponential", "base": first.value}
        backoff["factor"] = bare(1.5)
        backoff["max"] = max(most.value, first.value)
        policy.set(
            "retry.backoff",
            backoff,
            kind,
            "waits are spread by ±50% there; here by lot over their second half",
        )
        policy.set("retry.jitter", "equal", None)
    else:
        first = wait = part.duration("duration", default=5.0)
        policy.set("retry.backoff", {"kind": "fixed", "delay": wait.value}, wait)
    set_retries(policy, many, endless=many.value < 0, wait=first.value)
    codes = "status codes are one outcome here, `error`"
    grow = "constant waits do not grow"
    policy.leave(part, {"matching": codes, "maxInterval": grow, "initialInterval": grow})


def _breaker(policy: Policy, part: Part) -> None:
    every = part.duration("interval", default=0.0)
    text = part.word("trip", default="")
    trip(policy, text.value, every, text.at)
    wait = part.duration("timeout", default=60.0)
    policy.set("breaker.recovery.timeout", wait.value, wait)
    probes(policy, part.whole("maxRequests", default=1, most=10_000))
    policy.leave(part)


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write a Resiliency with a policy and a target for each call."""
    page.add("apiVersion: dapr.io/v1alpha1", "kind: Resiliency", "metadata:")
    page.add("  name: simcb", "spec:", "  policies:")
    timeouts = [one for one in asked if one.call.timeout is not None]
    retries = [one for one in asked if one.call.retry is not None]
    breakers = [one for one in asked if one.breaker is not None]
    if timeouts:
        page.add("    timeouts:")
    for one in timeouts:
        page.add(f"      {one.name}-timeout: {go_text(one.call.timeout or 0.0)}")
        one.tell("timeout")
    if retries:
        page.add("    retries:")
    for one in retries:
        page.add(f"      {one.name}-retry:")
        _write_retry(one, page.inside("        "))
    if breakers:
        page.add("    circuitBreakers:")
    for one in breakers:
        page.add(f"      {one.name}-breaker:")
        _write_breaker(one, page.inside("        "))
    page.add("  targets:", "    apps:")
    for one in asked:
        page.add(f"      {one.name}:")
        used = (("timeout", timeouts), ("retry", retries))
        page.add(*(f"        {word}: {one.name}-{word}" for word, those in used if one in those))
        if one in breakers:
            page.add(f"        circuitBreaker: {one.name}-breaker")


def _write_retry(asked: Asked, page: Writing) -> None:
    retry = asked.call.retry
    assert retry is not None
    backoff = retry.backoff
    if isinstance(backoff, Exponential):
        page.add("policy: exponential", f"initialInterval: {go_text(backoff.base)}")
        page.add(f"maxInterval: {go_text(backoff.max if backoff.max is not None else 60.0)}")
        if backoff.factor != 1.5:
            asked.lose(f"backoff.factor {backoff.factor:g}: waits grow by 1.5 there")
        if retry.jitter != "equal":
            asked.lose(f"jitter {retry.jitter.value}: waits are spread by ±50% there")
    else:
        page.add("policy: constant", f"duration: {go_text(backoff.delay_before(1))}")
        if retry.jitter != "none" or backoff.kind == "decorrelated":
            asked.lose("constant waits have no jitter there")
    page.add(f"maxRetries: {-1 if retry.endless else retry.max_retries}")
    on = {outcome.value for outcome in retry.on}
    if on != {"error", "timeout", "refused"}:
        asked.lose(
            f"retry.on {', '.join(sorted(on))}: it retries every failure but an open breaker"
        )
    asked.tell("retry.max_retries", "retry.backoff", "retry.jitter", "retry.on")


def _write_breaker(asked: Asked, page: Writing) -> None:
    condition, every, number, timeout = condition_of(asked)
    page.add(f"maxRequests: {number}")
    if every:
        page.add(f"interval: {go_text(every)}")
    page.add(f"timeout: {go_text(timeout)}", f"trip: {condition}")
