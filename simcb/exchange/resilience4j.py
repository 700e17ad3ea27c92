"""resilience4j's `application.yml`: circuit breaker, retry, time limiter, bulkhead, rate limiter.

Names, defaults and rules are those of resilience4j 2 with Spring Boot. Dotted keys are the same as
nested ones, also in `application.properties`.
"""

from __future__ import annotations

from collections.abc import Iterator

from simcb.exchange.documents import Document, nested
from simcb.exchange.durations import go_text
from simcb.exchange.parts import Part, folded
from simcb.exchange.policy import ENDLESS, NO_CALL, Policy, as_name, bare, just_above, rate
from simcb.scenario.refusal import Refused
from simcb.scenario.units import format_share, rounded

_UNIMPORTANT = {
    "registerHealthIndicator": NO_CALL,
    "allowHealthIndicatorToFail": NO_CALL,
    "eventConsumerBufferSize": NO_CALL,
    "writableStackTraceEnabled": NO_CALL,
    "automaticTransitionFromOpenToHalfOpenEnabled": "it changes only what is shown: a breaker "
    "that nobody calls is as good as half-open",
    "subscribeForEvents": NO_CALL,
    "ignoreClassBindingExceptions": NO_CALL,
}
_CLASSES = "exceptions are outcomes here: give `counts` or `on` those that these classes are"

_UNRECORDED = "what is not recorded is a success there"
_IGNORED = (
    "exceptions are outcomes here; an ignored one is neither success nor failure there: give "
    "`ignores` those that these classes are"
)


def recognises(text: str) -> bool:
    """Whether a text looks like it."""
    return "resilience4j" in text.casefold()


def read(document: Document) -> Iterator[Policy]:
    """Yield the policy of every instance that any module names."""
    for number, tree in enumerate(document.trees()):
        root = Part(nested(tree), "", document.findings, bare="millisecond", odd=True)
        root = root.part("resilience4j")
        modules = {module: root.part(module) for module in _READERS}
        names: dict[str, str] = {}
        for part in modules.values():
            for name in (*part.part("instances").names(), *part.part("backends").names()):
                names.setdefault(folded(name), name)
        policies = [_policy(name, modules) for name in names.values()]
        for policy in policies[:1]:
            for part in (*modules.values(), root):
                part.raw("configs")
                policy.leave(part, _UNIMPORTANT)
        if number:
            for policy in policies:
                policy.say("it stands in a later document of the file, which a profile may choose")
        yield from policies


def _policy(name: str, modules: dict[str, Part]) -> Policy:
    policy = Policy(as_name(name))
    for module, part in modules.items():
        settings = _settings(part, name)
        if settings is not None:
            policy.line = policy.line or (settings.at.line if settings.at else None)
            _READERS[module](policy, settings)
    _failures(policy)
    return policy


def _settings(module: Part, name: str) -> Part | None:
    """Return an instance's settings over those of its base; None if the module has none."""
    instances = module.part("instances")
    instances = instances if instances.has(name) else module.part("backends")
    if not instances.has(name):
        return None
    configs = module.part("configs")
    own = instances.part(name)
    base = own.word("baseConfig", default="default")
    if base.given and not configs.has(base.value):
        remedy = "name one of " + (", ".join(configs.names()) or "the `configs`, of which none is")
        own.refuse_at(base, Refused(f"names no config: `{base.value}`", remedy))
    default = configs.part("default") if configs.has("default") else None
    beneath = configs.part(base.value) if configs.has(base.value) else default
    return instances.part(name, beneath=beneath)


def _breaker(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    kind = part.word("slidingWindowType", default="COUNT_BASED")
    size = part.whole("slidingWindowSize", "ringBufferSizeInClosedState", default=100, least=1)
    least = part.whole("minimumNumberOfCalls", default=100, least=1)
    by_time = kind.value.upper().startswith("TIME")
    note = ""
    minimum = least.value
    if not by_time and minimum > size.value:
        minimum = size.value
        note = (
            f"minimumNumberOfCalls is {least.value}, more than the window's {size.value} calls; "
            f"resilience4j takes {size.value} then"
        )
    window: dict[str, object] = {"window": float(size.value)} if by_time else {"calls": size.value}
    window["minimum_calls"] = minimum
    failing = part.share("failureRateThreshold", default=0.5)
    about = least if least.given else size
    policy.trip(
        {"kind": "failure_rate", "rate": format_share(failing.value), **window}, about, note
    )
    if by_time:
        what = "the window moves in steps of a second there, here each call ages by itself"
        policy.say(what, kind, "breaker.trip.0")
    slow_rate = part.share("slowCallRateThreshold", default=1.0)
    slow = part.duration("slowCallDurationThreshold", default=60.0)
    policy.trip(
        {
            "kind": "slow_call_rate",
            "slow": just_above(slow.value),
            "rate": format_share(slow_rate.value),
            **window,
        },
        slow,
        f"slow is strictly above {go_text(slow.value)} there, and from its `slow` on here",
    )
    _recovery(policy, part)
    permitted = part.whole("permittedNumberOfCallsInHalfOpenState", default=10, least=1)
    probes = min(permitted.value, least.value)
    policy.set("breaker.half_open.probes", probes, permitted)
    if probes < permitted.value:
        policy.say(
            f"the rate is taken after {probes} calls, minimumNumberOfCalls; resilience4j lets up "
            f"to {permitted.value} through until then, here {probes}",
            permitted,
            "breaker.half_open.probes",
        )
    policy.set("breaker.half_open.verdict", format_share(failing.value), failing)
    longest = part.duration("maxWaitDurationInHalfOpenState", default=0.0)
    policy.set(
        "breaker.half_open.lease",
        longest.value or ENDLESS,
        longest,
        "after so long half-open all of it opens again there; here each probe that takes so long "
        "has failed"
        if longest.value
        else "",
    )
    then = part.word("transitionToStateAfterWaitDuration", default="OPEN")
    if then.value.upper() == "CLOSED":
        what = "after maxWaitDurationInHalfOpenState it closes there; here it opens again"
        policy.say(what if longest.value else "", then, "breaker.half_open.lease")
    state = part.word("initialState", default="CLOSED")
    if state.value.upper() in ("DISABLED", "METRICS_ONLY", "METRICSONLY"):
        policy.set("breaker.enabled", False, state, f"initialState {state.value} never rejects")
    elif state.value.upper() != "CLOSED":
        policy.say(f"initialState {state.value}: left out; every breaker begins closed", state)
    classes = ("recordExceptions", "recordFailurePredicate")
    why = dict.fromkeys((*classes, "recordResultPredicate"), f"{_CLASSES}; {_UNRECORDED}")
    why |= dict.fromkeys(("ignoreExceptions", "ignoreExceptionPredicate"), _IGNORED)
    policy.leave(part, {**_UNIMPORTANT, **why})


def _recovery(policy: Policy, part: Part) -> None:
    wait = part.duration("waitDurationInOpenState", default=60.0)
    policy.set("breaker.recovery.timeout", wait.value, wait)
    grows = part.flag("enableExponentialBackoff", default=False)
    factor = part.number("exponentialBackoffMultiplier", default=1.5, least=1.0, most=1e6)
    longest = part.maybe_duration("exponentialMaxWaitDurationInOpenState")
    spread = part.flag("enableRandomizedWait", default=False)
    about = part.number("randomizedWaitFactor", default=0.5, most=1.0)
    if grows.value and spread.value:
        both = Refused("is on beside enableRandomizedWait", "keep one; resilience4j refuses both")
        part.refuse_at(grows, both)
    if grows.value and not wait.given:
        what = (
            "enableExponentialBackoff: left out; without waitDurationInOpenState it has no effect"
        )
        policy.say(what, grows, "breaker.recovery")
    elif grows.value:
        policy.set("breaker.recovery.factor", bare(factor.value), factor)
        most = longest.value if longest else ENDLESS
        policy.set("breaker.recovery.max", max(most, wait.value), longest or grows)
    if spread.value and wait.given:
        policy.set("breaker.recovery.jitter", format_share(about.value), about)
    elif spread.value:
        what = "enableRandomizedWait: left out; without waitDurationInOpenState it has no effect"
        policy.say(what, spread, "breaker.recovery")


def _retry(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    tries = part.whole("maxAttempts", "maxRetryAttempts", default=3, least=1, most=1001)
    wait = part.duration("waitDuration", default=0.5)
    grows = part.flag("enableExponentialBackoff", default=False)
    factor = part.number("exponentialBackoffMultiplier", default=1.5, least=1.0, most=100.0)
    longest = part.maybe_duration("exponentialMaxWaitDuration")
    spread = part.flag("enableRandomizedWait", default=False)
    about = part.number("randomizedWaitFactor", default=0.5, most=1.0)
    policy.set(
        "retry.max_retries",
        tries.value - 1,
        tries,
        f"maxAttempts {tries.value} counts the first attempt, too",
    )
    stretch, jitter, note = 1.0, "none", ""
    if spread.value:
        stretch, jitter, note = spread_as(about.value)
    first = rounded(wait.value * stretch, 9)
    backoff: dict[str, object] = {"kind": "fixed", "delay": first}
    if grows.value:
        most = longest.value if longest else ENDLESS
        backoff = {"kind": "exponential", "base": first, "factor": bare(factor.value)}
        backoff["max"] = max(rounded(most * stretch, 9), first)
    policy.set("retry.backoff", backoff, wait)
    if jitter != "none":
        policy.set("retry.jitter", jitter, spread, note)
    only = part.raw("retryExceptions")
    ignored = part.raw("ignoreExceptions")
    outcomes = ["error", "timeout", "refused"]
    if not only.given:
        listed = " ".join(map(str, ignored.value)) if isinstance(ignored.value, list) else ""
        outcomes += [] if "CallNotPermitted" in listed else ["rejected"]
        outcomes += [] if "BulkheadFull" in listed else ["shed"]
    note = "every exception is retried there, also those of an open breaker and a full bulkhead"
    policy.set("retry.on", outcomes, ignored if ignored.given else None)
    policy.say("" if only.given else note, None, "retry.on")
    for classes in (only, ignored):
        policy.say(f"{classes.key}: {_CLASSES}" if classes.given else "", classes, "retry.on")
    why = {"failAfterMaxAttempts": "a request fails either way"}
    predicates = ("retryExceptionPredicate", "resultPredicate", "intervalBiFunction")
    policy.leave(part, {**_UNIMPORTANT, **why, **dict.fromkeys(predicates, _CLASSES)})


def spread_as(about: float) -> tuple[float, str, str]:
    """Return by what to stretch a wait, and the jitter, that come nearest to ± a share of it."""
    kinds = ((1.0, "none", 0.0), (4.0 / 3.0, "equal", 1.0 / 3.0), (2.0, "full", 1.0))
    stretch, jitter, exact = min(kinds, key=lambda kind: abs(kind[2] - about))
    if abs(exact - about) < 1e-3:
        return stretch, jitter, ""
    what = f"waits are spread by ±{about:.0%} there and by ±{exact:.0%} here, about the same mean"
    return stretch, jitter, what


def _time_limiter(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    limit = part.duration("timeoutDuration", default=1.0)
    policy.set("timeout", limit.value, limit)
    cancels = part.flag("cancelRunningFuture", default=True)
    what = "cancelRunningFuture false: left out; what a service does with it is its `on_abandon`"
    policy.say("" if cancels.value else what, cancels, "timeout")
    policy.leave(part, _UNIMPORTANT)


def _bulkhead(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    most = part.whole("maxConcurrentCalls", default=25, least=1, most=1_000_000)
    policy.set("bulkhead.max_concurrent", most.value, most)
    wait = part.duration("maxWaitDuration", "maxWaitTime", default=0.0)
    policy.set("bulkhead.max_wait", wait.value, wait)
    policy.leave(part, _UNIMPORTANT)


def _pool(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    most = part.whole("maxThreadPoolSize", default=2, least=1, most=1_000_000)
    queue = part.whole("queueCapacity", default=100, most=1_000_000)
    what = "a pool of threads with a queue there; here so many calls at once"
    policy.set("bulkhead.max_concurrent", most.value, most, what)
    if queue.value:
        policy.set("bulkhead.max_wait", ENDLESS)
        policy.set("bulkhead.queue", queue.value, queue)
    threads = ("coreThreadPoolSize", "keepAliveDuration")
    policy.leave(part, {**_UNIMPORTANT, **dict.fromkeys(threads, "threads cost nothing here")})


def _rate(policy: Policy, part: Part) -> None:
    part.word("baseConfig")
    many = part.whole("limitForPeriod", default=50, least=1)
    period = part.duration("limitRefreshPeriod", default=5e-7)
    wait = part.duration("timeoutDuration", default=5.0)
    if period.value < 1e-6:
        what = "a period of less than a microsecond limits nothing"
        policy.say(f"ratelimiter: left out; {what}", period if period.given else part.at)
        policy.leave(part, _UNIMPORTANT)
        return
    what = (
        f"{many.value} at once at the beginning of each {go_text(period.value)} there, here "
        "tokens that come back evenly; nobody waits in vain here"
    )
    policy.set("rate_limit.rate", rate(many.value, period.value), many, what)
    policy.set("rate_limit.burst", many.value, many)
    policy.set("rate_limit.max_wait", wait.value, wait)
    policy.leave(part, _UNIMPORTANT)


_READERS = {
    "circuitbreaker": _breaker,
    "retry": _retry,
    "timelimiter": _time_limiter,
    "bulkhead": _bulkhead,
    "threadpoolbulkhead": _pool,
    "ratelimiter": _rate,
}


def _failures(policy: Policy) -> None:
    """Say what a breaker counts that stands outside of a bulkhead."""
    if "breaker" in policy.words and {"bulkhead", "rate_limit"} & policy.words.keys():
        what = "the breaker is outside the limits there and counts what they shed as failures"
        counted = ["error", "timeout", "refused", "shed"]
        policy.set("breaker.counts", counted, None, what)
    if "timeout" in policy.words and policy.words.get("bulkhead", {}).get("max_wait", "0s") != "0s":
        what = "the time limit holds for the wait at the bulkhead too, here it does not"
        policy.say(what, None, "timeout")
