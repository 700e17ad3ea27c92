"""opossum's options: a JavaScript object literal or JSON, in milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from simcb.breaker import ConsecutiveFailures, FailureRate
from simcb.exchange.calls import (
    COUNTED,
    Asked,
    Writing,
    lose_clearing,
    lose_closing,
    lose_growth,
    lose_slowness,
    percent,
)
from simcb.exchange.documents import Document
from simcb.exchange.parts import Part
from simcb.exchange.policy import ENDLESS, NO_CALL, Policy, as_name
from simcb.scenario.tree import Tree
from simcb.scenario.units import format_share

_OWN = ("errorThresholdPercentage", "resetTimeout", "rollingCountTimeout", "volumeThreshold")
_KEYS = re.compile(rf"""["']?\b(?:{"|".join(_OWN)})["']?\s*:(?!\s*(?:number|boolean)\s*[;,}}?])""")
_NAMED = re.compile(r"(\w+)\s*(?::[^={};]*)?[=:]\s*(?:new\s+[\w.]*Breaker\b[^{}]*)?$")
_UNIMPORTANT = {
    "name": "",
    **dict.fromkeys(("group", "enableSnapshots", "rollingPercentilesEnabled"), NO_CALL),
    **dict.fromkeys(("abortController", "autoRenewAbortController"), NO_CALL),
    **dict.fromkeys(("status", "state"), "it begins closed, with nothing counted"),
    **dict.fromkeys(("cache", "cacheTTL", "cacheSize", "cacheGetKey"), "give the call a `cache`"),
    **dict.fromkeys(("coalesceTTL", "coalesceSize", "coalesceResetOn"), "it belongs to coalesce"),
    "coalesce": "calls that share one answer have no word",
    "errorFilter": "code decides it: an error that it filters is a success there, one that "
    "`ignores` names is neither here; give `counts` the others",
    "maxFailures": "it is deprecated there",
    "rotateBucketController": NO_CALL,
}


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return "opossum" in text or bool(_KEYS.search(text))


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every object with options of opossum."""
    if document.text.lstrip()[:1] == "{":
        for tree in document.trees():
            yield from _search(tree, "", document)
        return
    literals = document.literals()
    for place in literals.braces_around(_KEYS):
        found = literals.at(place)
        if found is None:
            return
        before = document.text[max(0, place - 200) : place].rstrip()
        named = _NAMED.search(before)
        yield _policy(found, named[1] if named else "", document)


def _search(tree: Tree, name: str, document: Document) -> Iterator[Policy]:
    if any(key in tree.entries for key in _OWN):
        yield _policy(tree, name, document)
        return
    for key, entry in tree.entries.items():
        if isinstance(entry.node, Tree):
            yield from _search(entry.node, key, document)


def _policy(tree: Tree, name: str, document: Document) -> Policy:
    part = Part(tree, name or "options", document.findings, bare="millisecond")
    named = part.word("name", default=name)
    policy = Policy(as_name(named.value or name or "service"), tree.mark.line)
    off = part.raw("timeout")
    if off.value is False:
        policy.say("timeout false: a call is waited for without end", off)
    else:
        timeout = part.duration("timeout", default=10.0)
        policy.set("timeout", timeout.value, timeout)
    percent = part.number("errorThresholdPercentage", default=50.0, most=100.0)
    volume = part.whole("volumeThreshold", default=0, most=1_000_000)
    window = part.duration("rollingCountTimeout", default=10.0)
    buckets = part.whole("rollingCountBuckets", default=10, least=1)
    notes = (
        "rejected calls are in opossum's count of calls, and here they are not",
        f"the window moves in {buckets.value} steps there, here each call ages by itself",
    )
    if percent.value < 100.0:
        rule = {"kind": "failure_rate", "rate": format_share(percent.value / 100.0), "strict": True}
        rule |= {"window": window.value, "minimum_calls": max(1, volume.value)}
        policy.trip(rule, percent, *notes)
    else:
        what = "errorThresholdPercentage 100 is never passed: it never opens"
        policy.set("breaker.enabled", False, percent, what)
    wait = part.duration("resetTimeout", default=30.0)
    policy.set("breaker.recovery.timeout", wait.value, wait)
    policy.set("breaker.half_open.probes", 1)
    policy.set("breaker.half_open.lease", ENDLESS)
    if not part.flag("enabled", default=True).value:
        policy.set("breaker.enabled", False, part.flag("enabled", default=True))
    warm = part.flag("allowWarmUp", default=False)
    if warm.value:
        what = "allowWarmUp: left out; it never opens in its first rollingCountTimeout there"
        policy.say(what, warm, "breaker.trip.0")
    capacity = part.number("capacity", default=0.0)
    if 1 <= capacity.value <= 1_000_000:
        policy.set("bulkhead.max_concurrent", int(capacity.value), capacity)
        counted = ["error", "timeout", "refused", "shed"]
        policy.set("breaker.counts", counted, None, "a call beyond the capacity is a failure there")
    policy.leave(part, _UNIMPORTANT)
    return policy


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write an object of options for each call."""
    page.add("const options = {")
    for one in asked:
        page.add(f'  "{one.name}": {{')
        inside = page.inside("    ")
        timeout = one.call.timeout
        inside.add(f"timeout: {'false' if timeout is None else millis(timeout)},")
        one.tell("timeout")
        if one.breaker is not None:
            _write_breaker(one, inside)
        bulkhead = one.call.bulkhead
        if bulkhead is not None:
            inside.add(f"capacity: {bulkhead.most},")
            one.tell("bulkhead.max_concurrent")
            if not bulkhead.max_wait:
                one.tell("bulkhead.max_wait")
        inside.add(f'name: "{one.name}",')
        page.add("  },")
    page.add("};")


def _write_breaker(asked: Asked, page: Writing) -> None:
    breaker = asked.breaker
    assert breaker is not None
    lose_clearing(asked)
    rates = [rule for rule in asked.rules if isinstance(rule, FailureRate)]
    rows = [rule for rule in asked.rules if isinstance(rule, ConsecutiveFailures)]
    if rates:
        rule = rates[0]
        lose_slowness(asked, rule)
        lasts = rule.window or rule.every
        if lasts is None:
            asked.lose(f"calls {rule.calls}: opossum has no window of calls; it looks 10 s back")
        rate = rule.rate if rule.strict else rule.rate * (1.0 - 1e-9)
        if not rule.strict:
            asked.lose(
                f"rate {percent(rule.rate)}%: it opens above a rate, so a little less stands"
            )
        asked.lose("calls that are rejected are in its count of calls, and not in that of here")
        asked.lose("the window moves in 10 steps there, here each call ages by itself")
        page.add(f"errorThresholdPercentage: {rate * 100:.12g},")
        page.add(f"volumeThreshold: {rule.minimum_calls},")
        page.add(f"rollingCountTimeout: {millis(lasts or 10.0)},")
    elif rows:
        asked.lose(
            f"{rows[0].threshold} failures in a row: opossum has no such rule; here more than 99% "
            "of the calls in 10 s"
        )
        page.add("errorThresholdPercentage: 99,", f"volumeThreshold: {rows[0].threshold},")
        page.add("rollingCountTimeout: 10000,")
    for other in asked.rules:
        if other not in (*rates[:1], *(() if rates else rows[:1])):
            asked.lose(f"{other!r}: left out; opossum has one rule, of a share of failures")
    page.add(f"resetTimeout: {millis(breaker.recovery_policy().timeout)},")
    lose_growth(asked)
    half = breaker.half_open_policy()
    lose_closing(asked)
    if (half.probes, half.successes) not in ((0, None), (1, 1)):
        asked.lose("half_open: opossum lets one call through, and its result decides")
    if half.probes and half.lease < ENDLESS:
        asked.lose("half_open.lease: it waits for its probe as long as its timeout lets it")
    if not breaker.enabled:
        page.add("enabled: false,")
    asked.tell_breaker(COUNTED | {"shed"} if asked.call.bulkhead else COUNTED)


def millis(seconds: float) -> str:
    """Return seconds as a number of milliseconds."""
    return f"{seconds * 1000:.12g}"
