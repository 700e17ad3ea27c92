"""Constructor calls: pybreaker, circuitbreaker, and simcb's own breaker."""

from __future__ import annotations

from collections.abc import Sequence

from simcb.breaker import ConsecutiveFailures
from simcb.exchange.calls import Asked, Writing, lose_clearing, lose_closing, lose_growth
from simcb.exchange.policy import ENDLESS


def write_pybreaker(asked: Sequence[Asked], page: Writing) -> None:
    """Write a `pybreaker.CircuitBreaker` for each call."""
    page.add("import pybreaker", "")
    for one in asked:
        if one.breaker is None:
            continue
        threshold = _threshold(one, "pybreaker")
        recovery, half = one.breaker.recovery_policy(), one.breaker.half_open_policy()
        successes = half.successes or half.probes or 1
        lose_closing(one)
        if half.verdict is not None:
            one.lose("half_open.verdict: successes in a row close it there, a failure opens it")
        if half.probes > 1:
            one.lose("half_open.probes: calls go one at a time through its lock")
        one.lose("it holds a lock during the call, so that all calls go one at a time")
        _tell(one)
        page.add(f"{variable(one)} = pybreaker.CircuitBreaker(")
        page.add(f"    fail_max={threshold},", f"    reset_timeout={recovery.timeout:g},")
        if successes != 1:
            page.add(f"    success_threshold={successes},")
        page.add(f'    name="{one.name}",', ")")


def write_circuitbreaker(asked: Sequence[Asked], page: Writing) -> None:
    """Write a `circuitbreaker.CircuitBreaker` for each call."""
    page.add("from circuitbreaker import CircuitBreaker", "")
    for one in asked:
        if one.breaker is None:
            continue
        threshold = _threshold(one, "circuitbreaker")
        half = one.breaker.half_open_policy()
        recovery = one.breaker.recovery_policy()
        lose_closing(one)
        if half.verdict is not None or (half.successes or 1) > 1:
            one.lose("half_open: the first success closes it there, the first failure opens it")
        one.lose("half-open it lets every call through, here so many as half_open.probes says")
        _tell(one)
        page.add(f"{variable(one)} = CircuitBreaker(")
        page.add(f"    failure_threshold={threshold},")
        page.add(f"    recovery_timeout={recovery.timeout:g},", f'    name="{one.name}",', ")")


def write_simcb(asked: Sequence[Asked], page: Writing) -> None:
    """Write a `simcb.breaker.CircuitBreaker` for each call: the very one that was simulated."""
    made = [one for one in asked if one.breaker is not None]
    names = {"CircuitBreaker", "HalfOpen", "Recovery"}
    names |= {type(rule).__name__ for one in made for rule in one.rules}
    names |= {"Bulkhead"} if any(one.call.bulkhead for one in made) else set()
    page.add(f"from simcb.breaker import {', '.join(sorted(names))}", "")
    for one in made:
        breaker, bulkhead = one.breaker, one.call.bulkhead
        assert breaker is not None
        page.add(f"{variable(one)} = CircuitBreaker(", f'    "{one.name}",')
        page.add(f"    trip=[{', '.join(map(_short, one.rules))}],")
        page.add(f"    recovery={_short(breaker.recovery_policy())},")
        page.add(f"    half_open={_short(breaker.half_open_policy())},", ")")
        if not breaker.enabled:
            page.add(f"{variable(one)}.force_closed()")
        if bulkhead is not None:
            wait = f", max_wait={bulkhead.max_wait:g}" if bulkhead.max_wait else ""
            page.add(f"{variable(one)}_bulkhead = Bulkhead({bulkhead.most}{wait})")
        one.tell_breaker()
        one.tell("bulkhead")
        if breaker.around == "attempt":
            one.tell("breaker.around")


def variable(asked: Asked) -> str:
    """Return a name for a variable."""
    return asked.name.replace("-", "_")


def _short(settings: object) -> str:
    """Return a setting as code, without what is None."""
    values = ", ".join(f"{k}={v!r}" for k, v in vars(settings).items() if v is not None)
    return f"{type(settings).__name__}({values})"


def _threshold(asked: Asked, library: str) -> int:
    """Return the consecutive failures that open it, and note every other rule."""
    lose_clearing(asked)
    found = [rule for rule in asked.rules if isinstance(rule, ConsecutiveFailures)]
    for rule in asked.rules:
        if rule not in found[:1]:
            asked.lose(f"{rule!r}: left out; {library} counts failures in a row alone")
    if not found:
        asked.lose(f"no rule of {library} comes near, so five failures in a row open it")
    return found[0].threshold if found else 5


def _tell(asked: Asked) -> None:
    breaker = asked.breaker
    assert breaker is not None
    half = breaker.half_open_policy()
    lose_growth(asked)
    if half.probes and half.lease < ENDLESS:
        asked.lose("half_open.lease: it waits for a probe as long as the probe takes")
    if not breaker.enabled:
        asked.lose("enabled: false: do not use it")
    asked.tell_breaker()
