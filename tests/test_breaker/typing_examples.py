"""What a type checker has to understand of the breaker; checked with mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, assert_type

from simcb.breaker import (
    Answer,
    Bulkhead,
    CachedFallback,
    CircuitBreaker,
    CircuitOpenError,
    CircuitState,
    FailureRate,
    Permit,
    Transition,
)

breaker = CircuitBreaker("typed", trip=[FailureRate(0.5, calls=20)], expected_exception=OSError)
bulkhead = Bulkhead(3)
fallback = CachedFallback()


@breaker
def price(item: str, *, count: int = 1) -> float:
    return 1.0 * count


@breaker
async def later(item: str) -> bytes:
    return item.encode()


@breaker
def stream(n: int) -> Generator[int, str, bool]:
    yield n
    return True


@breaker
async def astream(n: int) -> AsyncGenerator[int, None]:
    yield n


class Client:
    @breaker
    def fetch(self, key: int) -> str:
        return str(key)

    @breaker
    async def later(self, key: int) -> str:
        return str(key)

    @staticmethod
    @breaker
    def price(key: int) -> str:
        return str(key)

    @classmethod
    @breaker
    def build(cls, key: int) -> Client:
        return cls()


def listen(transition: Transition) -> None:
    assert_type(transition.after, CircuitState)


async def examples() -> None:
    assert_type(price("tea", count=2), float)
    assert_type(await later("tea"), bytes)
    assert_type(stream(1), Generator[int, str, bool])
    assert_type(astream(1), AsyncGenerator[int, None])
    assert_type(Client().fetch(1), str)
    assert_type(await Client().later(1), str)
    assert_type(Client.fetch(Client(), 1), str)
    assert_type(Client.price(1), str)
    assert_type(Client().price(1), str)
    assert_type(Client.build(1), Client)
    assert_type(breaker.call(price, "tea", count=3), float)
    await assert_type(breaker.call(later, "tea"), Coroutine[Any, Any, bytes])
    assert_type(await breaker.call(later, "tea"), bytes)
    assert_type(breaker.acquire(), Permit)
    with breaker as permit:
        assert_type(permit, Permit)
    async with breaker as permit:
        assert_type(permit, Permit)
    assert_type(fallback.ask(price, "tea"), Answer[float])
    assert_type(await fallback.ask(later, "tea"), Answer[bytes])
    assert_type(await fallback.call(later, "tea"), bytes)
    assert_type(fallback(breaker(bulkhead(price)))("tea"), float)
    breaker.add_listener(listen)
    assert_type(CircuitOpenError("typed", 1.0).retry_after, float)
    price(3)  # type: ignore[arg-type]
    price("tea", number=3)  # type: ignore[call-arg]
    breaker.call(price, 3)  # type: ignore[arg-type]
    breaker.call(price)  # type: ignore[call-arg]
    CircuitBreaker(clock="now")  # type: ignore[arg-type]
    unguarded: Callable[[int], str] = Client().fetch
    assert_type(unguarded(1), str)
