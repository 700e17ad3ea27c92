"""Clients' own code on real sockets: what it sees there is what is written down of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from test_cli.commands import simcb as command

from simcb import client
from simcb.breaker import CircuitBreaker, CircuitOpenError, CircuitState
from simcb.live.study import Live, live
from simcb.metrics.laws import audit
from simcb.outcomes import AttemptOutcome
from simcb.scenario import parse_scenario
from simcb.studies import StudyError
from simcb.trace import STATE_CODE

SCENARIO = """
name: sockets
duration: 2s
clients:
  shop:
    arrivals: {kind: constant, rate: 20/s}
    calls: {payments: {}, stock: {}}
services:
  payments: {workers: 20, work: {kind: constant, value: 2ms}}
  stock: {workers: 20, work: {kind: constant, value: 2ms}}
faults:
  - {kind: refuse, on: payments, at: 1s, for: 10s}
  - {kind: hang, on: stock, at: 0s, for: 10s}
"""


class Shop:
    """A client that counts what it sees."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.addresses: set[tuple[str, int]] = set()
        self.breaker = CircuitBreaker("payments", failure_threshold=3, recovery_timeout=9.0)
        self.http = httpx.AsyncClient(transport=client.transport(), timeout=9.0)

    async def request(self, wanted: client.Request) -> None:
        """Pay; every fourth also looks for stock, which hangs, and one waits on for ever."""
        self.seen["begun"] += 1
        try:
            response = await self.breaker.call(self.http.get, "http://payments/charge?for=me")
        except CircuitOpenError:
            self.seen["rejected"] += 1
        except httpx.ConnectError:
            self.seen["refused"] += 1
        else:
            self.seen["ok"] += response.status_code == 200
            stream = response.extensions.get("network_stream")
            if stream is not None:
                self.addresses.add(stream.get_extra_info("server_addr"))
        self.seen["paid"] += 1
        if wanted.number % 4 == 0:
            if wanted.number == 8:
                self.left = asyncio.create_task(asyncio.sleep(0.5))
            try:
                await client.call("stock", timeout=0.05)
            except client.CallTimeoutError:
                self.seen["timeout"] += 1
            with pytest.raises(httpx.ReadTimeout):
                await self.http.post("http://stock/", content=b"two", timeout=0.05)
            self.seen["timeout"] += 1
        if wanted.number == 3:

            async def broken() -> AsyncIterator[bytes]:
                yield b"one"
                raise KeyError("two")

            with pytest.raises(KeyError, match="two"):
                await self.http.post("http://payments/", content=broken())
            self.seen["abandoned"] += 1
        if wanted.number == 9:
            try:
                await asyncio.Event().wait()
            finally:
                self.seen["cancelled"] += 1


@pytest.fixture(scope="module")
def shops() -> list[Shop]:
    return []


@pytest.fixture(scope="module")
def study(shops: list[Shop]) -> Live:
    def shop() -> Callable[..., Awaitable[None]]:
        shops.append(Shop())
        return shops[-1].request

    scenario = parse_scenario(SCENARIO, "sockets.yaml")
    return live(scenario, replicates=9, clients={"shop": shop})


def outcomes_of(study: Live) -> Counter[str]:
    words = [each.value for each in AttemptOutcome]
    return Counter(words[code] for code in study.measured.trace.attempts["outcome"])


def test_each_attempt_of_the_code_is_a_row(study: Live, shops: list[Shop]) -> None:
    """What httpx, the breaker and `call` tell the code is what the trace has, to the last one."""
    seen, rows = shops[1].seen, outcomes_of(study)
    assert 0 < seen["begun"] <= len(study.measured.trace.requests) == 40
    under_way = seen["begun"] - seen["paid"]
    for word in ("ok", "rejected", "refused"):
        assert 0 < seen[word] <= rows[word] <= seen[word] + under_way
    assert seen["refused"] == 3
    assert rows["abandoned"] >= seen["abandoned"] == 1
    assert 0 < seen["timeout"] <= rows["timeout"]


def test_they_go_over_sockets_of_this_machine(study: Live, shops: list[Shop]) -> None:
    """To the port of the service, and only in the run that is measured."""
    ((host, _),) = shops[1].addresses
    assert host == "127.0.0.1"
    assert not any(shop.addresses for shop in shops if shop is not shops[1])
    assert len(shops) == 2 + 9
    assert study.coded == ("shop",)


def test_breakers_of_the_code_are_in_the_trace(study: Live) -> None:
    trace = study.measured.trace
    assert [each.name for each in trace.layout.breakers] == ["payments"]
    assert trace.transitions["after"].tolist() == [STATE_CODE[CircuitState.OPEN]]
    # A way over a socket takes time, of which the scenario says nothing.
    broken = {law.name for law in audit(trace) if not law.holds}
    assert broken <= {"no moment comes before its cause"}


def test_what_the_code_leaves_is_told_and_cancelled(study: Live, shops: list[Shop]) -> None:
    told = [str(note) for note in study.measured.notes]
    assert any("request 8 " in note and "left a task running, sleep" in note for note in told)
    assert shops[1].seen["cancelled"] == 1


def test_another_scale_is_refused() -> None:
    scenario = parse_scenario(SCENARIO, "sockets.yaml")
    with pytest.raises(StudyError, match="scale is 6 for clients' own code; leave --scale out"):
        live(scenario, scale=6.0, clients={"shop": "shop:request"})


def test_code_that_cannot_be_loaded_is_told_before_anything_listens() -> None:
    done = command("live", "flaky-payments", "--client", "shop=no_such_module:request", "-q")
    assert done.exit_code == 2
    assert "no_such_module:request cannot be loaded" in done.stderr
