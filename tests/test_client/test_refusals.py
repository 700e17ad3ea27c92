"""What client code may not do, what is no client code, and where it is loaded from."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest
from test_client.test_code import Code, outcomes, ran, scenario, short

import simcb
from simcb import client
from simcb.breaker import CircuitBreaker
from simcb.client import ClientError
from simcb.studies import StudyError, run


async def sleeps() -> None:
    time.sleep(1.0)


async def opens_a_socket() -> None:
    socket.create_connection(("localhost", 1))


async def starts_a_thread() -> None:
    threading.Thread(target=print).start()


async def asks_an_executor() -> None:
    await asyncio.to_thread(print)


async def connects() -> None:
    await asyncio.open_connection("localhost", 1)


async def ends_the_process() -> None:
    raise SystemExit(0)


async def asks_a_stranger() -> None:
    await client.call("elsewhere")


@pytest.mark.parametrize(
    ("code", "named"),
    [
        (sleeps, "time.sleep"),
        (opens_a_socket, "socket"),
        (starts_a_thread, "a thread"),
        (asks_an_executor, "run_in_executor"),
        (connects, "create_connection"),
        (asks_a_stranger, "'elsewhere'"),
        (ends_the_process, "ends the process"),
    ],
)
def test_what_virtual_time_has_no_room_for_is_refused_by_name(code: Code, named: str) -> None:
    """It ends the run with the name and the remedy, also if the code catches everything."""

    async def request() -> None:
        with contextlib.suppress(Exception):
            await code()

    with pytest.raises(ClientError, match=named):
        ran(request, short())
    assert time.monotonic() > 0.0


def test_a_breaker_from_before_the_run_is_refused() -> None:
    """It has the real clock, and what it has learnt would live on from run to run."""
    breaker = CircuitBreaker("payments")

    async def request() -> None:
        with breaker.acquire():
            await client.call("payments")

    with pytest.raises(ClientError, match="made before the run"):
        ran(request, short())


def test_code_that_never_waits_is_stopped() -> None:
    """Time that stands still is an error with a remedy, as in any other run."""

    async def request() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(simcb.SimcbError, match="stands still"):
        ran(request, short())


@pytest.mark.parametrize(
    ("clients", "complaint"),
    [
        ({"shopp": sleeps}, "'shopp' is unknown; there are: shop"),
        ({"shop": "nothing"}, "write module:function"),
        ({"shop": "no_such_module_here:request"}, "No module named"),
        ({"shop": print}, "no coroutine function"),
        ({"shop": lambda: 1 / 0}, "could not be made: ZeroDivisionError"),
    ],
)
def test_what_is_no_code_is_refused(clients: dict[str, Code | str], complaint: str) -> None:
    """The message has the value and the remedy."""
    with pytest.raises((ClientError, StudyError), match=complaint):
        run(scenario(short()), clients=clients)


# Where it comes from.


def test_a_module_is_loaded_anew_for_each_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a module keeps, as a breaker's state, does not leak into the next run."""
    (tmp_path / "own_shop.py").write_text(
        "from time import monotonic, sleep\n"
        "import simcb.client\n"
        "from simcb.breaker import CircuitBreaker\n"
        "breaker = CircuitBreaker('payments', failure_threshold=1)\n"
        "served = []\n"
        "async def request():\n"
        "    served.append(monotonic())\n"
        "    if len(served) > 5:\n"
        "        with breaker.acquire():\n"
        "            raise ValueError\n"
    )
    monkeypatch.chdir(tmp_path)
    first, again = (ran("own_shop:request", short()) for _ in range(2))
    assert first.digest == again.digest
    assert outcomes(first) == {"ok": 5, "failed": 5}
    assert first.trace.counters["rejected"].tolist() == [4]
