"""A circuit breaker for production: threads, asyncio and virtual time, standard library only.

    breaker = CircuitBreaker("payments", failure_threshold=5, recovery_timeout=30.0)
    receipt = breaker.call(charge, card, amount)          # or await breaker.call(charge_async, …)

    @breaker                                              # functions, coroutines, generators
    def charge(card, amount): ...

    fetch = CachedFallback()(breaker(Bulkhead(20)(fetch)))  # outermost first

The simulator runs this very class with another clock.

What holds, and the test that shows it (in tests/test_breaker; `test_broken` breaks each line on
purpose and demands that its test notices):

|    | contract | tests |
| -- | -------- | ----- |
|  1 | open before its deadline no call passes; at exactly the deadline a probe does | `test_contract_states` `test_line_01_…` |
|  2 | in a half-open period at most `probes` permits are out, others are rejected; of a ramp its share | `test_line_02_…`, also in `test_schedules`, `test_nesting`, `test_verdict` and `test_ramp` |
|  3 | one opening gives one half-open transition, however many callers | `test_line_03_…`, also in `test_schedules` |
|  4 | a permit settles once; results of an earlier generation only count as stale | `test_line_04_…`, also in `test_schedules` and `test_scopes` |
|  5 | every admitted call settles on every exit; interrupts are neither | `test_contract_exits` `test_line_05_…`, also in `test_awaitables` and `test_schedules`; `test_interrupts` |
|  6 | a probe is a lease: it expires, and that is a failed probe | `test_contract_states` `test_line_06_…`, `test_interrupts` |
|  7 | healthy calls close it within timeout + lease + successes needed, or timeout + ramp | `test_line_07_…`, also in `test_nesting` and `test_ramp`; `test_model` `recover` |
|  8 | time never goes back; a clock without a time is an error, not a corrupted state | `test_line_08_…` |
|  9 | listeners run outside the lock, in order, exactly once, and may use the breaker | `test_contract_threads` `test_line_09_…`, `test_schedules` |
| 10 | no user code under the lock; re-entry, signals, finalizers and fork are safe | `test_line_10_…`, `test_interrupts` |
| 11 | the user's exceptions, results and metadata arrive untouched | `test_contract_exits` `test_line_11_…`, also in `test_awaitables` |
| 12 | windows are exact: the last N, younger than T, never below `minimum_calls` | `test_contract_windows` `test_line_12_…`, also in `test_schedules`; `test_model` |
| 13 | memory is bounded, and a breaker nobody holds is collected | `test_contract_threads` `test_line_13_…`, also in `test_awaitables` |
| 14 | one state for threads and event loops; no timers, no threads of its own | `test_line_14_…`, `test_schedules` |
| 15 | every way of calling gives the same states for the same calls | `test_contract_windows` `test_line_15_…` |
| 16 | opened by hand for a while it recovers by itself; new settings keep state, counts and calls | `test_controls` `test_line_16_…` |
| 17 | where a rule says `in_flight`, a call out for `slow` seconds counts as slow, once, and since then | `test_in_flight` `test_line_17_…`; `test_model` |

What a guarded function calls through its own breaker while it is a probe, in its own thread or
task or a task begun from there, is part of it: it takes no place of its own, and the probe's end
counts. There are at most ten such calls in one probe; further ones are rejected, and if they were
needed, the next probe may make twice as many, and so on, so that it ends well some time. A permit
or a `with` block marks nothing so; in it, further calls are rejected.

Two limits. A time window keeps more than 10,000 distinct moments apart only to a ten-thousandth
of its length. And nothing can catch an interrupt that arrives in the first line of an `__exit__`,
so a `with` block interrupted exactly there leaves one call uncounted; a probe's lease makes up
for it, a bulkhead's place stays taken, and `call` and the decorator have no such line.
"""  # noqa: E501 - a table has long lines

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.breaker.breaker import CircuitBreaker
from simcb.breaker.enums import CircuitState, Mode, Outcome, Reason
from simcb.breaker.errors import (
    BulkheadFullError,
    CircuitOpenError,
    ClockError,
    ParameterError,
    UnkeyableError,
    UnpairedExitError,
)
from simcb.breaker.permit import Permit
from simcb.breaker.records import CallRecord, RuleReading, Snapshot, Transition
from simcb.breaker.settings import (
    TRIP_RULES,
    ConsecutiveFailures,
    FailureRate,
    FailuresInWindow,
    HalfOpen,
    Recovery,
    SlowCallRate,
    TripRule,
)
from simcb.window import window

if TYPE_CHECKING:
    from simcb.breaker.bulkhead import Bulkhead, Place
    from simcb.breaker.fallback import Answer, CachedFallback
    from simcb.breaker.registry import BreakerRegistry
    from simcb.breaker.stores import MemoryStore, Store

# What a program with only a breaker does not need is loaded when it is first looked at.
__getattr__ = window(
    __name__,
    {
        "bulkhead": "Bulkhead Place",
        "fallback": "Answer CachedFallback",
        "registry": "BreakerRegistry",
        "stores": "MemoryStore Store",
    },
)


def __dir__() -> list[str]:
    return __all__


__all__ = [
    "TRIP_RULES",
    "Answer",
    "BreakerRegistry",
    "Bulkhead",
    "BulkheadFullError",
    "CachedFallback",
    "CallRecord",
    "CircuitBreaker",
    "CircuitOpenError",
    "CircuitState",
    "ClockError",
    "ConsecutiveFailures",
    "FailureRate",
    "FailuresInWindow",
    "HalfOpen",
    "MemoryStore",
    "Mode",
    "Outcome",
    "ParameterError",
    "Permit",
    "Place",
    "Reason",
    "Recovery",
    "RuleReading",
    "SlowCallRate",
    "Snapshot",
    "Store",
    "Transition",
    "TripRule",
    "UnkeyableError",
    "UnpairedExitError",
]
