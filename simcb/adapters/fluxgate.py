"""fluxgate 0.9: a breaker made of parts, some of which draw lots.

It reads `time.time()` in its breaker and in its waits, `time` by that name in its permits, and
`perf_counter` around each call; all are rebound, and so is the `random` of its permits, so that a
run repeats. Its records take their moment from a default that was bound at import, which only its
time window reads: it is left out. The parts are objects, so the settings here are the parameters
of the parts by plain names; a rate or a streak of 0 leaves that part out.

When half open it lets some through by lot, and `max_half_open_calls` of those at a time: others
wait for a place in an `asyncio.Semaphore`. Here they wait before they ask, and meet the state that
they would meet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from simcb.adapters.calls import CoroutineCalls, protected
from simcb.adapters.extra import library
from simcb.adapters.protocol import BUSY, Adapter, Clock, Comparable
from simcb.adapters.rebinding import Rebound, VirtualTime


class _Asyncio:
    """What the breaker finds where it looks for `asyncio`, as there is no event loop."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def gather(*listeners: Any) -> None:
        """Wait for the listeners, of which there are none."""


class Fluxgate(CoroutineCalls):
    """A `fluxgate.AsyncCircuitBreaker`.

    Args:
        clock: returns the simulated seconds.
        random: returns draws from [0, 1).
        window_size: calls in its `CountWindow`.
        min_requests: calls below which the rate does not open it.
        failure_rate: share of the window that opens it; 0 for no such rule.
        failure_streak: failures in a row that open it; 0 for no such rule.
        cooldown: seconds it stays open.
        ramp_initial: share let through when it becomes half open.
        ramp_final: share let through at the end of the ramp.
        ramp_duration: seconds of the ramp.
        max_half_open_calls: probes at the same time.
    """

    def __init__(
        self,
        clock: Clock,
        random: Callable[[], float],
        window_size: int = 100,
        min_requests: int = 100,
        failure_rate: float = 0.5,
        failure_streak: int = 0,
        cooldown: float = 60.0,
        ramp_initial: float = 0.1,
        ramp_final: float = 1.0,
        ramp_duration: float = 60.0,
        max_half_open_calls: int = 10,
    ) -> None:
        parts = library("fluxgate")
        trippers, module = library("fluxgate.trippers"), library("fluxgate.circuitbreaker")
        permits, retries = library("fluxgate.permits"), library("fluxgate.retries")
        rules = []
        if failure_rate:
            rules.append(trippers.MinRequests(min_requests) & trippers.FailureRate(failure_rate))
        if failure_streak:
            rules.append(trippers.FailureStreak(failure_streak))
        if not rules:
            raise ValueError("failure_rate and failure_streak are both 0, so it never opens")
        tripper = rules[0] if len(rules) == 1 else rules[0] | rules[1]
        now = VirtualTime(clock)
        time = Rebound(
            (module, "time", now),
            (module, "asyncio", _Asyncio()),
            (retries, "time", now),
            (permits, "time", clock),
            (permits, "random", random),
        )
        with time:
            self._breaker = parts.AsyncCircuitBreaker(
                window=library("fluxgate.windows").CountWindow(window_size),
                tripper=tripper,
                retry=retries.Cooldown(cooldown),
                permit=permits.RampUp(ramp_initial, ramp_final, ramp_duration),
                max_half_open_calls=max_half_open_calls,
            )
        rejection = library("fluxgate.errors").CallNotPermittedError
        super().__init__(lambda: self._breaker.call(protected), rejection, time)

    @property
    def state(self) -> str:
        """The state it is in."""
        return str(self._breaker.info().state)

    def enter(self) -> Any:
        """Begin a call, unless it has to wait for a place among the probes."""
        if self.state == "half_open" and self._breaker._half_open_semaphore.locked():
            return BUSY
        return super().enter()

    def guard(self, function: Callable[..., Any]) -> Any:
        """Return the function decorated by it, in the machine's own time."""
        return self._breaker(function)


def _comparable(threshold: int, timeout: float) -> dict[str, object]:
    return {
        "failure_rate": 0,
        "failure_streak": threshold,
        "cooldown": timeout,
        "ramp_initial": 1,
        "max_half_open_calls": 1,
    }


def _window(rate: float, calls: int, minimum: int, timeout: float) -> dict[str, object]:
    return {
        "window_size": calls,
        "min_requests": minimum,
        "failure_rate": rate,
        "cooldown": timeout,
    }


ADAPTER = Adapter(
    "fluxgate",
    Fluxgate,
    "fluxgate.AsyncCircuitBreaker of its parts; reads time.time, rebound in its modules.",
    package="fluxgate",
    comparable=Comparable(
        _comparable, "as many probes have to fail before it opens again", window=_window
    ),
    remark="callers wait for a place among its probes",
    wall_clock=True,
)
