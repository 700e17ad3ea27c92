"""The transport for httpx: services as hosts, outcomes as responses and exceptions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from test_client.test_code import ran, short

from simcb import client


def responses(text: str, library: str = "httpx", **arguments: Any) -> list[object]:
    httpx = pytest.importorskip(library)
    found: list[object] = []

    def make() -> Callable[[], Awaitable[None]]:
        http = httpx.AsyncClient(
            transport=client.transport(library=library, **arguments), timeout=1.0
        )

        async def request() -> None:
            try:
                response = await http.get("http://payments/")
                found.append((response.status_code, response.headers.get("retry-after")))
            except httpx.TransportError as error:
                found.append(type(error).__name__)

        return request

    ran(make, text)
    return found


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", (200, None)),
        ("faults: [{kind: errors, on: payments, rate: 100%, at: 0s, for: 1m}]", (500, None)),
        ("faults: [{kind: hang, on: payments, at: 0s, for: 1m}]", "ReadTimeout"),
        ("faults: [{kind: refuse, on: payments, at: 0s, for: 1m}]", "ConnectError"),
        ("faults: [{kind: loss, on: payments, at: 0s, for: 1m}]", "ConnectTimeout"),
    ],
)
def test_outcomes_are_what_httpx_makes_of_them(more: str, expected: object, library: str) -> None:
    """Errors have their status, and what got no answer its exception."""
    found = responses(short() + more, library)
    assert set(found) == {expected}


def test_a_throttled_request_has_its_retry_after() -> None:
    """429, with the seconds the service asks for."""
    admit = "admit: {kind: rate, rate: 1/h, burst: 1, retry_after: 30s}, "
    found = responses(short().replace("payments: {workers", f"payments: {{{admit}workers"))
    assert found == [(200, None), *[(429, "30")] * 9]


def test_waiting_for_a_free_connection_is_a_pool_timeout() -> None:
    """It is an attempt that was shed, not one that the service has seen."""
    httpx = pytest.importorskip("httpx")
    text = short("4/s") + "faults: [{kind: hang, on: payments, at: 0s, for: 1m}]"
    found = responses(text, limits=httpx.Limits(max_connections=2))
    assert set(found) == {"ReadTimeout", "PoolTimeout"}
    assert found[:2] == ["ReadTimeout", "ReadTimeout"]
