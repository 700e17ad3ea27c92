"""gobreaker's `Settings`: a Go struct literal, or its fields as JSON or YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from simcb.breaker import ConsecutiveFailures, FailureRate, FailuresInWindow, TripRule
from simcb.exchange.calls import Asked, Writing, lose_closing, lose_growth, lose_slowness
from simcb.exchange.documents import Document
from simcb.exchange.literals import Code
from simcb.exchange.parts import Part
from simcb.exchange.policy import ENDLESS, Policy, as_name
from simcb.exchange.tripping import NEVER_CLEARED, probes, trip
from simcb.scenario.tree import Tree

_LITERAL = re.compile(r"\bgobreaker\.Settings\{")
_CALLBACKS = {
    "OnStateChange": "",
    "IsSuccessful": "code decides what a failure is, and all else is a success there; give "
    "`counts` the outcomes it means",
    "IsExcluded": "code decides what is neither success nor failure; give those to `ignores`",
    "BucketPeriod": "the counts are cleared by buckets there",
}


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return "gobreaker" in text or "ReadyToTrip" in text


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every breaker's settings."""
    # A result's type has a blank before the brace of its function; a literal has none.
    places = [found.end() - 1 for found in _LITERAL.finditer(document.text)]
    if places:
        literals = document.literals()
        for place in places:
            tree = literals.at(place)
            if tree is None:
                return
            yield _policy(tree, "", document)
        return
    for tree in document.trees():
        yield from _search(tree, "", document)


def _search(tree: Tree, name: str, document: Document) -> Iterator[Policy]:
    part = Part(tree, name, document.findings)
    if part.has("MaxRequests", "ReadyToTrip") or (part.has("Interval") and part.has("Timeout")):
        yield _policy(tree, name, document)
        return
    for key, entry in tree.entries.items():
        if isinstance(entry.node, Tree):
            yield from _search(entry.node, key, document)


def _policy(tree: Tree, name: str, document: Document) -> Policy:
    part = Part(tree, name or "Settings", document.findings, bare="nanosecond")
    named = part.word("Name", default=name)
    policy = Policy(as_name(named.value or name or "service"), tree.mark.line)
    every = part.duration("Interval", default=0.0)
    ready = part.raw("ReadyToTrip")
    text = str(ready.value or "")
    if isinstance(ready.value, Code):
        body = text.partition("{")[2]
        text = body.rpartition("}")[0] if body else text
    if ready.given and re.fullmatch(r"\s*return\s+false\s*;?\s*", text):
        policy.set("breaker.enabled", False, ready, "ReadyToTrip returns false: it never opens")
        text = ""
    trip(policy, text, every, ready if ready.given else None)
    wait = part.duration("Timeout", default=60.0)
    note = ""
    if wait.given and wait.value < 1e-4 and not wait.said:
        note = "a bare number counts nanoseconds in Go" if wait.value else "0 is 60 s"
    policy.set("breaker.recovery.timeout", wait.value or 60.0, wait, note)
    probes(policy, part.whole("MaxRequests", default=0, most=10_000))
    rolling = part.duration("BucketPeriod", default=0.0)
    if rolling.value:
        what = "BucketPeriod: the window rolls by buckets there, here each call ages by itself"
        policy.say(what, rolling, "breaker.trip.0")
    for key, mark, _ in part.left():
        why = _CALLBACKS.get(key, "simcb has no word for it")
        policy.say(f"{key}: left out; {why}" if why else "", mark)
    return policy


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write Go code that makes the settings of each breaker."""
    page.add("var breakers = map[string]gobreaker.Settings{")
    for one in asked:
        if one.breaker is None:
            continue
        page.add(f'\t"{one.name}": gobreaker.Settings{{')
        inside = page.inside("\t\t")
        inside.add(f'Name: "{one.name}",')
        _write_breaker(one, inside)
        page.add("\t},")
    page.add("}")


def _write_breaker(asked: Asked, page: Writing) -> None:
    condition, every, number, timeout = condition_of(asked, "counts.", "float64({})")
    page.add(f"MaxRequests: {number},")
    if every:
        page.add(f"Interval: {go_duration(every)},")
    page.add(f"Timeout: {go_duration(timeout)},")
    page.add("ReadyToTrip: func(counts gobreaker.Counts) bool {", f"\treturn {condition}", "},")


def condition_of(
    asked: Asked, counts: str = "", division: str = ""
) -> tuple[str, float, int, float]:
    """Return when it opens, how its counts are cleared, how it is probed, how long it waits.

    Args:
        asked: a call with a breaker.
        counts: what stands before the name of a count.
        division: what makes a count one that can be divided; "" for Dapr, whose names begin small.
    """
    breaker = asked.breaker
    assert breaker is not None
    half = breaker.half_open_policy()
    number = (half.probes if half.successes is None else half.successes) or 1
    lose_closing(asked)
    if half.verdict is not None or half.probes not in (0, number):
        asked.lose(
            f"half_open: it lets {number} calls through, closes when all of them succeed, and "
            "opens at the first failure"
        )
    if half.probes and half.lease < ENDLESS:
        asked.lose("half_open.lease: it waits for a probe as long as the probe takes")
    lose_growth(asked)
    condition, every = _condition(asked, counts, division)
    if not breaker.enabled:
        condition = "false"
    asked.tell_breaker()
    return condition, every, number, breaker.recovery_policy().timeout or 1e-9


def _condition(asked: Asked, counts: str, division: str) -> tuple[str, float]:
    """Return the condition that opens it, and how often its counts are cleared."""

    def count(name: str, *, divided: bool = False) -> str:
        known = f"{counts}{name if counts else name[0].lower() + name[1:]}"
        return division.format(known) if divided and division else known

    first: TripRule | None = None
    row = count("ConsecutiveFailures")
    condition, every = f"{row} > 5", 0.0
    for rule in asked.rules:
        if first is not None:
            asked.lose(f"{rule!r}: left out; one rule is written, add the other to ReadyToTrip")
        elif isinstance(rule, ConsecutiveFailures):
            first, condition, every = rule, f"{row} >= {rule.threshold}", rule.every or 0.0
        elif isinstance(rule, FailureRate):
            first, every = rule, rule.every or rule.window or 0.0
            lose_slowness(asked, rule)
            failures, calls = count("TotalFailures", divided=True), count("Requests", divided=True)
            condition = f"{count('Requests')} >= {rule.minimum_calls} && "
            condition += f"{failures} / {calls} {'>' if rule.strict else '>='} {rule.rate:.12g}"
            if rule.every is None and rule.calls != NEVER_CLEARED:
                asked.lose("its counts are cleared every Interval, or never; here calls age")
        elif isinstance(rule, FailuresInWindow):
            first, every = rule, rule.every or rule.window or 0.0
            every = every if every < ENDLESS else 0.0
            condition = f"{count('TotalFailures')} >= {rule.threshold}"
            if every and rule.every is None:
                asked.lose("its counts are cleared every Interval; here failures age")
        else:
            asked.lose(f"{rule!r}: left out; it does not count slow calls")
    return condition, every


def go_duration(seconds: float) -> str:
    """Return seconds as Go code."""
    for name, size in (("Second", 1.0), ("Millisecond", 1e-3), ("Nanosecond", 1e-9)):
        count = seconds / size
        if round(count) and abs(count - round(count)) < 1e-6 * count:
            return f"{round(count)} * time.{name}"
    return f"{round(seconds * 1e9)} * time.Nanosecond"
