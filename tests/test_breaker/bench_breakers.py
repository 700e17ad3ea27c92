# ruff: noqa: T201 - a script prints
"""Times guarded calls of simcb and of other breakers: python tests/test_breaker/bench_breakers.py

Every figure is the best of many short rounds, taken in turns so that a busy moment hits all of
them alike, with the cost of the bare call (or of raising a bare exception) taken off. A peer, or a
library of metrics, that is not installed is left out, and so is a peer that never opens. The
last table is the memory of ten thousand breakers.
"""

from __future__ import annotations

import asyncio
import gc
import time
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from simcb.breaker import CircuitBreaker, FailureRate, SlowCallRate

ROUNDS, CALLS = 150, 400
LONGEST = 0.001
"""Seconds of a round, which has fewer calls if they are slow: long ones get interrupted."""
SIZES = (10, 100, 1000, 10_000)


def work() -> None:
    """What is guarded: nothing."""


async def later() -> None:
    """What is guarded, asynchronously: nothing."""


def bare() -> None:
    raise ValueError("down")


async def bare_later() -> None:
    raise ValueError("down")


def simcb(_: object = None) -> tuple[Any, Any]:
    return CircuitBreaker(), CircuitBreaker()


def purgatory(module: Any) -> tuple[Any, Any]:
    return module.SyncCircuitBreakerFactory()("bench"), module.AsyncCircuitBreakerFactory()("bench")


def fluxgate(module: Any) -> tuple[Any, Any]:
    return module.CircuitBreaker(), module.AsyncCircuitBreaker()


def pyresilience(module: Any) -> tuple[Any, Any]:
    guard = module.resilient(circuit_breaker=module.CircuitBreakerConfig())
    return guard, guard


def nopanic(module: Any) -> tuple[Any, Any]:
    return module.circuit_breaker(min_calls=5), module.circuit_breaker(min_calls=5)


def plain(module: Any) -> tuple[Any, Any]:
    return module.CircuitBreaker(), module.CircuitBreaker()


def named(module: Any) -> tuple[Any, Any]:
    return module.CircuitBreaker(name="bench"), module.CircuitBreaker(name="bench async")


PEERS: dict[str, tuple[str, Callable[[Any], tuple[Any, Any]]]] = {
    "circuitbreaker": ("circuitbreaker", plain),
    "purgatory": ("purgatory", purgatory),
    "nopanic": ("nopanic", nopanic),
    "pybreaker": ("pybreaker", plain),
    "pyresilience": ("pyresilience", pyresilience),
    "aiobreaker": ("aiobreaker", plain),
    "interlock-cb": ("interlock", named),
    "fluxgate": ("fluxgate", fluxgate),
}


def trip(guarded: Callable[[], Any], awaited: bool) -> Callable[[], Any] | None:
    """Fails until the error changes, and returns the guarded function; None if it never does."""
    for _ in range(300):
        try:
            asyncio.run(guarded()) if awaited else guarded()
        except ValueError:
            continue
        except Exception:
            return guarded
    return None


def rejected(guarded: Callable[[], Any]) -> Callable[[], None]:
    def run() -> None:
        try:
            guarded()
        except Exception:
            return

    return run


def rejected_later(guarded: Callable[[], Any]) -> Callable[[], Any]:
    async def run() -> None:
        try:
            await guarded()
        except Exception:
            return

    return run


def best(cases: dict[str, Callable[[], Any]], awaited: bool) -> dict[str, float]:
    """Returns the least seconds per call of each case."""
    times = dict.fromkeys(cases, LONGEST)

    async def loop_later(func: Callable[[], Any], calls: int) -> float:
        begun = time.perf_counter()
        for _ in range(calls):
            await func()
        return time.perf_counter() - begun

    def loop(func: Callable[[], Any], calls: int) -> float:
        begun = time.perf_counter()
        for _ in range(calls):
            func()
        return time.perf_counter() - begun

    async def rounds() -> None:
        for _ in range(ROUNDS):
            for name, func in cases.items():
                calls = min(CALLS, int(LONGEST / times[name]))
                took = await loop_later(func, calls) if awaited else loop(func, calls)
                times[name] = min(times[name], took / calls)

    gc.disable()
    asyncio.run(rounds())
    gc.enable()
    return times


def closed_cases(awaited: bool) -> dict[str, Callable[[], Any]]:
    func: Callable[[], Any] = later if awaited else work
    cases = {"bare": func, "simcb": simcb()[awaited](func)}
    for name, (module, build) in PEERS.items():
        try:
            cases[name] = build(import_module(module))[awaited](func)
        except Exception as error:
            print(f"({name} left out: {error!r})")
    for size in SIZES:
        guard = CircuitBreaker(trip=FailureRate(calls=size, minimum_calls=min(10, size)))
        cases[f"simcb, rate of {size:,} calls"] = guard(func)
    cases["simcb, rate of 10 s"] = CircuitBreaker(trip=FailureRate(window=10.0))(func)
    cases["simcb, slow calls"] = CircuitBreaker(trip=SlowCallRate(1.0, calls=100))(func)
    return cases | watched_cases(func)


def watched_cases(func: Callable[[], Any]) -> dict[str, Callable[[], Any]]:
    """Returns our breaker with everything that may look on, from a listener to metrics."""
    cases = {
        "simcb, a transition listener": CircuitBreaker(listeners=[print])(func),
        "simcb, a call listener": CircuitBreaker(call_listeners=[lambda _: None])(func),
    }
    for library, build in {"Prometheus": prometheus, "OpenTelemetry": opentelemetry}.items():
        for record_calls, what in ((True, "every call"), (False, "counts only")):
            try:
                metrics = build(record_calls)
            except ImportError as error:
                print(f"({library} left out: {error})")
                break
            cases[f"simcb, {library}, {what}"] = metrics.watch(CircuitBreaker())(func)
    return cases


def prometheus(record_calls: bool) -> Any:
    from prometheus_client import CollectorRegistry

    from simcb.integrations.prometheus import BreakerMetrics

    return BreakerMetrics(CollectorRegistry(), record_calls=record_calls)


def opentelemetry(record_calls: bool) -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from simcb.integrations.opentelemetry import BreakerMetrics

    return BreakerMetrics(MeterProvider([InMemoryMetricReader()]), record_calls=record_calls)


def open_cases(awaited: bool) -> dict[str, Callable[[], Any]]:
    func: Callable[[], Any] = bare_later if awaited else bare
    wrap = rejected_later if awaited else rejected
    cases = {"bare": wrap(func)}
    for name, (module, build) in {"simcb": ("simcb.breaker", simcb), **PEERS}.items():
        try:
            guarded = trip(build(import_module(module))[awaited](func), awaited)
        except Exception as error:
            print(f"({name} left out: {error!r})")
            continue
        if guarded is not None:
            cases[name] = wrap(guarded)
    return cases


def print_table(title: str, times: dict[str, float]) -> None:
    bare_time = times.pop("bare")
    ours = times["simcb"] - bare_time
    print(f"\n**{title}** (bare {bare_time * 1e6:.2f} µs)\n")
    print("| breaker | µs over bare | simcb = 1 |\n| --- | ---: | ---: |")
    for name, taken in sorted(times.items(), key=lambda item: item[1]):
        over = taken - bare_time
        print(f"| {label(name)} | {over * 1e6:.2f} | {over / ours:.2f} |")


def label(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return name


def memory() -> None:
    """Prints what ten thousand breakers with default settings take."""
    tracemalloc.start()
    breakers = [CircuitBreaker(f"upstream {number}") for number in range(10_000)]
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    print(f"\n{len(breakers):,} breakers: {size / 1e6:.1f} MB")


def main() -> None:
    """Prints all tables, in Markdown."""
    for awaited, how in ((False, "sync"), (True, "async")):
        closed, rejecting = best(closed_cases(awaited), awaited), open_cases(awaited)
        for name in PEERS:
            if name not in rejecting and closed.pop(name, None) is not None:
                print(f"({name} left out: no failure of {how} calls opens it)")
        print_table(f"Closed, success, {how}", closed)
        print_table(f"Open, rejection, {how}", best(rejecting, awaited))
    memory()


if __name__ == "__main__":
    main()
