"""The cached fallback: the last good answer, and a store that can never do harm."""

from __future__ import annotations

import asyncio
import copy
import functools
import pickle
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import pytest
from test_breaker.stage import Clock, drive
from test_breaker.unfinished import AWAITABLES, FUTURES, Request, entered, work

from simcb.breaker import (
    Bulkhead,
    CachedFallback,
    CircuitBreaker,
    CircuitOpenError,
    MemoryStore,
    ParameterError,
)


class Upstream:
    """Answers with its number, or fails."""

    def __init__(self) -> None:
        self.down = False
        self.asked = 0

    def __repr__(self) -> str:
        return "Upstream()"

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


def test_the_last_bad_or_done_is_served_for_its_own_key(clock: Clock) -> None:
    """Fresh while the upstream works; remembered, and marked so, while it does not."""
    upstream = Upstream()
    fallback = CachedFallback(MemoryStore(clock=clock), ttl=60.0, key=lambda item: item)
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
    ask = CachedFallback(ttl=60.0, key="{}".format)(breaker(upstream.ask))
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
    upstream, fallback = Upstream(), CachedFallback(store(), key="{}".format)

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
@pytest.mark.parametrize("kind", AWAITABLES)
def test_what_has_to_be_awaited_is_answered_when_it_is(kind: str, store: type[Shaky]) -> None:
    """Its value is remembered, not the thing that was to be awaited, and served when it fails."""
    kept = store()
    fallback = CachedFallback(kept, key=lambda *_: kind)
    ask = fallback(lambda story: AWAITABLES[kind](story))

    async def main() -> None:
        assert await ask(None) == "done"
        assert kept.kept == {kind: "done"}
        assert await fallback.call(AWAITABLES[kind], OSError("gone")) == "done"
        answer = await fallback.ask(AWAITABLES[kind], OSError("gone"))
        assert (answer.value, answer.stale, str(answer.error)) == ("done", True, "gone")
        assert await fallback.ask(AWAITABLES[kind], None) == ("done", False, None)
        kept.kept.clear()
        with pytest.raises(OSError, match="gone"):
            await ask(OSError("gone"))
        with pytest.raises(KeyboardInterrupt):
            await ask(KeyboardInterrupt())

    drive(main())


@pytest.mark.parametrize("kind", FUTURES)
def test_a_task_is_answered_when_it_is_awaited(kind: str) -> None:
    """It runs all the same, and stays in reach as what it is."""
    store = Shaky()
    fallback = CachedFallback(store, key=lambda *_: "key")

    async def main() -> None:
        assert await fallback.call(FUTURES[kind], None) == "done"
        assert store.kept == {"key": "done"}
        assert await fallback.call(FUTURES[kind], OSError("gone")) == "done"
        handed = fallback.call(asyncio.ensure_future, asyncio.sleep(9.0))
        assert handed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await handed
        assert await asyncio.gather(fallback.call(FUTURES[kind], OSError())) == ["done"]

    asyncio.run(main())


@pytest.mark.parametrize("kind", AWAITABLES)
def test_a_rejection_of_what_would_be_awaited_is_raised_by_the_call(kind: str) -> None:
    """A value is nothing to await; a coroutine function around it is answered."""
    kept, breaker, bulkhead = Shaky(), CircuitBreaker(), Bulkhead(2)
    guarded = breaker(bulkhead(lambda story: AWAITABLES[kind](story)))
    fallback = CachedFallback(kept, key=lambda *_: "key")
    ask = fallback(guarded)

    async def later(story: object) -> object:
        return await guarded(story)

    async def main() -> None:
        assert await ask(None) == "done"
        assert kept.kept == {"key": "done"}
        breaker.force_open()
        with pytest.raises(CircuitOpenError):
            ask(None)
        assert await fallback.call(later, None) == "done"

    drive(main())
    assert bulkhead.running == 0


def test_a_rejection_of_what_would_be_submitted_is_raised_by_the_call() -> None:
    """Likewise for an executor's work."""
    breaker = CircuitBreaker()
    with ThreadPoolExecutor(1) as pool:
        ask = CachedFallback(key=lambda *_: "key")(breaker(lambda: pool.submit(lambda: "done")))
        assert ask().result() == "done"
        breaker.force_open()
        with pytest.raises(CircuitOpenError):
            ask()


def test_a_plain_function_beside_an_unfinished_one_is_not_taken_for_it() -> None:
    """Two functions of one name: each is answered in its own way."""
    fallback = CachedFallback(key=lambda *_: "key")
    plain, lasting = (lambda story: bad_or_done(story)), (lambda story: work(story))
    assert drive(fallback.call(lasting, None)) == "done"
    assert fallback.call(plain, OSError("gone")) == "done"


def test_an_executors_future_ends_with_the_answer() -> None:
    """Another future comes back, whose result is the remembered one if the work fails."""
    fallback = CachedFallback(key=lambda *_: "key")
    with ThreadPoolExecutor(1) as pool:

        def ask(story: BaseException | None) -> Any:
            return fallback.call(pool.submit, bad_or_done, story)

        with pytest.raises(OSError, match="first"):
            ask(OSError("first")).result()
        assert ask(None).result() == "done"
        assert ask(OSError("gone")).result() == "done"
        answer = fallback.ask(pool.submit, bad_or_done, OSError("gone")).result()
        assert (answer.value, answer.stale) == ("done", True)
        with pytest.raises(KeyboardInterrupt):
            ask(KeyboardInterrupt()).result()
    waiting: Future[str] = Future()
    assert fallback.call(lambda: waiting).cancel()
    assert waiting.cancelled()
    waiting = Future()
    following = fallback.call(lambda: waiting)
    waiting.cancel()
    assert wait([following], timeout=60.0).done == {following}
    assert following.cancelled()


def bad_or_done(story: BaseException | None) -> str:
    if story is not None:
        raise story
    return "done"


def test_what_is_entered_is_not_remembered() -> None:
    """What ends with its block would be of no use afterwards; it passes through untouched."""
    store = Shaky()
    fallback = CachedFallback(store, key=lambda *_: "key")
    request = Request(work(None))
    assert drive(entered(fallback.call(lambda: request))) == "done"
    assert request.left
    assert store.kept == {}


@pytest.mark.parametrize("store", [Shaky, AsyncShaky])
def test_a_broken_store_harms_no_call_and_is_logged_once(
    store: type[Shaky], caplog: pytest.LogCaptureFixture
) -> None:
    """Once when trouble begins, not for every call, and again only after it had worked."""
    upstream, shaky = Upstream(), store()
    fallback = CachedFallback(shaky, key="{}".format)

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


def items() -> Any:
    yield 1


async def later_items() -> Any:
    yield 1


class Feed:
    def items(self) -> Any:
        yield 1

    def __call__(self) -> Any:
        yield 1


@pytest.mark.parametrize(
    "func",
    [
        items,
        later_items,
        Feed().items,
        Feed(),
        functools.partial(items),
        CircuitBreaker()(items),
        Bulkhead()(later_items),
        3,
        None,
    ],
)
def test_generators_and_what_cannot_be_called_are_refused(func: Any) -> None:
    """When they are decorated or called: there is no answer to remember."""
    store = Shaky()
    fallback = CachedFallback(store, key=lambda: "key")
    for use in (fallback, fallback.call, fallback.ask):
        with pytest.raises(ParameterError, match="is not allowed; give a function"):
            use(func)
    with pytest.raises(ParameterError, match="is not allowed; give a function"):
        drive(fallback.ask_async(func))
    assert store.kept == {}


async def coroutine() -> str:
    return "later"


@pytest.mark.parametrize(
    "make", [items, later_items, coroutine, lambda: iter("tea"), lambda: map(str, "tea")]
)
def test_what_can_be_used_only_once_is_never_remembered(
    make: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It comes back untouched, the store does not retain it, and one line says why."""
    store, given = Shaky(), []
    fallback = CachedFallback(store, key=lambda *_: "key")

    async def later() -> Any:
        return make()

    calls = [lambda: drive(fallback.call(later))]
    if make is not coroutine:  # a plain function's would be awaited, and remembered
        calls.append(lambda: fallback.call(lambda: make()))
    for call in calls * 2:
        given.append(call())
        assert fallback.call(bad_or_done, None) == "done"
    assert store.kept == {"key": "done"}
    assert not any(one == "done" for one in given)
    for one in given:
        if make is coroutine:
            assert drive(one) == "later"
    assert len(caplog.records) == 1
    assert "can be used only once" in str(caplog.records[0].exc_info)


def test_an_async_store_around_plain_functions_remembers_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No coroutine of the store's comes back as the answer; one line is logged, for good."""
    store = AsyncShaky()
    fallback = CachedFallback(store, key=lambda *_: "key")
    assert fallback.call(bad_or_done, None) == "done"
    gone = OSError("gone")
    for _ in range(2):
        with pytest.raises(OSError, match="gone") as caught:
            fallback(bad_or_done)(gone)
        assert caught.value is gone
        assert asyncio.run(fallback.ask_async(coroutine)) == ("later", False, None)
    assert store.kept == {"key": "later"}
    assert len(caplog.records) == 1
    assert "its methods have to be awaited" in str(caplog.records[0].exc_info)


def test_tasks_of_a_store_are_cancelled_for_a_plain_function() -> None:
    """Whatever it hands out to be awaited is not left behind."""
    made: list[asyncio.Future[Any]] = []

    class Tasks:
        def get(self, key: str) -> Any:
            made.append(asyncio.get_running_loop().create_future())
            return made[-1]

        def put(self, key: str, value: Any, ttl: float) -> Any:
            return self.get(key)

    async def main() -> None:
        fallback = CachedFallback(Tasks(), key=lambda *_: "key")
        assert fallback.call(bad_or_done, None) == "done"
        with pytest.raises(OSError, match="gone"):
            fallback.call(bad_or_done, OSError("gone"))

    asyncio.run(main())
    assert [one.cancelled() for one in made] == [True, True]


@pytest.mark.parametrize("given", [["tea"], 7, None, b"tea"])
def test_a_key_that_is_no_string_is_the_keys_fault(
    given: object, caplog: pytest.LogCaptureFixture
) -> None:
    """It is an error that names `key`, before the function is called, and not the store's."""
    upstream = Upstream()
    fallback = CachedFallback(key=lambda item: given)  # type: ignore[arg-type,return-value]
    with pytest.raises(ParameterError, match=r"key=.* give a function that returns a string"):
        fallback.call(upstream.ask, "tea")
    with pytest.raises(ParameterError, match="for this call it returned"):
        drive(fallback(upstream.later)("tea"))
    assert (upstream.asked, caplog.records) == (0, [])
    with pytest.raises(ParameterError, match="that returns a string"):
        CachedFallback(key=upstream.later)  # type: ignore[arg-type]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize(
    "shared", [Bulkhead(), Bulkhead().acquire(), CachedFallback(), MemoryStore()]
)
def test_shared_state_is_neither_copied_nor_pickled(
    shared: object, copied: Callable[[object], object]
) -> None:
    """A twin would have half of it; the error says what to do instead."""
    with pytest.raises(TypeError, match=f"a {type(shared).__name__} cannot be copied or pickled"):
        copied(shared)
    with pytest.raises(TypeError, match="build one in each process"):
        copied(shared)


def test_the_memory_store_hands_out_the_very_object() -> None:
    """So whoever changes an answer changes what is remembered, as its docstring says."""
    answer = {"tea": 1}
    fallback = CachedFallback(key=lambda *_: "key")
    assert fallback.call(lambda: answer) is answer
    assert fallback.call(bad_or_done, OSError("gone")) is answer
