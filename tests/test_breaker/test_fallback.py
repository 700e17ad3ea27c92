"""The cached fallback: the last good answer, and a store that can never do harm."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from test_breaker.stage import Clock

from simcb.breaker import CachedFallback, CircuitBreaker, CircuitOpenError, MemoryStore


class Upstream:
    """Answers with its number, or fails."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def ask(self, item: str) -> str:
        self.asked += 1
        if self.down:
            raise OSError("down")
        return f"{item} {self.asked}"

    async def later(self, item: str) -> str:
        await asyncio.sleep(0)
        return self.ask(item)


class Shaky:
    """A store that fails while it is told to; its methods are async if wanted."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.broken = False

    def get(self, key: str) -> Any:
        if self.broken:
            raise ConnectionError("store down")
        return self.kept[key]

    def put(self, key: str, value: Any, ttl: float) -> None:
        if self.broken:
            raise ConnectionError("store down")
        self.kept[key] = value


class AsyncShaky(Shaky):
    async def get(self, key: str) -> Any:
        await asyncio.sleep(0)
        return super().get(key)

    async def put(self, key: str, value: Any, ttl: float) -> None:
        await asyncio.sleep(0)
        super().put(key, value, ttl)


def test_the_last_good_answer_is_served_for_its_own_key(clock: Clock) -> None:
    """Fresh while the upstream works; remembered, and marked so, while it does not."""
    upstream = Upstream()
    fallback = CachedFallback(MemoryStore(clock=clock), ttl=60.0)
    assert fallback.call(upstream.ask, "tea") == "tea 1"
    assert fallback.ask(upstream.ask, item="jam") == ("jam 2", False, None)
    upstream.down = True
    answer = fallback.ask(upstream.ask, "tea")
    assert (answer.value, answer.stale) == ("tea 1", True)
    assert isinstance(answer.error, OSError)
    assert fallback.call(upstream.ask, item="jam") == "jam 2"
    with pytest.raises(OSError, match="down"):
        fallback.call(upstream.ask, "milk")
    clock.advance(59.0)
    assert fallback.call(upstream.ask, "tea") == "tea 1"
    clock.advance(1.0)
    with pytest.raises(OSError, match="down"):
        fallback.call(upstream.ask, "tea")


def test_a_rejection_is_answered_too(clock: Clock) -> None:
    """Around an open breaker the fallback answers without asking the upstream."""
    upstream = Upstream()
    breaker = CircuitBreaker(clock=clock)
    ask = CachedFallback(ttl=60.0)(breaker(upstream.ask))
    assert ask("tea") == "tea 1"
    breaker.force_open()
    assert ask("tea") == "tea 1"
    with pytest.raises(CircuitOpenError):
        ask("jam")
    assert upstream.asked == 1


def test_what_is_not_to_be_answered_passes_through() -> None:
    """Exceptions outside `on`, and interrupts, arrive even if an answer is remembered."""
    fallback = CachedFallback(on=OSError, key=lambda error: "one key")

    def work(error: BaseException | None) -> str:
        if error is not None:
            raise error
        return "fine"

    fallback.call(work, None)
    assert fallback.call(work, OSError()) == "fine"
    for error in (KeyError(), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            fallback.call(work, error)
        assert caught.value is error


@pytest.mark.parametrize("store", [Shaky, AsyncShaky])
def test_async_calls_work_with_sync_and_async_stores(store: type[Shaky]) -> None:
    """The same promises, awaited."""
    upstream, fallback = Upstream(), CachedFallback(store())

    async def main() -> None:
        ask = fallback(upstream.later)
        assert await ask("tea") == "tea 1"
        assert await fallback.call(upstream.later, "tea") == "tea 2"
        upstream.down = True
        assert await ask("tea") == "tea 2"
        assert (await fallback.ask_async(upstream.later, "tea")).stale
        with pytest.raises(OSError, match="down"):
            await ask("jam")

    asyncio.run(main())


@pytest.mark.parametrize("store", [Shaky, AsyncShaky])
def test_a_broken_store_harms_no_call_and_is_logged_once(
    store: type[Shaky], caplog: pytest.LogCaptureFixture
) -> None:
    """Once when trouble begins, not for every call, and again only after it had worked."""
    upstream, shaky = Upstream(), store()
    fallback = CachedFallback(shaky)

    def ask() -> str:
        return asyncio.run(fallback.call(upstream.later, "tea"))

    shaky.broken = True
    assert [ask() for _ in range(3)] == ["tea 1", "tea 2", "tea 3"]
    upstream.down = True
    with pytest.raises(OSError, match="down"):
        ask()
    assert len(caplog.records) == 1
    shaky.broken = upstream.down = False
    ask()
    shaky.broken = True
    ask()
    assert len(caplog.records) == 2


def test_the_memory_store_keeps_what_was_used_last(clock: Clock) -> None:
    """It is bounded, and forgets the entry unused for longest."""
    store = MemoryStore(2, clock=clock)
    store.put("a", 1, 10.0)
    store.put("b", 2, 10.0)
    assert store.get("a") == 1
    store.put("c", 3, 10.0)
    assert len(store) == 2
    with pytest.raises(KeyError):
        store.get("b")
    clock.advance(10.0)
    with pytest.raises(KeyError):
        store.get("a")
    assert len(store) == 1
