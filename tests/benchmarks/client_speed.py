"""How many requests a second users' own code answers in virtual time, beside the same as a file.

    python tests/benchmarks/client_speed.py

One core's CPU time of flaky-payments, the best of three: its calls as the file has them; code that
calls once; httpx by itself; and httpx with tenacity and a breaker.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
import tenacity

from simcb import client
from simcb.breaker import CircuitBreaker
from simcb.studies import coded, read
from simcb.world import simulate


def bare() -> Callable[..., Any]:
    """Return code that asks once."""

    async def request() -> None:
        await client.call("payments", timeout=5.0)

    return request


def over_httpx() -> Callable[..., Any]:
    """Return code that asks once over httpx."""
    http = httpx.AsyncClient(transport=client.transport(), timeout=5.0)

    async def request() -> None:
        (await http.get("http://payments/")).raise_for_status()

    return request


def guarded() -> Callable[..., Any]:
    """Return code as it is in services: httpx, tenacity and a breaker."""
    http = httpx.AsyncClient(transport=client.transport(), timeout=5.0)
    breaker = CircuitBreaker("payments", failure_threshold=3, recovery_timeout=30.0)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_random_exponential(0.1, max=2.0),
        retry=tenacity.retry_if_exception_type(httpx.TransportError),
        reraise=True,
    )
    async def request() -> None:
        async with breaker:
            (await http.get("http://payments/")).raise_for_status()

    return request


def measure(code: Callable[..., Any] | None) -> tuple[float, float]:
    """Return requests and attempts a second."""
    clients = None if code is None else {"shop": code}
    scenario = coded(read("flaky-payments"), clients)
    best, requests, attempts = float("inf"), 0, 0
    for _ in range(3):
        began = time.process_time()
        trace = simulate(scenario, 1, clients=clients)
        best = min(best, time.process_time() - began)
        requests, attempts = len(trace.requests), len(trace.attempts)
    return requests / best, attempts / best


if __name__ == "__main__":
    for name, code in (
        ("as a file", None),
        ("simcb.client.call", bare),
        ("httpx", over_httpx),
        ("httpx, tenacity, a breaker", guarded),
    ):
        requests, attempts = measure(code)
        sys.stdout.write(f"{name:28}{requests:10,.0f} requests/s{attempts:10,.0f} attempts/s\n")
