"""Hypothesis strategies for calls: every policy of a caller, and the laws of time they need."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Data = dict[str, Any]

RETRYABLE = ("error", "timeout", "refused", "throttled", "rejected", "shed")
COUNTABLE = ("error", "timeout", "refused", "throttled", "shed")


def times(least_ms: int, most_ms: int) -> st.SearchStrategy[float]:
    """Seconds, on a coarse grid (which makes ties) or of any float (which does not)."""
    step = 50 if most_ms - least_ms >= 100 else 1
    coarse = st.integers(-(-least_ms // step), most_ms // step).map(lambda n: n * step / 1000)
    any_float = st.floats(least_ms / 1000, most_ms / 1000, allow_nan=False)
    return coarse | any_float


def shares() -> st.SearchStrategy[float]:
    """A share from 0 to 1, both ends included often enough."""
    return st.sampled_from((0.0, 0.3, 1.0)) | st.integers(0, 1000).map(lambda n: n / 1000)


def one_in(count: int) -> st.SearchStrategy[bool]:
    """True once in so many times; false is what a failing example shrinks to."""
    return st.integers(0, count - 1).map(lambda n: n == count - 1)


@st.composite
def works(draw: st.DrawFn, least: int = 1, most: int = 150) -> Data | float:
    """A distribution of any kind, with a middle between so many milliseconds."""
    middle = draw(times(least, most))
    match draw(
        st.sampled_from(
            ("constant", "exponential", "lognormal", "gamma", "uniform", "quantiles", "?")
        )
    ):
        case "constant":
            return {"kind": "constant", "value": draw(st.sampled_from((0.0, middle)))}
        case "exponential":
            return {"kind": "exponential", "mean": middle}
        case "lognormal":
            if draw(st.booleans()):
                return {"kind": "lognormal", "p50": middle, "p99": middle * draw(st.floats(1, 8))}
            return {"kind": "lognormal", "mean": middle, "cv": draw(st.floats(0.1, 3.0))}
        case "gamma":
            return {"kind": "gamma", "mean": middle, "cv": draw(st.floats(0.1, 3.0))}
        case "uniform":
            return {"kind": "uniform", "low": middle / 2, "high": middle * 2}
        case "quantiles":
            given = {"min": middle / 3, "p50": middle, "p99": 3 * middle, "mean": 1.1 * middle}
            end = {"max": 8 * middle} if draw(st.booleans()) else {}
            return {"kind": "quantiles", **given, **end}
        case _:
            values = draw(st.lists(times(0, 4 * most // 3), min_size=1, max_size=4))
            return {"kind": "empirical", "values": values}


@st.composite
def retries(draw: st.DrawFn, whole: bool) -> Data:
    """A retry policy with any backoff and jitter; of the whole grammar also with a budget."""
    policy: Data = {"max_retries": draw(st.integers(0, 3))}
    base, longest = draw(times(0, 300)), draw(times(300, 1500))
    match draw(
        st.sampled_from(("", "none", "fixed", "exponential", "decorrelated", "server", "listed"))
    ):
        case "none":
            policy["backoff"] = {"kind": "none"}
        case "fixed":
            policy["backoff"] = {"kind": "fixed", "delay": base}
        case "exponential":
            factor = draw(st.floats(1.0, 4.0))
            policy["backoff"] = {"kind": "exponential", "base": base, "factor": factor}
            if draw(st.booleans()):
                policy["backoff"]["max"] = longest
        case "listed" if whole:
            delays = draw(st.lists(st.just(0.0) | times(20, 600), min_size=1, max_size=3))
            policy["backoff"] = {"kind": "listed", "delays": delays}
        case "server" if whole:
            policy["backoff"] = {"kind": "server", "base": base, "max": longest}
            if draw(st.booleans()):
                policy["backoff"]["up_to"] = draw(times(20, 1000))
        case "decorrelated":
            policy["backoff"] = {"kind": "decorrelated", "base": base, "max": longest}
    waits = policy.get("backoff", {})
    # In the worst case the wait goes on to grow.
    if whole and waits.get("kind") in ("fixed", "decorrelated") and base >= 0.02:
        policy["max_retries"] = draw(st.sampled_from((1, 3, "forever")))
    if policy.get("backoff", {}).get("kind") != "decorrelated":
        policy["jitter"] = draw(st.sampled_from(("none", "full", "equal")))
    if draw(st.booleans()):
        outcomes = RETRYABLE if whole else RETRYABLE[:-1]
        policy["on"] = draw(st.lists(st.sampled_from(outcomes), min_size=1, unique=True))
    if whole and draw(one_in(3)):
        bucket = {"kind": "token_bucket", "ratio": draw(shares()), "burst": draw(st.floats(0, 5))}
        ration = {"kind": "per_minute", "retries": draw(st.integers(0, 20))}
        parallel = {
            "kind": "concurrent",
            "share": draw(shares()),
            "least": draw(st.integers(0, 3)),
        }
        tokens = {
            "kind": "failure_tokens",
            "max": draw(st.floats(1, 9)),
            "earn": draw(st.floats(0, 2)),
        }
        policy["budget"] = draw(st.sampled_from((bucket, ration, parallel, tokens)))
    if whole and draw(one_in(3)):
        policy["elsewhere"] = True
    return policy


@st.composite
def _trip_rules(draw: st.DrawFn) -> Data:
    kinds = ("consecutive_failures", "failures_in_window", "failure_rate", "slow_call_rate")
    rule: Data = {"kind": draw(st.sampled_from(kinds))}
    if rule["kind"] in kinds[:2]:
        rule["threshold"] = draw(st.integers(1, 5))
        if draw(one_in(3)):
            rule["every"] = draw(times(100, 4000))
        elif rule["kind"] == "failures_in_window":
            rule["window"] = draw(times(100, 4000))
        return rule
    if rule["kind"] == "slow_call_rate":
        rule["slow"] = draw(times(20, 800))
    rule["rate"] = draw(st.sampled_from((0.1, 0.5, 1.0)))
    if rule["rate"] < 1.0 and draw(one_in(3)):
        rule["strict"] = True
    over = draw(st.sampled_from(("calls", "window", "every")))
    if over == "calls":
        rule["calls"] = draw(st.integers(1, 12))
        rule["minimum_calls"] = draw(st.integers(1, rule["calls"]))
    else:
        rule[over] = draw(times(100, 4000))
        rule["minimum_calls"] = draw(st.integers(1, 8))
    if rule["kind"] == "failure_rate" and draw(one_in(2)):
        rule["slow"] = draw(times(20, 800))
    if "slow" in rule and draw(one_in(2)):
        rule["in_flight"] = True
    return rule


@st.composite
def breakers(draw: st.DrawFn, whole: bool) -> Data:
    """A breaker: thresholds and times, and of the whole grammar every other setting."""
    found: Data = {
        "failure_threshold": draw(st.integers(1, 5)),
        "recovery_timeout": draw(times(0, 4000)),
        "per_replica": draw(st.booleans()),
        "enabled": draw(st.integers(0, 5)) > 0,
    }
    if not whole:
        return found
    if draw(one_in(2)):
        del found["failure_threshold"]
        found["trip"] = draw(st.lists(_trip_rules(), min_size=1, max_size=2))
    if draw(one_in(3)):
        timeout = found.pop("recovery_timeout")
        found["recovery"] = {
            "timeout": timeout,
            "factor": draw(st.floats(1.0, 3.0)),
            "max": timeout + draw(times(0, 4000)),
            "jitter": draw(shares()),
            "hint": draw(st.booleans()),
        }
    if draw(one_in(3)):
        found["half_open"] = {"probes": draw(st.integers(1, 3)), "lease": draw(times(50, 2000))}
        by_rate = draw(st.booleans())
        word, values = (
            ("verdict", st.floats(0.1, 1.0)) if by_rate else ("successes", st.integers(1, 4))
        )
        found["half_open"][word] = draw(values)
        if draw(one_in(4)):
            found["half_open"] = {"ramp": draw(times(125, 4000)), "from": draw(shares())}
        elif draw(one_in(4)):
            found["half_open"] = "none"
            found.get("recovery", {}).pop("factor", None)
    if draw(one_in(3)):
        found["counts"] = draw(st.lists(st.sampled_from(COUNTABLE), min_size=1, unique=True))
    if draw(one_in(4)):
        others = [each for each in COUNTABLE if each not in found.get("counts", COUNTABLE[:3])]
        found["ignores"] = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
    if draw(one_in(3)):
        found["shared"] = True
    if found["per_replica"] and draw(one_in(2)):
        found["max_open"] = draw(st.sampled_from((0.0, 0.34, 0.5, 1.0)))
    if found["per_replica"] and draw(one_in(2)):
        found["panic"] = draw(st.sampled_from((0.1, 0.5, 0.7, 1.0)))
    if found["per_replica"] and draw(one_in(2)):
        found["slow_start"] = draw(times(125, 4000))
    if draw(one_in(3)):
        found["around"] = "request"
        del found["per_replica"]
        for word in ("max_open", "panic", "slow_start"):
            found.pop(word, None)
    return found


@st.composite
def _fallbacks(draw: st.DrawFn, whole: bool) -> Data:
    around = {"around": "attempt"} if draw(one_in(3)) else {}
    if whole and draw(st.booleans()):
        keys, skew = draw(st.integers(1, 20)), draw(st.floats(0.0, 2.0))
        return {"cache": {"keys": keys, "zipf": skew, "ttl": draw(times(50, 4000))}, **around}
    return {"hit_rate": draw(shares()), **around}


@st.composite
def limits(draw: st.DrawFn) -> Data:
    """A limit of how many at once that adapts itself, fast enough to move in a dozen seconds."""
    kind = draw(st.sampled_from(("aimd", "gradient", "min_rtt")))
    law: Data = {"kind": kind, "most": draw(st.integers(4, 9))}
    law["window"] = draw(st.just(0.0) | times(50, 900))
    if kind == "min_rtt":
        law["least"] = draw(st.integers(1, 3))
        law |= {"every": draw(times(300, 4000)), "probes": draw(st.integers(1, 8))}
        law["percentile"] = draw(st.sampled_from((0.5, 0.9)))
        return law
    law |= {"initial": draw(st.integers(1, 4)), "samples": draw(st.integers(1, 6))}
    if kind == "aimd":
        law["backoff"] = draw(st.sampled_from((0.5, 0.7, 0.9)))
        if draw(st.booleans()):
            law["target"] = draw(times(30, 400))
    else:
        law |= {"tolerance": draw(st.floats(1.0, 2.0)), "headroom": draw(st.integers(0, 4))}
        law |= {"smoothing": draw(st.floats(0.1, 1.0)), "memory": draw(st.integers(1, 30))}
    return law


@st.composite
def grouped(draw: st.DrawFn, made: Data) -> Data:
    """A caller's calls, of which some may have one breaker together."""
    together = [name for name, call in made.items() if "breaker" in call]
    if not together or not draw(st.booleans()):
        return made
    first = made[together[0]]["breaker"]
    alone = {"per_replica", "max_open", "panic", "slow_start"}
    made[together[0]]["breaker"] = {
        **{word: value for word, value in first.items() if word not in alone},
        "group": "together",
    }
    later = list(made)[list(made).index(together[0]) + 1 :]
    for name in later:
        if draw(one_in(3)) or name == later[0]:
            made[name]["breaker"] = {"group": "together"}
    return made


@st.composite
def calls(draw: st.DrawFn, whole: bool = True) -> Data:
    """One call with any of timeout, retry, breaker and fallback.

    A `whole` one may also have a share, network, throttle and bulkhead, and every setting.
    """
    call: Data = {}
    if draw(st.integers(0, 3)):
        call["timeout"] = draw(times(20, 1500))
    if draw(st.booleans()):
        call["retry"] = draw(retries(whole))
    if draw(st.integers(0, 2)):
        call["breaker"] = draw(breakers(whole))
    if draw(one_in(4)):
        call["fallback"] = draw(_fallbacks(whole))
    if not whole:
        return call
    if draw(one_in(4)):
        call["hedge"] = {"after": draw(times(0, 300)), "times": draw(st.integers(1, 3))}
        if draw(st.booleans()):
            call["hedge"]["budget"] = draw(shares())
    if draw(one_in(5)):
        call["cache"] = {
            "keys": draw(st.integers(1, 12)),
            "zipf": draw(st.floats(0.0, 2.0)),
            "ttl": draw(times(50, 3000)),
            "coalesce": draw(st.booleans()),
        }
    if draw(one_in(4)):
        call["share"] = draw(shares())
    if draw(one_in(3)):
        call["network"] = draw(works(1, 60))
    if draw(one_in(3)):
        call["bulkhead"] = {
            "max_concurrent": draw(st.integers(1, 4)),
            "max_wait": draw(st.just(0.0) | times(20, 600)),
        }
        if draw(one_in(3)):
            del call["bulkhead"]["max_concurrent"]
            call["bulkhead"]["limit"] = draw(limits())
        if draw(st.booleans()):
            call["bulkhead"]["per_replica"] = True
        if call["bulkhead"]["max_wait"] and draw(st.booleans()):
            call["bulkhead"]["queue"] = draw(st.integers(0, 3))
    if draw(one_in(4)):
        call["rate_limit"] = {"rate": draw(st.integers(100, 3000)) / 97}
        if draw(st.booleans()):
            call["rate_limit"]["burst"] = draw(st.integers(1, 5))
        if draw(st.booleans()):
            call["rate_limit"]["max_wait"] = draw(times(20, 900))
    if draw(one_in(5)):
        call["throttle"] = {
            "kind": "adaptive",
            "k": draw(st.floats(1.0, 3.0)),
            "window": draw(times(200, 5000)),
        }
    return call
