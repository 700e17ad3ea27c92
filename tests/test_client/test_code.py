"""Users' own asynchronous code as a client group, in virtual time."""

from __future__ import annotations

import asyncio
import random
import socket
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

import simcb
from simcb import client
from simcb.breaker import BreakerRegistry, CircuitBreaker, CircuitOpenError
from simcb.metrics.laws import audit
from simcb.outcomes import ATTEMPT_CODE, REQUEST_CODE, AttemptOutcome
from simcb.scenario import parse_scenario
from simcb.studies import Result, run

Code = Callable[..., Any]

CONSTANT = """
name: constant
duration: 2m
clients:
  shop:
    arrivals: {kind: constant, rate: 2/s}
    calls:
      payments:
        timeout: 1s
        retry: {max_retries: 2, backoff: {kind: fixed, delay: 300ms}, jitter: none}
        breaker: {failure_threshold: 4, recovery_timeout: 10s}
services:
  payments:
    workers: 50
    work: {kind: constant, value: 100ms}
faults:
  - {kind: hang, on: payments, at: 20s, for: 40s}
"""


def scenario(text: str = CONSTANT, **changes: str) -> simcb.Scenario:
    return parse_scenario(text, "test.yaml").with_(changes)


def ran(code: Code | str, text: str = CONSTANT, **options: Any) -> Result:
    return run(scenario(text), clients={"shop": code}, **options)


def attempts(result: Result) -> list[tuple[object, ...]]:
    columns = ["start", "end", "request", "retry", "breaker", "outcome"]
    rows = result.trace.attempts
    return sorted(zip(*(rows[column].tolist() for column in columns), strict=True))


def outcomes(result: Result) -> dict[str, int]:
    rows = result.trace.requests["outcome"].tolist()
    return {name.value: rows.count(code) for name, code in REQUEST_CODE.items() if code in rows}


def short(rate: str = "1/s", duration: str = "10s", **more: str) -> str:
    extra = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return (
        f"name: short\nduration: {duration}\nclients:\n  shop:\n"
        f"    arrivals: {{kind: constant, rate: {rate}}}\n{extra}    calls: {{payments: {{}}}}\n"
        "services:\n  payments: {workers: 50, work: {kind: constant, value: 100ms}}\n"
    )


# The same policy twice.


def by_hand() -> Code:
    breaker = CircuitBreaker("shop->payments", failure_threshold=4, recovery_timeout=10.0)

    async def request() -> None:
        for retry in range(3):
            try:
                with breaker.acquire():
                    await client.call("payments", timeout=1.0)
                return
            except (client.CallTimeoutError, CircuitOpenError) as error:
                if retry == 2 or isinstance(error, CircuitOpenError):
                    raise
            await asyncio.sleep(0.3)

    return request


def with_tenacity() -> Code:
    httpx, tenacity = pytest.importorskip("httpx"), pytest.importorskip("tenacity")
    from simcb.integrations.httpx import AsyncBreakerTransport, CircuitOpenTransportError

    def breaker(name: str) -> CircuitBreaker:
        return CircuitBreaker(name, failure_threshold=4, recovery_timeout=10.0)

    guarded = AsyncBreakerTransport(client.transport(), breakers=BreakerRegistry(breaker))
    http = httpx.AsyncClient(transport=guarded, timeout=1.0)

    @tenacity.retry(
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_fixed(0.3),
        retry=tenacity.retry_if_not_exception_type(CircuitOpenTransportError),
        reraise=True,
    )
    async def request() -> None:
        response = await http.get("http://payments/charge")
        response.raise_for_status()

    return request


@pytest.mark.parametrize("code", [by_hand, with_tenacity])
def test_a_policy_as_code_does_what_it_does_as_a_scenario(code: Code) -> None:
    """The same attempts at the same virtual times, and the same steps of the breaker."""
    as_scenario = run(scenario())
    as_code = ran(code)
    assert len(as_scenario.trace.transitions) > 4
    assert attempts(as_code) == attempts(as_scenario)
    assert as_code.trace.transitions.tolist() == as_scenario.trace.transitions.tolist()
    assert outcomes(as_code) == outcomes(as_scenario)
    assert as_code.summary == as_scenario.summary


def test_the_policies_of_the_file_are_not_in_force_for_a_group_with_code() -> None:
    """What the file says of retries and breakers is neither done nor written down as done."""

    async def request() -> None:
        await client.call("payments")

    result = ran(request)
    assert "breaker" not in result.trace.scenario
    assert set(result.trace.attempts["retry"].tolist()) == {0}
    assert outcomes(result)["unfinished"] == 50
    assert [law.name for law in audit(result.trace) if not law.holds] == []


@pytest.mark.parametrize("code", [by_hand, with_tenacity])
def test_runs_with_code_obey_the_laws_and_repeat(code: Code) -> None:
    """The same seed gives the same rows, another replicate others, and every law holds."""
    text = CONSTANT.replace("constant, rate", "poisson, rate")
    first, again = ran(code, text, replicates=2), ran(code, text, replicates=2)
    assert first.digest == again.digest
    assert first.runs[0].trace.digest() != first.runs[1].trace.digest()
    for each in first.runs:
        assert [law.name for law in audit(each.trace) if not law.holds] == []


# Time.


def test_time_is_virtual_inside_and_the_machines_outside() -> None:
    """Every clock the code may read tells the run's time, and the names are put back."""
    seen: list[tuple[float, ...]] = []
    before = (time.time, time.monotonic, time.sleep, datetime, socket.socket.__init__)

    async def request() -> None:
        loop = asyncio.get_running_loop()
        began = (time.time(), datetime.now().timestamp())
        await asyncio.sleep(0.25)
        clocks = time.monotonic(), time.perf_counter(), time.monotonic_ns() / 1e9, loop.time()
        assert time.time() - began[0] == pytest.approx(0.25)
        assert datetime.now().timestamp() - began[1] == pytest.approx(0.25)
        seen.append(clocks)

    ran(request, short())
    assert seen == [tuple([number + 0.25] * 4) for number in range(10)]
    assert (time.time, time.monotonic, time.sleep, datetime, socket.socket.__init__) == before


def test_asyncios_own_tools_work() -> None:
    """Locks, queues, events, task groups, timeouts and gathering take virtual time."""
    took: list[float] = []

    async def request() -> None:
        loop = asyncio.get_running_loop()
        began, lock, queue = loop.time(), asyncio.Lock(), asyncio.Queue[int](1)

        async def produce() -> None:
            for number in range(3):
                async with lock:
                    await asyncio.sleep(0.1)
                    await queue.put(number)

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            assert [await queue.get() for _ in range(3)] == [0, 1, 2]
        await asyncio.gather(*(client.call("payments") for _ in range(5)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.call("payments"), 0.05)
        took.append(loop.time() - began)

    result = ran(request, short())
    assert took == [pytest.approx(0.5)] * 10
    assert outcomes(result) == {"ok": 10}
    abandoned = ATTEMPT_CODE[AttemptOutcome.ABANDONED]
    assert result.trace.attempts["outcome"].tolist().count(abandoned) == 10
    assert result.runs[0].notes == ()


def test_a_run_within_a_running_loop_gives_it_back() -> None:
    """A notebook has a loop of its own, which goes on where it was."""

    async def request() -> None:
        await client.call("payments", timeout=asyncio.get_running_loop().time() + 1.0)

    async def notebook() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert outcomes(ran(request, short("20/s"))) == {"ok": 198, "unfinished": 2}
        assert (asyncio.get_running_loop(), asyncio.current_task()) == (loop, task)
        await asyncio.sleep(0)

    asyncio.run(notebook())


def test_chance_follows_the_seed_and_is_given_back() -> None:
    """The module `random` is seeded for the run, and afterwards goes on where it was."""
    drawn: list[float] = []

    async def request() -> None:
        drawn.append(random.random())

    random.seed(1)
    expected = random.random()
    random.seed(1)
    ran(request, short())
    ran(request, short())
    assert random.random() == expected
    assert drawn[:10] == drawn[10:]
    ran(request, short(), seed=1)
    assert drawn[20:] != drawn[:10]


# What is told.


def test_ends_are_told_with_the_request_that_had_them() -> None:
    """Exceptions, tasks left behind, ends nobody looked at, and users who had gone."""

    async def linger() -> None:
        await asyncio.sleep(100)

    async def fail() -> None:
        raise KeyError("unheard")

    async def request(about: client.Request) -> None:
        if about.number == 2:
            raise ValueError("[red]three")
        if about.number == 3:
            about_to_stay.append(asyncio.create_task(linger()))
        if about.number == 4:
            task = asyncio.create_task(fail())
            await asyncio.sleep(0.1)
            del task
        if about.number == 5:
            await asyncio.sleep(2)

    about_to_stay: list[asyncio.Task[None]] = []
    result = ran(request, short(deadline="1s"))
    notes = "\n".join(map(str, result.runs[0].notes))
    assert "request 2 at 2.000 s ended with ValueError at test_code.py:" in notes
    assert "([red]three)" in notes
    assert "shop: request 3 at 3.000 s left a task running" in notes
    assert "a task whose end nobody looked at, KeyError" in notes
    assert "request 5 at 6.000 s was cancelled, no longer wanted" in notes
    assert outcomes(result) == {"ok": 8, "failed": 2}


def test_a_request_may_be_answered_with_less() -> None:
    """`degraded()` says so, also when a fallback was taken after a failure."""

    async def request(about: client.Request) -> None:
        if about.number % 2:
            client.degraded()

    assert outcomes(ran(request, short())) == {"ok": 5, "degraded": 5}


def test_code_of_a_notebook_is_told_by_its_function_and_cell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A cell has no file whose name would say anything."""
    cell = "/tmp/ipykernel_17/1234.py"
    names: dict[str, Any] = {}
    exec(compile("async def request():\n    raise KeyError(1)\n", cell, "exec"), names)

    def told() -> str:
        return str(ran(names["request"], short()).runs[0].notes[0])

    assert "ended with KeyError at request, line 2 (1)" in told()

    class Shell:
        """What a notebook's kernel has, as far as it is asked."""

        compile = SimpleNamespace(format_code_name=lambda file: ("Cell", "In[3]"))

    ipython = SimpleNamespace(get_ipython=Shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)  # type: ignore[misc]
    assert "at request, line 2 of cell In[3]" in told()
