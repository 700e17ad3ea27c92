"""A scenario's calls as resilience4j's `application.yml`."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.breaker import ConsecutiveFailures, FailureRate, SlowCallRate
from simcb.exchange.calls import (
    COUNTED,
    Asked,
    Writing,
    just_below,
    lose_clearing,
    lose_closing,
    lose_flights,
    lose_slowness,
    lose_strictness,
    percent,
)
from simcb.exchange.durations import go_text
from simcb.exchange.policy import ENDLESS
from simcb.scenario.retries import Exponential
from simcb.scenario.units import rounded

USUALLY_SLOW = 60.0
"""Seconds above which a call is slow if nothing is said of that."""


def write(asked: Sequence[Asked], page: Writing) -> None:
    """Write the application.yml of some calls."""
    page.add("resilience4j:")
    for module, writer in _WRITERS.items():
        wanted = [one for one in asked if writer(one, None)]
        if wanted:
            page.add(f"  {module}:", "    instances:")
        for one in wanted:
            page.add(f"      {one.name}:")
            writer(one, page.inside("        "))


def _write_breaker(asked: Asked, page: Writing | None) -> bool:
    breaker = asked.breaker
    if breaker is None or page is None:
        return breaker is not None
    lose_clearing(asked)
    rates = [rule for rule in asked.rules if isinstance(rule, FailureRate)]
    rows = [rule for rule in asked.rules if isinstance(rule, ConsecutiveFailures)]
    slows = [rule for rule in asked.rules if isinstance(rule, SlowCallRate)]
    rate: float | None = None
    window: FailureRate | SlowCallRate | None = None
    if rates:
        window, rate = rates[0], rates[0].rate
        lose_slowness(asked, rates[0])
    elif rows:
        # So many failures in a row are a window of so many calls, all of which failed.
        number, rate = rows[0].threshold, 1.0
        window = FailureRate(rate, calls=number, minimum_calls=number)
    lose_strictness(asked, *rates[:1], *slows[:1])
    slow = slows[0] if slows else None
    lose_flights(asked, slow)
    window = window or slow
    used = [*(rates or rows)[:1], *slows[:1]]
    for rule in asked.rules:
        if rule not in used:
            asked.lose(f"{rule!r}: left out; it has one rate of failures and one of slow calls")
    if window is None:
        asked.lose(
            "no rule of resilience4j comes near, so its own default of 50% of 100 calls holds"
        )
    else:
        lasts = window.window or window.every
        page.add(f"slidingWindowType: {'TIME_BASED' if lasts else 'COUNT_BASED'}")
        size = window.calls if lasts is None else max(1, round(lasts))
        if lasts is not None and size != lasts:
            asked.lose(f"its window of {lasts:g} s is {size} s: whole seconds there")
        page.add(f"slidingWindowSize: {size}", f"minimumNumberOfCalls: {window.minimum_calls}")
        page.add(f"failureRateThreshold: {percent(rate if rate is not None else 1.0)}")
        if rate is None:
            asked.lose("failures alone never open it here; there it opens when all calls fail")
    if slow is not None and window is not None:
        same = (slow.calls, slow.window, slow.minimum_calls)
        if same != (window.calls, window.window, window.minimum_calls):
            asked.lose("slow calls are counted in the same window as failures there")
        threshold = go_text(just_below(slow.slow))
        if threshold == go_text(slow.slow):
            asked.lose(f"slow {threshold}: only what takes longer than that is slow there")
        page.add(f"slowCallDurationThreshold: {threshold}")
        page.add(f"slowCallRateThreshold: {percent(slow.rate)}")
    elif asked.call.timeout is None or asked.call.timeout >= USUALLY_SLOW:
        # Its usual rule of slow calls would open it.
        page.add(f"slowCallDurationThreshold: {go_text(ENDLESS)}")
    recovery = breaker.recovery_policy()
    page.add(f"waitDurationInOpenState: {go_text(recovery.timeout)}")
    if recovery.factor > 1.0:
        page.add("enableExponentialBackoff: true")
        page.add(f"exponentialBackoffMultiplier: {recovery.factor:g}")
        if recovery.max < ENDLESS:
            page.add(f"exponentialMaxWaitDurationInOpenState: {go_text(recovery.max)}")
        if recovery.jitter:
            asked.lose("recovery.jitter: left out; it takes either growth or spread")
    elif recovery.jitter:
        page.add("enableRandomizedWait: true", f"randomizedWaitFactor: {recovery.jitter:g}")
    half = breaker.half_open_policy()
    permitted = half.probes if half.verdict is not None else half.successes or 1
    page.add(f"permittedNumberOfCallsInHalfOpenState: {permitted}")
    lose_closing(asked)
    if half.probes and half.verdict is None and (half.probes, half.successes) != (1, 1):
        asked.lose(
            f"half-open it lets {permitted} calls through and takes their rate; here up to "
            f"{half.probes} at once, {permitted} successes close it, and one failure opens it"
        )
    elif half.verdict is not None and rate is not None and half.verdict != rate:
        asked.lose(f"verdict {half.verdict:g}: the rate that opens it, {rate:g}, decides there too")
    if window is not None and window.minimum_calls < permitted:
        asked.lose(f"half-open the rate is taken after {window.minimum_calls} calls there")
    if half.probes and half.lease < ENDLESS:
        page.add(f"maxWaitDurationInHalfOpenState: {go_text(half.lease)}")
        asked.lose("lease: half-open it waits so long for all probes together, not for each")
    if not breaker.enabled:
        page.add("initialState: DISABLED")
    limited = asked.call.bulkhead or asked.call.rate_limit
    asked.tell_breaker(COUNTED | {"shed"} if limited else COUNTED)
    return True


def _write_retry(asked: Asked, page: Writing | None) -> bool:
    retry = asked.call.retry
    if retry is None or page is None:
        return retry is not None
    page.add(f"maxAttempts: {asked.retries + 1}")
    backoff = retry.backoff
    stretch, about = {"none": (1.0, 0.0), "equal": (0.75, 1 / 3), "full": (0.5, 1.0)}[retry.jitter]
    if isinstance(backoff, Exponential):
        wait = rounded(backoff.base * stretch, 8)
        page.add(f"waitDuration: {go_text(least_wait(asked, wait))}")
        page.add("enableExponentialBackoff: true")
        page.add(f"exponentialBackoffMultiplier: {backoff.factor:g}")
        if backoff.max is not None and backoff.max * stretch < ENDLESS / 2:
            page.add(f"exponentialMaxWaitDuration: {go_text(rounded(backoff.max * stretch, 8))}")
    else:
        wait = rounded(backoff.delay_before(1) * stretch, 8)
        page.add(f"waitDuration: {go_text(least_wait(asked, wait))}")
        if backoff.kind == "decorrelated":
            asked.lose("backoff decorrelated: there is none; the file waits the same time always")
    if about:
        page.add("enableRandomizedWait: true", f"randomizedWaitFactor: {about:.6g}")
    on = {outcome.value for outcome in retry.on}
    ignored = [name for word, name in _NOT_ASKED.items() if word not in on]
    if ignored:
        page.add("ignoreExceptions:", *(f"  - {name}" for name in ignored))
    lacking = {"error", "timeout", "refused"} - on
    if lacking:
        asked.lose(f"retry.on: name the exceptions of {', '.join(sorted(lacking))} to be ignored")
    asked.tell("retry.max_retries", "retry.backoff", "retry.jitter", "retry.on")
    return True


def least_wait(asked: Asked, wait: float) -> float:
    """Return a wait that resilience4j takes, at least a millisecond."""
    if wait >= 0.001:
        return wait
    asked.lose("retries wait a millisecond, the least there is")
    return 0.001


_NOT_ASKED = {
    "rejected": "io.github.resilience4j.circuitbreaker.CallNotPermittedException",
    "shed": "io.github.resilience4j.bulkhead.BulkheadFullException",
}


def _write_timeout(asked: Asked, page: Writing | None) -> bool:
    timeout = asked.call.timeout
    if timeout is None or page is None:
        return timeout is not None
    page.add(f"timeoutDuration: {go_text(timeout)}")
    asked.tell("timeout")
    return True


def _write_bulkhead(asked: Asked, page: Writing | None) -> bool:
    bulkhead = asked.call.bulkhead
    if bulkhead is None or page is None or bulkhead.queue:
        return bulkhead is not None and not bulkhead.queue
    page.add(f"maxConcurrentCalls: {bulkhead.most}")
    page.add(f"maxWaitDuration: {go_text(bulkhead.max_wait)}")
    asked.tell("bulkhead.max_concurrent", "bulkhead.max_wait", "bulkhead.queue")
    return True


def _write_pool(asked: Asked, page: Writing | None) -> bool:
    """Write a bulkhead with a bounded queue as what it is there, a pool of threads."""
    bulkhead = asked.call.bulkhead
    if bulkhead is None or page is None or not bulkhead.queue:
        return bulkhead is not None and bool(bulkhead.queue)
    page.add(f"maxThreadPoolSize: {bulkhead.most}")
    page.add(f"coreThreadPoolSize: {bulkhead.most}")
    page.add(f"queueCapacity: {bulkhead.queue}")
    if bulkhead.max_wait < ENDLESS:
        asked.lose("bulkhead.max_wait: left out; the queue of a pool is bounded by its length")
    asked.tell("bulkhead.max_concurrent", "bulkhead.max_wait", "bulkhead.queue")
    return True


def _write_rate(asked: Asked, page: Writing | None) -> bool:
    limit = asked.call.rate_limit
    if limit is None or page is None:
        return limit is not None
    many = max(1, round(limit.tokens))
    page.add(f"limitForPeriod: {many}")
    page.add(f"limitRefreshPeriod: {go_text(rounded(many / limit.rate, 9))}")
    page.add(f"timeoutDuration: {go_text(limit.max_wait)}")
    asked.lose(f"rate_limit: {many} at once at the beginning of each period there")
    asked.tell("rate_limit")
    return True


_WRITERS = {
    "circuitbreaker": _write_breaker,
    "retry": _write_retry,
    "timelimiter": _write_timeout,
    "bulkhead": _write_bulkhead,
    "thread-pool-bulkhead": _write_pool,
    "ratelimiter": _write_rate,
}
