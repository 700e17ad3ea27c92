"""Where the network takes no time, what happens over HTTP is what the simulation says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import httpx
import numpy as np
import pytest
from test_live.stages import Theatre, Wire, played

from simcb import client, studies
from simcb.breaker import BreakerRegistry, CircuitBreaker, CircuitOpenError
from simcb.integrations.httpx import AsyncBreakerTransport
from simcb.outcomes import AttemptOutcome
from simcb.scenario import Scenario, parse_scenario
from simcb.trace import Trace
from simcb.world import simulate
from simcb.world.code.loading import Source


def performed(scenario: Scenario, clients: Mapping[str, Source] | None = None) -> Trace:
    """Return what happens when a scenario's own callers ask over HTTP."""

    async def play(theatre: Theatre) -> Trace:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(httpx, "AsyncHTTPTransport", lambda **_: Wire(theatre.mounts))
            await asyncio.sleep(scenario.duration + 1e-6)
        if theatre.over.done():
            theatre.over.result()
        theatre.stage.end()
        return theatre.stage.trace()

    return played(play, scenario, asked=True, clients=clients)


STORIES = {
    "a hang, timeouts, retries and a breaker": (
        "flaky-payments",
        ["duration=30s", "faults.0.at=5s", "faults.0.for=20s", "rate=20/s"],
    ),
    "calls downstream, refreshes, a fallback, a breaker for each replica": (
        "slow-replica",
        ["duration=40s", "faults.0.at=5s", "faults.0.for=30s", "rate=8/s", "database.timeout=5s"],
    ),
    "admission and Retry-After": ("llm-429", ["duration=40s"]),
}

MANY_WORDS = """name: many-words
duration: 20s
clients:
  web:
    arrivals: {kind: poisson, rate: 9/s}
    priority: 1
    deadline: 3s
    calls:
      api: {timeout: 2s, network: 4ms, retry: {max_retries: 1, on: [error, refused, timeout]}}
  batch:
    arrivals: {kind: closed, users: 6, think: {kind: exponential, mean: 400ms}}
    calls:
      api: {timeout: 1s, bulkhead: {max_concurrent: 3, max_wait: 200ms}}
services:
  api:
    replicas: 2
    balance: random
    workers: 2
    errors: 4%
    on_abandon: stop
    queue: {limit: 3, discipline: priority}
    work: {kind: exponential, mean: 150ms}
    calls:
      store:
        timeout: 300ms
        retry: {max_retries: 2, backoff: {kind: exponential, base: 50ms}}
        breaker: {failure_threshold: 3, recovery_timeout: 1s}
  store: {workers: 3, queue: {limit: 4}, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: restart, on: api, replicas: [0], at: 3s, for: 1s}
  - {kind: loss, on: web->api, share: 30%, at: 5s, for: 3s}
  - {kind: latency, on: store, times: 4, at: 8s, for: 3s}
  - {kind: refuse, on: store, share: 50%, at: 12s, for: 2s}
  - {kind: hang, on: api, share: 20%, sticky: true, at: 15s, for: 3s}
"""


@pytest.mark.parametrize("story", STORIES)
def test_every_row_is_that_of_the_simulation(story: str) -> None:
    """Requests, attempts, transitions and samples, to a microsecond."""
    name, sets = STORIES[story]
    demand_agreement(studies.read(name, sets=sets))


def test_so_it_is_with_all_that_can_stop_an_attempt() -> None:
    """Restarts, losses, refusals, full queues and those who leave are seen by both alike."""
    demand_agreement(parse_scenario(MANY_WORDS, "many-words.yaml"))


OWN_CODE = """name: own-code
duration: 20s
clients:
  shop:
    arrivals: {kind: poisson, rate: 9/s}
    deadline: 600ms
    refresh: {after: 400ms, times: 1}
    calls: {api: {}, store: {network: 4ms}}
services:
  api:
    replicas: 2
    balance: random
    workers: 2
    errors: 4%
    queue: {limit: 3}
    work: {kind: exponential, mean: 150ms}
    calls:
      store: {timeout: 300ms, breaker: {failure_threshold: 3, recovery_timeout: 1s}}
  store: {workers: 3, queue: {limit: 4}, work: {kind: exponential, mean: 60ms}}
faults:
  - {kind: hang, on: api, replicas: [0], at: 3s, for: 2s}
  - {kind: loss, on: shop->store, share: 30%, at: 5s, for: 3s}
  - {kind: refuse, on: store, share: 50%, at: 12s, for: 4s}
"""


def quick_breaker(name: str) -> CircuitBreaker:
    return CircuitBreaker(name, failure_threshold=2, recovery_timeout=1.0)


def shopping() -> Callable[[client.Request], Awaitable[None]]:
    """Return a client of its own: httpx behind breakers, retries, and a call without httpx."""
    breakers = BreakerRegistry(quick_breaker)
    transport = AsyncBreakerTransport(client.transport(), breakers=breakers)
    http = httpx.AsyncClient(transport=transport, timeout=0.7)
    stock = quick_breaker("stock")

    async def request(wanted: client.Request) -> None:
        # Two that ask in the same moment have no order: over HTTP, neither has heard by then.
        own = wanted.number / 1000.0
        for wait in (0.1, 0.3, None):
            try:
                response = await http.get("http://api/")
                if response.status_code < 500:
                    break
            except httpx.TransportError:
                if wait is None:
                    raise
            await asyncio.sleep(own + (wait or 0.0))
        try:
            await stock.call(client.call, "store", timeout=0.2)
        except (OSError, client.CallFailedError, CircuitOpenError):
            client.degraded()

    return request


def test_so_it_is_with_code_of_ones_own() -> None:
    """It asks by httpx and without, with breakers and timeouts of its own, and is left at times."""
    scenario, clients = parse_scenario(OWN_CODE, "own-code.yaml"), {"shop": shopping}
    trace = demand_agreement(scenario, clients)
    moved = {trace.layout.breakers[index].name for index in trace.transitions["breaker"]}
    assert {"api", "stock"} <= moved
    words = [each.value for each in AttemptOutcome]
    outcomes = {words[code] for code in trace.attempts["outcome"]}
    assert {"ok", "error", "refused", "timeout", "rejected", "abandoned"} <= outcomes


def demand_agreement(scenario: Scenario, clients: Mapping[str, Source] | None = None) -> Trace:
    performance = performed(scenario, clients)
    simulation = simulate(scenario, clients=clients)
    for table in ("requests", "attempts", "transitions", "samples"):
        found, wanted = getattr(performance, table), getattr(simulation, table)
        assert len(found) == len(wanted) > 0 or table == "transitions"
        for column in found.dtype.names:
            np.testing.assert_allclose(
                found[column].astype(float), wanted[column].astype(float), rtol=0, atol=1e-6
            )
    return performance
