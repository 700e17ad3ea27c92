"""Polly 8's strategies as .NET configuration has them (`appsettings.json`).

Any object with a strategy's own keys is one; objects that stand together under one key are a
pipeline, such as `HttpStandardResilienceOptions`, whose defaults differ from Polly's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcb.breaker import ConsecutiveFailures, FailureRate
from simcb.exchange.calls import (
    Asked,
    Writing,
    lose_clearing,
    lose_closing,
    lose_slowness,
    lose_strictness,
)
from simcb.exchange.documents import Document
from simcb.exchange.durations import clock_text
from simcb.exchange.parts import Got, Part, folded
from simcb.exchange.policy import ENDLESS, Policy, as_name, set_retries
from simcb.scenario.calls import MOST_HEDGES
from simcb.scenario.refusal import Refused
from simcb.scenario.retries import MOST_RETRIES, Exponential, Listed
from simcb.scenario.tree import Tree
from simcb.scenario.units import format_share

_BREAKER = ("FailureRatio", "MinimumThroughput", "SamplingDuration", "BreakDuration")
_RETRY = ("MaxRetryAttempts", "BackoffType")
_HEDGE = ("MaxHedgedAttempts",)
_KEYS = (*_BREAKER, *_RETRY, *_HEDGE)
_STRATEGIES = {
    "breaker": ("CircuitBreaker", "CircuitBreakerOptions", "CircuitBreakerStrategyOptions"),
    "retry": ("Retry", "RetryOptions", "RetryStrategyOptions"),
    "hedge": ("Hedging", "HedgingOptions", "HedgingStrategyOptions"),
    "attempt": ("AttemptTimeout", "AttemptTimeoutOptions", "Timeout", "TimeoutStrategyOptions"),
    "total": ("TotalRequestTimeout", "TotalRequestTimeoutOptions"),
    "rate": ("RateLimiter", "RateLimiterOptions", "ConcurrencyLimiter"),
}
_WRAPPED = frozenset(folded(name) for names in _STRATEGIES.values() for name in names)
_DELEGATES = "code decides it; give `counts` or `on` the outcomes it means"


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    plain = text.casefold()
    return any(word.casefold() in plain for word in _KEYS)


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every pipeline."""
    for tree in document.trees():
        yield from _search(tree, "", document)


def _search(tree: Tree, name: str, document: Document) -> Iterator[Policy]:
    keys = {folded(key) for key in tree.entries}
    inside = {
        folded(key)
        for key, entry in tree.entries.items()
        if folded(key) in _WRAPPED and isinstance(entry.node, Tree)
    }
    own = keys & {folded(key) for key in _KEYS}
    if inside or own:
        yield _pipeline(tree, name, document, alone=not inside)
    for key, entry in tree.entries.items():
        if isinstance(entry.node, Tree) and folded(key) not in inside:
            yield from _search(entry.node, key, document)


def _pipeline(tree: Tree, name: str, document: Document, *, alone: bool) -> Policy:
    root = Part(tree, name, document.findings, bare="day")
    policy = Policy(as_name(name), tree.mark.line)
    standard = root.has(*_STRATEGIES["total"], "AttemptTimeout", "AttemptTimeoutOptions")
    if alone:
        if root.has(*_BREAKER):
            _breaker(policy, root)
        if root.has(*_RETRY):
            _retry(policy, root, standard=False)
        elif root.has(*_HEDGE):
            _hedge(policy, root)
        policy.leave(root)
        return policy
    for kind, names in _STRATEGIES.items():
        if not root.has(*names):
            continue
        part = root.part(*names)
        if kind == "breaker":
            _breaker(policy, part)
        elif kind == "retry":
            _retry(policy, part, standard=standard)
        elif kind == "hedge":
            _hedge(policy, part)
        elif kind == "attempt":
            limit = part.duration("Timeout", default=10.0 if standard else 30.0)
            policy.set("timeout", limit.value, _checked(part, limit, 0.01))
        elif kind == "total":
            limit = part.duration("Timeout", default=30.0)
            policy.say(
                f"the total timeout of {limit.value:g} s over all attempts: left out; "
                "`deadline` of a client group is the nearest word",
                limit if limit.given else part.at,
            )
        else:
            _limiter(policy, part)
        policy.leave(part, {"Name": "", "ShouldHandle": _DELEGATES})
    for key, entry in tree.entries.items():
        if folded(key) not in _WRAPPED and not isinstance(entry.node, Tree):
            policy.leave(Part(Tree({key: entry}, tree.mark), name, document.findings))
    return policy


def _breaker(policy: Policy, part: Part) -> None:
    ratio = part.number("FailureRatio", default=0.1, most=1.0)
    least = part.whole("MinimumThroughput", default=100, least=2, most=1_000_000)
    window = _checked(part, part.duration("SamplingDuration", default=30.0))
    rate = ratio.value
    note = ""
    if not rate:
        rate, note = 1e-6, "a ratio of 0 opens at the first failure from MinimumThroughput on"
    policy.trip(
        {
            "kind": "failure_rate",
            "rate": format_share(rate),
            "window": window.value,
            "minimum_calls": least.value,
        },
        ratio,
        note,
        "Polly counts in ten buckets of a window, here each call ages by itself",
    )
    wait = _checked(part, part.duration("BreakDuration", default=5.0))
    policy.set("breaker.recovery.timeout", wait.value, wait)
    policy.set("breaker.half_open.probes", 1)
    policy.set("breaker.half_open.lease", ENDLESS)
    what = "an exception that is not handled is a success there"
    policy.say(what, None, "breaker")
    for word in ("BreakDurationGenerator", "ManualControl", "StateProvider"):
        part_word = part.raw(word)
        policy.say(f"{word}: left out; code decides it" if part_word.given else "", part_word)
    policy.leave(part, {"Name": "", "ShouldHandle": _DELEGATES} | dict.fromkeys(_RETRY_KEYS, ""))


_RETRY_KEYS = ("MaxRetryAttempts", "Delay", "BackoffType", "UseJitter", "MaxDelay")


def _checked(part: Part, got: Got[float], least: float = 0.5) -> Got[float]:
    """Return a duration that Polly takes, of half a second to a day."""
    if not least <= got.value <= 86400.0:
        what = f"is {got.value:g} s to .NET, where a bare number counts days"
        if got.value < least:
            what = f"is {got.value:g} s, less than Polly takes"
        refused = Refused(what, 'write `"00:00:30"`, from half a second to a day')
        part.refuse_at(got, refused)
        return Got(1.0, got.at, got.key)
    return got


def _retry(policy: Policy, part: Part, *, standard: bool) -> None:
    tries = part.whole("MaxRetryAttempts", "MaxAttempts", default=3, least=1, most=2**31 - 1)
    endless = tries.value > MOST_RETRIES
    delay = part.duration("Delay", "BaseDelay", default=2.0)
    kind = part.word("BackoffType", default="Exponential" if standard else "Constant")
    jitter = part.flag("UseJitter", default=standard)
    most = part.maybe_duration("MaxDelay")
    if kind.value.casefold() in ("exponential", "2"):
        backoff: dict[str, object] = {"kind": "exponential", "base": delay.value, "factor": 2}
        if most or endless:
            backoff["max"] = max(most.value if most else ENDLESS, delay.value)
        policy.set("retry.backoff", backoff, delay if delay.given else kind)
        if jitter.value:
            what = "waits are drawn by a law of Polly's own there, about the same mean"
            policy.set("retry.jitter", "equal", jitter, what)
    else:
        wait = min(delay.value, most.value) if most else delay.value
        backoff = {"kind": "fixed", "delay": wait}
        if kind.value.casefold() in ("linear", "1"):
            longest = most.value if most else ENDLESS
            waits = [min(k * delay.value, longest) for k in range(1, 1 + min(tries.value, 50))]
            backoff = {"kind": "listed", "delays": waits}
        policy.set("retry.backoff", backoff, delay)
        if jitter.value:
            what = "UseJitter: waits are spread by ±25% there, here not at all"
            policy.say(what, jitter, "retry.backoff")
    set_retries(policy, tries, endless=endless, wait=delay.value)
    outcomes = ["error", "timeout", "refused"]
    if standard:
        policy.set("retry.on", outcomes, None)
    else:
        what = "every exception is retried there, also that of an open breaker"
        policy.set("retry.on", [*outcomes, "rejected"], None, what)
    policy.leave(part, {"Name": "", "ShouldHandle": _DELEGATES} | dict.fromkeys(_BREAKER, ""))


def _hedge(policy: Policy, part: Part) -> None:
    many = part.whole("MaxHedgedAttempts", default=1, least=1, most=MOST_HEDGES)
    if str(part.raw("Delay").value).strip().startswith("-"):
        what = (
            "a Delay below 0 asks again only when an attempt has failed: left out; write retries "
            "that do not wait"
        )
        policy.say(what, part.raw("Delay"))
    else:
        after = part.duration("Delay", default=2.0)
        what = "an attempt that fails is followed by the next at once there, here by a retry if all"
        policy.set("hedge.after", after.value, after, f"{what} have failed")
        policy.set("hedge.times", many.value, many)
    for word in ("DelayGenerator", "ActionGenerator"):
        got = part.raw(word)
        policy.say(f"{word}: left out; code decides it" if got.given else "", got)
    policy.leave(part, {"Name": "", "ShouldHandle": _DELEGATES})


def _limiter(policy: Policy, part: Part) -> None:
    inner = part.part("DefaultRateLimiterOptions")
    limits = inner if inner else part
    if limits.has("TokenLimit", "Window", "ReplenishmentPeriod") or not limits.has("PermitLimit"):
        policy.say("RateLimiter: left out; write a `rate_limit` of the call", part.at)
        for key in (*part.names(), *inner.names()):
            part.raw(key)
            inner.raw(key)
        return
    most = limits.whole("PermitLimit", default=1000, least=1, most=1_000_000)
    what = "it stands outside the retries there, here inside them"
    policy.set("bulkhead.max_concurrent", most.value, most, what)
    queue = limits.whole("QueueLimit", default=0, most=1_000_000)
    if queue.value:
        policy.set("bulkhead.max_wait", ENDLESS)
        policy.set("bulkhead.queue", queue.value, queue)
    policy.leave(inner, {"QueueProcessingOrder": ""})


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write a section for each call, as .NET reads it (comments and all).

    One that retries no open breaker has the names of `HttpStandardResilienceOptions`.
    """
    page.add("{", '  "Resilience": {')
    for number, one in enumerate(asked):
        comma = "," if number < len(asked) - 1 else ""
        page.add(f'    "{one.name}": {{')
        sections = [
            lines
            for lines in (_attempt(one), _retries(one), _hedges(one), _breaks(one), _limits(one))
            if lines
        ]
        for place, lines in enumerate(sections):
            last = place == len(sections) - 1
            page.inside("      ").add(*lines[:-1], lines[-1] + ("" if last else ","))
        page.add(f"    }}{comma}")
    page.add("  }", "}")


def _section(name: str, values: Sequence[tuple[str, str]]) -> list[str]:
    inner = [f'  "{key}": {value}' for key, value in values]
    return [f'"{name}": {{', *(f"{line}," for line in inner[:-1]), *inner[-1:], "}"]


def _time(seconds: float) -> str:
    return f'"{clock_text(seconds)}"'


def _attempt(asked: Asked) -> list[str]:
    if asked.call.timeout is None:
        return []
    asked.tell("timeout")
    name = "AttemptTimeout" if _is_standard(asked) else "Timeout"
    return _section(name, [("Timeout", _time(asked.call.timeout))])


def _is_standard(asked: Asked) -> bool:
    """Whether it retries what the standard pipeline of an HTTP client does, no open breaker."""
    retry, timeout = asked.call.retry, asked.call.timeout
    on = {outcome.value for outcome in retry.on} if retry else set()
    return timeout is not None and on == {"error", "timeout", "refused"}


def _retries(asked: Asked) -> list[str]:
    retry = asked.call.retry
    if retry is None or not retry.max_retries:
        asked.tell("retry")
        return []
    values = [("MaxRetryAttempts", str(2**31 - 1 if retry.endless else retry.max_retries))]
    if isinstance(retry.backoff, Exponential):
        values += [("BackoffType", '"Exponential"'), ("Delay", _time(retry.backoff.base))]
        if retry.backoff.factor != 2.0:
            asked.lose(f"backoff.factor {retry.backoff.factor:g}: waits double there")
        if retry.backoff.max is not None:
            values.append(("MaxDelay", _time(retry.backoff.max)))
    elif isinstance(retry.backoff, Listed) and _is_linear(retry.backoff.delays):
        values += [("BackoffType", '"Linear"'), ("Delay", _time(retry.backoff.delays[0]))]
    else:
        values += [("BackoffType", '"Constant"'), ("Delay", _time(retry.backoff.delay_before(1)))]
        if retry.backoff.kind in ("decorrelated", "listed"):
            asked.lose(f"backoff {retry.backoff.kind}: the file waits the same time always")
    jitter = retry.jitter != "none"
    values.append(("UseJitter", "true" if jitter else "false"))
    if jitter:
        asked.lose(f"jitter {retry.jitter.value}: Polly spreads by a law of its own")
    on = {outcome.value for outcome in retry.on}
    if on != {"error", "timeout", "refused", "rejected"} and not _is_standard(asked):
        asked.lose(f"retry.on {', '.join(sorted(on))}: say so in ShouldHandle")
    asked.tell("retry.max_retries", "retry.backoff", "retry.jitter", "retry.on")
    return _section("Retry", values)


def _hedges(asked: Asked) -> list[str]:
    hedge = asked.call.hedge
    if hedge is None:
        return []
    asked.lose("hedge: an attempt that fails is followed by the next at once there")
    asked.tell("hedge.after", "hedge.times")
    values = [("MaxHedgedAttempts", str(hedge.times)), ("Delay", _time(hedge.after))]
    return _section("Hedging", values)


def _is_linear(delays: Sequence[float]) -> bool:
    """Whether the k-th wait is k times the first."""
    pairs = enumerate(delays, 1)
    return all(abs(delay - number * delays[0]) < 1e-9 for number, delay in pairs)


def _breaks(asked: Asked) -> list[str]:
    breaker = asked.breaker
    if breaker is None:
        return []
    lose_clearing(asked)
    rates = [rule for rule in asked.rules if isinstance(rule, FailureRate)]
    rows = [rule for rule in asked.rules if isinstance(rule, ConsecutiveFailures)]
    values: list[tuple[str, str]] = []
    if rates:
        rule = rates[0]
        window = rule.window or rule.every
        if window is None:
            window = 30.0
            asked.lose(f"calls {rule.calls}: Polly has no window of calls; it looks 30 s back")
        lose_strictness(asked, rule)
        lose_slowness(asked, rule)
        asked.lose("counts move in ten buckets of the window there, here each call ages by itself")
        least = max(2, rule.minimum_calls)
        if least != rule.minimum_calls:
            asked.lose("minimum_calls: Polly takes at least 2")
        values = [("FailureRatio", f"{rule.rate:.12g}"), ("MinimumThroughput", str(least))]
        values.append(("SamplingDuration", _time(_bounded(asked, "window", window))))
    elif rows:
        threshold = rows[0].threshold
        asked.lose(
            f"{threshold} failures in a row: Polly has no such rule; here all calls of 30 s fail"
        )
        values = [("FailureRatio", "1"), ("MinimumThroughput", str(max(2, threshold)))]
        values.append(("SamplingDuration", _time(30.0)))
    for other in asked.rules:
        if other not in (*rates[:1], *(() if rates else rows[:1])):
            asked.lose(f"{other!r}: left out; Polly has one rule, of a rate of failures")
    recovery = breaker.recovery_policy()
    wait = _bounded(asked, "recovery.timeout", recovery.timeout)
    values.append(("BreakDuration", _time(wait)))
    if recovery.factor > 1 or recovery.jitter:
        asked.lose("recovery: it grows or varies only by a BreakDurationGenerator, in code")
    half = breaker.half_open_policy()
    lose_closing(asked)
    if (half.probes, half.successes) not in ((0, None), (1, 1)):
        asked.lose("half_open: Polly lets one call through, and its result decides")
    if half.probes and half.lease < ENDLESS:
        asked.lose("half_open.lease: Polly waits for its probe as long as the probe takes")
    if not breaker.enabled:
        asked.lose("enabled: false: leave the section out")
    asked.tell_breaker()
    return _section("CircuitBreaker", values)


def _bounded(asked: Asked, word: str, seconds: float) -> float:
    fits = min(max(seconds, 0.5), 86400.0)
    if fits != seconds:
        asked.lose(f"{word} of {seconds:g} s: Polly takes half a second to a day")
    return fits


def _limits(asked: Asked) -> list[str]:
    bulkhead = asked.call.bulkhead
    if bulkhead is None:
        return []
    if 0.0 < bulkhead.max_wait < ENDLESS:
        asked.lose("bulkhead.max_wait: left out; a queue there is bounded by its length")
    asked.lose("bulkhead: the limiter stands outside the retries there")
    asked.tell("bulkhead.max_concurrent", "bulkhead.max_wait", "bulkhead.queue")
    values = [("PermitLimit", str(bulkhead.most))]
    if bulkhead.max_wait:
        values.append(("QueueLimit", str(1_000_000 if bulkhead.queue is None else bulkhead.queue)))
    return _section("RateLimiter", values)
